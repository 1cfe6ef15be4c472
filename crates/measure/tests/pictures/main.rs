//! The pictures of a report, and the page that holds them.
//!
//! Each run leaves the pages and charts of all samples in `target/tmp/pictures`, to be looked at.

mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use callbox_measure::SECOND;
use callbox_measure::figures::Timeline;
use callbox_measure::figures::show::{PerSecond, Span};
use callbox_measure::picture::chart::Layer;
use callbox_measure::picture::{self, Picture, Size, draw, over_time};

#[test]
fn every_sample_becomes_a_page_and_pictures_to_be_looked_at() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::create_dir_all(&folder).unwrap();
    for (name, report) in samples::all() {
        fs::write(folder.join(format!("{name}.html")), picture::page(&report)).unwrap();
        for chart in [Picture::Percentiles, Picture::Latency, Picture::Rate, Picture::Load] {
            let file = folder.join(format!("{name}-{chart:?}.svg").to_lowercase());
            fs::write(file, picture::svg(&report, chart)).unwrap();
        }
    }
}

#[test]
fn the_pictures_numbers_are_the_tables() {
    let report = samples::stall();
    let (page, step) = (picture::page(&report), report.main_step().unwrap());
    let svg = picture::svg(&report, Picture::Percentiles);
    for (name, nanos) in step.latency.row() {
        let number = Span(nanos).to_string();
        assert!(
            page.contains(&format!("<td>{number}</td>")),
            "{name} {number} is not in the table"
        );
        let label = if name == "max" { format!("max {number}") } else { number };
        if name != "min" {
            assert!(
                svg.contains(&format!(">{label}</text>")),
                "{name} {label} is not in the picture"
            );
        }
    }
    for moment in over_time::moments(&report).concat() {
        let rate = PerSecond(moment.rate).to_string();
        assert!(page.contains(&format!("<td>{rate}</td>")), "{rate} is not in the table");
        assert!(page.contains(&format!(": {rate} replies")), "{rate} is not in the picture");
    }
}

#[test]
fn a_curve_passes_through_the_percentiles_of_the_table() {
    for (name, report) in samples::all() {
        let chart = Picture::Percentiles.chart(&report);
        let Some(step) = report.main_step().filter(|_| !report.is_climb()) else { continue };
        for layer in &chart.layers {
            let Layer::Named { at, .. } = layer else { continue };
            let line = chart.layers.iter().rev().find_map(|layer| match layer {
                Layer::Line { points, .. } => Some(points),
                _ => None,
            });
            let points = line.unwrap();
            let after = points.iter().position(|point| point.0 >= at.0).unwrap();
            let low = points[after.saturating_sub(1)].1 * 0.98;
            let high = points[after].1 * 1.02;
            assert!((low..=high).contains(&at.1), "{name}: {at:?} is not between {low} and {high}");
        }
        let last = step.latency.max() as f64;
        assert!(step.latency.is_empty() || chart.up.0.high == last, "{name}: {:?}", chart.up);
    }
}

#[test]
fn what_is_drawn_over_time_adds_up_to_the_replies() {
    for (name, report) in samples::all() {
        let moments = over_time::moments(&report).concat();
        let drawn: f64 =
            moments.iter().map(|it| it.rate * (it.to - it.from) as f64 / SECOND as f64).sum();
        let counted: u64 = report.steps.iter().map(|step| step.counts.replies).sum();
        assert!((drawn - counted as f64).abs() < 0.5, "{name}: {drawn} of {counted}");
        assert!(moments.len() <= 400, "{name}");
        assert!(moments.windows(2).all(|pair| pair[0].to <= pair[1].from), "{name}");
    }
}

#[test]
fn a_page_needs_nothing_but_itself_and_runs_nothing() {
    for (name, report) in samples::all() {
        let page = picture::page(&report);
        for foreign in [
            "<script",
            "<link",
            "<img",
            "<iframe",
            "href=",
            "src=",
            "@import",
            "url(",
            "javascript:",
        ] {
            assert!(!page.contains(foreign), "{name}: {foreign}");
        }
        let on_own_name = page.matches("http").count() == page.matches("http-equiv").count();
        assert!(on_own_name, "{name}: an address of another place");
    }
}

#[test]
fn what_a_report_holds_cannot_become_markup() {
    let page = picture::page(&samples::hostile());
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;"));
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn a_picture_of_its_own_says_what_was_measured_and_suits_light_and_dark() {
    let svg = picture::svg(&samples::stall(), Picture::Percentiles);
    assert!(svg.contains(">udp 127.0.0.1:3000, 10 s, open loop at 10,000/s</text>"));
    assert!(svg.contains("(prefers-color-scheme: dark)") && svg.contains("class=\"ground\""));
    let svg = picture::svg(&samples::hostile(), Picture::Percentiles);
    assert!(svg.contains(">udp [::1]:3000&lt;script&gt;alert("), "{svg}");
    assert!(!svg.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn every_drawing_is_told_in_words_and_no_two_things_have_one_id() {
    for (name, report) in samples::all() {
        let page = picture::page(&report);
        let ids: Vec<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        let drawings = page.matches("<svg ").count();
        assert!(drawings >= 6, "{name}");
        assert_eq!(page.matches("role=\"img\" aria-labelledby=").count(), drawings, "{name}");
        assert_eq!(page.matches("<desc ").count(), drawings, "{name}");
        assert!(!page.contains("NaN") && !page.contains("inf "), "{name}");
    }
}

#[test]
fn drawings_stay_within_their_paper() {
    for (name, report) in samples::all() {
        for chart in [Picture::Percentiles, Picture::Latency, Picture::Rate, Picture::Load] {
            let svg = picture::svg(&report, chart);
            for attribute in [" x=\"", " x1=\"", " x2=\"", " cx=\""] {
                for rest in svg.split(attribute).skip(1) {
                    let number: f64 = rest.split('"').next().unwrap().parse().unwrap();
                    assert!(
                        (0.0..=880.0).contains(&number),
                        "{name} {chart:?}:{attribute}{number}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_label_covers_another() {
    for (name, report) in samples::all() {
        for picture in [Picture::Percentiles, Picture::Latency, Picture::Rate, Picture::Load] {
            for size in [Size::Wide, Size::Narrow] {
                let svg = draw::inline(&picture.chart(&report), size).finish();
                let labels = labels(svg.split("<g class=\"readings\">").next().unwrap());
                for (index, one) in labels.iter().enumerate() {
                    for other in &labels[index + 1..] {
                        let apart = one.right <= other.left
                            || other.right <= one.left
                            || (one.line - other.line).abs() >= 12.0;
                        assert!(apart, "{name} {picture:?} {size:?}: {one:?} {other:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_step_that_fell_behind_is_hollow_and_the_knee_stands_where_it_was_found() {
    let report = samples::climb(12);
    let chart = Picture::Load.chart(&report);
    let behind =
        report.steps.iter().filter(|step| step.rate() < 0.98 * step.offered.unwrap()).count();
    assert!(behind > 0);
    let mut lines = 0;
    for layer in &chart.layers {
        match layer {
            Layer::Line { points, dots: Some(dots), .. } => {
                lines += 1;
                assert_eq!(points.len(), 12);
                assert_eq!(dots.hollow.iter().filter(|hollow| **hollow).count(), behind);
            }
            Layer::Upright { at, .. } => assert_eq!(*at, report.knee.as_ref().unwrap().rate),
            _ => {}
        }
    }
    assert_eq!(lines, 3);
    let hollow = picture::svg(&report, Picture::Load).matches("dot hollow").count();
    assert_eq!(hollow, 3 * behind);
}

#[test]
fn a_climb_tells_of_each_step_how_late_it_was_sent_and_how_long_connecting_took() {
    let heads = |report| {
        let page = picture::page(report);
        let heads = page.split("<th scope=\"col\">").skip(1);
        heads.map(|rest| rest.split('<').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (climb, chat) = (samples::climb(3), samples::chat_climb());
    let common = ["p50", "p90", "p99", "p99.9", "max", "lost", "sent late by, p50"];
    assert_eq!(heads(&climb)[..9], [&["offered", "answered"], &common[..]].concat());
    assert_eq!(heads(&climb)[9], "percentile");
    let more = [&["offered", "delivered"], &common[..], &["connecting, p99"]].concat();
    assert_eq!(heads(&chat)[..10], more);
    let page = picture::page(&chat);
    for step in &chat.steps {
        let slip = Span(step.slip.as_ref().unwrap().percentile(50.0)).to_string();
        let connecting = Span(step.connect_time.as_ref().unwrap().percentile(99.0)).to_string();
        assert!(page.contains(&format!("<td>{slip}</td><td>{connecting}</td></tr>")), "{slip}");
    }
}

#[test]
fn of_a_chat_a_page_tells_lines_and_their_deliveries() {
    for report in [samples::chat(), samples::chat_climb()] {
        let page = picture::page(&report);
        for said in
            ["percentile of the deliveries", " deliveries</text>", "lost: undelivered", ">due<"]
        {
            assert!(page.contains(said), "{said}");
        }
        let told = page.split(['<', '>', ' ', '.', ',', '/']).map(str::to_lowercase);
        for word in ["request", "requests", "reply", "replies", "answered", "unanswered"] {
            assert!(told.clone().all(|said| said != word), "{word}");
        }
    }
    let (plain, climb) = (samples::chat(), samples::chat_climb());
    assert!(picture::page(&plain).contains(">490/s<small>of 490/s due</small>"));
    // What is offered and what is delivered are both counted in lines.
    assert!(picture::svg(&climb, Picture::Load).contains("lines offered a second"));
    let page = picture::page(&climb);
    assert!(page.contains("1,000/s offered, 796/s delivered: "), "{page}");
    assert_eq!(page.matches(">behind<").count(), 1);
    // The line of what was due runs with that of what came of it.
    let rate = Picture::Rate.chart(&plain);
    let highest = |wanted: &str| {
        rate.layers.iter().find_map(|layer| match layer {
            Layer::Line { label, points, .. } if label == wanted => {
                Some(points.iter().map(|point| point.1).fold(0.0, f64::max))
            }
            _ => None,
        })
    };
    assert_eq!(highest("due"), Some(490.0));
}

#[test]
fn a_run_that_was_cut_short_is_not_drawn_as_slow_at_its_end() {
    let mut report = samples::closed();
    let step = &mut report.steps[0];
    step.timeline = Timeline::new(0, 10 * SECOND);
    step.duration = 1_010_000_000;
    (0..1010).for_each(|tick| step.timeline.record(tick * 1_000_000, 1000));
    step.timeline.close(step.duration);
    for moment in over_time::moments(&report).concat() {
        assert!((moment.rate - 1000.0).abs() < 1e-6, "{moment:?}");
    }
}

/// A text on a chart: the line that it stands on, and about where it begins and ends.
#[derive(Debug)]
#[allow(dead_code)]
struct Label {
    text: String,
    line: f64,
    left: f64,
    right: f64,
}

fn labels(svg: &str) -> Vec<Label> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
        Some(value.to_owned())
    };
    let label = |rest: &str| {
        let (tag, rest) = rest.split_once('>').unwrap();
        let text = rest.split('<').next().unwrap().to_owned();
        let number = |name| attribute(tag, name).unwrap().parse::<f64>().unwrap();
        let classes = attribute(tag, "class").unwrap_or_default();
        let (x, width) = (number("x"), text.chars().count() as f64 * 6.6);
        let left = match () {
            () if classes.contains("end") => x - width,
            () if classes.contains("middle") || classes.contains("empty") => x - width / 2.0,
            () => x,
        };
        Label { text, line: number("y"), left, right: left + width }
    };
    svg.split("<text").skip(1).map(label).collect()
}

#[test]
fn warnings_stand_before_the_figures_with_what_to_do() {
    let mut report = samples::closed();
    assert!(!picture::page(&report).contains("<ul class=\"warnings\""));
    let thread = &mut report.steps[0].threads[0];
    (thread.name, thread.user) = ("<b>".into(), thread.elapsed);
    let page = picture::page(&report);
    let warning = report.warnings().remove(0);
    assert!(page.contains("<strong>Thread &lt;b&gt; of the generator was busy"), "{warning:?}");
    let advice = page.find("Use more threads").unwrap();
    assert!(advice < page.find("<section>").unwrap());
}
