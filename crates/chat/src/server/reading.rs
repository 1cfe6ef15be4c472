//! Taking connections in, and reading from them.

use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use callbox_net::limits::processors;
use mio::Interest;
use mio::unix::SourceFd;

use super::acceptor::Arrival;
use super::connection::{CHUNK, Connection, Read, Stage};
use super::contract::{Doors, Machine, Pipe};
use super::metrics::add;
use super::token;
use super::worker::{Turn, Worker};

/// How long the number of processors is believed: finding it out costs some reads of files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl<M: Machine, D: Doors> Worker<'_, M, D> {
    pub(super) fn accept(&mut self, now: Duration) {
        let Some(acceptor) = &mut self.acceptor else { return };
        let inboxes = &self.shared.common.inboxes;
        let mut arrivals = Vec::new();
        let refused = acceptor.accept(now, &*self.shared.report, &mut arrivals);
        add(&self.counters.refused, refused);
        if arrivals.is_empty() {
            return;
        }
        // The last inbox is that of the entrance, which carries no sockets of ours.
        let mut threads = inboxes.len() - 1;
        if self.shared.settings.threads.is_none() {
            if self.processors.is_none_or(|(_, seen)| now.saturating_sub(seen) >= LOOK_AGAIN) {
                self.processors = Some((processors(), now));
            }
            threads = self.processors.map_or(threads, |(count, _)| threads.min(count));
        }
        let mut shares: Vec<Vec<Arrival>> = (0..threads).map(|_| Vec::new()).collect();
        for arrival in arrivals {
            let thread = self.next_thread % threads.max(1);
            if let Some(share) = shares.get_mut(thread) {
                share.push(arrival);
            }
            self.next_thread = thread + 1;
        }
        for (thread, mut share) in shares.into_iter().enumerate() {
            if thread == self.index {
                share.into_iter().for_each(|arrival| self.adopt(arrival, now));
            } else if let Some(inbox) = inboxes.get(thread).filter(|_| !share.is_empty()) {
                inbox.put_arrivals(&mut share);
            }
        }
    }

    /// Takes a connection into this thread's care.
    pub(super) fn adopt(&mut self, arrival: Arrival, now: Duration) {
        if self.stop_at.is_some() {
            return;
        }
        let fd = arrival.socket.as_raw_fd();
        let clock = self.shared.common.clock.now();
        let Ok(pipe) = catch_unwind(AssertUnwindSafe(|| {
            self.shared.doors.open(arrival.listener, arrival.peer, clock)
        })) else {
            self.panicked(None);
            return;
        };
        let open_by = now + self.shared.settings.open_within;
        let connection = Box::new(Connection::new(arrival, pipe, open_by));
        let Ok(slot) = self.table.insert(connection) else { return };
        add(&self.counters.opened, 1);
        // Both at once and for good: a connection becomes writable seldom, and asking anew each time costs a call.
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if registry.register(&mut SourceFd(&fd), token(slot), interest).is_err() {
            self.remove(slot);
            return;
        }
        self.arm(slot);
    }

    /// Reads from those that are ready, as much as there is room for.
    pub(super) fn read(&mut self, now: Duration) {
        if self.must_pause() {
            return;
        }
        let mut at = 0;
        // Each has one turn; those that come up again have theirs in the next round.
        for _ in 0..self.ready.len() {
            if at + CHUNK > self.arena.len() {
                return;
            }
            let Some(slot) = self.ready.pop_front() else { return };
            let Some(connection) = self.table.at(slot) else { continue };
            connection.queued = false;
            if !connection.wants_turn() {
                continue;
            }
            let buffer = &mut self.arena[at..at + CHUNK];
            if connection.stage == Stage::Draining {
                if connection.drain(buffer, self.counters) {
                    self.remove(slot);
                } else {
                    self.enqueue(slot);
                }
                continue;
            }
            if connection.unfed || !connection.held.is_empty() {
                self.turns.push(Turn { slot, bytes: 0..0 });
                continue;
            }
            match connection.read(buffer, self.counters) {
                Read::Bytes(n) if connection.pipe.transparent() => {
                    self.turns.push(Turn { slot, bytes: at..at + n });
                    at += n;
                }
                Read::Bytes(n) => {
                    let clock = self.shared.common.clock.now();
                    let receive = || connection.pipe.receive(&buffer[..n], clock);
                    let received = catch_unwind(AssertUnwindSafe(receive));
                    self.touch(slot);
                    if received.is_err() {
                        self.panicked(Some(slot));
                        self.fail(slot, "Internal error");
                    } else {
                        self.turns.push(Turn { slot, bytes: 0..0 });
                    }
                }
                Read::Nothing => self.enqueue(slot),
                Read::End if !connection.ended && !connection.pipe.last_input().is_empty() => {
                    // Once more round: what the peer left unfinished counts, and then the end is read again.
                    connection.ended = true;
                    connection.readable = true;
                    let last = connection.pipe.last_input();
                    buffer[..last.len()].copy_from_slice(last);
                    if connection.pipe.transparent() {
                        self.turns.push(Turn { slot, bytes: at..at + last.len() });
                        at += last.len();
                    } else {
                        connection.pipe.receive(last, self.shared.common.clock.now());
                        self.touch(slot);
                        self.turns.push(Turn { slot, bytes: at..at });
                    }
                }
                Read::End => {
                    self.forget(slot, "Connection closed");
                    self.begin_close(slot, now);
                }
                Read::Failed => self.fail(slot, "Connection reset"),
            }
        }
    }
}
