//! One connection that carries requests for as long as the run lasts.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::payload::Payload;
use callbox_measure::replies::{Framing, Replies};
use callbox_net::poller::Event;
use callbox_net::stream::{Begun, StreamSocket, drop_unread};

use super::opener::{FULL, Opener, Trouble};
use super::shared::{READS, Shared, Turn};
use crate::outcome::LoadError;
use crate::pause::Pause;
use crate::record::Record;

/// A connection, its requests and its replies.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) lane: Lane,
    pub(super) link: Link,
    number: u16,
    token: u64,
    replies: Replies,
    /// Requests from this one on have not been written whole, and of this one so many bytes have. They are not kept, but
    /// written anew.
    unsent: u64,
    written: usize,
    /// The server takes no more; what it said before that is still read.
    is_deaf: bool,
    /// It has carried a reply since it was made.
    has_served: bool,
    pause: Pause,
    /// The requests that count.
    counted: Range<u64>,
}

/// The socket of a connection.
#[derive(Debug)]
pub(super) enum Link {
    Open(StreamSocket),
    /// It is being made, since when, and whether that counts.
    Connecting {
        socket: StreamSocket,
        begun: Nanos,
        counts: bool,
    },
    /// There is none. It is made again from that moment on.
    Down {
        until: Nanos,
    },
}

impl Link {
    /// Takes it out, and leaves none.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Down { until: 0 })
    }
}

impl Connection {
    pub(super) fn new(
        payload: Arc<Payload>,
        number: u16,
        token: u64,
        limit: usize,
        framing: Framing,
    ) -> Self {
        Self {
            lane: Lane::new(payload, number, limit),
            link: Link::Down { until: 0 },
            number,
            token,
            replies: Replies::new(framing, 0),
            unsent: 0,
            written: 0,
            is_deaf: false,
            has_served: false,
            pause: Pause::default(),
            counted: 0..0,
        }
    }

    /// It is made, or made again.
    pub(super) fn opened(
        &mut self,
        socket: StreamSocket,
        shared: &mut Shared,
    ) -> Result<(), LoadError> {
        shared.waiter.set(socket.as_fd(), self.token, true, false)?;
        self.link = Link::Open(socket);
        let next = self.lane.ledger().next_seq();
        self.replies = Replies::new(shared.framing, next);
        (self.unsent, self.written) = (next, 0);
        (self.is_deaf, self.has_served) = (false, false);
        Ok(())
    }

    /// Sends as many requests as it has room for and may, `most` at most, and says how many.
    pub(super) fn fill(
        &mut self,
        now: Nanos,
        most: u64,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Result<u64, LoadError> {
        let mut count = 0;
        while count < most && self.unsent == self.lane.ledger().next_seq() && !self.is_deaf {
            let Link::Open(socket) = &self.link else { break };
            let mut length = 0;
            while count < most && self.lane.ledger().room() > 0 {
                let (ledger, payload) = (self.lane.ledger(), self.lane.payload());
                if length + payload.size(self.number, ledger.next_seq()) > shared.buffer.len() {
                    break;
                }
                let Some(intended) = turn.pacing.take(now) else { break };
                length += self.lane.write(0, &mut shared.buffer[length..]);
                self.lane.sent(intended, now);
                turn.record.slip(intended, now);
                count += 1;
            }
            if length == 0 {
                break;
            }
            match socket.send(&shared.buffer[..length]) {
                Ok(taken) if taken == length => {
                    self.unsent = self.lane.ledger().next_seq();
                    turn.record.sent(length);
                }
                taken => {
                    self.taken(taken, now, turn);
                    self.watch(shared)?;
                }
            }
        }
        Ok(count)
    }

    /// Goes on with what the socket did not take.
    fn flush(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> Result<(), LoadError> {
        let Link::Open(socket) = &self.link else { return Ok(()) };
        let (mut length, mut seq) = (0, self.unsent);
        let payload = self.lane.payload();
        while seq < self.lane.ledger().next_seq()
            && length + payload.size(self.number, seq) <= shared.buffer.len()
        {
            length += payload.write(self.number, seq, &mut shared.buffer[length..]);
            seq += 1;
        }
        let taken = socket.send(&shared.buffer[self.written..length]);
        let now = turn.clock.now();
        self.taken(taken, now, turn);
        self.watch(shared)
    }

    /// The socket took so much of what is unsent.
    fn taken(&mut self, taken: io::Result<usize>, now: Nanos, turn: &mut Turn<'_>) {
        match taken {
            Ok(taken) => self.written += taken,
            Err(error) if is_not_now(&error) => return,
            Err(_) => self.is_deaf = true,
        }
        while self.unsent < self.lane.ledger().next_seq() {
            let size = self.lane.payload().size(self.number, self.unsent);
            if self.written < size {
                break;
            }
            self.written -= size;
            self.lane.ledger_mut().left(self.unsent, now);
            if self.counted.contains(&self.unsent) {
                turn.record.counts.bytes_sent += size as u64;
            }
            self.unsent += 1;
        }
    }

    fn watch(&self, shared: &mut Shared) -> Result<(), LoadError> {
        let Link::Open(socket) = &self.link else { return Ok(()) };
        let waits = self.unsent < self.lane.ledger().next_seq() && !self.is_deaf;
        shared.waiter.set(socket.as_fd(), self.token, true, waits)
    }

    /// Something has happened on its socket. Gives the time, which was read anyway.
    pub(super) fn handle(
        &mut self,
        event: &Event,
        opener: &mut Opener,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Result<Nanos, LoadError> {
        if let Link::Connecting { .. } = self.link {
            return self.conclude(opener, shared, turn);
        }
        if event.writable {
            self.flush(shared, turn)?;
        }
        let now = match event.readable {
            true => self.read(shared, turn),
            false => turn.clock.now(),
        };
        if !turn.pacing.is_open() {
            self.fill(now, u64::MAX, shared, turn)?;
        }
        Ok(now)
    }

    fn read(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> Nanos {
        let Self { lane, replies, counted, .. } = self;
        let mut now = 0;
        for _ in 0..READS {
            let Link::Open(socket) = &self.link else { break };
            let read = socket.receive(&mut shared.buffer);
            now = turn.clock.now();
            // One that was about to come is late if its time was over, even if nobody has looked since.
            lane.ledger_mut().expire(now, shared.lost_after);
            match read {
                Ok(0) => {
                    let last = replies.handle_end(lane, now);
                    if let Some(answer) = last {
                        turn.record.answer(answer, now);
                    }
                    self.lose(last.is_some(), now, shared, turn);
                    break;
                }
                Ok(length) => {
                    if counted.contains(&replies.next_seq()) {
                        turn.record.counts.bytes_received += length as u64;
                    }
                    let bytes = &shared.buffer[..length];
                    replies.handle(lane, bytes, now, |answer| turn.record.answer(answer, now));
                    self.has_served = true;
                    if length < shared.buffer.len() {
                        break;
                    }
                }
                Err(error) if is_not_now(&error) => break,
                Err(_) => {
                    self.lose(false, now, shared, turn);
                    break;
                }
            }
        }
        now
    }

    /// The connection has ended, maybe in the middle of a reply, and what it had on its way is lost.
    fn lose(&mut self, is_cut: bool, now: Nanos, shared: &mut Shared, turn: &mut Turn<'_>) {
        let was_needed = self.lane.ledger_mut().give_up_all() > 0 || is_cut;
        // After the end of the run a server may well end connections that nobody waits for.
        if turn.record.is_counting() || (turn.pacing.is_over() && was_needed) {
            turn.record.counts.broken += 1;
            turn.record.error(now);
        }
        if let Link::Open(socket) = self.link.take() {
            shared.waiter.forget(socket.as_fd());
        }
        match self.has_served {
            true => self.pause.end(),
            false => self.pause.begin(now),
        }
        self.wait(now.max(self.pause.until()), shared);
    }

    fn wait(&mut self, until: Nanos, shared: &mut Shared) {
        self.link = Link::Down { until };
        shared.check_by(until);
    }

    /// Looks for what no event tells of.
    pub(super) fn check(
        &mut self,
        now: Nanos,
        opener: &mut Opener,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Result<(), LoadError> {
        match self.link {
            Link::Down { .. } if turn.pacing.is_over() => {}
            Link::Down { until } if until <= now => self.reopen(now, opener, shared, turn)?,
            Link::Down { until } => shared.check_by(until),
            Link::Connecting { begun, counts, .. } if begun + shared.lost_after <= now => {
                if let Link::Connecting { socket, .. } = self.link.take() {
                    shared.waiter.forget(socket.as_fd());
                }
                self.failed(Trouble::Failed, counts, now, shared, turn);
            }
            Link::Connecting { .. } => {}
            Link::Open(_) => {
                self.lane.ledger_mut().expire(now, shared.lost_after);
            }
        }
        if let Link::Open(socket) = &self.link {
            opener.tell_buffers(socket, turn.record);
        }
        if !turn.pacing.is_open() {
            self.fill(now, u64::MAX, shared, turn)?;
        }
        Ok(())
    }

    fn reopen(
        &mut self,
        now: Nanos,
        opener: &mut Opener,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Result<(), LoadError> {
        let counts = turn.record.is_counting();
        match opener.begin() {
            Ok(Begun::Made(socket)) => {
                if counts {
                    turn.record.connected(turn.clock.now().saturating_sub(now));
                }
                self.opened(socket, shared)?;
            }
            Ok(Begun::UnderWay(socket)) => {
                shared.waiter.set(socket.as_fd(), self.token, false, true)?;
                self.link = Link::Connecting { socket, begun: now, counts };
            }
            Ok(Begun::Full) => self.wait(now + FULL, shared),
            Err(error) => self.failed(Trouble::of(error)?, counts, now, shared, turn),
        }
        Ok(())
    }

    fn conclude(
        &mut self,
        opener: &mut Opener,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Result<Nanos, LoadError> {
        let now = turn.clock.now();
        let Link::Connecting { socket, begun, counts } = self.link.take() else { return Ok(now) };
        match opener.conclude(&socket) {
            Ok(()) => {
                if counts {
                    turn.record.connected(now.saturating_sub(begun));
                }
                self.opened(socket, shared)?;
                if !turn.pacing.is_open() {
                    self.fill(now, u64::MAX, shared, turn)?;
                }
            }
            Err(error) => {
                shared.waiter.forget(socket.as_fd());
                self.failed(Trouble::of(error)?, counts, now, shared, turn);
            }
        }
        Ok(now)
    }

    fn failed(
        &mut self,
        trouble: Trouble,
        counts: bool,
        now: Nanos,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        if counts {
            trouble.tell(turn.record, now);
        }
        self.pause.begin(now);
        self.wait(self.pause.until(), shared);
    }

    pub(super) fn start_counting(&mut self) {
        self.counted = self.lane.ledger().next_seq()..u64::MAX;
        self.lane.ledger_mut().start_counting();
    }

    pub(super) fn stop_counting(&mut self) {
        self.counted.end = self.counted.end.min(self.lane.ledger().next_seq());
        self.lane.ledger_mut().stop_counting();
    }

    /// The run is over.
    pub(super) fn finish(&mut self, stopped: bool, record: &mut Record) {
        if let Link::Open(socket) = &self.link {
            drop_unread(socket.as_fd());
        }
        record.settle(&mut self.lane, stopped, 0);
    }
}

/// Whether a call only came at the wrong moment.
pub(super) fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
