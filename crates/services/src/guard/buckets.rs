//! Token buckets for more keys than there is memory for.
//!
//! A table of fixed size in which each key may stand in one of eight places, as in a processor's
//! cache. What it must not do is forget a bucket that runs dry because a flood of other keys passes
//! through, so when all eight places are taken it gives up the one that matters least. A key that
//! is not in the table has a full bucket; giving up a place therefore never refuses anyone, it can
//! only forget what was spent.

use std::time::Duration;

/// Places that a key may stand in: two cache lines, so that a look costs two misses at most.
const WAYS: usize = 8;

/// Tokens are counted in thousandths, so that a refill of some tokens a second is as many
/// thousandths a millisecond.
const TOKEN: u64 = 1_000;

/// How full buckets are, how fast they fill, and when one may be given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Tokens in a full bucket, at least 1.
    pub(super) burst: u32,
    /// Tokens that come back each second.
    pub(super) refill: u32,
    /// A bucket left alone for so many milliseconds counts as full when a place is looked for.
    pub(super) settled_after: u32,
}

/// A table of token buckets, all on the same terms.
#[derive(Debug)]
pub(super) struct Buckets {
    terms: Terms,
    /// A power of two.
    sets: Box<[[Bucket; WAYS]]>,
}

/// One bucket. All zeros is a full one that belongs to nobody, or to whoever comes with a tag of 0.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Thousandths of tokens missing from a full bucket.
    spent: u64,
    /// The half of the key's hash that the set does not tell.
    tag: u32,
    /// When `spent` was right: milliseconds, modulo 2³².
    at: u32,
}

impl Buckets {
    /// A table of at least `keys` places, all of them full buckets; the only allocation there is.
    pub(super) fn new(keys: usize, terms: Terms) -> Self {
        let sets = (keys / WAYS).next_power_of_two();
        Self { terms, sets: vec![[Bucket::default(); WAYS]; sets].into_boxed_slice() }
    }

    /// Takes up to `wanted` tokens from the bucket of the key that hashes to `hash`, and returns
    /// how many it had.
    pub(super) fn take(&mut self, now: Duration, hash: u64, wanted: usize) -> usize {
        let now = milliseconds(now);
        let tag = (hash >> 32) as u32;
        let index = hash as usize & (self.sets.len() - 1);
        let set = &mut self.sets[index];
        let place = match set.iter().position(|bucket| bucket.tag == tag) {
            Some(place) => place,
            None => {
                let place = least_needed(set, now, self.terms);
                set[place] = Bucket { spent: 0, tag, at: now };
                place
            }
        };
        let bucket = &mut set[place];
        bucket.spent = bucket.spent_at(now, self.terms);
        bucket.at = now;
        let left = (u64::from(self.terms.burst) * TOKEN).saturating_sub(bucket.spent) / TOKEN;
        let taken = left.min(wanted as u64);
        bucket.spent += taken * TOKEN;
        taken as usize
    }
}

impl Bucket {
    /// What is missing at `now`, after what came back since.
    fn spent_at(&self, now: u32, terms: Terms) -> u64 {
        let back = u64::from(self.idle(now)) * u64::from(terms.refill);
        self.spent.saturating_sub(back)
    }

    /// Milliseconds since the bucket was last asked; 0 if time seems to run backwards.
    fn idle(&self, now: u32) -> u32 {
        let elapsed = now.wrapping_sub(self.at);
        if elapsed > i32::MAX as u32 { 0 } else { elapsed }
    }
}

/// The place to give up: one that settled, else the fullest, else the first of them.
///
/// The fullest, because a flood of keys that are each seen once leaves buckets with one token
/// missing, which then displace each other and no bucket that was drawn on twice. The settled,
/// because a loop that stopped leaves an empty bucket, and without this rule a crowd of dead loops
/// would leave live ones no room. The first and not the oldest, because keys that come in turn,
/// more of them than places, would each be given up just before it is seen again; whole tokens are
/// compared so that age does not tell.
fn least_needed(set: &[Bucket; WAYS], now: u32, terms: Terms) -> usize {
    let need = |bucket: &Bucket| {
        let settled = bucket.idle(now) >= terms.settled_after;
        if settled { 0 } else { bucket.spent_at(now, terms).div_ceil(TOKEN) }
    };
    let mut least = (0, need(&set[0]));
    for (place, bucket) in set.iter().enumerate().skip(1) {
        let need = need(bucket);
        if need < least.1 {
            least = (place, need);
        }
    }
    least.0
}

/// Milliseconds modulo 2³² (49 days): differences are all that is needed of them.
fn milliseconds(now: Duration) -> u32 {
    (now.as_secs() as u32).wrapping_mul(1_000).wrapping_add(now.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TERMS: Terms = Terms { burst: 32, refill: 2, settled_after: 500 };

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// One key a call, all in the same set of a table of one set.
    fn key(number: u32) -> u64 {
        u64::from(number) << 32
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_what_comes_back() {
        let mut buckets = Buckets::new(64, TERMS);
        assert_eq!(buckets.take(ms(0), 7, 100), 32);
        assert_eq!(buckets.take(ms(499), 7, 100), 0);
        assert_eq!(buckets.take(ms(500), 7, 100), 1);
        assert_eq!(buckets.take(ms(1_500), 7, 1), 1);
        assert_eq!(buckets.take(ms(1_500), 7, 100), 1);
        assert_eq!(buckets.take(ms(60_000), 7, 100), 32, "never more than the burst");
    }

    #[test]
    fn asking_an_empty_bucket_often_does_not_keep_it_empty() {
        let mut buckets = Buckets::new(64, TERMS);
        buckets.take(ms(0), 7, 32);
        let given: usize = (1..=10_000).map(|now| buckets.take(ms(now), 7, 1)).sum();
        assert_eq!(given, 20);
    }

    #[test]
    fn time_that_wraps_or_runs_backwards_refills_nothing() {
        let mut buckets = Buckets::new(64, TERMS);
        let wrap = ms(1 << 32);
        assert_eq!(buckets.take(wrap - ms(1), 7, 32), 32);
        assert_eq!(buckets.take(wrap, 7, 1), 0);
        assert_eq!(buckets.take(wrap - ms(5), 7, 1), 0);
        assert_eq!(buckets.take(wrap + ms(500), 7, 2), 1);
    }

    #[test]
    fn keys_seen_once_displace_each_other_and_not_a_key_seen_twice() {
        let mut buckets = Buckets::new(1, TERMS);
        buckets.take(ms(0), key(1), 2);
        for other in 2..10_000 {
            assert_eq!(buckets.take(ms(0), key(other), 1), 1);
        }
        assert_eq!(buckets.take(ms(0), key(1), 100), 30, "what was spent is remembered");
    }

    #[test]
    fn a_settled_bucket_makes_room_for_a_live_one() {
        let mut buckets = Buckets::new(1, TERMS);
        for dead in 1..=8 {
            buckets.take(ms(0), key(dead), 32);
        }
        buckets.take(ms(499), key(8), 1);
        buckets.take(ms(500), key(9), 30);
        assert_eq!(buckets.take(ms(500), key(10), 32), 32);
        assert_eq!(buckets.take(ms(500), key(9), 32), 2, "the live one was left alone");
        assert_eq!(buckets.take(ms(500), key(8), 32), 1, "and so was the one just asked");
    }

    #[test]
    fn more_keys_in_turn_than_places_still_run_dry() {
        // Twenty loops in one set, a round of each every millisecond; a refused one has ended.
        let mut buckets = Buckets::new(1, TERMS);
        let mut alive: Vec<u32> = (1..=20).collect();
        for now in 0..3_000 {
            alive.retain(|&loop_| buckets.take(ms(now), key(loop_), 1) == 1);
        }
        assert!(alive.is_empty(), "{} loops of 20 are alive", alive.len());
    }

    proptest! {
        #[test]
        fn no_key_gets_more_than_burst_and_refill_while_it_keeps_its_place(
            asks in prop::collection::vec((0..2_000u64, 0..50usize), 1..200),
        ) {
            let mut buckets = Buckets::new(1, TERMS);
            let (mut now, mut given) = (0, 0);
            for (pause, wanted) in asks {
                now += pause;
                let taken = buckets.take(ms(now), key(3), wanted);
                prop_assert!(taken <= wanted);
                given += taken;
                prop_assert!(given as u64 * 1_000 <= 32_000 + now * 2);
            }
        }
    }
}
