//! How connections end: by a deadline, by a failure, by being told to, and all at once when the server stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::connection::{Stage, Stall};
use super::contract::{Doors, Machine, Notice, Pipe};
use super::metrics::add;
use super::worker::Worker;

/// Why everybody's connection ends when the server does.
pub(super) const STOPS: &str = "the server stops";

/// How long those who are connected may take what is on its way to them, once the server was asked to stop.
const STOP_TIME: Duration = Duration::from_secs(2);

impl<M: Machine, D: Doors> Worker<'_, M, D> {
    pub(super) fn handle_deadline(&mut self, slot: u32, now: Duration) {
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
    pub(super) fn fail(&mut self, slot: u32, reason: &'static str) {
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

    pub(super) fn end_our_direction(&mut self, slot: u32) {
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

    pub(super) fn remove(&mut self, slot: u32) {
        let Some(mut connection) = self.table.remove(slot) else { return };
        self.timers.set(slot, None);
        self.backlog -= connection.backlog();
        connection.outbox.clear(&mut self.pool);
        add(&self.counters.closed, 1);
    }

    /// Tells everybody that the server stops.
    pub(super) fn say_goodbye(&mut self, now: Duration) {
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
