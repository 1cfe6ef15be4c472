//! Accounts and passwords, off the chat's threads.
//!
//! Checking a password is made slow on purpose: argon2id takes some 20 ms and 19 MiB each time. A line of chat may
//! take microseconds. So the chat hands what needs a password to [`Auth::submit`], which never waits, and a few
//! threads of their own do it and hand the answer back. The number of these threads bounds the memory and the
//! processor time that all password work of all peers together can use; what waits for them is bounded too, and
//! addresses take turns, so one that asks much makes itself wait and not the others.
//!
//! | file | what it is for |
//! |---|---|
//! | `pool` | the threads, and what they do with each job |
//! | `queue` | what waits for them, address by address |
//! | `exchanges` | SASL exchanges between two steps |
//! | `sasl` | the mechanisms: PLAIN, EXTERNAL, SCRAM-SHA-256 |
//! | `password` | what a password may be, and its hashes |
//! | `throttle`, `debts` | who may try how often |
//! | `account` | an account as it is kept, and what keeps it |
//! | `admin` | what the command line does to accounts |

mod account;
mod admin;
mod debts;
mod exchanges;
mod password;
mod pool;
mod queue;
mod sasl;
mod settings;
mod throttle;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use account::{AccountRow, AccountStore, ScramKeys, fold_account};
pub use admin::{
    AdminError, add_account, add_fingerprint, remove, remove_fingerprint, set_password,
};
pub use password::{PasswordError, hash_password};
pub use settings::{AuthSettings, Hashing, MIN_ITERATIONS, SaltSecret};
pub use throttle::{Allowance, ThrottleSettings};

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Job};

use pool::Shared;

/// The threads that do password work. Dropping it ends them; what waits is dropped without an answer.
#[derive(Debug)]
pub struct Auth {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// Something the person who runs the server should know. It never holds a password, a hash or a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// The store failed.
    #[error("the store of accounts: {0}")]
    Store(String),
    /// A hash could not be made or read; the text says why.
    #[error("a password's hash: {0}")]
    Hash(String),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// A job panicked. The thread goes on with the next one.
    #[error("a job of the password threads panicked")]
    Panicked,
    /// A job came that is not about passwords.
    #[error("a job for another part came to the password threads")]
    NotOurs,
}

impl Auth {
    /// Starts the threads. `done` is given each answer, mostly on one of them, but where nothing is to be computed on
    /// the thread that calls [`submit`](Self::submit), before that returns. So `done` must not wait, nor take a lock
    /// that is held around `submit`.
    ///
    /// # Errors
    ///
    /// The system starts no thread, or gives no random bytes.
    pub fn start(
        accounts: Arc<dyn AccountStore>,
        settings: AuthSettings,
        done: impl Fn(ConnId, Answer) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let workers = settings.workers.get();
        let shared = Arc::new(Shared::new(accounts, settings, Box::new(done))?);
        let mut auth = Self { shared, workers: Vec::with_capacity(workers) };
        for number in 0..workers {
            let shared = Arc::clone(&auth.shared);
            let thread = thread::Builder::new().name(format!("password-{number}"));
            auth.workers.push(thread.spawn(move || shared.work())?);
        }
        Ok(auth)
    }

    /// Takes a [`Job::Sasl`], [`Job::Register`] or [`Job::CheckPassword`] of the connection `conn`; any other is answered
    /// by [`Answer::Failed`]. `now` is on the monotonic clock of all calls. Never blocks.
    ///
    /// Each job is answered once, but for two. `SaslStep::Abort` has no answer; and a step that was being done when
    /// the abort came has none either, so that it cannot be taken for the answer to a later exchange's.
    pub fn submit(&self, conn: ConnId, job: Job, now: Duration) {
        self.shared.submit(conn, job, now);
    }

    /// The next thing that went wrong, oldest first. Up to 16 are kept until they are asked for.
    pub fn poll_trouble(&self) -> Option<Trouble> {
        self.shared.poll_trouble()
    }
}

impl Drop for Auth {
    fn drop(&mut self) {
        self.shared.stop();
        for worker in self.workers.drain(..) {
            // `done` may own what owns this: a thread does not wait for itself.
            if worker.thread().id() != thread::current().id() {
                // A thread that panicked has nothing more to say.
                let _ = worker.join();
            }
        }
    }
}
