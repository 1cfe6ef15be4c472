//! Where the hub's outputs go during one tick.

use std::sync::MutexGuard;

use callbox_hub::contract::{ConnId, Job, Record, Sink};

use super::batch::{Batch, Place};
use super::contract::{Doors, Machine};
use super::shared::{Locked, Shared};

/// Batches kept to be used again.
const SPARE: usize = 8;

/// The outputs of one tick, sorted by the thread that carries them out.
#[derive(Debug)]
pub(super) struct TickSink {
    /// One for each thread.
    pub(super) batches: Vec<Batch>,
    pub(super) records: Vec<Record>,
    pub(super) jobs: Vec<(ConnId, Job)>,
    /// Lines put out.
    pub(super) lines: u64,
    /// Empty batches, to be filled again.
    spare: Vec<Batch>,
    /// Threads to be woken after the tick.
    to_wake: Vec<usize>,
}

impl TickSink {
    pub(super) fn new(threads: usize) -> Self {
        let batches = (0..threads).map(|_| Batch::default()).collect();
        let (records, jobs) = (Vec::new(), Vec::new());
        Self { batches, records, jobs, lines: 0, spare: Vec::new(), to_wake: Vec::new() }
    }

    /// Bytes that this tick has brought together so far.
    pub(super) fn weight(&self) -> usize {
        self.batches.iter().map(Batch::weight).sum()
    }

    /// Takes back a batch that was carried out.
    pub(super) fn give_back(&mut self, mut batch: Batch) {
        if self.spare.len() < SPARE {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// Ends a tick of thread `own`: the store gets its part and the threads theirs, and only then the hub is unlocked, so
    /// that all of them get the parts of all ticks in one order.
    pub(super) fn hand_over<M: Machine, D: Doors>(
        &mut self,
        shared: &Shared<M, D>,
        mut locked: MutexGuard<'_, Locked<M>>,
        own: usize,
    ) {
        if !self.records.is_empty() || !self.jobs.is_empty() {
            let records = std::mem::take(&mut self.records);
            let jobs = std::mem::take(&mut self.jobs);
            locked.ticket = shared.keeper.submit(records, jobs);
        }
        let inboxes = &shared.common.inboxes;
        for (thread, (batch, inbox)) in self.batches.iter_mut().zip(inboxes).enumerate() {
            if batch.is_empty() {
                continue;
            }
            batch.ticket = locked.ticket;
            let empty = self.spare.pop().unwrap_or_default();
            inbox.put_batch(std::mem::replace(batch, empty));
            if thread != own {
                self.to_wake.push(thread);
            }
        }
        let due = locked.machine.poll_timeout().map(|due| due.max(locked.quiet_until));
        // The first thread keeps the hub's time.
        if shared.set_hub_due(due) && own != 0 {
            self.to_wake.push(0);
        }
        drop(locked);
        for thread in self.to_wake.drain(..) {
            if let Some(inbox) = inboxes.get(thread) {
                inbox.wake();
            }
        }
    }
}

impl Sink for TickSink {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        let place = Place::of(to);
        if let Some(batch) = self.batches.get_mut(usize::from(place.thread)) {
            batch.line(place, line);
            self.lines += 1;
        }
    }

    fn receipt(&mut self, to: ConnId) {
        let place = Place::of(to);
        if let Some(batch) = self.batches.get_mut(usize::from(place.thread)) {
            batch.receipt(place);
        }
    }

    fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.jobs.push((conn, job));
    }

    fn close(&mut self, conn: ConnId) {
        let place = Place::of(conn);
        if let Some(batch) = self.batches.get_mut(usize::from(place.thread)) {
            batch.close(place);
        }
    }
}
