//! One event loop.
//!
//! A round takes what the other threads and the kernel have, reads, ticks and sends. Rounds follow one another without
//! waiting while there is something to do.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Reloaded};
use callbox_net::limits::processors;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::acceptor::{Acceptor, Arrival};
use super::connection::{CHUNK, Connection, Flush, Read, Stage, Stall};
use super::contract::{Doors, Machine, Notice, Pipe};
use super::inbox::Mail;
use super::metrics::{Counters, add};
use super::pool::Pool;
use super::shared::{Shared, Stop};
use super::sink::TickSink;
use super::table::Table;
use super::tickets::Tickets;
use super::timers::Timers;
use super::token;

/// The token of an inbox's waker.
pub(super) const INBOX: Token = Token(usize::MAX);

/// The token of the first listener; the others follow. Slots have lower ones.
pub(super) const FIRST_LISTENER: usize = 1 << 32;

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

/// Memory for what is read in one round, of all connections.
const ARENA: usize = 256 << 10;

/// Why everybody's connection ends when the server does.
pub(super) const STOPS: &str = "the server stops";

/// How long those who are connected may take what is on its way to them, once the server was asked to stop.
const STOP_TIME: Duration = Duration::from_secs(2);

/// How long nothing must have happened for the pool of buffers to be let go.
const QUIET: Duration = Duration::from_secs(2);

/// How long the number of processors is believed: finding it out costs some reads of files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Connections to send to that make it worth to look for more to send: a look costs as much as one or two of them.
const MANY: usize = 32;

/// Rounds at most before what they brought is sent.
const GATHERED: usize = 4;

/// What one connection has for the hub.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) slot: u32,
    /// Where in the arena its bytes are; nowhere for a pipe that is not transparent.
    pub(super) bytes: Range<usize>,
}

/// One event loop.
pub(super) struct Worker<'a, M, D: Doors> {
    pub(super) index: usize,
    pub(super) shared: &'a Shared<M, D>,
    pub(super) counters: &'a Counters,
    pub(super) poll: Poll,
    pub(super) acceptor: Option<Acceptor>,
    /// Which thread the next connection goes to.
    pub(super) next_thread: usize,
    /// How many processors there were, and when.
    pub(super) processors: Option<(usize, Duration)>,
    pub(super) table: Table<D::Pipe>,
    pub(super) timers: Timers,
    /// Connections to read from or to feed, in the order in which they came up.
    pub(super) ready: VecDeque<u32>,
    /// Connections to send to.
    pub(super) dirty: Vec<u32>,
    /// Connections of which something waits for the store.
    pub(super) waiting: Vec<u32>,
    /// Connections for which more waits than may.
    pub(super) overflowed: Vec<u32>,
    pub(super) arena: Box<[u8]>,
    pub(super) turns: Vec<Turn>,
    /// Connections that the hub is to be told the end of.
    pub(super) gone: VecDeque<(ConnId, &'static str)>,
    pub(super) answers: VecDeque<(ConnId, Answer)>,
    pub(super) reloaded: Option<Box<Reloaded>>,
    pub(super) sink: TickSink,
    pub(super) mail: Mail,
    pub(super) pool: Pool,
    pub(super) scratch: Vec<u8>,
    pub(super) tickets: Tickets,
    /// Bytes that wait for all connections of this thread.
    pub(super) backlog: usize,
    /// When the server was asked to stop, this ends it.
    pub(super) stop_at: Option<Duration>,
}

impl<'a, M: Machine, D: Doors> Worker<'a, M, D> {
    pub(super) fn new(
        index: usize,
        poll: Poll,
        acceptor: Option<Acceptor>,
        shared: &'a Shared<M, D>,
    ) -> Self {
        let threads = shared.common.inboxes.len();
        Self {
            index,
            shared,
            counters: shared.common.metrics.of(index),
            poll,
            acceptor,
            next_thread: 0,
            processors: None,
            table: Table::new(index as u8),
            timers: Timers::default(),
            ready: VecDeque::new(),
            dirty: Vec::new(),
            waiting: Vec::new(),
            overflowed: Vec::new(),
            arena: vec![0; ARENA].into_boxed_slice(),
            turns: Vec::new(),
            gone: VecDeque::new(),
            answers: VecDeque::new(),
            reloaded: None,
            sink: TickSink::new(threads),
            mail: Mail::default(),
            pool: Pool::default(),
            scratch: Vec::new(),
            tickets: Tickets::default(),
            backlog: 0,
            stop_at: None,
        }
    }

    /// Serves until the server is told to stop.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let now = self.now();
            match self.shared.common.stopping() {
                Stop::No => {}
                Stop::Now => return Ok(()),
                Stop::Drain => {
                    if self.stop_at.is_none() {
                        self.say_goodbye(now);
                    }
                }
            }
            if self.stop_at.is_some_and(|at| at <= now || self.table.len() == 0) {
                return Ok(());
            }
            self.wait(&mut events, now)?;
            self.note(&events);
            self.round();
            self.gather(&mut events)?;
            self.flush();
        }
    }

    /// Takes in what has come meanwhile, when sending to everybody costs so much more that what is said now should go with
    /// it.
    fn gather(&mut self, events: &mut Events) -> io::Result<()> {
        for _ in 0..GATHERED {
            if self.dirty.len() < MANY || self.shared.common.stopping() != Stop::No {
                break;
            }
            poll(&mut self.poll, events, Some(Duration::ZERO))?;
            if events.is_empty() && self.ready.is_empty() {
                break;
            }
            self.note(events);
            self.round();
        }
        Ok(())
    }

    /// Everything there is to do but sending, once.
    fn round(&mut self) {
        let now = self.now();
        self.take_mail(now);
        self.accept(now);
        while let Some(slot) = self.timers.due(now) {
            self.handle_deadline(slot, now);
        }
        self.read(now);
        if self.has_news(now) {
            self.tick();
            self.take_mail(now);
        }
    }

    fn now(&self) -> Duration {
        self.shared.common.clock.monotonic()
    }

    /// Waits for the kernel, or for the next deadline.
    fn wait(&mut self, events: &mut Events, now: Duration) -> io::Result<()> {
        let busy = !self.ready.is_empty() && !self.must_pause();
        let news = !self.gone.is_empty() || !self.answers.is_empty() || self.reloaded.is_some();
        let wait = if busy || news {
            Some(Duration::ZERO)
        } else {
            let accept = self.acceptor.as_ref().and_then(Acceptor::poll_timeout);
            let hub = if self.index == 0 { self.shared.hub_due() } else { None };
            let next = [self.timers.next(), self.stop_at, accept, hub].into_iter().flatten().min();
            next.map(|at| at.saturating_sub(now))
        };
        let idle = wait.is_none_or(|wait| wait > QUIET);
        let wait = if idle && !self.pool.is_empty() { Some(QUIET) } else { wait };
        poll(&mut self.poll, events, wait)?;
        if idle && events.is_empty() {
            self.pool.clear();
        }
        Ok(())
    }

    /// Whether another thread does not keep up with what this one has for it.
    fn must_pause(&self) -> bool {
        self.shared.common.is_any_full()
    }

    fn note(&mut self, events: &Events) {
        for event in events {
            let Token(number) = event.token();
            if event.token() == INBOX {
                continue;
            }
            if number >= FIRST_LISTENER {
                if let Some(acceptor) = &mut self.acceptor {
                    acceptor.note_ready(number - FIRST_LISTENER);
                }
                continue;
            }
            let slot = number as u32;
            let Some(connection) = self.table.at(slot) else { continue };
            connection.peer_closed |= event.is_read_closed() || event.is_error();
            connection.readable |= event.is_readable() || connection.peer_closed;
            if event.is_writable() && connection.blocked {
                connection.blocked = false;
                self.touch(slot);
            }
            self.enqueue(slot);
        }
    }

    fn accept(&mut self, now: Duration) {
        let Some(acceptor) = &mut self.acceptor else { return };
        let inboxes = &self.shared.common.inboxes;
        let mut arrivals = Vec::new();
        let refused = acceptor.accept(now, &*self.shared.report, &mut arrivals);
        add(&self.counters.refused, refused);
        if arrivals.is_empty() {
            return;
        }
        // The last inbox is that of the entrance, which carries no sockets of ours.
        let mut threads = inboxes.len() - 1;
        if self.shared.settings.threads.is_none() {
            if self.processors.is_none_or(|(_, seen)| now.saturating_sub(seen) >= LOOK_AGAIN) {
                self.processors = Some((processors(), now));
            }
            threads = self.processors.map_or(threads, |(count, _)| threads.min(count));
        }
        let mut shares: Vec<Vec<Arrival>> = (0..threads).map(|_| Vec::new()).collect();
        for arrival in arrivals {
            let thread = self.next_thread % threads.max(1);
            if let Some(share) = shares.get_mut(thread) {
                share.push(arrival);
            }
            self.next_thread = thread + 1;
        }
        for (thread, mut share) in shares.into_iter().enumerate() {
            if thread == self.index {
                share.into_iter().for_each(|arrival| self.adopt(arrival, now));
            } else if let Some(inbox) = inboxes.get(thread).filter(|_| !share.is_empty()) {
                inbox.put_arrivals(&mut share);
            }
        }
    }

    /// Takes a connection into this thread's care.
    pub(super) fn adopt(&mut self, arrival: Arrival, now: Duration) {
        if self.stop_at.is_some() {
            return;
        }
        let fd = arrival.socket.as_raw_fd();
        let clock = self.shared.common.clock.now();
        let Ok(pipe) = catch_unwind(AssertUnwindSafe(|| {
            self.shared.doors.open(arrival.listener, arrival.peer, clock)
        })) else {
            self.panicked(None);
            return;
        };
        let open_by = now + self.shared.settings.open_within;
        let connection = Box::new(Connection::new(arrival, pipe, open_by));
        let Ok(slot) = self.table.insert(connection) else { return };
        add(&self.counters.opened, 1);
        // Both at once and for good: a connection becomes writable seldom, and asking anew each time costs a call.
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if registry.register(&mut SourceFd(&fd), token(slot), interest).is_err() {
            self.remove(slot);
            return;
        }
        self.arm(slot);
    }

    /// Reads from those that are ready, as much as there is room for.
    fn read(&mut self, now: Duration) {
        if self.must_pause() {
            return;
        }
        let mut at = 0;
        // Each has one turn; those that come up again have theirs in the next round.
        for _ in 0..self.ready.len() {
            if at + CHUNK > self.arena.len() {
                return;
            }
            let Some(slot) = self.ready.pop_front() else { return };
            let Some(connection) = self.table.at(slot) else { continue };
            connection.queued = false;
            if !connection.wants_turn() {
                continue;
            }
            let buffer = &mut self.arena[at..at + CHUNK];
            if connection.stage == Stage::Draining {
                if connection.drain(buffer, self.counters) {
                    self.remove(slot);
                } else {
                    self.enqueue(slot);
                }
                continue;
            }
            if connection.unfed || !connection.held.is_empty() {
                self.turns.push(Turn { slot, bytes: 0..0 });
                continue;
            }
            match connection.read(buffer, self.counters) {
                Read::Bytes(n) if connection.pipe.transparent() => {
                    self.turns.push(Turn { slot, bytes: at..at + n });
                    at += n;
                }
                Read::Bytes(n) => {
                    let clock = self.shared.common.clock.now();
                    let receive = || connection.pipe.receive(&buffer[..n], clock);
                    let received = catch_unwind(AssertUnwindSafe(receive));
                    self.touch(slot);
                    if received.is_err() {
                        self.panicked(Some(slot));
                        self.fail(slot, "Internal error");
                    } else {
                        self.turns.push(Turn { slot, bytes: 0..0 });
                    }
                }
                Read::Nothing => self.enqueue(slot),
                Read::End if !connection.ended && !connection.pipe.last_input().is_empty() => {
                    // Once more round: what the peer left unfinished counts, and then the end is read again.
                    connection.ended = true;
                    connection.readable = true;
                    let last = connection.pipe.last_input();
                    buffer[..last.len()].copy_from_slice(last);
                    if connection.pipe.transparent() {
                        self.turns.push(Turn { slot, bytes: at..at + last.len() });
                        at += last.len();
                    } else {
                        connection.pipe.receive(last, self.shared.common.clock.now());
                        self.touch(slot);
                        self.turns.push(Turn { slot, bytes: at..at });
                    }
                }
                Read::End => {
                    self.forget(slot, "Connection closed");
                    self.begin_close(slot, now);
                }
                Read::Failed => self.fail(slot, "Connection reset"),
            }
        }
    }

    fn handle_deadline(&mut self, slot: u32, now: Duration) {
        let clock = self.shared.common.clock.now();
        let Some(connection) = self.table.at(slot) else { return };
        if connection.stage_ends.is_some_and(|at| at <= now) {
            match connection.stage {
                Stage::Unopened => self.begin_close(slot, now),
                // It had its time.
                _ => self.remove(slot),
            }
            return;
        }
        if matches!(connection.stall, Some(Stall::Until(at)) if at <= now) {
            connection.stall = None;
        }
        if connection.pipe.poll_timeout().is_some_and(|at| at <= now) {
            let handled = catch_unwind(AssertUnwindSafe(|| connection.pipe.handle_timeout(clock)));
            connection.unfed = true;
            self.touch(slot);
            if handled.is_err() {
                self.panicked(Some(slot));
                self.fail(slot, "Internal error");
                return;
            }
        }
        self.enqueue(slot);
        self.arm(slot);
    }

    /// Writes once to everybody who has something to be sent.
    fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            let Some(connection) = self.table.at(slot) else { continue };
            connection.dirty = false;
            if connection.stage == Stage::Draining {
                continue;
            }
            let before = connection.backlog();
            let (scratch, pool) = (&mut self.scratch, &mut self.pool);
            let flush = || connection.flush(scratch, pool, self.counters);
            let flushed = catch_unwind(AssertUnwindSafe(flush));
            self.backlog = self.backlog + connection.backlog() - before;
            match flushed {
                Ok(Flush::Done) => self.enqueue(slot),
                Ok(Flush::Finished) => self.end_our_direction(slot),
                Ok(Flush::Failed) => self.fail(slot, "Connection reset"),
                Err(_) => {
                    self.panicked(Some(slot));
                    self.fail(slot, "Internal error");
                }
            }
        }
        // Nothing is marked meanwhile; the memory is used again.
        self.dirty = dirty;
    }

    /// Puts a connection among those that are sent to.
    pub(super) fn touch(&mut self, slot: u32) {
        if let Some(connection) = self.table.at(slot)
            && !connection.dirty
        {
            connection.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Puts a connection among those that have a turn, if it wants one.
    pub(super) fn enqueue(&mut self, slot: u32) {
        if let Some(connection) = self.table.at(slot)
            && !connection.queued
            && connection.wants_turn()
        {
            connection.queued = true;
            self.ready.push_back(slot);
        }
    }

    /// Sets a connection's deadline.
    pub(super) fn arm(&mut self, slot: u32) {
        if let Some(connection) = self.table.at(slot) {
            self.timers.set(slot, connection.deadline());
        }
    }

    /// The hub will be told that this connection is no more, if it knows of it.
    pub(super) fn forget(&mut self, slot: u32, reason: &'static str) {
        let Some(place) = self.table.place(slot) else { return };
        let Some(connection) = self.table.at(slot) else { return };
        if connection.stage == Stage::Open && connection.stall != Some(Stall::Closed) {
            connection.stage = Stage::Closing;
            self.gone.push_back((place.id(), reason));
        }
    }

    /// A connection ends at once.
    fn fail(&mut self, slot: u32, reason: &'static str) {
        self.forget(slot, reason);
        self.remove(slot);
    }

    /// A connection ends because it does not take what is sent to it.
    pub(super) fn drop_slow(&mut self, slot: u32) {
        let Some(connection) = self.table.at(slot) else { return };
        let (peer, bytes) = (connection.peer, connection.backlog());
        add(&self.counters.dropped, 1);
        self.shared.report.notice(Notice::SendQueue { peer, bytes });
        self.fail(slot, "SendQ exceeded");
    }

    /// Sends what waits for this connection, and closes it then.
    pub(super) fn begin_close(&mut self, slot: u32, now: Duration) {
        let closing = self.shared.settings.closing;
        let Some(connection) = self.table.at(slot) else { return };
        if connection.stage == Stage::Draining
            || (connection.stage == Stage::Closing && connection.stage_ends.is_some())
        {
            return;
        }
        connection.stage = Stage::Closing;
        connection.stage_ends = Some(now + closing);
        connection.stall = None;
        connection.held = Vec::new();
        self.arm(slot);
        self.touch(slot);
    }

    fn end_our_direction(&mut self, slot: u32) {
        let Some(connection) = self.table.at(slot) else { return };
        if connection.socket.finish().is_err() {
            self.remove(slot);
            return;
        }
        connection.stage = Stage::Draining;
        // Whether there is something to read is found out by reading.
        connection.readable = true;
        self.enqueue(slot);
    }

    fn remove(&mut self, slot: u32) {
        let Some(mut connection) = self.table.remove(slot) else { return };
        self.timers.set(slot, None);
        self.backlog -= connection.backlog();
        connection.outbox.clear(&mut self.pool);
        add(&self.counters.closed, 1);
    }

    /// Tells everybody that the server stops.
    fn say_goodbye(&mut self, now: Duration) {
        self.stop_at = Some(now + STOP_TIME);
        self.acceptor = None;
        if self.index == 0 {
            self.note_the_end();
        }
        for slot in self.table.slots() {
            let Some(connection) = self.table.at(slot) else { continue };
            if connection.stage == Stage::Open {
                let line = connection.pipe.parting(STOPS);
                connection.outbox.push(line.as_bytes(), &mut self.pool);
                self.backlog += line.len();
            }
            self.begin_close(slot, now);
        }
        self.flush();
    }
}

pub(super) fn poll(poll: &mut Poll, events: &mut Events, wait: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, wait) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
