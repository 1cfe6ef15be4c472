//! The request that turns HTTP into WebSocket (RFC 6455, section 4.2), and who may make it.
//!
//! A browser lets any page open a WebSocket to any server, with the visitor's address and from within the visitor's
//! network. What stops a page of another site is the `Origin` that the browser adds, which is why it is checked. A
//! program sends none, and is no page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tungstenite::handshake::derive_accept_key;

use super::super::context::WebSettings;
use super::super::http::{Refusal, Request, Status};
use super::Encoding;

/// Bytes of a key, decoded (section 4.1).
const KEY_LENGTH: usize = 16;

/// Checks a request and appends the answer to `output`.
///
/// `peer` is who asks. Gives the kind of messages agreed on; `None` if the client named none that is known, and then
/// its first message says.
///
/// # Errors
///
/// What the client is to be told instead.
pub(in super::super) fn upgrade(
    request: &Request<'_>,
    peer: IpAddr,
    settings: &WebSettings,
    output: &mut Vec<u8>,
) -> Result<Option<Encoding>, Refusal> {
    let upgrades = request.tokens("upgrade").any(|token| token.eq_ignore_ascii_case("websocket"))
        && request.tokens("connection").any(|token| token.eq_ignore_ascii_case("upgrade"));
    if !upgrades {
        let headers = "Upgrade: websocket\r\n";
        return Err(Refusal { headers, ..Refusal::of(Status::UpgradeRequired) });
    }
    if request.method != "GET" || request.minor == 0 {
        return Err(Refusal::of(Status::BadRequest));
    }
    if request.only("sec-websocket-version") != Some("13") {
        let headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        return Err(Refusal { headers, ..Refusal::of(Status::UpgradeRequired) });
    }
    let Some(key) = request.only("sec-websocket-key").filter(|key| is_key(key)) else {
        return Err(Refusal::of(Status::BadRequest));
    };
    if !may_come(request, peer, settings) {
        return Err(Refusal::of(Status::Forbidden));
    }
    let encoding = request.tokens("sec-websocket-protocol").find_map(|name| match name {
        "text.ircv3.net" => Some(Encoding::Text),
        "binary.ircv3.net" => Some(Encoding::Binary),
        _ => None,
    });
    output.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    );
    output.extend_from_slice(b"Sec-WebSocket-Accept: ");
    output.extend_from_slice(derive_accept_key(key.as_bytes()).as_bytes());
    output.extend_from_slice(match encoding {
        Some(Encoding::Text) => b"\r\nSec-WebSocket-Protocol: text.ircv3.net\r\n\r\n",
        Some(Encoding::Binary) => b"\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n\r\n",
        None => b"\r\n\r\n",
    });
    Ok(encoding)
}

fn is_key(key: &str) -> bool {
    BASE64.decode(key).is_ok_and(|bytes| bytes.len() == KEY_LENGTH)
}

/// Whether the request is a program's, or a page's of an origin that is allowed.
fn may_come(request: &Request<'_>, peer: IpAddr, settings: &WebSettings) -> bool {
    let mut origins = request.values("origin");
    let Some(origin) = origins.next() else { return true };
    if origins.next().is_some() {
        return false;
    }
    if settings.origins.iter().any(|entry| &**entry == "*" || same_origin(entry, origin)) {
        return true;
    }
    let (Some(page), Some(host)) = (Origin::parse(origin), request.only("host")) else {
        return false;
    };
    let (host, port) = split_port(host);
    page.host.eq_ignore_ascii_case(host)
        && page.port == port.map_or_else(|| default_port(page.scheme), str::parse::<u16>).ok()
        && !is_rebound(host, peer)
}

/// Whether a name that anybody can register leads to this machine, asked by this machine: that is how a page of another
/// site makes its own host name mean the visitor's machine (DNS rebinding). Behind a proxy, whose requests look the
/// same, the origins have to be named in the settings.
fn is_rebound(host: &str, peer: IpAddr) -> bool {
    let is_local_name = host.eq_ignore_ascii_case("localhost")
        || host.len() > 10
            && host.as_bytes()[host.len() - 10..].eq_ignore_ascii_case(b".localhost");
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = host.parse::<Ipv4Addr>().is_ok()
        || inside.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    peer.to_canonical().is_loopback() && !is_local_name && !is_address
}

/// An origin, `scheme://host[:port]` (RFC 6454, section 6.2).
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    /// `None` where there is neither a port nor a default.
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        if authority.is_empty() || authority.contains(['/', '@']) {
            return None;
        }
        let (host, port) = split_port(authority);
        let port = port.map_or_else(|| default_port(scheme), str::parse::<u16>).ok();
        Some(Self { scheme, host, port })
    }
}

fn same_origin(allowed: &str, origin: &str) -> bool {
    match (Origin::parse(allowed.trim_end_matches('/')), Origin::parse(origin)) {
        (Some(a), Some(b)) => {
            a.scheme.eq_ignore_ascii_case(b.scheme)
                && a.host.eq_ignore_ascii_case(b.host)
                && a.port == b.port
        }
        // `null`, which pages in sandboxes have, if it stands in the settings.
        _ => allowed == origin,
    }
}

/// Host and port; an IPv6 address has colons of its own, in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn default_port(scheme: &str) -> Result<u16, std::num::ParseIntError> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Ok(443),
        _ if scheme.eq_ignore_ascii_case("http") => Ok(80),
        _ => "".parse(),
    }
}
