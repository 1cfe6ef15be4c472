//! Looking again before going to sleep.
//!
//! Waking a thread that sleeps on another core costs whoever wakes it an interrupt, on a virtual machine several
//! microseconds. A server whose peers come back sooner than that does both of them a favour by staying awake for a moment.
//! It does so only while things come that fast, so an idle server sleeps.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long to look before going to sleep, and how short a wait must have been for that to be worth it: some times the
/// cost of waking (5 to 20 microseconds), and short enough that a wrong guess is not noticed.
const PATIENCE: Duration = Duration::from_micros(50);

/// A wait that looks before it sleeps, when the last wait was short.
#[derive(Debug)]
pub(crate) struct Eager {
    last_wait: Duration,
}

impl Eager {
    pub(crate) const fn new() -> Self {
        Self { last_wait: Duration::MAX }
    }

    /// Gives what `look` finds without waiting, or else what `sleep` waits for. `memory` is lent to whichever runs.
    pub(crate) fn wait<M, T>(
        &mut self,
        memory: &mut M,
        mut look: impl FnMut(&mut M) -> io::Result<Option<T>>,
        sleep: impl FnOnce(&mut M) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut start = None;
        while self.last_wait < PATIENCE {
            let found = look(memory)?;
            // The clock is read only once there was nothing: a server that always finds something need not know it.
            let waited = start.get_or_insert_with(Instant::now).elapsed();
            if let Some(found) = found {
                self.last_wait = waited;
                return Ok(found);
            }
            if waited >= PATIENCE {
                break;
            }
            // Whoever shares the core with us may be the very peer that we wait for.
            thread::yield_now();
        }
        let start = start.unwrap_or_else(Instant::now);
        let found = sleep(memory)?;
        self.last_wait = start.elapsed();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits once, with `looks` that find nothing before one finds something. Gives how often it looked and slept.
    fn wait(eager: &mut Eager, looks: u32) -> (u32, u32) {
        let mut counts = (0, 0);
        let look = |counts: &mut (u32, u32)| {
            counts.0 += 1;
            Ok((counts.0 > looks).then_some(()))
        };
        let sleep = |counts: &mut (u32, u32)| {
            counts.1 += 1;
            Ok(())
        };
        eager.wait(&mut counts, look, sleep).unwrap();
        counts
    }

    #[test]
    fn who_has_not_waited_yet_sleeps() {
        assert_eq!(wait(&mut Eager::new(), 0), (0, 1));
    }

    #[test]
    fn after_a_short_wait_it_looks_and_finds() {
        let mut eager = Eager { last_wait: Duration::ZERO };
        assert_eq!(wait(&mut eager, 0), (1, 0));
    }

    #[test]
    fn looking_in_vain_ends_in_sleep() {
        let mut eager = Eager { last_wait: Duration::ZERO };
        let (looked, slept) = wait(&mut eager, u32::MAX);
        assert!(looked >= 1);
        assert_eq!(slept, 1);
    }

    #[test]
    fn after_a_long_wait_it_does_not_look() {
        let mut eager = Eager { last_wait: PATIENCE };
        assert_eq!(wait(&mut eager, 0), (0, 1));
    }
}
