//! What a run is to do, and on how many threads.

use std::ops::Range;

use callbox_measure::Nanos;
use callbox_measure::plan::{Shape, Stretch};

/// What a run is to do: one stretch under one load. A climb is one run for each of its rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who decides when a request is sent, and over how many connections.
    pub shape: Shape,
    /// What is not counted, and what is.
    pub stretch: Stretch,
    /// When a request without a reply is given up.
    pub lost_after: Nanos,
    /// How many threads share the connections; never more than there are connections.
    pub threads: usize,
    /// What all chance comes from.
    pub seed: u64,
    /// How large the sockets' buffers are to be, in bytes; `None` leaves them as the system makes them.
    pub buffers: Option<usize>,
}

impl Plan {
    /// The most threads: more than any machine has processors for.
    pub const MAX_THREADS: usize = 1024;

    /// How many threads are started.
    pub fn crew(&self) -> usize {
        self.threads.clamp(1, Self::MAX_THREADS).min(self.shape.connections().max(1))
    }

    /// The connections of thread `index`, by number: each thread has as many as the others, or one more.
    pub fn connections_of(&self, index: usize) -> Range<usize> {
        let (all, crew) = (self.shape.connections(), self.crew());
        index * all / crew..(index + 1) * all / crew
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_the_connections_evenly_and_none_is_idle() {
        let plan = |connections, threads| Plan {
            shape: Shape::Closed { connections, window: 1 },
            stretch: Stretch { warmup: 0, duration: 1 },
            lost_after: 1,
            threads,
            seed: 0,
            buffers: None,
        };
        let shares = |connections, threads| {
            let plan = plan(connections, threads);
            (0..plan.crew()).map(|index| plan.connections_of(index)).collect::<Vec<_>>()
        };
        assert_eq!(shares(1, 1), vec![0..1; 1]);
        assert_eq!(shares(8, 3), [0..2, 2..5, 5..8]);
        assert_eq!(shares(2, 9), [0..1, 1..2]);
    }
}
