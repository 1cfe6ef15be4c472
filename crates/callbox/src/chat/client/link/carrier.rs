//! The loop around the socket of a link.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use callbox_net::stream::StreamSocket;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::lines::Batch;
use super::reason::CloseReason;
use super::stack::{Stack, Step};
use super::{Connected, LinkEvent, Shared, Target, Wish};

/// What the waker's events are called.
pub(super) const CALLED: Token = Token(0);

/// What the socket's events are called.
const SOCKET: Token = Token(1);

/// Bytes read at a time; and of a batch that is handed over although more is there to read.
const READ: usize = 64 * 1024;

/// The most bytes that wait to be sent while more is read. Our own lines are fewer, whatever the layers put around them; the
/// rest are answers to pings, and a server that does not read those is not read either.
const MAX_WIRE: usize = 4 * super::MAX_QUEUED;

/// How long the server may do nothing, when leave was taken: neither read what was said before, nor end the connection.
const LEAVE: Duration = Duration::from_secs(3);

/// Memory for what is to be sent that is kept when it was.
const KEPT: usize = 64 * 1024;

/// A connection whose layers open, carry lines and close.
pub(super) struct Carrier<'a, F> {
    target: &'a Target,
    server: String,
    peer: SocketAddr,
    poll: Poll,
    shared: &'a Shared,
    events: &'a mut F,
    socket: StreamSocket,
    stack: Stack,
    is_open: bool,
    /// When the layers have to be open; later, when the connection has to be closed.
    deadline: Option<Instant>,
    leave: Leave,
    /// What is to be sent, from `sent` on.
    wire: Vec<u8>,
    sent: usize,
    /// Nothing can be sent any more. What the server said before that is read still.
    broken: Option<io::Error>,
    batch: Batch,
    buffer: Vec<u8>,
    /// Whether the kernel may have something for us, or room.
    readable: bool,
    writable: bool,
}

/// How far we are with leaving.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Leave {
    /// We stay.
    Not,
    /// What is queued is sent first.
    Asked,
    /// The layers have said goodbye.
    Said,
    /// All was sent, and the server ends the connection.
    Done,
}

impl<'a, F: FnMut(LinkEvent)> Carrier<'a, F> {
    /// Around a connected socket. The layers are to be open before `deadline`.
    pub(super) fn new(
        target: &'a Target,
        poll: Poll,
        shared: &'a Shared,
        socket: StreamSocket,
        deadline: Instant,
        events: &'a mut F,
    ) -> Result<Self, CloseReason> {
        let server = target.address.to_string();
        // A system that does not do this carries lines nevertheless.
        let _ = socket.keep_for_hours();
        let peer =
            socket.peer_addr().and_then(|peer| peer.ok_or_else(|| ErrorKind::NotConnected.into()));
        let peer = peer.map_err(|error| CloseReason::lost(&server, &error))?;
        let fd = socket.as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&fd), SOCKET, Interest::READABLE | Interest::WRITABLE)
            .map_err(|error| CloseReason::no_means(&server, &error))?;
        let mut wire = Vec::new();
        Ok(Self {
            stack: Stack::new(target, &mut wire)?,
            target,
            server,
            peer,
            poll,
            shared,
            events,
            socket,
            is_open: false,
            deadline: Some(deadline),
            leave: Leave::Not,
            wire,
            sent: 0,
            broken: None,
            batch: Batch::default(),
            buffer: vec![0; READ],
            readable: true,
            writable: true,
        })
    }

    /// Carries lines until the connection ends.
    pub(super) fn run(mut self) -> CloseReason {
        if self.stack.open_at_once() {
            self.open();
        }
        let mut happened = Events::with_capacity(2);
        let reason = loop {
            if let Err(reason) = self.turn(&mut happened) {
                break reason;
            }
        };
        self.hand_over();
        // The last words of the layers: why they end.
        self.send();
        if self.leave > Leave::Not { CloseReason::closed() } else { reason }
    }

    fn turn(&mut self, happened: &mut Events) -> Result<(), CloseReason> {
        self.heed_wishes()?;
        self.receive()?;
        self.send_all();
        if let Some(error) = self.broken.as_ref().filter(|_| !self.readable) {
            return Err(CloseReason::lost(&self.server, error));
        }
        self.wait(happened)
    }

    /// What the holder of the link wants.
    fn heed_wishes(&mut self) -> Result<(), CloseReason> {
        let wish = self.shared.outgoing().wish;
        if wish == Wish::Drop || wish == Wish::Close && !self.is_open {
            return Err(CloseReason::closed());
        }
        if wish == Wish::Close && self.leave == Leave::Not {
            self.leave = Leave::Asked;
            self.deadline = Some(Instant::now() + LEAVE);
        }
        Ok(())
    }

    /// Takes in what is there, as long as there is room for batches.
    fn receive(&mut self) -> Result<(), CloseReason> {
        while self.may_read() {
            match self.socket.receive(&mut self.buffer) {
                Ok(0) => return Err(self.stack.end()),
                Ok(count) => self.take_in(count)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(CloseReason::lost(&self.server, &error)),
            }
            if self.batch.size() >= READ {
                break;
            }
        }
        self.hand_over();
        Ok(())
    }

    /// Whether something may be there to read, and room for what comes of it.
    fn may_read(&self) -> bool {
        self.readable && self.shared.flow.has_room() && self.wire.len() - self.sent < MAX_WIRE
    }

    /// Takes in so many bytes of the buffer.
    fn take_in(&mut self, count: usize) -> Result<(), CloseReason> {
        let buffer = std::mem::take(&mut self.buffer);
        let mut input = &buffer[..count];
        let taken = loop {
            match self.stack.handle(&mut input, &mut self.batch, &mut self.wire) {
                // The layers may hold more.
                Ok(Step::Opened) => self.open(),
                Ok(Step::Nothing) => break Ok(()),
                Err(reason) => break Err(reason),
            }
        };
        self.buffer = buffer;
        taken
    }

    fn open(&mut self) {
        self.is_open = true;
        self.deadline = None;
        let tls = self.stack.tls_info(self.target);
        (self.events)(LinkEvent::Connected(Connected { peer: self.peer, tls }));
    }

    fn hand_over(&mut self) {
        if let Some(lines) = self.batch.take(&self.shared.flow) {
            (self.events)(LinkEvent::Lines(lines));
        }
    }

    /// Sends what waits, and then what is queued, as long as the kernel takes it.
    fn send_all(&mut self) {
        loop {
            self.send();
            if !self.wire.is_empty() || !self.is_open || self.broken.is_some() {
                return;
            }
            let lines = std::mem::take(&mut self.shared.outgoing().lines);
            if !lines.is_empty() && self.leave < Leave::Said {
                self.stack.encode(&lines, &mut self.wire);
            } else if self.leave == Leave::Asked {
                self.leave = Leave::Said;
                self.stack.close(&mut self.wire);
            } else {
                break;
            }
        }
        if self.leave == Leave::Said {
            self.leave = Leave::Done;
            if !self.stack.waits_for_the_server() {
                // It will be told by the read, if this was too late.
                let _ = self.socket.finish();
            }
        }
    }

    fn send(&mut self) {
        while self.writable && self.sent < self.wire.len() {
            match self.socket.send(&self.wire[self.sent..]) {
                Ok(count) => {
                    self.sent += count;
                    if self.leave > Leave::Not {
                        // Who reads what we say last is not left before it has all of it.
                        self.deadline = Some(Instant::now() + LEAVE);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.broken = Some(error);
                    self.sent = self.wire.len();
                }
            }
        }
        if self.sent == self.wire.len() {
            self.wire.clear();
            self.wire.shrink_to(KEPT);
            self.sent = 0;
        }
    }

    fn wait(&mut self, happened: &mut Events) -> Result<(), CloseReason> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            let (stage, timeout) = (self.stack.stage(), self.target.timeout);
            return Err(CloseReason::timed_out(&self.server, stage, timeout));
        }
        let timeout = if self.may_read() { Some(Duration::ZERO) } else { left };
        match self.poll.poll(happened, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(CloseReason::lost(&self.server, &error));
            }
            _ => {}
        }
        for event in happened.iter().filter(|event| event.token() == SOCKET) {
            self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            self.writable |= event.is_writable() || event.is_write_closed();
        }
        Ok(())
    }
}
