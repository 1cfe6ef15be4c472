//! The request that turns HTTP into WebSocket, as a client makes it (RFC 6455, section 4.1).

use std::fmt::Write;

use thiserror::Error;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

/// The most bytes of a server's answer before its end. Servers send a few hundred; what is longer is some other page.
const MAX_HEAD: usize = 16 * 1024;

/// Headers of a server's answer.
const MAX_HEADERS: usize = 64;

/// Bytes of a server's words that are kept to be shown.
const SHOWN: usize = 80;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The host as it stands in a URL, with the port unless it is the scheme's own.
    pub host: &'a str,
    /// The path with the query, from `/` on: printable ASCII without spaces.
    pub path: &'a str,
    /// Subprotocols, the preferred one first.
    pub protocols: &'a [&'static str],
}

/// Why a server's answer opens no WebSocket. What the server said is quoted as it came: show it escaped.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum UpgradeError {
    /// It is not HTTP.
    #[error("what answers there is no web server")]
    NotHttp,
    /// It has no end.
    #[error("its answer is longer than any such answer is")]
    TooLong,
    /// It is another one than 101.
    #[error("the server answered {code} {reason} to the request for {path}{}", advice(*.code))]
    Status {
        /// The status.
        code: u16,
        /// The server's words, a few of them.
        reason: String,
        /// What was asked for.
        path: String,
    },
    /// A header is missing or says something else.
    #[error("the server's answer to the WebSocket handshake is wrong in {0}")]
    Header(&'static str),
}

fn advice(code: u16) -> &'static str {
    match code {
        300..400 => ", which moves it elsewhere",
        401 | 403 => ", and lets nobody in without more",
        404 => ", so its WebSocket has another path: write it behind the host",
        200 | 400 | 405 | 426 => ", so there is no WebSocket at this path",
        _ => "",
    }
}

/// A handshake under way.
///
/// Calling contract: send what [`new`](Self::new) appends, then give what comes to [`handle`](Self::handle) until it has
/// an answer.
#[derive(Debug)]
pub struct Handshake {
    accept: String,
    path: String,
    protocols: Vec<&'static str>,
    head: Vec<u8>,
}

impl Handshake {
    /// Appends the request to `output`.
    pub fn new(request: &Request<'_>, output: &mut Vec<u8>) -> Self {
        let key = generate_key();
        let mut text = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n",
            request.path, request.host
        );
        if !request.protocols.is_empty() {
            // Writing to memory does not fail.
            let _ = write!(text, "Sec-WebSocket-Protocol: {}\r\n", request.protocols.join(", "));
        }
        text.push_str("\r\n");
        output.extend_from_slice(text.as_bytes());
        Self {
            accept: derive_accept_key(key.as_bytes()),
            path: request.path.to_owned(),
            protocols: request.protocols.to_vec(),
            head: Vec::new(),
        }
    }

    /// Takes in the server's answer from the front of `input`, and leaves the first frame there. `None` means that the
    /// answer is not yet whole; otherwise it opened, with the subprotocol that the server chose, if it chose one.
    ///
    /// # Errors
    ///
    /// If the server does not open a WebSocket.
    pub fn handle(
        &mut self,
        input: &mut &[u8],
    ) -> Result<Option<Option<&'static str>>, UpgradeError> {
        let before = self.head.len();
        let room = (MAX_HEAD - before).min(input.len());
        self.head.extend_from_slice(&input[..room]);
        let looked_at = before.saturating_sub(3);
        let end = self.head[looked_at..].windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end.map(|at| looked_at + at + 4) else {
            *input = &input[room..];
            return self.refuse_early().map(|()| None);
        };
        *input = &input[end - before..];
        self.head.truncate(end);
        self.read().map(Some)
    }

    /// What need not come whole to be wrong.
    fn refuse_early(&self) -> Result<(), UpgradeError> {
        let start = b"HTTP/1.";
        let common = start.len().min(self.head.len());
        if self.head[..common] != start[..common] {
            return Err(UpgradeError::NotHttp);
        }
        if self.head.len() == MAX_HEAD { Err(UpgradeError::TooLong) } else { Ok(()) }
    }

    fn read(&self) -> Result<Option<&'static str>, UpgradeError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.head);
        if !matches!(parsed, Ok(httparse::Status::Complete(_))) {
            return Err(UpgradeError::NotHttp);
        }
        let code = response.code.unwrap_or_default();
        if code != 101 {
            let reason = response.reason.unwrap_or_default().chars().take(SHOWN).collect();
            return Err(UpgradeError::Status { code, reason, path: self.path.clone() });
        }
        let values = |name: &'static str| {
            let named = response.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
            named.map(|header| str::from_utf8(header.value).unwrap_or_default().trim())
        };
        let says = |name, word: &str| {
            values(name).flat_map(|v| v.split(',')).any(|v| v.trim().eq_ignore_ascii_case(word))
        };
        if !says("upgrade", "websocket") {
            return Err(UpgradeError::Header("Upgrade"));
        }
        if !says("connection", "upgrade") {
            return Err(UpgradeError::Header("Connection"));
        }
        if !values("sec-websocket-accept").eq([self.accept.as_str()]) {
            return Err(UpgradeError::Header("Sec-WebSocket-Accept"));
        }
        // None was asked for.
        if values("sec-websocket-extensions").any(|value| !value.is_empty()) {
            return Err(UpgradeError::Header("Sec-WebSocket-Extensions"));
        }
        let mut chosen = values("sec-websocket-protocol");
        let known = |name: &str| self.protocols.iter().copied().find(|known| *known == name);
        match (chosen.next(), chosen.next()) {
            (None, _) => Ok(None),
            (Some(name), None) => {
                known(name).map(Some).ok_or(UpgradeError::Header("Sec-WebSocket-Protocol"))
            }
            (Some(_), Some(_)) => Err(UpgradeError::Header("Sec-WebSocket-Protocol")),
        }
    }
}
