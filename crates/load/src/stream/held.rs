//! Connections that carry requests for as long as the run lasts.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use callbox_measure::Nanos;
use callbox_net::poller::Event;
use callbox_net::stream::Begun;

use super::StreamLoad;
use super::connection::{Connection, Link};
use super::opener::{FULL, Opener, PATIENCE, fatal};
use super::shared::{Shared, Turn};
use crate::clock::Clock;
use crate::control::Control;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::record::{LOOKS_EVERY, Record};
use crate::worker::Worker;

/// How many connections are made at the same time before the run begins: fewer than any server lets wait.
const AT_ONCE: usize = 64;

/// One thread's connections.
pub(super) struct HeldWorker {
    connections: Vec<Connection>,
    opener: Opener,
    /// The connection whose turn it is to send, in an open loop.
    next: usize,
    /// Since when no connection is there.
    none_since: Option<Nanos>,
    shared: Shared,
    events: Vec<Event>,
}

impl HeldWorker {
    /// Makes all connections.
    pub(super) fn prepare(
        load: &StreamLoad,
        index: usize,
        opener: Opener,
        control: &Control,
    ) -> Result<Self, LoadError> {
        let limit = load.plan.shape.limit(load.plan.lost_after);
        let numbers = load.plan.connections_of(index);
        // There are at most as many connections as numbers of lanes.
        let connections = (0..).zip(numbers).map(|(token, number)| {
            Connection::new(load.payload.clone(), number as u16, token, limit, load.framing)
        });
        let mut worker = Self {
            connections: connections.collect(),
            opener,
            next: 0,
            none_since: None,
            shared: Shared::new(load)?,
            events: Vec::new(),
        };
        worker.connect_all(control)?;
        Ok(worker)
    }

    fn connect_all(&mut self, control: &Control) -> Result<(), LoadError> {
        let Self { connections, opener, shared, events, .. } = self;
        let clock = Clock::since(Instant::now());
        let (mut next, mut under_way, mut last) = (0, 0, 0);
        while next < connections.len() || under_way > 0 {
            let mut wait = LOOKS_EVERY;
            while next < connections.len() && under_way < AT_ONCE {
                let connection = &mut connections[next];
                match opener.begin() {
                    Ok(Begun::Made(socket)) => {
                        connection.opened(socket, shared)?;
                        last = clock.now();
                    }
                    Ok(Begun::UnderWay(socket)) => {
                        shared.waiter.set(socket.as_fd(), next as u64, false, true)?;
                        connection.link = Link::Connecting { socket, begun: 0, counts: false };
                        under_way += 1;
                    }
                    Ok(Begun::Full) => {
                        wait = FULL;
                        break;
                    }
                    Err(error) if next == 0 => return Err(LoadError::Connect(error)),
                    Err(error) => return Err(fatal(error)),
                }
                next += 1;
            }
            shared.waiter.wait(clock, clock.now() + wait, events)?;
            for event in events.iter() {
                let connection = &mut connections[event.token as usize];
                if let Link::Connecting { socket, .. } = connection.link.take() {
                    opener.conclude(&socket).map_err(fatal)?;
                    connection.opened(socket, shared)?;
                    under_way -= 1;
                    last = clock.now();
                }
            }
            if control.is_stopped() {
                return Err(LoadError::Stopped);
            }
            // However long all of them take together.
            if clock.until(last + PATIENCE.as_nanos() as Nanos).is_zero() {
                return Err(LoadError::Connect(io::ErrorKind::TimedOut.into()));
            }
        }
        Ok(())
    }

    /// Sends what is due, over one connection after the other. Gives until when at the latest to wait for room, if there
    /// was not enough.
    fn send_due(&mut self, turn: &mut Turn<'_>, now: Nanos) -> Result<Option<Nanos>, LoadError> {
        let Self { connections, shared, next, .. } = self;
        let mut due = turn.pacing.due(now);
        while due > 0 {
            let share = due.div_ceil(connections.len() as u64);
            let before = due;
            for _ in 0..connections.len() {
                let index = *next;
                *next = (index + 1) % connections.len();
                let connection = &mut connections[index];
                due -= connection.fill(now, share.min(due), shared, turn)?;
                if due == 0 {
                    return Ok(None);
                }
            }
            if due == before {
                return Ok(shared.lose_overdue(turn, now));
            }
        }
        Ok(None)
    }

    /// Looks for what no event tells of: requests that wait too long, connections to be made again.
    fn check(&mut self, turn: &mut Turn<'_>, now: Nanos) -> Result<(), LoadError> {
        let Self { connections, opener, shared, none_since, .. } = self;
        shared.check_at = shared.next_check(now);
        let mut some = false;
        for connection in connections {
            connection.check(now, opener, shared, turn)?;
            some |= matches!(connection.link, Link::Open(_));
        }
        if some || turn.pacing.is_over() {
            *none_since = None;
        } else if now.saturating_sub(*none_since.get_or_insert(now)) >= shared.lost_after {
            return Err(LoadError::NoneLeft);
        }
        Ok(())
    }
}

impl Worker for HeldWorker {
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
        let is_open = turn.pacing.is_open();
        let mut until = until;
        if is_open && !turn.pacing.is_over() {
            let room_until = self.send_due(&mut turn, now)?;
            let next = room_until.unwrap_or_else(|| turn.pacing.next_moment());
            until = next.min(now.saturating_add(LOOKS_EVERY));
        }
        let mut events = std::mem::take(&mut self.events);
        let waited = self.shared.waiter.wait(clock, until.min(self.shared.check_at), &mut events);
        for event in &events {
            let Self { connections, opener, shared, none_since, .. } = self;
            let connection = &mut connections[event.token as usize];
            let now = connection.handle(event, opener, shared, &mut turn)?;
            if matches!(connection.link, Link::Open(_)) {
                *none_since = None;
            }
            // However many connections have something to tell, what comes due meanwhile is sent.
            if is_open && now >= turn.pacing.next_moment() {
                self.send_due(&mut turn, now)?;
            }
        }
        self.events = events;
        waited
    }

    fn start_counting(&mut self) {
        self.connections.iter_mut().for_each(Connection::start_counting);
    }

    fn stop_counting(&mut self) {
        self.connections.iter_mut().for_each(Connection::stop_counting);
    }

    fn outstanding(&self) -> usize {
        self.connections.iter().map(|it| it.lane.ledger().outstanding()).sum()
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        for connection in &mut self.connections {
            connection.finish(stopped, record);
        }
    }
}
