//! The number that a newcomer has to say: proof that whoever sends from an address also receives at it.
//!
//! The source of a datagram can be forged. So an address is first sent a number, and comes in by sending it back.
//! Nothing is kept for that: the number is a keyed hash of the address and the time, calculated again when it is
//! said, so that a flood of forged senders costs no memory (the idea of SYN cookies, RFC 4987 section 3.6).
//!
//! Six digits are what a person types. They are guessed with a chance of two in a million a try, since the numbers
//! of two slots are good; the limit on guesses stands in [`super::throttle`].

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// For how long an address is told the same number. It is good in the slot after as well, so whoever reads it has at
/// least a minute to type it.
pub const SLOT: Duration = Duration::from_secs(60);

/// Digits of the number.
const DIGITS: usize = 6;

/// What the challenge says, around the number.
const BEFORE: &[u8] = b"say ";
const AFTER: &[u8] = b" to come in";

/// Makes the numbers, and knows them again.
pub struct Cookies {
    key: [u8; 16],
}

impl Cookies {
    /// Numbers that nobody without `key`, 16 random bytes, can tell.
    pub const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// What is sent to an address that is not known, without a line ending: `say 471103 to come in`.
    pub fn challenge(&self, to: &SocketAddr, now: Duration) -> Vec<u8> {
        [BEFORE, &self.number(to, slot(now)), AFTER].concat()
    }

    /// Whether `guess` is the number that `from` was told, now or in the slot before. It takes the same time whatever
    /// the guess.
    pub fn accepts(&self, from: &SocketAddr, guess: &Guess, now: Duration) -> bool {
        let slot = slot(now);
        let is_of = |slot| self.number(from, slot).ct_eq(&guess.0);
        // In the first slot there was none before.
        let before = slot.checked_sub(1).map_or_else(|| Choice::from(0), is_of);
        (is_of(slot) | before).into()
    }

    /// The number of an address in a slot. All that is hashed is of one length and fits into one block of SHA-256,
    /// and most of the digest is not told, so nothing can be appended to it as to longer messages.
    fn number(&self, address: &SocketAddr, slot: u64) -> [u8; DIGITS] {
        let (ip, scope) = match address {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(ip.octets());
        hash.update(scope.to_be_bytes());
        hash.update(address.port().to_be_bytes());
        hash.update(slot.to_be_bytes());
        let digest = hash.finalize();
        let mut rest = digest.iter().take(8).fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        // Of 2^64 equally likely values, so that no number is noticeably likelier than another.
        [(); DIGITS].map(|()| {
            let digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            digit
        })
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies(..)")
    }
}

/// A datagram that may be the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Guess([u8; DIGITS]);

impl Guess {
    /// The guess in a datagram: six digits, perhaps after `say `, for who does as told to the letter, and nothing else but
    /// white space around them.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let text = datagram.trim_ascii();
        let digits = text.strip_prefix(BEFORE).unwrap_or(text);
        let digits: [u8; DIGITS] = digits.try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }
}

/// Whether `datagram` is a challenge such as is sent here, in whatever case: it was reflected, or comes from
/// another server like this one. To answer it would make a loop (CVE-2024-2169).
pub fn is_challenge(datagram: &[u8]) -> bool {
    let starts = |prefix: &[u8]| {
        datagram.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let after = datagram.get(BEFORE.len() + DIGITS..).unwrap_or_default();
    starts(BEFORE) && after.trim_ascii_end().eq_ignore_ascii_case(AFTER)
}

/// Whether who sends from `address` need not prove it: nobody outside can send from loopback.
pub fn is_trusted(address: &IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

const fn slot(now: Duration) -> u64 {
    now.as_secs() / SLOT.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn cookies() -> Cookies {
        Cookies::new(*b"sixteen bytes of")
    }

    fn guess(challenge: &[u8]) -> Guess {
        Guess::parse(&challenge[4..10]).unwrap()
    }

    #[test]
    fn the_number_that_was_told_is_accepted_for_one_to_two_minutes() {
        let (cookies, peer) = (cookies(), "192.0.2.1:46734".parse().unwrap());
        let challenge = cookies.challenge(&peer, at(90));
        assert_eq!(challenge.len(), "say 471103 to come in".len());
        assert!(challenge.starts_with(b"say ") && challenge.ends_with(b" to come in"));
        for (now, good) in
            [(60, true), (90, true), (179, true), (180, false), (59, false), (0, false)]
        {
            assert_eq!(cookies.accepts(&peer, &guess(&challenge), at(now)), good, "{now}");
        }
    }

    #[test]
    fn each_address_port_time_and_key_has_its_own_number() {
        let peer = |text: &str| text.parse::<SocketAddr>().unwrap();
        let first = cookies().challenge(&peer("192.0.2.1:46734"), at(0));
        assert_eq!(first, cookies().challenge(&peer("[::ffff:192.0.2.1]:46734"), at(59)));
        for other in ["192.0.2.1:46735", "192.0.2.2:46734", "[2001:db8::1]:46734"] {
            assert_ne!(first, cookies().challenge(&peer(other), at(0)));
            assert!(!cookies().accepts(&peer(other), &guess(&first), at(0)));
        }
        assert_ne!(first, cookies().challenge(&peer("192.0.2.1:46734"), at(60)));
        assert_ne!(first, Cookies::new([0; 16]).challenge(&peer("192.0.2.1:46734"), at(0)));
    }

    #[test]
    fn a_guess_is_six_digits_and_perhaps_the_word_that_stood_before_them() {
        assert!(Guess::parse(b"471103").is_some());
        assert!(Guess::parse(b" 471103\r\n").is_some());
        assert_eq!(Guess::parse(b"say 471103\n"), Guess::parse(b"471103"));
        for other in
            [&b""[..], b"47110", b"4711031", b"47110x", b"say 4711031", "٤٧١١٠٣".as_bytes()]
        {
            assert_eq!(Guess::parse(other), None);
        }
    }

    #[test]
    fn a_reflected_challenge_is_known() {
        let challenge = cookies().challenge(&"192.0.2.1:7".parse().unwrap(), at(0));
        assert!(is_challenge(&challenge));
        assert!(is_challenge(&challenge.to_ascii_uppercase()));
        assert!(is_challenge(&[&challenge[..], b"\r\n"].concat()));
        assert!(!is_challenge(b"say hello to come in, please"));
        assert!(!is_challenge(b""));
    }

    #[test]
    fn only_loopback_is_trusted() {
        let trusted = |text: &str| is_trusted(&text.parse().unwrap());
        assert!(trusted("127.0.0.1") && trusted("127.9.9.9") && trusted("::1"));
        assert!(trusted("::ffff:127.0.0.1"));
        assert!(!trusted("192.168.0.1") && !trusted("::") && !trusted("fe80::1"));
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_parsers(bytes: Vec<u8>) {
            let _ = (Guess::parse(&bytes), is_challenge(&bytes));
        }
    }
}
