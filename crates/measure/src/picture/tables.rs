//! The numbers of a page as tables, beside the pictures that were drawn from them.

use super::climb;
use super::markup::Markup;
use super::over_time::{self, Moment};
use crate::Nanos;
use crate::figures::show::{Bytes, Count, Elapsed, PerSecond, Share, Span};
use crate::figures::{Latencies, PERCENTILES};
use crate::report::{Counts, Kind, Outcome, Report, Sort, Step};

/// A table whose first column names the row.
fn table(html: &mut Markup, class: &str, heads: &[&str], rows: impl FnOnce(&mut Markup)) {
    // What scrolls can be reached with the keyboard as well.
    html.open("div").with("class", "scroll").with("tabindex", 0).with("role", "group");
    html.with("aria-label", heads.join(", "));
    html.open("table");
    if !class.is_empty() {
        html.with("class", class);
    }
    html.line();
    html.open("thead").open("tr");
    for head in heads {
        html.open("th").with("scope", "col").text(head).close();
    }
    html.close().close().line();
    html.open("tbody").line();
    rows(html);
    html.close().close().close().line();
}

fn row(html: &mut Markup, class: &str, name: &str, cells: &[String]) {
    html.open("tr");
    if !class.is_empty() {
        html.with("class", class);
    }
    html.open("th").with("scope", "row").text(name).close();
    for cell in cells {
        html.element("td", cell);
    }
    html.close().line();
}

/// The percentiles of a step: those of the latency, and beside them of whatever else was timed.
pub(super) fn percentiles(html: &mut Markup, step: &Step) {
    let mut columns: Vec<(&str, &Latencies)> = vec![("latency", &step.latency)];
    let others = [
        ("from sending", &step.latency_from_sent),
        ("sent late by", &step.slip),
        ("connecting", &step.connect_time),
    ];
    for (name, latencies) in others {
        columns.extend(latencies.as_ref().filter(|it| !it.is_empty()).map(|it| (name, it)));
    }
    let mut heads = vec!["percentile"];
    heads.extend(columns.iter().map(|(name, _)| *name));
    heads.push("samples above");
    table(html, "fit", &heads, |html| {
        let names = step.latency.row().map(|(name, _)| name);
        for (index, name) in names.into_iter().enumerate() {
            let cell =
                |(_, latencies): &(&str, &Latencies)| span(latencies, latencies.row()[index].1);
            let mut cells: Vec<String> = columns.iter().map(cell).collect();
            let percentile = PERCENTILES.into_iter().find(|percentile| percentile.name == name);
            let above =
                percentile.map(|it| Count(step.latency.samples_above(it.of_hundred)).to_string());
            cells.push(above.unwrap_or_default());
            row(html, "", name, &cells);
        }
    });
}

/// What else was timed in a step.
type Timed = fn(&Step) -> Option<&Latencies>;

/// A climb, a row for each step.
pub(super) fn steps(html: &mut Markup, report: &Report) {
    let percentiles = ["p50", "p90", "p99", "p99.9", "max"];
    let mut heads = vec!["offered", report.kind.words().answered];
    heads.extend(percentiles);
    heads.push("lost");
    // Half of the requests may be late by no more than this; of connections the slow ones are what matters.
    let others: [(_, Timed, _); 2] = [
        ("sent late by, p50", |step| step.slip.as_ref(), 50.0),
        ("connecting, p99", |step| step.connect_time.as_ref(), 99.0),
    ];
    let is_timed =
        |of: Timed| report.steps.iter().filter_map(of).any(|latencies| !latencies.is_empty());
    let others: Vec<_> = others.into_iter().filter(|(_, of, _)| is_timed(*of)).collect();
    heads.extend(others.iter().map(|(name, ..)| *name));
    table(html, "", &heads, |html| {
        for (index, step) in report.steps.iter().enumerate() {
            let is_knee = report.knee.as_ref().is_some_and(|knee| knee.step == index);
            html.open("tr");
            if is_knee {
                html.with("class", "main");
            }
            html.open("th").with("scope", "row").text(PerSecond(climb::load(step)));
            if is_knee {
                html.open("span").with("class", "tag knee").text("knee").close();
            }
            if !climb::kept_up(step) {
                html.open("span").with("class", "tag").text("behind").close();
            }
            html.close();
            html.element("td", PerSecond(step.answered_rate()));
            for (_, nanos) in
                step.latency.row().iter().filter(|(name, _)| percentiles.contains(name))
            {
                html.element("td", span(&step.latency, *nanos));
            }
            html.element("td", Share(step.loss()));
            for (_, of, of_hundred) in &others {
                let none = || "–".to_owned();
                let time = of(step).map_or_else(none, |it| span(it, it.percentile(*of_hundred)));
                html.element("td", time);
            }
            html.close().line();
        }
    });
}

/// One of these times, or a dash where there is none.
fn span(of: &Latencies, nanos: Nanos) -> String {
    if of.is_empty() { "–".to_owned() } else { Span(nanos).to_string() }
}

/// The run over time, folded away: the pictures show it better, but not to everybody.
pub(super) fn moments(html: &mut Markup, report: &Report) {
    let moments: Vec<Moment> = over_time::moments(report).concat();
    if moments.is_empty() {
        return;
    }
    html.open("details");
    html.element(
        "summary",
        format_args!("The numbers of both pictures, {} intervals", moments.len()),
    );
    table(
        html,
        "",
        &["from", report.kind.words().replies, "p50", "p99", "max", "errors"],
        |html| {
            for moment in &moments {
                let latency = |index: usize| {
                    moment
                        .latency
                        .map_or_else(|| "–".to_owned(), |latency| Span(latency[index]).to_string())
                };
                let errors = Count(moment.errors).to_string();
                let cells = [
                    PerSecond(moment.rate).to_string(),
                    latency(0),
                    latency(1),
                    latency(2),
                    errors,
                ];
                row(html, "", &Elapsed(moment.from).to_string(), &cells);
            }
        },
    );
    html.close().line();
}

/// What became of the requests, in all steps.
pub(super) fn counts(html: &mut Markup, report: &Report) {
    let mut counts = Counts::default();
    report.steps.iter().for_each(|step| counts.add(&step.counts));
    let share = |count: u64| match counts.expected {
        0 => "–".to_owned(),
        expected => Share(count as f64 / expected as f64).to_string(),
    };
    table(html, "counts told", &["outcome", "number", "of expected", "meaning"], |html| {
        for Outcome { name, count, meaning, sort } in counts.outcomes(report.kind) {
            let class = match sort {
                Sort::Right => "main",
                _ if count == 0 => "none",
                Sort::Lost | Sort::Wrong => "bad",
                Sort::Odd => "",
            };
            html.open("tr");
            if !class.is_empty() {
                html.with("class", class);
            }
            let lost = if sort == Sort::Lost { "lost: " } else { "" };
            html.open("th").with("scope", "row").text(format_args!("{lost}{name}")).close();
            html.element("td", Count(count)).element("td", share(count));
            html.open("td").with("class", "note").text(meaning).close();
            html.close().line();
        }
    });
    let words = report.kind.words();
    let sent = [words.request, words.requests][usize::from(counts.requests != 1)];
    html.open("p").text(format_args!("{} {sent}; ", Count(counts.requests)));
    if counts.expected != counts.requests {
        html.text(format_args!("{} {} expected; ", Count(counts.expected), words.replies));
    }
    let unchecked = report.steps.iter().map(|step| step.throughput().unchecked);
    let unchecked = unchecked.fold(0, u64::saturating_add);
    if unchecked > 0 {
        html.text(format_args!("{} more came to those who only count; ", Count(unchecked)));
    }
    html.text(format_args!(
        "{} sent and {} received, without headers.",
        Bytes(counts.bytes_sent as f64),
        Bytes(counts.bytes_received as f64)
    ));
    html.close();
}

pub(super) fn machine(html: &mut Markup, report: &Report) {
    let machine = &report.machine;
    let known = |value: &Option<String>| value.clone().unwrap_or_default();
    let clock = match &machine.clock.source {
        Some(source) => format!("{source}, {} fine", Span(machine.clock.resolution)),
        None => format!("{} fine", Span(machine.clock.resolution)),
    };
    facts(
        html,
        [
            ("processor", known(&machine.processor)),
            ("cores", machine.cores.to_string()),
            ("governor", known(&machine.governor)),
            (
                "memory",
                machine.memory.map(|memory| Bytes(memory as f64).to_string()).unwrap_or_default(),
            ),
            ("system", format!("{} {}", machine.os, known(&machine.kernel))),
            ("architecture", machine.architecture.clone()),
            ("virtualised", known(&machine.virtualised)),
            ("clock", clock),
        ],
    );
}

pub(super) fn options(html: &mut Markup, report: &Report) {
    let mut options: Vec<(&str, String)> =
        report.options.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    if !report.options.contains_key("seed") {
        options.push(("seed", report.seed.to_string()));
    }
    // What the kernel made of an option is worth as much as the option.
    if let Some(buffers) = report.main_step().and_then(|step| step.buffers) {
        let [asked, send, receive] =
            [buffers.asked, buffers.send, buffers.receive].map(|size| Bytes(size as f64));
        let given = format!("asked {asked}; got {send} to send, {receive} to receive");
        options.push(("sockets' buffers", given));
    }
    facts(html, options);
}

/// Names and what is known of them; what is not known is left out.
fn facts<'a>(html: &mut Markup, facts: impl IntoIterator<Item = (&'a str, String)>) {
    html.open("dl").with("class", "facts").line();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
        html.element("dt", name).element("dd", value).line();
    }
    html.close().line();
}

/// What the generator itself used.
pub(super) fn threads(html: &mut Markup, step: &Step) {
    table(
        html,
        "told",
        &["generator's thread", "processor", "its own code", "kernel", "remark"],
        |html| {
            for thread in &step.threads {
                html.open("tr").open("th").with("scope", "row").text(&thread.name).close();
                html.element("td", Share(thread.share()));
                html.element("td", Elapsed(thread.user)).element("td", Elapsed(thread.system));
                let note = if thread.spins { "looks for replies all the time" } else { "" };
                html.open("td").with("class", "note").text(note).close();
                html.close().line();
            }
        },
    );
}

/// How long a crowd took to come in.
pub(super) fn came_in(html: &mut Markup, step: &Step) {
    let Some(came_in) = step.came_in else { return };
    html.open("p").text(format_args!(
        "All clients were in their channels, and had heard of one another, after {}.",
        Elapsed(came_in)
    ));
    html.close().line();
}

/// What the server used, where that is known.
pub(super) fn server(html: &mut Markup, kind: Kind, step: &Step) {
    let (Some(server), Some(each)) = (&step.server, step.processor_each()) else { return };
    let (used, each) = (Elapsed(server.processor), Span(each));
    html.open("p").text(format_args!(
        "The server used {used} of a processor, {each} for each {}, and held {} of memory at the end.",
        kind.words().reply,
        Bytes(server.memory as f64)
    ));
    html.close().line();
}

/// The command as it may be typed again: words that a shell would take apart are quoted.
pub(super) fn command(words: &[String]) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || "-_./:=,@%+".contains(character);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
