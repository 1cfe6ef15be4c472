//! What other threads have for an event loop.
//!
//! Batches are put in while the hub is locked, so that they lie in each inbox in the order in which things happened; a
//! thread's own batches go the same way as those of the others. That makes the order of lines on every connection the
//! hub's order, whichever threads they came from.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use callbox_hub::contract::{Answer, ConnId, Reloaded};
use mio::{Registry, Token, Waker};

use super::acceptor::Arrival;
use super::batch::Batch;

/// Bytes of batches in an inbox at which the loops stop taking lines until it is emptied: some hundred busy ticks, and a
/// bound on what a loop that is not given the processor can cost.
const FULL: usize = 64 << 20;

/// Mail for one event loop.
#[derive(Debug)]
pub(super) struct Inbox {
    mail: Mutex<Mail>,
    waker: Waker,
    full: AtomicBool,
}

/// What was in an inbox.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// Connections to carry.
    pub(super) arrivals: Vec<Arrival>,
    /// What the hub said.
    pub(super) batches: Vec<Batch>,
    /// What became of jobs.
    pub(super) answers: Vec<(ConnId, Answer)>,
    /// What became of tickets, in order.
    pub(super) fates: Vec<Fate>,
    /// New settings for the hub.
    pub(super) reloaded: Option<Box<Reloaded>>,
    weight: usize,
    /// The greatest ticket that a receipt in a batch waits for.
    wanted: u64,
    kept: u64,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// All up to this ticket are kept, but for those that are lost.
    Kept(u64),
    /// This one is lost.
    Lost(u64),
}

impl Inbox {
    /// An inbox whose owner polls `registry`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let waker = Waker::new(registry, token)?;
        Ok(Self { mail: Mutex::default(), waker, full: AtomicBool::new(false) })
    }

    /// Tells the owner to look.
    pub(super) fn wake(&self) {
        // It fails only if the eventfd is gone, and the owner with it.
        let _ = self.waker.wake();
    }

    /// Adds a batch, without waking. Called under the hub's lock.
    pub(super) fn put_batch(&self, batch: Batch) {
        let mut mail = self.lock();
        mail.weight += batch.weight();
        if mail.weight >= FULL {
            self.full.store(true, Ordering::SeqCst);
        }
        if batch.receipts {
            mail.wanted = mail.wanted.max(batch.ticket);
        }
        mail.batches.push(batch);
    }

    /// Adds connections, and wakes the owner.
    pub(super) fn put_arrivals(&self, arrivals: &mut Vec<Arrival>) {
        self.lock().arrivals.append(arrivals);
        self.wake();
    }

    /// Adds an answer, and wakes the owner.
    pub(super) fn put_answer(&self, conn: ConnId, answer: Answer) {
        self.lock().answers.push((conn, answer));
        self.wake();
    }

    /// Adds settings, and wakes the owner.
    pub(super) fn put_reloaded(&self, reloaded: Box<Reloaded>) {
        self.lock().reloaded = Some(reloaded);
        self.wake();
    }

    /// Tells what became of a ticket, and wakes the owner if anything of its may wait for it.
    pub(super) fn put_fate(&self, fate: Fate) {
        let mut mail = self.lock();
        let wake = match fate {
            Fate::Kept(ticket) => {
                let wake = mail.wanted > mail.kept;
                mail.kept = mail.kept.max(ticket);
                wake
            }
            Fate::Lost(_) => true,
        };
        match (mail.fates.last_mut(), fate) {
            (Some(Fate::Kept(last)), Fate::Kept(ticket)) => *last = ticket.max(*last),
            _ => mail.fates.push(fate),
        }
        drop(mail);
        if wake {
            self.wake();
        }
    }

    /// Takes everything out into `mail`, which is empty, and tells whether the inbox was full before.
    pub(super) fn take(&self, mail: &mut Mail) -> bool {
        let mut inside = self.lock();
        let was_full = inside.weight >= FULL;
        if was_full {
            self.full.store(false, Ordering::SeqCst);
        }
        mail.weight = 0;
        std::mem::swap(&mut *inside, mail);
        inside.wanted = mail.wanted;
        inside.kept = mail.kept;
        was_full
    }

    /// Whether so much waits that no more should be produced.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        // Nothing that can panic happens while it is held, but for a lack of memory.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
