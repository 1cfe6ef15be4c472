//! Addresses as a user types them, before anything is looked up.
//!
//! Parsing touches nothing: [`HostPort`] and [`BindAddress`] say what was meant, and [`crate::resolve`] and
//! [`crate::interfaces`] find out what that is on this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use thiserror::Error;

/// The port of every callbox service unless another is asked for; the study notes used 3000.
pub const DEFAULT_PORT: u16 = 3000;

/// The longest host name that is looked up, in bytes (RFC 1035 section 2.3.4: 255 on the wire, 253 as text).
const MAX_HOST: usize = 253;

/// A host, and perhaps a port: `localhost`, `localhost:3000`, `127.0.0.1:3000`, `::1`, `[::1]:3000`, `[fe80::1%eth0]:3000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port, where one was given.
    pub port: Option<u16>,
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = split_port(text)?;
        if host.is_empty() {
            return Err(AddressError::NoHost(text.to_owned()));
        }
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '[' | ']' | '@');
        if host.len() > MAX_HOST || host.contains(odd) {
            return Err(AddressError::NotAHost(text.to_owned()));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

/// Where a server listens: `127.0.0.1`, `::1`, `*` for every address of both families, or an interface's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindAddress {
    /// One address; `0.0.0.0` is all of IPv4 and `::` all of IPv6.
    Address(IpAddr),
    /// Every address, IPv4 and IPv6, on one dual-stack socket.
    Any,
    /// Every address of the interface with this name.
    Interface(String),
}

impl BindAddress {
    /// The loopback address on which callbox listens unless told otherwise.
    pub const LOOPBACK: Self = Self::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
}

impl FromStr for BindAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        // IFNAMSIZ is 16 with the NUL on Linux, the BSDs and macOS; a name holds neither `/` nor white space.
        let plausible = !text.is_empty()
            && text.len() < 16
            && !text
                .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':'));
        if plausible {
            Ok(Self::Interface(text.to_owned()))
        } else {
            Err(AddressError::NotBindable(text.to_owned()))
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Any => f.write_str("*"),
            Self::Interface(name) => f.write_str(name),
        }
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing stands before the port.
    #[error("'{0}' names no host: write HOST or HOST:PORT")]
    NoHost(String),
    /// What follows the last colon is no port.
    #[error("'{port}' in '{text}' is no port: give a number from 0 to 65535")]
    NotAPort {
        /// The whole text.
        text: String,
        /// The part that should be a port.
        port: String,
    },
    /// A bracket is missing, or what it holds is no IPv6 address, or something else than a port follows it.
    #[error("'{0}' is no address: brackets hold an IPv6 address, as in [::1]:3000")]
    Brackets(String),
    /// The host part cannot be a name or an address.
    #[error("'{0}' cannot be a host: write a name, an IPv4 or an IPv6 address")]
    NotAHost(String),
    /// Neither an address nor an interface's name.
    #[error(
        "'{0}' cannot be listened on: give an IPv4 or IPv6 address, * for all, or an interface's name"
    )]
    NotBindable(String),
}

/// The address in the family that it really has: `::ffff:127.0.0.1`, as a dual-stack socket tells it, is `127.0.0.1`.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::V4(SocketAddrV4::new(v4, v6.port())),
            None => address,
        },
    }
}

/// The address as a dual-stack socket wants it: IPv4 becomes IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2).
pub fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    }
}

/// The wildcard address of the family that `address` has, with port 0.
pub fn unspecified_like(address: &SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) =
            rest.split_once(']').ok_or_else(|| AddressError::Brackets(text.to_owned()))?;
        // Brackets are for what has colons of its own; a scope may follow the address.
        let address = host.split('%').next().unwrap_or(host);
        if address.parse::<Ipv6Addr>().is_err() {
            return Err(AddressError::Brackets(text.to_owned()));
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(parse_port(text, port)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(AddressError::Brackets(text.to_owned())),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        // More than one colon and no brackets is an IPv6 address without a port.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(parse_port(text, port)?))),
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, AddressError> {
    // `u16::from_str` takes "+80"; nobody means that.
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits { port.parse().ok() } else { None };
    parsed.ok_or_else(|| AddressError::NotAPort { text: text.to_owned(), port: port.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host_port(text: &str) -> (String, Option<u16>) {
        let parsed: HostPort = text.parse().unwrap();
        (parsed.host, parsed.port)
    }

    #[test]
    fn a_host_is_split_from_its_port() {
        assert_eq!(host_port("localhost"), ("localhost".into(), None));
        assert_eq!(host_port("localhost:3001"), ("localhost".into(), Some(3001)));
        assert_eq!(host_port("127.0.0.1:0"), ("127.0.0.1".into(), Some(0)));
        assert_eq!(host_port("::1"), ("::1".into(), None));
        assert_eq!(host_port("[::1]"), ("::1".into(), None));
        assert_eq!(host_port("[fe80::1%eth0]:3000"), ("fe80::1%eth0".into(), Some(3000)));
    }

    #[test]
    fn what_is_no_host_or_port_is_refused_with_advice() {
        for text in [
            "",
            ":3000",
            "[]",
            "localhost:",
            "localhost:+80",
            "localhost:65536",
            "localhost:http",
            "[::1",
            "[::1]x",
            "[a:1]",
            "[localhost]:80",
            "a b",
            "http://x",
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.contains(':') || error.contains("give"), "{text}: {error}");
        }
    }

    #[test]
    fn a_bind_address_is_an_address_a_star_or_an_interface() {
        assert_eq!("*".parse(), Ok(BindAddress::Any));
        assert_eq!("127.0.0.1".parse(), Ok(BindAddress::LOOPBACK));
        assert_eq!("[::1]".parse(), Ok(BindAddress::Address(Ipv6Addr::LOCALHOST.into())));
        assert_eq!("eth0".parse(), Ok(BindAddress::Interface("eth0".into())));
        for text in ["", "127.0.0.1:80", "a name with spaces", "an-interface-name-too-long"] {
            assert!(text.parse::<BindAddress>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".{0,80}") {
            let _ = text.parse::<HostPort>();
            let _ = text.parse::<BindAddress>();
        }

        #[test]
        fn what_is_shown_parses_to_the_same(address: SocketAddr) {
            let shown = HostPort { host: address.ip().to_string(), port: Some(address.port()) };
            prop_assert_eq!(shown.to_string().parse(), Ok(shown));
        }

        #[test]
        fn mapping_an_address_and_back_changes_nothing(address: SocketAddrV4) {
            let address = SocketAddr::V4(address);
            prop_assert_eq!(canonical(SocketAddr::V6(mapped(address))), address);
        }
    }
}
