//! How many requests a second: `500`, `10k`, `1.5M`, and a climb from one rate to another, `1k..200k`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A rate above zero, kept in thousandths of a request per second so that `0.5` and `1.5k` are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// The lowest rate: one request in a thousand seconds.
    pub const MIN: Self = Self(1);

    /// The highest rate, a hundred million a second: above what any one machine can send, and low enough that no
    /// product with it overflows.
    pub const MAX: Self = Self(100_000_000 * THOUSANDTHS);

    /// A whole number of requests per second, brought into the range of rates.
    pub fn per_second(requests: u64) -> Self {
        Self::of_thousandths(requests.saturating_mul(THOUSANDTHS))
    }

    /// A number of thousandths of a request per second, brought into the range of rates.
    pub fn of_thousandths(thousandths: u64) -> Self {
        Self(thousandths).clamp(Self::MIN, Self::MAX)
    }

    /// In thousandths of a request per second.
    pub fn thousandths(self) -> u64 {
        self.0
    }

    /// In requests per second.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / THOUSANDTHS as f64
    }
}

/// As it can be typed again: with `k` and `M` where that is shorter and exact.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, suffix) = match self.0 {
            rate if rate >= MILLION && rate % (MILLION / 1000) == 0 => (MILLION, "M"),
            rate if rate >= THOUSAND => (THOUSAND, "k"),
            _ => (THOUSANDTHS, ""),
        };
        let digits = if unit == MILLION {
            9
        } else if unit == THOUSAND {
            6
        } else {
            3
        };
        let fraction = format!("{:0digits$}", self.0 % unit);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}{suffix}", self.0 / unit),
            rest => write!(f, "{}.{rest}{suffix}", self.0 / unit),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.strip_suffix("/s").unwrap_or(text);
        let (number, unit) = match text.as_bytes().last() {
            Some(b'k' | b'K') => (&text[..text.len() - 1], THOUSAND),
            Some(b'm' | b'M') => (&text[..text.len() - 1], MILLION),
            _ => (text, THOUSANDTHS),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let whole: u64 = digits(whole)?;
        let places = u32::try_from(fraction.len()).map_err(|_| RateError::NotANumber)?;
        let part = digits(fraction)?;
        let scale = 10_u64.checked_pow(places).ok_or(RateError::NotANumber)?;
        // Both factors are below 2^64, so the product fits; what is finer than a thousandth is cut off.
        let part = u128::from(part) * u128::from(unit) / u128::from(scale);
        let rate = u128::from(whole) * u128::from(unit) + part;
        match u64::try_from(rate) {
            Ok(0) => Err(RateError::Zero),
            Ok(rate) if rate <= Self::MAX.0 => Ok(Self(rate)),
            _ => Err(RateError::TooHigh),
        }
    }
}

/// A number of digits alone: no sign, no blank, as `u64`'s own parser would allow.
fn digits(text: &str) -> Result<u64, RateError> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().map_err(|_| match text {
            "" => RateError::NotANumber,
            _ => RateError::TooHigh,
        }),
        false => Err(RateError::NotANumber),
    }
}

/// The rate of a run, or the rates that it climbs through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// One rate from the beginning to the end.
    One(Rate),
    /// From a low rate to a high one, in steps.
    Climb {
        /// The rate of the first step.
        from: Rate,
        /// The rate of the last step, above the first.
        to: Rate,
    },
}

impl Rates {
    /// The steps of a climb if the user names no number: each rate of `1k..200k` is then 1.6 times the one before.
    pub const DEFAULT_STEPS: usize = 12;

    /// The most steps of a climb: above it the steps lie closer together than two runs of the same rate.
    pub const MAX_STEPS: usize = 100;

    /// The rates one after the other, each the same ratio above the one before: where a server gives in is not known
    /// beforehand, and a ratio finds it as well between 1,000 and 2,000 as between 100,000 and 200,000.
    ///
    /// `count` is brought to between 2 and [`Rates::MAX_STEPS`]; rates that would be the same are one step.
    pub fn steps(&self, count: usize) -> Vec<Rate> {
        match *self {
            Self::One(rate) => vec![rate],
            Self::Climb { from, to } => {
                let last = count.clamp(2, Self::MAX_STEPS) - 1;
                let ratio = to.as_f64() / from.as_f64();
                let rate = |step: usize| match step {
                    0 => from,
                    step if step == last => to,
                    step => {
                        let grown = ratio.powf(step as f64 / last as f64);
                        rounded(from.as_f64() * grown).clamp(from, to)
                    }
                };
                let mut steps: Vec<Rate> = (0..=last).map(rate).collect();
                steps.dedup();
                steps
            }
        }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(rate) => rate.fmt(f),
            Self::Climb { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

impl FromStr for Rates {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let Some((from, to)) = text.split_once("..") else { return Ok(Self::One(text.parse()?)) };
        let (from, to) = (from.parse()?, to.parse()?);
        if from < to { Ok(Self::Climb { from, to }) } else { Err(RateError::NoClimb) }
    }
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RateError {
    /// It is not written as one.
    #[error("a rate is a number of requests a second, such as 500, 10k or 1.5M")]
    NotANumber,
    /// Nothing would be sent.
    #[error("a rate is above 0; the lowest is 0.001")]
    Zero,
    /// It is above [`Rate::MAX`].
    #[error("a rate is at most 100M requests a second")]
    TooHigh,
    /// A climb that does not go up.
    #[error("a climb goes from a lower rate to a higher one, such as 1k..200k")]
    NoClimb,
}

const THOUSANDTHS: u64 = 1000;
const THOUSAND: u64 = 1000 * THOUSANDTHS;
const MILLION: u64 = 1000 * THOUSAND;

/// A rate of three digits that count, so that the steps of a climb are numbers one can say.
fn rounded(requests: f64) -> Rate {
    let thousandths = requests * THOUSANDTHS as f64;
    let unit = 10_f64.powf((thousandths.log10().floor() - 2.0).max(0.0));
    // The rates it is made from are below 2^53, so nothing is lost; `as` saturates.
    Rate::of_thousandths(((thousandths / unit).round() * unit).round() as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Result<f64, RateError> {
        text.parse::<Rate>().map(Rate::as_f64)
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, requests) in [
            ("200000", 200_000.0),
            ("10k", 10_000.0),
            ("1.5K", 1_500.0),
            ("2M", 2_000_000.0),
            ("0.25m", 250_000.0),
            ("0.001", 0.001),
            ("500/s", 500.0),
            ("10k/s", 10_000.0),
            ("100M", 100_000_000.0),
        ] {
            assert_eq!(rate(text), Ok(requests), "{text}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused_with_its_reason() {
        for text in [
            "", "k", "fast", "-5", "+5", " 5", "5 ", "1e3", "1.2.3", "1,5k", ".", "1.", ".5",
            "5kk", "٣",
        ] {
            assert_eq!(rate(text), Err(RateError::NotANumber), "{text}");
        }
        assert_eq!(rate("0"), Err(RateError::Zero));
        assert_eq!(rate("0.0004"), Err(RateError::Zero));
        assert_eq!(rate("100.1M"), Err(RateError::TooHigh));
        assert_eq!(rate("99999999999999999999999"), Err(RateError::TooHigh));
        assert_eq!(rate("18446744073709551615M"), Err(RateError::TooHigh));
    }

    #[test]
    fn a_climb_has_its_two_ends_and_goes_up() {
        let climb = Rates::Climb { from: Rate::per_second(1000), to: Rate::per_second(200_000) };
        assert_eq!("1k..200k".parse(), Ok(climb));
        assert_eq!("7".parse(), Ok(Rates::One(Rate::per_second(7))));
        assert_eq!("200k..1k".parse::<Rates>(), Err(RateError::NoClimb));
        assert_eq!("5..5".parse::<Rates>(), Err(RateError::NoClimb));
        assert_eq!("1k..".parse::<Rates>(), Err(RateError::NotANumber));
        assert_eq!("1k..2k..3k".parse::<Rates>(), Err(RateError::NotANumber));
    }

    #[test]
    fn steps_grow_by_one_ratio_from_the_first_rate_to_the_last() {
        let climb: Rates = "1k..64k".parse().expect("a climb");
        let steps: Vec<String> = climb.steps(7).iter().map(Rate::to_string).collect();
        assert_eq!(steps, ["1k", "2k", "4k", "8k", "16k", "32k", "64k"]);
        let named: Vec<String> = "1k..200k"
            .parse::<Rates>()
            .expect("a climb")
            .steps(4)
            .iter()
            .map(Rate::to_string)
            .collect();
        assert_eq!(named, ["1k", "5.85k", "34.2k", "200k"]);
        assert_eq!("500".parse::<Rates>().expect("a rate").steps(9), [Rate::per_second(500)]);
    }

    #[test]
    fn rates_that_lie_too_close_for_as_many_steps_are_no_steps_twice() {
        let climb = Rates::Climb { from: Rate::of_thousandths(1), to: Rate::of_thousandths(3) };
        assert_eq!(climb.steps(usize::MAX).len(), 3);
        assert_eq!(climb.steps(0).len(), 2);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(thousandths in 1..=Rate::MAX.0) {
            let rate = Rate::of_thousandths(thousandths);
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "\\PC{0,12}") {
            let _ = text.parse::<Rates>();
        }

        #[test]
        fn steps_always_go_up_and_keep_to_their_ends(
            from in 1..Rate::MAX.0, more in 1..Rate::MAX.0, count in 0..200_usize
        ) {
            let (from, to) = (Rate::of_thousandths(from), Rate::of_thousandths(from + more));
            prop_assume!(from < to);
            let steps = Rates::Climb { from, to }.steps(count);
            prop_assert_eq!((steps[0], steps[steps.len() - 1]), (from, to));
            prop_assert!(steps.is_sorted_by(|a, b| a < b));
        }
    }
}
