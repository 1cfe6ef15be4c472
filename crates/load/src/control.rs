//! The handle to a run from outside: it can be ended, and tells how far it is.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::watch::Watch;

/// A run under way. Clones are handles to the same run; one may serve for several runs after each other.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    replies: AtomicU64,
    /// The server's process, or 0.
    server: AtomicU32,
    /// When the clock of the latest run began.
    began: Mutex<Option<Instant>>,
}

impl Control {
    /// A handle that ends nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run, and every later one: what was measured until now is what is reported.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// The server is this process, with the group that it leads: what it uses is measured in every later run.
    pub fn watch(&self, server: u32) {
        self.0.server.store(server, Ordering::Relaxed);
    }

    pub(crate) fn watched(&self) -> Option<Watch> {
        let pid = self.0.server.load(Ordering::Relaxed);
        (pid > 0).then(|| Watch::new(pid))
    }

    /// How many right replies have come over all runs, those of warm-ups too.
    pub fn replies(&self) -> u64 {
        self.0.replies.load(Ordering::Relaxed)
    }

    /// When the clock of the latest run began, which all connections come before; a moment ahead, if it is about to.
    pub fn began(&self) -> Option<Instant> {
        *self.0.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begins(&self, at: Instant) {
        *self.0.began.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// More replies have come. A thread says so for many at once: it is shared memory.
    pub(crate) fn add_replies(&self, count: u64) {
        self.0.replies.fetch_add(count, Ordering::Relaxed);
    }
}
