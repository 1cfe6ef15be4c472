//! The page of a report: everything that was measured, in one file of HTML that stands alone.
//!
//! It begins with what is asked first, how fast and how slow, and with what makes that doubtful; then come the pictures,
//! each with the numbers it was drawn from; then what is needed to measure the same again.

use std::fmt::Display;

use super::draw::{Size, inline};
use super::markup::Markup;
use super::{Picture, style, tables};
use crate::climb::KEPT_UP;
use crate::figures::show::{Count, Elapsed, PerSecond, Share, Span};
use crate::report::{Ended, Report, Step, Words};

/// The page, as the text of a file.
pub fn page(report: &Report) -> String {
    let mut html = Markup::new();
    html.open("html").with("lang", "en");
    head(&mut html, report);
    html.open("body").line();
    html.open("main").line();
    header(&mut html, report);
    key_figures(&mut html, report);
    warnings(&mut html, report);
    if report.is_climb() {
        load(&mut html, report);
    }
    latencies(&mut html, report);
    over_time(&mut html, report);
    counts(&mut html, report);
    circumstances(&mut html, report);
    html.close().line();
    footer(&mut html, report);
    format!("<!DOCTYPE html>\n{}\n", html.finish())
}

fn head(html: &mut Markup, report: &Report) {
    html.open("head").line();
    html.open("meta").with("charset", "utf-8").close();
    html.open("meta").with("name", "viewport");
    html.with("content", "width=device-width, initial-scale=1").close();
    // What a report holds cannot become markup; should it ever, it could still load and run nothing.
    html.open("meta").with("http-equiv", "Content-Security-Policy");
    html.with("content", "default-src 'none'; style-src 'unsafe-inline'").close();
    html.open("meta")
        .with("name", "generator")
        .with("content", format_args!("callbox {}", report.callbox))
        .close();
    html.element("title", format_args!("callbox bench {} {}", report.kind.name(), report.address));
    html.open("style")
        .verbatim(style::COLOURS)
        .verbatim(style::CHART)
        .verbatim(style::PAGE)
        .close();
    html.close().line();
}

fn header(html: &mut Markup, report: &Report) {
    html.open("header").line();
    html.open("p")
        .with("class", "over")
        .text(format_args!("callbox bench {}", report.kind.name()))
        .close();
    html.element("h1", &report.address).line();
    let ended = match report.ended {
        Ended::Complete => "",
        Ended::Interrupted => ", interrupted: what was measured until then",
        Ended::Failed => ", failed: the server refused, or every connection broke",
    };
    let lasted = Elapsed(report.duration());
    html.open("p").with("class", "when");
    html.open("time").with("datetime", &report.began).text(spoken(&report.began)).close();
    html.text(format_args!(", {lasted} measured{ended}")).close().line();
    html.open("pre").with("class", "command").text(tables::command(&report.command)).close();
    html.close().line();
}

/// `2026-11-23T03:40:00Z` as it is read: `2026-11-23 03:40:00 UTC`. What is no such time stays as it is.
fn spoken(time: &str) -> String {
    match time.strip_suffix('Z').and_then(|time| time.split_once('T')) {
        Some((date, time)) if !time.contains(|it: char| it.is_alphabetic()) => {
            format!("{date} {time} UTC")
        }
        _ => time.to_owned(),
    }
}

/// What is asked first.
fn key_figures(html: &mut Markup, report: &Report) {
    let Some(step) = report.main_step() else {
        html.open("p").with("class", "when").text("Nothing was measured.").close().line();
        return;
    };
    html.open("dl").with("class", "key").line();
    let mut put = |name: &str, value: String, beside: String| {
        html.open("div").element("dt", name).open("dd").text(value);
        if !beside.is_empty() {
            html.element("small", beside);
        }
        html.close().close().line();
    };
    if let (true, Some(knee)) = (report.is_climb(), &report.knee) {
        put(
            "knee",
            PerSecond(knee.rate).to_string(),
            "the figures beside are of this step".to_owned(),
        );
    }
    let words = report.kind.words();
    let of_due = |offered| format!("of {} {}", PerSecond(offered * step.fan_out()), words.due);
    put(
        words.replies,
        PerSecond(step.rate()).to_string(),
        step.offered.map_or_else(String::new, of_due),
    );
    for (name, nanos) in step.latency.row() {
        if ["p50", "p99", "p99.9", "max"].contains(&name) {
            let value =
                if step.latency.is_empty() { "–".to_owned() } else { Span(nanos).to_string() };
            put(name, value, String::new());
        }
    }
    let lost = step.counts.lost.total();
    put("lost", Count(lost).to_string(), Share(step.loss()).to_string());
    if step.counts.faults() > 0 {
        put(
            "faults",
            Count(step.counts.faults()).to_string(),
            "wrong, stray, refused, broken".to_owned(),
        );
    }
    html.close().line();
}

/// What makes the figures worth less, before anybody reads them.
fn warnings(html: &mut Markup, report: &Report) {
    let warnings = report.warnings();
    if warnings.is_empty() {
        return;
    }
    html.open("ul").with("class", "warnings").with("aria-label", "Warnings").line();
    for warning in warnings {
        let (problem, advice) = (sentence(&warning.problem()), sentence(warning.advice()));
        html.open("li").element("strong", problem).text(advice).close().line();
    }
    html.close().line();
}

/// What is said within a line, as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

fn load(html: &mut Markup, report: &Report) {
    section(html, "Latency against load");
    match &report.knee {
        Some(knee) => html
            .element("p", format_args!("The knee is at {}: {}.", PerSecond(knee.rate), knee.rule)),
        None => html.element("p", "No knee was found: the server kept up with none of the rates."),
    };
    if !report.steps.iter().all(super::climb::kept_up) {
        let share = KEPT_UP * 100.0;
        let text = format_args!(
            "A hollow mark is a step in which less than {share} % of the offered rate was {}.",
            report.kind.words().answered
        );
        html.element("p", text);
    }
    chart(html, report, Picture::Load);
    tables::steps(html, report);
    html.close().line();
}

fn latencies(html: &mut Markup, report: &Report) {
    section(html, "Latency by percentile");
    let Words { request, reply, replies, .. } = report.kind.words();
    let from = match report.main_step().is_some_and(|step| step.offered.is_some()) {
        true => format!(
            "The latency of a {reply} counts from the time at which its {request} was meant to be sent, so that \
             whatever waits behind a server that stalls is counted with the stall."
        ),
        false => format!(
            "Each {request} was sent when an earlier one had made room for it, so a server that stalls is asked less: \
             what others would have waited meanwhile is not in these figures."
        ),
    };
    html.element(
        "p",
        format_args!(
            "{from} The axis gives the slowest tenth of the {replies} as much room as the rest, the slowest hundredth \
             as much again, and so on."
        ),
    );
    chart(html, report, Picture::Percentiles);
    if let Some(step) = report.main_step() {
        tables::percentiles(html, step);
    }
    html.close().line();
}

fn over_time(html: &mut Markup, report: &Report) {
    section(html, "Latency over time");
    let replies = report.kind.words().replies;
    html.element(
        "p",
        format_args!(
            "Of each interval: half of the {replies} came within the lower line, all but one in a hundred within the \
             upper."
        ),
    );
    chart(html, report, Picture::Latency);
    html.close().line();
    section(html, "Rate over time");
    chart(html, report, Picture::Rate);
    tables::moments(html, report);
    html.close().line();
}

fn counts(html: &mut Markup, report: &Report) {
    if report.steps.is_empty() {
        return;
    }
    section(html, format_args!("What became of the {}", report.kind.words().requests));
    if report.is_climb() {
        html.element("p", "All steps together.");
    }
    tables::counts(html, report);
    html.close().line();
}

fn circumstances(html: &mut Markup, report: &Report) {
    section(html, "Where and how it was measured");
    html.open("div").with("class", "two").line();
    html.open("div").element("h3", "The machine");
    tables::machine(html, report);
    html.close().line();
    html.open("div").element("h3", "The options");
    tables::options(html, report);
    html.close().close().line();
    let has_threads = |step: &&Step| !step.threads.is_empty();
    if let Some(step) = report.main_step().filter(has_threads) {
        tables::threads(html, step);
    }
    if let Some(step) = report.main_step() {
        tables::came_in(html, step);
        tables::server(html, report.kind, step);
    }
    html.close().line();
}

fn footer(html: &mut Markup, report: &Report) {
    html.open("footer");
    html.text(format_args!(
        "Measured with callbox {}, seed {}. Latencies are right to three digits.",
        report.callbox, report.seed
    ));
    html.close().line();
}

fn section(html: &mut Markup, title: impl Display) {
    html.open("section").line();
    html.element("h2", title).line();
}

fn chart(html: &mut Markup, report: &Report, picture: Picture) {
    let chart = picture.chart(report);
    html.append(inline(&chart, Size::Wide)).line();
    html.append(inline(&chart, Size::Narrow)).line();
}
