//! The loop in which requests are sent, over how many connections, and for how long.

use thiserror::Error;

use super::Rate;
use crate::{Nanos, SECOND};

/// Who decides when the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The server: a reply brings the next request. It shows what a server can do, but while the server stalls nothing
    /// is asked, so only the few requests on their way feel it.
    Closed {
        /// How many sockets send, over all threads.
        connections: usize,
        /// How many requests each of them has on their way.
        window: usize,
    },
    /// The clock: requests come at a rate whatever the server does, as those of many independent clients would.
    Open {
        /// How many requests a second, over all sockets.
        rate: Rate,
        /// How many sockets share them.
        connections: usize,
    },
}

impl Shape {
    /// The most connections: as many as an address has ports.
    pub const MAX_CONNECTIONS: usize = 65_536;

    /// The most requests that one connection has on their way, so that the record of them stays within 9 MiB.
    pub const MAX_WINDOW: usize = 65_536;

    /// The most requests that all connections together have on their way: eight full windows. Each takes up to 256 bytes of
    /// the record, 128 MiB in all.
    pub const MAX_ON_THE_WAY: usize = 8 * Self::MAX_WINDOW;

    /// Checks the numbers of a shape.
    pub fn check(self) -> Result<Self, ShapeError> {
        if !(1..=Self::MAX_CONNECTIONS).contains(&self.connections()) {
            return Err(ShapeError::Connections);
        }
        match self {
            Self::Closed { window, .. } if !(1..=Self::MAX_WINDOW).contains(&window) => {
                Err(ShapeError::Window)
            }
            Self::Closed { connections, window } if connections * window > Self::MAX_ON_THE_WAY => {
                Err(ShapeError::OnTheWay)
            }
            shape => Ok(shape),
        }
    }

    /// How many sockets send.
    pub fn connections(&self) -> usize {
        match *self {
            Self::Closed { connections, .. } | Self::Open { connections, .. } => connections,
        }
    }

    /// How many requests may be on their way on one connection at the same time.
    ///
    /// In a closed loop that is the window. In an open loop it is what comes due before the first is given up, with a
    /// quarter more, for then a server may be silent and every request is still sent at its time. What goes beyond
    /// that, [`Shape::MAX_WINDOW`] or [`Shape::MAX_ON_THE_WAY`] waits to be sent, and its latency counts from its intended
    /// time all the same.
    pub fn limit(&self, lost_after: Nanos) -> usize {
        match *self {
            Self::Closed { window, .. } => window.clamp(1, Self::MAX_WINDOW),
            Self::Open { rate, connections } => {
                let all = u128::from(rate.thousandths()) * u128::from(lost_after)
                    / (1000 * u128::from(SECOND));
                let each = all / connections.max(1) as u128;
                let each = usize::try_from(each + each / 4).unwrap_or(usize::MAX);
                let most = (Self::MAX_ON_THE_WAY / connections.max(1)).min(Self::MAX_WINDOW);
                each.min(most).max(Self::MIN_OPEN_LIMIT)
            }
        }
    }

    /// At low rates a few more may be on their way than the rate alone would give, for requests may bunch.
    const MIN_OPEN_LIMIT: usize = 16;
}

/// Why the numbers of a shape cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// None, or too many.
    #[error("there are between 1 and {} connections", Shape::MAX_CONNECTIONS)]
    Connections,
    /// None, or too many.
    #[error("a window is between 1 and {} requests", Shape::MAX_WINDOW)]
    Window,
    /// Each of the two may be, but not both.
    #[error(
        "at most {} requests are on their way together: choose a smaller window, or fewer connections or talkers",
        Shape::MAX_ON_THE_WAY
    )]
    OnTheWay,
}

/// How long a run lasts: a beginning that is not counted, and what is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The time before anything counts, in which caches fill and connections grow.
    pub warmup: Nanos,
    /// The time that counts.
    pub duration: Nanos,
}

/// Where in its stretch a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Requests are sent, and not counted.
    Warmup,
    /// Requests are sent and counted.
    Counted,
    /// No more requests are sent; replies to those that count still do.
    Over,
}

impl Stretch {
    /// When a request that is still without a reply counts as lost, unless the user says otherwise: longer than any
    /// stall that one would want to see in the latencies instead.
    pub const LOST_AFTER: Nanos = SECOND;

    /// When counting begins.
    pub fn begin(&self) -> Nanos {
        self.warmup
    }

    /// When the last request has been sent.
    pub fn end(&self) -> Nanos {
        self.warmup.saturating_add(self.duration)
    }

    /// The phase of a moment. In an open loop the moment asked about is the intended time of a request.
    pub fn phase(&self, at: Nanos) -> Phase {
        match at {
            at if at < self.begin() => Phase::Warmup,
            at if at < self.end() => Phase::Counted,
            _ => Phase::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_loop_has_its_window_on_the_way_and_an_open_one_what_comes_due_meanwhile() {
        let closed = Shape::Closed { connections: 8, window: 32 };
        assert_eq!(closed.limit(SECOND), 32);
        let open = Shape::Open { rate: Rate::per_second(80_000), connections: 8 };
        assert_eq!(open.limit(SECOND), 12_500);
        let slow = Shape::Open { rate: Rate::MIN, connections: 8 };
        assert_eq!(slow.limit(SECOND), 16);
        let fast = Shape::Open { rate: Rate::MAX, connections: 1 };
        assert_eq!(fast.limit(Nanos::MAX), Shape::MAX_WINDOW);
        let many = Shape::Open { rate: Rate::MAX, connections: 65_536 };
        assert_eq!(many.limit(Nanos::MAX), Shape::MIN_OPEN_LIMIT);
        let some = Shape::Open { rate: Rate::MAX, connections: 1024 };
        assert_eq!(some.limit(SECOND), 512);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let closed = |connections, window| Shape::Closed { connections, window }.check().err();
        assert_eq!(closed(1, 1), None);
        assert_eq!(closed(0, 1), Some(ShapeError::Connections));
        assert_eq!(closed(65_537, 1), Some(ShapeError::Connections));
        assert_eq!(closed(1, 0), Some(ShapeError::Window));
        assert_eq!(closed(1, 65_537), Some(ShapeError::Window));
        assert_eq!((closed(8, 65_536), closed(65_536, 8)), (None, None));
        assert_eq!(closed(65_536, 9), Some(ShapeError::OnTheWay));
        let open = Shape::Open { rate: Rate::MIN, connections: 0 };
        assert_eq!(open.check(), Err(ShapeError::Connections));
    }

    #[test]
    fn the_warm_up_comes_before_what_counts() {
        let stretch = Stretch { warmup: SECOND, duration: 2 * SECOND };
        assert_eq!(stretch.phase(SECOND - 1), Phase::Warmup);
        assert_eq!(stretch.phase(SECOND), Phase::Counted);
        assert_eq!(stretch.phase(3 * SECOND - 1), Phase::Counted);
        assert_eq!(stretch.phase(3 * SECOND), Phase::Over);
        let endless = Stretch { warmup: SECOND, duration: Nanos::MAX };
        assert_eq!(endless.phase(Nanos::MAX - 1), Phase::Counted);
    }
}
