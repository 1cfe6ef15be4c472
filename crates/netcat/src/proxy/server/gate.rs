//! Who may use the proxy: `--proxy-auth`, by Basic and Digest.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::nonces::Nonces;
use super::{Refusal, Status};
use crate::proxy::Credentials;
use crate::proxy::digest::{Algorithm, Response, Scheme};
use crate::proxy::head;

const REALM: &str = "callbox nc";

/// Who may use the proxy. Its clones are one gate: what one of them has taken, all have.
#[derive(Clone, Debug)]
pub struct Gate {
    credentials: Option<Credentials>,
    nonces: Rc<RefCell<Nonces>>,
}

/// What a request shows of who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Enough,
    /// All is right but the nonce: it is too old, or this is not the first that comes with it.
    Stale,
    Wrong,
}

impl Gate {
    /// A gate that lets in who knows the credentials; everybody, if there are none. The secret is random.
    pub fn new(credentials: Option<Credentials>, secret: [u8; 32], now: Instant) -> Self {
        Self { credentials, nonces: Rc::new(RefCell::new(Nonces::new(secret, now))) }
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
        let nonce = self.nonces.borrow_mut().give(now);
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
            .with_header(&digest(Algorithm::MD5))
            .with_header(&digest(Algorithm::SHA_256))
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
        let known_nonce = self.nonces.borrow().read(nonce)?;
        let shown_uri = shown.param("uri")?;
        // Some clients hash the path only, also where they ask for a whole URI.
        if shown_uri != uri.as_bytes() && shown_uri != path_of(uri).as_bytes() {
            return Some(Shown::Wrong);
        }
        let auth = match shown.param("qop") {
            None if algorithm.is_session => return None,
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
        if !is_right {
            return Some(Shown::Wrong);
        }
        // Who counts nothing has one answer.
        let count = auth.map_or(Some(1), |(count, _)| number(count))?;
        let is_first = self.nonces.borrow_mut().take(known_nonce, count, now);
        Some(if is_first { Shown::Enough } else { Shown::Stale })
    }
}

/// The count of an answer: hexadecimal digits, eight of them as a rule.
fn number(digits: &[u8]) -> Option<u32> {
    let is_sound = digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_sound)?, 16).ok()
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
    use super::super::nonces::NONCE_LIFETIME;
    use super::*;

    const URI: &str = "http://host.example/a?b";

    fn gate(now: Instant) -> Gate {
        Gate::new(Some(Credentials::parse("joe:secret")), [9; 32], now)
    }

    /// What a refusal asks for with this algorithm, as it would be said in another.
    fn challenged(refusal: &Refusal, algorithm: Algorithm) -> Scheme {
        let reply = String::from_utf8(refusal.reply()).unwrap();
        let asked = format!("={}", algorithm.name().trim_end_matches("-sess"));
        let line = reply.lines().find(|line| line.contains(&asked)).unwrap();
        Scheme::list(line.split_once(": ").unwrap().1.as_bytes()).remove(0)
    }

    /// An answer to a challenge, with a count or without.
    fn answer(
        challenge: &Scheme,
        password: &str,
        uri: &str,
        count: Option<u32>,
        algorithm: Algorithm,
    ) -> Vec<u8> {
        let nonce = challenge.param("nonce").unwrap();
        let count = count.map(|count| format!("{count:08x}"));
        let response = Response {
            algorithm,
            user: b"joe",
            realm: challenge.param("realm").unwrap(),
            password: password.as_bytes(),
            method: b"GET",
            uri: uri.as_bytes(),
            nonce,
            auth: count.as_ref().map(|count| (count.as_bytes(), &b"xyz"[..])),
        };
        let qop = count
            .as_ref()
            .map(|count| format!(", qop=auth, nc={count}, cnonce=\"xyz\""))
            .unwrap_or_default();
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

    /// A challenge that nobody has answered.
    fn asked(gate: &Gate, algorithm: Algorithm, now: Instant) -> Scheme {
        challenged(&gate.check("GET", URI, &[], now).unwrap_err(), algorithm)
    }

    fn is_stale(refused: Result<(), Refusal>) -> bool {
        String::from_utf8(refused.unwrap_err().reply()).unwrap().contains("stale=true")
    }

    #[test]
    fn digest_is_accepted_with_either_hash_with_and_without_count_and_session() {
        let now = Instant::now();
        let gate = gate(now);
        for algorithm in
            [Algorithm::MD5, Algorithm::SHA_256, Algorithm::MD5_SESSION, Algorithm::SHA_256_SESSION]
        {
            for count in [Some(1), None] {
                if algorithm.is_session && count.is_none() {
                    continue;
                }
                for uri in [URI, "/a?b"] {
                    let asked = asked(&gate, algorithm, now);
                    let right = answer(&asked, "secret", uri, count, algorithm);
                    assert_eq!(check(&gate, &right, now), Ok(()), "{algorithm:?} {count:?} {uri}");
                }
                let asked = asked(&gate, algorithm, now);
                let wrong = answer(&asked, "Secret", URI, count, algorithm);
                assert!(!is_stale(check(&gate, &wrong, now)));
                let elsewhere = answer(&asked, "secret", "/other", count, algorithm);
                assert!(!is_stale(check(&gate, &elsewhere, now)));
            }
        }
    }

    #[test]
    fn an_answer_counts_once_and_the_next_one_has_the_next_count() {
        let now = Instant::now();
        let gate = gate(now);
        let asked_for = asked(&gate, Algorithm::MD5, now);
        let counted = |count| answer(&asked_for, "secret", URI, Some(count), Algorithm::MD5);
        assert_eq!(check(&gate, &counted(1), now), Ok(()));
        // A clone is the same gate.
        assert!(is_stale(check(&gate.clone(), &counted(1), now)));
        assert_eq!(check(&gate, &counted(2), now), Ok(()));
        let asked_for = asked(&gate, Algorithm::MD5, now);
        let uncounted = answer(&asked_for, "secret", URI, None, Algorithm::MD5);
        assert_eq!(check(&gate, &uncounted, now), Ok(()));
        assert!(is_stale(check(&gate, &uncounted, now)));
    }

    #[test]
    fn who_does_not_know_the_password_uses_no_nonce_up() {
        let now = Instant::now();
        let gate = gate(now);
        let asked = asked(&gate, Algorithm::MD5, now);
        let wrong = answer(&asked, "guess", URI, Some(1), Algorithm::MD5);
        assert!(check(&gate, &wrong, now).is_err());
        let right = answer(&asked, "secret", URI, Some(1), Algorithm::MD5);
        assert_eq!(check(&gate, &right, now), Ok(()));
    }

    #[test]
    fn a_nonce_that_grew_old_is_replaced_and_another_s_is_none() {
        let now = Instant::now();
        let ours = gate(now);
        let asked = asked(&ours, Algorithm::MD5, now);
        let right = answer(&asked, "secret", URI, Some(1), Algorithm::MD5);
        let late = now + NONCE_LIFETIME + std::time::Duration::from_secs(1);
        assert!(is_stale(check(&ours, &right, late)));
        let other = Gate::new(Some(Credentials::parse("joe:secret")), [8; 32], now);
        assert!(!is_stale(check(&other, &right, now)));
    }

    #[test]
    fn two_answers_are_none() {
        let now = Instant::now();
        let right =
            httparse::Header { name: "Proxy-Authorization", value: b"Basic am9lOnNlY3JldA==" };
        assert!(gate(now).check("GET", URI, &[right, right], now).is_err());
    }
}
