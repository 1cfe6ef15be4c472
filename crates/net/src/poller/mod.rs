//! Waiting for any number of descriptors, whatever they are.
//!
//! mio suits servers of sockets: it is told of changes, edge by edge, and refuses what epoll cannot watch. A program that
//! moves bytes between whatever it was given wants the opposite. It asks for as long as something is to be read or
//! written, goes to sleep in the middle, and is asked again; and its input may well be a file, which is always ready.

#[cfg(linux_calls)]
#[path = "epoll.rs"]
mod waiting;
#[cfg(not(linux_calls))]
#[path = "poll.rs"]
mod waiting;

use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub use waiting::Poller;

/// The longest wait that the system is asked for; who wants more is woken once a day for nothing.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What has become ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Event {
    /// What its owner calls it.
    pub token: u64,
    /// It can be read: there is something, the end of file, or an error to be told.
    pub readable: bool,
    /// It can be written to, or writing tells of an error.
    pub writable: bool,
}

/// One descriptor of a few, and what it is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The descriptor.
    pub fd: BorrowedFd<'a>,
    /// What its owner calls it.
    pub token: u64,
    /// Whether it is to be told when it can be read.
    pub readable: bool,
    /// Whether it is to be told when it can be written to.
    pub writable: bool,
}

/// As [`Poller::wait`], for a few descriptors that are named each time: one call, where what is wanted changes with every
/// one of them and epoll would have to be told first.
///
/// # Errors
///
/// Those of poll(2).
pub fn wait_for_few<const N: usize>(
    mut wanted: [Wanted<'_>; N],
    events: &mut Vec<Event>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    events.clear();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout.min(LONGEST)).ok());
    // A hang-up is told whether it is wanted or not: what is wanted for nothing comes last, and is not asked about.
    wanted.sort_by_key(|wanted| !(wanted.readable || wanted.writable));
    let asked = wanted.iter().take_while(|wanted| wanted.readable || wanted.writable).count();
    let mut polled = wanted.map(|wanted| {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, wanted.readable);
        flags.set(PollFlags::OUT, wanted.writable);
        PollFd::from_borrowed_fd(wanted.fd, flags)
    });
    match poll(&mut polled[..asked], timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    for (told, wanted) in polled[..asked].iter().zip(&wanted) {
        let flags = told.revents();
        let over = flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
        let readable = wanted.readable && (over || flags.contains(PollFlags::IN));
        let writable = wanted.writable && (over || flags.contains(PollFlags::OUT));
        if readable || writable {
            events.push(Event { token: wanted.token, readable, writable });
        }
    }
    Ok(())
}

/// Asks the system to end this thread's waits when they are over, and not up to 50 µs later, as it does to end several at
/// once (the timer slack of prctl(2)). It still allows itself a thousandth of the wait.
pub fn exact_timers() {
    // Without it timers are less exact, and nothing else is wrong.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// A descriptor is never negative.
fn place(fd: BorrowedFd<'_>) -> usize {
    usize::try_from(fd.as_raw_fd()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    fn ready(poller: &mut Poller, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Vec::new();
        poller.wait(&mut events, timeout).unwrap();
        events.sort_by_key(|event| event.token);
        events
    }

    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn what_is_ready_is_told_until_it_is_not_wanted_any_more() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.set(theirs.as_fd(), 7, true, false).unwrap();
        assert_eq!(ready(&mut poller, NOW), []);
        ours.write_all(b"!").unwrap();
        let readable = Event { token: 7, readable: true, writable: false };
        assert_eq!(ready(&mut poller, None), [readable]);
        assert_eq!(ready(&mut poller, None), [readable]);
        poller.set(theirs.as_fd(), 8, true, true).unwrap();
        let both = Event { token: 8, readable: true, writable: true };
        assert_eq!(ready(&mut poller, None), [both]);
        (&theirs).read_exact(&mut [0]).unwrap();
        assert_eq!(ready(&mut poller, None), [Event { readable: false, ..both }]);
        poller.remove(theirs.as_fd());
        assert_eq!(ready(&mut poller, NOW), []);
    }

    #[test]
    fn one_that_was_closed_is_forgotten_and_its_number_can_be_had_again() {
        let mut poller = Poller::new().unwrap();
        // The lowest free number is given out, so most of these have the same.
        for token in 0..10 {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            poller.set(theirs.as_fd(), token, true, false).unwrap();
            assert_eq!(ready(&mut poller, NOW), []);
            ours.write_all(b"!").unwrap();
            let readable = Event { token, readable: true, writable: false };
            assert_eq!(ready(&mut poller, None), [readable]);
            poller.forget(theirs.as_fd());
            drop(theirs);
            assert_eq!(ready(&mut poller, NOW), []);
        }
    }

    #[test]
    fn a_hang_up_is_told_as_what_was_wanted_and_not_at_all_to_who_wants_nothing() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        drop(ours);
        poller.set(theirs.as_fd(), 1, false, true).unwrap();
        assert_eq!(ready(&mut poller, None), [Event { token: 1, readable: false, writable: true }]);
        poller.set(theirs.as_fd(), 1, true, false).unwrap();
        assert_eq!(ready(&mut poller, None), [Event { token: 1, readable: true, writable: false }]);
        poller.set(theirs.as_fd(), 1, false, false).unwrap();
        assert_eq!(ready(&mut poller, NOW), []);
    }

    #[test]
    fn a_file_is_always_ready_and_holds_up_nobody() {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.set(file.as_fd(), 1, true, false).unwrap();
        poller.set(theirs.as_fd(), 2, true, false).unwrap();
        let of_file = Event { token: 1, readable: true, writable: false };
        assert_eq!(ready(&mut poller, None), [of_file]);
        ours.write_all(b"!").unwrap();
        assert_eq!(ready(&mut poller, None), [of_file, Event { token: 2, ..of_file }]);
        poller.set(file.as_fd(), 1, false, false).unwrap();
        poller.set(theirs.as_fd(), 2, false, false).unwrap();
        assert_eq!(ready(&mut poller, NOW), []);
    }

    #[test]
    fn of_a_few_those_are_told_that_are_ready_and_wanted() {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let (gone, left) = UnixStream::pair().unwrap();
        drop(gone);
        let mut events = Vec::new();
        let mut told = |wanted, timeout| {
            wait_for_few(wanted, &mut events, timeout).unwrap();
            events.clone()
        };
        let wanted = |fd, token, readable, writable| Wanted { fd, token, readable, writable };
        let nothing = wanted(left.as_fd(), 1, false, false);
        let quiet = wanted(theirs.as_fd(), 2, true, false);
        assert_eq!(told([nothing, quiet, nothing], NOW), []);
        ours.write_all(b"!").unwrap();
        let readable = Event { token: 2, readable: true, writable: false };
        assert_eq!(told([nothing, quiet, nothing], None), [readable]);
        let of_file = wanted(file.as_fd(), 3, true, false);
        let over = wanted(left.as_fd(), 1, false, true);
        let (three, one) =
            (Event { token: 3, ..readable }, Event { token: 1, readable: false, writable: true });
        assert_eq!(told([nothing, of_file, over], None), [three, one]);
    }

    #[test]
    fn an_exact_wait_ends_with_what_is_ready_or_with_its_time() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.set(theirs.as_fd(), 7, true, false).unwrap();
        exact_timers();
        for _ in 0..2 {
            let mut events = vec![];
            for wait in [Duration::ZERO, Duration::from_micros(150), Duration::from_millis(2)] {
                let begin = Instant::now();
                poller.wait_exactly(&mut events, wait).unwrap();
                assert_eq!(events, []);
                // Without Linux's calls what is left below a millisecond is not waited for.
                let least = if cfg!(linux_calls) { wait.as_micros() } else { 0 };
                assert!(begin.elapsed().as_micros() >= least);
            }
            ours.write_all(b"!").unwrap();
            poller.wait_exactly(&mut events, LONGEST).unwrap();
            assert_eq!(events, [Event { token: 7, readable: true, writable: false }]);
            (&theirs).read_exact(&mut [0]).unwrap();
            poller.do_without_newer_calls();
        }
    }

    #[test]
    fn ten_thousand_descriptors_are_told_of_one_by_one() {
        // One socket pair gives any number of descriptors, as far as the system lets us.
        let most = crate::limits::raise_open_files().saturating_sub(200).min(10_000);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let all: Vec<_> = (0..most).map(|_| theirs.try_clone().unwrap()).collect();
        let mut poller = Poller::new().unwrap();
        for (token, one) in (0u64..).zip(&all) {
            poller.set(one.as_fd(), token, true, false).unwrap();
        }
        ours.write_all(b"!").unwrap();
        let (mut told, mut events) = (vec![false; most], Vec::new());
        while told.contains(&false) {
            poller.wait(&mut events, None).unwrap();
            assert!(!events.is_empty());
            for event in &events {
                told[event.token as usize] = true;
                poller.remove(all[event.token as usize].as_fd());
            }
        }
        assert_eq!(ready(&mut poller, NOW), []);
    }
}
