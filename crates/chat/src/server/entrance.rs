//! A way in for connections that are no streams.
//!
//! The door for datagrams and the person at the server's terminal have a thread of their own, which reads and writes in
//! its own way. Here it meets the hub: what it calls the hub for is a tick like any other, and what the hub says to its
//! connections comes in the same order as to all others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Now, Sink};
use mio::{Events, Poll, Registry};

use super::batch::{Place, SLOTS, What};
use super::contract::{Doors, Machine};
use super::inbox::{Fate, Mail};
use super::shared::{Handle, Shared, Stop};
use super::sink::TickSink;

/// The hub, for one thread that carries connections of its own.
pub struct Entrance<'a, M, D> {
    index: usize,
    shared: &'a Shared<M, D>,
    poll: Poll,
    sink: TickSink,
    mail: Mail,
}

/// What the hub has for the connections of an entrance.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something is to be done with a connection; it is no receipt.
    What(ConnId, What<'a>),
    /// What follows for this connection waits until this ticket is kept.
    Receipt(ConnId, u64),
    /// All up to this ticket is kept.
    Kept(u64),
    /// A job is done; the answer is to be handed to the hub.
    Answer(ConnId, Answer),
}

impl<'a, M: Machine, D: Doors> Entrance<'a, M, D> {
    pub(super) fn new(index: usize, poll: Poll, shared: &'a Shared<M, D>) -> Self {
        let sink = TickSink::new(shared.common.inboxes.len());
        Self { index, shared, poll, sink, mail: Mail::default() }
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
                hear(match what {
                    What::Receipt => Told::Receipt(self.conn(slot, generation), batch.ticket),
                    what => Told::What(self.conn(slot, generation), what),
                });
            }
            self.sink.give_back(batch);
        }
        for (conn, answer) in mail.answers.drain(..) {
            hear(Told::Answer(conn, answer));
        }
        for fate in mail.fates.drain(..) {
            // What is lost is never acknowledged; what was said after it waits for what is kept next.
            if let Fate::Kept(ticket) = fate {
                hear(Told::Kept(ticket));
            }
        }
        self.mail = mail;
    }

    /// The server.
    pub fn handle(&self) -> Handle {
        Handle { common: Arc::clone(&self.shared.common) }
    }
}
