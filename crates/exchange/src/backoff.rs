//! How long to wait before a request is sent again.
//!
//! The waits double, so that a server in trouble is asked less and less, and all but the first are
//! jittered, so that clients that lost their replies in one burst do not come back in one burst.

use std::time::Duration;

/// How often a request is sent before it is given up: at 0, 1 and 3 s, given up at 7 s.
pub const DEFAULT_TRIES: u32 = 3;

/// The first wait. RFC 8085, section 3.1.1, asks for an initial timeout of 1 s where the round-trip
/// time is not known.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// No wait grows beyond this. RFC 6298, section 2.5, allows a cap on the timer of 60 s or more.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// No wait is shorter than this, the resolution of `epoll_wait`: with a first wait of zero all
/// tries would leave at once and be given up before any reply could come.
pub const MIN_WAIT: Duration = Duration::from_millis(1);

/// A jittered wait differs from the plain one by at most this many thousandths, either way.
const JITTER_PER_MILLE: u32 = 100;

/// When to send a request again, and when to give it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first send. It is kept to exactly, being what the user asked for, even
    /// when it is longer than [`MAX_WAIT`].
    pub first: Duration,
    /// How often the request is sent in all. Zero counts as one.
    pub tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: DEFAULT_TIMEOUT, tries: DEFAULT_TRIES }
    }
}

impl Backoff {
    /// How long to wait for a reply after send number `sent`, counted from 1.
    pub fn wait(&self, sent: u32, jitter: &mut Jitter) -> Duration {
        let first = self.first.max(MIN_WAIT);
        if sent <= 1 {
            return first;
        }
        let longest = first.max(MAX_WAIT);
        let doubled = first.saturating_mul(2_u32.saturating_pow(sent - 1)).min(longest);
        let spread = u64::from(2 * JITTER_PER_MILLE + 1);
        // The remainder is below `spread`, so it fits.
        let per_mille = 1000 - JITTER_PER_MILLE + (jitter.draw() % spread) as u32;
        (doubled / 1000).saturating_mul(per_mille).min(longest)
    }

    /// Whether a request that was sent `sent` times is not to be sent again.
    pub fn is_spent(&self, sent: u32) -> bool {
        sent >= self.tries
    }
}

/// The random numbers behind the jitter: splitmix64, which is tiny and good from any seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. It is no
/// secret and guards nothing.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// A generator whose draws depend on `seed` alone. The caller takes the seed from the clock or
    /// the process id, tests from a loop.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_wait_is_exactly_what_was_asked_for() {
        for seed in 0..100 {
            assert_eq!(Backoff::default().wait(1, &mut Jitter::new(seed)), SECOND);
        }
        let patient = Backoff { first: 90 * SECOND, tries: 3 };
        assert_eq!(patient.wait(1, &mut Jitter::new(0)), 90 * SECOND);
        assert!(patient.wait(2, &mut Jitter::new(0)) <= 90 * SECOND);
    }

    #[test]
    fn later_waits_double_within_a_tenth_and_are_not_all_alike() {
        let backoff = Backoff { first: SECOND, tries: 9 };
        for (sent, plain) in [(2, 2 * SECOND), (3, 4 * SECOND), (4, 8 * SECOND)] {
            let waits: Vec<_> =
                (0..200).map(|seed| backoff.wait(sent, &mut Jitter::new(seed))).collect();
            assert!(waits.iter().all(|&wait| wait >= plain * 9 / 10 && wait <= plain * 11 / 10));
            assert!(
                waits.iter().any(|&wait| wait < plain) && waits.iter().any(|&wait| wait > plain)
            );
        }
    }

    #[test]
    fn no_wait_is_longer_than_the_cap_or_overflows() {
        let mut jitter = Jitter::new(7);
        for first in [Duration::ZERO, SECOND, Duration::MAX] {
            let backoff = Backoff { first, tries: u32::MAX };
            for sent in [0, 1, 2, 7, 31, 32, 33, u32::MAX] {
                let wait = backoff.wait(sent, &mut jitter);
                assert!(wait >= MIN_WAIT && wait <= first.max(MAX_WAIT), "{first:?} {sent}");
            }
        }
    }

    #[test]
    fn splitmix64_gives_the_published_numbers() {
        // The reference implementation's first outputs for the seed 1234567.
        let mut jitter = Jitter::new(1_234_567);
        assert_eq!(jitter.draw(), 6_457_827_717_110_365_317);
        assert_eq!(jitter.draw(), 3_203_168_211_198_807_973);
    }
}
