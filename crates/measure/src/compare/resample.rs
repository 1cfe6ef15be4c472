//! What the figures would have been in other runs like these: the bootstrap.
//!
//! With several runs a side, whole runs are drawn, since what differs between two starts of a server is no smaller for
//! measuring each of them longer. With one run a side all there is are its intervals. Neighbouring intervals are alike,
//! so blocks of them are drawn (circular block bootstrap, Politis and Romano 1992); that tells how much a figure
//! depends on the moment, and nothing of what another start would give.

use crate::figures::{Interval, PERCENTILES};
use crate::plan::Random;
use crate::report::Step;
use crate::{Nanos, SECOND};

/// How often it is drawn. A standard error is right to about two in a hundred then.
const DRAWS: usize = 1000;

/// Replies a second, and the percentiles of the latency.
pub(super) const FIGURES: usize = 1 + PERCENTILES.len();

/// What a run or a drawing comes to; a figure that there is not is no number.
pub(super) type Figures = [f64; FIGURES];

/// The steps of all runs of one side that are compared with those of the other.
#[derive(Clone, Copy)]
pub(super) struct Side<'a>(pub(super) &'a [&'a Step]);

impl Side<'_> {
    /// Its figures: of several runs the geometric mean, so that no single one stands for all.
    pub(super) fn figures(self) -> Figures {
        let runs: Vec<_> = self.0.iter().map(|run| of_run(run)).collect();
        mean(&runs, 0..runs.len())
    }

    /// How many independent parts there are to draw from: runs, or the blocks of the only one.
    pub(super) fn parts(self) -> usize {
        match self.0 {
            [run] => {
                let count = whole_intervals(run).len();
                count / block_length(count).max(1)
            }
            runs => runs.len(),
        }
    }
}

/// How wrong a ratio of latencies is by the width of their buckets alone, as a share.
pub(super) fn resolution(a: Side<'_>, b: Side<'_>) -> f64 {
    // Two digits of an interval, three of a run.
    if a.0.len() == 1 || b.0.len() == 1 { 0.01 } else { 0.002 }
}

/// The standard error of the logarithm of each ratio of B to A; no number where nothing can be drawn.
///
/// With as many runs on both sides, which were made in turn, a run is drawn with its neighbour of the other side, so
/// that what disturbed both does not count as a difference.
pub(super) fn standard_errors(a: Side<'_>, b: Side<'_>, random: &mut Random) -> Figures {
    let is_paired = a.0.len() == b.0.len() && a.0.len() > 1;
    let (pool_a, pool_b) = (Pool::of(a), Pool::of(b));
    let (mut sums, mut squares) = ([0.0; FIGURES], [0.0; FIGURES]);
    for _ in 0..DRAWS {
        let chosen = pool_a.choose(random);
        let from_a = pool_a.draw(&chosen);
        let from_b = pool_b.draw(&if is_paired { chosen } else { pool_b.choose(random) });
        for figure in 0..FIGURES {
            let ratio = (from_b[figure] / from_a[figure]).ln();
            sums[figure] += ratio;
            squares[figure] += ratio * ratio;
        }
    }
    let draws = DRAWS as f64;
    std::array::from_fn(|figure| {
        let mean = sums[figure] / draws;
        // What is too small to be anything but rounding may come out below 0.
        let variance = squares[figure] / draws - mean * mean;
        if variance.is_finite() { variance.max(0.0).sqrt() } else { f64::NAN }
    })
}

/// What is drawn from.
enum Pool {
    /// The figures of each run.
    Runs(Vec<Figures>),
    /// The intervals of the only run.
    Intervals(Intervals),
}

/// Intervals in a form in which many drawings are quick: the latencies that there are, and how often each came in which.
struct Intervals {
    length: Nanos,
    latencies: Vec<Nanos>,
    counts: Vec<Vec<(usize, u64)>>,
}

impl Pool {
    fn of(side: Side<'_>) -> Self {
        match side.0 {
            [run] => Self::Intervals(Intervals::of(run)),
            runs => Self::Runs(runs.iter().map(|run| of_run(run)).collect()),
        }
    }

    /// As many places as there are to draw from, each drawn anew, with repetition.
    fn choose(&self, random: &mut Random) -> Vec<usize> {
        let (count, block) = match self {
            Self::Runs(runs) => (runs.len(), 1),
            Self::Intervals(all) => (all.counts.len(), block_length(all.counts.len())),
        };
        let mut places = Vec::with_capacity(count + block);
        while places.len() < count {
            let start = random.below(count as u64) as usize;
            places.extend((start..start + block).map(|place| place % count));
        }
        places.truncate(count);
        places
    }

    fn draw(&self, places: &[usize]) -> Figures {
        match self {
            Self::Runs(runs) => mean(runs, places.iter().copied()),
            Self::Intervals(all) => all.draw(places),
        }
    }
}

impl Intervals {
    fn of(run: &Step) -> Self {
        let intervals = whole_intervals(run);
        let of_all = intervals.iter().flat_map(Interval::buckets);
        let mut latencies: Vec<_> = of_all.map(|(latency, _)| latency).collect();
        latencies.sort_unstable();
        latencies.dedup();
        let place = |latency| latencies.partition_point(|other| *other < latency);
        let counts = intervals.iter().map(|interval| {
            interval.buckets().map(|(latency, count)| (place(latency), count)).collect()
        });
        let counts = counts.collect();
        Self { length: run.timeline.interval(), latencies, counts }
    }

    fn draw(&self, places: &[usize]) -> Figures {
        let mut counts = vec![0; self.latencies.len()];
        for place in places {
            for (latency, count) in &self.counts[*place] {
                counts[*latency] += count;
            }
        }
        let total: u64 = counts.iter().sum();
        let time = self.length as f64 * places.len() as f64;
        let mut figures = [f64::NAN; FIGURES];
        if total == 0 {
            return figures;
        }
        figures[0] = total as f64 * SECOND as f64 / time;
        let (mut at, mut seen) = (0, counts[0]);
        for (figure, percentile) in figures[1..].iter_mut().zip(PERCENTILES) {
            let wanted = (total as f64 * percentile.of_hundred / 100.0).ceil() as u64;
            while seen < wanted.min(total) {
                at += 1;
                seen += counts[at];
            }
            *figure = self.latencies[at].max(1) as f64;
        }
        figures
    }
}

/// The intervals that lie within the counted time, but the last: it may have been cut short, or hold what came after the
/// end too, and says nothing of the rate.
fn whole_intervals(run: &Step) -> &[Interval] {
    let whole = run.duration / run.timeline.interval().max(1);
    let all = run.timeline.intervals();
    &all[..(whole as usize).min(all.len().saturating_sub(1))]
}

/// The cube root of their number, with which the error of such a bootstrap is smallest.
fn block_length(intervals: usize) -> usize {
    (intervals as f64).cbrt().ceil() as usize
}

fn of_run(run: &Step) -> Figures {
    let mut figures = [f64::NAN; FIGURES];
    if !run.latency.is_empty() {
        figures[0] = run.rate();
        for (figure, percentile) in figures[1..].iter_mut().zip(PERCENTILES) {
            *figure = run.latency.percentile(percentile.of_hundred).max(1) as f64;
        }
    }
    figures
}

/// The geometric means of the runs at these places.
fn mean(runs: &[Figures], places: impl ExactSizeIterator<Item = usize>) -> Figures {
    let count = places.len() as f64;
    let mut sums = [0.0; FIGURES];
    for place in places {
        for (sum, value) in sums.iter_mut().zip(runs[place]) {
            *sum += value.ln();
        }
    }
    sums.map(|sum| (sum / count).exp())
}
