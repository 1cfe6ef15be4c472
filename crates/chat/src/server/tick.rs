//! The part of a tick that holds the hub's lock.
//!
//! Under the lock the hub is told what was read, and decides; nothing is sent or read, and no other connection's memory is
//! touched. A panic on the way costs the connection that it happened for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Flow, Now, Sink};

use super::batch::Place;
use super::closing::STOPS;
use super::connection::{Connection, Stage, Stall};
use super::contract::{Doors, Incoming, Machine, Notice, Pipe};
use super::metrics::add;
use super::sink::TickSink;
use super::worker::{Turn, Worker};

/// Lines of one connection before the others have their turn.
const LINES_PER_TURN: usize = 64;

/// Bytes for the threads at which a tick takes no further connection's lines. Less would cost batching, more would keep
/// everybody waiting: this is about eighty thousand deliveries, some milliseconds.
const TICK_WEIGHT: usize = 1 << 20;

/// How long the hub's timeouts are left alone after they panicked.
const QUIET: Duration = Duration::from_secs(1);

impl<M: Machine, D: Doors> Worker<'_, M, D> {
    /// Whether the hub has to be told something.
    pub(super) fn has_news(&self, now: Duration) -> bool {
        !self.turns.is_empty()
            || !self.gone.is_empty()
            || !self.answers.is_empty()
            || self.reloaded.is_some()
            || self.shared.hub_due().is_some_and(|due| due <= now)
    }

    /// Tells the hub all that happened, and gives what it says to the threads.
    pub(super) fn tick(&mut self) {
        let shared = self.shared;
        let mut locked = shared.lock();
        // Read under the lock, so that time does not go backwards for the hub.
        let now = shared.common.clock.now();
        if let Some(reloaded) = self.reloaded.take() {
            self.guard(None, |worker| locked.machine.reload(*reloaded, now, &mut worker.sink));
        }
        // When a thousand leave at once, a room of a thousand is told of each: that is not for one tick.
        while self.sink.weight() < TICK_WEIGHT
            && let Some((conn, reason)) = self.gone.pop_front()
        {
            self.guard(None, |worker| {
                locked.machine.disconnect(conn, reason, now, &mut worker.sink);
            });
        }
        while self.sink.weight() < TICK_WEIGHT
            && let Some((conn, answer)) = self.answers.pop_front()
        {
            let place = Place::of(conn);
            let slot = place.slot;
            let alive =
                self.table.of(slot, place.generation).is_some_and(|c| c.stage == Stage::Open);
            if !alive {
                // New settings are for everybody, also if who asked for them has left.
                if let Answer::Reloaded(Ok(config)) = answer {
                    self.guard(None, |worker| {
                        locked.machine.reload(*config, now, &mut worker.sink);
                    });
                }
                continue;
            }
            let flow = self.guard(Some(slot), |worker| {
                locked.machine.handle_answer(conn, answer, now, &mut worker.sink)
            });
            match flow {
                Some(flow) => self.resume(slot, flow, conn),
                None => self.give_up(&mut locked.machine, slot, conn, now),
            }
        }
        let mut turns = std::mem::take(&mut self.turns);
        for turn in turns.drain(..) {
            self.turn(&mut locked.machine, turn, now);
        }
        self.turns = turns;
        if locked.quiet_until <= now.monotonic
            && locked.machine.poll_timeout().is_some_and(|due| due <= now.monotonic)
        {
            let done = self.guard(None, |worker| {
                locked.machine.handle_timeout(now, &mut worker.sink);
            });
            if done.is_none() {
                locked.quiet_until = now.monotonic + QUIET;
            }
        }
        self.sink.hand_over(shared, locked, self.index);
        add(&self.counters.ticks, 1);
        add(&self.counters.lines_out, std::mem::take(&mut self.sink.lines));
    }

    /// Tells the hub that the server stops.
    pub(super) fn note_the_end(&mut self) {
        let shared = self.shared;
        let mut locked = shared.lock();
        let now = shared.common.clock.now();
        self.guard(None, |worker| locked.machine.stop(STOPS, now, &mut worker.sink));
        self.sink.hand_over(shared, locked, self.index);
    }

    /// Gives the hub what one connection said.
    fn turn(&mut self, machine: &mut M, turn: Turn, now: Now) {
        let Turn { slot, bytes } = turn;
        let Some(id) = self.table.place(slot).map(Place::id) else { return };
        let late = self.sink.weight() >= TICK_WEIGHT;
        let Self { table, arena, sink, counters, .. } = self;
        let Some(connection) = table.at(slot) else { return };
        let mut held = std::mem::take(&mut connection.held);
        let read = arena.get(bytes).unwrap_or_default();
        let whole = if held.is_empty() { read } else { &held[..] };
        let mut input = whole;
        let fed = if late {
            connection.unfed = true;
            Ok(())
        } else {
            let feed = || feed(connection, id, &mut input, machine, sink, now);
            catch_unwind(AssertUnwindSafe(feed)).map(|lines| add(&counters.lines_in, lines))
        };
        let rest = input.len();
        if connection.stall == Some(Stall::Closed) || rest == 0 {
            held = Vec::new();
        } else if held.is_empty() {
            held = input.to_vec();
        } else {
            held.drain(..held.len() - rest);
        }
        connection.held = held;
        if fed.is_err() {
            self.give_up(machine, slot, id, now);
        }
        self.arm(slot);
        self.enqueue(slot);
    }

    /// The answer to the job of this connection was handled.
    fn resume(&mut self, slot: u32, flow: Flow, id: ConnId) {
        let Some(connection) = self.table.at(slot) else { return };
        connection.stall = stall(flow);
        if flow == Flow::Closed {
            self.sink.close(id);
        }
        self.arm(slot);
        self.enqueue(slot);
    }

    /// Ends a connection whose code panicked.
    fn give_up(&mut self, machine: &mut M, slot: u32, id: ConnId, now: Now) {
        let Some(connection) = self.table.at(slot) else { return };
        connection.stall = Some(Stall::Closed);
        connection.held = Vec::new();
        let known = connection.stage == Stage::Open;
        let parting = connection.pipe.parting("internal error");
        self.panicked(Some(slot));
        // These are the last words, whatever else is put out for it.
        self.sink.line(id, parting.as_bytes());
        self.sink.close(id);
        if known {
            // What the hub thinks of it may be half of the truth, and lead to another panic.
            self.guard(None, |worker| {
                machine.disconnect(id, "Internal error", now, &mut worker.sink);
            });
        }
    }

    /// Calls the hub, and reports a panic (`None`) as one of this connection's code.
    fn guard<T>(&mut self, slot: Option<u32>, call: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| call(self))).ok();
        if result.is_none() && slot.is_none() {
            self.panicked(None);
        }
        result
    }

    /// Counts and reports a panic.
    pub(super) fn panicked(&mut self, slot: Option<u32>) {
        let peer = slot.and_then(|slot| self.table.at(slot)).map(|connection| connection.peer);
        add(&self.counters.panics, 1);
        self.shared.report.notice(Notice::Panicked { peer });
    }
}

/// Gives the hub lines of `input` until it takes no more of this connection or the others have waited long enough, and
/// tells how many it was given.
fn feed<P: Pipe, M: Machine>(
    connection: &mut Connection<P>,
    id: ConnId,
    input: &mut &[u8],
    machine: &mut M,
    sink: &mut TickSink,
    now: Now,
) -> u64 {
    let mut lines = 0;
    connection.unfed = false;
    for _ in 0..LINES_PER_TURN {
        let flow = match connection.pipe.next(input) {
            None => return lines,
            Some(Incoming::Opened(peer)) => {
                connection.stage = Stage::Open;
                connection.stage_ends = None;
                connection.permit.opened();
                machine.connect(id, peer, now, sink);
                Flow::Ready
            }
            Some(Incoming::Line(line)) => {
                lines += 1;
                machine.handle_line(id, line, now, sink)
            }
            Some(Incoming::TooLong) => machine.handle_too_long(id, now, sink),
            Some(Incoming::Close(reason)) => {
                if connection.stage == Stage::Open {
                    machine.disconnect(id, reason, now, sink);
                }
                Flow::Closed
            }
        };
        connection.stall = stall(flow);
        if flow == Flow::Closed {
            sink.close(id);
            return lines;
        }
        if connection.stall.is_some() {
            break;
        }
    }
    connection.unfed = true;
    lines
}

fn stall(flow: Flow) -> Option<Stall> {
    match flow {
        Flow::Ready => None,
        Flow::Until(at) => Some(Stall::Until(at)),
        Flow::Busy => Some(Stall::Busy),
        Flow::Closed => Some(Stall::Closed),
    }
}
