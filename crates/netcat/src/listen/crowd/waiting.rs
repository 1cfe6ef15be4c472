//! What a listener for many waits for, until when, and when it is over.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Crowd, INPUT, JOBS, OUTPUT};
use crate::client::idle;
use crate::listen::door::HANGUP;
use crate::listen::guest::Guest;
use crate::listen::job::Job;
use crate::options::Together;
use crate::says::{Status, Trouble};

impl Crowd<'_> {
    pub(super) fn ended(&self, now: Instant) -> Option<Result<Status, Trouble>> {
        let flow = &self.options.flow;
        if self.quits.is_some_and(|quits| now >= quits) {
            return Some(Ok(Status::Done));
        }
        let all_told =
            || self.guests.iter().all(|(_, guest)| guest.finished && guest.link.is_flushed());
        if flow.send_only && self.input_ended() && all_told() {
            return Some(Ok(Status::Done));
        }
        flow.idle
            .filter(|_| self.idles_at().is_some_and(|at| now >= at))
            .map(|time| Err(Trouble::Listener(Status::Call, idle(time))))
    }

    /// When nothing has moved for too long, if anybody is there for it to move. A proxy sees to that by itself, for each of
    /// its clients.
    pub(super) fn idles_at(&self) -> Option<Instant> {
        let somebody = !(self.guests.is_empty() && self.jobs.is_empty());
        let counts = somebody && !self.options.listen.proxy_server;
        self.options.flow.idle.filter(|_| counts).map(|idle| self.moved + idle)
    }

    /// Has everything waited for that can go on, and gives for how long.
    pub(super) fn register(&mut self, now: Instant) -> io::Result<Option<Duration>> {
        if self.closed_until.is_some() {
            self.doors.unregister(&mut self.poller);
        } else {
            self.doors.register(&mut self.poller)?;
        }
        if let Some(hangup) = self.admission.source() {
            self.poller.set(hangup, HANGUP, true, false)?;
        }
        let takes_more = self.broker.takes_more();
        let feeds = !self.input_told && takes_more && self.source.wants() && self.inside > 0;
        self.poller.set(self.source.as_fd(), INPUT, feeds && !self.input_ready, false)?;
        self.poller.set(self.output.as_fd(), OUTPUT, false, self.output_blocked)?;
        let apart = self.options.listen.together == Together::Apart;
        let hears = if apart { self.at == self.end } else { takes_more };
        // With handshakes between, one guest's turn may change what another one waits for.
        if hears != self.heard || self.has_timers() {
            self.touched = self.guests.iter().map(|(id, _)| id).collect();
        }
        self.heard = hears;
        for id in std::mem::take(&mut self.touched) {
            let Some(guest) = self.guests.get(id) else { continue };
            let (needs, room) = (guest.link.needs(), guest.link.room());
            let reads = hears && !guest.ended && !guest.readable;
            self.poller.set(
                guest.link.source(),
                id as u64,
                needs.readable || reads || (guest.blocked && room.readable),
                needs.writable || (guest.blocked && room.writable),
            )?;
        }
        let mut goes_on = false;
        for (id, job) in &self.jobs {
            job.register(&mut self.poller, JOBS + Job::token(id))?;
            goes_on |= job.is_stirred(now);
        }
        let blocked = |id: &usize| self.guests.get(*id).is_some_and(|guest| guest.blocked);
        let leaves = takes_more && self.leaving.iter().any(|id| !blocked(id));
        // Room that came with what was just delivered is nobody else's event.
        if (!self.stirred.is_empty() && hears) || (feeds && self.input_ready) || leaves || goes_on {
            return Ok(Some(Duration::ZERO));
        }
        let mut next = [
            self.broker.poll_timeout(),
            self.source.poll_timeout(),
            self.doors.poll_timeout(),
            self.quits,
            self.closed_until,
            self.half_closed.poll_timeout(),
            self.idles_at(),
            self.jobs.iter().filter_map(|(_, job)| job.poll_timeout()).min(),
        ]
        .into_iter()
        .flatten()
        .min();
        if self.has_timers() {
            let due = self.guests.iter().filter_map(|(_, guest)| next_of(guest)).min();
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next.map(|at| at.saturating_duration_since(now)))
    }

    /// Whether guests may have times of their own, which plain streams have not.
    pub(super) fn has_timers(&self) -> bool {
        self.doors.has_handshakes()
    }
}

fn next_of(guest: &Guest) -> Option<Instant> {
    [guest.shaking, guest.link.poll_timeout()].into_iter().flatten().min()
}

pub(super) fn is_due(guest: &Guest, now: Instant) -> bool {
    next_of(guest).is_some_and(|at| now >= at)
}
