//! What is said in a talk, who has it already, and whether what arrives is what had to come next.

use std::io::Write;
use std::time::Instant;

use super::{Message, ROOM};
use crate::bench::latency::Latencies;

/// Who talks how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    /// The clients that talk: the first ones of the crowd.
    pub(crate) talkers: usize,
    /// Messages that each has on their way.
    pub(crate) window: usize,
    /// Bytes of each message's text.
    pub(crate) size: usize,
    /// Messages after which each talker falls silent.
    pub(crate) messages: u64,
}

/// What was delivered since counting began.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// From when a message was given to the talker's socket to when a client had read it.
    pub(crate) latencies: Latencies,
    /// Deliveries that were wrong, twice, or out of their order, since the talk began.
    pub(crate) bad: u64,
    /// Lines that reached clients who looked at nothing.
    pub(crate) unchecked: u64,
}

/// A talk that is going on.
pub(super) struct Talking {
    talk: Talk,
    others: usize,
    talkers: Vec<Talker>,
    /// By client and talker: the number of the message that is to come next.
    next: Vec<Vec<u64>>,
    tally: Tally,
}

#[derive(Clone, Default)]
struct Talker {
    /// Messages said, and messages that everybody has.
    said: u64,
    done: u64,
    /// By place in the window.
    flights: Vec<Flight>,
}

/// A message on its way.
#[derive(Clone)]
struct Flight {
    said: Instant,
    /// How many still lack it.
    left: usize,
    /// The room and the text, as they must arrive.
    params: Vec<u8>,
}

impl Talking {
    pub(super) fn new(talk: Talk, clients: usize) -> Self {
        let flight = Flight { said: Instant::now(), left: 0, params: Vec::new() };
        let talker = Talker { flights: vec![flight; talk.window], ..Talker::default() };
        Self {
            talk,
            others: clients.saturating_sub(1),
            talkers: vec![talker; talk.talkers],
            next: vec![vec![0; talk.talkers]; clients],
            tally: Tally::default(),
        }
    }

    /// Whether all is with everybody, or will never be.
    pub(super) fn is_over(&self) -> bool {
        self.tally.bad > 0 || self.talkers.iter().all(|t| t.done == self.talk.messages)
    }

    /// Forgets what was counted, except what was bad.
    pub(super) fn count(&mut self) {
        self.tally.latencies = Latencies::default();
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Appends what a talker's window has room for.
    pub(super) fn say_more(&mut self, number: usize, unsent: &mut Vec<u8>) {
        let Talk { window, size, messages, .. } = self.talk;
        let talker = &mut self.talkers[number];
        while talker.said < messages.min(talker.done + window as u64) {
            let flight = &mut talker.flights[place(talker.said, window)];
            flight.params.clear();
            write_params(number, talker.said, size, &mut flight.params);
            unsent.extend_from_slice(b"PRIVMSG ");
            unsent.extend_from_slice(&flight.params);
            unsent.extend_from_slice(b"\r\n");
            (flight.said, flight.left) = (Instant::now(), self.others);
            talker.said += 1;
        }
    }

    /// Checks one delivery; the talker, if a message of theirs is now with everybody.
    pub(super) fn handle_delivery(
        &mut self,
        client: usize,
        message: &Message<'_>,
        now: Instant,
    ) -> Option<usize> {
        let right = self.check(client, message);
        if right.is_none() {
            self.tally.bad += 1;
        }
        let (number, place) = right?;
        self.next[client][number] += 1;
        let talker = &mut self.talkers[number];
        let flight = &mut talker.flights[place];
        self.tally.latencies.add(now.saturating_duration_since(flight.said));
        flight.left -= 1;
        let with_all = flight.left == 0;
        talker.done += u64::from(with_all);
        with_all.then_some(number)
    }

    /// Who said it and its place in their window, if it is what must come next.
    fn check(&self, client: usize, message: &Message<'_>) -> Option<(usize, usize)> {
        let nick = message.source.split(|&byte| byte == b'!').next()?;
        let number = std::str::from_utf8(nick.strip_prefix(b"b")?).ok()?.parse::<usize>().ok()?;
        let talker = self.talkers.get(number).filter(|_| number != client)?;
        let next = *self.next.get(client)?.get(number)?;
        let place = place(next, self.talk.window);
        let right = next < talker.said && talker.flights[place].params == message.params;
        right.then_some((number, place))
    }
}

fn place(message: u64, window: usize) -> usize {
    (message % window as u64) as usize
}

/// The room and a text of `size` bytes: the talker, the number, and letters for the rest.
fn write_params(talker: usize, number: u64, size: usize, params: &mut Vec<u8>) {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    params.extend_from_slice(ROOM.as_bytes());
    params.extend_from_slice(b" :");
    let end = params.len() + size;
    // Writing to a vector does not fail.
    let _ = write!(params, "{talker} {number} ");
    while params.len() < end {
        let length = LETTERS.len().min(end - params.len());
        params.extend_from_slice(&LETTERS[..length]);
    }
}
