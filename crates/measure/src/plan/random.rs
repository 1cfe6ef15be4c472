//! The numbers from which everything random in a run is made.
//!
//! A run is told its seed and reports it, so that another run sends the same sizes and the same text in the same order.

/// A generator of 64-bit numbers that depend on its seed alone: splitmix64.
///
/// It has one word of state, passes the common statistical tests and is good from any seed, zero too. It is no secret
/// and guards nothing. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// A generator for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        finish(self.0)
    }

    /// The next number below `limit`, or 0 if that is 0.
    ///
    /// The product's upper half is taken instead of a remainder: no division, and what is uneven in it is below
    /// `limit` in 2^64, which no run is long enough to see.
    pub fn below(&mut self, limit: u64) -> u64 {
        scale(self.draw(), limit)
    }
}

/// A number that looks random for each pair of `seed` and `index`, without any state in between.
///
/// So both who sends a request and who checks its reply know what it holds, and nothing has to be kept for it.
#[inline]
pub fn scramble(seed: u64, index: u64) -> u64 {
    finish(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP)))
}

/// Brings a number of 64 random bits to one below `limit`.
#[inline]
pub(crate) fn scale(random: u64, limit: u64) -> u64 {
    // The upper half of the product of two 64-bit numbers fits into 64 bits.
    ((u128::from(random) * u128::from(limit)) >> 64) as u64
}

/// The odd number nearest to 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn finish(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers_come_out() {
        // The reference implementation's first outputs for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.draw(), 6_457_827_717_110_365_317);
        assert_eq!(random.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_number_by_index_is_the_one_that_a_generator_would_come_to() {
        let mut random = Random::new(7);
        for index in 0..100 {
            assert_eq!(scramble(7, index), random.draw());
        }
        assert_ne!(scramble(7, u64::MAX), scramble(8, u64::MAX));
    }

    #[test]
    fn numbers_below_a_limit_are_spread_evenly_and_never_reach_it() {
        let mut random = Random::new(1);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[random.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
        assert_eq!((random.below(1), random.below(0)), (0, 0));
        assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX - 1);
    }
}
