//! WebSocket over any link that carries a stream: `ws://`, and over TLS `wss://`.
//!
//! What is written leaves as binary messages; of what comes, kinds and borders of messages are not looked at. WebSocket
//! knows no half-closed connection: `finish` says goodbye, and most peers that hear it say goodbye at once. A link here
//! first says what it still has. Who never wrote anything is there to hear (its input is empty from the start), so its
//! `finish` leaves the goodbye to the peer.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

pub use callbox_layers::websocket::Origins;
use callbox_layers::websocket::{
    Caps, Event, Handshake, Kind, Refused, Request, Role, Upgrade, WebSocket,
};

use super::{Got, Link, Needs};

/// Bytes that are read at a time.
const INPUT: usize = 64 * 1024;

/// Text of a message that is written.
const MESSAGE: usize = 64 * 1024;

/// Bytes of answers (pongs) that wait because the peer reads nothing; then nothing more is read from it.
const OUTPUT_MAX: usize = 256 * 1024;

/// A stream has no end, so neither has a message: nothing of one is kept.
const CAPS: Caps = Caps { message: u64::MAX, frames: u32::MAX };

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it stands in the URL, with the port unless it is the scheme's own.
    pub host: String,
    /// The path with the query, from `/` on: printable ASCII without spaces.
    pub path: String,
}

/// A client's WebSocket over `inner`, of which the handshakes may still go on.
pub fn client(inner: Box<dyn Link>, target: &Target) -> Box<dyn Link> {
    let mut output = Vec::new();
    let request = Request { host: &target.host, path: &target.path, protocols: &[] };
    let handshake = Handshake::new(&request, &mut output);
    Box::new(WebSocketLink::new(inner, State::Asking(handshake), Role::Client, output))
}

/// A server's WebSocket over `inner`, of which the handshakes may still go on. Clients may ask for any path; web pages may
/// come from these origins alone.
pub fn server(inner: Box<dyn Link>, origins: Origins) -> Box<dyn Link> {
    let state = State::Asked(Upgrade::with_origins(origins));
    Box::new(WebSocketLink::new(inner, state, Role::Server, Vec::new()))
}

enum State {
    Asking(Handshake),
    Asked(Upgrade),
    Open,
}

struct WebSocketLink {
    inner: Box<dyn Link>,
    state: State,
    frames: WebSocket,
    /// What was read, from `start` on not yet taken in.
    input: Vec<u8>,
    start: usize,
    /// Text, from `used` on not yet read.
    text: Vec<u8>,
    used: usize,
    /// To be written, from `written` on.
    output: Vec<u8>,
    written: usize,
    has_spoken: bool,
    is_finished: bool,
    ended: bool,
    inner_ended: bool,
}

impl WebSocketLink {
    fn new(inner: Box<dyn Link>, state: State, role: Role, output: Vec<u8>) -> Self {
        Self {
            inner,
            state,
            frames: WebSocket::new(role, CAPS).taking_leave_late(),
            input: Vec::new(),
            start: 0,
            text: Vec::new(),
            used: 0,
            output,
            written: 0,
            has_spoken: false,
            is_finished: false,
            ended: false,
            inner_ended: false,
        }
    }

    /// Writes what waits, as far as the inner link takes it. Whether all of it is gone.
    fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.output.len() {
            match self.inner.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(true)
    }

    /// Reads once from the inner link. Whether anything came, or the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.input.resize(INPUT, 0);
        self.start = 0;
        let got = self.inner.read(&mut self.input);
        self.input.truncate(match got {
            Ok(Got::Bytes(count)) => count,
            _ => 0,
        });
        match got {
            Ok(Got::Bytes(_)) => Ok(true),
            Ok(Got::End) => {
                self.inner_ended = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes in what was read, up to text or the end. Whether there is either.
    fn take_in(&mut self) -> io::Result<bool> {
        let mut input = &self.input[self.start..];
        loop {
            if self.ended || self.used < self.text.len() {
                break;
            }
            self.text.clear();
            self.used = 0;
            match self.frames.handle(&mut input, &mut self.text, &mut self.output) {
                Ok(None) => break,
                Ok(Some(Event::Data { .. })) => {}
                Ok(Some(Event::Closed(_))) => {
                    self.ended = true;
                    if self.is_finished {
                        self.frames.close(&mut self.output);
                    }
                }
                Err(broken) => {
                    self.start = self.input.len();
                    let _ = self.flush();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, broken));
                }
            }
        }
        self.start = self.input.len() - input.len();
        Ok(self.ended || self.used < self.text.len())
    }

    /// One step of the handshake, by what was read. Whether it is over.
    fn shake_hands(&mut self) -> io::Result<bool> {
        let mut input = &self.input[self.start..];
        let result = match &mut self.state {
            State::Open => return Ok(true),
            State::Asking(handshake) => handshake
                .handle(&mut input)
                .map(|answer| answer.is_some())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
            State::Asked(upgrade) => {
                upgrade.handle(&mut input, &mut self.output).map_err(|refused| match refused {
                    Refused::Page(_) => {
                        let words = format!("{refused}; --allow-origin names those that may");
                        io::Error::new(io::ErrorKind::InvalidData, words)
                    }
                    _ => io::Error::new(io::ErrorKind::InvalidData, refused),
                })
            }
        };
        self.start = self.input.len() - input.len();
        // The peer is told before the connection is given up.
        let _ = self.flush();
        if result? {
            self.state = State::Open;
        }
        Ok(matches!(self.state, State::Open))
    }
}

impl Link for WebSocketLink {
    fn source(&self) -> BorrowedFd<'_> {
        self.inner.source()
    }

    fn needs(&self) -> Needs {
        let (inner, room) = (self.inner.needs(), self.inner.room());
        let waits = self.inner.is_established() && !self.output.is_empty();
        let handshake = self.inner.is_established() && !self.is_established();
        Needs {
            readable: inner.readable || handshake || waits && room.readable,
            writable: inner.writable || waits && room.writable,
        }
    }

    fn room(&self) -> Needs {
        self.inner.room()
    }

    fn has_text(&self) -> bool {
        self.used < self.text.len()
            || self.start < self.input.len()
            || self.ended
            || self.inner.has_text()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        if !self.is_established() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            if self.take_in()? {
                // What it has to say to what it read.
                let _ = self.flush();
                let left = &self.text[self.used..];
                if left.is_empty() {
                    return Ok(Got::End);
                }
                let count = left.len().min(buffer.len());
                buffer[..count].copy_from_slice(&left[..count]);
                self.used += count;
                return Ok(Got::Bytes(count));
            }
            self.flush()?;
            if self.inner_ended {
                return if self.frames.is_between_messages() {
                    // Without a goodbye, but with all that was said.
                    Ok(Got::End)
                } else {
                    let words = "the connection was cut within a message of WebSocket";
                    Err(io::Error::new(io::ErrorKind::UnexpectedEof, words))
                };
            }
            if self.output.len() - self.written > OUTPUT_MAX || !self.fill()? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_established() || !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.has_spoken = true;
        let message = &bytes[..bytes.len().min(MESSAGE)];
        self.frames.send(Kind::Binary, message, &mut self.output);
        self.flush()?;
        Ok(message.len())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.has_spoken || self.ended {
            self.frames.close(&mut self.output);
        }
        self.is_finished = true;
        self.flush().map(drop)
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        self.inner.advance(now)?;
        if !self.inner.is_established() {
            return Ok(());
        }
        self.flush()?;
        while !self.shake_hands()? {
            if self.inner_ended {
                let words = "it ended the connection within the handshake of WebSocket";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, words));
            }
            if !self.fill()? {
                break;
            }
        }
        Ok(())
    }

    fn is_established(&self) -> bool {
        matches!(self.state, State::Open)
    }

    fn is_flushed(&self) -> bool {
        self.output.is_empty() && self.inner.is_flushed()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn story(&self) -> Vec<String> {
        self.inner.story()
    }
}

/// Whoever waits for our goodbye hears it, if the kernel takes it at once.
impl Drop for WebSocketLink {
    fn drop(&mut self) {
        if self.is_established() {
            self.frames.close(&mut self.output);
            let _ = self.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::testing::{Side, drive, plain_pair};
    use crate::link::tls;

    fn target() -> Target {
        Target { host: "localhost".to_owned(), path: "/any".to_owned() }
    }

    fn pair(size: usize, secure: bool) -> [Box<dyn Link>; 2] {
        let (mut one, mut other) = plain_pair(size);
        if secure {
            let options = tls::Options::default();
            one = tls::client(one, &tls::Client::new(&options).unwrap(), "localhost").unwrap();
            other = tls::server(other, &tls::Server::new(&options).unwrap()).unwrap();
        }
        [client(one, &target()), server(other, Origins::default())]
    }

    #[test]
    fn text_goes_both_ways_over_anything_until_somebody_says_goodbye() {
        let text: Vec<u8> = (0..300_000_u32).map(|n| (n >> 4) as u8).collect();
        for (size, secure) in [(usize::MAX, false), (777, false), (usize::MAX, true)] {
            let [one, other] = pair(size, secure);
            let (mut one, mut other) =
                (Side::new(one, &text, false), Side::new(other, &text, false));
            drive(&mut [&mut one, &mut other], |sides| {
                sides.iter().all(|side| side.heard.len() == text.len())
            });
            assert!(one.heard == text && other.heard == text);
            one.finishes = true;
            drive(&mut [&mut one, &mut other], |sides| sides[1].ended);
            // What comes behind a goodbye is heard as well, until it is answered.
            other.text = b"wait".to_vec();
            other.finishes = true;
            drive(&mut [&mut one, &mut other], |sides| sides[0].ended);
            assert!(one.heard.ends_with(b"wait"));
            assert!(one.link.is_flushed() && other.link.is_flushed());
        }
    }

    #[test]
    fn who_has_nothing_to_say_hears_all_the_same() {
        for silent in [0, 1] {
            let links = pair(usize::MAX, false);
            let mut sides = links.map(|link| Side::new(link, b"", true));
            drive(&mut sides.each_mut(), |sides| {
                sides.iter().all(|side| side.link.is_established())
            });
            sides[1 - silent].text = b"news".to_vec();
            sides[1 - silent].finishes = true;
            drive(&mut sides.each_mut(), |sides| sides.iter().all(|side| side.ended));
            assert_eq!(sides[silent].heard, b"news");
        }
    }

    #[test]
    fn a_side_that_is_dropped_says_goodbye() {
        let links = pair(usize::MAX, false);
        let mut sides = links.map(|link| Side::new(link, b"text", false));
        drive(&mut sides.each_mut(), |sides| sides.iter().all(|side| side.heard == b"text"));
        let [one, mut other] = sides;
        let (raw, mut peer) = plain_pair(usize::MAX);
        drop(WebSocketLink::new(raw, State::Open, Role::Server, Vec::new()));
        let mut buffer = [0; 10];
        assert!(matches!(peer.read(&mut buffer), Ok(Got::Bytes(4))) && buffer[0] == 0x88);
        drop(one);
        drive(&mut [&mut other], |sides| sides[0].ended);
    }

    #[test]
    fn each_side_tells_apart_who_speaks_something_else() {
        let (one, other) = plain_pair(usize::MAX);
        let mut one = Side::new(client(one, &target()), b"", false);
        let mut other = Side::new(other, b"HTTP/1.1 404 Not Found\r\n\r\n", false);
        drive(&mut [&mut one, &mut other], |sides| sides[0].error.is_some());
        assert!(
            one.said().starts_with("the server answered 404 Not Found to the request for /any")
        );
        let (one, other) = plain_pair(usize::MAX);
        let mut one = Side::new(server(one, Origins::default()), b"", false);
        let mut other = Side::new(other, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false);
        drive(&mut [&mut one, &mut other], |sides| {
            sides[0].error.is_some() && !sides[1].heard.is_empty()
        });
        assert_eq!(one.said(), "it asked for a page and not for a WebSocket");
        assert!(other.heard.starts_with(b"HTTP/1.1 426 "));
    }

    #[test]
    fn an_end_without_a_goodbye_is_an_end_and_within_a_message_a_cut() {
        for (frame, heard, is_cut) in
            [(&[0x82, 2, b'h', b'i'][..], &b"hi"[..], false), (&[0x82, 5, b'h', b'i'], b"hi", true)]
        {
            let (one, other) = plain_pair(usize::MAX);
            let mut one = Side::new(client(one, &target()), b"", false);
            let mut other = Side::new(other, b"", false);
            drive(&mut [&mut one, &mut other], |sides| sides[1].heard.ends_with(b"\r\n\r\n"));
            let request = String::from_utf8(other.heard.clone()).unwrap();
            let mut answer = Vec::new();
            Upgrade::default().handle(&mut request.as_bytes(), &mut answer).unwrap();
            // Both in one piece: what comes behind the handshake is not lost.
            answer.extend_from_slice(frame);
            other.link.write(&answer).unwrap();
            drop(other);
            drive(&mut [&mut one], |sides| sides[0].ended || sides[0].error.is_some());
            assert_eq!((&one.heard[..], one.error.is_some()), (heard, is_cut));
        }
    }

    #[test]
    fn a_peer_that_reads_no_pongs_is_not_read_from_without_end() {
        let [one, other] = pair(usize::MAX, false);
        let (mut one, mut other) = (Side::new(one, b"", false), Side::new(other, b"", false));
        drive(&mut [&mut one, &mut other], |sides| {
            sides.iter().all(|side| side.link.is_established())
        });
        let (raw, peer) = plain_pair(usize::MAX);
        let mut one = WebSocketLink::new(raw, State::Open, Role::Client, Vec::new());
        let mut peer = peer;
        let pings: Vec<u8> = [&[0x89, 125][..], &[0; 125]].concat().repeat(500);
        let mut buffer = [0; 1_000];
        let mut taken = 0;
        let mut refused = 0;
        while refused < 3 {
            match peer.write(&pings) {
                Ok(count) => {
                    taken += count;
                    refused = 0;
                }
                Err(_) => refused += 1,
            }
            assert!(one.read(&mut buffer).is_err());
            assert!(taken < 16 << 20, "it takes pings without end");
        }
        assert!(one.output.len() < 2 * OUTPUT_MAX && one.needs().writable);
    }
}
