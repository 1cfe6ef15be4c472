//! A comparison as a table, and as the sentence that says what it comes to.

use std::fmt::{self, Display, Formatter};

use callbox_exchange::{Bare, Quoted};

use super::{Comparison, Part, Row, Verdict};
use crate::figures::show::{PerSecond, Span};

/// A table for each rate, what has to be kept in mind, and the sentence; with a line break at its end.
impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            if let Some(offered) = part.offered {
                writeln!(f, "offered {}", PerSecond(offered))?;
            }
            writeln!(f, "  {:<8} {:>12} {:>12} {:>8}   95 % between", "", "A", "B", "B/A")?;
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
    /// Whether the difference is more than noise, and in what.
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
        match (&more[..], &perhaps[..]) {
            ([], []) => "The difference is no more than noise.".to_owned(),
            ([], perhaps) => format!(
                "The difference is no more than noise, unless it is in {}: measure again to tell.",
                perhaps.join(", ")
            ),
            (more, _) => format!("The difference is more than noise: B has {}.", more.join(", ")),
        }
    }

    fn told(&self, part: &Part, row: &Row) -> String {
        format!("{} times A's {}", times(row.ratio), self.named(part, row))
    }

    fn named(&self, part: &Part, row: &Row) -> String {
        match part.offered {
            Some(rate) if self.parts.len() > 1 => format!("{} at {}", row.name, PerSecond(rate)),
            _ => row.name.to_owned(),
        }
    }
}

fn line(f: &mut Formatter<'_>, row: &Row) -> fmt::Result {
    let figure = |value: f64| match row.name {
        _ if !value.is_finite() => "–".to_owned(),
        "replies" => PerSecond(value).to_string(),
        _ => Span(value.round() as u64).to_string(),
    };
    let ratio = if row.ratio.is_finite() { times(row.ratio) } else { "–".to_owned() };
    let (a, b) = (figure(row.a), figure(row.b));
    write!(f, "  {:<8} {a:>12} {b:>12} {ratio:>8}   ", row.name)?;
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
