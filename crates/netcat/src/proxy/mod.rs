//! Proxies: going through them (`--proxy`), and being one (`-l --proxy-type http`).

pub mod client;
pub mod server;

mod body;
mod digest;
mod head;

use std::fmt;
use std::net::IpAddr;

pub use head::{HEAD_MAX, HEADERS_MAX};

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP's CONNECT.
    Http,
    /// SOCKS 4, and 4a for names.
    Socks4,
    /// SOCKS 5 (RFC 1928).
    Socks5,
}

impl Kind {
    /// The kind with this name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "socks4" => Some(Self::Socks4),
            "socks5" => Some(Self::Socks5),
            _ => None,
        }
    }

    /// The port on which such proxies listen if none is said.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 3128,
            Self::Socks4 | Self::Socks5 => 1080,
        }
    }
}

/// A user, and perhaps a password: the value of `--proxy-auth`. Its debug text keeps the password to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub user: String,
    /// What stands behind the first colon; empty where there is none.
    pub password: String,
}

impl Credentials {
    /// Reads `USER:PASSWORD`, or `USER` alone.
    pub fn parse(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Self { user: user.to_owned(), password: password.to_owned() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where a connection is to go: a name that somebody else resolves, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// What was typed: an address, in brackets or without, or else a name.
    pub fn typed(text: &str) -> Self {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A host and a port, written as in a URI: `[::1]:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            ref host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// Who resolves the target's name: `--proxy-dns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dns {
    /// We; a name that has no address is an error.
    Local,
    /// The proxy.
    #[default]
    Remote,
    /// We, and the proxy the names for which we find no address.
    Both,
    /// Nobody: only an address will do.
    None,
}

/// What [`Dns`] means for a target as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// This is what the proxy is told.
    Send(Host),
    /// Look up the name, for SOCKS 4 an IPv4 address, and tell the proxy the address; if there is none, tell it the name if
    /// `or_send_name`, else it is an error.
    LookUp {
        /// The name.
        name: String,
        /// Whether the proxy may know better.
        or_send_name: bool,
    },
    /// It is a name, and names are resolved nowhere.
    Refuse,
}

impl Dns {
    /// The one with this name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "local" => Some(Self::Local),
            "remote" => Some(Self::Remote),
            "both" => Some(Self::Both),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// What to do for this target.
    pub fn plan(self, typed: &str) -> Plan {
        match (Host::typed(typed), self) {
            (host @ Host::Address(_), _) | (host, Self::Remote) => Plan::Send(host),
            (Host::Name(name), Self::Local) => Plan::LookUp { name, or_send_name: false },
            (Host::Name(name), Self::Both) => Plan::LookUp { name, or_send_name: true },
            (Host::Name(_), Self::None) => Plan::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_dns_says_who_resolves_a_name() {
        let name = "host.example".to_owned();
        assert_eq!(Dns::Remote.plan(&name), Plan::Send(Host::Name(name.clone())));
        assert_eq!(
            Dns::Local.plan(&name),
            Plan::LookUp { name: name.clone(), or_send_name: false }
        );
        assert_eq!(Dns::Both.plan(&name), Plan::LookUp { name: name.clone(), or_send_name: true });
        assert_eq!(Dns::None.plan(&name), Plan::Refuse);
    }

    #[test]
    fn an_address_is_sent_whoever_resolves() {
        for dns in [Dns::Local, Dns::Remote, Dns::Both, Dns::None] {
            for (typed, address) in [("::1", "::1"), ("[::1]", "::1"), ("192.0.2.1", "192.0.2.1")] {
                let host = Host::Address(address.parse().unwrap());
                assert_eq!(dns.plan(typed), Plan::Send(host), "{dns:?} {typed}");
            }
        }
    }

    #[test]
    fn a_target_is_written_as_in_a_uri() {
        let target = |host: &str| Target { host: Host::typed(host), port: 80 }.to_string();
        assert_eq!(target("::1"), "[::1]:80");
        assert_eq!(target("192.0.2.1"), "192.0.2.1:80");
        assert_eq!(target("host.example"), "host.example:80");
    }

    #[test]
    fn passwords_may_hold_colons_and_are_not_shown() {
        let credentials = Credentials::parse("joe:a:b");
        assert_eq!((&*credentials.user, &*credentials.password), ("joe", "a:b"));
        assert!(!format!("{credentials:?}").contains("a:b"));
        assert_eq!(Credentials::parse("joe").password, "");
    }
}
