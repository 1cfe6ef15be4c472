//! Lengths of time and sizes, as they stand in a file.

use std::time::Duration;

/// Units of time and their seconds, the longest first.
const TIMES: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Units of size and their bytes, the largest first.
const SIZES: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `90s`, `10m`, `2h`, `7d`, `4w`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let (_, seconds) = TIMES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*seconds).map(Duration::from_secs)
}

/// `512B`, `64KiB`, `1MiB`, `1GiB`.
pub fn size(text: &str) -> Option<usize> {
    let (number, unit) = split_unit(text)?;
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    usize::try_from(number).ok()?.checked_mul(*bytes)
}

/// A duration in the largest unit that needs no fraction.
pub fn show_duration(seconds: u64) -> String {
    let unit = TIMES.iter().find(|(_, length)| seconds != 0 && seconds.is_multiple_of(*length));
    let (name, length) = unit.unwrap_or(&("s", 1));
    format!("\"{}{name}\"", seconds / length)
}

/// A size in the largest unit that needs no fraction.
pub fn show_size(bytes: usize) -> String {
    let unit = SIZES.iter().find(|(_, length)| bytes != 0 && bytes.is_multiple_of(*length));
    let (name, length) = unit.unwrap_or(&("B", 1));
    format!("\"{}{name}\"", bytes / length)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("2 h"), Some(Duration::from_secs(7_200)));
        assert_eq!(duration("7d"), Some(Duration::from_secs(604_800)));
        for text in ["", "90", "s", "-1s", "+1s", "1.5h", "1H", "1 fortnight", "1h30m", "NaN"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(duration("99999999999999999999s"), None);
        assert_eq!(duration("18446744073709551615w"), None);
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        assert_eq!(size("512B"), Some(512));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1 MiB"), Some(1_048_576));
        for text in ["", "64", "KiB", "1MB", "1mib", "-1KiB", "18446744073709551615GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_a_duration_or_size_reads_as_the_same() {
        for seconds in [0, 1, 59, 60, 90, 3_600, 86_400, 604_800, 31_536_000] {
            let shown = show_duration(seconds);
            assert_eq!(duration(shown.trim_matches('"')), Some(Duration::from_secs(seconds)));
        }
        for bytes in [0, 1, 1_000, 1_024, 1_536, 1 << 20, 3 << 30] {
            assert_eq!(size(show_size(bytes).trim_matches('"')), Some(bytes));
        }
    }
}
