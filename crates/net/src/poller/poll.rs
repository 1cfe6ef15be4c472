//! The poller by poll(2), which every Unix has: the list of what is waited for is handed over with each wait, so a wait costs
//! what is waited for.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::{Event, LONGEST, place};
use crate::ready;

/// Descriptors that are waited for, level-triggered: what is ready and wanted is told every time.
///
/// A descriptor stays its owner's, who [removes](Self::remove) it before closing it.
#[derive(Default)]
pub struct Poller {
    /// What poll(2) is asked, in no order.
    polled: Vec<libc::pollfd>,
    /// What the owner calls each of them.
    tokens: Vec<u64>,
    /// Where each stands in the two, by the descriptor's number. Numbers are given out from the lowest, so the table is as
    /// long as what is open.
    places: Vec<Option<usize>>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("watched", &self.polled.len()).finish_non_exhaustive()
    }
}

impl Poller {
    /// Waits for nothing yet. It cannot fail here; where the kernel keeps the list, it can.
    pub fn new() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// Says what `fd` is waited for, and under which name it is told. Wanting neither takes it out altogether: a hang-up
    /// is told whether it is wanted or not, and would be told again and again.
    pub fn set(
        &mut self,
        fd: BorrowedFd<'_>,
        token: u64,
        readable: bool,
        writable: bool,
    ) -> io::Result<()> {
        if !readable && !writable {
            self.remove(fd);
            return Ok(());
        }
        let events =
            if readable { libc::POLLIN } else { 0 } | if writable { libc::POLLOUT } else { 0 };
        let polled = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
        let number = place(fd);
        if number >= self.places.len() {
            self.places.resize(number + 1, None);
        }
        match self.places[number] {
            Some(at) => {
                self.polled[at] = polled;
                self.tokens[at] = token;
            }
            None => {
                self.places[number] = Some(self.polled.len());
                self.polled.push(polled);
                self.tokens.push(token);
            }
        }
        Ok(())
    }

    /// Waits for `fd` no longer.
    pub fn remove(&mut self, fd: BorrowedFd<'_>) {
        let Some(at) = self.places.get_mut(place(fd)).and_then(Option::take) else { return };
        self.polled.swap_remove(at);
        self.tokens.swap_remove(at);
        // The last one stands in its place now, unless it was the last.
        if let Some(moved) = self.polled.get(at) {
            let number = usize::try_from(moved.fd).unwrap_or(0);
            self.places[number] = Some(at);
        }
    }

    /// `fd` is closed next, by an owner that has it alone: as [`remove`](Self::remove), where the kernel keeps no list.
    pub fn forget(&mut self, fd: BorrowedFd<'_>) {
        self.remove(fd);
    }

    /// Waits until something is ready, for `timeout` at most (`None`: for ever), and puts it into `events` in place of what
    /// was there. Ends early, with nothing, when a signal was handled.
    pub fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        if !ready::poll_once(&mut self.polled, timeout.map(|timeout| timeout.min(LONGEST)))? {
            return Ok(());
        }
        for (polled, &token) in self.polled.iter().zip(&self.tokens) {
            // What cannot be polled (some systems' devices) is always ready, as a file is: its calls tell what is wrong.
            let over = polled.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
            let told =
                |wanted| polled.events & wanted != 0 && (over || polled.revents & wanted != 0);
            let (readable, writable) = (told(libc::POLLIN), told(libc::POLLOUT));
            if readable || writable {
                events.push(Event { token, readable, writable });
            }
        }
        Ok(())
    }
    /// As [`wait`](Self::wait), but never for longer than `timeout`, where that is rounded up to whole milliseconds: what
    /// is left below a millisecond is not waited for.
    pub fn wait_exactly(&mut self, events: &mut Vec<Event>, timeout: Duration) -> io::Result<()> {
        let whole = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.wait(events, Some(Duration::from_millis(whole)))
    }

    /// There are none here.
    #[cfg(test)]
    pub(super) fn do_without_newer_calls(&mut self) {}
}
