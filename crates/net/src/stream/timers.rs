//! Deadlines of connections.
//!
//! All deadlines of one kind lie equally far ahead of the moment they are set, so each kind is a queue that is in order
//! by itself: no heap, no wheel. A deadline that was put off is found out when it comes up, and queued again.

use std::collections::VecDeque;
use std::time::Duration;

/// A queue of deadlines that all lie `after` ahead.
#[derive(Debug)]
pub(super) struct Timers {
    after: Duration,
    queue: VecDeque<Deadline>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    /// When it is due, since the server's start.
    pub(super) at: Duration,
    /// The connection's place.
    pub(super) key: usize,
    /// Which of the connections that had this place it is.
    pub(super) serial: u64,
}

impl Timers {
    pub(super) const fn new(after: Duration) -> Self {
        Self { after, queue: VecDeque::new() }
    }

    pub(super) const fn after(&self) -> Duration {
        self.after
    }

    /// Sets a deadline for something that last happened at `since`.
    pub(super) fn set(&mut self, since: Duration, key: usize, serial: u64) {
        self.queue.push_back(Deadline { at: since + self.after, key, serial });
    }

    /// The next deadline that is due.
    pub(super) fn due(&mut self, now: Duration) -> Option<Deadline> {
        self.queue
            .front()
            .is_some_and(|first| first.at <= now)
            .then(|| self.queue.pop_front())
            .flatten()
    }

    /// The earliest deadline, whether it is due or not.
    pub(super) fn first(&mut self) -> Option<Deadline> {
        self.queue.pop_front()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.queue.front().map(|first| first.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn deadlines_come_up_in_order_and_not_early() {
        let mut timers = Timers::new(seconds(60));
        timers.set(seconds(1), 7, 1);
        timers.set(seconds(2), 8, 2);
        assert_eq!(timers.next(), Some(seconds(61)));
        assert_eq!(timers.due(seconds(60)), None);
        assert_eq!(timers.due(seconds(62)).map(|d| d.key), Some(7));
        assert_eq!(timers.due(seconds(62)).map(|d| d.key), Some(8));
        assert_eq!(timers.due(seconds(62)), None);
        assert_eq!(timers.next(), None);
    }
}
