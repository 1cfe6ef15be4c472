//! Sends records to the store, and each job to whoever does it.

use std::sync::{Mutex, PoisonError};

use callbox_hub::contract::{ConnId, Job, Record};

use super::reload::Reloader;
use crate::auth::Auth;
use crate::server::{Handle, Keeper};
use crate::store::{Batch, Store};

/// The store and the workers.
pub(super) struct Shop {
    /// Gone once the server has ended, with everything written.
    store: Mutex<Option<Store>>,
    auth: Auth,
    reloader: Reloader,
    server: Handle,
}

impl Shop {
    pub(super) fn new(store: Store, auth: Auth, reloader: Reloader, server: Handle) -> Self {
        Self { store: Mutex::new(Some(store)), auth, reloader, server }
    }
}

impl Keeper for Shop {
    fn submit(&self, records: Vec<Record>, jobs: Vec<(ConnId, Job)>) -> u64 {
        let mut reading = Vec::new();
        for (conn, job) in jobs {
            match job {
                Job::History(_) | Job::Targets { .. } | Job::Find { .. } => {
                    reading.push((conn, job));
                }
                Job::Sasl(_) | Job::Register { .. } | Job::CheckPassword { .. } => {
                    self.auth.submit(conn, job, self.server.now().monotonic);
                }
                Job::Reload => self.reloader.reload(Some(conn)),
            }
        }
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody submits after the end; should it be tried, nothing waits for ticket 0.
        store.as_ref().map_or(0, |store| store.submit(Batch { records, jobs: reading }).0)
    }

    fn flush(&self) {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
