//! Limits for senders that may be anybody: token buckets in tables of fixed size.
//!
//! Before a sender has proven its address nothing is kept for it alone. What it may cost is counted in buckets that
//! it shares with whoever else falls into the same place of a table; the places are chosen by a hash with a secret
//! seed, so nobody can choose whom to share with. A flood from forged addresses fills the table, and then newcomers
//! wait; who is in already is not concerned.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How full a bucket is when it is full, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens in a full bucket.
    pub burst: u32,
    /// How long a token takes to come back.
    pub every: Duration,
}

impl Rate {
    /// `burst` tokens, and `per_second` a second after that. None a second counts as one a day.
    pub fn per_second(burst: u32, per_second: u32) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        let every = Duration::from_secs(1).checked_div(per_second).unwrap_or(DAY);
        Self { burst, every }
    }
}

/// A token bucket. It keeps one moment: when it will be full again (GCRA, the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes `tokens`, if there are so many; a full bucket gives any number, since no wait would bring more than that.
    pub fn take(&mut self, tokens: u32, rate: Rate, now: Duration) -> bool {
        if self.ready_at(tokens, rate) > now {
            return false;
        }
        // What is more than the bucket holds is owed.
        let taken = rate.every.saturating_mul(tokens);
        self.full_at = self.full_at.max(now).saturating_add(taken);
        true
    }

    /// From when on [`Self::take`] gives `tokens`, if nothing is taken before.
    pub fn ready_at(&self, tokens: u32, rate: Rate) -> Duration {
        let most = rate.burst.max(1);
        let wanted = rate.every.saturating_mul(tokens.min(most));
        self.full_at.saturating_add(wanted).saturating_sub(rate.every.saturating_mul(most))
    }
}

/// Places in a table: 64 KiB of moments.
const PLACES: usize = 4_096;

/// Buckets for any number of addresses.
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    seed: RandomState,
    places: Box<[Bucket]>,
    all: Bucket,
    rate_of_all: Rate,
}

impl Buckets {
    /// Buckets of `rate` for each address, and one of `all` for all of them together.
    pub fn new(rate: Rate, all: Rate) -> Self {
        Self {
            rate,
            seed: RandomState::new(),
            places: vec![Bucket::default(); PLACES].into_boxed_slice(),
            all: Bucket::default(),
            rate_of_all: all,
        }
    }

    /// Takes a token from the bucket of `address` and from that of all, if both have one.
    pub fn take(&mut self, address: IpAddr, now: Duration) -> bool {
        // The remainder is less than 4,096.
        let place = (self.seed.hash_one(party(address)) % PLACES as u64) as usize;
        let Some(bucket) = self.places.get_mut(place) else { return false };
        let before = *bucket;
        if !bucket.take(1, self.rate, now) {
            return false;
        }
        let taken = self.all.take(1, self.rate_of_all, now);
        if !taken {
            *bucket = before;
        }
        taken
    }
}

/// Whom an address belongs to: itself in IPv4, the /64 in IPv6, which is what one network or one customer has (RFC
/// 6177).
pub fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const RATE: Rate = Rate { burst: 3, every: Duration::from_millis(500) };
    const ANY: Rate = Rate { burst: 1_000, every: Duration::from_millis(1) };

    #[test]
    fn a_bucket_gives_its_burst_and_then_what_comes_back() {
        let mut bucket = Bucket::default();
        let mut take = |tokens, at| bucket.take(tokens, RATE, ms(at));
        assert!(take(2, 0) && take(1, 0) && !take(1, 0));
        assert!(!take(1, 499) && take(1, 500) && !take(1, 999));
        assert!(take(3, 60_000) && !take(1, 60_000), "never more than the burst");
    }

    #[test]
    fn a_bucket_tells_when_it_gives() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.ready_at(3, RATE), ms(0));
        assert!(bucket.take(3, RATE, ms(10_000)));
        for tokens in 1..5 {
            let ready = bucket.ready_at(tokens, RATE);
            assert!(!bucket.clone().take(tokens, RATE, ready - ms(1)));
            assert!(bucket.clone().take(tokens, RATE, ready));
        }
        assert_eq!(bucket.ready_at(1, RATE), ms(10_500));
    }

    #[test]
    fn more_than_a_full_bucket_holds_is_given_once_and_owed() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(6, RATE, ms(0)));
        assert!(!bucket.take(1, RATE, ms(1_999)));
        assert!(bucket.take(1, RATE, ms(2_000)));
    }

    #[test]
    fn each_address_has_its_bucket_and_an_ipv6_network_has_one() {
        let mut buckets = Buckets::new(RATE, ANY);
        for _ in 0..3 {
            assert!(buckets.take(ip("192.0.2.1"), ms(0)));
        }
        assert!(!buckets.take(ip("192.0.2.1"), ms(0)));
        assert!(!buckets.take(ip("::ffff:192.0.2.1"), ms(0)));
        for last in 1..=3 {
            assert!(buckets.take(ip(&format!("2001:db8::{last}")), ms(0)));
        }
        assert!(!buckets.take(ip("2001:db8::ffff:4"), ms(0)));
        let others = (0..50).filter(|n| buckets.take(ip(&format!("198.51.100.{n}")), ms(0)));
        assert!(others.count() > 40);
    }

    #[test]
    fn all_addresses_together_have_no_more_than_the_bucket_of_all() {
        let mut buckets = Buckets::new(RATE, Rate { burst: 20, every: ms(10) });
        let mut take =
            |at| (0..200).filter(|n| buckets.take(ip(&format!("198.51.100.{n}")), ms(at))).count();
        assert_eq!(take(0), 20);
        assert_eq!(take(50), 5);
    }

    #[test]
    fn a_rate_of_nothing_is_next_to_nothing() {
        let rate = Rate::per_second(0, 0);
        let mut bucket = Bucket::default();
        assert!(bucket.take(1, rate, ms(0)) && !bucket.take(1, rate, ms(60_000)));
    }

    proptest! {
        #[test]
        fn no_sequence_takes_more_than_burst_and_refill(
            asks in proptest::collection::vec((0_u64..300, 1_u32..4), 1..200),
        ) {
            let (mut now, mut taken) = (0, 0);
            let mut bucket = Bucket::default();
            for (pause, tokens) in asks {
                now += pause;
                if bucket.take(tokens, RATE, ms(now)) {
                    taken += u64::from(tokens);
                }
                prop_assert!(taken <= 3 + now / 500);
            }
        }
    }
}
