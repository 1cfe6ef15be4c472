//! Waiting for sockets until a moment.
//!
//! The system ends a sleep late: by the time that its timers allow themselves, and by what it takes to wake a processor
//! that sleeps too, which on a virtual machine is some 20 µs. So a sleep ends before its moment, by as much as sleeps
//! have been late on this machine, and what is left is spent looking.

use std::os::fd::BorrowedFd;
use std::thread;
use std::time::Duration;

use callbox_measure::Nanos;
use callbox_net::poller::{Event, Poller, exact_timers};

use crate::clock::Clock;
use crate::outcome::LoadError;

/// What a thread waits for. A descriptor stays its owner's, who removes it before closing it.
#[derive(Debug)]
pub struct Waiter {
    poller: Poller,
    margin: Margin,
    is_eager: bool,
    last_wait: Nanos,
    use_of_time: UseOfTime,
}

/// How long an eager waiter looks before it sleeps, and how short the last wait must have been for that to be worth it:
/// some times what it takes to be woken (5 to 20 µs).
const PATIENCE: Nanos = 50_000;

impl Waiter {
    /// Waits for nothing yet. It belongs to the thread that makes it.
    ///
    /// # Errors
    ///
    /// The system has no more descriptors.
    pub fn new() -> Result<Self, LoadError> {
        let poller = Poller::new().map_err(LoadError::system("cannot wait for sockets"))?;
        exact_timers();
        Ok(Self {
            poller,
            margin: Margin::new(),
            is_eager: false,
            last_wait: Nanos::MAX,
            use_of_time: UseOfTime::default(),
        })
    }

    /// From now on it looks for a moment before it sleeps, as long as waits are that short: a peer that answers as fast as
    /// it can need not spend its time on waking us.
    pub fn be_eager(&mut self) {
        self.is_eager = true;
    }

    /// Whether it looks where it could sleep, and hardly sleeps: the processor time of its thread says nothing then of how
    /// busy that is. It is so from [`start_counting`](Self::start_counting) on.
    pub fn spins(&self) -> bool {
        self.use_of_time.spins()
    }

    /// What [`spins`](Self::spins) tells begins anew with the next wait.
    pub fn start_counting(&mut self) {
        self.use_of_time = UseOfTime::default();
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
    /// It never comes back before its time with nothing. If `until` has passed, it looks once.
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
        let begin = clock.now();
        let looks = self.is_eager && self.last_wait < PATIENCE;
        let mut now = begin;
        loop {
            let left = until.saturating_sub(now);
            let looks = looks && now - begin < PATIENCE;
            let sleep = if looks { Sleep::None } else { self.margin.sleep(left) };
            let told = self.poller.wait_exactly(events, Duration::from_nanos(sleep.time()));
            told.map_err(LoadError::system("cannot wait for sockets"))?;
            let before = now;
            let over = !events.is_empty() || left == 0;
            // What is found at once is not worth another look at the clock.
            if !over || sleep != Sleep::None {
                now = clock.now();
            }
            self.use_of_time.add(sleep, begin, before, now);
            if over {
                self.last_wait = now - begin;
                return Ok(());
            }
            match sleep {
                Sleep::ToTheEnd(asked) => self.margin.learn((now - before).saturating_sub(asked)),
                // Whoever shares the processor with us may be the very peer that we wait for.
                Sleep::None if looks => thread::yield_now(),
                Sleep::Part(_) | Sleep::None => {}
            }
        }
    }
}

/// For how long to sleep, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    /// Not at all.
    None,
    /// For most of the time: the system's timers are as exact as the wait is short.
    Part(Nanos),
    /// Up to the margin.
    ToTheEnd(Nanos),
}

impl Sleep {
    fn time(self) -> Nanos {
        match self {
            Self::None => 0,
            Self::Part(time) | Self::ToTheEnd(time) => time,
        }
    }
}

/// What the time of a thread was used for.
#[derive(Debug, Default)]
struct UseOfTime {
    /// When the first wait began, and the last one ended.
    span: Option<(Nanos, Nanos)>,
    slept: Nanos,
    /// Looked for something that was not there.
    looked: Nanos,
}

impl UseOfTime {
    #[inline]
    fn add(&mut self, sleep: Sleep, begin: Nanos, before: Nanos, now: Nanos) {
        self.span = Some((self.span.map_or(begin, |(first, _)| first), now));
        match sleep {
            Sleep::None => self.looked += now - before,
            Sleep::Part(_) | Sleep::ToTheEnd(_) => self.slept += now - before,
        }
    }

    /// A twentieth of the time is what a busy thread may well look in vain; and who looks for most of it hardly sleeps.
    fn spins(&self) -> bool {
        let all = self.span.map_or(0, |(first, last)| last - first);
        self.looked > all / 20 && self.slept < self.looked / 8
    }
}

/// How much too early a sleep is to end, so that it ends in time.
///
/// It is learned: a sleep that ended later than the margin allows makes it eight steps longer, any other one step shorter.
/// So it settles where eight sleeps of nine end in time.
#[derive(Debug)]
struct Margin(Nanos);

impl Margin {
    const STEP: Nanos = 250;
    /// The most that is spent looking before each moment: at 10,000 requests a second more than half a processor's time.
    const MOST: Nanos = 60_000;

    fn new() -> Self {
        Self(Self::MOST / 2)
    }

    fn sleep(&self, left: Nanos) -> Sleep {
        match left.saturating_sub(self.0) {
            0 => Sleep::None,
            // A timer allows itself a thousandth of its time, which for a millisecond is little.
            time @ 1_000_000.. => Sleep::Part(time - time / 32),
            time => Sleep::ToTheEnd(time),
        }
    }

    fn learn(&mut self, late: Nanos) {
        self.0 = match late > self.0 {
            true => (self.0 + 8 * Self::STEP).min(Self::MOST),
            false => self.0.saturating_sub(Self::STEP),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_is_never_over_before_its_moment() {
        let clock = Clock::since(Instant::now());
        let (_ours, theirs) = UnixStream::pair().unwrap();
        let mut waiter = Waiter::new().unwrap();
        waiter.set(theirs.as_fd(), 1, true, false).unwrap();
        for is_eager in [false, true] {
            waiter.is_eager = is_eager;
            for wait in [0, 1, 1_000, 100_000, 3_000_000] {
                let until = clock.now() + wait;
                waiter.wait(clock, until, &mut Vec::new()).unwrap();
                assert!(clock.now() >= until);
            }
        }
    }

    #[test]
    fn what_is_ready_ends_a_wait_even_if_its_moment_has_passed() {
        let clock = Clock::since(Instant::now());
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let (mut waiter, mut events) = (Waiter::new().unwrap(), Vec::new());
        waiter.set(theirs.as_fd(), 7, true, false).unwrap();
        ours.write_all(b"!").unwrap();
        for until in [0, Nanos::MAX] {
            waiter.wait(clock, until, &mut events).unwrap();
            assert_eq!(events, [Event { token: 7, readable: true, writable: false }]);
        }
        waiter.remove(theirs.as_fd());
        waiter.wait(clock, 0, &mut events).unwrap();
        assert_eq!(events, []);
    }

    #[test]
    fn the_margin_settles_where_most_sleeps_end_in_time_and_has_an_end() {
        let mut margin = Margin::new();
        for round in 0..10_000 {
            // Nine sleeps of ten are 10 µs late, one is 40.
            margin.learn(if round % 10 == 0 { 40_000 } else { 10_000 });
        }
        assert!((10_000..14_000).contains(&margin.0), "{margin:?}");
        (0..1000).for_each(|_| margin.learn(Nanos::MAX));
        assert_eq!(margin.0, Margin::MOST);
        (0..1000).for_each(|_| margin.learn(0));
        assert_eq!(margin.0, 0);
    }

    #[test]
    fn only_who_looks_in_vain_for_long_and_hardly_sleeps_spins() {
        let spins = |looked, slept| {
            let mut time = UseOfTime::default();
            time.add(Sleep::None, 0, 0, looked);
            time.add(Sleep::ToTheEnd(slept), 0, looked, looked + slept);
            time.add(Sleep::None, 0, 1_000, 1_000);
            time.spins()
        };
        assert!(spins(100, 0) && spins(100, 10));
        assert!(!spins(100, 20) && !spins(40, 0) && !spins(0, 0));
    }

    #[test]
    fn a_long_sleep_is_made_of_shorter_ones() {
        let margin = Margin(30_000);
        assert_eq!(margin.sleep(30_000), Sleep::None);
        assert_eq!(margin.sleep(100_000), Sleep::ToTheEnd(70_000));
        assert_eq!(margin.sleep(32_030_000), Sleep::Part(31_000_000));
    }
}
