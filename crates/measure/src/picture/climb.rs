//! Latency against load: how latency grows with the rate that is asked for, and where the server no longer keeps up.

use super::axis::{Range, Unit};
use super::chart::{Chart, Dots, Layer, Reading, Shape, Tone};
use crate::climb::KEPT_UP;
use crate::figures::show::{PerSecond, Span};
use crate::report::{Report, Step, Words};

/// The percentiles that are drawn, lowest first.
const DRAWN: [(&str, f64, Shape); 3] =
    [("p50", 50.0, Shape::Circle), ("p90", 90.0, Shape::Square), ("p99", 99.0, Shape::Triangle)];

/// The chart of a climb. It may be asked of any report; of a plain run it has one point a line.
pub fn chart(report: &Report) -> Chart {
    let words = report.kind.words();
    let mut steps: Vec<&Step> = report.steps.iter().collect();
    steps.sort_by(|a, b| load(a).total_cmp(&load(b)));
    let hollow: Vec<bool> = steps.iter().map(|step| !kept_up(step)).collect();
    let mut lines: Vec<Layer> = DRAWN
        .into_iter()
        .zip(Tone::SERIES)
        .map(|((name, of_hundred, shape), tone)| {
            let points = steps.iter().map(|step| (load(step), latency(step, of_hundred))).collect();
            let dots = Some(Dots { shape, hollow: hollow.clone() });
            Layer::Line { points, tone, label: name.into(), dots }
        })
        .collect();
    // The lowest percentile is what most see, so it is drawn over the others.
    lines.reverse();
    let values =
        steps.iter().flat_map(|step| DRAWN.map(|(_, of_hundred, _)| latency(step, of_hundred)));
    let up = Range::of(Unit::Time, values);
    let across = Range::of(Unit::Rate, steps.iter().map(|step| load(step)));
    let mut layers = Vec::new();
    if let Some(knee) = &report.knee {
        let label = format!("knee {}", PerSecond(knee.rate));
        layers.push(Layer::Shade { from: knee.rate, to: f64::INFINITY, label: String::new() });
        layers.push(Layer::Upright { at: knee.rate, label, tone: Tone::Fourth });
    }
    layers.extend(lines);
    Chart {
        id: "load",
        title: "Latency against load".to_owned(),
        description: description(report, &steps),
        across: (across, format!("{} offered a second", words.requests)),
        up: (up, "latency"),
        layers,
        readings: readings(&steps, across.high, words),
        empty: (up.high == 0.0).then(|| format!("no {} was counted", words.reply)),
    }
}

/// The rate that a step put on the server: what was offered, or in a closed loop what came of it.
pub fn load(step: &Step) -> f64 {
    step.offered.unwrap_or_else(|| step.request_rate())
}

/// Whether the server answered what was offered, or nearly so. A step in which it did not is drawn hollow.
pub fn kept_up(step: &Step) -> bool {
    step.offered.is_none_or(|offered| step.answered_rate() >= KEPT_UP * offered)
}

/// A percentile of a step, which is no number where no reply came.
fn latency(step: &Step, of_hundred: f64) -> f64 {
    if step.latency.is_empty() { f64::NAN } else { step.latency.percentile(of_hundred) as f64 }
}

fn readings(steps: &[&Step], high: f64, words: Words) -> Vec<Reading> {
    let loads: Vec<f64> = steps.iter().map(|step| load(step)).collect();
    let between = |a: f64, b: f64| (a * b).max(0.0).sqrt();
    let reading = |(index, step): (usize, &&Step)| {
        let from = if index == 0 { 0.0 } else { between(loads[index - 1], loads[index]) };
        let to = loads.get(index + 1).map_or(high * 10.0, |next| between(loads[index], *next));
        let row = DRAWN.map(|(name, of_hundred, _)| {
            format!("{name} {}", Span(step.latency.percentile(of_hundred)))
        });
        let text = match step.latency.is_empty() {
            true => format!("{}: no {}", PerSecond(load(step)), words.reply),
            false => {
                let (offered, answered) = (PerSecond(load(step)), PerSecond(step.answered_rate()));
                format!("{offered} offered, {answered} {}: {}", words.answered, row.join(", "))
            }
        };
        Reading { over: (from, to), at: loads[index], text }
    };
    steps.iter().enumerate().map(reading).collect()
}

fn description(report: &Report, steps: &[&Step]) -> String {
    let told = |step: &&Step| {
        format!("{}: p99 {}", PerSecond(load(step)), Span(step.latency.percentile(99.0)))
    };
    let ends = match steps {
        [] => "No step was measured.".to_owned(),
        [only] => format!("One step, {}.", told(only)),
        [first, .., last] => {
            format!("Latency in {} steps, from {} to {}.", steps.len(), told(first), told(last))
        }
    };
    match &report.knee {
        Some(knee) => format!("{ends} The knee is at {}: {}.", PerSecond(knee.rate), knee.rule),
        None => format!("{ends} No knee was found."),
    }
}
