//! What stands between the event loops and the writer: a queue bounded in bytes, and the way back.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callbox_hub::contract::{ConnId, Event, Job, Record, SavedChannel};

use super::{Batch, Done, Ticket};

/// A batch that waits.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) ticket: Ticket,
    pub(super) batch: Batch,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write these, and answer their jobs. They weigh so many bytes.
    Write(Vec<Queued>, usize),
    /// Nothing; the time is up.
    Idle,
    /// End: nothing is left and nothing will come.
    End,
}

/// The queue. Locked for moments only, never while anything is written.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// In bytes.
    cap: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Queued>,
    /// Of what waits and of what is being written.
    bytes: usize,
    last_ticket: u64,
    closed: bool,
}

impl Queue {
    /// A queue whose records weigh at most `cap` bytes.
    pub(super) fn new(cap: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), cap }
    }

    /// Appends a batch. If there is no room for its records they are dropped, which `way_back` is told, and its jobs are
    /// appended all the same: a connection has one at a time, so that they are bounded already.
    ///
    /// Gives the ticket, and whether the records were dropped.
    pub(super) fn push(&self, mut batch: Batch, way_back: &WayBack) -> (Ticket, bool) {
        let bytes = batch.records.iter().map(weight).sum::<usize>();
        let mut state = self.lock();
        state.last_ticket += 1;
        let ticket = Ticket(state.last_ticket);
        // What is larger than the cap by itself has to be let in some time.
        let full = state.bytes > 0 && state.bytes + bytes > self.cap;
        let lost = !batch.records.is_empty() && (full || state.closed);
        if lost {
            batch.records = Vec::new();
            // Under the lock, so that it is told before any later ticket.
            way_back.lose(ticket);
        } else {
            state.bytes += bytes;
        }
        let nothing_left = lost && batch.jobs.is_empty();
        if !nothing_left && !state.closed {
            state.waiting.push(Queued { ticket, batch });
            self.changed.notify_one();
        }
        (ticket, lost)
    }

    /// Waits for work, at most for `patience`.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.lock();
        let mut state = match patience {
            None => self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.changed.wait_timeout_while(state, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        match (state.waiting.is_empty(), state.closed) {
            (false, _) => Next::Write(mem::take(&mut state.waiting), state.bytes),
            (true, true) => Next::End,
            (true, false) => Next::Idle,
        }
    }

    /// Waits for `patience`, or less if the queue is closed. Gives whether it is.
    pub(super) fn pause(&self, patience: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// The jobs that wait, their records staying where they are.
    pub(super) fn take_jobs(&self) -> Vec<(ConnId, Job)> {
        let mut state = self.lock();
        state.waiting.iter_mut().flat_map(|queued| mem::take(&mut queued.batch.jobs)).collect()
    }

    /// What weighed `bytes` is written.
    pub(super) fn release(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// The bytes that wait or are being written.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way back to whoever submits.
pub(super) struct WayBack {
    notify: Mutex<Box<dyn Fn(Done) + Send>>,
    /// Tickets to be told as lost, before anything else is told.
    lost: Mutex<VecDeque<Ticket>>,
}

impl std::fmt::Debug for WayBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WayBack").field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl WayBack {
    pub(super) fn new(notify: Box<dyn Fn(Done) + Send>) -> Self {
        Self { notify: Mutex::new(notify), lost: Mutex::default() }
    }

    /// `ticket` is lost. It is told with the next [`tell`](Self::tell) or [`tell_lost`](Self::tell_lost): whoever loses
    /// it may hold locks that the one who is told takes.
    pub(super) fn lose(&self, ticket: Ticket) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push_back(ticket);
    }

    /// Tells what was lost, if anything was.
    pub(super) fn tell_lost(&self) {
        let notify = self.notify.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(ticket) = lost else { return };
            notify(Done::Lost(ticket));
        }
    }

    /// Tells what was lost and then `done`.
    pub(super) fn tell(&self, done: Done) {
        self.tell_lost();
        self.notify.lock().unwrap_or_else(PoisonError::into_inner)(done);
    }
}

/// About how many bytes of memory a record takes.
fn weight(record: &Record) -> usize {
    /// What the allocator adds to each text.
    const ALLOCATION: usize = 16;
    let texts = |texts: &[&str]| texts.iter().map(|text| text.len() + ALLOCATION).sum::<usize>();
    let list =
        |list: &[Box<str>]| list.iter().map(|text| text.len() + 2 * ALLOCATION).sum::<usize>();
    size_of::<Record>()
        + match record {
            Record::Event(Event {
                conversation,
                msgid,
                source,
                tags,
                command,
                params,
                text,
                ..
            }) => {
                let text = text.as_deref().unwrap_or_default();
                texts(&[conversation, msgid, source, tags, command, text]) + list(params)
            }
            Record::Redact { conversation, msgid } => texts(&[conversation, msgid]),
            Record::RenameConversation { from, to } => texts(&[from, to]),
            Record::ForgetConversation { conversation } => texts(&[conversation]),
            Record::Channel(SavedChannel { key, name, founder, topic, modes, lists, .. }) => {
                let topic = topic.as_ref().map_or(0, |(text, setter, _)| texts(&[text, setter]));
                let entry = size_of::<(char, Box<str>, Box<str>, u64)>();
                let entries = lists.iter().map(|(_, mask, by, _)| texts(&[mask, by]) + entry);
                texts(&[key, name, founder]) + topic + list(modes) + entries.sum::<usize>()
            }
            Record::DropChannel { key } => texts(&[key]),
            Record::ReadMarker { account, target, .. } => texts(&[account, target]),
            Record::Metadata { owner, key, value } => {
                texts(&[owner, key, value.as_deref().unwrap_or_default()])
            }
        }
}
