//! Durations as ncat's options take them: `500ms`, `2s`, `1.5m`, `1h`, and seconds where no unit is given.

use std::time::Duration;

use callbox_exchange::Quoted;
use thiserror::Error;

/// The shortest duration: what the clocks of waiting are good for.
pub const SHORTEST: Duration = Duration::from_millis(1);

/// The longest duration, nearly 25 days: as many milliseconds as 31 bits hold, which is what poll(2) takes.
pub const LONGEST: Duration = Duration::from_secs(2_147_483);

/// Reads a duration: a decimal number, at once followed by `ms`, `s`, `m` or `h` in any case, or by nothing, which means
/// seconds.
///
/// # Errors
///
/// If it is anything else, or shorter than [`SHORTEST`] (0 is), or longer than [`LONGEST`].
///
/// ```
/// # use std::time::Duration;
/// # use callbox_netcat::duration::parse;
/// assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
/// assert!(parse("0").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    // `f64::from_str` takes signs and exponents too; nobody writes a time so.
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 =
        if plain { number.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if (SHORTEST..=LONGEST).contains(&duration) { Ok(duration) } else { Err(wrong()) }
}

/// What was typed is no duration, or none that can be waited for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{} is no duration: write a number with ms, s, m or h behind it, as in 500ms; at least 1ms, at most {}s",
    Quoted(.0.as_bytes()),
    LONGEST.as_secs()
)]
pub struct DurationError(pub String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> Option<u128> {
        parse(text).ok().map(|duration| duration.as_millis())
    }

    #[test]
    fn a_unit_says_what_is_counted_and_none_means_seconds() {
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("2s"), Some(2_000));
        assert_eq!(millis("3"), Some(3_000));
        assert_eq!(millis("1.5m"), Some(90_000));
        assert_eq!(millis("1h"), Some(3_600_000));
        assert_eq!(millis("0.1"), Some(100));
        assert_eq!(millis(".5"), Some(500));
        assert_eq!(millis("5."), Some(5_000));
        assert_eq!(millis("1S"), Some(1_000));
        assert_eq!(millis("1Ms"), Some(1));
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        for text in [
            "", ".", "s", "0", "0s", "0.4ms", "-1", "+1", "1e3", "1d", "abc", "1ms2", " 1", "1 s",
            "inf", "nan", "0x10", "1.2.3", "1us", "١", "1س",
        ] {
            assert_eq!(parse(text), Err(DurationError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_and_never_wraps() {
        assert_eq!(millis("2147483"), Some(2_147_483_000));
        assert_eq!(millis("2147483.1"), None);
        assert_eq!(millis("99999999999h"), None);
        assert_eq!(millis(&"9".repeat(400)), None);
    }

    #[test]
    fn the_error_shows_what_was_typed_and_what_is_taken() {
        assert_eq!(
            parse("1\x1b[2J").unwrap_err().to_string(),
            "'1\\x1b[2J' is no duration: write a number with ms, s, m or h behind it, as in 500ms; \
             at least 1ms, at most 2147483s"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_gives_a_duration_within_the_limits(text in "[0-9.]{0,9}(ms|s|m|h|M|H)?|.*") {
            if let Ok(duration) = parse(&text) {
                prop_assert!((SHORTEST..=LONGEST).contains(&duration));
            }
        }

        #[test]
        fn a_whole_number_of_milliseconds_is_exact(number in 1_u64..2_147_483_000) {
            prop_assert_eq!(parse(&format!("{number}ms")), Ok(Duration::from_millis(number)));
        }
    }
}
