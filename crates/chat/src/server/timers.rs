//! Deadlines of connections: one for each, at any moment.
//!
//! A connection knows its several deadlines itself; here stands the soonest of them. The heap knows where in it each
//! connection's entry is, so an entry is moved or removed and never left behind: a peer that connects and goes, again and
//! again, leaves nothing.

use std::time::Duration;

/// No place in the heap.
const NONE: u32 = u32::MAX;

/// A heap of deadlines, at most one for each slot.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<(Duration, u32)>,
    /// Where in the heap each slot's entry is.
    places: Vec<u32>,
}

impl Timers {
    /// Sets the deadline of `slot`, in place of the one it had; `None` removes it.
    pub(super) fn set(&mut self, slot: u32, at: Option<Duration>) {
        let index = slot as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, NONE);
        }
        let place = self.places[index];
        match (at, place) {
            (None, NONE) => {}
            (None, place) => self.remove(place as usize),
            (Some(at), NONE) => {
                self.heap.push((at, slot));
                self.settle(self.heap.len() - 1);
            }
            (Some(at), place) => {
                if self.heap[place as usize].0 != at {
                    self.heap[place as usize].0 = at;
                    self.settle(place as usize);
                }
            }
        }
    }

    /// The soonest deadline.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.first().map(|&(at, _)| at)
    }

    /// Takes out a slot whose deadline has come.
    pub(super) fn due(&mut self, now: Duration) -> Option<u32> {
        let &(at, slot) = self.heap.first()?;
        (at <= now).then(|| {
            self.remove(0);
            slot
        })
    }

    fn remove(&mut self, place: usize) {
        let (_, slot) = self.heap.swap_remove(place);
        self.places[slot as usize] = NONE;
        if place < self.heap.len() {
            self.settle(place);
        }
    }

    /// Moves the entry at `place` to where it belongs.
    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.heap[place] < self.heap[(place - 1) / 2] {
            self.heap.swap(place, (place - 1) / 2);
            self.note(place);
            place = (place - 1) / 2;
        }
        while let Some(child) = self.lesser_child(place)
            && self.heap[child] < self.heap[place]
        {
            self.heap.swap(place, child);
            self.note(place);
            place = child;
        }
        self.note(place);
    }

    fn lesser_child(&self, place: usize) -> Option<usize> {
        let left = 2 * place + 1;
        let right = left + 1;
        let lesser = if right < self.heap.len() && self.heap[right] < self.heap[left] {
            right
        } else {
            left
        };
        (left < self.heap.len()).then_some(lesser)
    }

    fn note(&mut self, place: usize) {
        // There are never 2³² connections: a slot has 24 bits.
        self.places[self.heap[place].1 as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_of_settings_is_that_of_a_sorted_list(
            steps in prop::collection::vec((0u32..12, prop::option::of(0u64..40)), 0..100),
            now in 0u64..40,
        ) {
            let mut timers = Timers::default();
            let mut expected = std::collections::BTreeMap::new();
            for (slot, at) in steps {
                timers.set(slot, at.map(Duration::from_secs));
                match at {
                    Some(at) => expected.insert(slot, at),
                    None => expected.remove(&slot),
                };
                let next = expected.values().min().copied().map(Duration::from_secs);
                prop_assert_eq!(timers.next(), next);
            }
            while let Some(slot) = timers.due(Duration::from_secs(now)) {
                let soonest = expected.values().min().copied();
                let at = expected.remove(&slot);
                prop_assert_eq!(at, soonest);
                prop_assert!(at.is_some_and(|at| at <= now));
            }
            prop_assert!(expected.values().all(|&at| at > now));
        }
    }
}
