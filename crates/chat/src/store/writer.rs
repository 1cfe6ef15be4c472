//! The thread that writes: everything that was submitted while a transaction ran goes into the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callbox_hub::contract::{Answer, ConnId, Job, Millis};

use super::checkpoint;
use super::keeper::Keeper;
use super::queue::{Next, Queue, Queued, WayBack};
use super::reader::{self, Task};
use super::retention::Retention;
use super::{Done, Ticket};

/// How long a transaction that failed is let rest at first; each time it fails again, twice as long as before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest rest. A disk that has room again is noticed after this long.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// After so many transactions, or so many bytes of records, the log of the database is worth a checkpoint. SQLite's own
/// measure is a log of 4 MiB, which both come near to.
const CHECKPOINT_TRANSACTIONS: u32 = 256;
const CHECKPOINT_BYTES: usize = 1 << 20;

/// Who answers jobs.
#[derive(Debug)]
pub(super) enum Answers {
    /// A thread of its own.
    Reader(Sender<Task>),
    /// The writer: a database in memory has one connection.
    Writer,
}

/// What the writer's thread has.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) way_back: Arc<WayBack>,
    pub(super) keeper: Keeper,
    pub(super) retention: Retention,
    pub(super) answers: Answers,
    pub(super) checkpoint: Option<SyncSender<()>>,
    /// Set by whoever makes checkpoints, when the log grows faster than it can follow.
    pub(super) log_is_long: Arc<AtomicBool>,
    /// Whether it was told that the end came before the trouble was over.
    pub(super) gave_up: bool,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _last_words = LastWords { queue: self.queue.clone(), way_back: self.way_back.clone() };
        let mut transactions = 0;
        let mut bytes_since = 0;
        loop {
            let patience = self.retention.patience(&self.keeper, Instant::now());
            match self.queue.next(patience) {
                Next::Write(batches, bytes) => {
                    self.write(batches, bytes);
                    transactions += 1;
                    bytes_since += bytes;
                    if self.retention.is_due_while_busy(Instant::now()) {
                        self.tidy();
                    }
                }
                Next::Idle => self.tidy(),
                Next::End => return,
            }
            if transactions >= CHECKPOINT_TRANSACTIONS || bytes_since >= CHECKPOINT_BYTES {
                (transactions, bytes_since) = (0, 0);
                self.ask_for_checkpoint();
            }
        }
    }

    fn write(&mut self, mut batches: Vec<Queued>, bytes: usize) {
        if batches.iter().any(|queued| !queued.batch.records.is_empty()) {
            let lost = self.keep(&mut batches);
            self.queue.release(bytes);
            for ticket in lost {
                self.way_back.lose(ticket);
            }
        }
        // Tickets whose batches held only jobs count as well: what they wait for is kept by now.
        if let Some(last) = batches.last() {
            self.way_back.tell(Done::Kept(last.ticket));
        }
        for (conn, job) in batches.into_iter().flat_map(|queued| queued.batch.jobs) {
            self.answer(conn, job);
        }
    }

    /// Tries until it is done. Gives the tickets whose records are not kept.
    ///
    /// As long as it fails, jobs are answered by [`Answer::Failed`]: they would have to see what cannot be written.
    fn keep(&mut self, batches: &mut [Queued]) -> Vec<Ticket> {
        let mut pause = FIRST_PAUSE;
        let mut in_trouble = false;
        let mut last_try = false;
        loop {
            match self.keeper.keep(batches) {
                Ok(refused) => {
                    if in_trouble {
                        self.way_back.tell(Done::Recovered);
                    }
                    return refused;
                }
                Err(error) => {
                    if !std::mem::replace(&mut in_trouble, true) && !self.gave_up {
                        let text = format!("cannot write what is said: {error}; trying again");
                        self.way_back.tell(Done::Trouble(text));
                    }
                }
            }
            let held = batches.iter_mut().flat_map(|queued| std::mem::take(&mut queued.batch.jobs));
            for (conn, _) in held.chain(self.queue.take_jobs()) {
                self.way_back.tell(Done::Answer(conn, Answer::Failed));
            }
            if last_try {
                if !std::mem::replace(&mut self.gave_up, true) {
                    let text =
                        "what was said since then is lost: it could not be written to the end";
                    self.way_back.tell(Done::Trouble(text.into()));
                }
                return batches.iter().map(|queued| queued.ticket).collect();
            }
            last_try = self.queue.pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn answer(&mut self, conn: ConnId, job: Job) {
        match &self.answers {
            Answers::Reader(reader) => {
                // It ends after the writer, and not before.
                reader.send(Task::Job(conn, job)).ok();
            }
            Answers::Writer => {
                let answer =
                    reader::answer(&self.keeper.connection, &job).unwrap_or_else(|error| {
                        self.way_back.tell(Done::Trouble(format!("cannot read history: {error}")));
                        Answer::Failed
                    });
                self.way_back.tell(Done::Answer(conn, answer));
            }
        }
    }

    fn tidy(&mut self) {
        self.retention.tidy(&mut self.keeper, Instant::now(), wall_clock(), &self.way_back);
    }

    fn ask_for_checkpoint(&self) {
        if let Some(checkpoint) = &self.checkpoint {
            // If it is full, one is asked for already.
            checkpoint.try_send(()).ok();
        }
        if self.log_is_long.swap(false, Ordering::Relaxed) {
            // Here nothing is appended meanwhile, so that the log can begin anew. An error shows in the next transaction.
            checkpoint::make(&self.keeper.connection).ok();
        }
    }
}

fn wall_clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Tells that the writer has come to grief, lest everybody waits for it.
struct LastWords {
    queue: Arc<Queue>,
    way_back: Arc<WayBack>,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.queue.close();
        if let Next::Write(batches, _) = self.queue.next(Some(Duration::ZERO)) {
            for queued in batches {
                self.way_back.lose(queued.ticket);
                for (conn, _) in queued.batch.jobs {
                    self.way_back.tell(Done::Answer(conn, Answer::Failed));
                }
            }
        }
        self.way_back.tell(Done::Trouble("the writer of the store has ended by a fault".into()));
    }
}
