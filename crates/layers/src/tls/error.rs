//! Why there is no TLS with a server, in a user's words.

use std::fmt;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error as Rustls};
use thiserror::Error;

use super::Fingerprint;

/// Why there is no TLS. Each text goes on after the server's name; what it quotes of the server is to be shown escaped.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TlsError {
    /// The server's certificate is not to be trusted.
    #[error("its certificate {problem}")]
    Untrusted {
        /// Why.
        problem: Problem,
        /// Of the certificate that it showed.
        fingerprint: Fingerprint,
    },
    /// What came is no TLS.
    #[error("it does not speak TLS")]
    NotTls,
    /// The server ended the handshake.
    #[error("it refused the TLS handshake: {0}")]
    Refused(String),
    /// The server does not do what TLS demands.
    #[error("TLS with it failed: {0}")]
    Failed(String),
    /// The connection was cut: everything that came is right, but something may be missing.
    #[error("the connection was cut within TLS")]
    Cut,
    /// No certificate can be for this host name.
    #[error("'{0}' is a name that no certificate can be for")]
    Name(String),
    /// This system trusts nobody.
    #[error("this system has no certificates of authorities, by which a server's could be checked")]
    NoAuthorities,
}

/// What is wrong with a certificate. The text goes on after "its certificate".
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// It signed itself.
    SelfSigned,
    /// Nobody who is trusted signed it.
    UnknownIssuer,
    /// Its time is over.
    Expired(UnixTime),
    /// Its time has not come.
    NotYet(UnixTime),
    /// It is for other names than the host's.
    Name {
        /// The host.
        wanted: String,
        /// Those it is for, the first few.
        has: Vec<String>,
    },
    /// It is another one than the one that was asked for.
    Other {
        /// The one that was asked for.
        wanted: Fingerprint,
    },
    /// It is an authority's and no server's, and not among those that are trusted.
    IsAuthority,
    /// Anything else.
    Broken(String),
}

/// Names that are shown of those that a certificate is for.
const NAMES_SHOWN: usize = 4;

impl TlsError {
    /// The certificate that a user may decide to trust.
    pub const fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Untrusted { fingerprint, .. } => Some(*fingerprint),
            _ => None,
        }
    }

    pub(super) fn of(error: &Rustls) -> Self {
        match error {
            Rustls::InvalidMessage(_) => Self::NotTls,
            Rustls::AlertReceived(alert) => Self::Refused(words(&format!("{alert:?}"))),
            Rustls::PeerIncompatible(_) => {
                Self::Failed("it has no version or cipher that this program has".to_owned())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Problem {
    pub(super) fn of(error: &Rustls) -> Self {
        let Rustls::InvalidCertificate(error) = error else {
            return Self::Broken(error.to_string());
        };
        match error {
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(*not_after),
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYet(*not_before),
            // Somebody else signed it who has the name of one who is trusted.
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::UnknownIssuer
            }
            CertificateError::NotValidForNameContext { expected, presented } => Self::Name {
                wanted: expected.to_str().into_owned(),
                has: presented.iter().take(NAMES_SHOWN).map(|name| plain_name(name)).collect(),
            },
            CertificateError::Other(other)
                if other.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
            {
                Self::IsAuthority
            }
            other => Self::Broken(other.to_string()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned => f.write_str("was signed by nobody but itself"),
            Self::UnknownIssuer => f.write_str("was signed by nobody whom this system trusts"),
            Self::Expired(at) => write!(f, "expired on {}", Day(*at)),
            Self::NotYet(at) => write!(f, "is not valid before {}", Day(*at)),
            // RFC 9525, section 1.2.
            Self::Name { wanted, has } if has.is_empty() => write!(
                f,
                "names no host: '{wanted}' has to stand in its subjectAltName, a common name does not count"
            ),
            Self::Name { wanted, has } => {
                write!(f, "is not for '{wanted}' but for {}", has.join(", "))
            }
            Self::Other { .. } => f.write_str("is not the one with the given fingerprint"),
            Self::IsAuthority => f.write_str("is an authority's and no server's"),
            Self::Broken(what) => write!(f, "cannot be used: {what}"),
        }
    }
}

/// The library names names as `DnsName("localhost")`.
fn plain_name(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"').to_owned()
}

/// `HandshakeFailure` as words.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// A day of the civil calendar, `2026-11-22`, in UTC.
struct Day(UnixTime);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years begin in March here, so that the day that is not always there is a year's last. 146,097 days are 400
        // years; 719,468 days lie between the first of March of the year 0 and 1970.
        let days = self.0.as_secs() / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        write!(f, "{:04}-{month:02}-{day:02}", era * 400 + year + carry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_those_of_the_calendar() {
        let day =
            |seconds| Day(UnixTime::since_unix_epoch(Duration::from_secs(seconds))).to_string();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_400), "2000-02-29");
        assert_eq!(day(951_868_800), "2000-03-01");
        assert_eq!(day(1_795_305_599), "2026-11-21");
        assert_eq!(day(4_107_542_399), "2100-02-28");
        assert_eq!(day(4_107_542_400), "2100-03-01");
    }

    #[test]
    fn alerts_are_words() {
        assert_eq!(words("HandshakeFailure"), "handshake failure");
    }
}
