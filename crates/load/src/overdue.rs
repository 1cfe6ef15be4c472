//! Requests of an open loop that nobody takes.
//!
//! While there is no room to send, what comes due waits, and the wait is a part of its latency. But a server that takes
//! less than it is offered, or a generator that cannot send as much, would make that queue grow for as long as the run
//! lasts, and the run last until all of it was sent. Whoever asks gives up after some time, whether his question has left
//! or not.

use callbox_measure::Nanos;

use crate::pacing::Pacing;
use crate::record::Record;

/// Takes the requests that have been due for `lost_after` and could not be sent: they are lost, and are counted as that if
/// they count. Gives the moment at which the next one will be, if one waits.
pub(crate) fn lose(
    pacing: &mut Pacing,
    record: &mut Record,
    lost_after: Nanos,
    now: Nanos,
) -> Option<Nanos> {
    for _ in 0..pacing.due(now) {
        let last = pacing.next_moment().saturating_add(lost_after);
        if last > now {
            return Some(last);
        }
        pacing.take(now);
        if record.is_counting() {
            record.counts.requests += 1;
            record.counts.expected += 1;
            record.counts.lost.no_reply += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use callbox_measure::plan::{Phase, Rate, Shape, Stretch};

    #[test]
    fn what_waits_too_long_is_lost_and_what_does_not_still_waits() {
        // One request each 10 ns.
        let shape = Shape::Open { rate: Rate::per_second(100_000_000), connections: 1 };
        let stretch = Stretch { warmup: 0, duration: 1000 };
        let mut pacing = Pacing::new(shape, stretch, 0, 1);
        let mut record = Record::new(stretch, true, Control::new());
        record.enter(pacing.advance(25));
        assert_eq!(lose(&mut pacing, &mut record, 100, 25), Some(100));
        assert_eq!(lose(&mut pacing, &mut record, 100, 115), Some(120));
        assert_eq!((record.counts.requests, record.counts.lost.total()), (2, 2));
        record.enter(Phase::Warmup);
        assert_eq!(lose(&mut pacing, &mut record, 100, 125), Some(130));
        assert_eq!(record.counts.requests, 2);
        assert_eq!(pacing.take(125), Some(30));
    }
}
