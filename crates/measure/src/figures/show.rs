//! How a figure is written, in tables, pictures and sentences alike, so that none of them says another number.
//!
//! Times and sizes are shown with three digits, which is what the histogram keeps; counts are exact.

use std::fmt::{self, Display, Formatter};

use crate::Nanos;

/// A span of time with the unit that suits it: `873 ns`, `12.3 µs`, `1.05 ms`, `2.50 s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span(pub Nanos);

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0 as f64, &["ns", "µs", "ms", "s"]))
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

/// A share, 0 to 1, as a percentage: `12.3 %`, `0.00112 %`, and `0 %` only of nothing at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl Display for Share {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", digits(self.0 * 100.0)))
    }
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
        assert_eq!(Share(0.099_96).to_string(), "10.0 %");
    }

    #[test]
    fn bytes_are_counted_by_thousands() {
        assert_eq!(Bytes(64.0).to_string(), "64 B");
        assert_eq!(Bytes(25_678_720.0).to_string(), "25.7 MB");
        assert_eq!(Bytes(2e18).to_string(), "2,000 PB");
    }
}
