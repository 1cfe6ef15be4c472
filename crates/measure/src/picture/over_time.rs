//! Latency and rate over time: whether the run was even, and where it was not.

use super::axis::{Range, Unit};
use super::chart::{Chart, Layer, Point, Reading, Tone};
use crate::figures::show::{Count, Elapsed, PerSecond, Span};
use crate::figures::{Interval, Timeline};
use crate::report::{Report, Step};
use crate::{Nanos, SECOND};

/// As many intervals as are drawn at most: two pixels each.
const MOST: usize = 400;

/// One interval of a run as it is drawn, and as the table beside the charts has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// When it began, since measuring began.
    pub from: Nanos,
    /// When it ended.
    pub to: Nanos,
    /// How many replies a second came.
    pub rate: f64,
    /// How many errors were noticed.
    pub errors: u64,
    /// Latencies: p50, p99 and the longest; none where no reply came.
    pub latency: Option<[Nanos; 3]>,
}

/// The run as a row of intervals, step by step: at most as many as a picture has room for.
pub fn moments(report: &Report) -> Vec<Vec<Moment>> {
    let most = (MOST / report.steps.len().max(1)).max(1);
    let began = report.steps.first().map_or(0, |step| step.timeline.begin());
    let mut steps = Vec::with_capacity(report.steps.len());
    let mut free_from = 0;
    for step in &report.steps {
        // Steps follow each other, whatever a foreign file may say.
        let begin = step.timeline.begin().saturating_sub(began).max(free_from);
        let moments = moments_of(step, begin, most);
        free_from = moments.last().map_or(begin, |last| last.to);
        steps.push(moments);
    }
    steps
}

/// The chart of latencies: half of the replies below the first line, all but one in a hundred below the second.
pub fn latency(report: &Report) -> Chart {
    let (steps, words) = (moments(report), report.kind.words());
    let all = || steps.iter().flatten();
    let line =
        |which: usize| joined(&steps, |moment| moment.latency.map(|latency| latency[which] as f64));
    let (p50, p99, max) = (line(0), line(1), line(2));
    let up = Range::of(Unit::Time, [&p50, &p99, &max].into_iter().flatten().map(|point| point.1));
    let area = p50.iter().zip(&p99).map(|(low, high)| (low.0, low.1, high.1)).collect();
    let mut layers = boundaries(&steps);
    layers.extend([
        Layer::Area { points: area, tone: Tone::First },
        Layer::Scatter { points: max, tone: Tone::Quiet, label: "max".into() },
        Layer::Line { points: p99, tone: Tone::Second, label: "p99".into(), dots: None },
        Layer::Line { points: p50, tone: Tone::First, label: "p50".into(), dots: None },
    ]);
    let latencies = all().filter_map(|moment| moment.latency);
    let longest = latencies.clone().map(|latency| latency[2]).max();
    let description = match (latencies.clone().map(|latency| latency[0]).min(), longest) {
        (Some(least), Some(longest)) => {
            let most = latencies.map(|latency| latency[0]).max().unwrap_or(least);
            format!(
                "Latency over {}: the p50 of an interval lies between {} and {}; the longest latency is {}.",
                Elapsed(end(&steps)),
                Span(least),
                Span(most),
                Span(longest)
            )
        }
        _ => format!("No {} was counted.", words.reply),
    };
    Chart {
        id: "latency",
        title: "Latency over time".to_owned(),
        description,
        across: (time_axis(&steps), "time since counting began".to_owned()),
        up: (up, "latency"),
        readings: readings(&steps, |moment| match moment.latency {
            Some([p50, p99, max]) => {
                format!("p50 {}, p99 {}, max {}", Span(p50), Span(p99), Span(max))
            }
            None => format!("no {}", words.reply),
        }),
        layers,
        empty: longest.is_none().then(|| format!("no {} was counted", words.reply)),
    }
}

/// The chart of rates: replies that came, those that were to come in an open loop, and errors, where there were any.
pub fn rate(report: &Report) -> Chart {
    let (steps, words) = (moments(report), report.kind.words());
    let replies = joined(&steps, |moment| Some(moment.rate));
    let errors = joined(&steps, |moment| Some(per_second(moment.errors, moment.to - moment.from)));
    let due = due(report, &steps);
    let values = [&replies, &errors, &due].into_iter().flatten().map(|point| point.1);
    // From zero in any case: how much of the rate is missing is what this chart is looked at for.
    let up = Range { low: 0.0, ..Range::of(Unit::Rate, values) };
    let mut layers = boundaries(&steps);
    if !due.is_empty() {
        layers.push(Layer::Line {
            points: due,
            tone: Tone::Quiet,
            label: words.due.into(),
            dots: None,
        });
    }
    let area = replies
        .iter()
        .map(|point| (point.0, if point.1.is_nan() { f64::NAN } else { 0.0 }, point.1));
    layers.push(Layer::Area { points: area.collect(), tone: Tone::First });
    let has_errors = steps.iter().flatten().any(|moment| moment.errors > 0);
    let rates = || steps.iter().flatten().map(|moment| moment.rate);
    let is_empty = rates().next().is_none();
    let least = rates().fold(f64::INFINITY, f64::min);
    let description = if is_empty {
        "Nothing was counted.".to_owned()
    } else {
        format!(
            "The rate of {} over {}: between {} and {}.",
            words.replies,
            Elapsed(end(&steps)),
            PerSecond(least),
            PerSecond(rates().fold(0.0, f64::max))
        )
    };
    layers.push(Layer::Line {
        points: replies,
        tone: Tone::First,
        label: words.replies.into(),
        dots: None,
    });
    if has_errors {
        layers.push(Layer::Line {
            points: errors,
            tone: Tone::Bad,
            label: "errors".into(),
            dots: None,
        });
    }
    Chart {
        id: "rate",
        title: "Rate over time".to_owned(),
        description,
        across: (time_axis(&steps), "time since counting began".to_owned()),
        up: (up, "a second"),
        readings: readings(&steps, |moment| {
            let errors = match moment.errors {
                0 => String::new(),
                1 => ", 1 error".to_owned(),
                errors => format!(", {} errors", Count(errors)),
            };
            format!("{} {}{errors}", PerSecond(moment.rate), words.replies)
        }),
        layers,
        empty: is_empty.then(|| "nothing was counted".to_owned()),
    }
}

fn moments_of(step: &Step, begin: Nanos, most: usize) -> Vec<Moment> {
    let timeline: Timeline = step.timeline.joined_to(most);
    let interval = timeline.interval().max(1);
    let end = begin.saturating_add(step.duration);
    let moment = |(index, measured): (usize, &Interval)| {
        let from = begin.saturating_add(interval.saturating_mul(index as u64));
        let full = from.saturating_add(interval);
        // The last interval may have been cut short, and counts for what it lasted.
        let to = if from < end { full.min(end) } else { full };
        let latency = (measured.count() > 0)
            .then(|| [measured.percentile(50.0), measured.percentile(99.0), measured.max()]);
        let rate = per_second(measured.count(), to - from);
        Moment { from, to, rate, errors: measured.errors(), latency }
    };
    timeline.intervals().iter().enumerate().map(moment).collect()
}

fn per_second(count: u64, duration: Nanos) -> f64 {
    count as f64 * SECOND as f64 / duration.max(1) as f64
}

/// The points of a line over all steps: one in the middle of each interval, and a break between steps.
fn joined(steps: &[Vec<Moment>], value: impl Fn(&Moment) -> Option<f64>) -> Vec<Point> {
    let mut points = Vec::new();
    for moments in steps {
        if !points.is_empty() {
            points.push((f64::NAN, f64::NAN));
        }
        points.extend(
            moments.iter().map(|moment| (middle(moment), value(moment).unwrap_or(f64::NAN))),
        );
    }
    points
}

/// The replies a second that each step was to bring.
fn due(report: &Report, steps: &[Vec<Moment>]) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, moments) in report.steps.iter().zip(steps) {
        let rate = step.offered.map(|offered| offered * step.fan_out());
        if let (Some(rate), Some(first), Some(last)) = (rate, moments.first(), moments.last()) {
            points.extend([
                (first.from as f64, rate),
                (last.to as f64, rate),
                (f64::NAN, f64::NAN),
            ]);
        }
    }
    points
}

/// A faint line where each step but the first begins.
fn boundaries(steps: &[Vec<Moment>]) -> Vec<Layer> {
    let begins = steps.iter().skip(1).filter_map(|moments| moments.first());
    begins
        .map(|moment| Layer::Upright {
            at: moment.from as f64,
            label: String::new(),
            tone: Tone::Quiet,
        })
        .collect()
}

fn readings(steps: &[Vec<Moment>], text: impl Fn(&Moment) -> String) -> Vec<Reading> {
    let reading = |moment: &Moment| Reading {
        over: (moment.from as f64, moment.to as f64),
        at: middle(moment),
        text: format!("{} to {}: {}", Elapsed(moment.from), Elapsed(moment.to), text(moment)),
    };
    steps.iter().flatten().map(reading).collect()
}

fn middle(moment: &Moment) -> f64 {
    (moment.from as f64 + moment.to as f64) / 2.0
}

fn end(steps: &[Vec<Moment>]) -> Nanos {
    steps.iter().flatten().map(|moment| moment.to).max().unwrap_or(0)
}

fn time_axis(steps: &[Vec<Moment>]) -> Range {
    Range { unit: Unit::Elapsed, low: 0.0, high: end(steps) as f64 }
}
