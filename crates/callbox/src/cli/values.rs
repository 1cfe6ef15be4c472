//! Values of flags that need more than a number's form.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use callbox_exchange::fixed::MAX_LENGTH;
use callbox_services::guard::MaxRate;

/// A length of time as typed: `1`, `0.5`, `250ms`, `10s`, `2m`, `1h`. A bare number is in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// The longest time that can be asked for. Beyond a day no wait of a client or server makes sense, and sums stay small.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "give a time such as 0.5, 250ms, 10s or 2m, more than 0 and at most 24h".to_owned();
        let units = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(units);
        let scale = match unit {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let seconds: f64 =
            if plain { number.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        let time = Duration::try_from_secs_f64(seconds * scale).map_err(|_| wrong())?;
        if time.is_zero() || time > LONGEST { Err(wrong()) } else { Ok(Self(time)) }
    }
}

/// `--max-rate`: a number of answers a second, or `none`.
pub fn max_rate(text: &str) -> Result<MaxRate, String> {
    if text == "none" {
        return Ok(MaxRate::Unlimited);
    }
    let rate = text.parse::<NonZeroU32>();
    rate.map(MaxRate::PerSecond)
        .map_err(|_| "give a number of answers a second, 1 or more, or none".to_owned())
}

/// `--length`: as many bytes as a reply of fixed length may have.
pub fn length(text: &str) -> Result<usize, String> {
    let length = text.parse().ok().filter(|&length: &usize| length <= MAX_LENGTH);
    length.ok_or_else(|| format!("give a number of bytes, at most {MAX_LENGTH}"))
}

/// `--join`: a room's name, which begins with # or &. Which others a server takes it says itself.
pub fn room(text: &str) -> Result<String, String> {
    let text = text.trim();
    let wrong = |c: char| c == ' ' || c == ',' || c.is_control();
    if !text.starts_with(['#', '&']) || text.len() < 2 {
        return Err(format!("a room's name begins with #, as in '#{text}'"));
    }
    match text.contains(wrong) || text.len() > MAX_ROOM {
        true => Err("a room's name has no spaces, and at most 200 bytes".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// The longest name of a room that is asked for, in bytes. No server has longer ones.
pub const MAX_ROOM: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_usual_units() {
        let of = |text: &str| text.parse::<Seconds>().map(|s| s.0.as_millis());
        assert_eq!(of("1"), Ok(1_000));
        assert_eq!(of("0.5"), Ok(500));
        assert_eq!(of("250ms"), Ok(250));
        assert_eq!(of("10s"), Ok(10_000));
        assert_eq!(of("2m"), Ok(120_000));
        assert_eq!(of("1h"), Ok(3_600_000));
        for text in ["", "0", "-1", "1d", "s", "1e9", "25h", "inf", "NaN", ".", "1.2.3"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_is_a_number_or_none() {
        assert_eq!(max_rate("none"), Ok(MaxRate::Unlimited));
        assert_eq!(max_rate("5"), Ok(MaxRate::PerSecond(NonZeroU32::new(5).unwrap())));
        assert!(max_rate("0").is_err() && max_rate("many").is_err());
    }

    #[test]
    fn a_room_begins_with_its_sign() {
        assert_eq!(room("#dev"), Ok("#dev".to_owned()));
        assert_eq!(room(" #dev"), Ok("#dev".to_owned()), "after a comma");
        assert!(room("dev").unwrap_err().contains("'#dev'"));
        assert!(room("#").is_err() && room("#a b").is_err() && room("#\x07").is_err());
        assert!(room(&format!("#{}", "x".repeat(200))).is_err());
    }

    #[test]
    fn a_length_is_bounded() {
        assert_eq!(length("0"), Ok(0));
        assert_eq!(length("16"), Ok(16));
        assert!(length("-1").is_err() && length("1073741825").is_err());
    }
}
