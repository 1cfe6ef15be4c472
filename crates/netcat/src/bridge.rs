//! Two links joined: what one says, the other is told. A program behind TLS, and what a proxy carries.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::filter::Crlf;
use crate::link::{Got, Link};

/// What one direction holds at most. Whoever is quicker waits for the other.
const HELD_BYTES: usize = 64 * 1024;

/// What is read at most of a peer that nobody listens to any more, so that closing is no reset. Who sends more gets one.
const UNREAD_BYTES: usize = 1 << 20;

/// Both directions between two links.
///
/// Calling contract: as that of a [`Link`], with two descriptors: wait for what [`interest`](Self::interest) says of
/// each, tell it by [`handle_ready`](Self::handle_ready), then call [`advance`](Self::advance) until it gives
/// [`Course::Waits`] or says that it is over.
pub struct Bridge {
    links: [Box<dyn Link>; 2],
    ways: [Way; 2],
    readable: [bool; 2],
    writable: [bool; 2],
    /// How much the second link took of the first, and the first of the second.
    moved: [u64; 2],
    /// The second one is a program: it is over as soon as that ended, and however.
    is_program: bool,
    /// What the second one says gets its carriage returns.
    crlf: Option<Crlf>,
}

/// Is shown what moves: the number of the link that said it, and what the other was told of it.
pub type Tap<'a> = dyn FnMut(usize, Told<'_>) + 'a;

/// What one link was told of the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Told<'a> {
    /// It took these bytes.
    Bytes(&'a [u8]),
    /// That there will be no more.
    End,
}

/// From `links[i]` to the other.
struct Way {
    held: Vec<u8>,
    at: usize,
    end: usize,
    source_ended: bool,
    finished: bool,
}

/// What a bridge came to.
#[derive(Debug)]
pub enum Course {
    /// There may be more to do at once.
    Goes,
    /// Nothing can be done before something happens.
    Waits,
    /// Both ended.
    Over,
    /// One broke: its number, and how.
    Broken(usize, io::Error),
}

impl Bridge {
    /// Joins them. It is over when both ended.
    pub fn new(links: [Box<dyn Link>; 2]) -> Self {
        Self {
            links,
            ways: [Way::new(), Way::new()],
            readable: [true; 2],
            writable: [true; 2],
            moved: [0; 2],
            is_program: false,
            crlf: None,
        }
    }

    /// Joins a connection and a program, with whose end it is over. `crlf` is `-C`.
    pub fn to_program(connection: Box<dyn Link>, program: Box<dyn Link>, crlf: bool) -> Self {
        let crlf = crlf.then(Crlf::default);
        Self { is_program: true, crlf, ..Self::new([connection, program]) }
    }

    /// The descriptor of one of the links, and whether it is to be readable or writable for the bridge to go on.
    pub fn interest(&self, side: usize) -> (BorrowedFd<'_>, bool, bool) {
        let (link, other) = (&self.links[side], 1 - side);
        let (needs, room) = (link.needs(), link.room());
        let wants = self.ways[side].has_room() && !self.readable[side];
        let has = self.ways[other].is_waiting() && !self.writable[side];
        (
            link.source(),
            wants || needs.readable || (has && room.readable),
            needs.writable || (has && room.writable),
        )
    }

    /// When it is to be advanced, whatever happens until then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.links.iter().filter_map(|link| link.poll_timeout()).min()
    }

    /// What was waited for is there.
    pub fn handle_ready(&mut self, side: usize, readable: bool, writable: bool) {
        self.readable[side] |= readable;
        self.writable[side] |= writable || (readable && self.links[side].room().readable);
    }

    /// How much the second link took of the first, and the first of the second.
    pub const fn moved(&self) -> [u64; 2] {
        self.moved
    }

    /// Moves what can be moved.
    pub fn advance(&mut self, now: Instant, tap: &mut Tap<'_>) -> Course {
        let mut goes = false;
        for side in 0..2 {
            if let Err(error) = self.links[side].advance(now) {
                return Course::Broken(side, error);
            }
            match self.read(side) {
                Ok(read) => goes |= read,
                Err(error) => return Course::Broken(side, error),
            }
            match self.write(side, tap) {
                Ok(wrote) => goes |= wrote,
                Err(error) => return Course::Broken(1 - side, error),
            }
        }
        let flushed = self.links.iter().all(|link| link.is_flushed());
        let first_may_go_on = self.is_program || self.ways[0].finished;
        match (self.ways[1].finished && first_may_go_on && flushed, goes) {
            (true, _) => {
                self.drop_unread();
                Course::Over
            }
            (false, true) => Course::Goes,
            (false, false) => Course::Waits,
        }
    }

    /// Takes what the peer said to a program that has ended.
    fn drop_unread(&mut self) {
        let (link, way) = (&mut self.links[0], &mut self.ways[0]);
        let mut dropped = 0;
        while self.is_program && !way.source_ended && dropped < UNREAD_BYTES {
            match link.read(&mut way.held) {
                Ok(Got::Bytes(count)) => dropped += count,
                Ok(Got::End) | Err(_) => break,
            }
        }
    }

    fn read(&mut self, side: usize) -> io::Result<bool> {
        let (link, way) = (&mut self.links[side], &mut self.ways[side]);
        if !way.has_room() || !(self.readable[side] || link.has_text()) || !link.is_established() {
            return Ok(false);
        }
        let crlf = self.crlf.as_mut().filter(|_| side == 1);
        // Line ends take no more than as much again.
        let room = if crlf.is_some() { HELD_BYTES / 2 } else { HELD_BYTES };
        match link.read(&mut way.held[..room]) {
            Ok(Got::Bytes(count)) => {
                (way.at, way.end) = (0, count);
                if let Some(crlf) = crlf {
                    let mut text = Vec::with_capacity(2 * count);
                    crlf.handle(&way.held[..count], &mut text);
                    way.end = text.len();
                    way.held[..way.end].copy_from_slice(&text);
                }
            }
            Ok(Got::End) => way.source_ended = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable[side] = false;
                return Ok(false);
            }
            // It ended without having read all that it was told.
            Err(_) if self.is_program && side == 1 => way.source_ended = true,
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn write(&mut self, side: usize, tap: &mut Tap<'_>) -> io::Result<bool> {
        let (link, way) = (&mut self.links[1 - side], &mut self.ways[side]);
        if way.is_waiting() {
            if !self.writable[1 - side] || !link.is_established() {
                return Ok(false);
            }
            match link.write(&way.held[way.at..way.end]) {
                Ok(count) => {
                    tap(side, Told::Bytes(&way.held[way.at..way.at + count]));
                    way.at += count;
                    self.moved[side] += count as u64;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable[1 - side] = false;
                    return Ok(false);
                }
                // It reads no more. What it says still counts, and its end comes by itself.
                Err(_) if self.is_program && side == 0 => {
                    way.at = way.end;
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
        if way.source_ended && !way.finished {
            match link.finish() {
                Err(error) if !(self.is_program && side == 0) => return Err(error),
                _ => {}
            }
            way.finished = true;
            tap(side, Told::End);
            return Ok(true);
        }
        Ok(false)
    }
}

impl Way {
    fn new() -> Self {
        Self { held: vec![0; HELD_BYTES], at: 0, end: 0, source_ended: false, finished: false }
    }

    const fn is_waiting(&self) -> bool {
        self.at < self.end
    }

    const fn has_room(&self) -> bool {
        !self.is_waiting() && !self.source_ended
    }
}

/// Carries one bridge to its end.
///
/// # Errors
///
/// If the first link breaks, or nothing moves for `idle`. The second one may end as it likes: it is a program's.
pub fn run(mut bridge: Bridge, idle: Option<Duration>, tap: &mut Tap<'_>) -> io::Result<[u64; 2]> {
    let mut poller = callbox_net::poller::Poller::new()?;
    let mut events = Vec::new();
    let mut moved = Instant::now();
    loop {
        let now = Instant::now();
        match bridge.advance(now, tap) {
            Course::Goes => {
                moved = now;
                continue;
            }
            Course::Waits => {}
            Course::Over => return Ok(bridge.moved()),
            Course::Broken(0, error) => return Err(error),
            Course::Broken(..) => return Ok(bridge.moved()),
        }
        let ends = idle.map(|idle| moved + idle);
        if ends.is_some_and(|ends| now >= ends) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for side in 0..2 {
            let (source, readable, writable) = bridge.interest(side);
            poller.set(source, side as u64, readable, writable)?;
        }
        let next = [ends, bridge.poll_timeout()].into_iter().flatten().min();
        poller.wait(&mut events, next.map(|at| at.saturating_duration_since(now)))?;
        for event in &events {
            bridge.handle_ready(usize::from(event.token == 1), event.readable, event.writable);
        }
    }
}
