//! What all event loops of a server share: the hub under its lock, the inboxes, the clock.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callbox_hub::contract::{Answer, ConnId, Now, Reloaded};

use super::Settings;
use super::batch::Place;
use super::contract::{Doors, Keeper, Report};
use super::inbox::{Fate, Inbox};
use super::metrics::Metrics;

/// The server's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { monotonic: self.monotonic(), wall }
    }
}

/// What is shared, whatever the hub is.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) inboxes: Vec<Inbox>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    stopping: AtomicU8,
}

/// How far a server has been asked to stop.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stop {
    No,
    Drain,
    Now,
}

impl Common {
    pub(super) fn new(inboxes: Vec<Inbox>) -> Self {
        let clock = Clock { start: Instant::now() };
        let metrics = Metrics::new(inboxes.len());
        Self { inboxes, clock, metrics, stopping: AtomicU8::new(0) }
    }

    /// The inbox of a thread of this server.
    pub(super) fn inbox(&self, thread: usize) -> &Inbox {
        &self.inboxes[thread]
    }

    /// Whether a thread is so far behind that no more should be produced.
    pub(super) fn is_any_full(&self) -> bool {
        self.inboxes.iter().any(Inbox::is_full)
    }

    pub(super) fn stop(&self, how: Stop) {
        self.stopping.fetch_max(how as u8, Ordering::AcqRel);
        self.wake_all();
    }

    pub(super) fn wake_all(&self) {
        self.inboxes.iter().for_each(Inbox::wake);
    }

    pub(super) fn stopping(&self) -> Stop {
        match self.stopping.load(Ordering::Acquire) {
            0 => Stop::No,
            1 => Stop::Drain,
            _ => Stop::Now,
        }
    }
}

/// A server seen from outside of its threads. Clones are of the same server.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) common: Arc<Common>,
}

impl Handle {
    /// All submissions up to `ticket` are kept, but for those that were told to be lost before.
    pub fn kept(&self, ticket: u64) {
        self.common.inboxes.iter().for_each(|inbox| inbox.put_fate(Fate::Kept(ticket)));
    }

    /// The submission with this ticket could not be kept. Whoever waits for it is closed.
    pub fn lost(&self, ticket: u64) {
        self.common.inboxes.iter().for_each(|inbox| inbox.put_fate(Fate::Lost(ticket)));
    }

    /// The job of `conn` is done. If the connection is gone, so is its answer.
    pub fn answer(&self, conn: ConnId, answer: Answer) {
        if let Some(inbox) = self.common.inboxes.get(usize::from(Place::of(conn).thread)) {
            inbox.put_answer(conn, answer);
        }
    }

    /// Gives the hub new settings.
    pub fn reload(&self, reloaded: Box<Reloaded>) {
        if let Some(inbox) = self.common.inboxes.first() {
            inbox.put_reloaded(reloaded);
        }
    }

    /// Asks the server to stop: the first time it tells everybody, and gives them two seconds to take what is on its way;
    /// the second time it stops at once.
    pub fn stop(&self) {
        let how = if self.common.stopping() == Stop::No { Stop::Drain } else { Stop::Now };
        self.common.stop(how);
    }

    /// The counters.
    pub fn metrics(&self) -> Metrics {
        self.common.metrics.clone()
    }

    /// The time as the hub is told it.
    pub fn now(&self) -> Now {
        self.common.clock.now()
    }
}

/// What the hub's lock protects.
pub(super) struct Locked<M> {
    pub(super) machine: M,
    /// The ticket of the last submission.
    pub(super) ticket: u64,
    /// After a panic in its timeouts the hub is left alone until then.
    pub(super) quiet_until: Duration,
}

/// What the threads share.
pub(super) struct Shared<M, D> {
    pub(super) common: Arc<Common>,
    pub(super) settings: Settings,
    pub(super) doors: D,
    pub(super) keeper: Arc<dyn Keeper>,
    pub(super) report: Arc<dyn Report>,
    hub: Mutex<Locked<M>>,
    /// When the hub wants to be called, in nanoseconds of the monotonic clock.
    due: AtomicU64,
}

impl<M, D: Doors> Shared<M, D> {
    pub(super) fn new(
        common: Arc<Common>,
        settings: Settings,
        doors: D,
        machine: M,
        keeper: Arc<dyn Keeper>,
        report: Arc<dyn Report>,
    ) -> Self {
        let hub = Locked { machine, ticket: 0, quiet_until: Duration::ZERO };
        let (hub, due) = (Mutex::new(hub), AtomicU64::new(u64::MAX));
        Self { common, settings, doors, keeper, report, hub, due }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Locked<M>> {
        // What may panic under the lock is caught there; a thread that dies with it takes the server down anyway.
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the hub wants to be called.
    pub(super) fn hub_due(&self) -> Option<Duration> {
        let due = self.due.load(Ordering::Relaxed);
        (due != u64::MAX).then(|| Duration::from_nanos(due))
    }

    /// Notes when the hub wants to be called, and tells whether that is sooner than before. Called under the lock.
    pub(super) fn set_hub_due(&self, due: Option<Duration>) -> bool {
        let due = due.map_or(u64::MAX, |due| u64::try_from(due.as_nanos()).unwrap_or(u64::MAX - 1));
        let before = self.due.load(Ordering::Relaxed);
        if due != before {
            self.due.store(due, Ordering::Relaxed);
        }
        due < before
    }
}
