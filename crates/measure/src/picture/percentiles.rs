//! Latency by percentile: how long the fastest, the middle and the slowest of all requests took.
//!
//! The horizontal axis counts nines: from p90 to p99 is as far as from p99 to p99.9, so the few slow requests have as much
//! room as the many fast ones.

use super::axis::{Axis, Range, Unit};
use super::chart::{Chart, Layer, Point, Reading, Tone};
use crate::figures::show::{PerSecond, Span};
use crate::figures::{Latencies, PERCENTILES};
use crate::report::{ENOUGH_SAMPLES, Report, Step, Words};

/// As many points as a curve has at most: about one a pixel.
const FINEST: f64 = 700.0;
/// A second curve is drawn if it differs by more than this factor somewhere.
const DIFFERENT: f64 = 1.1;

/// The chart of a report: of a run one curve; of a climb those of its first step, its main step and its last.
pub fn chart(report: &Report) -> Chart {
    let (curves, words) = (curves(report), report.kind.words());
    let main = report.main_step().map(|step| &step.latency);
    let samples = curves.iter().map(|curve| curve.latencies.count()).max().unwrap_or(0);
    let across = Range::quantiles(samples);
    let values = curves.iter().flat_map(|curve| [curve.latencies.min(), curve.latencies.max()]);
    let up = Range::of(Unit::Time, values.map(|nanos| nanos as f64));
    let mut layers = Vec::new();
    let main_count = main.map_or(0, Latencies::count);
    if main_count > 0 {
        let from = 1.0 - ENOUGH_SAMPLES as f64 / main_count.max(ENOUGH_SAMPLES) as f64;
        layers.push(Layer::Shade {
            from,
            to: 1.0,
            label: format!("fewer than {ENOUGH_SAMPLES} samples"),
        });
    }
    for curve in &curves {
        let points = points(curve.latencies, &Axis::new(across, 2));
        let (tone, label) = (curve.tone, curve.name.clone());
        layers.push(Layer::Line { points, tone, label, dots: None });
    }
    let named = curves.iter().find(|curve| curve.is_main);
    layers.extend(named.into_iter().flat_map(|curve| named_points(curve, across)));
    Chart {
        id: "percentiles",
        title: "Latency by percentile".to_owned(),
        description: description(&curves, words),
        across: (across, format!("percentile of the {}", words.replies)),
        up: (up, "latency"),
        layers,
        readings: main.map(|latencies| readings(latencies, across)).unwrap_or_default(),
        empty: (samples == 0).then(|| format!("no {} was counted", words.reply)),
    }
}

struct Curve<'a> {
    latencies: &'a Latencies,
    /// What is written at its end: nothing where there is only one.
    name: String,
    tone: Tone,
    is_main: bool,
}

fn curves(report: &Report) -> Vec<Curve<'_>> {
    let Some(main) = report.main_step() else { return Vec::new() };
    if report.is_climb() {
        let ends = report.steps.first().into_iter().chain(report.steps.last());
        let mut steps: Vec<&Step> =
            ends.chain([main]).filter(|step| !step.latency.is_empty()).collect();
        let rate = |step: &Step| step.offered.unwrap_or_else(|| step.rate());
        steps.sort_by(|a, b| rate(a).total_cmp(&rate(b)));
        steps.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let toned = steps.into_iter().zip(Tone::SERIES).map(|(step, tone)| Curve {
            latencies: &step.latency,
            name: PerSecond(rate(step)).to_string(),
            tone,
            is_main: std::ptr::eq(step, main),
        });
        return toned.collect();
    }
    let mut curves = Vec::new();
    let mut name = String::new();
    if let Some(sent) = main.latency_from_sent.as_ref().filter(|sent| differ(sent, &main.latency)) {
        curves.push(Curve {
            latencies: sent,
            name: "sent".into(),
            tone: Tone::Second,
            is_main: false,
        });
        // In a closed loop they count from connecting; the table, which has the time for that as well, calls them this.
        name = if main.offered.is_some() { "intended" } else { "latency" }.into();
    }
    curves.push(Curve { latencies: &main.latency, name, tone: Tone::First, is_main: true });
    curves
}

/// Whether two curves are worth two lines.
fn differ(one: &Latencies, other: &Latencies) -> bool {
    let ratio = |(a, b): ((_, u64), (_, u64))| a.1.max(1) as f64 / b.1.max(1) as f64;
    let mut ratios = one.row().into_iter().zip(other.row()).map(ratio);
    !one.is_empty() && ratios.any(|ratio| !(1.0 / DIFFERENT..=DIFFERENT).contains(&ratio))
}

/// The curve as the steps that it is, as fine as can be seen.
fn points(latencies: &Latencies, across: &Axis) -> Vec<Point> {
    let total = latencies.count() as f64;
    let mut points: Vec<Point> = Vec::new();
    let (mut before, mut drawn) = (0, f64::NEG_INFINITY);
    for (nanos, count) in latencies.buckets() {
        let after = u64::saturating_add(before, count);
        let (from, to) = (before as f64 / total, after as f64 / total);
        before = after;
        let (start, end) = (across.place(from), across.place(to));
        if end - drawn < 1.0 / FINEST {
            continue;
        }
        let is_step = end - start >= 2.0 / FINEST;
        if is_step || start - drawn >= 0.5 / FINEST || points.is_empty() {
            points.push((from, nanos as f64));
        }
        points.push((to, nanos as f64));
        drawn = end;
    }
    points
}

/// The percentiles of the table, where there are samples enough to reach them, and the longest latency.
fn named_points(curve: &Curve<'_>, across: Range) -> Vec<Layer> {
    let latencies = curve.latencies;
    if latencies.is_empty() {
        return Vec::new();
    }
    let reached = PERCENTILES
        .into_iter()
        .filter(|percentile| latencies.samples_above(percentile.of_hundred) > 0);
    let mut named: Vec<Layer> = reached
        .map(|percentile| {
            let nanos = latencies.percentile(percentile.of_hundred);
            let at = (percentile.of_hundred / 100.0, nanos as f64);
            Layer::Named { at, label: Span(nanos).to_string(), tone: curve.tone }
        })
        .collect();
    let longest = latencies.max();
    let at = (across.high, longest as f64);
    named.push(Layer::Named { at, label: format!("max {}", Span(longest)), tone: curve.tone });
    named
}

/// What is told along the curve: the latency of about a hundred percentiles.
fn readings(latencies: &Latencies, across: Range) -> Vec<Reading> {
    const PLACES: usize = 120;
    if latencies.is_empty() {
        return Vec::new();
    }
    let decades = -(1.0 - across.high).log10();
    let quantile = |place: f64| 1.0 - 10_f64.powf(-decades * place);
    (0..PLACES)
        .map(|index| {
            let over = (index as f64 / PLACES as f64, (index + 1) as f64 / PLACES as f64);
            let at = quantile((over.0 + over.1) / 2.0);
            // As many digits as tell this percentile from its neighbours.
            let digits = (1.0 - (1.0 - at).log10().floor()).clamp(1.0, 17.0) as usize - 1;
            let percent = format!("{:.digits$}", at * 100.0);
            let nanos = latencies.percentile(percent.parse().unwrap_or(at * 100.0));
            let text = format!("{percent} % within {}", Span(nanos));
            Reading { over: (quantile(over.0), quantile(over.1)), at, text }
        })
        .collect()
}

fn description(curves: &[Curve<'_>], Words { reply, .. }: Words) -> String {
    let Some(main) =
        curves.iter().find(|curve| curve.is_main).filter(|main| !main.latencies.is_empty())
    else {
        return format!("No {reply} was counted.");
    };
    let row = main.latencies.row().map(|(name, nanos)| format!("{name} {}", Span(nanos)));
    let mut text =
        format!("A curve that rises from the fastest {reply} to the slowest: {}.", row.join(", "));
    for curve in curves.iter().filter(|curve| !curve.is_main && !curve.latencies.is_empty()) {
        let row = curve.latencies.row().map(|(name, nanos)| format!("{name} {}", Span(nanos)));
        text.push_str(&format!(" Beside it, {}: {}.", curve.name, row.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn only_an_open_loop_has_a_curve_from_the_intended_times() {
        let mut report = sample::report(1000);
        let mut sent = Latencies::new();
        sent.record(1);
        report.steps[0].latency_from_sent = Some(sent);
        let names = |report: &Report| -> Vec<String> {
            curves(report).into_iter().map(|it| it.name).collect()
        };
        assert_eq!(names(&report), ["sent", "latency"]);
        report.steps[0].offered = Some(1000.0);
        assert_eq!(names(&report), ["sent", "intended"]);
    }
}
