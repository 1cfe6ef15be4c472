//! The request that turns HTTP into WebSocket, as a server takes it at any path (RFC 6455, section 4.2).

use thiserror::Error;

use super::Origins;
use tungstenite::handshake::derive_accept_key;

/// The most bytes of a request. Browsers send one or two thousand; what is longer is refused.
const MAX_HEAD: usize = 16 * 1024;

/// Headers of a request.
const MAX_HEADERS: usize = 64;

/// Why a client gets no WebSocket. It was told so in the output.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refused {
    /// It asked for something else.
    #[error("it asked for a page and not for a WebSocket")]
    NoUpgrade,
    /// A web page asks for it whose origin is not among those that may. It is as the browser said it, without anything but
    /// printable ASCII, and not longer than a line.
    #[error("it is a web page of {0}, which may not come here")]
    Page(String),
    /// What came is not HTTP, or has no end.
    #[error("it does not speak HTTP as a WebSocket begins")]
    BadRequest,
}

/// A handshake under way.
///
/// Calling contract: give what comes to [`handle`](Self::handle) until it is done, and send what that appends to the
/// output, also after an error.
#[derive(Debug, Default)]
pub struct Upgrade {
    head: Vec<u8>,
    origins: Origins,
}

impl Upgrade {
    /// One that lets web pages of these origins in, besides programs.
    pub fn with_origins(origins: Origins) -> Self {
        Self { head: Vec::new(), origins }
    }

    /// Takes in the request from the front of `input` and leaves the first frame there. `true` means that the WebSocket
    /// is open.
    ///
    /// # Errors
    ///
    /// If the client asks for anything else.
    pub fn handle(&mut self, input: &mut &[u8], output: &mut Vec<u8>) -> Result<bool, Refused> {
        let before = self.head.len();
        let room = (MAX_HEAD - before).min(input.len());
        self.head.extend_from_slice(&input[..room]);
        let looked_at = before.saturating_sub(3);
        let end = self.head[looked_at..].windows(4).position(|four| four == b"\r\n\r\n");
        let result = match end.map(|at| looked_at + at + 4) {
            Some(end) => {
                *input = &input[end - before..];
                self.head.truncate(end);
                self.answer(output).map(|()| true)
            }
            None => {
                *input = &input[room..];
                // A method is capital letters, so other protocols are known at once.
                let is_http = self.head.first().is_none_or(u8::is_ascii_uppercase);
                let has_room = self.head.len() < MAX_HEAD;
                if is_http && has_room { Ok(false) } else { Err(Refused::BadRequest) }
            }
        };
        if let Err(refused) = &result {
            output.extend_from_slice(match refused {
                Refused::NoUpgrade => {
                    b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                }
                Refused::Page(_) => b"HTTP/1.1 403 Forbidden\r\n",
                Refused::BadRequest => b"HTTP/1.1 400 Bad Request\r\n",
            });
            output.extend_from_slice(b"Connection: close\r\nContent-Length: 0\r\n\r\n");
        }
        result
    }

    fn answer(&self, output: &mut Vec<u8>) -> Result<(), Refused> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if !matches!(request.parse(&self.head), Ok(httparse::Status::Complete(_))) {
            return Err(Refused::BadRequest);
        }
        let values = |name: &'static str| {
            let named = request.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
            named.map(|header| str::from_utf8(header.value).unwrap_or_default().trim())
        };
        let says = |name, word: &str| {
            values(name).flat_map(|v| v.split(',')).any(|v| v.trim().eq_ignore_ascii_case(word))
        };
        if !says("upgrade", "websocket") || !says("connection", "upgrade") {
            return Err(Refused::NoUpgrade);
        }
        if !values("sec-websocket-version").eq(["13"]) {
            return Err(Refused::NoUpgrade);
        }
        let mut keys = values("sec-websocket-key");
        let key = keys.next().filter(|key| is_key(key)).ok_or(Refused::BadRequest)?;
        if request.method != Some("GET") || request.version != Some(1) || keys.next().is_some() {
            return Err(Refused::BadRequest);
        }
        // A browser says one; of two, nobody knows which to believe.
        let mut pages = values("origin");
        if let Some(origin) = pages.next()
            && (pages.next().is_some() || !self.origins.admit(origin))
        {
            return Err(Refused::Page(shown(origin)));
        }
        output.extend_from_slice(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
        );
        output.extend_from_slice(derive_accept_key(key.as_bytes()).as_bytes());
        output.extend_from_slice(b"\r\n\r\n");
        Ok(())
    }
}

/// What a peer says it is, fit for a terminal.
fn shown(origin: &str) -> String {
    /// The longest name of a host, and a scheme and a port.
    const LONGEST: usize = 280;
    format!("'{}'", origin.chars().take(LONGEST).collect::<String>().escape_default())
}

/// Sixteen bytes in base64.
fn is_key(key: &str) -> bool {
    let digits = key.strip_suffix("==").unwrap_or_default();
    digits.len() == 22
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{Handshake, Request};

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hoard(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
            size in 1_usize..50,
        ) {
            for start in [&b""[..], b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"] {
                let (mut upgrade, mut output) = (Upgrade::default(), Vec::new());
                let request = [start, &bytes, b"\r\n\r\n"].concat();
                for mut piece in request.chunks(size) {
                    if upgrade.handle(&mut piece, &mut output) != Ok(false) {
                        break;
                    }
                }
                proptest::prop_assert!(output.len() < 400);
            }
        }
    }

    fn handled(request: &str, size: usize) -> (Result<bool, Refused>, String, usize) {
        let (mut upgrade, mut output, mut left) = (Upgrade::default(), Vec::new(), request.len());
        for mut piece in request.as_bytes().chunks(size) {
            let before = piece.len();
            let result = upgrade.handle(&mut piece, &mut output);
            left -= before - piece.len();
            if result != Ok(false) {
                return (result, String::from_utf8(output).unwrap(), left);
            }
        }
        (Ok(false), String::from_utf8(output).unwrap(), left)
    }

    #[test]
    fn a_client_of_ours_gets_its_websocket_at_any_path() {
        for size in [1, 3, 10_000] {
            let mut request = Vec::new();
            let wanted = Request { host: "example.org", path: "/any?x=1", protocols: &[] };
            let mut client = Handshake::new(&wanted, &mut request);
            let request = String::from_utf8(request).unwrap() + "frame";
            let (result, answer, left) = handled(&request, size);
            assert_eq!(result, Ok(true));
            // What was not taken in is the first frame.
            assert!(left >= 5 || size == 1 || size == 3, "{left}");
            assert_eq!(client.handle(&mut answer.as_bytes()), Ok(Some(None)));
        }
    }

    #[test]
    fn whoever_asks_for_anything_else_is_told_what_this_is() {
        let good = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let (result, answer, _) = handled(good, 7);
        assert_eq!(result, Ok(true));
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        for (from, to, refused, status) in [
            ("Upgrade: websocket\r\n", "", Refused::NoUpgrade, "426 "),
            ("keep-alive, Upgrade", "close", Refused::NoUpgrade, "426 "),
            ("Version: 13", "Version: 8", Refused::NoUpgrade, "426 "),
            ("dGhlIHNhbXBsZSBub25jZQ==", "short==", Refused::BadRequest, "400 "),
            ("GET /", "POST /", Refused::BadRequest, "400 "),
            ("HTTP/1.1", "HTTP/1.0", Refused::BadRequest, "400 "),
            ("Host: x", "Host x", Refused::BadRequest, "400 "),
            ("Host: x", "Origin: http://x", Refused::Page("'http://x'".to_owned()), "403 "),
            ("Host: x", "Origin: \u{e9}'", Refused::Page("'\\u{e9}\\''".to_owned()), "403 "),
        ] {
            let (result, answer, _) = handled(&good.replace(from, to), 9);
            assert_eq!(result, Err(refused), "{to}");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
        let mut origins = Origins::default();
        assert!(origins.add("https://a.test"));
        for (lines, may) in [
            ("Origin: https://a.test", true),
            ("Origin: https://b.test", false),
            ("Origin: https://a.test\r\nOrigin: https://a.test", false),
        ] {
            let mut upgrade = Upgrade::with_origins(origins.clone());
            let request = good.replace("Host: x", lines);
            let result = upgrade.handle(&mut request.as_bytes(), &mut Vec::new());
            assert_eq!(result.is_ok(), may, "{lines}");
        }
        assert_eq!(handled("\u{16}\u{3}\u{1}", 9).0, Err(Refused::BadRequest));
        let endless = "GET / HTTP/1.1\r\nx: ".to_owned() + &"y".repeat(100_000);
        let (result, _, left) = handled(&endless, 1_000);
        assert!(result == Err(Refused::BadRequest) && left > 80_000);
    }
}
