//! What a bad network does to each datagram: decided by its direction and its number alone.
//!
//! The decision is a pure function of the seed, so that a failing test fails again: it does not
//! depend on when a thread ran.

use std::time::Duration;

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a client to the server.
    Request,
    /// From the server to a client.
    Reply,
}

/// The faults of a relay. Start from `Faults::default()`, which has none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The share of datagrams that are lost, 0 to 1.
    pub loss: f64,
    /// The share that arrives twice.
    pub duplicate: f64,
    /// The share that is held back until the next datagram of its client has passed it.
    pub reorder: f64,
    /// Each datagram is delayed by a random time below this.
    pub max_delay: Duration,
    /// What the random numbers grow from.
    pub seed: u64,
    /// What happens to single datagrams beyond that; the methods fill it.
    pub exact: Vec<(Direction, usize, Exact)>,
}

/// What can be ordered for one datagram.
#[derive(Clone, Copy, Debug)]
pub enum Exact {
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It comes this much later.
    Delay(Duration),
    /// It is held back until the next one of its client has passed it.
    Hold,
}

/// What happens to one datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) lost: bool,
    pub(crate) duplicated: bool,
    pub(crate) held: bool,
    pub(crate) delay: Duration,
}

impl Faults {
    /// Loses exactly the datagram of this number, counted from 0 in each direction.
    pub fn drop_exactly(self, direction: Direction, number: usize) -> Self {
        self.exactly(direction, number, Exact::Drop)
    }

    /// Delivers exactly this datagram twice.
    pub fn duplicate_exactly(self, direction: Direction, number: usize) -> Self {
        self.exactly(direction, number, Exact::Duplicate)
    }

    /// Delays exactly this datagram.
    pub fn delay_exactly(self, direction: Direction, number: usize, delay: Duration) -> Self {
        self.exactly(direction, number, Exact::Delay(delay))
    }

    /// Swaps exactly this datagram with the next one.
    pub fn hold_exactly(self, direction: Direction, number: usize) -> Self {
        self.exactly(direction, number, Exact::Hold)
    }

    fn exactly(mut self, direction: Direction, number: usize, what: Exact) -> Self {
        self.exact.push((direction, number, what));
        self
    }

    /// What happens to the datagram of this number.
    pub(crate) fn fate(&self, direction: Direction, number: usize) -> Fate {
        let way = match direction {
            Direction::Request => 0,
            Direction::Reply => 1 << 63,
        };
        let mut random = SplitMix(self.seed ^ mixed(number as u64 ^ way));
        let mut fate = Fate {
            lost: random.share() < self.loss,
            duplicated: random.share() < self.duplicate,
            held: random.share() < self.reorder,
            delay: self.max_delay.mul_f64(random.share()),
        };
        for &(_, _, what) in self.exact.iter().filter(|e| (e.0, e.1) == (direction, number)) {
            match what {
                Exact::Drop => fate.lost = true,
                Exact::Duplicate => fate.duplicated = true,
                Exact::Delay(delay) => fate.delay = delay,
                Exact::Hold => fate.held = true,
            }
        }
        fate
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and good enough to shuffle datagrams.
struct SplitMix(u64);

impl SplitMix {
    /// A random number from 0 up to and without 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // The 53 bits that an f64 can hold.
        (mixed(self.0) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_faults_are_the_default() {
        for number in 0..1000 {
            assert_eq!(Faults::default().fate(Direction::Request, number), Fate::default());
        }
    }

    #[test]
    fn shares_are_kept_and_the_directions_differ() {
        let faults = Faults { loss: 0.3, duplicate: 0.1, seed: 7, ..Faults::default() };
        let fates = |direction| (0..10_000).map(move |number| (direction, number));
        let lost = |d| fates(d).filter(|&(d, n)| faults.fate(d, n).lost).count();
        assert!((2_800..3_200).contains(&lost(Direction::Request)));
        assert!((2_800..3_200).contains(&lost(Direction::Reply)));
        let same = (0..10_000).filter(|&n| {
            faults.fate(Direction::Request, n).lost == faults.fate(Direction::Reply, n).lost
        });
        assert!(same.count() < 7_000);
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let faults = |seed| Faults { loss: 0.5, seed, ..Faults::default() };
        let losses = |seed| -> Vec<bool> {
            (0..64).map(|number| faults(seed).fate(Direction::Reply, number).lost).collect()
        };
        assert_eq!(losses(1), losses(1));
        assert_ne!(losses(1), losses(2));
    }

    #[test]
    fn exact_faults_hit_their_datagram_only() {
        let faults = Faults::default().drop_exactly(Direction::Reply, 2);
        assert!(faults.fate(Direction::Reply, 2).lost);
        assert!(!faults.fate(Direction::Reply, 1).lost);
        assert!(!faults.fate(Direction::Request, 2).lost);
    }
}
