//! Which request may be sent now, and whether it counts.
//!
//! In a closed loop the moment of sending decides, in an open one the intended time: a request of the warm-up that is
//! sent late is still one of the warm-up, and one that was due before the end is sent even if the end has passed, for
//! else a server that stalls at the end would hide it.

use callbox_measure::Nanos;
use callbox_measure::plan::{Phase, Shape, Stretch};
use callbox_measure::schedule::Schedule;

/// One thread's view of the plan.
#[derive(Debug)]
pub struct Pacing {
    /// Of an open loop: when each of this thread's requests is due.
    schedule: Option<Schedule>,
    stretch: Stretch,
    phase: Phase,
}

impl Pacing {
    /// The share of thread `index` of `threads`. The run begins at 0.
    pub fn new(shape: Shape, stretch: Stretch, index: usize, threads: usize) -> Self {
        let schedule = match shape {
            Shape::Closed { .. } => None,
            Shape::Open { rate, .. } => {
                Some(Schedule::share(rate, 0, index as u64, threads as u64))
            }
        };
        let phase = Phase::Warmup;
        Self { schedule, stretch, phase }
    }

    /// Whether the clock decides, and not the replies.
    pub fn is_open(&self) -> bool {
        self.schedule.is_some()
    }

    /// Whether nothing more is to be sent.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The phase of the next request, as it is now; what [`take`](Self::take) gives belongs to it.
    pub(crate) fn advance(&mut self, now: Nanos) -> Phase {
        let next = self.schedule.as_ref().map_or(now, |schedule| schedule.peek().min(now));
        self.phase = self.stretch.phase(next);
        self.phase
    }

    /// Takes the next request if it may be sent now, and gives its intended time: in a closed loop that is `now`, and
    /// there is always one. `None` too if the next request belongs to another phase; the loop comes back at once then.
    #[inline]
    pub fn take(&mut self, now: Nanos) -> Option<Nanos> {
        let Some(schedule) = &mut self.schedule else {
            return (self.phase != Phase::Over).then_some(now);
        };
        let intended = schedule.peek();
        let is_due = intended <= now && self.stretch.phase(intended) == self.phase;
        (is_due && self.phase != Phase::Over).then(|| schedule.take())
    }

    /// How many requests could be [taken](Self::take) now, one after the other; without end in a closed loop.
    pub fn due(&self, now: Nanos) -> u64 {
        let edge = match self.phase {
            Phase::Warmup => self.stretch.begin(),
            Phase::Counted => self.stretch.end(),
            Phase::Over => return 0,
        };
        match &self.schedule {
            // A request that is due at the edge itself belongs to the next phase.
            Some(schedule) if edge > 0 => schedule.due(now.min(edge - 1)),
            Some(_) => 0,
            None => u64::MAX,
        }
    }

    /// When something is to be done next if no reply comes: the next request of an open loop, or the next phase.
    pub fn next_moment(&self) -> Nanos {
        let edge = match self.phase {
            Phase::Warmup => self.stretch.begin(),
            Phase::Counted => self.stretch.end(),
            Phase::Over => Nanos::MAX,
        };
        self.schedule.as_ref().map_or(edge, |schedule| schedule.peek().min(edge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callbox_measure::plan::Rate;

    const STRETCH: Stretch = Stretch { warmup: 100, duration: 200 };

    fn open() -> Pacing {
        // One request each 10 ns.
        let shape = Shape::Open { rate: Rate::per_second(100_000_000), connections: 1 };
        Pacing::new(shape, STRETCH, 0, 1)
    }

    #[test]
    fn a_closed_loop_may_send_until_the_end() {
        let mut pacing = Pacing::new(Shape::Closed { connections: 1, window: 1 }, STRETCH, 0, 1);
        assert_eq!(pacing.advance(99), Phase::Warmup);
        assert_eq!((pacing.take(99), pacing.next_moment()), (Some(99), 100));
        assert_eq!(pacing.advance(100), Phase::Counted);
        assert_eq!((pacing.take(105), pacing.next_moment()), (Some(105), 300));
        assert_eq!(pacing.advance(300), Phase::Over);
        assert_eq!(pacing.take(300), None);
    }

    #[test]
    fn an_open_loop_sends_what_is_due_and_no_more() {
        let mut pacing = open();
        pacing.advance(25);
        let taken: Vec<_> = std::iter::from_fn(|| pacing.take(25)).collect();
        assert_eq!(taken, [0, 10, 20]);
        assert_eq!(pacing.next_moment(), 30);
    }

    #[test]
    fn a_late_generator_sends_the_warm_up_first_and_what_was_due_before_the_end_after_it() {
        let mut pacing = open();
        assert_eq!(pacing.advance(1000), Phase::Warmup);
        assert_eq!(pacing.due(1000), 10);
        assert_eq!(std::iter::from_fn(|| pacing.take(1000)).count(), 10);
        assert_eq!(pacing.advance(1000), Phase::Counted);
        assert_eq!(pacing.due(1000), 20);
        assert_eq!(pacing.take(1000), Some(100));
        assert_eq!(std::iter::from_fn(|| pacing.take(1000)).count(), 19);
        assert_eq!(pacing.advance(1000), Phase::Over);
        assert_eq!((pacing.due(1000), pacing.take(1000)), (0, None));
    }
}
