//! A comparison as a table, and as the sentence that says what it comes to.

use std::fmt::{self, Display, Formatter};

use callbox_exchange::{Bare, Quoted};

use super::{Comparison, Part, Row, Verdict};
use crate::figures::PERCENTILES;
use crate::figures::show::{PerSecond, Span};

/// A table for each rate, what has to be kept in mind, and the sentence; with a line break at its end.
impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part.offered {
                (None, None) => {}
                (Some(a), Some(b)) if is_alike(a, b) => writeln!(f, "offered {}", PerSecond(a))?,
                (a, b) => writeln!(f, "offered {} to A and {} to B", rate(a), rate(b))?,
            }
            writeln!(f, "  {:<10} {:>12} {:>12} {:>8}   95 % between", "", "A", "B", "B/A")?;
            for row in &part.rows {
                line(f, row)?;
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{}", self.sentence())
    }
}

impl Comparison {
    /// Whether the difference is more than noise, and in what. Of open loops it says as well what their rates are.
    pub fn sentence(&self) -> String {
        let rows =
            || self.parts.iter().flat_map(|part| part.rows.iter().map(move |row| (part, row)));
        if rows().all(|(_, row)| row.verdict == Verdict::Unknown) {
            return "There is too little to tell whether they differ.".to_owned();
        }
        let of = |verdict| rows().filter(move |(_, row)| row.verdict == verdict);
        let more: Vec<_> = of(Verdict::More).map(|(part, row)| self.told(part, row)).collect();
        let perhaps: Vec<_> =
            of(Verdict::Perhaps).map(|(part, row)| self.named(part, row)).collect();
        let found = match (&more[..], &perhaps[..]) {
            ([], []) => "The difference is no more than noise.".to_owned(),
            ([], perhaps) => format!(
                "The difference is no more than noise, unless it is in {}: measure again to tell.",
                perhaps.join(", ")
            ),
            (more, _) => format!("The difference is more than noise: B has {}.", more.join(", ")),
        };
        found + &self.of_rates()
    }

    /// An open loop asks for a rate and gets it, of a slow server as of a fast one.
    fn of_rates(&self) -> String {
        let any = |offered: fn(&Part) -> Option<f64>| {
            self.parts.iter().any(|part| offered(part).is_some())
        };
        let whose = match (any(|part| part.offered.0), any(|part| part.offered.1)) {
            (false, false) => return String::new(),
            (true, true) => "Both loops were open",
            (true, false) => "A's loop was open",
            (false, true) => "B's loop was open",
        };
        format!(
            " {whose}: where a server kept up, its {} a second are what was offered, and not what it can do.",
            self.kind.words().replies
        )
    }

    fn told(&self, part: &Part, row: &Row) -> String {
        format!("{} times A's {}", times(row.ratio), self.named(part, row))
    }

    fn named(&self, part: &Part, row: &Row) -> String {
        match part.offered.0 {
            Some(rate) if self.parts.len() > 1 => format!("{} at {}", row.name, PerSecond(rate)),
            _ => row.name.to_owned(),
        }
    }
}

fn line(f: &mut Formatter<'_>, row: &Row) -> fmt::Result {
    let figure = |value: f64| match row.name {
        _ if !value.is_finite() => "–".to_owned(),
        name if PERCENTILES.iter().any(|it| it.name == name) => {
            Span(value.round() as u64).to_string()
        }
        _ => PerSecond(value).to_string(),
    };
    let ratio = if row.ratio.is_finite() { times(row.ratio) } else { "–".to_owned() };
    let (a, b) = (figure(row.a), figure(row.b));
    write!(f, "  {:<10} {a:>12} {b:>12} {ratio:>8}   ", row.name)?;
    if let Some((low, high)) = row.interval {
        write!(f, "{} and {}, ", times(low), times(high))?;
    }
    f.write_str(match row.verdict {
        Verdict::More => "more than noise\n",
        Verdict::Perhaps => "perhaps more than noise\n",
        Verdict::Noise => "noise\n",
        Verdict::Unknown => "too little to tell\n",
    })
}

/// Whether two rates are one, but for rounding.
pub(super) fn is_alike(one: f64, other: f64) -> bool {
    (one - other).abs() <= other.abs() * 1e-6
}

/// The rate of an open loop, or that there was none.
fn rate(offered: Option<f64>) -> String {
    offered.map_or_else(|| "no rate".to_owned(), |offered| PerSecond(offered).to_string())
}

/// A ratio: to three places, or as short as its size asks for.
fn times(ratio: f64) -> String {
    if (0.001..1000.0).contains(&ratio) { format!("{ratio:.3}") } else { format!("{ratio:.1e}") }
}

/// A name out of a file that anybody may have written.
pub(super) fn bare(name: &str) -> String {
    Bare(name.as_bytes()).to_string()
}

/// A value out of such a file.
pub(super) fn quoted(value: Option<&String>) -> String {
    value.map_or_else(|| "not set".to_owned(), |value| Quoted(value.as_bytes()).to_string())
}
