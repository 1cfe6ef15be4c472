//! Waiting for sockets until a moment.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Duration;

use callbox_measure::Nanos;
use callbox_net::poller::{Event, Poller};

use crate::clock::Clock;
use crate::outcome::LoadError;

/// What a thread waits for. A descriptor stays its owner's, who removes it before closing it.
#[derive(Debug)]
pub struct Waiter {
    poller: Poller,
}

impl Waiter {
    /// Waits for nothing yet.
    ///
    /// # Errors
    ///
    /// The system has no more descriptors.
    pub fn new() -> Result<Self, LoadError> {
        let poller = Poller::new().map_err(LoadError::system("cannot wait for sockets"))?;
        Ok(Self { poller })
    }

    /// Says what `fd` is waited for, and under which name it is told. Saying the same twice costs nothing.
    ///
    /// # Errors
    ///
    /// The system does not watch it.
    pub fn set(
        &mut self,
        fd: BorrowedFd<'_>,
        token: u64,
        readable: bool,
        writable: bool,
    ) -> Result<(), LoadError> {
        let set = self.poller.set(fd, token, readable, writable);
        set.map_err(LoadError::system("cannot wait for a socket"))
    }

    /// Waits for `fd` no longer.
    pub fn remove(&mut self, fd: BorrowedFd<'_>) {
        self.poller.remove(fd);
    }

    /// `fd` is closed next, by an owner that has it alone: as [`remove`](Self::remove), and one call less.
    pub fn forget(&mut self, fd: BorrowedFd<'_>) {
        self.poller.forget(fd);
    }

    /// Waits until something is ready, or it is `until`, and puts what is ready into `events` in place of what was there.
    /// It never comes back late by more than the system's scheduler makes it, and comes back early, with nothing, when a
    /// signal was handled.
    ///
    /// # Errors
    ///
    /// Those of the system's call.
    pub fn wait(
        &mut self,
        clock: Clock,
        until: Nanos,
        events: &mut Vec<Event>,
    ) -> Result<(), LoadError> {
        loop {
            let left = clock.until(until);
            let asked = Duration::from_millis(left.as_millis().try_into().unwrap_or(u64::MAX));
            let waited = self.poller.wait(events, Some(asked));
            waited.map_err(LoadError::system("cannot wait for sockets"))?;
            if !events.is_empty() || !asked.is_zero() || left.is_zero() {
                return Ok(());
            }
            thread::yield_now();
        }
    }
}
