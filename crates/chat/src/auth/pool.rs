//! The threads, and what they do with each job.
//!
//! A job that panics is answered by [`Answer::Failed`], and its thread goes on with the next.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Job, RegisterError, SaslOutcome, SaslStep, Secret};
use zeroize::Zeroizing;

use super::account::AccountStore;
use super::exchanges::{Exchanges, Taken};
use super::password::{self, PasswordError};
use super::queue::Queue;
use super::sasl::scram::Disguise;
use super::sasl::{Desk, Exchange, State};
use super::settings::AuthSettings;
use super::throttle::{Throttle, prefix};
use super::{Trouble, settings};

/// Troubles kept until they are asked for; a store that fails says the same thing each time.
const TROUBLES: usize = 16;

/// What the threads share.
pub(super) struct Shared {
    store: Arc<dyn AccountStore>,
    settings: AuthSettings,
    done: Box<dyn Fn(ConnId, Answer) + Send + Sync>,
    disguise: Disguise,
    /// Held for a few looks into a table, and never while something is computed or the store is asked.
    throttle: Mutex<Throttle>,
    /// The same.
    line: Mutex<Line>,
    /// There is work, or an end of it.
    woken: Condvar,
}

/// What waits: for a thread, or for its client.
struct Line {
    queue: Queue<Task>,
    exchanges: Exchanges<Exchange>,
    troubles: VecDeque<Trouble>,
    stopping: bool,
}

/// A job for a thread.
struct Task {
    conn: ConnId,
    address: IpAddr,
    /// When it came in. What waits in line is judged by this time.
    now: Duration,
    work: Work,
}

/// What is to be done. Secrets are wiped from memory when it is dropped.
enum Work {
    Response {
        serial: u64,
        exchange: Exchange,
        response: Zeroizing<Vec<u8>>,
    },
    Register {
        account: Box<str>,
        key: Box<str>,
        email: Option<Box<str>>,
        password: Zeroizing<String>,
    },
    Check {
        hash: Box<str>,
        password: Zeroizing<String>,
    },
}

impl Shared {
    /// What starts with nothing to do.
    pub(super) fn new(
        store: Arc<dyn AccountStore>,
        settings: AuthSettings,
        done: Box<dyn Fn(ConnId, Answer) + Send + Sync>,
    ) -> io::Result<Self> {
        let secret = match &settings.salt_secret {
            Some(settings::SaltSecret(secret)) => *secret,
            None => {
                let mut secret = [0; 32];
                getrandom::fill(&mut secret)?;
                secret
            }
        };
        let line = Line {
            queue: Queue::new(settings.queue),
            exchanges: Exchanges::new(settings.exchanges),
            troubles: VecDeque::new(),
            stopping: false,
        };
        Ok(Self {
            store,
            done,
            disguise: Disguise::new(secret),
            throttle: Mutex::new(Throttle::new(settings.throttle)),
            line: Mutex::new(line),
            woken: Condvar::new(),
            settings,
        })
    }

    /// Takes a job: answers it, or has it wait for a thread.
    pub(super) fn submit(&self, conn: ConnId, job: Job, now: Duration) {
        match job {
            Job::Sasl(SaslStep::Start { mechanism, address, fingerprint }) => {
                let outcome = self.start_exchange(conn, &mechanism, address, fingerprint, now);
                (self.done)(conn, Answer::Sasl(outcome));
            }
            Job::Sasl(SaslStep::Response(response)) => self.take_response(conn, response, now),
            Job::Sasl(SaslStep::Abort) => self.line().exchanges.abort(conn),
            Job::Register { account, key, email, password, address } => {
                let work = Work::Register { account, key, email, password: wiped(password) };
                if !self.enqueue(Task { conn, address, now, work }) {
                    (self.done)(conn, Answer::Registered(Err(RegisterError::Slowed)));
                }
            }
            Job::CheckPassword { hash, password, address } => {
                let work = Work::Check { hash, password: wiped(password) };
                if !self.enqueue(Task { conn, address, now, work }) {
                    (self.done)(conn, Answer::Failed);
                }
            }
            Job::History(_) | Job::Targets { .. } | Job::Find { .. } | Job::Reload => {
                self.note(Trouble::NotOurs);
                (self.done)(conn, Answer::Failed);
            }
        }
    }

    /// The next trouble.
    pub(super) fn poll_trouble(&self) -> Option<Trouble> {
        self.line().troubles.pop_front()
    }

    /// Ends the threads once they are through with what they are at.
    pub(super) fn stop(&self) {
        let mut line = self.line();
        line.stopping = true;
        line.queue.clear();
        self.woken.notify_all();
    }

    /// What each thread does until it is stopped.
    pub(super) fn work(&self) {
        while let Some(task) = self.next_task() {
            let conn = task.conn;
            // What is shared is a table or a count that no half-done change can spoil.
            if let Some(answer) = catch_unwind(AssertUnwindSafe(|| self.perform(task)))
                .unwrap_or(Some(Answer::Failed))
                && catch_unwind(AssertUnwindSafe(|| (self.done)(conn, answer))).is_err()
            {
                self.note(Trouble::Panicked);
            }
        }
    }

    fn start_exchange(
        &self,
        conn: ConnId,
        mechanism: &str,
        address: IpAddr,
        fingerprint: Option<Box<str>>,
        now: Duration,
    ) -> SaslOutcome {
        let Some(state) = State::of(mechanism) else {
            self.line().exchanges.abort(conn);
            return SaslOutcome::NoMechanism;
        };
        let slowed = state.is_guessable() && !self.throttle().may_try(now, address);
        let exchange = Exchange { address, fingerprint, state };
        if slowed || !self.line().exchanges.begin(conn, exchange, now) {
            return SaslOutcome::Slowed;
        }
        SaslOutcome::Challenge(Box::default())
    }

    fn take_response(&self, conn: ConnId, response: Box<[u8]>, now: Duration) {
        let response = Zeroizing::new(response.into_vec());
        let taken = self.line().exchanges.take(conn, now);
        let outcome = match taken {
            // Two responses at once: the hub promises that there are none.
            Taken::Busy => return self.note(Trouble::NotOurs),
            Taken::None => SaslOutcome::Failure,
            Taken::Ready(serial, exchange) => {
                let address = exchange.address;
                let work = Work::Response { serial, exchange, response };
                if self.enqueue(Task { conn, address, now, work }) {
                    return;
                }
                self.line().exchanges.abort(conn);
                SaslOutcome::Slowed
            }
        };
        (self.done)(conn, Answer::Sasl(outcome));
    }

    /// `false`: too much waits already, in all or of this address.
    fn enqueue(&self, task: Task) -> bool {
        let address = prefix(task.address);
        let AuthSettings { queue_per_address, queue_loopback, .. } = self.settings;
        let share = if address.is_loopback() { queue_loopback } else { queue_per_address };
        let taken = self.line().queue.push(address, share, task).is_ok();
        if taken {
            self.woken.notify_one();
        }
        taken
    }

    fn next_task(&self) -> Option<Task> {
        let mut line = self.line();
        loop {
            if line.stopping {
                return None;
            }
            if let Some(task) = line.queue.pop() {
                return Some(task);
            }
            line = self.woken.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The answer to a task; `None` if nobody wants it any more.
    fn perform(&self, task: Task) -> Option<Answer> {
        let Task { conn, address, now, work } = task;
        match work {
            Work::Response { serial, exchange, response } => {
                if !self.line().exchanges.is_wanted(conn, serial) {
                    return None;
                }
                let desk = Desk {
                    store: &*self.store,
                    settings: &self.settings,
                    throttle: &self.throttle,
                    disguise: &self.disguise,
                    now,
                };
                let (answer, exchange) = self
                    .attempt(|| exchange.handle_response(&response, &desk))
                    .map_or((Answer::Failed, None), |(outcome, exchange)| {
                        (Answer::Sasl(outcome), exchange)
                    });
                let wanted = self.line().exchanges.give_back(conn, serial, exchange);
                wanted.then_some(answer)
            }
            Work::Register { account, key, email, password } => {
                let done =
                    self.attempt(|| self.register(&account, &key, email, &password, address, now));
                Some(done.map_or(Answer::Failed, Answer::Registered))
            }
            Work::Check { hash, password } => {
                let right = self.attempt(|| self.check(&hash, &password, address, now)).flatten();
                Some(right.map_or(Answer::Failed, Answer::Password))
            }
        }
    }

    /// Does something that may panic or fail for a reason that is ours; then it is noted, and there is nothing.
    fn attempt<T>(&self, what: impl FnOnce() -> Result<T, Trouble>) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(what)).unwrap_or(Err(Trouble::Panicked));
        result.map_err(|trouble| self.note(trouble)).ok()
    }

    fn register(
        &self,
        account: &str,
        key: &str,
        email: Option<Box<str>>,
        password: &str,
        address: IpAddr,
        now: Duration,
    ) -> Result<Result<Box<str>, RegisterError>, Trouble> {
        let ours = |error: PasswordError| match error {
            PasswordError::Hashing(text) => Err(Trouble::Hash(text)),
            PasswordError::TooShort(least) => Ok(Err(RegisterError::TooShort(least))),
            _ => Ok(Err(RegisterError::BadPassword)),
        };
        let prepared = match password::prepare_new(password, &self.settings) {
            Ok(prepared) => prepared,
            Err(error) => return ours(error),
        };
        if self.store.account(key).map_err(Trouble::Store)?.is_some() {
            return Ok(Err(RegisterError::Exists));
        }
        // Only what is about to be hashed counts, so that looking for a name that is free costs nobody his account.
        if !self.throttle().register(now, address) {
            return Ok(Err(RegisterError::Slowed));
        }
        let mut row = match password::new_row(key, account, &prepared, &self.settings) {
            Ok(row) => row,
            Err(error) => return ours(error),
        };
        row.email = email.map(String::from);
        if !self.store.insert_account(row).map_err(Trouble::Store)? {
            return Ok(Err(RegisterError::Exists));
        }
        self.throttle().note_owner(now, address, key);
        Ok(Ok(account.into()))
    }

    /// Whether the password is right; `None` if the address is over its limit. There is no limit for each hash: many
    /// people may share the server's password, and who guesses at it must not shut them out.
    fn check(
        &self,
        hash: &str,
        password: &str,
        address: IpAddr,
        now: Duration,
    ) -> Result<Option<bool>, Trouble> {
        let Some(prepared) = password::prepare(password) else {
            return Ok(Some(false));
        };
        let Some(begun) = self.throttle().begin(now, address, None) else {
            return Ok(None);
        };
        let right = password::verify(&prepared, hash).map_err(Trouble::Hash)?;
        if right {
            self.throttle().succeed(now, begun);
        }
        Ok(Some(right))
    }

    fn note(&self, trouble: Trouble) {
        let mut line = self.line();
        if line.troubles.len() < TROUBLES {
            line.troubles.push_back(trouble);
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same memory, to be wiped when it is dropped.
fn wiped(secret: Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.0.into_string())
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}
