//! Token buckets for more keys than there is memory for.
//!
//! A bucket is kept as one number: the moment at which it will be full again (the generic cell rate algorithm, ITU-T
//! I.371). The table is of fixed size, and a key may stand in one of eight places. When all are taken, the bucket that
//! is full soonest is given up. So a flood of keys that are each seen once displaces itself and not a bucket that was
//! run dry by many tries; and a key that is not in the table has a full bucket, so that giving up a place never
//! refuses anybody.

use std::time::Duration;

/// Places that a key may stand in.
const WAYS: usize = 8;

/// How many tries at once, and how often one more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    /// Tokens in a full bucket; 0 to allow nothing.
    pub burst: u32,
    /// How long until a spent token is back: the longest that anybody waits who waits his turn.
    pub refill: Duration,
}

/// A table of buckets, or of moments of any other meaning.
#[derive(Debug)]
pub(super) struct Debts {
    /// A power of two of them.
    sets: Box<[[Place; WAYS]]>,
}

/// All zeros is a place that is free.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u64,
    /// Milliseconds.
    until: u64,
}

impl Debts {
    /// At least `keys` places, the only allocation there is.
    pub(super) fn new(keys: usize) -> Self {
        let sets = keys.div_ceil(WAYS).next_power_of_two();
        Self { sets: vec![[Place::default(); WAYS]; sets].into_boxed_slice() }
    }

    /// Whether the bucket of the key that hashes to `hash` has a token.
    pub(super) fn has_token(&self, now: Duration, hash: u64, allowance: Allowance) -> bool {
        let until = self.find(hash).map_or(0, |place| self.sets[place.0][place.1].until);
        after_taking(millis(now), until, allowance).is_some()
    }

    /// Takes a token. `false`: there is none.
    pub(super) fn take(&mut self, now: Duration, hash: u64, allowance: Allowance) -> bool {
        let place = self.place(hash);
        match after_taking(millis(now), place.until, allowance) {
            Some(until) => {
                place.until = until;
                true
            }
            None => false,
        }
    }

    /// Gives a token back that was taken.
    pub(super) fn give_back(&mut self, hash: u64, allowance: Allowance) {
        if let Some((set, way)) = self.find(hash) {
            let place = &mut self.sets[set][way];
            place.until = place.until.saturating_sub(millis(allowance.refill));
        }
    }

    /// Notes that a key was seen, in a table of keys and not of buckets: the one seen longest ago is given up.
    pub(super) fn note(&mut self, now: Duration, hash: u64) {
        // Never 0, which is a free place.
        self.place(hash).until = millis(now).max(1);
    }

    /// Whether a key was noted and not given up.
    pub(super) fn is_noted(&self, hash: u64) -> bool {
        self.find(hash).is_some_and(|(set, way)| self.sets[set][way].until > 0)
    }

    fn find(&self, hash: u64) -> Option<(usize, usize)> {
        let set = self.set(hash);
        let way = self.sets[set].iter().position(|place| place.hash == hash)?;
        Some((set, way))
    }

    /// The key's place, or the one that matters least made its own.
    fn place(&mut self, hash: u64) -> &mut Place {
        let (set, way) = self.find(hash).unwrap_or_else(|| {
            let set = self.set(hash);
            let ways = self.sets[set].iter().enumerate();
            let least = ways.min_by_key(|(_, place)| place.until).map_or(0, |(way, _)| way);
            self.sets[set][least] = Place { hash, until: 0 };
            (set, least)
        });
        &mut self.sets[set][way]
    }

    fn set(&self, hash: u64) -> usize {
        hash as usize & (self.sets.len() - 1)
    }
}

/// When a bucket will be full that is full at `until`, if one more token is taken; `None` if it has none.
fn after_taking(now: u64, until: u64, allowance: Allowance) -> Option<u64> {
    let refill = millis(allowance.refill);
    let after = until.max(now).saturating_add(refill);
    let empty = refill.saturating_mul(allowance.burst.into());
    (allowance.burst > 0 && after.saturating_sub(now) <= empty).then_some(after)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THREE: Allowance = Allowance { burst: 3, refill: Duration::from_secs(10) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_token_each_refill() {
        let mut debts = Debts::new(64);
        let mut taken = |at| debts.take(seconds(at), 7, THREE);
        assert_eq!([0, 0, 0, 0].map(&mut taken), [true, true, true, false]);
        assert_eq!([9, 10, 10, 19, 20].map(&mut taken), [false, true, false, false, true]);
        assert_eq!([1_000; 4].map(&mut taken), [true, true, true, false], "never more than full");
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let mut debts = Debts::new(64);
        for _ in 0..100 {
            assert!(debts.take(seconds(0), 7, THREE));
            debts.give_back(7, THREE);
        }
        assert!(debts.has_token(seconds(0), 7, THREE));
    }

    #[test]
    fn a_flood_of_other_keys_does_not_fill_an_empty_bucket() {
        let mut debts = Debts::new(8);
        while debts.take(seconds(0), 1, THREE) {}
        for key in 2..10_000 {
            assert!(debts.take(seconds(1), key, THREE), "a new key is never refused");
        }
        assert!(!debts.take(seconds(2), 1, THREE));
    }

    #[test]
    fn what_was_seen_longest_ago_is_given_up() {
        let mut seen = Debts::new(8);
        for key in 1..=8 {
            seen.note(seconds(key), key);
        }
        seen.note(seconds(9), 1);
        seen.note(seconds(10), 100);
        assert!(!seen.is_noted(2));
        assert!([1, 3, 4, 5, 6, 7, 8, 100].iter().all(|&key| seen.is_noted(key)));
        assert!(!seen.is_noted(0), "a free place is nobody's");
    }

    proptest! {
        /// Whatever is asked and when, a bucket gives at most its burst and what came back, and a refused key gets its
        /// token at the latest one refill later.
        #[test]
        fn the_rate_is_kept_and_the_wait_is_bounded(
            waits in prop::collection::vec(0u64..20_000, 1..200),
            burst in 1u32..8,
            refill in 1u64..15_000,
        ) {
            let allowance = Allowance { burst, refill: Duration::from_millis(refill) };
            let mut debts = Debts::new(8);
            let (mut now, mut given) = (0, 0);
            for wait in waits {
                now += wait;
                if debts.take(Duration::from_millis(now), 1, allowance) {
                    given += 1;
                } else {
                    prop_assert!(debts.has_token(Duration::from_millis(now + refill), 1, allowance));
                }
                prop_assert!(given <= u64::from(burst) + now / refill);
            }
        }
    }
}
