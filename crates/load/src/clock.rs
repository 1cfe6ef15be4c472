//! The clock of a run.

use std::time::{Duration, Instant};

use callbox_measure::Nanos;

/// Reads the time as nanoseconds since a run began. All threads of a run have the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that reads 0 at `begin`, and before it.
    pub fn since(begin: Instant) -> Self {
        Self(begin)
    }

    /// Now.
    #[inline]
    pub fn now(self) -> Nanos {
        Nanos::try_from(self.0.elapsed().as_nanos()).unwrap_or(Nanos::MAX)
    }

    /// How long it is until a moment; nothing if it has passed.
    #[inline]
    pub fn until(self, moment: Nanos) -> Duration {
        Duration::from_nanos(moment.saturating_sub(self.now()))
    }
}
