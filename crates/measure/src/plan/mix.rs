//! How long requests are: all alike, or of several lengths, each in its part: `64:7,1400:1`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::random::{Random, scale};

/// Lengths of requests and how often each comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeMix {
    /// Each size with the sum of the weights up to and with its own. Never empty.
    parts: Vec<(usize, u64)>,
}

impl SizeMix {
    /// The longest request, 1 MiB: requests are there to be counted; whoever wants to move a stream has other tools.
    /// A datagram's own limit, 65,507 bytes, is checked where it is known that datagrams are sent.
    pub const MAX_SIZE: usize = 1 << 20;

    /// The most lengths of a mix.
    pub const MAX_PARTS: usize = 64;

    /// The highest weight: the sum of all fits with room to spare.
    pub const MAX_WEIGHT: u64 = 1_000_000;

    /// Requests of one size.
    pub fn one(size: usize) -> Result<Self, MixError> {
        Self::of(&[(size, 1)])
    }

    /// Requests of several sizes, each with its weight.
    pub fn of(parts: &[(usize, u64)]) -> Result<Self, MixError> {
        if parts.is_empty() {
            return Err(MixError::Malformed);
        }
        if parts.len() > Self::MAX_PARTS {
            return Err(MixError::TooMany);
        }
        let mut sum = 0;
        let mut sums = Vec::with_capacity(parts.len());
        for &(size, weight) in parts {
            if !(1..=Self::MAX_SIZE).contains(&size) {
                return Err(MixError::Size);
            }
            if !(1..=Self::MAX_WEIGHT).contains(&weight) {
                return Err(MixError::Weight);
            }
            sum += weight;
            sums.push((size, sum));
        }
        Ok(Self { parts: sums })
    }

    /// The size of the next request.
    pub fn pick(&self, random: &mut Random) -> usize {
        match self.parts[..] {
            [(size, _)] => size,
            _ => self.at(random.draw()),
        }
    }

    /// The size that belongs to a number of 64 random bits.
    #[inline]
    pub fn at(&self, random: u64) -> usize {
        let place = scale(random, self.total());
        let part = self.parts.iter().find(|&&(_, sum)| place < sum);
        // `place` is below the last sum, so one is found.
        part.map_or(self.parts[0].0, |&(size, _)| size)
    }

    /// The one size, if all requests have the same.
    pub fn only(&self) -> Option<usize> {
        self.parts.iter().all(|part| part.0 == self.parts[0].0).then_some(self.parts[0].0)
    }

    /// The shortest request.
    pub fn smallest(&self) -> usize {
        self.parts.iter().map(|part| part.0).min().unwrap_or(1)
    }

    /// The longest request.
    pub fn largest(&self) -> usize {
        self.parts.iter().map(|part| part.0).max().unwrap_or(1)
    }

    /// The mean length, in bytes.
    pub fn mean(&self) -> f64 {
        let bytes: u128 =
            self.weights().map(|(size, weight)| size as u128 * u128::from(weight)).sum();
        bytes as f64 / self.total() as f64
    }

    /// Each size with its weight, as given.
    pub fn weights(&self) -> impl Iterator<Item = (usize, u64)> {
        let before = [0].into_iter().chain(self.parts.iter().map(|part| part.1));
        self.parts.iter().zip(before).map(|(&(size, sum), before)| (size, sum - before))
    }

    fn total(&self) -> u64 {
        self.parts[self.parts.len() - 1].1
    }
}

/// As it can be typed again: `64` for one size, `64:7,1400:1` for several.
impl fmt::Display for SizeMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(size, _)] = self.parts[..] {
            return write!(f, "{size}");
        }
        for (index, (size, weight)) in self.weights().enumerate() {
            write!(f, "{}{size}:{weight}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for SizeMix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let part = |part: &str| {
            let (size, weight) = part.split_once(':').unwrap_or((part, "1"));
            Ok((
                usize::try_from(number(size, MixError::Size)?).map_err(|_| MixError::Size)?,
                number(weight, MixError::Weight)?,
            ))
        };
        // One more than allowed is enough to be refused, however long the text.
        let parts: Result<Vec<_>, _> =
            text.split(',').take(Self::MAX_PARTS + 1).map(part).collect();
        Self::of(&parts?)
    }
}

/// A number of digits alone; `too_large` where there are too many of them.
fn number(text: &str, too_large: MixError) -> Result<u64, MixError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MixError::Malformed);
    }
    text.parse().map_err(|_| too_large)
}

/// Why a text is no mix of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MixError {
    /// It is not written as one.
    #[error("a mix of sizes is written SIZE:WEIGHT,SIZE:WEIGHT, such as 64:7,1400:1")]
    Malformed,
    /// A size out of range.
    #[error("a size is between 1 and {} bytes", SizeMix::MAX_SIZE)]
    Size,
    /// A weight out of range.
    #[error("a weight is between 1 and {}", SizeMix::MAX_WEIGHT)]
    Weight,
    /// More than [`SizeMix::MAX_PARTS`].
    #[error("a mix has at most {} sizes", SizeMix::MAX_PARTS)]
    TooMany,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_come_as_often_as_their_weights_say() {
        let mix: SizeMix = "64:7,1400:1".parse().expect("a mix");
        let mut random = Random::new(3);
        let long = (0..80_000).filter(|_| mix.pick(&mut random) == 1400).count();
        assert!((9_500..10_500).contains(&long), "{long} of 80,000");
        assert_eq!((mix.smallest(), mix.largest(), mix.mean()), (64, 1400, 231.0));
        assert_eq!(mix.only(), None);
    }

    #[test]
    fn the_ends_of_the_random_numbers_belong_to_the_first_and_the_last_size() {
        let mix: SizeMix = "1:1,2:1,3:1".parse().expect("a mix");
        assert_eq!((mix.at(0), mix.at(u64::MAX / 2), mix.at(u64::MAX)), (1, 2, 3));
    }

    #[test]
    fn one_size_is_a_mix_of_one() {
        assert_eq!("512".parse(), SizeMix::one(512));
        assert_eq!(SizeMix::one(512).map(|mix| (mix.only(), mix.mean())), Ok((Some(512), 512.0)));
        assert_eq!("64,1400".parse(), SizeMix::of(&[(64, 1), (1400, 1)]));
    }

    #[test]
    fn what_is_no_mix_is_refused_with_its_reason() {
        let read = |text: &str| text.parse::<SizeMix>().err();
        for text in ["", ",", "64:7,", "64:", ":7", "64:7:1", "64;7", "a", "-1", "64: 7"] {
            assert_eq!(read(text), Some(MixError::Malformed), "{text}");
        }
        assert_eq!(read("0"), Some(MixError::Size));
        assert_eq!(read("1048577"), Some(MixError::Size));
        assert_eq!(read("99999999999999999999999999"), Some(MixError::Size));
        assert_eq!(read("64:0"), Some(MixError::Weight));
        assert_eq!(read("64:1000001"), Some(MixError::Weight));
        assert_eq!(read(&"64,".repeat(1000)), Some(MixError::TooMany));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(
            parts in proptest::collection::vec((1..=SizeMix::MAX_SIZE, 1..=SizeMix::MAX_WEIGHT), 2..20)
        ) {
            let mix = SizeMix::of(&parts).expect("a mix");
            prop_assert_eq!(mix.weights().collect::<Vec<_>>(), parts);
            prop_assert_eq!(mix.to_string().parse(), Ok(mix));
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "[0-9:,k -]{0,40}") {
            let _ = text.parse::<SizeMix>();
        }
    }
}
