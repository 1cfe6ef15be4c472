//! Digest's nonces: which were given away, and which answers were taken. An answer counts once, so who has read one on
//! its way cannot repeat it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::proxy::digest::hex;

/// How long a nonce may be answered. Clients answer at once, and are told when a nonce grew old.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How many nonces with answers are remembered. Only who knows the password adds one, and beyond that the oldest goes:
/// whoever comes with it again is asked once more, and so is who was asked before it and has not answered.
const REMEMBERED_MAX: usize = 4096;

/// How far counts may come out of order: a browser sends several requests at once over several connections.
const WINDOW: u32 = u64::BITS;

/// How much of the hash stands in a nonce, in bytes: 128 bits are beyond guessing.
const HASH: usize = 16;

/// The digits of each of the two numbers in front of it.
const NUMBER: usize = 16;

/// All nonces of a proxy. What is given away is not kept: a nonce is its time, its number and a keyed hash of both.
#[derive(Clone, Debug)]
pub(super) struct Nonces {
    secret: [u8; 32],
    begun: Instant,
    next: u64,
    /// By their numbers.
    answered: BTreeMap<u64, Answers>,
    /// Of nonces with smaller numbers only those that are remembered count.
    forgotten: u64,
}

/// One nonce that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    seconds: u64,
    number: u64,
}

/// The counts of the answers to one nonce.
#[derive(Clone, Copy, Debug)]
struct Answers {
    seconds: u64,
    highest: u32,
    /// Bit n is for the count that is n below the highest.
    taken: u64,
}

impl Nonces {
    pub(super) fn new(secret: [u8; 32], now: Instant) -> Self {
        Self { secret, begun: now, next: 0, answered: BTreeMap::new(), forgotten: 0 }
    }

    /// One that nobody was given before.
    pub(super) fn give(&mut self, now: Instant) -> String {
        let nonce = Nonce { seconds: self.seconds(now), number: self.next };
        self.next += 1;
        self.write(nonce)
    }

    /// The nonce that is shown, if it is ours.
    pub(super) fn read(&self, shown: &[u8]) -> Option<Nonce> {
        let number = |digits| u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        let seconds = number(shown.get(..NUMBER)?)?;
        let nonce = Nonce { seconds, number: number(shown.get(NUMBER..2 * NUMBER)?)? };
        let is_ours: bool = self.write(nonce).as_bytes().ct_eq(shown).into();
        is_ours.then_some(nonce)
    }

    /// Takes an answer, which knows the password. Whether it counts: its nonce is young, and it comes for the first time.
    pub(super) fn take(&mut self, nonce: Nonce, count: u32, now: Instant) -> bool {
        let oldest = self.seconds(now).saturating_sub(NONCE_LIFETIME.as_secs());
        while self.answered.first_entry().is_some_and(|first| first.get().seconds < oldest) {
            self.answered.pop_first();
        }
        if nonce.seconds < oldest {
            return false;
        }
        if let Some(answers) = self.answered.get_mut(&nonce.number) {
            return answers.take(count);
        }
        if nonce.number < self.forgotten {
            return false;
        }
        let first = Answers { seconds: nonce.seconds, highest: count, taken: 1 };
        self.answered.insert(nonce.number, first);
        if self.answered.len() > REMEMBERED_MAX
            && let Some((number, _)) = self.answered.pop_first()
        {
            self.forgotten = number + 1;
        }
        true
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs()
    }

    fn write(&self, Nonce { seconds, number }: Nonce) -> String {
        // A key of the hash's block size, as HMAC makes it of a shorter one.
        let mut key = [0; 64];
        key[..self.secret.len()].copy_from_slice(&self.secret);
        let mut hash = Hmac::<Sha256>::new(&key.into());
        hash.update(&seconds.to_be_bytes());
        hash.update(&number.to_be_bytes());
        format!("{seconds:016x}{number:016x}{}", hex(&hash.finalize().into_bytes()[..HASH]))
    }
}

impl Answers {
    /// Takes a count, unless it was taken before or is too far behind to know.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            self.taken = self.taken.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let is_new = behind < WINDOW && self.taken & (1 << behind) == 0;
        if is_new {
            self.taken |= 1 << behind;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(now: Instant) -> Nonces {
        Nonces::new([9; 32], now)
    }

    fn given(nonces: &mut Nonces, now: Instant) -> Nonce {
        let shown = nonces.give(now);
        nonces.read(shown.as_bytes()).expect("it is ours")
    }

    #[test]
    fn nobody_else_can_make_one() {
        let now = Instant::now();
        let shown = nonces(now).give(now);
        assert!(nonces(now).read(shown.as_bytes()).is_some());
        assert!(Nonces::new([8; 32], now).read(shown.as_bytes()).is_none());
        let later = format!("{:016x}{}", 100, &shown[NUMBER..]);
        for other in [&later, &shown[1..], &shown[..40], "", &"\u{e9}".repeat(32), "+"] {
            assert!(nonces(now).read(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn each_count_is_taken_once_also_out_of_order() {
        let now = Instant::now();
        let mut nonces = nonces(now);
        let (one, other) = (given(&mut nonces, now), given(&mut nonces, now));
        assert_ne!(one, other);
        for (count, is_taken) in [
            (1, true),
            (1, false),
            (4, true),
            (2, true),
            (2, false),
            (4, false),
            (67, true),
            (4, false),
            (3, false),
            (5, true),
            (u32::MAX, true),
            (67, false),
            (u32::MAX, false),
        ] {
            assert_eq!(nonces.take(one, count, now), is_taken, "{count}");
        }
        assert!(nonces.take(other, 1, now), "another's answers do not count");
    }

    #[test]
    fn a_nonce_grows_old_and_is_forgotten() {
        let now = Instant::now();
        let mut nonces = nonces(now);
        let nonce = given(&mut nonces, now);
        let young = now + NONCE_LIFETIME;
        assert!(nonces.take(nonce, 1, young));
        assert!(!nonces.take(nonce, 2, young + Duration::from_secs(1)));
        assert!(nonces.answered.is_empty());
    }

    #[test]
    fn what_is_remembered_has_an_end_and_what_is_forgotten_does_not_count_again() {
        let now = Instant::now();
        let mut nonces = nonces(now);
        let all: Vec<Nonce> = (0..=REMEMBERED_MAX).map(|_| given(&mut nonces, now)).collect();
        assert!(all.iter().all(|nonce| nonces.take(*nonce, 1, now)));
        assert_eq!(nonces.answered.len(), REMEMBERED_MAX);
        assert!(all.iter().all(|nonce| !nonces.take(*nonce, 1, now)));
        assert!(nonces.take(all[1], 2, now) && !nonces.take(all[0], 2, now));
    }
}
