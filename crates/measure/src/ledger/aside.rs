//! The requests of a ledger whose place in the ring was taken over by later ones.
//!
//! There are few of them, for most requests have their reply by then. Both lists are kept in the order of numbers, in
//! which they are filled almost always, so that one is found by halving.

use std::collections::VecDeque;

use super::Slot;
use crate::Nanos;

/// Requests that still wait.
#[derive(Debug)]
pub(super) struct Aside(VecDeque<(u64, Slot)>);

impl Aside {
    /// Room for as many as may wait in all.
    pub(super) fn new(limit: usize) -> Self {
        Self(VecDeque::with_capacity(limit))
    }

    pub(super) fn add(&mut self, seq: u64, slot: Slot) {
        // Places of the ring are taken over in the order of numbers.
        self.0.push_back((seq, slot));
    }

    #[inline]
    pub(super) fn first(&self) -> Option<(u64, Slot)> {
        self.0.front().copied()
    }

    pub(super) fn take_first(&mut self) -> Option<u64> {
        self.0.pop_front().map(|(seq, _)| seq)
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<Slot> {
        let index = self.0.binary_search_by_key(&seq, |&(seq, _)| seq).ok()?;
        self.0.remove(index).map(|(_, slot)| slot)
    }

    pub(super) fn left(&mut self, seq: u64, at: Nanos) {
        if let Ok(index) = self.0.binary_search_by_key(&seq, |&(seq, _)| seq) {
            self.0[index].1.sent_at = at;
        }
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|&(seq, _)| seq)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The numbers of requests that were given up.
#[derive(Debug)]
pub(super) struct Remembered {
    numbers: VecDeque<u64>,
    most: usize,
}

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Self { numbers: VecDeque::with_capacity(most), most }
    }

    /// Remembers one more; at the limit the earliest is forgotten.
    pub(super) fn add(&mut self, seq: u64) {
        if self.numbers.len() == self.most {
            self.numbers.pop_front();
        }
        let index = self.numbers.partition_point(|&other| other < seq);
        self.numbers.insert(index, seq);
    }

    /// Whether it is remembered; from now on it is not.
    pub(super) fn remove(&mut self, seq: u64) -> bool {
        match self.numbers.binary_search(&seq) {
            Ok(index) => self.numbers.remove(index).is_some(),
            Err(_) => false,
        }
    }
}
