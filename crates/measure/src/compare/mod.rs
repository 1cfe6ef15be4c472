//! Two servers, or two versions of one: is the difference between their reports more than noise?
//!
//! Each side has one report or several. For every rate that both were measured at, the ratio of B to A is given of the
//! replies a second and of each percentile, with an interval that holds the true ratio in 95 of 100 such comparisons:
//! ln(ratio) ± t·√(n/(n-1))·(standard error by resampling), with Student's t for the n runs, or blocks of intervals, that
//! were drawn from. The factor and t make up for what resampling few runs leaves out (Hesterberg 2015).

mod resample;
mod show;
mod student;

use std::collections::BTreeSet;

use thiserror::Error;

use self::resample::{FIGURES, Side, resolution, standard_errors};
use self::student::quantile;
use crate::figures::PERCENTILES;
use crate::plan::Random;
use crate::report::{Kind, Report, Step};

/// Of a hundred comparisons of a thing with itself, how many may find a difference.
const CONFIDENCE: f64 = 0.95;

/// Why nothing can be compared.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CompareError {
    /// A side has no report.
    #[error("there is nothing to compare: a side has no report")]
    Empty,
    /// The reports have no rate in common.
    #[error("the reports have no step in common: they were measured at different rates")]
    NothingInCommon,
}

/// What came of a comparison. Its [`Display`](std::fmt::Display) is a table and a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// For each rate that both sides were measured at, or for the only step of each, what was found.
    pub parts: Vec<Part>,
    /// How many runs stand on each side.
    pub runs: (usize, usize),
    /// In what the two sides differ that should be alike, and what the intervals do not tell.
    pub notes: Vec<String>,
    /// What was talked over on A's side.
    pub kind: Kind,
}

/// What was found at one rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The rate that was offered to A and to B; none in a closed loop.
    pub offered: (Option<f64>, Option<f64>),
    /// The replies a second, then the percentiles.
    pub rows: Vec<Row>,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `replies`, in a chat `deliveries`, or the percentile's name.
    pub name: &'static str,
    /// A's figure: replies a second, or nanoseconds. Of several runs, the geometric mean.
    pub a: f64,
    /// B's.
    pub b: f64,
    /// B to A.
    pub ratio: f64,
    /// Between what the true ratio is, with 95 % confidence; none if there is too little to tell.
    pub interval: Option<(f64, f64)>,
    /// What to make of it.
    pub verdict: Verdict,
}

/// What to make of a ratio.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// A difference, also if one keeps in mind that of many rows one may look like it by chance (Bonferroni).
    More,
    /// It would be a difference if this were the only row.
    Perhaps,
    /// No more than noise.
    Noise,
    /// There is too little to tell.
    Unknown,
}

/// Compares the reports of B with those of A. If both sides have several, they are taken for pairs in their order, as
/// they come from runs in turn. The same seed gives the same intervals.
pub fn compare(a: &[Report], b: &[Report], seed: u64) -> Result<Comparison, CompareError> {
    let (Some(first_a), false) = (a.first(), b.is_empty()) else {
        return Err(CompareError::Empty);
    };
    let mut random = Random::new(seed);
    let is_plain = a.iter().chain(b).all(|report| report.steps.len() == 1);
    let count = if is_plain { 1 } else { first_a.steps.len() };
    let pairs: Vec<_> = (0..count)
        .filter_map(|at| {
            let offered = first_a.steps.get(at)?.offered;
            let steps = |reports| steps_at(reports, offered, is_plain);
            Some((steps(a)?, steps(b)?))
        })
        .collect();
    if pairs.is_empty() {
        return Err(CompareError::NothingInCommon);
    }
    let rows = pairs.len() * FIGURES;
    let kind = first_a.kind;
    let parts = pairs.iter().map(|(a, b)| {
        let offered = (a[0].offered, b[0].offered);
        Part { offered, rows: part(kind, Side(a), Side(b), rows, &mut random) }
    });
    let parts = parts.collect();
    let runs = (a.len(), b.len());
    Ok(Comparison { parts, runs, notes: notes(a, b), kind })
}

/// In each report the step at this rate; none if one has none.
fn steps_at(reports: &[Report], offered: Option<f64>, is_plain: bool) -> Option<Vec<&Step>> {
    let is_it = |step: &&Step| match (step.offered, offered) {
        (Some(one), Some(other)) => show::is_alike(one, other),
        (one, other) => one.is_none() && other.is_none(),
    };
    reports.iter().map(|report| report.steps.iter().find(|step| is_plain || is_it(step))).collect()
}

fn part(kind: Kind, a: Side<'_>, b: Side<'_>, rows: usize, random: &mut Random) -> Vec<Row> {
    let errors = standard_errors(a, b, random);
    let parts = a.parts().min(b.parts());
    let (of_a, of_b) = (a.figures(), b.figures());
    let factor = |confidence| {
        let count = parts as f64;
        quantile(confidence, parts.saturating_sub(1)) * (count / (count - 1.0)).sqrt()
    };
    let factors = (factor(CONFIDENCE), factor(1.0 - (1.0 - CONFIDENCE) / rows as f64));
    let names = [kind.words().replies].into_iter().chain(PERCENTILES.iter().map(|it| it.name));
    let figures = names.enumerate().map(|(figure, name)| {
        let ratio = of_b[figure] / of_a[figure];
        let slack = if figure == 0 { 0.0 } else { resolution(a, b) };
        let half = |factor: f64| factor * errors[figure] + slack;
        let is_known = parts > 1 && errors[figure].is_finite() && ratio.is_finite();
        let verdict = match ratio.ln().abs() {
            _ if !is_known => Verdict::Unknown,
            distance if distance > half(factors.1) => Verdict::More,
            distance if distance > half(factors.0) => Verdict::Perhaps,
            _ => Verdict::Noise,
        };
        let half = half(factors.0);
        let interval = is_known.then(|| (ratio * (-half).exp(), ratio * half.exp()));
        Row { name, a: of_a[figure], b: of_b[figure], ratio, interval, verdict }
    });
    figures.collect()
}

/// What should be alike and is not, and how far the intervals go.
fn notes(all_a: &[Report], all_b: &[Report]) -> Vec<String> {
    let mut notes = Vec::new();
    let runs = (all_a.len(), all_b.len());
    let (Some(a), Some(b)) = (all_a.first(), all_b.first()) else { return notes };
    for (side, reports) in [("A", all_a), ("B", all_b)] {
        notes.extend(unlike(reports).map(|what| format!("the runs of {side} differ in {what}")));
    }
    if a.kind != b.kind {
        notes.push(format!("A is {} and B is {}", a.kind.name(), b.kind.name()));
    }
    if a.machine != b.machine {
        notes.push("they were measured on different machines, or one that was changed".to_owned());
    }
    if a.callbox != b.callbox {
        notes.push("they were measured by different versions of callbox".to_owned());
    }
    let names = a.options.keys().chain(b.options.keys().filter(|it| !a.options.contains_key(*it)));
    for name in names.filter(|name| a.options.get(*name) != b.options.get(*name)) {
        let value = |report: &Report| show::quoted(report.options.get(name));
        notes.push(format!("{} is {} in A and {} in B", show::bare(name), value(a), value(b)));
    }
    if runs.0 == 1 || runs.1 == 1 {
        let text = "one run a side shows nothing of what differs from start to start: several runs in turn do";
        notes.push(text.to_owned());
    } else if runs.0 == 2 || runs.1 == 2 {
        let text = "two runs a side tell apart only what differs by far: five tell much smaller differences";
        notes.push(text.to_owned());
    }
    notes
}

/// In what the runs of one side differ, which are taken for the same one made again.
fn unlike(runs: &[Report]) -> Option<String> {
    let pairs = || runs.iter().zip(runs.iter().skip(1));
    let differ = |other: fn(&Report, &Report) -> bool| pairs().any(|(a, b)| other(a, b));
    let mut found = Vec::new();
    if differ(|a, b| a.kind != b.kind) {
        found.push("their kind".to_owned());
    }
    if differ(|a, b| a.machine != b.machine) {
        found.push("their machine".to_owned());
    }
    if differ(|a, b| a.callbox != b.callbox) {
        found.push("their version of callbox".to_owned());
    }
    let names: BTreeSet<_> = runs.iter().flat_map(|run| run.options.keys()).collect();
    let differs =
        |name: &&&String| pairs().any(|(a, b)| a.options.get(**name) != b.options.get(**name));
    found.extend(names.iter().filter(differs).map(|name| show::bare(name)));
    (!found.is_empty()).then(|| found.join(", "))
}

#[cfg(test)]
mod tests;
