//! How a figure is written, in tables, pictures and sentences alike, so that none of them says another number.
//!
//! Times and sizes are shown with three digits, which is what the histogram keeps; counts are exact.

use std::fmt::{self, Display, Formatter};

use crate::{Nanos, SECOND};

/// Units of time, each a thousand of the one before.
const TIMES: [&str; 4] = ["ns", "µs", "ms", "s"];

/// A span of time with the unit that suits it: `873 ns`, `12.3 µs`, `1.05 ms`, `2.50 s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span(pub Nanos);

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0 as f64, &TIMES))
    }
}

/// A number with its thousands apart: `4,012,345`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count(pub u64);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&grouped(&self.0.to_string()))
    }
}

/// How many a second: `401,230/s`, and `12.3/s` where whole ones would hide what is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerSecond(pub f64);

impl Display for PerSecond {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whole = self.0 >= 100.0;
        let number = if whole { grouped(&format!("{:.0}", self.0)) } else { digits(self.0) };
        f.pad(&format!("{number}/s"))
    }
}

/// Bytes with the unit that suits them, by thousands: `64 B`, `25.7 MB`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes(pub f64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, &["B", "kB", "MB", "GB", "TB", "PB"]))
    }
}

/// A share, 0 to 1, as a percentage: `12.3 %`, `0.00112 %`, and `0 %` and `100 %` only of nothing and of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl Display for Share {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        if (99.5..100.0).contains(&percent) {
            // With the digits that tell it from all.
            let decimals = (2.0 - (100.0 - percent).log10().ceil()) as usize;
            return f.pad(&format!("{percent:.decimals$} %"));
        }
        f.pad(&format!("{} %", digits(percent)))
    }
}

/// How long something lasted, or when in a run it was: `250 ms`, `1.5 s`, `1 min 30 s`, `2 h 5 min`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elapsed(pub Nanos);

impl Display for Elapsed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        // With three digits before a minute, from then on to a second.
        let seconds = self.0.saturating_add(SECOND / 2) / SECOND;
        if self.0 < SECOND {
            return f.pad(&round(self.0 as f64, &TIMES));
        }
        if seconds < MINUTE {
            return f.pad(&round(self.0 as f64 / SECOND as f64, &["s"]));
        }
        let (large, small, units) = if seconds < HOUR {
            (seconds / MINUTE, seconds % MINUTE, ["min", "s"])
        } else {
            (seconds / HOUR, seconds % HOUR / MINUTE, ["h", "min"])
        };
        let large = format!("{} {}", Count(large), units[0]);
        f.pad(&if small == 0 { large } else { format!("{large} {small} {}", units[1]) })
    }
}

/// A round time as an axis is marked with it, without zeros that say nothing: `10 µs`, `2.5 ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundSpan(pub f64);

impl Display for RoundSpan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&round(self.0, &TIMES))
    }
}

/// A round number as an axis is marked with it, and as a rate is typed: `200`, `1.5k`, `2M`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundNumber(pub f64);

impl Display for RoundNumber {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = round(self.0, &["", "k", "M", "G"]);
        f.pad(&text.replace(' ', ""))
    }
}

/// Up to three digits and the first unit in which the number is below a thousand, without zeros at the end.
fn round(number: f64, units: &[&str]) -> String {
    let (mut number, mut unit) = (number, 0);
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    let text = digits(number);
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {}", units[unit])
}

/// Three digits and the first unit in which the number is below a thousand; whole in the first.
fn scaled(number: f64, units: &[&str]) -> String {
    let (mut number, mut unit) = (number, 0);
    // From 999.5 on three digits round up to 1000.
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    let text = if unit == 0 { format!("{number:.0}") } else { digits(number) };
    format!("{text} {}", units[unit])
}

/// A number with three digits; whole from a hundred on.
fn digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number:.0}");
    }
    // What rounding makes of it decides how many digits there are before the point.
    let rounded: f64 = format!("{number:.2e}").parse().unwrap_or(number);
    let before = rounded.abs().log10().floor() as i32 + 1;
    grouped(&format!("{rounded:.0$}", (3 - before).max(0) as usize))
}

/// Digits with a comma before each three of the whole part.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut text = String::with_capacity(number.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if left % 3 == 0 && text.ends_with(|last: char| last.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_three_digits_and_the_unit_that_suits_it() {
        let cases = [
            (0, "0 ns"),
            (873, "873 ns"),
            (999, "999 ns"),
            (1000, "1.00 µs"),
            (9_996, "10.0 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_050_000, "1.05 ms"),
            (2_500_000_000, "2.50 s"),
            (3_600_000_000_000, "3,600 s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Span(nanos).to_string(), text);
        }
        assert_eq!(format!("[{:>9}]", Span(12_345)), "[  12.3 µs]");
    }

    #[test]
    fn counts_are_exact_and_rates_as_whole_as_they_can_be() {
        assert_eq!(Count(0).to_string(), "0");
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(4_012_345).to_string(), "4,012,345");
        assert_eq!(PerSecond(401_229.6).to_string(), "401,230/s");
        assert_eq!(PerSecond(12.345).to_string(), "12.3/s");
        assert_eq!(PerSecond(0.0).to_string(), "0/s");
    }

    #[test]
    fn a_share_of_very_little_is_not_shown_as_nothing() {
        assert_eq!(Share(0.0).to_string(), "0 %");
        assert_eq!(Share(0.000_011_2).to_string(), "0.00112 %");
        assert_eq!(Share(0.123).to_string(), "12.3 %");
        assert_eq!(Share(1.0).to_string(), "100 %");
        assert_eq!(Share(0.999_96).to_string(), "99.9960 %");
        assert_eq!(Share(0.996_4).to_string(), "99.64 %");
        assert_eq!(Share(0.099_96).to_string(), "10.0 %");
    }

    #[test]
    fn bytes_are_counted_by_thousands() {
        assert_eq!(Bytes(64.0).to_string(), "64 B");
        assert_eq!(Bytes(25_678_720.0).to_string(), "25.7 MB");
        assert_eq!(Bytes(2e18).to_string(), "2,000 PB");
    }

    #[test]
    fn a_duration_is_told_in_two_units_at_most() {
        let cases = [
            (0, "0 ns"),
            (SECOND / 4, "250 ms"),
            (SECOND * 3 / 2, "1.5 s"),
            (10 * SECOND, "10 s"),
            (12_344_000_000, "12.3 s"),
            (60 * SECOND - 1, "1 min"),
            (90 * SECOND, "1 min 30 s"),
            (7_500 * SECOND, "2 h 5 min"),
            (7_200 * SECOND, "2 h"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Elapsed(nanos).to_string(), text);
        }
    }

    #[test]
    fn marks_of_an_axis_have_no_zeros_that_say_nothing() {
        assert_eq!(RoundSpan(0.0).to_string(), "0 ns");
        assert_eq!(RoundSpan(10_000.0).to_string(), "10 µs");
        assert_eq!(RoundSpan(2_500_000.0).to_string(), "2.5 ms");
        assert_eq!(RoundNumber(200_000.0).to_string(), "200k");
        assert_eq!(RoundNumber(0.0).to_string(), "0");
        assert_eq!(RoundNumber(0.25).to_string(), "0.25");
    }
}
