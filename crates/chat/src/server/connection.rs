//! One connection: what of it was read and not yet taken, what waits to be sent, and how far its end has come.
//!
//! A TCP socket that is closed while unread bytes wait in it sends a reset, and a reset makes the peer's kernel throw away
//! last words that were not read yet (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17). So a connection ends in steps: what
//! is left to say is sent, our direction is closed, whatever the peer still sends is read and dropped until it closes too,
//! and only then the socket goes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use callbox_net::stream::AcceptedSocket;

use super::acceptor::Arrival;
use super::admission::Permit;
use super::contract::Pipe;
use super::metrics::{Counters, add};
use super::outbox::Outbox;
use super::pool::Pool;

/// Bytes read from one connection at a time. What the hub does not take of them at once is kept, so this bounds what a
/// peer can make us keep by sending faster than it may.
pub(super) const CHUNK: usize = 8 << 10;

/// Bytes waiting for a peer at which we stop to read from it: who asks for more than it takes waits for itself.
const ENOUGH: usize = 32 << 10;

/// Bytes of lines that are encoded at a time. What is encoded and not taken by the kernel is kept.
const ENCODED: usize = 32 << 10;

/// Bytes that a peer may still send after the last words, before we stop listening to it.
const DRAIN_BYTES: u32 = 1 << 20;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// Its door is not known, and the hub does not know it.
    Unopened,
    /// The hub knows it.
    Open,
    /// The hub has forgotten it; the last words are on their way.
    Closing,
    /// Our direction is closed; what the peer still sends is dropped.
    Draining,
}

/// Why the next line is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stall {
    /// It is too early.
    Until(Duration),
    /// An answer has to come first.
    Busy,
    /// The hub has closed it.
    Closed,
}

pub(super) struct Connection<P> {
    pub(super) socket: AcceptedSocket,
    pub(super) peer: SocketAddr,
    pub(super) permit: Permit,
    pub(super) pipe: P,
    pub(super) outbox: Outbox,
    /// What was read and not taken by the hub yet: a chunk at most. Only a transparent pipe leaves anything here.
    pub(super) held: Vec<u8>,
    /// Encoded bytes that the kernel has not taken: one piece of encoding and what the pipe said itself.
    wire: Vec<u8>,
    pub(super) stage: Stage,
    pub(super) stall: Option<Stall>,
    /// When this stage must be over, if it has an end.
    pub(super) stage_ends: Option<Duration>,
    /// There may be bytes to read.
    pub(super) readable: bool,
    /// The peer has closed its direction, or the connection is broken: reading goes on until that is seen.
    pub(super) peer_closed: bool,
    /// The end of what the peer says was seen, and made the end of its last line.
    pub(super) ended: bool,
    /// The kernel takes no more for now.
    pub(super) blocked: bool,
    /// The pipe may have more for the hub.
    pub(super) unfed: bool,
    /// It stands in the list of those to read from or to feed.
    pub(super) queued: bool,
    /// It stands in the list of those to send to.
    pub(super) dirty: bool,
    /// It stands in the list of those that wait for the store.
    pub(super) waiting: bool,
    /// More waits for it than may.
    pub(super) overflowed: bool,
    said_goodbye: bool,
    drained: u32,
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer says nothing more.
    End,
    /// The connection is broken.
    Failed,
}

/// What came of sending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flush {
    /// All that may be sent is sent, or the kernel takes no more.
    Done,
    /// The last words are sent.
    Finished,
    /// The connection is broken.
    Failed,
}

impl<P: Pipe> Connection<P> {
    pub(super) fn new(arrival: Arrival, pipe: P, open_by: Duration) -> Self {
        Self {
            socket: arrival.socket,
            peer: arrival.peer,
            permit: arrival.permit,
            pipe,
            outbox: Outbox::default(),
            held: Vec::new(),
            wire: Vec::new(),
            stage: Stage::Unopened,
            stall: None,
            stage_ends: Some(open_by),
            readable: false,
            peer_closed: false,
            ended: false,
            blocked: false,
            unfed: false,
            queued: false,
            dirty: false,
            waiting: false,
            overflowed: false,
            said_goodbye: false,
            drained: 0,
        }
    }

    /// Bytes that wait to be sent.
    pub(super) fn backlog(&self) -> usize {
        self.outbox.len() + self.wire.len()
    }

    /// Whether the hub can be given something, or something can be read.
    pub(super) fn wants_turn(&self) -> bool {
        match self.stage {
            Stage::Unopened | Stage::Open => {
                self.stall.is_none()
                    && self.backlog() < ENOUGH
                    && (self.readable || self.unfed || !self.held.is_empty())
            }
            Stage::Closing => false,
            Stage::Draining => self.readable,
        }
    }

    /// The soonest of its deadlines.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let stall = match self.stall {
            Some(Stall::Until(at)) => Some(at),
            _ => None,
        };
        let pipe = match self.stage {
            Stage::Unopened | Stage::Open => self.pipe.poll_timeout(),
            Stage::Closing | Stage::Draining => None,
        };
        [stall, pipe, self.stage_ends].into_iter().flatten().min()
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8], counters: &Counters) -> Read {
        match self.socket.receive(buffer) {
            Ok(0) => {
                self.readable = false;
                self.peer_closed = true;
                Read::End
            }
            Ok(n) => {
                // Less than a full buffer empties the socket, and what comes later is told anew. An end of file may have
                // been told together with these bytes, and is not told again.
                self.readable = n == buffer.len() || self.peer_closed;
                add(&counters.bytes_in, n as u64);
                Read::Bytes(n)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Read::Nothing,
                io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Read::Nothing
                }
                _ => Read::Failed,
            },
        }
    }

    /// Reads once and drops what came. Tells whether the connection is done with.
    pub(super) fn drain(&mut self, buffer: &mut [u8], counters: &Counters) -> bool {
        match self.read(buffer, counters) {
            Read::Bytes(n) => {
                self.drained = self.drained.saturating_add(n as u32);
                self.drained > DRAIN_BYTES
            }
            Read::Nothing => false,
            Read::End | Read::Failed => true,
        }
    }

    /// Sends what may be sent. `scratch` is lent for encoding.
    pub(super) fn flush(
        &mut self,
        scratch: &mut Vec<u8>,
        pool: &mut Pool,
        counters: &Counters,
    ) -> Flush {
        while !self.blocked {
            if !self.wire.is_empty() {
                let wire = std::mem::take(&mut self.wire);
                match self.send(&wire, counters) {
                    Some(sent) if sent < wire.len() => self.wire = wire[sent..].to_vec(),
                    Some(_) => pool.give(wire),
                    None => return Flush::Failed,
                }
            } else if self.pipe.transparent() {
                let ready = self.outbox.ready();
                if ready.is_empty() {
                    break;
                }
                match send(&self.socket, ready, &mut self.blocked, counters) {
                    Some(sent) => self.outbox.advance(sent, pool),
                    None => return Flush::Failed,
                }
            } else {
                scratch.clear();
                self.encode(scratch, pool);
                if scratch.is_empty() {
                    break;
                }
                match self.send(scratch, counters) {
                    Some(sent) => self.wire.extend_from_slice(&scratch[sent..]),
                    None => return Flush::Failed,
                }
            }
        }
        let finished = self.stage == Stage::Closing && self.backlog() == 0;
        if finished { Flush::Finished } else { Flush::Done }
    }

    /// Puts the next piece of what waits into bytes of the wire.
    fn encode(&mut self, wire: &mut Vec<u8>, pool: &mut Pool) {
        self.pipe.take_output(wire);
        let ready = self.outbox.ready();
        if !ready.is_empty() {
            let end = piece(ready);
            self.pipe.encode(&ready[..end], wire);
            self.outbox.advance(end, pool);
        }
        if self.stage == Stage::Closing && self.outbox.is_empty() && !self.said_goodbye {
            self.said_goodbye = true;
            self.pipe.finish(wire);
        }
    }

    fn send(&mut self, bytes: &[u8], counters: &Counters) -> Option<usize> {
        send(&self.socket, bytes, &mut self.blocked, counters)
    }
}

/// Sends as much of `bytes` as the kernel takes. `None` if the connection is broken.
fn send(
    socket: &AcceptedSocket,
    bytes: &[u8],
    blocked: &mut bool,
    counters: &Counters,
) -> Option<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.send(&bytes[sent..]) {
            Ok(n) => sent += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *blocked = true;
                break;
            }
            Err(_) => return None,
        }
    }
    add(&counters.writes, 1);
    add(&counters.bytes_out, sent as u64);
    Some(sent)
}

/// Where to cut `lines` so that about [`ENCODED`] bytes, and whole lines, come before.
fn piece(lines: &[u8]) -> usize {
    let Some(first) = lines.get(..ENCODED) else { return lines.len() };
    let end = |bytes: &[u8]| bytes.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
    end(first).unwrap_or_else(|| {
        let rest = lines.iter().skip(ENCODED).position(|&byte| byte == b'\n');
        rest.map_or(lines.len(), |at| ENCODED + at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines() {
        let line = [vec![b'a'; 998], b"\r\n".to_vec()].concat();
        let lines = line.repeat(100);
        assert_eq!(piece(&lines), ENCODED / 1000 * 1000);
        assert_eq!(piece(&lines[..5000]), 5000);
        let long = [vec![b'a'; 2 * ENCODED], b"\r\nb\r\n".to_vec()].concat();
        assert_eq!(piece(&long), 2 * ENCODED + 2);
    }
}
