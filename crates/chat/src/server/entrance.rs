//! A way in for connections that are no streams.
//!
//! The door for datagrams and the person at the server's terminal have a thread of their own, which reads and writes in
//! its own way. Here it meets the hub: what it calls the hub for is a tick like any other, and what the hub says to its
//! connections comes in the same order as to all others.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Now, Sink};
use mio::{Events, Poll, Registry};

use super::batch::{Place, SLOTS, What};
use super::contract::{Doors, Machine};
use super::inbox::{Fate, Mail};
use super::outbox::Outbox;
use super::pool::Pool;
use super::shared::{Handle, Shared, Stop};
use super::sink::TickSink;
use super::tickets::Tickets;

/// The hub, for one thread that carries connections of its own.
pub struct Entrance<'a, M, D> {
    index: usize,
    shared: &'a Shared<M, D>,
    poll: Poll,
    sink: TickSink,
    mail: Mail,
    tickets: Tickets,
    /// Connections of which something waits for the store.
    held: HashMap<ConnId, Held, foldhash::fast::RandomState>,
    pool: Pool,
}

/// What waits for one connection.
#[derive(Debug, Default)]
struct Held {
    outbox: Outbox,
    /// Whether it is to be closed after that.
    closes: bool,
}

/// Bytes that may wait for one connection until what was said before is kept. A store that takes longer is in trouble;
/// what comes above it is not told, as a datagram may be lost.
const HELD_MAX: usize = 256 << 10;

/// What the hub has for the connections of an entrance.
#[derive(Debug)]
pub enum Told<'a> {
    /// This line, with its CR LF, is for a connection. If it is a receipt, what it acknowledges is kept.
    Line(ConnId, &'a [u8]),
    /// A connection is to be closed; the hub has forgotten it.
    Close(ConnId),
    /// What a connection said could not be kept, and what was to be told after it is gone. It is to be ended.
    Lost(ConnId),
    /// A job is done; the answer is to be handed to the hub.
    Answer(ConnId, Answer),
}

impl<'a, M: Machine, D: Doors> Entrance<'a, M, D> {
    pub(super) fn new(index: usize, poll: Poll, shared: &'a Shared<M, D>) -> Self {
        let sink = TickSink::new(shared.common.inboxes.len());
        Self {
            index,
            shared,
            poll,
            sink,
            mail: Mail::default(),
            tickets: Tickets::default(),
            held: HashMap::default(),
            pool: Pool::default(),
        }
    }

    /// The number of a connection of this entrance. `slot` is less than 2²⁴; one that is used again has to have another
    /// `generation`.
    pub fn conn(&self, slot: u32, generation: u32) -> ConnId {
        Place { thread: self.index as u8, slot: slot % SLOTS, generation }.id()
    }

    /// Where the thread's own sockets are registered, with any token but `usize::MAX`.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits until something is ready, or the hub has something for [`hear`](Self::hear), at most for `patience`. False
    /// once the server stops.
    pub fn wait(&mut self, events: &mut Events, patience: Option<Duration>) -> io::Result<bool> {
        let stops = self.shared.common.stopping() != Stop::No;
        if !stops {
            super::worker::poll(&mut self.poll, events, patience)?;
        }
        Ok(self.shared.common.stopping() == Stop::No)
    }

    /// Calls the hub. What it may say in one call is bounded, so many lines belong into one.
    pub fn tick<T>(&mut self, call: impl FnOnce(&mut M, Now, &mut dyn Sink) -> T) -> T {
        let shared = self.shared;
        let mut locked = shared.lock();
        let now = shared.common.clock.now();
        let result = call(&mut locked.machine, now, &mut self.sink);
        self.sink.hand_over(shared, locked, self.index);
        result
    }

    /// Hands all that the hub has for these connections to `hear`, in its order.
    pub fn hear(&mut self, mut hear: impl FnMut(Told<'_>)) {
        let mut mail = std::mem::take(&mut self.mail);
        if self.shared.common.inbox(self.index).take(&mut mail) {
            self.shared.common.wake_all();
        }
        for batch in mail.batches.drain(..) {
            for (slot, generation, what) in batch.orders() {
                let conn = self.conn(slot, generation);
                self.carry_out(conn, what, batch.ticket, &mut hear);
            }
            self.sink.give_back(batch);
        }
        for (conn, answer) in mail.answers.drain(..) {
            hear(Told::Answer(conn, answer));
        }
        for fate in mail.fates.drain(..) {
            self.handle_fate(fate, &mut hear);
        }
        self.mail = mail;
    }

    /// Tells what the hub said to one connection, or holds it back.
    fn carry_out(
        &mut self,
        conn: ConnId,
        what: What<'_>,
        ticket: u64,
        hear: &mut impl FnMut(Told<'_>),
    ) {
        match what {
            What::Line(line) => match self.held.get_mut(&conn) {
                None => hear(Told::Line(conn, line)),
                Some(held) if held.outbox.len() + line.len() <= HELD_MAX => {
                    held.outbox.push(line, &mut self.pool);
                }
                Some(_) => {}
            },
            What::Receipt => match self.tickets.fate(ticket) {
                Some(Fate::Kept(_)) => {}
                Some(Fate::Lost(_)) => {
                    self.held.remove(&conn);
                    hear(Told::Lost(conn));
                }
                None => self.held.entry(conn).or_default().outbox.hold(ticket),
            },
            What::Close => match self.held.get_mut(&conn) {
                None => hear(Told::Close(conn)),
                Some(held) => held.closes = true,
            },
        }
    }

    /// Tells what waited for a ticket.
    fn handle_fate(&mut self, fate: Fate, hear: &mut impl FnMut(Told<'_>)) {
        self.tickets.note(fate);
        let Self { held, pool, .. } = self;
        held.retain(|&conn, held| match fate {
            Fate::Kept(ticket) => {
                held.outbox.release(ticket);
                let free = held.outbox.ready();
                free.split_inclusive(|&byte| byte == b'\n')
                    .for_each(|line| hear(Told::Line(conn, line)));
                let told = free.len();
                held.outbox.advance(told, pool);
                if held.closes && !held.outbox.is_held() {
                    hear(Told::Close(conn));
                }
                held.outbox.is_held()
            }
            Fate::Lost(ticket) => {
                let lost = held.outbox.waits_for(ticket);
                if lost {
                    hear(Told::Lost(conn));
                }
                !lost
            }
        });
    }

    /// The server.
    pub fn handle(&self) -> Handle {
        Handle { common: Arc::clone(&self.shared.common) }
    }
}
