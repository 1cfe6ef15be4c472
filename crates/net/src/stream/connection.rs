//! One connection of a server: reading, answering, and an end that loses nothing.
//!
//! A TCP socket that is closed while unread bytes wait in it sends a reset, and a reset makes the peer's kernel throw
//! away an answer that was not read yet (RFC 1122 section 4.2.2.13, RFC 2525 section 2.17). So a connection ends in
//! steps: what is left to say is sent, our direction is closed, whatever the peer still sends is read and dropped until
//! it closes too, and only then the socket goes. Bounds on bytes and time keep that from being a way to hold us.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{SockRef, Socket};

use crate::trace::{self, Trace};

/// Bytes that a peer may still send after the answer, before we stop listening to it.
const DRAIN_BYTES: usize = 16 << 20;

/// Bytes read in one go and shared by all connections; a whole segment of the largest loopback MTU fits.
pub(super) const READ_BUFFER: usize = 64 << 10;

/// Reads of one connection before the others have their turn.
const READS_PER_TURN: usize = 16;

/// How much a generating service is asked for at a time.
const GENERATE: usize = 16 << 10;

/// What happens next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// What was put out is sent, then the connection ends in order.
    Finish,
}

/// Why a connection ended.
#[derive(Debug)]
pub enum CloseReason {
    /// In order: the protocol finished, and the peer had its answer.
    Done,
    /// The peer went away in the middle, by a reset or another error.
    Lost(io::Error),
    /// Nothing happened on it for the idle timeout.
    Idle,
    /// The server stops.
    Stopped,
}

/// What is said on one connection. It is given bytes and gives bytes; the server moves them.
pub trait Protocol: Send {
    /// The connection is open.
    fn on_open(&mut self, out: &mut Vec<u8>) -> Next;

    /// Bytes came.
    fn on_bytes(&mut self, input: &[u8], out: &mut Vec<u8>) -> Next;

    /// The peer closed its direction.
    fn on_end(&mut self, out: &mut Vec<u8>) -> Next;

    /// Everything put out was sent: up to `room` bytes more, for a protocol that [`generates`](Self::generates).
    fn poll_output(&mut self, room: usize, out: &mut Vec<u8>);

    /// Whether `poll_output` is worth asking.
    fn generates(&self) -> bool;

    /// The connection is over. Called once.
    fn on_close(&mut self, reason: CloseReason);
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerName {
    /// An address and port.
    Inet(SocketAddr),
    /// The process at the other end of a Unix socket, which has no address of its own.
    Process {
        /// Its process number, 0 if the system does not tell.
        pid: u32,
        /// Its user.
        uid: u32,
    },
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Process { pid: 0, uid } => write!(f, "a process of user {uid}"),
            Self::Process { pid, uid } => write!(f, "process {pid} of user {uid}"),
        }
    }
}

/// Both ends of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Their end.
    pub peer: PeerName,
    /// Our end; for a Unix socket there is only the path that it listens at.
    pub local: Option<SocketAddr>,
}

/// Whether a connection stays in the server's care.
#[derive(Debug)]
pub(super) enum Step {
    /// Wait for the kernel to tell more.
    Wait,
    /// There is more to do at once, after the others had their turn.
    Again,
    /// The answer is out; what follows is read and dropped until `drain` is over.
    Drain,
    /// Close the socket.
    Close(CloseReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The peer closed its direction; the protocol still speaks.
    PeerEnded,
    /// The protocol finished; its last bytes are on their way out.
    Finishing,
    /// Our direction is closed.
    Draining,
}

pub(super) struct Connection<P> {
    pub(super) socket: Socket,
    pub(super) protocol: P,
    /// It has more to do and waits for its next turn, so an event need not give it one.
    pub(super) queued: bool,
    phase: Phase,
    readable: bool,
    peer_closed: bool,
    /// The kernel takes no more for now.
    blocked: bool,
    drained: usize,
    /// What the kernel has not taken yet. At most one `GENERATE` or one answer to one read: nothing is read while
    /// this is not empty.
    pending: Vec<u8>,
    sent: usize,
}

impl<P: Protocol> Connection<P> {
    pub(super) fn new(socket: OwnedFd, protocol: P) -> Self {
        Self {
            socket: Socket::from(socket),
            protocol,
            queued: false,
            phase: Phase::Open,
            readable: false,
            peer_closed: false,
            blocked: false,
            drained: 0,
            pending: Vec::new(),
            sent: 0,
        }
    }

    pub(super) fn open(&mut self, scratch: &mut Scratch, trace: &Trace) -> Step {
        scratch.out.clear();
        let next = self.protocol.on_open(&mut scratch.out);
        match self.put_out(next, scratch, trace) {
            Some(step) => step,
            None => self.drive(scratch, trace),
        }
    }

    pub(super) const fn note_ready(&mut self, readable: bool, peer_closed: bool, writable: bool) {
        self.readable |= readable || peer_closed;
        self.peer_closed |= peer_closed;
        if writable {
            self.blocked = false;
        }
    }

    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Does all that can be done without waiting.
    pub(super) fn drive(&mut self, scratch: &mut Scratch, trace: &Trace) -> Step {
        for _ in 0..READS_PER_TURN {
            if self.blocked {
                return Step::Wait;
            }
            if !self.pending.is_empty() {
                let pending = std::mem::take(&mut self.pending);
                let sent = self.sent;
                if let Some(step) = self.send(&pending[sent..], trace) {
                    return step;
                }
                if self.blocked {
                    // `send` kept what was left.
                    return Step::Wait;
                }
            }
            match self.phase {
                Phase::Finishing => return self.end_our_direction(trace),
                Phase::Draining if !self.readable => return Step::Wait,
                Phase::Draining => {
                    if let Some(step) = self.drain(scratch, trace) {
                        return step;
                    }
                }
                Phase::Open if self.readable => {
                    if let Some(step) = self.read(scratch, trace) {
                        return step;
                    }
                }
                Phase::Open | Phase::PeerEnded if self.protocol.generates() => {
                    scratch.out.clear();
                    self.protocol.poll_output(GENERATE, &mut scratch.out);
                    if scratch.out.is_empty() {
                        return Step::Wait;
                    }
                    if let Some(step) = self.put_out(Next::Continue, scratch, trace) {
                        return step;
                    }
                }
                Phase::Open | Phase::PeerEnded => return Step::Wait,
            }
        }
        Step::Again
    }

    fn read(&mut self, scratch: &mut Scratch, trace: &Trace) -> Option<Step> {
        let next = match self.receive(&mut scratch.read, trace) {
            Ok(0) => {
                self.phase = Phase::PeerEnded;
                scratch.out.clear();
                let next = self.protocol.on_end(&mut scratch.out);
                if next == Next::Continue && !self.protocol.generates() && scratch.out.is_empty() {
                    Next::Finish
                } else {
                    next
                }
            }
            Ok(n) => {
                scratch.out.clear();
                self.protocol.on_bytes(&scratch.read[..n], &mut scratch.out)
            }
            Err(error) => return self.failed(error),
        };
        self.put_out(next, scratch, trace)
    }

    fn drain(&mut self, scratch: &mut Scratch, trace: &Trace) -> Option<Step> {
        match self.receive(&mut scratch.read, trace) {
            Ok(0) => Some(Step::Close(CloseReason::Done)),
            Ok(n) => {
                self.drained += n;
                (self.drained > DRAIN_BYTES).then_some(Step::Close(CloseReason::Done))
            }
            // The peer has closed with something of ours unread, or has gone: the exchange itself was done.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Some(Step::Close(CloseReason::Done))
            }
            Err(error) => self.failed(error),
        }
    }

    /// Puts the bytes in `scratch.out` on their way, and ends our direction with the last of them if `next` says so.
    fn put_out(&mut self, next: Next, scratch: &mut Scratch, trace: &Trace) -> Option<Step> {
        if next == Next::Finish {
            self.phase = Phase::Finishing;
        }
        self.send(&scratch.out, trace)
    }

    /// Sends `bytes` and keeps what the kernel does not take.
    fn send(&mut self, bytes: &[u8], trace: &Trace) -> Option<Step> {
        let mut at = 0;
        // The end of our direction follows the last bytes at once: held back for it, they leave in one segment with it.
        let flags = libc::MSG_NOSIGNAL | if self.phase == Phase::Finishing { more() } else { 0 };
        while at < bytes.len() {
            let call = format_args!(
                "send(fd {}, {})",
                self.socket.as_raw_fd(),
                trace::Bytes(bytes.len() - at)
            );
            let result = self.socket.send_with_flags(&bytes[at..], flags);
            match trace.result(result, call, ToString::to_string) {
                Ok(n) => at += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    self.pending = bytes[at..].to_vec();
                    self.sent = 0;
                    return None;
                }
                Err(error) => return self.failed(error),
            }
        }
        self.pending = Vec::new();
        self.sent = 0;
        None
    }

    fn receive(&mut self, buffer: &mut [u8], trace: &Trace) -> io::Result<usize> {
        let full = buffer.len();
        let call = format_args!("recv(fd {})", self.socket.as_raw_fd());
        let result = self.socket.recv(crate::uninit(buffer));
        let n = trace.result(result, call, |n| match n {
            0 => "end of file".to_owned(),
            &n => trace::Bytes(n).to_string(),
        })?;
        // Less than a full buffer empties the socket, and what comes later is told anew. An end of file may have been
        // told together with these bytes, and is not told again.
        if n < full && !self.peer_closed {
            self.readable = false;
        }
        Ok(n)
    }

    fn end_our_direction(&mut self, trace: &Trace) -> Step {
        let call = format_args!("shutdown(fd {}, SHUT_WR)", self.socket.as_raw_fd());
        let result = trace.result(self.socket.shutdown(Shutdown::Write), call, trace::ok);
        if trace.is_on() {
            super::client::report_state(&SockRef::from(&self.socket), trace);
        }
        self.phase = Phase::Draining;
        match result {
            Ok(()) => Step::Drain,
            // The peer is gone already.
            Err(_) => Step::Close(CloseReason::Done),
        }
    }

    fn failed(&mut self, error: io::Error) -> Option<Step> {
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                self.readable = false;
                None
            }
            io::ErrorKind::Interrupted => None,
            _ => Some(Step::Close(CloseReason::Lost(error))),
        }
    }
}

/// Memory for the connection whose turn it is.
pub(super) struct Scratch {
    read: Box<[u8]>,
    out: Vec<u8>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { read: vec![0; READ_BUFFER].into_boxed_slice(), out: Vec::with_capacity(READ_BUFFER) }
    }
}

/// `MSG_MORE` where the system has it.
const fn more() -> libc::c_int {
    #[cfg(linux_calls)]
    return libc::MSG_MORE;
    #[cfg(not(linux_calls))]
    return 0;
}
