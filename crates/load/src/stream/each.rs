//! A connection for each request.

use std::io;
use std::os::fd::AsFd;

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::replies::{Framing, Replies};
use callbox_net::poller::Event;
use callbox_net::stream::{Begun, StreamSocket, drop_unread};

use super::StreamLoad;
use super::connection::is_not_now;
use super::opener::{FULL, Opener, Trouble};
use super::shared::{READS, Shared, Turn};
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::pause::Pause;
use crate::record::{LOOKS_EVERY, Record};
use crate::worker::Worker;

/// One thread's exchanges.
pub(super) struct EachWorker {
    slots: Vec<Slot>,
    /// Slots without an exchange.
    free: Vec<usize>,
    /// Slots whose connection found no place at a Unix socket, and when they try again.
    waiting: Vec<usize>,
    try_at: Nanos,
    opener: Opener,
    /// How many exchanges failed since the last that did not. Only if they all fail there is a pause between them: it
    /// would hold up those that a server answers beside some that it does not.
    failures: usize,
    pause: Pause,
    /// Since when no connection could be made, if the last one could not.
    none_since: Option<Nanos>,
    /// The server is to end each connection.
    server_ends: bool,
    shared: Shared,
    events: Vec<Event>,
}

/// The place of one exchange at a time. Its lane is the same for all of them.
struct Slot {
    lane: Lane,
    number: u16,
    replies: Replies,
    socket: Option<StreamSocket>,
    state: State,
    /// When connecting began, and whether that counts.
    begun: Nanos,
    counts: bool,
    /// How much of the request has been written.
    written: usize,
}

/// How far an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// The connection is being made.
    Connecting,
    /// The request has not been written whole.
    Writing,
    /// The reply has not come whole.
    Reading,
    /// It has, and the end of the connection is to follow.
    Ending,
}

impl EachWorker {
    pub(super) fn prepare(
        load: &StreamLoad,
        index: usize,
        opener: Opener,
    ) -> Result<Self, LoadError> {
        let slot = |number| Slot {
            lane: Lane::new(load.payload.clone(), number, 1),
            number,
            replies: Replies::new(load.framing, 0),
            socket: None,
            state: State::Free,
            begun: 0,
            counts: false,
            written: 0,
        };
        // There are at most as many connections as numbers of lanes.
        let slots: Vec<_> =
            load.plan.connections_of(index).map(|number| slot(number as u16)).collect();
        Ok(Self {
            free: (0..slots.len()).rev().collect(),
            slots,
            waiting: Vec::new(),
            try_at: 0,
            opener,
            failures: 0,
            pause: Pause::default(),
            none_since: None,
            server_ends: load.server_ends(),
            shared: Shared::new(load)?,
            events: Vec::new(),
        })
    }

    /// Begins as many exchanges as there is room for and may be. Gives when to try again if some have to wait, unless an
    /// event tells before.
    fn begin(&mut self, turn: &mut Turn<'_>) -> Result<Option<Nanos>, LoadError> {
        loop {
            let now = turn.clock.now();
            let paused = (now < self.pause.until()).then(|| self.pause.until());
            if paused.is_some() || self.free.is_empty() {
                let overdue = match turn.pacing.is_open() {
                    true => self.shared.lose_overdue(turn, now),
                    false => None,
                };
                return Ok([paused, overdue].into_iter().flatten().min());
            }
            let Some(intended) = turn.pacing.take(now) else { return Ok(None) };
            let Some(index) = self.free.pop() else { return Ok(None) };
            let slot = &mut self.slots[index];
            slot.replies = Replies::new(self.shared.framing, slot.lane.ledger().next_seq());
            slot.lane.sent(intended, now);
            (slot.begun, slot.counts, slot.written) = (now, turn.record.is_counting(), 0);
            turn.record.slip(intended, now);
            self.connect(index, turn)?;
        }
    }

    fn connect(&mut self, index: usize, turn: &mut Turn<'_>) -> Result<(), LoadError> {
        let slot = &mut self.slots[index];
        slot.state = State::Connecting;
        match self.opener.begin() {
            Ok(Begun::Made(socket)) => {
                slot.socket = Some(socket);
                let now = turn.clock.now();
                self.connected(index, now, turn);
                self.write(index, now, turn)
            }
            // A server on this machine has answered already, and writing finds out whether it has.
            Ok(Begun::UnderWay(socket)) if self.opener.is_local() && self.failures == 0 => {
                slot.socket = Some(socket);
                let now = turn.clock.now();
                self.write(index, now, turn)
            }
            Ok(Begun::UnderWay(socket)) => {
                self.shared.waiter.set(socket.as_fd(), index as u64, false, true)?;
                slot.socket = Some(socket);
                Ok(())
            }
            Ok(Begun::Full) => {
                if self.waiting.is_empty() {
                    self.try_at = turn.clock.now().saturating_add(FULL);
                    self.shared.check_by(self.try_at);
                }
                self.waiting.push(index);
                Ok(())
            }
            Err(error) => self.not_connected(index, error, turn),
        }
    }

    fn connected(&mut self, index: usize, now: Nanos, turn: &mut Turn<'_>) {
        let slot = &mut self.slots[index];
        slot.state = State::Writing;
        if slot.counts {
            turn.record.connected(now.saturating_sub(slot.begun));
        }
        if let Some(socket) = &slot.socket {
            self.opener.tell_buffers(socket, turn.record);
        }
        self.none_since = None;
    }

    fn not_connected(
        &mut self,
        index: usize,
        error: io::Error,
        turn: &mut Turn<'_>,
    ) -> Result<(), LoadError> {
        let trouble = Trouble::of(error)?;
        self.unreachable(index, trouble, turn.clock.now(), turn)
    }

    fn unreachable(
        &mut self,
        index: usize,
        trouble: Trouble,
        now: Nanos,
        turn: &mut Turn<'_>,
    ) -> Result<(), LoadError> {
        if self.slots[index].counts {
            trouble.tell(turn.record, now);
        }
        self.failed(now);
        self.close(index);
        let since = *self.none_since.get_or_insert(now);
        let is_gone = now.saturating_sub(since) >= self.shared.lost_after;
        match is_gone && !turn.pacing.is_over() {
            true => Err(LoadError::NoneLeft),
            false => Ok(()),
        }
    }

    /// Writes the request, or what is left of it.
    fn write(&mut self, index: usize, now: Nanos, turn: &mut Turn<'_>) -> Result<(), LoadError> {
        let slot = &mut self.slots[index];
        let Some(socket) = &slot.socket else { return Ok(()) };
        let seq = slot.replies.next_seq();
        let size = slot.lane.payload().write(slot.number, seq, &mut self.shared.buffer);
        let sent = socket.send(&self.shared.buffer[slot.written..size]);
        let is_connecting = slot.state == State::Connecting;
        match sent {
            Ok(length) => {
                slot.written += length;
                let is_whole = slot.written == size;
                if is_whole {
                    slot.lane.ledger_mut().left(seq, now);
                    if slot.counts {
                        turn.record.counts.bytes_sent += size as u64;
                    }
                }
                self.shared.waiter.set(socket.as_fd(), index as u64, true, !is_whole)?;
                if is_connecting {
                    self.connected(index, now, turn);
                }
                self.slots[index].state = if is_whole { State::Reading } else { State::Writing };
                Ok(())
            }
            Err(error) if is_connecting && is_too_early(&error) => {
                self.shared.waiter.set(socket.as_fd(), index as u64, false, true)
            }
            Err(error) if is_connecting => self.not_connected(index, error, turn),
            Err(error) if is_not_now(&error) => {
                self.shared.waiter.set(socket.as_fd(), index as u64, true, true)
            }
            // What the server said before it ended is still read, and then that it did.
            Err(_) => self.shared.waiter.set(socket.as_fd(), index as u64, true, false),
        }
    }

    /// Something has happened on a socket.
    fn handle(&mut self, event: &Event, turn: &mut Turn<'_>) -> Result<(), LoadError> {
        // Tokens are the numbers of slots.
        let index = event.token as usize;
        let slot = &self.slots[index];
        let now = turn.clock.now();
        if slot.state != State::Free && slot.begun.saturating_add(self.shared.lost_after) <= now {
            return self.expire(index, now, turn);
        }
        match (slot.state, &slot.socket) {
            (State::Connecting, Some(socket)) => match self.opener.conclude(socket) {
                Ok(()) => {
                    self.connected(index, now, turn);
                    self.write(index, now, turn)
                }
                Err(error) => self.not_connected(index, error, turn),
            },
            (State::Writing, _) if event.writable => {
                self.write(index, now, turn)?;
                if event.readable {
                    self.read(index, turn);
                }
                Ok(())
            }
            (State::Free, _) | (_, None) => Ok(()),
            _ => {
                self.read(index, turn);
                Ok(())
            }
        }
    }

    /// Reads until there is nothing more, or the exchange is over.
    fn read(&mut self, index: usize, turn: &mut Turn<'_>) {
        for _ in 0..READS {
            let slot = &mut self.slots[index];
            let Some(socket) = &slot.socket else { return };
            let is_whole = slot.state == State::Ending;
            match socket.receive(&mut self.shared.buffer) {
                Ok(0) => {
                    match is_whole || self.ends(index, turn) {
                        true => self.done(index),
                        false => self.broken(index, turn),
                    }
                    return;
                }
                Ok(length) => {
                    let now = turn.clock.now();
                    let bytes = &self.shared.buffer[..length];
                    let record = &mut *turn.record;
                    if slot.counts {
                        record.counts.bytes_received += length as u64;
                    }
                    let each = |answer| record.answer(answer, now);
                    slot.replies.handle(&mut slot.lane, bytes, now, each);
                    if slot.lane.ledger().outstanding() == 0 {
                        slot.state = State::Ending;
                    }
                }
                Err(error) if is_not_now(&error) => {
                    // There is nothing behind the reply, so to end the connection is no reset.
                    if is_whole && !self.server_ends {
                        self.done(index);
                    }
                    return;
                }
                Err(_) => {
                    self.broken(index, turn);
                    return;
                }
            }
        }
        // One that goes on and on after its reply is not heard out.
        if self.slots[index].state == State::Ending && !self.server_ends {
            self.done(index);
        }
    }

    /// The server has ended the connection: whether that made the reply whole.
    fn ends(&mut self, index: usize, turn: &mut Turn<'_>) -> bool {
        let Slot { lane, replies, number, .. } = &mut self.slots[index];
        let now = turn.clock.now();
        let is_open_ended = self.shared.framing == Framing::Connection
            && lane.payload().reply_size(*number, replies.next_seq()).is_none();
        let answer = replies.handle_end(lane, now);
        if let Some(answer) = answer {
            turn.record.answer(answer, now);
        }
        is_open_ended && answer.is_some()
    }

    /// The exchange has its reply, and its connection has ended in order.
    fn done(&mut self, index: usize) {
        self.failures = 0;
        self.pause.end();
        self.close(index);
    }

    /// The connection has ended in another way than it should have.
    fn broken(&mut self, index: usize, turn: &mut Turn<'_>) {
        let now = turn.clock.now();
        let slot = &self.slots[index];
        if slot.counts {
            turn.record.counts.broken += 1;
            turn.record.error(now);
        }
        if slot.state != State::Ending {
            self.failed(now);
        }
        self.close(index);
    }

    /// An exchange failed.
    fn failed(&mut self, now: Nanos) {
        self.failures += 1;
        if self.failures > self.slots.len() && self.pause.until() <= now {
            self.pause.begin(now);
        }
    }

    /// The exchange is over. What had no reply is lost.
    fn close(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if let Some(socket) = slot.socket.take() {
            self.shared.waiter.forget(socket.as_fd());
        }
        slot.lane.ledger_mut().give_up_all();
        slot.state = State::Free;
        self.free.push(index);
    }

    /// The exchange has taken too long.
    fn expire(&mut self, index: usize, now: Nanos, turn: &mut Turn<'_>) -> Result<(), LoadError> {
        let slot = &self.slots[index];
        if let Some(socket) = &slot.socket {
            drop_unread(socket.as_fd());
        }
        match slot.state {
            State::Connecting => {
                self.waiting.retain(|&other| other != index);
                return self.unreachable(index, Trouble::Failed, now, turn);
            }
            State::Ending => self.broken(index, turn),
            State::Writing | State::Reading => self.close(index),
            State::Free => {}
        }
        Ok(())
    }

    /// Looks for what no event tells of.
    fn check(&mut self, turn: &mut Turn<'_>, now: Nanos) -> Result<(), LoadError> {
        turn.record.tell_from_sent();
        self.shared.check_at = self.shared.next_check(now);
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let last = slot.begun.saturating_add(self.shared.lost_after);
            if slot.state != State::Free && last <= now {
                self.expire(index, now, turn)?;
            }
        }
        match self.waiting.is_empty() {
            true => {}
            false if self.try_at <= now => {
                for index in std::mem::take(&mut self.waiting) {
                    self.connect(index, turn)?;
                }
            }
            false => self.shared.check_by(self.try_at),
        }
        Ok(())
    }
}

impl Worker for EachWorker {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let mut turn = Turn { clock, pacing, record };
        let now = clock.now();
        if now >= self.shared.check_at {
            self.check(&mut turn, now)?;
        }
        let mut until = until;
        if !turn.pacing.is_over() {
            let next = self.begin(&mut turn)?.unwrap_or_else(|| turn.pacing.next_moment());
            until = next.min(now.saturating_add(LOOKS_EVERY));
        }
        let mut events = std::mem::take(&mut self.events);
        self.shared.waiter.wait(clock, until.min(self.shared.check_at), &mut events)?;
        for event in &events {
            self.handle(event, &mut turn)?;
            if !self.free.is_empty() {
                self.begin(&mut turn)?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn start_counting(&mut self) {
        for slot in &mut self.slots {
            slot.lane.ledger_mut().start_counting();
        }
    }

    fn stop_counting(&mut self) {
        for slot in &mut self.slots {
            slot.lane.ledger_mut().stop_counting();
        }
    }

    /// Connections whose end is to be seen are waited for as well.
    fn outstanding(&self) -> usize {
        let waits = |slot: &&Slot| slot.counts && slot.state != State::Free;
        self.slots.iter().filter(waits).count()
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        for slot in &mut self.slots {
            // The time of all has passed that was there for the connection to end.
            if slot.state == State::Ending && slot.counts && !stopped {
                record.counts.broken += 1;
            }
            record.settle(&mut slot.lane, stopped, 0);
        }
    }
}

/// Whether a connection that is being made is not there yet; not every system says that it would block.
fn is_too_early(error: &io::Error) -> bool {
    is_not_now(error) || error.kind() == io::ErrorKind::NotConnected
}
