//! Waiting for descriptors, with a limit in time.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Waits until `fd` can be read, or has an error to tell, or `timeout` is over (`None`: for ever). False means that the
/// time is over.
pub fn readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<bool> {
    wait(fd, libc::POLLIN, timeout)
}

/// The same for writing, which for a connecting TCP socket means that the attempt has ended.
pub fn writable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<bool> {
    wait(fd, libc::POLLOUT, timeout)
}

/// Whether the connection is over in both directions or has an error to tell, asked without waiting. Of a peer that only
/// ended its own direction it is false.
pub fn is_broken(fd: BorrowedFd<'_>) -> bool {
    matches!(wait(fd, 0, Some(Duration::ZERO)), Ok(true))
}

/// Whether a byte that was sent as urgent (`MSG_OOB`) has come and was not passed yet, asked without waiting.
#[cfg(linux_calls)]
pub(crate) fn has_urgent(fd: BorrowedFd<'_>) -> bool {
    let mut polls = [libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLPRI, revents: 0 }];
    matches!(poll_all(&mut polls, Some(Duration::ZERO)), Ok(true))
        && polls[0].revents & libc::POLLPRI != 0
}

/// The first of `fds` that can be written to within `timeout`. One more than the last of them stands for `called`, if that
/// can be read before.
pub(crate) fn first_writable_unless(
    fds: &[BorrowedFd<'_>],
    called: Option<BorrowedFd<'_>>,
    timeout: Duration,
) -> io::Result<Option<usize>> {
    let poll =
        |fd: &BorrowedFd<'_>, events| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let mut polls: Vec<_> = fds.iter().map(|fd| poll(fd, libc::POLLOUT)).collect();
    polls.extend(called.map(|fd| poll(&fd, libc::POLLIN)));
    let ready = poll_all(&mut polls, Some(timeout))?;
    Ok(if ready { polls.iter().position(|p| p.revents != 0) } else { None })
}

fn wait(fd: BorrowedFd<'_>, events: libc::c_short, timeout: Option<Duration>) -> io::Result<bool> {
    poll_all(&mut [libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }], timeout)
}

fn poll_all(polls: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<bool> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left =
            deadline.map_or(-1, |at| milliseconds(at.saturating_duration_since(Instant::now())));
        match poll(polls, left) {
            Ok(0) if left < i32::MAX => return Ok(false),
            Ok(0) => {}
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One poll(2): whether something is ready. A signal ends it as the time does.
#[cfg(not(linux_calls))]
pub(crate) fn poll_once(polls: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<bool> {
    match poll(polls, timeout.map_or(-1, milliseconds)) {
        Ok(n) => Ok(n > 0),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// How many are ready within so many milliseconds, where less than none is for ever.
fn poll(polls: &mut [libc::pollfd], milliseconds: i32) -> io::Result<usize> {
    // SAFETY: the pointer and count describe `polls`, which lives through the call.
    let n = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as _, milliseconds) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Rounded up, or a wait of 0.4 ms would be a busy loop; longer than poll(2) can wait becomes its maximum.
fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}
