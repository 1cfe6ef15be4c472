//! What a turn of a thread works with, and the requests of an open loop that wait.

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::replies::Framing;
use callbox_measure::report::Counts;

use super::StreamLoad;
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::record::Record;
use crate::wait::Waiter;

/// What is read or written with one call at most, unless a single request is longer: as much as a socket's buffers
/// have without being asked for more.
const BUFFER: usize = 64 << 10;

/// How often one connection is read before others have their turn.
pub(super) const READS: usize = 16;

/// What all connections of a thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) waiter: Waiter,
    /// Read into, and written from; nothing stays in it.
    pub(super) buffer: Box<[u8]>,
    pub(super) framing: Framing,
    pub(super) lost_after: Nanos,
    pub(super) stage: Stage,
    /// When something is to be done at the latest that no event tells of.
    pub(super) check_at: Nanos,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Warmup,
    Counted,
    Over,
}

/// The run around a turn.
pub(super) struct Turn<'a> {
    pub(super) clock: Clock,
    pub(super) pacing: &'a mut Pacing,
    pub(super) record: &'a mut Record,
}

impl Shared {
    pub(super) fn new(load: &StreamLoad) -> Result<Self, LoadError> {
        Ok(Self {
            waiter: Waiter::new()?,
            buffer: vec![0; load.payload.largest().max(BUFFER)].into(),
            framing: load.framing,
            lost_after: load.plan.lost_after,
            stage: Stage::Warmup,
            check_at: 0,
        })
    }

    /// Whether requests that are made now count.
    #[inline]
    pub(super) fn counts(&self) -> bool {
        self.stage == Stage::Counted
    }

    /// Something is to be done at that moment.
    pub(super) fn check_by(&mut self, moment: Nanos) {
        self.check_at = self.check_at.min(moment);
    }

    /// When to look through all connections again for what waits too long: often enough that a little later does not
    /// matter, and seldom enough that thousands of connections do not.
    pub(super) fn next_check(&self, now: Nanos) -> Nanos {
        now.saturating_add((self.lost_after / 8).clamp(1_000_000, 100_000_000))
    }

    pub(super) fn start_counting(&mut self) {
        self.stage = Stage::Counted;
    }

    /// The frame says so before the first request, too.
    pub(super) fn stop_counting(&mut self) {
        if self.stage == Stage::Counted {
            self.stage = Stage::Over;
        }
    }

    /// Requests that have waited for too long without being sent are lost. Gives when the next one will have, if one
    /// waits.
    pub(super) fn lose_overdue(&self, turn: &mut Turn<'_>, now: Nanos) -> Option<Nanos> {
        for _ in 0..turn.pacing.due(now) {
            let last = turn.pacing.next_moment().saturating_add(self.lost_after);
            if last > now {
                return Some(last);
            }
            turn.pacing.take(now);
            if self.counts() {
                let counts = &mut turn.record.counts;
                counts.requests += 1;
                counts.expected += 1;
                counts.lost.no_reply += 1;
            }
        }
        None
    }
}

/// What a lane came to.
pub(super) fn settle(lane: &mut Lane, stopped: bool) -> Counts {
    match stopped {
        true => lane.ledger_mut().withdraw_all(),
        false => {
            lane.ledger_mut().give_up_all();
        }
    }
    Counts::of(lane.ledger().counts(), 0)
}
