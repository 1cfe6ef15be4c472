//! A listener for many: standard input goes to all of them, or they hear one another, or each has a program or is
//! carried on to where it wants.

mod passing;
mod waiting;

use std::io;
use std::time::{Duration, Instant};

use callbox_net::poller::{Event, Poller};
use callbox_net::stdio::{Input, Output};
use slab::Slab;

use super::admission::Admission;
use super::carry::{Carry, Proxying};
use super::door::{Arrival, DOORS, Doors, HANGUP};
use super::guest::{self, Guest};
use super::half_closed::HalfClosed;
use super::job::{Job, Progress};
use crate::broker::{Broker, Kind};
use crate::client::recorded;
use crate::connect::Open;
use crate::conversation::{begin_record, settle};
use crate::options::{Carrier, Options, Together};
use crate::program;
use crate::record::Recorder;
use crate::record::pcap::Side;
use crate::says::{Says, Status, Trouble, shown, words};
use crate::source::Source;
use passing::Written;
use waiting::is_due;

/// The poller's tokens: guests count from nought, jobs have two or three each, and these are the others.
const JOBS: u64 = 1 << 40;
const INPUT: u64 = DOORS - 2;
const OUTPUT: u64 = DOORS - 3;

/// What one read of a guest asks for.
const READ_BYTES: usize = 64 * 1024;

/// How long nobody is let in after the system had no descriptor left for one more.
const BREATH: Duration = Duration::from_millis(100);

/// All that a listener for many has.
pub(super) struct Crowd<'a> {
    options: &'a Options,
    says: Says,
    doors: Doors,
    admission: Admission,
    recorder: Recorder,
    /// What a proxy's clients share.
    proxying: Proxying,
    poller: Poller,
    guests: Slab<Guest>,
    jobs: Slab<Job>,
    broker: Broker,
    source: Source,
    input_ready: bool,
    input_told: bool,
    output: Output,
    /// What a guest said, from `at` on not yet on standard output. While it waits no guest is read.
    held: Vec<u8>,
    at: usize,
    end: usize,
    output_blocked: bool,
    /// Guests whose handshakes are over.
    inside: usize,
    /// Guests that something happened to.
    stirred: Vec<usize>,
    /// Guests of whom something else is to be waited for, and whether they were all read when this was last settled.
    touched: Vec<usize>,
    heard: bool,
    /// Guests that ended while something of standard input may still be theirs.
    leaving: Vec<usize>,
    /// Guests of a broker that ended and still hear the others.
    half_closed: HalfClosed,
    moved: Instant,
    quits: Option<Instant>,
    closed_until: Option<Instant>,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(
        options: &'a Options,
        says: Says,
        doors: Doors,
        admission: Admission,
        recorder: Recorder,
    ) -> Result<Self, Trouble> {
        let here = |error: io::Error| Trouble::Call(words(&error));
        let keeps_messages = options.carrier == Carrier::Datagram;
        let kind = match options.listen.together {
            // ncat's numbers are its descriptors: three, and one for each socket that listens.
            Together::Chat => Kind::Chat { first: 3 + doors.len() },
            _ => Kind::Plain,
        };
        Ok(Self {
            options,
            says,
            doors,
            admission,
            recorder,
            proxying: Proxying::new(options, says)?,
            poller: Poller::new().map_err(here)?,
            guests: Slab::new(),
            jobs: Slab::new(),
            broker: Broker::new(kind, keeps_messages),
            source: Source::new(Input::standard().map_err(here)?, &options.flow, keeps_messages),
            input_ready: false,
            input_told: options.flow.recv_only
                || options.run.is_some()
                || options.listen.proxy_server,
            output: Output::standard().map_err(here)?,
            held: vec![0; READ_BYTES],
            at: 0,
            end: 0,
            output_blocked: false,
            inside: 0,
            stirred: Vec::new(),
            touched: Vec::new(),
            heard: true,
            leaving: Vec::new(),
            half_closed: HalfClosed::default(),
            moved: Instant::now(),
            quits: None,
            closed_until: None,
        })
    }

    /// Goes on until it is stopped, or an option ends it.
    pub(super) fn run(mut self) -> Result<Status, Trouble> {
        let mut events = Vec::new();
        loop {
            let now = Instant::now();
            self.admission.reload_if_asked();
            self.let_in(now);
            self.see_off_half_closed(now);
            let leaving = std::mem::take(&mut self.leaving);
            self.see_to_guests(now)?;
            self.feed(now)?;
            self.deliver(now);
            leaving.into_iter().for_each(|id| self.see_off(id, now));
            self.see_to_jobs(now);
            if self.write_output()? == Written::Closed {
                return Ok(recorded(&self.recorder));
            }
            if let Some(ended) = self.ended(now) {
                settle(&mut self.recorder, self.says);
                return match ended? {
                    Status::Done => Ok(recorded(&self.recorder)),
                    status => Ok(status),
                };
            }
            let failed = |error: io::Error| Trouble::network(&error);
            settle(&mut self.recorder, self.says);
            let timeout = self.register(now).map_err(failed)?;
            self.poller.wait(&mut events, timeout).map_err(failed)?;
            events.iter().for_each(|event| self.stir(event));
        }
    }

    /// Those who connect.
    fn let_in(&mut self, now: Instant) {
        if self.closed_until.is_some_and(|until| now < until) {
            return;
        }
        self.closed_until = None;
        while let Some(arrival) = self.doors.accept(now, self.says) {
            let open = self.guests.len() + self.jobs.len();
            if open >= self.options.listen.max_conns
                && let Some(oldest) = self.broker.oldest_ended()
            {
                self.close(oldest, now);
            }
            if self.admission.admits(&arrival.peer, self.guests.len() + self.jobs.len()) {
                self.take(arrival, now);
            }
        }
        if self.doors.is_exhausted() {
            self.closed_until = Some(now + BREATH);
        }
    }

    fn take(&mut self, arrival: Arrival, now: Instant) {
        let Arrival { link, peer, local } = arrival;
        let link = match self.doors.dress(link) {
            Ok(link) => link,
            Err(error) => {
                return self.says.verbose(guest::failed(self.doors.layer(), &peer, &error));
            }
        };
        let deadline = now + self.options.from.wait.unwrap_or(guest::HANDSHAKE_TIME);
        let id =
            self.guests.insert(Guest::new(link, peer, local, deadline, self.options.flow.telnet));
        self.stirred.push(id);
    }

    /// What happened to which guest.
    fn stir(&mut self, event: &Event) {
        match event.token {
            HANGUP | DOORS.. => {}
            INPUT => self.input_ready = true,
            OUTPUT => self.output_blocked = false,
            token @ JOBS.. => {
                if let Some(job) = self.jobs.get_mut(Job::id(token - JOBS)) {
                    job.handle_ready(token - JOBS, event.readable, event.writable);
                }
            }
            token => {
                let id = token as usize;
                let Some(guest) = self.guests.get_mut(id) else { return };
                guest.readable |= event.readable;
                if (event.writable || guest.link.room().readable) && guest.blocked {
                    guest.blocked = false;
                    self.broker.handle_writable(id);
                }
                self.stirred.push(id);
            }
        }
    }

    fn see_to_guests(&mut self, now: Instant) -> Result<(), Trouble> {
        if self.has_timers() {
            self.stirred.extend(
                self.guests.iter().filter(|(_, guest)| is_due(guest, now)).map(|(id, _)| id),
            );
        }
        let stirred = std::mem::take(&mut self.stirred);
        self.touched.extend_from_slice(&stirred);
        for id in stirred {
            let Some(guest) = self.guests.get_mut(id) else { continue };
            if let Err(error) = guest.link.advance(now) {
                self.break_off(id, &error, now);
                continue;
            }
            if let Some(deadline) = guest.shaking {
                if !guest.link.is_established() {
                    if now >= deadline {
                        self.break_off(id, &io::ErrorKind::TimedOut.into(), now);
                    }
                    continue;
                }
                self.arrive(id, now);
            }
            self.hear(id, now);
        }
        Ok(())
    }

    /// The handshakes of a guest are over.
    fn arrive(&mut self, id: usize, now: Instant) {
        self.moved = now;
        let Some(guest) = self.guests.get_mut(id) else { return };
        guest.shaking = None;
        guest.link.story().iter().for_each(|line| self.says.verbose(line));
        if self.options.run.is_none() && !self.options.listen.proxy_server {
            guest.record = begin_record(
                &mut self.recorder,
                (&guest.local, &guest.peer),
                guest.link.keeps_messages(),
                Side::Peer,
            );
            let address = match guest.peer.ip() {
                Some(ip) => ip.to_string(),
                None => guest.peer.to_string(),
            };
            if self.options.listen.together != Together::Apart {
                HalfClosed::watch(guest.link.source());
            }
            self.broker.handle_arrived(id, &address, now);
            self.inside += 1;
            return;
        }
        self.poller.remove(guest.link.source());
        let Guest { link, peer, local, .. } = self.guests.remove(id);
        let job = match &self.options.run {
            Some(run) => {
                let open = Open { link, peer, local };
                let (options, recorder) = (self.options, &mut self.recorder);
                program::start(run, open, Side::Peer, options, recorder, self.says)
                    .map(Job::program)
                    .map_err(|error| format!("exec: {}", words(&error)))
            }
            None => Ok(Job::carry(Carry::new(self.proxying.clone(), link, peer, now))),
        };
        match job {
            Ok(job) => {
                self.jobs.insert(job);
            }
            Err(text) => self.says.line(text),
        }
    }

    /// Writes what is pending to whoever has room.
    fn deliver(&mut self, now: Instant) {
        self.broker.handle_timeout(now);
        while let Some(id) = self.broker.poll_cut() {
            if let Some(guest) = self.guests.get(id) {
                self.says
                    .verbose(format_args!("{} held up the others: cut off.", shown(&guest.peer)));
            }
            self.close(id, now);
        }
        while let Some(id) = self.broker.poll_ready() {
            self.write_to(id, now);
        }
    }

    /// Closes a guest that ended, unless there is still something for it: it is asked in the turn after its end, when
    /// standard input was looked at.
    fn see_off(&mut self, id: usize, now: Instant) {
        if !self.guests.contains(id) {
            return;
        }
        let more_to_come = self.input_ready && !self.input_told;
        if more_to_come || self.broker.pending(id).is_some() {
            self.leaving.push(id);
        } else {
            self.close(id, now);
        }
    }

    /// Closes the guests of a broker that ended and are gone altogether.
    fn see_off_half_closed(&mut self, now: Instant) {
        let guests = &self.guests;
        let source = |id| guests.get(id).map(|guest| guest.link.source());
        for id in self.half_closed.gone(now, source) {
            self.close(id, now);
        }
    }

    fn see_to_jobs(&mut self, now: Instant) {
        let mut over = Vec::new();
        for (id, job) in self.jobs.iter_mut().filter(|(_, job)| job.is_stirred(now)) {
            if job.advance(&mut self.poller, &mut self.recorder, now) == Progress::Over {
                over.push(id);
            }
            if job.has_moved() {
                self.moved = now;
            }
        }
        for id in over {
            let job = self.jobs.remove(id);
            job.unregister(&mut self.poller);
        }
    }

    /// Ends a connection that broke.
    fn break_off(&mut self, id: usize, error: &io::Error, now: Instant) {
        if let Some(guest) = self.guests.get(id) {
            if guest.shaking.is_some() {
                self.says.verbose(guest::failed(self.doors.layer(), &guest.peer, error));
            } else {
                self.says.debug(format_args!("{}: {}.", shown(&guest.peer), words(error)));
            }
        }
        self.close(id, now);
    }

    fn close(&mut self, id: usize, now: Instant) {
        let Some(mut guest) = self.guests.try_remove(id) else { return };
        self.poller.remove(guest.link.source());
        self.half_closed.remove(id);
        if guest.shaking.is_none() {
            self.inside -= 1;
            if guest.link.direct().is_none() && !guest.finished {
                // The last word of TLS and its like; if there is no room for it, it is not said.
                let _ = guest.link.finish();
            }
            self.recorder.close(guest.record);
            self.broker.handle_gone(id, now);
        }
    }
}
