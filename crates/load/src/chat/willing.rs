//! The talkers that may have room for another line.

use std::collections::VecDeque;

/// Talkers in the order in which they became willing, each once: however many lines are done before somebody asks, there
/// are no more entries than talkers.
#[derive(Debug)]
pub(super) struct Willing {
    queue: VecDeque<usize>,
    /// By talker.
    is_in: Box<[bool]>,
}

impl Willing {
    /// All of so many talkers.
    pub(super) fn all(talkers: usize) -> Self {
        Self { queue: (0..talkers).collect(), is_in: vec![true; talkers].into() }
    }

    /// A client may have room; who is no talker is passed over.
    #[inline]
    pub(super) fn add(&mut self, client: usize) {
        if let Some(is_in) = self.is_in.get_mut(client)
            && !std::mem::replace(is_in, true)
        {
            self.queue.push_back(client);
        }
    }

    /// Every talker may have room.
    pub(super) fn add_all(&mut self) {
        (0..self.is_in.len()).for_each(|talker| self.add(talker));
    }

    /// The next one, who is no longer among them.
    pub(super) fn next(&mut self) -> Option<usize> {
        let talker = self.queue.pop_front()?;
        self.is_in[talker] = false;
        Some(talker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_talker_is_in_it_once_however_often_it_is_added() {
        let mut willing = Willing::all(3);
        for client in [2, 0, 2, 7] {
            willing.add(client);
        }
        willing.add_all();
        assert_eq!(willing.queue.len(), 3);
        assert_eq!(std::iter::from_fn(|| willing.next()).collect::<Vec<_>>(), [0, 1, 2]);
        for client in [2, 2, 0, 7] {
            willing.add(client);
        }
        assert_eq!(std::iter::from_fn(|| willing.next()).collect::<Vec<_>>(), [2, 0]);
    }
}
