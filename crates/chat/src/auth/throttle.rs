//! Who may try how often.
//!
//! Every try at a password costs a token of the address's bucket (of IPv6 the /64's, since a host commonly has a whole
//! one), and one of the account's; a try that succeeds gives them back. What is refused is not computed at all.
//!
//! The address's bucket bounds what one machine can guess. The account's bounds what many machines can guess together,
//! and it is the dangerous one: whoever keeps it empty keeps the owner out. Three things are against that. It is never
//! empty for longer than one refill. An address from which somebody has logged in to the account before has a bucket
//! of its own for it, which others cannot empty. And a certificate (EXTERNAL), which nobody can guess, asks for no
//! tokens. Whoever comes from a new address while many machines guess has to compete for tokens; a try that the
//! account's bucket refuses still costs a token of the address's, so that competing by sheer number is no cheaper than
//! guessing.
//!
//! A success does not fill a bucket again beyond its own token: else one's own account would buy guesses at others',
//! and each login of a busy owner would buy a burst to those who guess.
//!
//! Loopback is not exempt: gateways and tunnels end there, and whoever comes through one is a stranger. Because all of
//! them share the address, its buckets are larger.
//!
//! Everything is in memory of fixed size (about 1.3 MiB) and forgotten when the server ends. What a full table gives up
//! stands in [`Debts`]. The keys are hashed with a secret, so nobody can choose names that meet in one place.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use super::debts::Allowance;
use super::debts::Debts;

/// Addresses whose tries are remembered: 512 KiB.
const ADDRESSES: usize = 32_768;

/// Accounts, existing or not, at which tries are remembered: 256 KiB.
const ACCOUNTS: usize = 16_384;

/// Addresses whose new accounts are remembered: 256 KiB.
const REGISTRANTS: usize = 16_384;

/// Pairs of an account and an address that has logged in to it: 256 KiB.
const KNOWN: usize = 16_384;

/// How much of everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThrottleSettings {
    /// Failed tries of one address. By default 20, one more every 15 s: an office behind one address mistypes a lot on
    /// a Monday, and 5,760 guesses a day find nothing that has eight characters and is in no list.
    pub address: Allowance,
    /// The same for loopback. By default 200, one more every second.
    pub loopback: Allowance,
    /// Failed tries at one account from all addresses that never logged in to it, and as many from each that did. By
    /// default 10, one more every 30 s: 2,880 guesses a day however many machines there are.
    pub account: Allowance,
    /// New accounts of one address. By default 5, one more every 10 minutes.
    pub registration: Allowance,
    /// The same for loopback. By default 100, one more every 10 s.
    pub registration_loopback: Allowance,
    /// New accounts in all. By default 100, one more every 10 s.
    pub registration_total: Allowance,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let every = |seconds, burst| Allowance { burst, refill: Duration::from_secs(seconds) };
        Self {
            address: every(15, 20),
            loopback: every(1, 200),
            account: every(30, 10),
            registration: every(600, 5),
            registration_loopback: every(10, 100),
            registration_total: every(10, 100),
        }
    }
}

/// Counts tries. Time is passed in, on one clock for all calls; it may step back a little between threads.
#[derive(Debug)]
pub(super) struct Throttle {
    settings: ThrottleSettings,
    hasher: RandomState,
    addresses: Debts,
    accounts: Debts,
    registrants: Debts,
    registrations: Debts,
    known: Debts,
}

/// A try that was allowed.
#[derive(Debug)]
#[must_use = "a success is to be reported"]
pub(super) struct Try {
    address: u64,
    allowance: Allowance,
    /// Of the account's bucket, and of the pair of account and address.
    account: Option<(u64, u64)>,
}

impl Throttle {
    /// One that has seen nobody.
    pub(super) fn new(settings: ThrottleSettings) -> Self {
        Self {
            settings,
            hasher: RandomState::new(),
            addresses: Debts::new(ADDRESSES),
            accounts: Debts::new(ACCOUNTS),
            registrants: Debts::new(REGISTRANTS),
            registrations: Debts::new(1),
            known: Debts::new(KNOWN),
        }
    }

    /// Whether `address` could try anything now.
    pub(super) fn may_try(&self, now: Duration, address: IpAddr) -> bool {
        let (hash, allowance) = self.of_address(address);
        self.addresses.has_token(now, hash, allowance)
    }

    /// Counts a try of `address` at `account` (its folded name, if the password belongs to one), before it is known
    /// how it ends. `None`: it is one too many.
    pub(super) fn begin(
        &mut self,
        now: Duration,
        address: IpAddr,
        account: Option<&str>,
    ) -> Option<Try> {
        let (hash, allowance) = self.of_address(address);
        if !self.addresses.take(now, hash, allowance) {
            return None;
        }
        let account = account.map(|account| {
            let pair = self.pair(address, account);
            let own = self.known.is_noted(pair);
            (if own { pair } else { self.hasher.hash_one(account) }, pair)
        });
        if let Some((bucket, _)) = account
            && !self.accounts.take(now, bucket, self.settings.account)
        {
            return None;
        }
        Some(Try { address: hash, allowance, account })
    }

    /// The try succeeded.
    pub(super) fn succeed(&mut self, now: Duration, succeeded: Try) {
        self.addresses.give_back(succeeded.address, succeeded.allowance);
        if let Some((bucket, pair)) = succeeded.account {
            self.accounts.give_back(bucket, self.settings.account);
            self.known.note(now, pair);
        }
    }

    /// Whoever is at `address` has shown to own `account` in another way.
    pub(super) fn note_owner(&mut self, now: Duration, address: IpAddr, account: &str) {
        self.known.note(now, self.pair(address, account));
    }

    /// Counts a new account. `false`: it is one too many.
    pub(super) fn register(&mut self, now: Duration, address: IpAddr) -> bool {
        let settings = self.settings;
        let own = prefix(address);
        let allowance =
            if own.is_loopback() { settings.registration_loopback } else { settings.registration };
        let hash = self.hasher.hash_one(own);
        if !self.registrants.take(now, hash, allowance) {
            return false;
        }
        if !self.registrations.take(now, 0, settings.registration_total) {
            self.registrants.give_back(hash, allowance);
            return false;
        }
        true
    }

    fn of_address(&self, address: IpAddr) -> (u64, Allowance) {
        let prefix = prefix(address);
        let Self { settings, .. } = self;
        let allowance = if prefix.is_loopback() { settings.loopback } else { settings.address };
        (self.hasher.hash_one(prefix), allowance)
    }

    fn pair(&self, address: IpAddr, account: &str) -> u64 {
        self.hasher.hash_one((prefix(address), account))
    }
}

/// What counts as one address: an IPv4 address, the /64 of an IPv6 address, or all of loopback.
pub(super) fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALLY: Option<&str> = Some("sally");

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn throttle() -> Throttle {
        Throttle::new(ThrottleSettings::default())
    }

    fn v4(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    fn v6(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn fail(throttle: &mut Throttle, now: Duration, address: IpAddr, account: &str) -> bool {
        throttle.begin(now, address, Some(account)).is_some()
    }

    fn log_in(throttle: &mut Throttle, now: Duration, address: IpAddr, account: &str) -> bool {
        let begun = throttle.begin(now, address, Some(account));
        begun.map(|begun| throttle.succeed(now, begun)).is_some()
    }

    #[test]
    fn an_address_has_twenty_tries_at_any_accounts_and_then_one_each_fifteen_seconds() {
        let mut throttle = throttle();
        let mut tries = 0;
        while fail(&mut throttle, seconds(0), v4(1), &format!("user{tries}")) {
            tries += 1;
        }
        assert_eq!(tries, 20);
        assert!(!throttle.may_try(seconds(14), v4(1)));
        assert!(fail(&mut throttle, seconds(15), v4(1), "user"));
        assert!(!fail(&mut throttle, seconds(15), v4(1), "user"));
        assert!(fail(&mut throttle, seconds(15), v4(2), "user"), "others are not held up");
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_are_one_and_mapped_ipv4_is_ipv4() {
        assert_eq!(prefix(v6("2001:db8:1:2:3::4")), prefix(v6("2001:db8:1:2:ffff::")));
        assert_ne!(prefix(v6("2001:db8:1:2::")), prefix(v6("2001:db8:1:3::")));
        assert_eq!(prefix(v6("::ffff:192.0.2.1")), v6("192.0.2.1"));
        for loopback in ["::1", "127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1"] {
            assert_eq!(prefix(v6(loopback)), v6("127.0.0.1"));
        }
    }

    #[test]
    fn loopback_is_not_exempt_but_has_ten_times_as_much() {
        let mut throttle = throttle();
        let tries = (0..1_000)
            .filter(|n| fail(&mut throttle, seconds(0), v6("::1"), &format!("user{n}")))
            .count();
        assert_eq!(tries, 200);
    }

    #[test]
    fn many_addresses_together_have_ten_tries_at_an_account() {
        let mut throttle = throttle();
        let tries = (0..1_000).filter(|&n| fail(&mut throttle, seconds(0), v4(n), "sally")).count();
        assert_eq!(tries, 10);
        assert!(fail(&mut throttle, seconds(0), v4(2_000), "bob"));
    }

    #[test]
    fn an_account_under_attack_stays_open_to_where_its_owner_was_before() {
        let mut throttle = throttle();
        assert!(log_in(&mut throttle, seconds(0), v4(1), "sally"));
        for second in 0..3_600 {
            for n in 0..10 {
                fail(&mut throttle, seconds(second), v4(100 + second as u32 * 10 + n), "sally");
            }
            assert!(log_in(&mut throttle, seconds(second), v4(1), "sally"), "at {second} s");
        }
    }

    #[test]
    fn an_address_that_logged_in_before_may_still_not_guess_for_ever() {
        let mut throttle = throttle();
        assert!(log_in(&mut throttle, seconds(0), v6("::1"), "sally"));
        let tries =
            (0..1_000).filter(|_| fail(&mut throttle, seconds(1), v6("::1"), "sally")).count();
        assert_eq!(tries, 10);
    }

    #[test]
    fn when_the_attack_ends_the_owner_waits_half_a_minute_at_most() {
        let mut throttle = throttle();
        for n in 0..10_000 {
            fail(&mut throttle, seconds(0), v4(n), "sally");
        }
        assert!(log_in(&mut throttle, seconds(30), v4(20_000), "sally"));
    }

    #[test]
    fn logging_in_to_ones_own_account_buys_no_guesses() {
        let mut throttle = throttle();
        let mut guesses = 0;
        for n in 0..1_000 {
            log_in(&mut throttle, seconds(0), v4(1), "mallory");
            guesses += usize::from(fail(&mut throttle, seconds(0), v4(1), &format!("user{n}")));
        }
        assert_eq!(guesses, 20);
    }

    #[test]
    fn who_only_ever_succeeds_is_never_slowed() {
        let mut throttle = throttle();
        for _ in 0..10_000 {
            assert!(log_in(&mut throttle, seconds(0), v4(1), "sally"));
        }
    }

    #[test]
    fn filling_the_table_of_accounts_with_made_up_names_does_not_open_one() {
        let mut throttle = throttle();
        for n in 0..10 {
            assert!(fail(&mut throttle, seconds(0), v4(n), "sally"));
        }
        for n in 0..200_000 {
            fail(&mut throttle, seconds(1), v4(1_000 + n), &format!("user{n}"));
        }
        assert!(!fail(&mut throttle, seconds(2), v4(999), "sally"));
    }

    #[test]
    fn new_accounts_are_limited_for_each_address_and_in_all() {
        let mut throttle = throttle();
        let own = (0..100).filter(|_| throttle.register(seconds(0), v4(1))).count();
        assert_eq!(own, 5);
        let all = (0..1_000).filter(|&n| throttle.register(seconds(0), v4(100 + n))).count();
        assert_eq!(own + all, 100);
        assert!(throttle.register(seconds(10), v4(50)));
        assert!(!throttle.register(seconds(10), v4(51)));
        assert!(throttle.register(seconds(20), v4(51)), "a refusal cost the address nothing");
        for second in 1..=5 {
            assert!(throttle.register(seconds(30 + second * 10), v4(51)) == (second < 5));
        }
    }

    proptest! {
        /// In any order of tries by anybody: no account takes more than its rate from addresses that do not own it, no
        /// address makes more than its rate, and whoever is refused gets in later, however long the attack went on.
        #[test]
        fn rates_hold_and_nobody_is_locked_out_for_good(
            tries in prop::collection::vec((0u64..4_000, 0u32..40, 0usize..3), 1..400),
        ) {
            let settings = ThrottleSettings::default();
            let mut throttle = Throttle::new(settings);
            let names = ["sally", "bob", "eve"];
            let (mut now, mut of_account, mut of_address) = (0, [0u64; 3], [0u64; 40]);
            for (wait, address, account) in tries {
                now += wait;
                let at = Duration::from_millis(now);
                if fail(&mut throttle, at, v4(address), names[account]) {
                    of_account[account] += 1;
                    of_address[address as usize] += 1;
                }
                prop_assert!(of_account[account] <= 10 + now / 30_000);
                prop_assert!(of_address[address as usize] <= 20 + now / 15_000);
            }
            let later = Duration::from_millis(now) + settings.account.refill;
            prop_assert!(throttle.begin(later, v4(1_000), SALLY).is_some());
        }
    }
}
