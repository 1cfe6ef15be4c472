//! Cipher suites by the names that OpenSSL gives them, and the lists in which people write them.
//!
//! Only what is safe is there to choose from, so most words of such a list choose nothing away. As with OpenSSL, a list
//! that names no suite of TLS 1.3 leaves those as they are.

use rustls::crypto::ring::cipher_suite as suite;
use rustls::{ProtocolVersion, SupportedCipherSuite};
use thiserror::Error;

/// OpenSSL's name, what else finds it, and the suite; the strongest first.
const KNOWN: [(&str, &[&str], SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", &["AES256"], suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", &["CHACHA20"], suite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_128_GCM_SHA256", &["AES128"], suite::TLS13_AES_128_GCM_SHA256),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        &["ECDSA", "AES", "AES256", "AESGCM", "SHA384"],
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        &["RSA", "AES", "AES256", "AESGCM", "SHA384"],
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        &["ECDSA", "CHACHA20", "SHA256"],
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        &["RSA", "CHACHA20", "SHA256"],
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        &["ECDSA", "AES", "AES128", "AESGCM", "SHA256"],
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        &["RSA", "AES", "AES128", "AESGCM", "SHA256"],
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
];

/// Words for all of them: everything here is strong, is of TLS 1.2 and agrees on keys by ECDHE.
const ALL: [&str; 9] = [
    "ALL",
    "DEFAULT",
    "HIGH",
    "COMPLEMENTOFDEFAULT",
    "ECDHE",
    "KECDHE",
    "EECDH",
    "KEECDH",
    "TLSV1.2",
];

/// The suites to choose from, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ciphers(Vec<SupportedCipherSuite>);

/// A list of ciphers that chooses none, or has a name that is not known.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CiphersError {
    /// A name.
    #[error("no cipher is called '{0}'; those that there are: {list}", list = names())]
    Unknown(String),
    /// The list as a whole.
    #[error("the list chooses no cipher; those that there are: {list}", list = names())]
    Empty,
}

fn names() -> String {
    KNOWN.map(|(name, ..)| name).join(", ")
}

impl Ciphers {
    /// Reads a list as `openssl ciphers` takes it: names and groups between `:`, `,` or spaces; `!` and `-` take away, `+`
    /// in front moves to the end, `+` within means both.
    ///
    /// # Errors
    ///
    /// If a name that is asked for is not known, or nothing is left.
    pub fn parse(list: &str) -> Result<Self, CiphersError> {
        let (mut chosen, mut killed): (Vec<usize>, Vec<usize>) = Default::default();
        for word in list.split([':', ',', ' ', ';']).filter(|word| !word.is_empty()) {
            // @STRENGTH is the order here in any case, and @SECLEVEL is met by all.
            if word.starts_with('@') {
                continue;
            }
            match word.split_at(1) {
                // What is unknown need not be taken away: it is not there.
                ("!", name) => {
                    let away = matching(name).unwrap_or_default();
                    chosen.retain(|index| !away.contains(index));
                    killed.extend(away);
                }
                ("-", name) => {
                    let away = matching(name).unwrap_or_default();
                    chosen.retain(|index| !away.contains(index));
                }
                ("+", name) => {
                    let last = matching(name).unwrap_or_default();
                    let (mut first, end): (Vec<_>, Vec<_>) =
                        chosen.iter().partition(|index| !last.contains(index));
                    first.extend(end);
                    chosen = first;
                }
                _ => {
                    let found = matching(word);
                    for index in found.ok_or_else(|| CiphersError::Unknown(word.to_owned()))? {
                        if !chosen.contains(&index) && !killed.contains(&index) {
                            chosen.push(index);
                        }
                    }
                }
            }
        }
        let is_newest =
            |index: &usize| KNOWN[*index].2.version().version == ProtocolVersion::TLSv1_3;
        if chosen.is_empty() {
            return Err(CiphersError::Empty);
        }
        if !chosen.iter().any(is_newest) {
            let newest =
                (0..KNOWN.len()).filter(|index| is_newest(index) && !killed.contains(index));
            chosen.splice(..0, newest);
        }
        Ok(Self(chosen.into_iter().map(|index| KNOWN[index].2).collect()))
    }

    pub(super) fn suites(&self) -> &[SupportedCipherSuite] {
        &self.0
    }
}

/// OpenSSL's name of a suite.
pub(super) fn name_of(suite: SupportedCipherSuite) -> &'static str {
    KNOWN.iter().find(|(.., known)| *known == suite).map_or("unknown", |(name, ..)| name)
}

/// Places in the table; `None` if the word means nothing.
fn matching(word: &str) -> Option<Vec<usize>> {
    let mut found: Vec<usize> = (0..KNOWN.len()).collect();
    for part in word.split('+') {
        let part = part.to_ascii_uppercase();
        // `aRSA` is who signs, `kECDHE` is how keys are agreed on.
        let group = part.strip_prefix('A').filter(|rest| ["RSA", "ECDSA"].contains(rest));
        let group = group.unwrap_or(&part);
        let old = |index: usize| KNOWN[index].2.version().version == ProtocolVersion::TLSv1_2;
        let is = |index: usize| {
            let (name, groups, _) = KNOWN[index];
            part == name
                || (old(index) && (ALL.contains(&part.as_str()) || groups.contains(&group)))
        };
        if !(0..KNOWN.len()).any(is) {
            return None;
        }
        found.retain(|index| is(*index));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        Ciphers::parse(list).unwrap().suites().iter().map(|suite| name_of(*suite)).collect()
    }

    const NEWEST: [&str; 3] =
        ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        assert_eq!(names("ALL:!aNULL:!eNULL:!LOW:!EXP:!RC4:!MD5:@STRENGTH").len(), 9);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256")[3..], ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256")[..3], NEWEST);
        assert_eq!(
            names("ecdhe+aesgcm,!aRSA")[3..],
            ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]
        );
        assert_eq!(names("HIGH:-AES:!SHA384").len(), 5);
        assert_eq!(names("HIGH +CHACHA20").last(), Some(&"ECDHE-RSA-CHACHA20-POLY1305"));
        assert_eq!(names("TLS_AES_128_GCM_SHA256"), ["TLS_AES_128_GCM_SHA256"]);
        assert_eq!(
            names("TLS_AES_128_GCM_SHA256:ECDHE-RSA-CHACHA20-POLY1305"),
            ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]
        );
        // What is killed does not come back.
        assert_eq!(names("!CHACHA20:ALL")[3..].len(), 4);
    }

    #[test]
    fn a_name_that_is_not_known_is_answered_with_those_that_are() {
        let error = Ciphers::parse("HIGH:RC4-MD5").unwrap_err();
        assert_eq!(error, CiphersError::Unknown("RC4-MD5".to_owned()));
        let said = error.to_string();
        for (name, ..) in KNOWN {
            assert!(said.contains(name), "{said}");
        }
        for nothing in ["", ":", "@STRENGTH", "ALL:!ALL", "ECDSA+RSA"] {
            assert_eq!(Ciphers::parse(nothing), Err(CiphersError::Empty), "{nothing}");
        }
    }
}
