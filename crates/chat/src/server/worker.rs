//! One event loop.
//!
//! A round takes what the other threads and the kernel have, reads, ticks and sends. Rounds follow one another without
//! waiting while there is something to do.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Reloaded};
use mio::{Events, Poll, Token};

use super::acceptor::Acceptor;
use super::connection::{Flush, Stage};
use super::contract::{Doors, Machine};
use super::inbox::Mail;
use super::metrics::Counters;
use super::pool::Pool;
use super::shared::{Shared, Stop};
use super::sink::TickSink;
use super::table::Table;
use super::tickets::Tickets;
use super::timers::Timers;

/// The token of an inbox's waker.
pub(super) const INBOX: Token = Token(usize::MAX);

/// The token of the first listener; the others follow. Slots have lower ones.
pub(super) const FIRST_LISTENER: usize = 1 << 32;

/// Events taken from the kernel at a time.
const EVENTS: usize = 1024;

/// Memory for what is read in one round, of all connections.
const ARENA: usize = 256 << 10;

/// How long nothing must have happened for the pool of buffers to be let go.
const QUIET: Duration = Duration::from_secs(2);

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
    pub(super) fn must_pause(&self) -> bool {
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

    /// Writes once to everybody who has something to be sent.
    pub(super) fn flush(&mut self) {
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
