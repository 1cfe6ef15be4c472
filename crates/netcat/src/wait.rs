//! Waiting for one link: its handshakes, its room, its flush.

use std::io;
use std::time::{Duration, Instant};

use callbox_net::poller::Poller;

use crate::link::Link;

/// Goes on with the handshakes until they are over.
///
/// # Errors
///
/// `TimedOut` at the deadline, and what the link fails with.
pub fn establish(link: &mut dyn Link, deadline: Option<Instant>) -> io::Result<()> {
    until(link, deadline, false, |link| link.is_established())
}

/// Writes all of `bytes`.
///
/// # Errors
///
/// As [`establish`].
pub fn write_all(
    link: &mut dyn Link,
    mut bytes: &[u8],
    deadline: Option<Instant>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match link.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut first = true;
                until(link, deadline, true, |_| !std::mem::take(&mut first))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until something may be read.
///
/// # Errors
///
/// As [`establish`].
pub fn readable(link: &mut dyn Link, deadline: Option<Instant>) -> io::Result<()> {
    let mut poller = Poller::new()?;
    let mut events = Vec::new();
    loop {
        link.advance(Instant::now())?;
        if link.has_text() {
            return Ok(());
        }
        let needs = link.needs();
        poller.set(link.source(), 0, true, needs.writable)?;
        poller.wait(&mut events, remaining(link, deadline)?)?;
        if events.iter().any(|event| event.readable) {
            return Ok(());
        }
    }
}

/// Waits until all that was written is with the kernel.
///
/// # Errors
///
/// As [`establish`].
pub fn flush(link: &mut dyn Link, deadline: Option<Instant>) -> io::Result<()> {
    until(link, deadline, false, |link| link.is_flushed())
}

fn until(
    link: &mut dyn Link,
    deadline: Option<Instant>,
    for_room: bool,
    mut is_there: impl FnMut(&mut dyn Link) -> bool,
) -> io::Result<()> {
    let mut poller = Poller::new()?;
    let mut events = Vec::new();
    loop {
        link.advance(Instant::now())?;
        if is_there(link) {
            return Ok(());
        }
        let (needs, room) = (link.needs(), link.room());
        let readable = needs.readable || (for_room && room.readable);
        let writable = needs.writable || (for_room && room.writable);
        poller.set(link.source(), 0, readable, writable)?;
        poller.wait(&mut events, remaining(link, deadline)?)?;
    }
}

/// How long to wait at most: until the link's own time, or the deadline, at which it is an error.
fn remaining(link: &dyn Link, deadline: Option<Instant>) -> io::Result<Option<Duration>> {
    let now = Instant::now();
    if deadline.is_some_and(|deadline| now >= deadline) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let next = [deadline, link.poll_timeout()].into_iter().flatten().min();
    Ok(next.map(|at| at.saturating_duration_since(now)))
}
