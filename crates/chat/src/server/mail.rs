//! Carrying out what the hub said, and what the store says of it.

use std::time::Duration;

use super::FAIR_QUEUE;
use super::batch::{Batch, What};
use super::connection::Stage;
use super::contract::{Doors, Machine, Notice, Pipe};
use super::inbox::Fate;
use super::worker::Worker;

/// The last words to who waits for what could not be kept.
const NOT_KEPT: &str = "what you said could not be kept";

impl<M: Machine, D: Doors> Worker<'_, M, D> {
    /// Takes over what other threads, and the last tick, have for this one.
    pub(super) fn take_mail(&mut self, now: Duration) {
        let mut mail = std::mem::take(&mut self.mail);
        let inbox = self.shared.common.inbox(self.index);
        if inbox.take(&mut mail) {
            // The others have waited for this.
            self.shared.common.wake_all();
        }
        for arrival in mail.arrivals.drain(..) {
            self.adopt(arrival, now);
        }
        for batch in mail.batches.drain(..) {
            self.carry_out(&batch, now);
            self.sink.give_back(batch);
        }
        self.answers.extend(mail.answers.drain(..));
        for fate in mail.fates.drain(..) {
            self.handle_fate(fate, now);
        }
        if let Some(reloaded) = mail.reloaded.take() {
            self.reloaded = Some(reloaded);
        }
        self.mail = mail;
        for slot in std::mem::take(&mut self.overflowed) {
            self.drop_slow(slot);
        }
    }

    /// Does what the hub said.
    fn carry_out(&mut self, batch: &Batch, now: Duration) {
        let settings = &self.shared.settings;
        let share = settings.send_queues / self.shared.common.inboxes.len();
        for (slot, generation, what) in batch.orders() {
            let Some(connection) = self.table.of(slot, generation) else { continue };
            if connection.stage != Stage::Open && what != What::Close {
                continue;
            }
            match what {
                What::Line(line) => {
                    if connection.overflowed {
                        continue;
                    }
                    connection.outbox.push(line, &mut self.pool);
                    self.backlog += line.len();
                    let short = self.backlog > share;
                    let most = if short { FAIR_QUEUE } else { settings.send_queue };
                    if connection.backlog() > most {
                        connection.overflowed = true;
                        self.overflowed.push(slot);
                    } else if !connection.dirty {
                        connection.dirty = true;
                        self.dirty.push(slot);
                    }
                }
                What::Receipt => match self.tickets.fate(batch.ticket) {
                    Some(Fate::Kept(_)) => {}
                    Some(Fate::Lost(_)) => self.break_promise(slot, now),
                    None => {
                        connection.outbox.hold(batch.ticket);
                        if !connection.waiting {
                            connection.waiting = true;
                            self.waiting.push(slot);
                        }
                    }
                },
                What::Close => self.begin_close(slot, now),
            }
        }
    }

    fn handle_fate(&mut self, fate: Fate, now: Duration) {
        self.tickets.note(fate);
        match fate {
            Fate::Kept(ticket) => {
                for slot in std::mem::take(&mut self.waiting) {
                    let Some(connection) = self.table.at(slot) else { continue };
                    connection.outbox.release(ticket);
                    connection.waiting = connection.outbox.is_held();
                    if connection.waiting {
                        self.waiting.push(slot);
                    }
                    self.touch(slot);
                }
            }
            Fate::Lost(ticket) => {
                if self.index == 0 {
                    self.shared.report.notice(Notice::Lost { ticket });
                }
                for slot in self.waiting.clone() {
                    let Some(connection) = self.table.at(slot) else { continue };
                    if !connection.outbox.waits_for(ticket) {
                        continue;
                    }
                    self.break_promise(slot, now);
                }
            }
        }
    }

    /// Ends a connection that waits for what could not be kept.
    fn break_promise(&mut self, slot: u32, now: Duration) {
        let Some(connection) = self.table.at(slot) else { return };
        self.backlog -= connection.outbox.len();
        connection.outbox.cut(connection.pipe.parting(NOT_KEPT).as_bytes());
        self.backlog += connection.outbox.len();
        self.forget(slot, "Not kept");
        self.begin_close(slot, now);
    }
}
