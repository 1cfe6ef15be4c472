//! Where a chat is, as a user writes it.
//!
//! The URLs are those of IRC clients (draft-butcher-irc-url, draft-saintandre-irc-url) and of WebSocket (RFC 6455
//! section 3). A host without a scheme is one of callbox's own servers, which has everything at one port.

use std::fmt;
use std::str::FromStr;

use callbox_net::address::{DEFAULT_PORT, HostPort};

use crate::cli::room as check_room;

/// Where callbox's server has its WebSocket.
const OUR_PATH: &str = "/ws";

/// A server to chat at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatAddress {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is spoken there.
    pub transport: Transport,
    /// The room that the address names, if it names one.
    pub room: Option<String>,
    /// Whether the port stood there, and is no scheme's default.
    port_was_given: bool,
}

/// How lines get to a server and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// IRC, bare or in TLS.
    Irc {
        /// In TLS.
        tls: bool,
    },
    /// IRC in the messages of a WebSocket.
    WebSocket {
        /// In TLS.
        tls: bool,
        /// From `/` on, with the query.
        path: String,
    },
    /// A datagram for each line, and no IRC at all.
    Datagrams,
}

/// A row of the table of schemes.
struct Scheme {
    name: &'static str,
    port: u16,
    transport: fn(path: &str) -> Transport,
}

const SCHEMES: [Scheme; 5] = [
    Scheme { name: "irc", port: 6667, transport: |_| Transport::Irc { tls: false } },
    Scheme { name: "ircs", port: 6697, transport: |_| Transport::Irc { tls: true } },
    Scheme { name: "ws", port: 80, transport: |path| web(false, path) },
    Scheme { name: "wss", port: 443, transport: |path| web(true, path) },
    Scheme { name: "udp", port: DEFAULT_PORT, transport: |_| Transport::Datagrams },
];

fn web(tls: bool, path: &str) -> Transport {
    let path = if path.is_empty() { OUR_PATH } else { path };
    Transport::WebSocket { tls, path: path.to_owned() }
}

impl Default for ChatAddress {
    /// Where `callbox chat server` listens unless told otherwise.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: DEFAULT_PORT,
            transport: Transport::Irc { tls: false },
            room: None,
            port_was_given: false,
        }
    }
}

impl ChatAddress {
    /// The chat of this machine, at `port` or where it is unless told otherwise.
    pub fn here(port: Option<u16>) -> Self {
        let default = Self::default();
        Self { port: port.unwrap_or(default.port), port_was_given: port.is_some(), ..default }
    }

    /// The same server in TLS: `irc://` becomes `ircs://` and `ws://` becomes `wss://`, with their ports unless another was
    /// given. Where no scheme was given either the port stays, since callbox's server has TLS at the same one.
    ///
    /// # Errors
    ///
    /// If it is `udp://`, for which there is no TLS; a text for the user.
    pub fn with_tls(mut self) -> Result<Self, String> {
        let standard = match &mut self.transport {
            Transport::Irc { tls } => (!std::mem::replace(tls, true)).then_some((6667, 6697)),
            Transport::WebSocket { tls, .. } => {
                (!std::mem::replace(tls, true)).then_some((80, 443))
            }
            Transport::Datagrams => {
                return Err("there is no TLS for datagrams; leave out the flags of TLS, or udp://"
                    .to_owned());
            }
        };
        if let Some((plain, secure)) = standard
            && self.port == plain
            && !self.port_was_given
        {
            self.port = secure;
        }
        Ok(self)
    }

    /// Whether TLS is spoken.
    pub const fn is_secure(&self) -> bool {
        matches!(
            self.transport,
            Transport::Irc { tls: true } | Transport::WebSocket { tls: true, .. }
        )
    }

    /// The host and the port.
    pub fn host_port(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: Some(self.port) }
    }
}

impl FromStr for ChatAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.starts_with('#') {
                return Err(format!(
                    "'{text}' is a room and no server; join it with --join '{text}'"
                ));
            }
            let HostPort { host, port } = parse_host(text)?;
            let port_was_given = port.is_some();
            let port = port.unwrap_or(DEFAULT_PORT);
            return Ok(Self { host, port, port_was_given, ..Self::default() });
        };
        let Some(scheme) = SCHEMES.iter().find(|known| scheme.eq_ignore_ascii_case(known.name))
        else {
            return Err(unknown_scheme(scheme, rest));
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(format!(
                "'{text}' holds a name before its @; say who you are with --name or --account"
            ));
        }
        let HostPort { host, port } = parse_host(authority)?;
        let room = match scheme.name {
            "irc" | "ircs" => room(path)?,
            "ws" | "wss" => check_path(path).map(|()| None)?,
            _ if matches!(path, "" | "/") => None,
            _ => return Err(format!("'{path}' cannot stand behind udp://HOST:PORT")),
        };
        Ok(Self {
            host,
            port: port.unwrap_or(scheme.port),
            transport: (scheme.transport)(path),
            room,
            port_was_given: port.is_some(),
        })
    }
}

fn parse_host(text: &str) -> Result<HostPort, String> {
    let parsed: HostPort = text.parse().map_err(|error| format!("{error}"))?;
    match parsed.port {
        Some(0) => Err(format!(
            "port 0 in '{text}' stands for none; give the port that the server listens on"
        )),
        _ => Ok(parsed),
    }
}

fn unknown_scheme(scheme: &str, rest: &str) -> String {
    let meant = match scheme.to_ascii_lowercase().as_str() {
        "http" => format!("a chat in a WebSocket is ws://{rest}"),
        "https" => format!("a chat in a WebSocket is wss://{rest}"),
        "tcp" => format!("write {rest}"),
        "irc+tls" | "irc+ssl" | "tls" | "ssl" => format!("IRC in TLS is ircs://{rest}"),
        _ => {
            let names: Vec<_> =
                SCHEMES.iter().map(|scheme| format!("{}://", scheme.name)).collect();
            format!("a chat's address begins with {} or none of them", names.join(", "))
        }
    };
    format!("'{scheme}://' is no scheme of a chat: {meant}")
}

/// The room behind an IRC URL's host: `/#room`, `/%23room` or `/room`, or nothing.
fn room(path: &str) -> Result<Option<String>, String> {
    let target = path.strip_prefix('/').unwrap_or(path);
    if target.is_empty() {
        return Ok(None);
    }
    let wrong = |why: &str| Err(format!("'{target}' cannot be a room: {why}"));
    let Some(mut name) = percent_decoded(target) else {
        return wrong("its %-escapes are broken");
    };
    if name.contains('?') {
        return wrong("what follows ? is not understood; keys and more rooms go to --join");
    }
    if name.contains(',') {
        return wrong("an address names one room; join more with --join");
    }
    if !name.starts_with(['#', '&']) {
        name.insert(0, '#');
    }
    check_room(&name).map(Some).or_else(|why| wrong(&why))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || (rest.next()? as char).to_digit(16);
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// What a request for a WebSocket can ask for.
fn check_path(path: &str) -> Result<(), String> {
    let wrong = |why| Err(format!("'{path}' cannot be the path of a WebSocket: {why}"));
    if path.contains('#') {
        return wrong("a # has no meaning there; join a room with --join");
    }
    if !path.is_empty() && !path.starts_with('/') {
        return wrong("it begins with /");
    }
    if path.contains(|c: char| !c.is_ascii_graphic()) {
        return wrong("write what is no plain ASCII as %XX");
    }
    Ok(())
}

/// As it can be typed again.
impl fmt::Display for ChatAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host_port();
        match &self.transport {
            Transport::Irc { tls: false } => write!(f, "{host}"),
            Transport::Irc { tls: true } => write!(f, "ircs://{host}"),
            Transport::WebSocket { tls: false, path } => write!(f, "ws://{host}{path}"),
            Transport::WebSocket { tls: true, path } => write!(f, "wss://{host}{path}"),
            Transport::Datagrams => write!(f, "udp://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ChatAddress {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn shown(text: &str) -> String {
        of(text).to_string()
    }

    #[test]
    fn a_host_alone_is_one_of_callbox_s_own_servers() {
        assert_eq!(ChatAddress::default().to_string(), "127.0.0.1:3000");
        for (typed, meant) in [
            ("example.org", "example.org:3000"),
            ("example.org:7000", "example.org:7000"),
            ("::1", "[::1]:3000"),
            ("[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(shown(typed), meant);
        }
    }

    #[test]
    fn each_scheme_has_its_port() {
        for (typed, meant) in [
            ("irc://example.org", "example.org:6667"),
            ("IRC://example.org:7000/", "example.org:7000"),
            ("ircs://example.org", "ircs://example.org:6697"),
            ("ircs://[::1]:7000", "ircs://[::1]:7000"),
            ("ws://example.org", "ws://example.org:80/ws"),
            ("ws://example.org/", "ws://example.org:80/"),
            ("wss://example.org/webirc/?a=b", "wss://example.org:443/webirc/?a=b"),
            ("wss://example.org:8097", "wss://example.org:8097/ws"),
            ("udp://example.org", "udp://example.org:3000"),
            ("udp://[::1]:7000/", "udp://[::1]:7000"),
        ] {
            assert_eq!(shown(typed), meant);
            assert_eq!(shown(meant), meant, "can be typed again");
        }
    }

    #[test]
    fn tls_moves_a_scheme_to_its_secure_port_and_a_bare_host_nowhere() {
        for (typed, meant) in [
            ("example.org", "ircs://example.org:3000"),
            ("irc://example.org", "ircs://example.org:6697"),
            ("irc://example.org:6667", "ircs://example.org:6667"),
            ("ircs://example.org", "ircs://example.org:6697"),
            ("ws://example.org", "wss://example.org:443/ws"),
            ("ws://example.org:8080/x", "wss://example.org:8080/x"),
        ] {
            let secure = of(typed).with_tls().unwrap();
            assert!(secure.is_secure());
            assert_eq!(secure.to_string(), meant);
        }
        assert!(of("udp://example.org").with_tls().is_err());
        assert!(!of("example.org").is_secure());
    }

    #[test]
    fn an_irc_url_may_name_a_room() {
        for typed in ["/#dev", "/%23dev", "/dev", "#dev"] {
            assert_eq!(of(&format!("irc://example.org{typed}")).room.as_deref(), Some("#dev"));
        }
        assert_eq!(of("ircs://example.org:7000/##c++").room.as_deref(), Some("##c++"));
        assert_eq!(of("irc://example.org/%E4%BD%A0").room.as_deref(), Some("#你"));
        assert_eq!(of("irc://example.org/").room, None);
    }

    #[test]
    fn what_is_no_address_is_told_with_what_to_write_instead() {
        for (typed, advice) in [
            ("", "write HOST"),
            ("#dev", "--join '#dev'"),
            ("example.org:x", "no port"),
            ("example.org:0", "port 0"),
            ("irc://", "names no host"),
            ("irc://a@example.org", "--name"),
            ("https://example.org/ws", "wss://example.org/ws"),
            ("tcp://example.org:3000", "write example.org:3000"),
            ("gopher://example.org", "ircs://"),
            ("irc://example.org/#a,#b", "--join"),
            ("irc://example.org/#a?key", "?"),
            ("irc://example.org/%2", "escapes"),
            ("irc://example.org/a%20b", "no spaces"),
            ("ws://example.org/#dev", "--join"),
            ("ws://example.org/你", "%XX"),
            ("udp://example.org/x", "udp://"),
            ("[::1:3000", "brackets"),
            ("exam ple", "cannot be a host"),
        ] {
            let error = typed.parse::<ChatAddress>().unwrap_err();
            assert!(error.contains(advice), "{typed}: {error}");
        }
    }
}
