//! A load, a network and a server in simulated time.
//!
//! Events happen in the order of their time, and those of one moment in the order in which they were planned, so each
//! run is the same every time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Phase, Shape, Stretch};
use callbox_measure::schedule::Schedule;
use callbox_measure::{Counts, Nanos, SECOND};

pub(crate) const MICRO: Nanos = 1000;
pub(crate) const MILLI: Nanos = 1000 * MICRO;

/// A server that answers one request after the other.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    /// How long it works on a request.
    pub(crate) work: Nanos,
    /// How long it stands still at the beginning of each second.
    pub(crate) stall: Nanos,
}

impl Server {
    /// When a request is answered that came at a time, to a server that is busy until another.
    fn answer_at(&self, came: Nanos, busy_until: Nanos) -> Nanos {
        let mut begin = came.max(busy_until);
        if begin % SECOND < self.stall {
            begin += self.stall - begin % SECOND;
        }
        begin + self.work
    }
}

/// What a relay does with the reply to request number `n` of all, counted from 0: when its copies arrive, as delays.
pub(crate) type Relay<'a> = &'a dyn Fn(u64) -> Vec<Nanos>;

/// A run.
pub(crate) struct Run<'a> {
    pub(crate) shape: Shape,
    pub(crate) stretch: Stretch,
    pub(crate) lost_after: Nanos,
    pub(crate) server: Server,
    pub(crate) relay: Relay<'a>,
}

/// What a run measured.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) counts: Counts,
    /// All latencies from the intended time, sorted.
    pub(crate) latencies: Vec<Nanos>,
    /// By how much each request was sent after its intended time, sorted.
    pub(crate) waits: Vec<Nanos>,
}

impl Measured {
    /// The latency that a share of the requests does not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Nanos {
        let place = (self.latencies.len() as f64 * percent / 100.0).ceil() as usize;
        self.latencies[place.max(1) - 1]
    }
}

enum Event {
    /// The generator looks for what is due.
    Tick,
    Reply {
        lane: usize,
        bytes: Vec<u8>,
    },
}

struct World<'a> {
    run: &'a Run<'a>,
    lanes: Vec<Lane>,
    events: BinaryHeap<Reverse<(Nanos, u64)>>,
    happens: Vec<Option<Event>>,
    busy_until: Nanos,
    sent: u64,
    measured: Measured,
}

impl Run<'_> {
    /// Makes the run: warm-up, what counts, and the wait for the last replies.
    pub(crate) fn make(&self) -> Measured {
        let sizes = "64:7,1400:1".parse().expect("a mix");
        let payload = Payload::datagrams(11, sizes, Check::Upper).expect("a payload");
        let payload = Arc::new(payload);
        let limit = self.shape.limit(self.lost_after);
        let lane = |number| Lane::new(payload.clone(), number as u16, limit);
        let mut world = World {
            run: self,
            lanes: (0..self.shape.connections()).map(lane).collect(),
            events: BinaryHeap::new(),
            happens: Vec::new(),
            busy_until: 0,
            sent: 0,
            measured: Measured::default(),
        };
        world.run();
        world.finish()
    }
}

impl World<'_> {
    fn run(&mut self) {
        let mut schedule = match self.run.shape {
            Shape::Open { rate, .. } => Some(Schedule::new(rate, 0)),
            Shape::Closed { .. } => None,
        };
        let (mut counting, mut turn, mut ticks) = (false, 0, 1);
        self.plan(0, Event::Tick);
        self.lanes.iter_mut().for_each(|lane| lane.ledger_mut().stop_counting());
        while let Some(Reverse((now, index))) = self.events.pop() {
            if !counting && now >= self.run.stretch.begin() {
                counting = true;
                self.lanes.iter_mut().for_each(|lane| lane.ledger_mut().start_counting());
            }
            let lost_after = self.run.lost_after;
            for lane in &mut self.lanes {
                lane.ledger_mut().expire(now, lost_after);
            }
            match self.happens[index as usize].take() {
                Some(Event::Reply { lane, bytes }) => {
                    let answer = self.lanes[lane].handle_datagram(&bytes, now);
                    if let Answer::First { from_intended, .. } = answer {
                        self.measured.latencies.push(from_intended);
                    }
                }
                Some(Event::Tick) | None => ticks -= 1,
            }
            if self.run.stretch.phase(now) == Phase::Over {
                continue;
            }
            match &mut schedule {
                Some(schedule) => {
                    while schedule.peek() <= now {
                        let lane = turn % self.lanes.len();
                        if self.lanes[lane].ledger().room() == 0 {
                            break;
                        }
                        turn += 1;
                        self.send(lane, schedule.take(), now);
                    }
                    if ticks == 0 {
                        // Without room it looks again as often as a shell would.
                        let next = schedule.peek().max(now + 10 * MICRO);
                        self.plan(next, Event::Tick);
                        ticks += 1;
                    }
                }
                None => {
                    for lane in 0..self.lanes.len() {
                        while self.lanes[lane].ledger().room() > 0 {
                            self.send(lane, now, now);
                        }
                    }
                    // So that what was lost is noticed and sent anew even when nothing comes back.
                    let oldest =
                        self.lanes.iter_mut().filter_map(|lane| lane.ledger_mut().oldest_sent());
                    if let (true, Some(oldest)) = (self.events.is_empty(), oldest.min()) {
                        self.plan(oldest + lost_after, Event::Tick);
                        ticks += 1;
                    }
                }
            }
        }
    }

    fn send(&mut self, lane: usize, intended: Nanos, now: Nanos) {
        let mut bytes = vec![0; 1400];
        let size = self.lanes[lane].write(0, &mut bytes);
        self.lanes[lane].sent(intended, now);
        self.measured.waits.push(now - intended);
        bytes.truncate(size);
        bytes.make_ascii_uppercase();
        self.busy_until = self.run.server.answer_at(now, self.busy_until);
        for delay in (self.run.relay)(self.sent) {
            self.plan(self.busy_until + delay, Event::Reply { lane, bytes: bytes.clone() });
        }
        self.sent += 1;
    }

    fn plan(&mut self, at: Nanos, event: Event) {
        self.events.push(Reverse((at, self.happens.len() as u64)));
        self.happens.push(Some(event));
    }

    fn finish(mut self) -> Measured {
        for lane in &mut self.lanes {
            lane.ledger_mut().give_up_all();
            self.measured.counts.merge(lane.ledger().counts());
        }
        self.measured.latencies.sort_unstable();
        self.measured.waits.sort_unstable();
        self.measured
    }
}

/// A network that does nothing to a reply.
pub(crate) fn faithful(_: u64) -> Vec<Nanos> {
    vec![0]
}

/// So many whole seconds that count, without a warm-up.
pub(crate) fn seconds(count: u64) -> Stretch {
    Stretch { warmup: 0, duration: count * SECOND }
}
