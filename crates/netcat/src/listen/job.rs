//! A connection that is somebody else's now: a program's, or of what the proxy carries on.

use std::os::fd::AsFd;
use std::time::Instant;

use callbox_net::poller::Poller;

use super::carry::Carry;
use crate::bridge::{Bridge, Course};
use crate::program::{Started, tap};
use crate::record::Recorder;

/// Descriptors of one job: both sides of a bridge, and the program.
const SIDES: u64 = 4;
const PROGRAM: u64 = 2;

/// What a job came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    Waits,
    Over,
}

/// One of them.
pub(super) enum Job {
    /// A program with a connection.
    Program(Box<Program>),
    /// A client of the proxy.
    Carry(Box<Carry>),
}

/// A program with a connection.
pub(super) struct Program {
    started: Started,
    /// How much moved when that was last asked.
    moved: [u64; 2],
    stirred: bool,
    ended: bool,
}

impl Job {
    pub(super) fn program(started: Started) -> Self {
        Self::Program(Box::new(Program::new(started)))
    }

    pub(super) fn carry(carry: Carry) -> Self {
        Self::Carry(Box::new(carry))
    }

    /// The job that a token is of.
    pub(super) const fn id(token: u64) -> usize {
        (token / SIDES) as usize
    }

    /// The first of a job's tokens.
    pub(super) const fn token(id: usize) -> u64 {
        id as u64 * SIDES
    }

    /// What was waited for is there.
    pub(super) fn handle_ready(&mut self, token: u64, readable: bool, writable: bool) {
        match self {
            Self::Program(program) => program.handle_ready(token, readable, writable),
            Self::Carry(carry) => carry.handle_ready((token % SIDES) as usize, readable, writable),
        }
    }

    /// Whether there is something to do.
    pub(super) fn is_stirred(&self, now: Instant) -> bool {
        match self {
            Self::Program(program) => program.is_stirred(now),
            Self::Carry(carry) => carry.is_stirred(now),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Program(program) => program.poll_timeout(),
            Self::Carry(carry) => carry.poll_timeout(),
        }
    }

    /// Does what can be done. What a peer and a program say to each other is recorded, if the connection is carried on.
    pub(super) fn advance(
        &mut self,
        poller: &mut Poller,
        recorder: &mut Recorder,
        now: Instant,
    ) -> Progress {
        match self {
            Self::Program(program) => program.advance(poller, recorder, now),
            Self::Carry(carry) => carry.advance(poller, now),
        }
    }

    /// Whether something moved between a program and its peer since this was asked last.
    pub(super) fn has_moved(&mut self) -> bool {
        match self {
            Self::Program(program) => program.has_moved(),
            Self::Carry(_) => false,
        }
    }

    /// Has nothing of it waited for any more, before it is closed.
    pub(super) fn unregister(self, poller: &mut Poller) {
        match self {
            Self::Program(program) => program.unregister(poller),
            Self::Carry(carry) => carry.unregister(poller),
        }
    }

    /// Has everything waited for that can go on.
    pub(super) fn register(&self, poller: &mut Poller, first: u64) -> std::io::Result<()> {
        match self {
            Self::Program(program) => program.register(poller, first),
            Self::Carry(carry) => carry.register(poller, first),
        }
    }
}

impl Program {
    fn new(started: Started) -> Self {
        Self { started, moved: [0; 2], stirred: true, ended: false }
    }

    /// What was waited for is there.
    fn handle_ready(&mut self, token: u64, readable: bool, writable: bool) {
        self.stirred = true;
        if let Some(bridge) = &mut self.started.bridge
            && token % SIDES != PROGRAM
        {
            bridge.handle_ready((token % SIDES) as usize, readable, writable);
        }
    }

    /// Whether there is something to do.
    fn is_stirred(&self, now: Instant) -> bool {
        self.stirred || self.poll_timeout().is_some_and(|at| now >= at)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.started.bridge.as_ref().and_then(Bridge::poll_timeout)
    }

    /// Does what can be done. It is over when the program ended and all that it said was carried on.
    fn advance(&mut self, poller: &mut Poller, recorder: &mut Recorder, now: Instant) -> Progress {
        self.stirred = false;
        if let Some(bridge) = &mut self.started.bridge {
            match bridge.advance(now, &mut tap(recorder, self.started.record)) {
                Course::Goes => self.stirred = true,
                Course::Waits => {}
                Course::Over | Course::Broken(..) => self.unbridge(poller),
            }
        }
        self.ended = self.ended || self.started.reap();
        if self.ended && self.started.bridge.is_none() {
            recorder.close(self.started.record);
            return Progress::Over;
        }
        Progress::Waits
    }

    fn has_moved(&mut self) -> bool {
        let moved = self.started.bridge.as_ref().map_or(self.moved, Bridge::moved);
        std::mem::replace(&mut self.moved, moved) != moved
    }

    fn unbridge(&mut self, poller: &mut Poller) {
        if let Some(bridge) = self.started.bridge.take() {
            (0..2).for_each(|side| poller.remove(bridge.interest(side).0));
        }
    }

    /// Has nothing of it waited for any more, before it is closed.
    fn unregister(mut self, poller: &mut Poller) {
        poller.remove(self.started.running.as_fd());
        self.unbridge(poller);
    }

    /// Has everything waited for that can go on.
    fn register(&self, poller: &mut Poller, first: u64) -> std::io::Result<()> {
        poller.set(self.started.running.as_fd(), first + PROGRAM, !self.ended, false)?;
        if let Some(bridge) = &self.started.bridge {
            for side in 0..2 {
                let (source, readable, writable) = bridge.interest(side);
                poller.set(source, first + side as u64, readable, writable)?;
            }
        }
        Ok(())
    }
}
