//! The poller by epoll(7): the kernel keeps the list of what is waited for, so a wait costs what has happened.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
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
    /// The system has no call that waits to the nanosecond.
    rounds: bool,
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
        Ok(Self { epoll, watched: Vec::new(), always: Vec::new(), batch, rounds: false })
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
        let timeout = if self.always.is_empty() { timeout } else { Some(Duration::ZERO) };
        // A day and its nanoseconds fit whatever the system's types are.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout.min(LONGEST)).ok());
        self.batch.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.batch), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.tell_owner(events);
        Ok(())
    }

    /// As [`wait`](Self::wait), which rounds up to whole milliseconds, but to the nanosecond, as far as the system's timers
    /// go: [`exact_timers`](super::exact_timers) says how far.
    pub fn wait_exactly(&mut self, events: &mut Vec<Event>, timeout: Duration) -> io::Result<()> {
        if self.rounds || timeout.is_zero() || !self.always.is_empty() {
            return self.wait_with_poll(events, timeout);
        }
        self.batch.clear();
        match wait_to_the_nanosecond(&self.epoll, &mut self.batch, timeout.min(LONGEST)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Before Linux 5.11, or where a sandbox does not know the call.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                self.rounds = true;
                return self.wait_with_poll(events, timeout);
            }
            Err(error) => return Err(error),
        }
        self.tell_owner(events);
        Ok(())
    }

    /// As on a system that has no `epoll_pwait2`.
    #[cfg(test)]
    pub(super) fn do_without_newer_calls(&mut self) {
        self.rounds = true;
    }

    /// The same with a call more: ppoll(2), which is exact as well, waits for epoll itself.
    fn wait_with_poll(&mut self, events: &mut Vec<Event>, timeout: Duration) -> io::Result<()> {
        if !timeout.is_zero() && self.always.is_empty() {
            let timeout = Timespec::try_from(timeout.min(LONGEST)).ok();
            let epoll = PollFd::new(&self.epoll, PollFlags::IN);
            match poll(&mut [epoll], timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.wait(events, Some(Duration::ZERO))
    }

    /// Puts what has happened into `events` in place of what was there.
    fn tell_owner(&self, events: &mut Vec<Event>) {
        events.clear();
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

/// `epoll_pwait2`, which rustix leaves out where a timeout fits another call in milliseconds. The events are added to those
/// in `batch`.
fn wait_to_the_nanosecond(
    epoll: &OwnedFd,
    batch: &mut Vec<epoll::Event>,
    timeout: Duration,
) -> io::Result<()> {
    // __kernel_timespec, which has 64 bits for both wherever it runs; a day fits.
    let timeout = [timeout.as_secs() as i64, i64::from(timeout.subsec_nanos())];
    let spare = batch.spare_capacity_mut();
    // SAFETY: epoll's Event is laid out as epoll_event, which rustix promises by handing it to the kernel itself, and the
    // pointers describe `spare` and `timeout`, which live through the call. Without a mask of signals its size is ignored.
    let n = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            spare.as_mut_ptr(),
            spare.len() as libc::c_int,
            timeout.as_ptr(),
            std::ptr::null::<libc::sigset_t>(),
            0_usize,
        )
    };
    let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel filled in so many, which is at most what was spare.
    unsafe { batch.set_len(batch.len() + n) };
    Ok(())
}
