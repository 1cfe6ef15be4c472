//! Who may use the proxy: `--proxy-auth`, by Basic and Digest.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Refusal, Status};
use crate::proxy::Credentials;
use crate::proxy::digest::{Algorithm, Response, Scheme, hex};
use crate::proxy::head;

/// How long a nonce may be answered. Somebody who has read a request on its way can repeat it so long, and no other.
/// Clients answer at once, and are told when a nonce grew old.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(5 * 60);

const REALM: &str = "callbox nc";

/// How much of the hash stands in a nonce, in bytes: 128 bits are beyond guessing.
const NONCE_HASH: usize = 16;

/// The seconds at the front of a nonce, in hexadecimal digits.
const NONCE_TIME: usize = 16;

/// Who may use the proxy.
///
/// A nonce is its time and a keyed hash of that, so the proxy keeps nothing for those whom it has asked.
#[derive(Clone, Debug)]
pub struct Gate {
    credentials: Option<Credentials>,
    secret: [u8; 32],
    begun: Instant,
}

/// What a request shows of who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Enough,
    /// All is right but the age of the nonce.
    Stale,
    Wrong,
}

impl Gate {
    /// A gate that lets in who knows the credentials; everybody, if there are none. The secret is random.
    pub fn new(credentials: Option<Credentials>, secret: [u8; 32], now: Instant) -> Self {
        Self { credentials, secret, begun: now }
    }

    /// Refuses a request that does not show the credentials.
    pub(super) fn check(
        &self,
        method: &str,
        uri: &str,
        headers: &[httparse::Header<'_>],
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(credentials) = &self.credentials else {
            return Ok(());
        };
        let mut shown = head::values(headers, "proxy-authorization");
        let shown = match (shown.next(), shown.next()) {
            (Some(value), None) => self.judge(value, credentials, method, uri, now),
            // Two are one too many: only one of them was looked at elsewhere, and who knows which.
            _ => Shown::Wrong,
        };
        if shown == Shown::Enough {
            return Ok(());
        }
        let nonce = self.nonce(self.seconds(now));
        let stale = if shown == Shown::Stale { ", stale=true" } else { "" };
        let digest = |algorithm: Algorithm| {
            let name = algorithm.name();
            format!(
                "Proxy-Authenticate: Digest realm=\"{REALM}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={name}{stale}"
            )
        };
        // MD5 before what is better: ncat 7.93 gives up if the first algorithm is one that it does not know, and who
        // knows both takes the better one anyway.
        Err(Refusal::new(Status::AuthenticationRequired, "This proxy wants a user and a password.")
            .with_header(&digest(Algorithm::Md5))
            .with_header(&digest(Algorithm::Sha256))
            .with_header(&format!("Proxy-Authenticate: Basic realm=\"{REALM}\""))
            .for_method(method))
    }

    fn judge(
        &self,
        value: &[u8],
        known: &Credentials,
        method: &str,
        uri: &str,
        now: Instant,
    ) -> Shown {
        if let Some(encoded) = strip_word(value, b"basic") {
            let Ok(pair) = BASE64_STANDARD.decode(encoded) else {
                return Shown::Wrong;
            };
            // Hashes are of one length, so the comparison does not even tell that of the password.
            let expected = Sha256::digest(format!("{}:{}", known.user, known.password));
            let is_right: bool = Sha256::digest(pair).as_slice().ct_eq(expected.as_slice()).into();
            return if is_right { Shown::Enough } else { Shown::Wrong };
        }
        match Scheme::list(value).as_slice() {
            [scheme] if scheme.is("Digest") => {
                self.judge_digest(scheme, known, method, uri, now).unwrap_or(Shown::Wrong)
            }
            _ => Shown::Wrong,
        }
    }

    /// `None` if something is missing.
    fn judge_digest(
        &self,
        shown: &Scheme,
        known: &Credentials,
        method: &str,
        uri: &str,
        now: Instant,
    ) -> Option<Shown> {
        let algorithm = Algorithm::named(shown.param("algorithm"))?;
        let nonce = shown.param("nonce")?;
        let seconds = self.check_nonce(nonce)?;
        let shown_uri = shown.param("uri")?;
        // Some clients hash the path only, also where they ask for a whole URI.
        if shown_uri != uri.as_bytes() && shown_uri != path_of(uri).as_bytes() {
            return Some(Shown::Wrong);
        }
        let auth = match shown.param("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case(b"auth") => {
                Some((shown.param("nc")?, shown.param("cnonce")?))
            }
            Some(_) => return Some(Shown::Wrong),
        };
        let expected = Response {
            algorithm,
            user: known.user.as_bytes(),
            realm: REALM.as_bytes(),
            password: known.password.as_bytes(),
            method: method.as_bytes(),
            uri: shown_uri,
            nonce,
            auth,
        };
        let is_right: bool = expected.compute().as_bytes().ct_eq(shown.param("response")?).into();
        let is_young = self.seconds(now).saturating_sub(seconds) <= NONCE_LIFETIME.as_secs();
        Some(match (is_right, is_young) {
            (true, true) => Shown::Enough,
            (true, false) => Shown::Stale,
            (false, _) => Shown::Wrong,
        })
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs()
    }

    fn nonce(&self, seconds: u64) -> String {
        // A key of the hash's block size, as HMAC makes it of a shorter one.
        let mut key = [0; 64];
        key[..self.secret.len()].copy_from_slice(&self.secret);
        let mut hash = Hmac::<Sha256>::new(&key.into());
        hash.update(&seconds.to_be_bytes());
        format!("{seconds:016x}{}", hex(&hash.finalize().into_bytes()[..NONCE_HASH]))
    }

    /// The time of a nonce that is ours.
    fn check_nonce(&self, nonce: &[u8]) -> Option<u64> {
        let time = str::from_utf8(nonce.get(..NONCE_TIME)?).ok()?;
        let seconds = u64::from_str_radix(time, 16).ok()?;
        let is_ours: bool = self.nonce(seconds).as_bytes().ct_eq(nonce).into();
        is_ours.then_some(seconds)
    }
}

/// What follows a first word, in any case, and white space.
fn strip_word<'a>(value: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = value.split_at_checked(word.len())?;
    let is_word =
        first.eq_ignore_ascii_case(word) && rest.first().is_some_and(u8::is_ascii_whitespace);
    is_word.then(|| rest.trim_ascii())
}

/// The path and the query of an absolute URI, or what was given.
fn path_of(uri: &str) -> &str {
    let behind_scheme = uri.split_once("://").map(|(_, rest)| rest);
    behind_scheme.and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "http://host.example/a?b";

    fn gate(now: Instant) -> Gate {
        Gate::new(Some(Credentials::parse("joe:secret")), [9; 32], now)
    }

    /// The answer to the first challenge of a refusal.
    fn answer(
        refusal: &Refusal,
        password: &str,
        uri: &str,
        qop: bool,
        algorithm: Algorithm,
    ) -> Vec<u8> {
        let reply = String::from_utf8(refusal.reply()).unwrap();
        let challenge =
            reply.lines().find(|line| line.contains(&format!("={}", algorithm.name()))).unwrap();
        let challenge = &Scheme::list(challenge.split_once(": ").unwrap().1.as_bytes())[0];
        let nonce = challenge.param("nonce").unwrap();
        let response = Response {
            algorithm,
            user: b"joe",
            realm: challenge.param("realm").unwrap(),
            password: password.as_bytes(),
            method: b"GET",
            uri: uri.as_bytes(),
            nonce,
            auth: qop.then_some((b"00000001", b"xyz")),
        };
        let qop = if qop { ", qop=auth, nc=00000001, cnonce=\"xyz\"" } else { "" };
        format!(
            "Digest username=\"joe\", realm=\"{REALM}\", nonce=\"{}\", uri=\"{uri}\", algorithm={}, response=\"{}\"{qop}",
            str::from_utf8(nonce).unwrap(),
            algorithm.name(),
            response.compute()
        )
        .into_bytes()
    }

    fn check(gate: &Gate, value: &[u8], now: Instant) -> Result<(), Refusal> {
        gate.check("GET", URI, &[httparse::Header { name: "Proxy-Authorization", value }], now)
    }

    #[test]
    fn without_credentials_everybody_may_pass() {
        let now = Instant::now();
        assert_eq!(Gate::new(None, [9; 32], now).check("GET", URI, &[], now), Ok(()));
    }

    #[test]
    fn basic_is_accepted_if_user_and_password_are_right() {
        let now = Instant::now();
        let gate = gate(now);
        assert_eq!(check(&gate, b"Basic am9lOnNlY3JldA==", now), Ok(()));
        assert_eq!(check(&gate, b"bAsIc \t am9lOnNlY3JldA==", now), Ok(()));
        // "joe:secre", "joe:secrets", "Joe:secret", noise, none.
        for value in [
            &b"Basic am9lOnNlY3Jl"[..],
            b"Basic am9lOnNlY3JldHM=",
            b"Basic Sm9lOnNlY3JldA==",
            b"Basic !!",
            b"Basic",
            b"",
        ] {
            assert!(check(&gate, value, now).is_err(), "{value:?}");
        }
    }

    #[test]
    fn digest_is_accepted_with_either_hash_with_and_without_quality() {
        let now = Instant::now();
        let gate = gate(now);
        let refusal = gate.check("GET", URI, &[], now).unwrap_err();
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            for qop in [true, false] {
                for uri in [URI, "/a?b"] {
                    let right = answer(&refusal, "secret", uri, qop, algorithm);
                    assert_eq!(check(&gate, &right, now), Ok(()), "{algorithm:?} {qop} {uri}");
                }
                let wrong = answer(&refusal, "Secret", URI, qop, algorithm);
                assert!(check(&gate, &wrong, now).is_err());
                let elsewhere = answer(&refusal, "secret", "/other", qop, algorithm);
                assert!(check(&gate, &elsewhere, now).is_err());
            }
        }
    }

    #[test]
    fn a_nonce_grows_old_and_cannot_be_made() {
        let now = Instant::now();
        let ours = gate(now);
        let right = answer(
            &ours.check("GET", URI, &[], now).unwrap_err(),
            "secret",
            URI,
            true,
            Algorithm::Md5,
        );
        let young = now + NONCE_LIFETIME;
        assert_eq!(check(&ours, &right, young), Ok(()));
        let late = check(&ours, &right, young + Duration::from_secs(1)).unwrap_err();
        assert!(String::from_utf8(late.reply()).unwrap().contains("stale=true"));
        // Another's key.
        let other = Gate::new(Some(Credentials::parse("joe:secret")), [8; 32], now);
        let refused = check(&other, &right, now).unwrap_err();
        assert!(!String::from_utf8(refused.reply()).unwrap().contains("stale"));
    }

    #[test]
    fn two_answers_are_none() {
        let now = Instant::now();
        let right =
            httparse::Header { name: "Proxy-Authorization", value: b"Basic am9lOnNlY3JldA==" };
        assert!(gate(now).check("GET", URI, &[right, right], now).is_err());
    }
}
