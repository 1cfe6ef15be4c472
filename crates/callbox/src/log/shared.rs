//! What the threads that serve and the thread that prints have in common.

use std::hash::Hash;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};

use callbox_services::guard::{Reason, Refused};

use super::distinct::Distinct;
use super::entry::Entries;

/// How many datagrams were refused, by reason.
pub(super) type Counts = [u64; Reason::ALL.len()];

/// The counts of one serving thread, which alone writes them.
pub(super) type SharedCounts = Arc<[AtomicU64; Reason::ALL.len()]>;

/// Entries, counts, and the printing thread's sleep.
pub(super) struct Shared {
    /// The lock is taken at most a few thousand times a second, by the samplers' budgets, and held for a copy or a swap.
    waiting: Mutex<Entries>,
    skipped: AtomicU64,
    peers: Distinct,
    refused: Mutex<Vec<SharedCounts>>,
    /// Datagrams that were lost before they were read, since that was last said.
    lost: AtomicU64,
    /// The printing thread sleeps until it is woken.
    asleep: AtomicBool,
    ended: AtomicBool,
    printer: OnceLock<Thread>,
}

/// Entries that were not shown since the last time.
pub(super) struct Skipped {
    pub(super) entries: u64,
    pub(super) peers: u64,
    /// The number of peers is an estimate.
    pub(super) estimate: bool,
}

/// What serving threads do.
impl Shared {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Entries::with_capacity()),
            skipped: AtomicU64::new(0),
            peers: Distinct::new(),
            refused: Mutex::new(Vec::new()),
            lost: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            printer: OnceLock::new(),
        }
    }

    /// A place for the counts of one more serving thread.
    pub(super) fn counts(&self) -> SharedCounts {
        let counts = SharedCounts::default();
        lock(&self.refused).push(Arc::clone(&counts));
        counts
    }

    /// Adds an entry. False means that there was no room for it.
    pub(super) fn record(&self, push: impl FnOnce(&mut Entries) -> bool) -> bool {
        let pushed = push(&mut lock(&self.waiting));
        self.wake();
        pushed
    }

    /// Counts an entry that is not shown.
    pub(super) fn skip(&self, peer: &(impl Hash + ?Sized)) {
        self.note_peer(peer);
        self.note_skipped(1);
    }

    /// Notes a peer, entries of whom will be counted with [`Self::note_skipped`].
    pub(super) fn note_peer(&self, peer: &(impl Hash + ?Sized)) {
        self.peers.add(peer);
    }

    /// Counts entries that are not shown.
    pub(super) fn note_skipped(&self, entries: u64) {
        self.skipped.fetch_add(entries, Ordering::SeqCst);
        self.wake();
    }

    /// Tells what the guard of one thread has refused so far.
    pub(super) fn note_refused(&self, counts: &SharedCounts, refused: &Refused) {
        let mut grown = false;
        for (reason, count) in refused.iter() {
            let place = &counts[reason as usize];
            if place.load(Ordering::Relaxed) != count {
                place.store(count, Ordering::SeqCst);
                grown = true;
            }
        }
        if grown {
            self.wake();
        }
    }

    /// Tells how many datagrams more were lost because a socket's buffer was full.
    pub(super) fn note_lost(&self, datagrams: u64) {
        self.lost.fetch_add(datagrams, Ordering::SeqCst);
        self.wake();
    }

    #[inline]
    fn wake(&self) {
        // A plain read first: almost always the thread is awake, or has been woken.
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(printer) = self.printer.get()
        {
            printer.unpark();
        }
    }
}

/// What the printing thread does.
impl Shared {
    /// Swaps the entries that wait with `taken`, which is empty.
    pub(super) fn take_entries(&self, taken: &mut Entries) {
        mem::swap(taken, &mut lock(&self.waiting));
    }

    /// What was not shown since the last time, if anything.
    pub(super) fn take_skipped(&self) -> Option<Skipped> {
        let entries = self.skipped.swap(0, Ordering::SeqCst);
        if entries == 0 {
            return None;
        }
        let (peers, estimate) = self.peers.take();
        // An estimate may say more than is possible.
        Some(Skipped { entries, peers: peers.clamp(1, entries), estimate })
    }

    /// Datagrams that were lost since the last time.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::SeqCst)
    }

    /// What all guards have refused so far.
    pub(super) fn refused(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in lock(&self.refused).iter() {
            for (sum, count) in sum.iter_mut().zip(counts.iter()) {
                *sum += count.load(Ordering::SeqCst);
            }
        }
        sum
    }

    /// Whether there is nothing to print, given what of the refused was `said`.
    pub(super) fn is_idle(&self, said: &Counts) -> bool {
        self.skipped.load(Ordering::SeqCst) == 0
            && self.lost.load(Ordering::SeqCst) == 0
            && self.refused() == *said
            && lock(&self.waiting).is_empty()
    }

    /// Sleeps until there is something to print, or the log has ended.
    pub(super) fn sleep(&self, said: &Counts) {
        let _ = self.printer.set(thread::current());
        self.asleep.store(true, Ordering::SeqCst);
        // What came before the flag was up did not wake us, so look once more: serving threads leave their trace before
        // they look at the flag.
        while self.is_idle(said) && !self.has_ended() && self.asleep.load(Ordering::SeqCst) {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// No more entries come.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

/// A thread that panicked while it held a lock left nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
