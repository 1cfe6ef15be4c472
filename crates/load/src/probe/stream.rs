//! Asking over a connection, with one line and, if the answer may be the last one, a second.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use callbox_measure::payload::Check;
use callbox_measure::replies::Framing;
use callbox_net::attempt::{Attempts, Connected, Protocol, Request, Source, Step};
use callbox_net::peer::Peer;
use callbox_net::ready;
use callbox_net::stream::StreamSocket;

use super::{Asking, Found, Place, TEXT, compared};
use crate::outcome::LoadError;

/// The most of an answer that is read: many lines, or one very long one. What has neither a line feed nor an end by then
/// is taken for an answer of so many bytes.
const MOST: usize = 64 << 10;

impl Asking<'_> {
    pub(super) fn stream(&self, place: &Place) -> Result<Found, LoadError> {
        let (socket, peer) = self.connect(place)?;
        let address = match peer {
            Peer::Inet(address) => Some(address),
            Peer::Unix(_) | Peer::Vsock { .. } => None,
        };
        let line = [TEXT, b"\n"].concat();
        let answer = self.ask(&socket, &line)?;
        let found = |check, framing, connect_each| Found { check, framing, connect_each, address };
        let check = compared(&answer.bytes, &line);
        if let Some(check) = self.fixed(&answer.bytes) {
            // Whoever always says the same says it once a connection, even if the end of this one is slow to come.
            return Ok(found(check, Framing::Connection, true));
        }
        if answer.is_last || answer.bytes.is_empty() {
            return match answer.bytes.is_empty() {
                true => Err(no_answer(&answer, line.len(), self.patience.first)),
                false => Ok(found(check, Framing::Connection, true)),
            };
        }
        if check == Check::None {
            let framing = match answer.bytes.contains(&b'\n') {
                true => Framing::Line,
                false => Framing::Length(answer.bytes.len()),
            };
            return Ok(found(check, framing, false));
        }
        // Right so far; but there are servers that answer once a connection.
        let second = self.ask(&socket, &line)?;
        match second.bytes.is_empty() {
            true => Ok(found(check, Framing::Connection, true)),
            false if second.bytes == answer.bytes => Ok(found(check, Framing::Line, false)),
            false => Ok(found(Check::None, Framing::Line, false)),
        }
    }

    pub(super) fn connect(&self, place: &Place) -> Result<(StreamSocket, Peer), LoadError> {
        let (protocol, targets) = match place {
            Place::Tcp(addresses) | Place::Udp(addresses) => {
                (Protocol::Tcp, addresses.iter().copied().map(Peer::Inet).collect())
            }
            Place::UnixStream(path) | Place::UnixDatagram(path) => {
                (Protocol::UnixStream, vec![Peer::at_path(path)])
            }
        };
        let timeout = Some(self.patience.first);
        let mut attempts = Attempts::new(Request {
            protocol,
            targets,
            source: Source::default(),
            route: Vec::new(),
            route_pointer: 0,
            buffers: None,
            timeout,
        });
        loop {
            match attempts.step(Instant::now()) {
                Step::Connected(Connected::Stream(socket), peer) => return Ok((socket, peer)),
                // No stream is made of messages.
                Step::Connected(Connected::Messages(_), _) => {
                    return Err(LoadError::Connect(io::ErrorKind::Unsupported.into()));
                }
                Step::Failed { error, last: true, .. } => return Err(LoadError::Connect(error)),
                Step::Failed { .. } => {}
                Step::Waiting => {
                    let until = attempts.poll_timeout().unwrap_or_else(Instant::now);
                    let time = until.saturating_duration_since(Instant::now());
                    self.wait(time, |time| match attempts.source() {
                        Some(source) => {
                            let ready = ready::writable(source, Some(time));
                            Ok(ready.map_err(LoadError::Connect)?.then_some(()))
                        }
                        None => {
                            thread::sleep(time);
                            Ok(None)
                        }
                    })?;
                }
            }
        }
    }

    /// Sends a line, and reads until the right answer to it is there or nothing more comes.
    fn ask(&self, socket: &StreamSocket, line: &[u8]) -> Result<Answer, LoadError> {
        // One that speaks first may have gone already; what it said is still to be read.
        let _ = socket.write_all(line, Some(self.patience.first));
        let mut bytes = Vec::new();
        let mut buffer = vec![0; MOST];
        loop {
            let time = match bytes.is_empty() {
                true => self.patience.first,
                false => self.patience.more,
            };
            let read = self.wait(time, |time| match socket.read(&mut buffer, Some(time)) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
                // Who resets the connection has ended it.
                result => Ok(Some(result.unwrap_or(0))),
            })?;
            match read {
                Some(0) => return Ok(Answer { bytes, is_last: true }),
                Some(count) => bytes.extend_from_slice(&buffer[..count]),
                None => return Ok(Answer { bytes, is_last: false }),
            }
            if compared(&bytes, line) != Check::None || bytes.len() >= MOST {
                return Ok(Answer { bytes, is_last: false });
            }
        }
    }
}

/// What came, and whether the connection ended with it.
struct Answer {
    bytes: Vec<u8>,
    is_last: bool,
}

fn no_answer(answer: &Answer, length: usize, time: Duration) -> LoadError {
    LoadError::NoAnswer(match answer.is_last {
        true => {
            format!("the server ended the connection without an answer to a line of {length} bytes")
        }
        false => format!("no answer to a line of {length} bytes in {} s", time.as_secs_f64()),
    })
}
