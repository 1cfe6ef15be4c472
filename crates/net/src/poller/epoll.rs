//! The poller by epoll(7): the kernel keeps the list of what is waited for, so a wait costs what has happened.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::{Event, LONGEST, place};

/// Events taken in one call. With 10,000 busy descriptors that is some 40 calls a round, and 3 KiB of memory.
const BATCH: usize = 256;

/// Descriptors that are waited for, level-triggered: what is ready and wanted is told every time.
///
/// A descriptor stays its owner's, who [removes](Self::remove) it before closing it.
pub struct Poller {
    epoll: OwnedFd,
    /// By the descriptor's number. Numbers are given out from the lowest, so the table is as long as what is open.
    watched: Vec<Option<Watched>>,
    /// Those that the kernel does not watch since they are always ready: files.
    always: Vec<i32>,
    batch: Vec<epoll::Event>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watched = self.watched.iter().flatten().count();
        f.debug_struct("Poller").field("watched", &watched).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Watched {
    token: u64,
    readable: bool,
    writable: bool,
    /// It is in `always`, not in `epoll`.
    always: bool,
}

impl Poller {
    /// Waits for nothing yet.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let batch = Vec::with_capacity(BATCH);
        Ok(Self { epoll, watched: Vec::new(), always: Vec::new(), batch })
    }

    /// Says what `fd` is waited for, and under which name it is told. Wanting neither takes it out altogether: a hang-up
    /// is told whether it is wanted or not, and would be told again and again. Saying the same twice costs nothing.
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
        let place = place(fd);
        if place >= self.watched.len() {
            self.watched.resize(place + 1, None);
        }
        let before = self.watched[place];
        let always = before.is_some_and(|before| before.always);
        let wanted = Watched { token, readable, writable, always };
        if before == Some(wanted) {
            return Ok(());
        }
        if always || self.tell(fd, wanted, before.is_some())? {
            self.watched[place] = Some(wanted);
        } else {
            self.always.push(fd.as_raw_fd());
            self.watched[place] = Some(Watched { always: true, ..wanted });
        }
        Ok(())
    }

    /// Waits for `fd` no longer.
    pub fn remove(&mut self, fd: BorrowedFd<'_>) {
        let Some(watched) = self.watched.get_mut(place(fd)).and_then(Option::take) else { return };
        if watched.always {
            self.always.retain(|&other| other != fd.as_raw_fd());
        } else {
            // It can only fail if the descriptor was closed before, and then the kernel has forgotten it.
            let _ = epoll::delete(&self.epoll, fd);
        }
    }

    /// `fd` is closed next, by an owner that has it alone, which takes it out of the kernel's list as well: as
    /// [`remove`](Self::remove), and one call less.
    pub fn forget(&mut self, fd: BorrowedFd<'_>) {
        match self.watched.get_mut(place(fd)) {
            Some(Some(watched)) if watched.always => self.remove(fd),
            Some(watched) => *watched = None,
            None => {}
        }
    }

    /// Waits until something is ready, for `timeout` at most (`None`: for ever), and puts it into `events` in place of what
    /// was there. Ends early, with nothing, when a signal was handled.
    pub fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let timeout = if self.always.is_empty() { timeout } else { Some(Duration::ZERO) };
        // A day and its nanoseconds fit whatever the system's types are.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout.min(LONGEST)).ok());
        self.batch.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.batch), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &self.batch {
            let flags = event.flags;
            let over = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            // The number stands for the place; a place that was left in the meantime tells nothing.
            let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            if let Some(watched) = self.watched.get(place).copied().flatten() {
                events.push(Event {
                    token: watched.token,
                    readable: watched.readable && (over || flags.contains(epoll::EventFlags::IN)),
                    writable: watched.writable && (over || flags.contains(epoll::EventFlags::OUT)),
                });
            }
        }
        for &fd in &self.always {
            if let Some(watched) = usize::try_from(fd).ok().and_then(|place| self.watched[place]) {
                let Watched { token, readable, writable, .. } = watched;
                events.push(Event { token, readable, writable });
            }
        }
        Ok(())
    }

    /// Tells the kernel. False means that it does not watch such a descriptor.
    fn tell(&self, fd: BorrowedFd<'_>, wanted: Watched, known: bool) -> io::Result<bool> {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, wanted.readable);
        flags.set(epoll::EventFlags::OUT, wanted.writable);
        let data = epoll::EventData::new_u64(place(fd) as u64);
        let result = if known {
            epoll::modify(&self.epoll, fd, data, flags)
        } else {
            epoll::add(&self.epoll, fd, data, flags)
        };
        match result {
            Ok(()) => Ok(true),
            // It was closed and another has its number, or the other way round: who forgot to remove it is forgiven.
            Err(Errno::NOENT) => {
                epoll::add(&self.epoll, fd, data, flags)?;
                Ok(true)
            }
            Err(Errno::EXIST) => {
                epoll::modify(&self.epoll, fd, data, flags)?;
                Ok(true)
            }
            Err(Errno::PERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
