//! What waits for a password thread.
//!
//! Each address has a line of its own and the lines take turns, so an address that brings many jobs delays its own and
//! adds at most one job's time to those of any other.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Jobs by address, both counts capped.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// Whose turn it is, for each address that has a line.
    turns: VecDeque<IpAddr>,
    /// Never empty ones.
    lines: HashMap<IpAddr, VecDeque<T>>,
    len: usize,
    cap: usize,
}

impl<T> Queue<T> {
    /// A queue of at most `cap` jobs.
    pub(super) fn new(cap: usize) -> Self {
        Self { turns: VecDeque::new(), lines: HashMap::new(), len: 0, cap }
    }

    /// Puts `job` behind the others of `address`, or gives it back if there is no room or `share` of them already.
    pub(super) fn push(&mut self, address: IpAddr, share: usize, job: T) -> Result<(), T> {
        let waiting = self.lines.get(&address).map_or(0, VecDeque::len);
        if self.len >= self.cap || waiting >= share {
            return Err(job);
        }
        self.lines.entry(address).or_default().push_back(job);
        if waiting == 0 {
            self.turns.push_back(address);
        }
        self.len += 1;
        Ok(())
    }

    /// The next job.
    pub(super) fn pop(&mut self) -> Option<T> {
        let address = self.turns.pop_front()?;
        let line = self.lines.get_mut(&address)?;
        let job = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.len -= usize::from(job.is_some());
        job
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    fn drain<T>(queue: &mut Queue<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn addresses_take_turns() {
        let mut queue = Queue::new(100);
        for job in ["a1", "a2", "a3"] {
            queue.push(address(1), 10, job).unwrap();
        }
        queue.push(address(2), 10, "b1").unwrap();
        queue.push(address(3), 10, "c1").unwrap();
        assert_eq!(drain(&mut queue), ["a1", "b1", "c1", "a2", "a3"]);
    }

    #[test]
    fn an_address_has_its_share_and_the_queue_its_cap() {
        let mut queue = Queue::new(5);
        for job in 0..3 {
            queue.push(address(1), 3, job).unwrap();
        }
        assert_eq!(queue.push(address(1), 3, 9), Err(9));
        queue.push(address(2), 3, 3).unwrap();
        queue.push(address(2), 3, 4).unwrap();
        assert_eq!(queue.push(address(3), 3, 9), Err(9), "full");
        assert_eq!(queue.pop(), Some(0));
        queue.push(address(3), 3, 5).unwrap();
        assert_eq!(drain(&mut queue), [3, 1, 5, 4, 2]);
        assert!(queue.lines.is_empty() && queue.len == 0, "an empty line takes no memory");
    }
}
