//! What all connections of a thread work with.

use callbox_measure::Nanos;
use callbox_measure::plan::Shape;
use callbox_measure::replies::Framing;

use super::StreamLoad;
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::overdue;
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
    /// When something is to be done at the latest that no event tells of.
    pub(super) check_at: Nanos,
}

/// The run around a turn.
pub(super) struct Turn<'a> {
    pub(super) clock: Clock,
    pub(super) pacing: &'a mut Pacing,
    pub(super) record: &'a mut Record,
}

impl Shared {
    pub(super) fn new(load: &StreamLoad) -> Result<Self, LoadError> {
        let mut waiter = Waiter::new()?;
        if matches!(load.plan.shape, Shape::Closed { .. }) {
            waiter.be_eager();
        }
        Ok(Self {
            waiter,
            buffer: vec![0; load.payload.largest().max(BUFFER)].into(),
            framing: load.framing,
            lost_after: load.plan.lost_after,
            check_at: 0,
        })
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

    /// Requests that have waited for too long without being sent are lost. Gives when the next one will have, if one
    /// waits.
    pub(super) fn lose_overdue(&self, turn: &mut Turn<'_>, now: Nanos) -> Option<Nanos> {
        overdue::lose(turn.pacing, turn.record, self.lost_after, now)
    }
}
