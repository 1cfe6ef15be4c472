//! Socket calls on their way from the threads that made them to the one that tells.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use callbox_net::trace::{Observer, Trace};

/// Calls that wait to be told; older ones are forgotten. An act makes fewer than a hundred.
const MAX_WAITING: usize = 1_024;

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Server,
    Client,
    /// Other clients of the same server.
    Client2,
    Client3,
    Stranger,
    Relay,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Client2 => "client 2",
            Self::Client3 => "client 3",
            Self::Stranger => "stranger",
            Self::Relay => "relay",
        })
    }
}

/// A call as its socket reported it.
pub(super) type Call = (Who, String);

/// The calls of one act that were made and not yet told, in the order in which they were reported.
#[derive(Default)]
pub(super) struct Calls {
    waiting: Mutex<VecDeque<Call>>,
    more: Condvar,
}

impl Calls {
    /// A trace whose calls are told as made by `who`.
    pub(super) fn trace(self: &Arc<Self>, who: Who) -> Trace {
        Trace::to(Arc::new(Ear { who, calls: Arc::clone(self) }))
    }

    /// Waits until `who` has made the call `wanted`, of which the beginning is enough; `...` stands for anything in it.
    /// Gives that call, and before it the calls that `who` made until then; those of the others stay. `None` means that
    /// it was not made within `patience`.
    pub(super) fn take(
        &self,
        who: Who,
        wanted: &str,
        patience: Duration,
    ) -> Option<VecDeque<Call>> {
        let deadline = Instant::now() + patience;
        let (beginning, result) = wanted.split_once("...").unwrap_or((wanted, ""));
        let mut waiting = self.lock();
        loop {
            let is_it = |(by, call): &Call| {
                *by == who && call.starts_with(beginning) && call.contains(result)
            };
            if let Some(place) = waiting.iter().position(is_it) {
                let later = waiting.split_off(place + 1);
                let (taken, mut others): (VecDeque<_>, VecDeque<_>) =
                    waiting.drain(..).partition(|(by, _)| *by == who);
                others.extend(later);
                *waiting = others;
                return Some(taken);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let woken = self.more.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Every call that waits.
    pub(super) fn rest(&self) -> VecDeque<Call> {
        std::mem::take(&mut *self.lock())
    }

    fn report(&self, who: Who, call: String) {
        let mut waiting = self.lock();
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back((who, call));
        drop(waiting);
        self.more.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears the calls of one end.
struct Ear {
    who: Who,
    calls: Arc<Calls>,
}

impl Observer for Ear {
    fn observe(&self, line: fmt::Arguments<'_>) {
        self.calls.report(self.who, line.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Who::{Client, Server};

    fn reported(calls: &[(Who, &str)]) -> Calls {
        let all = Calls::default();
        calls.iter().for_each(|(who, call)| all.report(*who, (*call).to_owned()));
        all
    }

    fn taken(calls: &Calls, who: Who, beginning: &str) -> Option<Vec<String>> {
        let taken = calls.take(who, beginning, Duration::ZERO)?;
        Some(taken.into_iter().map(|(_, call)| call).collect())
    }

    #[test]
    fn a_call_is_taken_with_those_that_its_maker_made_before() {
        let calls =
            reported(&[(Client, "recv"), (Server, "bind"), (Server, "send"), (Client, "x")]);
        assert_eq!(taken(&calls, Server, "send").unwrap(), ["bind", "send"]);
        assert_eq!(taken(&calls, Server, "send"), None);
        assert_eq!(taken(&calls, Client, "x").unwrap(), ["recv", "x"]);
        assert!(calls.rest().is_empty());
    }

    #[test]
    fn a_call_can_be_told_by_its_result() {
        let calls =
            reported(&[(Client, "connect(fd 3) = under way"), (Client, "connect(fd 3) failed")]);
        assert_eq!(taken(&calls, Client, "connect(...failed").unwrap().len(), 2);
        assert_eq!(taken(&calls, Client, "connect("), None);
    }

    #[test]
    fn a_call_that_is_still_to_come_is_waited_for() {
        let calls = Arc::new(Calls::default());
        let trace = calls.trace(Client);
        let caller = std::thread::spawn(move || trace.line(format_args!("connect(fd 3)")));
        let taken = calls.take(Client, "connect(", Duration::from_secs(60)).unwrap();
        assert_eq!(taken, [(Client, "connect(fd 3)".to_owned())]);
        caller.join().unwrap();
    }

    #[test]
    fn calls_that_wait_are_bounded() {
        let calls = Calls::default();
        (0..3 * MAX_WAITING).for_each(|n| calls.report(Server, n.to_string()));
        assert_eq!(calls.rest().len(), MAX_WAITING);
    }
}
