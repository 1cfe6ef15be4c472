//! How a figure is written: the one place where a number becomes text.
//!
//! The table on the terminal, the pictures and the page all write their numbers with these functions, so that the same
//! measurement reads the same wherever it stands. Three digits are shown, which is what a histogram of three digits
//! knows; counts are exact.

use crate::{Nanos, SECOND};

/// Units of time, each a thousand of the one before.
const TIMES: [&str; 4] = ["ns", "µs", "ms", "s"];
/// Units of requests a second.
const RATES: [&str; 4] = ["/s", "k/s", "M/s", "G/s"];
/// Units of bytes.
const BYTES: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
/// What separates groups of three digits.
const GROUP: char = ',';

/// A latency or another short time: `850 ns`, `1.23 ms`, `60.0 s`.
pub fn time(nanos: Nanos) -> String {
    if nanos < 1000 { format!("{nanos} ns") } else { scaled(nanos as f64, &TIMES) }
}

/// Requests a second: `0.25 /s`, `12.3 /s`, `98.2 k/s`.
pub fn rate(per_second: f64) -> String {
    scaled(per_second, &RATES)
}

/// An amount of bytes, in powers of a thousand: `64 B`, `1.40 kB`.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1000 { format!("{bytes} B") } else { scaled(bytes as f64, &BYTES) }
}

/// An exact count: `1,234,567`.
pub fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// `part` of `whole` in percent, with the digits that tell it from none and from all: `0 %`, `0.012 %`, `99.996 %`.
///
/// Where there is no whole it is a dash.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    if part == 0 || part >= whole {
        return if part == 0 { "0 %".to_owned() } else { "100 %".to_owned() };
    }
    let percent = part as f64 / whole as f64 * 100.0;
    // Two digits of what lies between this share and the nearer end, but no more than a millionth of a percent.
    let nearer = ((whole - part).min(part)) as f64 / whole as f64 * 100.0;
    let decimals = (1.0 - nearer.log10().floor()).clamp(1.0, 6.0) as usize;
    let text = format!("{percent:.decimals$}");
    match text.as_str() {
        "0.000000" => "<0.000001 %".to_owned(),
        "100.000000" => ">99.999999 %".to_owned(),
        _ => format!("{text} %"),
    }
}

/// The name of a percentile, given in percent: `p50`, `p99.9`.
pub fn percentile(percent: f64) -> String {
    format!("p{percent}")
}

/// How long something lasted, or when in a run it was: `250 ms`, `10 s`, `1 min 30 s`, `2 h 5 min`.
pub fn elapsed(nanos: Nanos) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let seconds = nanos.saturating_add(SECOND / 2) / SECOND;
    if nanos < SECOND {
        let text = time(nanos);
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        return format!("{} {unit}", trimmed(number));
    }
    if seconds < MINUTE {
        return format!("{} s", trimmed(&format!("{:.2}", nanos as f64 / SECOND as f64)));
    }
    let (large, small, names) = if seconds < HOUR {
        (seconds / MINUTE, seconds % MINUTE, ["min", "s"])
    } else {
        (seconds / HOUR, seconds % HOUR / MINUTE, ["h", "min"])
    };
    match small {
        0 => format!("{large} {}", names[0]),
        _ => format!("{large} {} {small} {}", names[0], names[1]),
    }
}

/// A round number with the unit that makes it short, for the marks on an axis: `10 µs`, `2.5 ms`, `200 k/s`.
pub fn mark_of_time(nanos: f64) -> String {
    marked(nanos, &TIMES)
}

/// As [`mark_of_time`], for requests a second.
pub fn mark_of_rate(per_second: f64) -> String {
    marked(per_second, &RATES)
}

/// `value` with three digits, in the unit in which it is from 1 up to 1000, where there is one.
fn scaled(value: f64, units: &[&str]) -> String {
    let (number, unit) = in_unit(value, units);
    let text = if number >= 999.5 || number == 0.0 {
        grouped(&format!("{number:.0}"))
    } else if number >= 99.95 {
        format!("{number:.0}")
    } else if number >= 9.995 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    };
    format!("{text} {unit}")
}

fn marked(value: f64, units: &[&str]) -> String {
    let (number, unit) = in_unit(value, units);
    format!("{} {unit}", grouped(trimmed(&format!("{number:.3}"))))
}

/// `value` in the largest unit in which it is not below 1 when it has been rounded to three digits.
fn in_unit<'a>(value: f64, units: &[&'a str]) -> (f64, &'a str) {
    let mut number = if value.is_finite() { value.max(0.0) } else { 0.0 };
    let mut unit = 0;
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    (number, units[unit])
}

/// `number` without the zeros behind its point that say nothing.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// Digits in groups of three; what stands behind a point stays as it is.
fn grouped(digits: &str) -> String {
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(GROUP);
        }
        text.push(digit);
    }
    text.push_str(fraction);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_the_unit_that_makes_it_short() {
        let times = [
            (0, "0 ns"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (99_960, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_234_567, "1.23 ms"),
            (60 * SECOND, "60.0 s"),
            (3600 * SECOND, "3,600 s"),
            (u64::MAX, "18,446,744,074 s"),
        ];
        for (nanos, text) in times {
            assert_eq!(time(nanos), text);
        }
    }

    #[test]
    fn a_rate_keeps_three_digits_and_is_never_negative_or_infinite() {
        assert_eq!(rate(0.0), "0 /s");
        assert_eq!(rate(0.25), "0.25 /s");
        assert_eq!(rate(12.34), "12.3 /s");
        assert_eq!(rate(98_234.0), "98.2 k/s");
        assert_eq!(rate(999_700.0), "1.00 M/s");
        for odd in [f64::NAN, f64::INFINITY, -3.0] {
            assert_eq!(rate(odd), "0 /s");
        }
    }

    #[test]
    fn counts_are_exact_and_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(bytes(64), "64 B");
        assert_eq!(bytes(1_400), "1.40 kB");
    }

    #[test]
    fn a_share_is_none_or_all_only_if_it_is_exactly_that() {
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(10, 10), "100 %");
        assert_eq!(share(1, 2), "50.0 %");
        assert_eq!(share(123, 1_000_000), "0.012 %");
        assert_eq!(share(999_960, 1_000_000), "99.9960 %");
        assert_eq!(share(1, u64::MAX), "<0.000001 %");
        assert_eq!(share(u64::MAX / 2 - 1, u64::MAX / 2), ">99.999999 %");
        assert_eq!(share(0, 0), "–");
    }

    #[test]
    fn a_duration_is_told_in_two_units_at_most() {
        assert_eq!(elapsed(0), "0 ns");
        assert_eq!(elapsed(SECOND / 4), "250 ms");
        assert_eq!(elapsed(SECOND * 3 / 2), "1.5 s");
        assert_eq!(elapsed(10 * SECOND), "10 s");
        assert_eq!(elapsed(60 * SECOND - 1), "1 min");
        assert_eq!(elapsed(90 * SECOND), "1 min 30 s");
        assert_eq!(elapsed(7_500 * SECOND), "2 h 5 min");
    }

    #[test]
    fn marks_drop_the_zeros_that_say_nothing() {
        assert_eq!(mark_of_time(10_000.0), "10 µs");
        assert_eq!(mark_of_time(2_500_000.0), "2.5 ms");
        assert_eq!(mark_of_time(0.0), "0 ns");
        assert_eq!(mark_of_rate(200_000.0), "200 k/s");
    }
}
