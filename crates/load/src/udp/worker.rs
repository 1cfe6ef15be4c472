//! One thread's sockets of a load over UDP.

use std::io;
use std::os::fd::AsFd;

use callbox_measure::plan::Shape;
use callbox_measure::{Nanos, SECOND};
use callbox_net::datagram::flow::{BURST, Incoming, Outgoing};
use callbox_net::poller::Event;

use super::connection::{Connection, Desk, Stopped};
use super::{Calls, UdpLoad};
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::overdue;
use crate::pacing::Pacing;
use crate::record::{LOOKS_EVERY, Record};
use crate::wait::Waiter;
use crate::worker::Worker;

/// One thread's sockets.
pub(super) struct UdpWorker {
    connections: Vec<Connection>,
    desk: Desk,
    waiter: Waiter,
    events: Vec<Event>,
    lost_after: Nanos,
    /// No request is to be given up before.
    expire_at: Nanos,
    /// Closed loop: when all windows are looked at, whether replies have come or not.
    refill_at: Nanos,
    /// Open loop: the connection whose turn it is to send.
    turn_of: usize,
    /// When it was first noticed that requests are refused.
    refused_at: Option<Nanos>,
}

/// How long after a queue on the way was full a closed loop tries again: what was lost brings no reply that would say when.
const PAUSE: Nanos = SECOND / 1000;

/// How long requests may be refused before anything was ever answered until the server counts as not there.
const REFUSED_FOR: Nanos = SECOND / 10;

impl UdpWorker {
    pub(super) fn prepare(load: &UdpLoad, index: usize) -> Result<Self, LoadError> {
        let Calls { recvmmsg, sendmmsg, gso, gro } = load.calls;
        let mut waiter = Waiter::new()?;
        if matches!(load.plan.shape, Shape::Closed { .. }) {
            waiter.be_eager();
        }
        let mut connections = Vec::new();
        for number in load.plan.connections_of(index) {
            let connection = Connection::open(load, number)?;
            waiter.set(connection.as_fd(), connections.len() as u64, true, false)?;
            connections.push(connection);
        }
        Ok(Self {
            connections,
            desk: Desk {
                incoming: Incoming::new(recvmmsg, gro),
                outgoing: Outgoing::new(load.payload.largest(), sendmmsg, gso),
                was_answered: false,
                refused_before: 0,
            },
            waiter,
            events: Vec::new(),
            lost_after: load.plan.lost_after,
            expire_at: 0,
            refill_at: 0,
            turn_of: 0,
            refused_at: None,
        })
    }

    /// Closed loop: fills up every window.
    fn refill_all(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        self.refill_at = Nanos::MAX;
        for index in 0..self.connections.len() {
            self.send(index, usize::MAX, clock, pacing, record)?;
        }
        Ok(())
    }

    /// Open loop: sends what is due, spread over the connections. After a burst over each of them it is the replies' turn,
    /// even if more is due: what a generator that was held up sends all at once would fill its own buffers with replies.
    ///
    /// Gives whether there was room anywhere: if not, what is due waits for replies.
    fn send_due(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<bool, LoadError> {
        let all = self.connections.len();
        let mut in_vain = 0;
        for _ in 0..all {
            let due = usize::try_from(pacing.due(clock.now())).unwrap_or(usize::MAX);
            if due == 0 {
                return Ok(true);
            }
            let share = due.div_ceil(all).min(BURST);
            let index = self.turn_of;
            self.turn_of = if index + 1 == all { 0 } else { index + 1 };
            match self.connections[index].room() {
                0 => in_vain += 1,
                _ => self.send(index, share, clock, pacing, record)?,
            }
        }
        Ok(in_vain < all)
    }

    /// Sends up to `most` requests over a connection, as far as it has room.
    fn send(
        &mut self,
        index: usize,
        most: usize,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let connection = &mut self.connections[index];
        let count = connection.room().min(most);
        if count == 0 {
            return Ok(());
        }
        match connection.send(count, &mut self.desk, clock, pacing, record)? {
            Stopped::No => {}
            Stopped::Full => self.waiter.set(connection.as_fd(), index as u64, true, true)?,
            Stopped::Lost => self.refill_at = clock.now() + PAUSE,
        }
        Ok(())
    }

    /// Fails if nobody has ever answered and requests are refused.
    fn check_refusals(&mut self, now: Nanos, record: &mut Record) -> Result<(), LoadError> {
        let refused = self.desk.refused_before + record.counts.refused;
        if self.desk.was_answered || refused == 0 {
            return Ok(());
        }
        if now.saturating_sub(*self.refused_at.get_or_insert(now)) < REFUSED_FOR {
            return Ok(());
        }
        record.counts.refused = refused;
        Err(LoadError::Connect(io::ErrorKind::ConnectionRefused.into()))
    }

    /// Gives up what has waited for too long.
    fn expire(&mut self, now: Nanos) {
        let mut oldest = now;
        let mut given_up = 0;
        for Connection { lane, .. } in &mut self.connections {
            given_up += lane.ledger_mut().expire(now, self.lost_after);
            oldest = oldest.min(lane.ledger_mut().oldest_sent().unwrap_or(now));
        }
        self.expire_at = oldest.saturating_add(self.lost_after);
        if given_up > 0 {
            self.refill_at = 0;
        }
    }
}

impl Worker for UdpWorker {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let is_open = pacing.is_open();
        let now = clock.now();
        self.check_refusals(now, record)?;
        if now >= self.expire_at {
            self.expire(now);
        }
        let mut until = until.min(self.expire_at);
        if is_open {
            // A generator that is asked for more than it can send would else go on for as long as it takes.
            if pacing.next_moment().saturating_add(self.lost_after) <= now {
                overdue::lose(pacing, record, self.lost_after, now);
            }
            // What is due cannot be sent before a reply has made room for it, so its time is not what is waited for.
            if !self.send_due(clock, pacing, record)? {
                until = self.expire_at.min(now.saturating_add(LOOKS_EVERY));
            }
        } else {
            if now >= self.refill_at && !pacing.is_over() {
                self.refill_all(clock, pacing, record)?;
            }
            until = until.min(self.refill_at);
        }
        let mut events = std::mem::take(&mut self.events);
        let waited = self.waiter.wait(clock, until, &mut events);
        self.events = events;
        waited?;
        for at in 0..self.events.len() {
            let Event { token, readable, writable } = self.events[at];
            let index = token as usize;
            let connection = &mut self.connections[index];
            if writable {
                connection.is_full = false;
                self.waiter.set(connection.as_fd(), token, true, false)?;
            }
            if readable {
                connection.receive(&mut self.desk, clock, record)?;
            }
            let ledger = connection.lane.ledger();
            if !is_open && !pacing.is_over() && ledger.outstanding() <= ledger.room() {
                self.send(index, usize::MAX, clock, pacing, record)?;
            }
        }
        Ok(())
    }

    fn start_counting(&mut self) {
        self.waiter.start_counting();
        self.connections.iter_mut().for_each(Connection::start_counting);
    }

    fn stop_counting(&mut self) {
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().stop_counting();
        }
    }

    fn outstanding(&self) -> usize {
        self.connections.iter().map(|it| it.lane.ledger().outstanding()).sum()
    }

    fn spins(&self) -> bool {
        self.waiter.spins()
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        for connection in &mut self.connections {
            connection.finish(stopped, record);
        }
    }
}
