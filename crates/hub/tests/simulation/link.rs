//! Chance, and one direction of a link: bytes come in order, late, in pieces of any size, and sometimes not for a while.

use std::time::Duration;

/// Numbers that a seed decides (SplitMix64).
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(1000 * from + self.next() % (1000 * (to - from)))
    }
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Link {
    latency: u64,
    /// When the last piece arrives; none overtakes it.
    last: Duration,
}

impl Link {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self { latency: [1, 20, 100, 400][chance.below(4)], last: Duration::ZERO }
    }

    /// The pieces in which `bytes`, sent at `now`, arrive, and when.
    pub(crate) fn carry<'a>(
        &mut self,
        mut bytes: &'a [u8],
        now: Duration,
        chance: &mut Chance,
    ) -> Vec<(Duration, &'a [u8])> {
        let mut pieces = Vec::new();
        if chance.once_in(200) {
            self.last = self.last.max(now) + chance.millis(500, 5_000);
        }
        while !bytes.is_empty() {
            let most = if chance.once_in(4) { 1 + chance.below(40) } else { bytes.len() };
            let (piece, rest) = bytes.split_at(most.min(bytes.len()));
            let arrival = now + chance.millis(self.latency, 2 * self.latency);
            self.last = self.last.max(arrival);
            pieces.push((self.last, piece));
            bytes = rest;
        }
        pieces
    }
}
