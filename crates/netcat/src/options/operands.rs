//! The operands: a host and a port, a path, a machine's number, or an address with a scheme.

use std::ffi::OsString;
use std::path::PathBuf;

use super::read::{Misuse, Reader, wrong};
use super::{DEFAULT_PORT, Flavour, Target, WebSocket};

/// Ports of one `-z`, so that a slip of the hand ends.
const MAX_PORTS: usize = 65_536;

impl Reader<'_> {
    /// What the operands name, and whether it is a WebSocket, and a secure one.
    pub(super) fn target(
        &self,
        operands: &[&OsString],
        listens: bool,
    ) -> Result<(Target, Option<WebSocket>, bool), Misuse> {
        if self.flag("unixsock") && !self.flag("vsock") {
            let verb = if listens { "listen on" } else { "connect to" };
            return match operands {
                [] => wrong(format!("You have to specify path to a socket to {verb}")),
                [path] => Ok((Target::Path(PathBuf::from(path)), None, false)),
                [_, rest @ ..] => wrong(format!("A Unix socket has no port: {}", list(rest))),
            };
        }
        let words = operands
            .iter()
            .map(|word| {
                word.to_str()
                    .map(str::to_owned)
                    .ok_or_else(|| Misuse("The operands have to be UTF-8".to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if self.flag("vsock") {
            return Ok((vsock(&words, listens)?, None, false));
        }
        if let [url] = &words[..]
            && let Some((scheme, rest)) = url.split_once("://")
        {
            return self.address(scheme, rest, listens);
        }
        let looks_like_port = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let (host, ports) = match &words[..] {
            [] => (None, &[][..]),
            // A listener needs no host, so a first operand that looks like a port is one, as ncat has it. A client's only
            // one that does was to stand behind a host.
            [word, ..] if listens && looks_like_port(word) => (None, &words[..]),
            [word] if !listens && looks_like_port(word) => (None, &words[..]),
            [host, ports @ ..] => (Some(host.clone()).filter(|host| !host.is_empty()), ports),
        };
        if host.is_none() && !listens {
            return wrong("You must specify a host to connect to");
        }
        let host = if listens { self.listening_host(host)? } else { host };
        let mut numbers = self.ports(ports)?;
        if listens && let Some(port) = self.port("source-port")? {
            if let Some(other) = numbers.first() {
                return wrong(format!("Got more than one port specification: {port} {other}"));
            }
            numbers.push(port);
        }
        if numbers.is_empty() {
            numbers.push(DEFAULT_PORT);
        }
        Ok((Target::Host { host, ports: numbers }, None, false))
    }

    /// Where to listen, if `-s` says it too. In ncat that is no way to say it; whoever does would not want to be heard on
    /// all addresses.
    fn listening_host(&self, host: Option<String>) -> Result<Option<String>, Misuse> {
        match (host, self.text("source")?) {
            (host, None) => Ok(host),
            (None, Some(source)) if self.flavour != Flavour::Ncat => Ok(Some(source)),
            _ => {
                wrong("-s is for a client: where to listen are the operands, as in -l ADDRESS PORT")
            }
        }
    }

    /// `ws://…` and `wss://…`.
    fn address(
        &self,
        scheme: &str,
        rest: &str,
        listens: bool,
    ) -> Result<(Target, Option<WebSocket>, bool), Misuse> {
        let secure = match scheme {
            "ws" => false,
            "wss" => true,
            _ => {
                return wrong(format!(
                    "{scheme}:// is no address that can be connected to: ws:// and wss:// are"
                ));
            }
        };
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        if host.is_empty() && !listens {
            return wrong("You must specify a host to connect to");
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong(
                "The path of a WebSocket address is ASCII without blanks; write other characters as %XX",
            );
        }
        let websocket = WebSocket { path, host: authority.to_owned() };
        let host = (!host.is_empty()).then(|| host.to_owned());
        Ok((Target::Host { host, ports: vec![port] }, Some(websocket), secure))
    }

    fn ports(&self, words: &[String]) -> Result<Vec<u16>, Misuse> {
        // The other two look at many ports with one -z.
        let many = self.flavour != Flavour::Ncat && self.flag("zero");
        if words.len() > 1 && !many {
            return wrong(format!("Got more than one port specification: {}", words.join(" ")));
        }
        let mut ports = Vec::new();
        for word in words {
            let bad = || Misuse(format!("Invalid port number \"{word}\""));
            match word.split_once('-') {
                Some((low, high)) if many => {
                    let (low, high): (u16, u16) =
                        (low.parse().map_err(|_| bad())?, high.parse().map_err(|_| bad())?);
                    ports.extend(low.min(high)..=low.max(high));
                }
                _ => ports.push(word.parse().map_err(|_| bad())?),
            }
            if ports.len() > MAX_PORTS {
                return wrong(format!("More than {MAX_PORTS} ports at once"));
            }
        }
        Ok(ports)
    }
}

/// `CID PORT`, or of a listener `PORT` alone.
fn vsock(words: &[String], listens: bool) -> Result<Target, Misuse> {
    let (cid, port) = match words {
        [] if listens => (None, None),
        [] => return wrong("You must specify a host to connect to"),
        [port] if listens => (None, Some(port)),
        [cid] => (Some(cid), None),
        [cid, port] => (Some(cid), Some(port)),
        [_, ports @ ..] => {
            return wrong(format!("Got more than one port specification: {}", ports.join(" ")));
        }
    };
    let cid = cid
        .map(|text| text.parse().map_err(|_| Misuse(format!("Invalid CID \"{text}\""))))
        .transpose()?;
    let port = match port {
        None => u32::from(DEFAULT_PORT),
        Some(text) => {
            text.parse().map_err(|_| Misuse(format!("Invalid port number \"{text}\"")))?
        }
    };
    Ok(Target::Vsock { cid, port })
}

/// `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT`, and an IPv6 address without brackets.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<u16>), Misuse> {
    let bad = |port: &str| Misuse(format!("Invalid port number \"{port}\""));
    if let Some(rest) = text.strip_prefix('[') {
        let Some((host, rest)) = rest.split_once(']') else {
            return wrong(format!("\"{text}\" has no closing bracket"));
        };
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port.parse().map_err(|_| bad(port))?))),
            None if rest.is_empty() => Ok((host, None)),
            None => wrong(format!("\"{text}\" is no host with a port")),
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => {
            Ok((host, Some(port.parse().map_err(|_| bad(port))?)))
        }
        _ => Ok((text, None)),
    }
}

fn list(words: &[&OsString]) -> String {
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
