//! Clients that only count what they hear.
//!
//! To read and check every delivery costs about as much as to make it, so a load that does can keep one processor of a
//! server busy and no more. What comes to these clients is not waited for: it is read in large pieces every few
//! milliseconds, and its lines are counted.

use std::ops::Range;

use callbox_measure::Nanos;

/// The time between two reads of one client: long, for large pieces, and short enough that no receive buffer fills.
const EVERY: Nanos = 10_000_000;

/// In how many parts the clients are read: those that are waited for do not wait for all of them.
const PARTS: usize = 8;

/// Whose turn it is to be read, and when.
#[derive(Debug)]
pub(super) struct Sweep {
    clients: Range<usize>,
    next: usize,
    due: Nanos,
}

impl Sweep {
    /// Of these clients; of none it is never due.
    pub(super) fn new(clients: Range<usize>) -> Self {
        let due = if clients.is_empty() { Nanos::MAX } else { 0 };
        Self { next: clients.start, clients, due }
    }

    /// When the next part is due.
    pub(super) fn due(&self) -> Nanos {
        self.due
    }

    /// The clients that are to be read now, if it is time to.
    pub(super) fn take(&mut self, now: Nanos) -> Option<Range<usize>> {
        if now < self.due {
            return None;
        }
        // What was missed is not made up for: the pieces are larger then.
        self.due = now.saturating_add(EVERY / PARTS as Nanos);
        let first = if self.next < self.clients.end { self.next } else { self.clients.start };
        let length = self.clients.len().div_ceil(PARTS);
        self.next = first.saturating_add(length).min(self.clients.end);
        Some(first..self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_turn_once_in_a_while() {
        let mut sweep = Sweep::new(3..23);
        let (mut now, mut turns) = (0, Vec::new());
        while now < EVERY {
            turns.extend(sweep.take(now).expect("it is time"));
            assert_eq!(sweep.take(now), None);
            now = sweep.due();
        }
        turns.sort_unstable();
        turns.dedup();
        assert_eq!(turns, (3..23).collect::<Vec<_>>());
    }

    #[test]
    fn of_nobody_it_is_never_due() {
        let mut sweep = Sweep::new(5..5);
        assert_eq!((sweep.due(), sweep.take(Nanos::MAX - 1)), (Nanos::MAX, None));
    }
}
