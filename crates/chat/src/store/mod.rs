//! What the chat keeps: history, claimed channels, read markers, metadata, accounts. In SQLite, in one file.
//!
//! An event loop hands over what a tick produced with [`Store::submit`], which never waits for the disk, and gets a
//! [`Ticket`]. One thread writes: all that was submitted while a transaction ran goes into the next one, so a slow disk
//! makes transactions larger and not more. When a transaction is committed [`Done::Kept`] tells it, and then a receipt
//! may leave. A process killed at any moment later loses none of it.
//!
//! Jobs go the same way behind the records submitted before them, and are then answered by another thread with a
//! connection of its own, so that reading a page does not hold up writing.
//!
//! **If the disk fails or stalls**, the writer tries again, waiting longer each time, and tells once
//! ([`Done::Trouble`]). Records wait in memory up to [`StoreSettings::queue`] bytes. Those of a batch that finds no more
//! room are dropped, and [`Done::Lost`] tells that no receipt may be given for it; other batches are as safe as before.
//! Nobody waits for more than a moment.
//!
//! | file | what it is for |
//! |---|---|
//! | `schema` | the tables, their versions, opening |
//! | `row` | how an event lies in a row, and in which order |
//! | `queue` | between the event loops and the writer |
//! | `writer`, `keeper` | the writing thread; what it does with a record |
//! | `checkpoint` | keeps the database's log short |
//! | `reader` | jobs |
//! | `retention` | forgetting by age and number |
//! | `accounts`, `export`, `saved` | accounts; a conversation written out; what a server starts with |

mod accounts;
mod checkpoint;
mod export;
mod keeper;
mod queue;
mod reader;
mod retention;
mod row;
mod saved;
mod schema;
mod writer;

pub use accounts::{AccountError, AccountRow, Accounts, ScramKeys};
pub use export::{ExportError, Format, export};
pub use schema::{StoreError, Sync};

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Job, Record, Saved};

use keeper::Keeper;
use queue::{Queue, WayBack};
use reader::Task;
use retention::Retention;
use schema::Access;
use writer::{Answers, Writer};

/// Where the chat is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In memory, until the server ends.
    Memory,
    /// In this folder, which is made if it is not there, for its owner's eyes only.
    Folder(PathBuf),
}

/// What the administrator decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreSettings {
    /// Against what it is kept: being killed, or loss of power as well.
    pub sync: Sync,
    /// Events older than this are forgotten, a minute later at the most.
    pub max_age: Option<Duration>,
    /// Of each conversation so many events are kept, the latest.
    pub max_events: Option<u64>,
    /// Bytes of records that may wait for the disk. 64 MiB are some 200,000 messages: two seconds of the most that one
    /// core can write, or a long stall of a disk in a chat of people.
    pub queue: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { sync: Sync::Normal, max_age: None, max_events: None, queue: 64 << 20 }
    }
}

/// What a tick produced.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// To be kept, in this order.
    pub records: Vec<Record>,
    /// To be done after that: [`Job::History`], [`Job::Targets`] and [`Job::Find`]. Others are answered by
    /// [`Answer::Failed`].
    pub jobs: Vec<(ConnId, Job)>,
}

/// The number of a batch. Later ones are greater.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub u64);

/// What the store tells, on threads of its own. A ticket that is lost is told as lost before it could be among those that
/// are kept.
#[derive(Debug, PartialEq)]
pub enum Done {
    /// All batches up to this one are kept, but for those told as lost.
    Kept(Ticket),
    /// The records of this batch are not kept and never will be. Its jobs are answered all the same.
    Lost(Ticket),
    /// A job's answer.
    Answer(ConnId, Answer),
    /// Something does not work, for the administrator's eyes. It is told once, however often it is tried.
    Trouble(String),
    /// What did not work when writing works again, and nothing that was not told as lost is.
    Recovered,
}

/// A store in use. Dropping it writes what is submitted, answers what is asked, and ends its threads.
#[derive(Debug)]
pub struct Store {
    queue: Arc<Queue>,
    way_back: Arc<WayBack>,
    accounts: Accounts,
    reader: Option<Sender<Task>>,
    /// In the order in which they end.
    threads: Vec<JoinHandle<()>>,
    /// Unlocked last.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store in `place`, and gives it with what it holds for a hub that starts. From then on `notify` is told
    /// what becomes of what is submitted; it is called by one thread at a time and should not take long.
    pub fn open(
        place: Place,
        settings: StoreSettings,
        notify: impl Fn(Done) + Send + 'static,
    ) -> Result<(Self, Saved), StoreError> {
        let queue = Arc::new(Queue::new(settings.queue));
        let way_back = Arc::new(WayBack::new(Box::new(notify)));
        let log_is_long = Arc::new(AtomicBool::new(false));
        let retention = Retention::new(settings.max_age, settings.max_events);
        let mut threads = Vec::new();
        let writer = |connection, answers, checkpoint| Writer {
            queue: queue.clone(),
            way_back: way_back.clone(),
            keeper: Keeper::new(connection, settings.max_events),
            retention,
            answers,
            checkpoint,
            log_is_long: log_is_long.clone(),
            gave_up: false,
        };
        let (writer, accounts, reader, saved, lock) = match place {
            Place::Memory => {
                let writer = writer(schema::in_memory()?, Answers::Writer, None);
                (writer, Accounts::in_memory()?, None, Saved::default(), None)
            }
            Place::Folder(folder) => {
                schema::make_folder(&folder)?;
                let lock = schema::lock(&folder)?;
                let connection = schema::create(&folder, Access::Write(settings.sync))?;
                // Checkpoints are made by the thread below.
                let manual = connection.execute_batch("PRAGMA wal_autocheckpoint = 0");
                let saved = manual.and_then(|()| saved::load(&connection));
                let saved = saved.map_err(|error| StoreError::of(&folder, error))?;
                let (reader, tasks) = mpsc::channel();
                let (checkpoint, asked) = mpsc::sync_channel(1);
                let writer = writer(connection, Answers::Reader(reader.clone()), Some(checkpoint));
                let reading = schema::open(&folder, Access::Read)?;
                let told = way_back.clone();
                threads.push(spawn("store-reader", move || reader::run(&reading, &tasks, &told))?);
                let checking = schema::open(&folder, Access::Write(settings.sync))?;
                let long = log_is_long.clone();
                threads.push(spawn("store-checkpoint", move || {
                    checkpoint::run(checking, asked, long);
                })?);
                (writer, Accounts::open(&folder)?, Some(reader), saved, Some(lock))
            }
        };
        threads.insert(0, spawn("store-writer", move || writer.run())?);
        Ok((Self { queue, way_back, accounts, reader, threads, _lock: lock }, saved))
    }

    /// Hands over what a tick produced. It waits for nothing but a lock that is held for moments.
    pub fn submit(&self, batch: Batch) -> Ticket {
        let (ticket, lost) = self.queue.push(batch, &self.way_back);
        if lost && let Some(reader) = &self.reader {
            // Not told from here: the caller may hold what the one who is told waits for.
            reader.send(Task::TellLost).ok();
        }
        ticket
    }

    /// Bytes of records that wait for the disk.
    pub fn backlog(&self) -> usize {
        self.queue.bytes()
    }

    /// The accounts.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close();
        // The others end when nobody is left who could ask them.
        self.reader = None;
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.into()).spawn(work).map_err(StoreError::Thread)
}

#[cfg(test)]
mod tests;
