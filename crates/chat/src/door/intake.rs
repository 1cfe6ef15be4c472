//! A pipe in two steps, for event loops in which the second one is dear.
//!
//! Deciphering costs time, and the hub is one for all threads. So [`receive`](Intake::receive) does the work while a
//! thread is on its own, and [`next`](Intake::next) merely hands out what came of it while the thread holds the hub.
//! Bare lines need no work and are lent from the read buffer as before.

use std::collections::VecDeque;
use std::time::Duration;

use callbox_hub::contract::Peer;

use super::{CloseWhy, Incoming, Pipe};

/// A [`Pipe`] and what came of the bytes that it received.
///
/// Calling contract: while it is not [`transparent`](Self::transparent) what was read goes to
/// [`receive`](Self::receive); otherwise it is the input of [`next`](Self::next). `next` is called until it gives
/// `None` before more is read, so that what came of one read is kept and no more.
#[derive(Debug)]
pub struct Intake {
    pipe: Pipe,
    /// Absent while there is nothing in it, as it is on ten thousand silent connections.
    queue: Option<Box<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// The lines, one behind the other; those before `used` were given out.
    bytes: Vec<u8>,
    used: usize,
}

#[derive(Debug)]
enum Item {
    Opened(Peer),
    /// So many bytes.
    Line(usize),
    TooLong,
    Close(CloseWhy),
}

impl Intake {
    /// Around `pipe`, which has received nothing.
    pub fn new(pipe: Pipe) -> Self {
        Self { pipe, queue: None }
    }

    /// Takes in what was read, and does what costs time.
    pub fn receive(&mut self, wire: &[u8], now: Duration) {
        let mut input = wire;
        while let Some(incoming) = self.pipe.next(&mut input, now) {
            self.queue.get_or_insert_default().push(incoming);
        }
    }

    /// As [`Pipe::is_plain`].
    pub fn is_plain(&self) -> bool {
        self.pipe.is_plain()
    }

    /// As [`Pipe::last_input`].
    pub fn last_input(&self) -> &'static [u8] {
        self.pipe.last_input()
    }

    /// The next thing: of what was received, then of `input`, which is empty unless the intake is transparent. `None`
    /// means that all of it was taken in.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Incoming<'s>> {
        if self.queue.as_ref().is_some_and(|queue| queue.items.is_empty()) {
            self.queue = None;
        }
        match self.queue {
            Some(ref mut queue) => queue.pop(),
            // The time counts only for what is not transparent.
            None if self.pipe.transparent() => self.pipe.next(input, Duration::ZERO),
            None => None,
        }
    }

    /// As [`Pipe::transparent`].
    pub fn transparent(&self) -> bool {
        self.pipe.transparent()
    }

    /// As [`Pipe::encode`].
    pub fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        self.pipe.encode(lines, wire);
    }

    /// As [`Pipe::take_output`].
    pub fn take_output(&mut self, wire: &mut Vec<u8>) {
        self.pipe.take_output(wire);
    }

    /// As [`Pipe::close`].
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        self.pipe.close(wire);
    }

    /// As [`Pipe::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.pipe.poll_timeout()
    }

    /// As [`Pipe::handle_timeout`]; what follows from it comes by [`next`](Self::next).
    pub fn handle_timeout(&mut self, now: Duration) {
        if let Some(why) = self.pipe.handle_timeout(now) {
            self.queue.get_or_insert_default().push(Incoming::Close(why));
        }
    }
}

impl Queue {
    fn push(&mut self, incoming: Incoming<'_>) {
        self.items.push_back(match incoming {
            Incoming::Opened(peer) => Item::Opened(peer),
            Incoming::Line(line) => {
                self.bytes.extend_from_slice(line);
                Item::Line(line.len())
            }
            Incoming::TooLong => Item::TooLong,
            Incoming::Close(why) => Item::Close(why),
        });
    }

    fn pop(&mut self) -> Option<Incoming<'_>> {
        Some(match self.items.pop_front()? {
            Item::Opened(peer) => Incoming::Opened(peer),
            Item::Line(length) => {
                let line = self.bytes.get(self.used..self.used + length).unwrap_or_default();
                self.used += length;
                Incoming::Line(line)
            }
            Item::TooLong => Incoming::TooLong,
            Item::Close(why) => Incoming::Close(why),
        })
    }
}
