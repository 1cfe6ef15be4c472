//! A request and its reply between a client and an origin, both connected.

use std::time::Instant;

use super::{CLIENT, ORIGIN, READ_BYTES};
use crate::link::{Got, Link};
use crate::proxy::server::{Exchange, Flow};
use crate::source::is_for_later;

/// How much is held for a side that does not take it, before the other is left unread. One read and one head may come on
/// top.
const HELD_BYTES: usize = 64 * 1024;

/// Rounds of one turn, before other connections have theirs.
const TURNS: usize = 16;

/// The two connections and what lies between them.
pub(super) struct Passing {
    links: [Box<dyn Link>; 2],
    exchange: Exchange,
    /// What each side is still to be sent, and how much of that went.
    out: [Vec<u8>; 2],
    at: [usize; 2],
    /// How much each side took.
    moved: [u64; 2],
    ended: [bool; 2],
    /// The exchange is over but for what the client is still to be sent.
    done: bool,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Passed {
    /// There is more to do at once.
    Goes,
    /// Nothing can be done before something happens.
    Waits,
    /// The client has been sent all, or is gone.
    Over,
}

impl Passing {
    /// `out` is what goes first to each side, and `rest` what the client has said behind the head of its request.
    pub(super) fn new(
        links: [Box<dyn Link>; 2],
        exchange: Exchange,
        out: [Vec<u8>; 2],
        rest: &[u8],
    ) -> Self {
        let mut passing = Self {
            links,
            exchange,
            out,
            at: [0; 2],
            moved: [0; 2],
            ended: [false; 2],
            done: false,
        };
        passing.take(CLIENT, rest);
        passing
    }

    pub(super) fn link(&self, side: usize) -> &dyn Link {
        self.links[side].as_ref()
    }

    pub(super) fn into_links(self) -> [Box<dyn Link>; 2] {
        self.links
    }

    /// How much each side took.
    pub(super) const fn moved(&self) -> [u64; 2] {
        self.moved
    }

    /// Whether a side is to be read: the other takes what it is sent.
    pub(super) fn reads(&self, side: usize) -> bool {
        let other = 1 - side;
        !self.done && !self.ended[side] && self.out[other].len() - self.at[other] < HELD_BYTES
    }

    /// Whether there is something for a side.
    pub(super) fn writes(&self, side: usize) -> bool {
        self.at[side] < self.out[side].len()
    }

    /// Moves what can be moved.
    pub(super) fn advance(
        &mut self,
        readable: &mut [bool; 2],
        writable: &mut [bool; 2],
        now: Instant,
    ) -> Passed {
        for _ in 0..TURNS {
            let mut moved = false;
            for side in [CLIENT, ORIGIN] {
                if self.links[side].advance(now).is_err() && !self.lose(side) {
                    return Passed::Over;
                }
                match self.write(side, &mut writable[side]) {
                    Some(wrote) => moved |= wrote,
                    None => return Passed::Over,
                }
                match self.read(side, &mut readable[side]) {
                    Some(read) => moved |= read,
                    None => return Passed::Over,
                }
            }
            if self.done && !self.writes(CLIENT) {
                return Passed::Over;
            }
            if !moved {
                return Passed::Waits;
            }
        }
        Passed::Goes
    }

    /// `None` if there is nobody to carry on for.
    fn write(&mut self, side: usize, writable: &mut bool) -> Option<bool> {
        if !self.writes(side) || !*writable || (self.done && side == ORIGIN) {
            return Some(false);
        }
        match self.links[side].write(&self.out[side][self.at[side]..]) {
            Ok(count) => {
                self.at[side] += count;
                self.moved[side] += count as u64;
                if !self.writes(side) {
                    self.out[side].clear();
                    self.at[side] = 0;
                }
                Some(true)
            }
            Err(error) if is_for_later(&error) => {
                *writable = false;
                Some(false)
            }
            Err(_) => self.lose(side).then_some(true),
        }
    }

    fn read(&mut self, side: usize, readable: &mut bool) -> Option<bool> {
        if !self.reads(side) || !(*readable || self.links[side].has_text()) {
            return Some(false);
        }
        let mut buffer = [0; READ_BYTES];
        match self.links[side].read(&mut buffer) {
            Ok(Got::Bytes(count)) => self.take(side, &buffer[..count]),
            Ok(Got::End) => self.end(side),
            Err(error) if is_for_later(&error) => {
                *readable = false;
                return Some(false);
            }
            Err(_) => return self.lose(side).then_some(true),
        }
        Some(true)
    }

    fn take(&mut self, side: usize, bytes: &[u8]) {
        let [to_client, to_origin] = &mut self.out;
        let flow = match side {
            CLIENT => self.exchange.handle_client(bytes, to_origin, to_client),
            _ => self.exchange.handle_origin(bytes, to_client),
        };
        self.done |= flow == Flow::Done;
    }

    fn end(&mut self, side: usize) {
        self.ended[side] = true;
        let flow = match side {
            CLIENT => self.exchange.handle_client_end(),
            _ => self.exchange.handle_origin_end(&mut self.out[CLIENT]),
        };
        self.done |= flow == Flow::Done;
    }

    /// A connection broke. Gives whether there is still a client to be told something.
    fn lose(&mut self, side: usize) -> bool {
        if side == ORIGIN && !self.done {
            // What has come of the reply is passed on, and then there is none or its end.
            self.out[ORIGIN].clear();
            self.at[ORIGIN] = 0;
            self.end(ORIGIN);
        }
        side == ORIGIN
    }
}
