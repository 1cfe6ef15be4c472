//! What became of tickets: the store tells each thread, and may tell it before the thread hears of the ticket.

use std::collections::VecDeque;

use super::inbox::Fate;

/// Lost tickets remembered: far more than can be on their way at a time.
const LOST: usize = 64;

/// The tickets that one thread has heard of.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// The greatest that is kept.
    kept: u64,
    /// The last ones that are lost.
    lost: VecDeque<u64>,
}

impl Tickets {
    /// The store has told this.
    pub(super) fn note(&mut self, fate: Fate) {
        match fate {
            Fate::Kept(ticket) => self.kept = self.kept.max(ticket),
            Fate::Lost(ticket) => {
                self.lost.push_back(ticket);
                if self.lost.len() > LOST {
                    self.lost.pop_front();
                }
            }
        }
    }

    /// What is known of `ticket`; nothing, while it is under way.
    pub(super) fn fate(&self, ticket: u64) -> Option<Fate> {
        if self.lost.contains(&ticket) {
            return Some(Fate::Lost(ticket));
        }
        (ticket <= self.kept).then_some(Fate::Kept(ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_not_kept_by_what_comes_after_it() {
        let mut tickets = Tickets::default();
        tickets.note(Fate::Kept(3));
        tickets.note(Fate::Lost(5));
        tickets.note(Fate::Kept(6));
        assert!(matches!(tickets.fate(3), Some(Fate::Kept(3))));
        assert!(matches!(tickets.fate(5), Some(Fate::Lost(5))));
        assert!(matches!(tickets.fate(6), Some(Fate::Kept(6))));
        assert!(tickets.fate(7).is_none());
    }
}
