//! How far a run is, as a worker has to know, and what its lanes came to at the end.

use callbox_measure::lane::Lane;
use callbox_measure::report::Counts;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing counts yet.
    #[default]
    Warmup,
    /// What is sent counts.
    Counted,
    /// Nothing more is sent.
    Over,
}

impl Stage {
    pub(crate) fn start_counting(&mut self) {
        *self = Self::Counted;
    }

    /// The frame says so before the first request, too.
    pub(crate) fn stop_counting(&mut self) {
        if *self == Self::Counted {
            *self = Self::Over;
        }
    }
}

/// What a lane came to. What it still waits for is lost, or, if the run was stopped early, withdrawn.
pub(crate) fn settle(lane: &mut Lane, stopped: bool) -> Counts {
    match stopped {
        true => lane.ledger_mut().withdraw_all(),
        false => {
            lane.ledger_mut().give_up_all();
        }
    }
    Counts::of(lane.ledger().counts(), 0)
}
