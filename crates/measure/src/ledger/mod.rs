//! What one socket has on its way, and what became of it.
//!
//! Requests are numbered from 0 in the order in which they are sent. The latest stand in a ring, found by their number
//! without a search. A request that still waits when the ring comes round to its place is put aside, and one that was
//! given up is remembered, so that a reply which comes after that is known as late and not taken for a second one.
//! All of it is allocated at the beginning and never grows.

mod aside;

use std::ops::Range;

use crate::{Counts, Nanos};
use aside::{Aside, Remembered};

/// The record of one socket's requests.
#[derive(Debug)]
pub struct Ledger {
    /// A power of two long; request `seq` stands at `seq` modulo that.
    ring: Box<[Slot]>,
    /// Requests that wait and whose place in the ring was taken over.
    aside: Aside,
    /// Requests that were given up and whose place in the ring was taken over.
    given_up: Remembered,
    /// The number of the next request.
    next: u64,
    /// No request before this one waits in the ring.
    oldest: u64,
    outstanding: usize,
    limit: usize,
    /// The highest number that has had its reply.
    highest: Option<u64>,
    /// The requests that count: from the first of them, up to the first that does not any more.
    counted: Range<u64>,
    counts: Counts,
}

/// What a reply turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The first and right reply to a request that counts.
    First {
        /// The time since the request was meant to be sent: what is reported.
        from_intended: Nanos,
        /// The time since it was sent.
        from_sent: Nanos,
    },
    /// The first and right reply to a request that does not count, being from the warm-up or sent after the end.
    Uncounted,
    /// Any other reply to such a request.
    Ignored,
    /// The first reply to a request that counts, and not the right one.
    Wrong,
    /// Another reply to a request that had one.
    Again,
    /// A reply to a request that had been given up.
    Late,
    /// A reply to nothing that was sent here.
    Stray,
}

impl Ledger {
    /// A record for up to `limit` requests that wait for their reply at the same time.
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        let length = (RING_PER_LIMIT * limit).next_power_of_two();
        Self {
            ring: vec![Slot::default(); length].into(),
            aside: Aside::new(limit),
            given_up: Remembered::new((REMEMBERED_PER_LIMIT * limit).min(MOST_REMEMBERED)),
            next: 0,
            oldest: 0,
            outstanding: 0,
            limit,
            highest: None,
            counted: 0..u64::MAX,
            counts: Counts::default(),
        }
    }

    /// The number that the next request will have.
    #[inline]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// How many requests wait for their reply.
    #[inline]
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// How many more may be sent.
    #[inline]
    pub fn room(&self) -> usize {
        self.limit - self.outstanding
    }

    /// What became of the requests that count.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// From the next request on they count, from zero: the warm-up is over.
    ///
    /// A new ledger counts from its first request on, so a run with a warm-up begins with
    /// [`stop_counting`](Self::stop_counting).
    pub fn start_counting(&mut self) {
        self.counted = self.next..u64::MAX;
        self.highest = None;
        self.counts = Counts::default();
    }

    /// From the next request on they do not count. Replies to those before still do.
    pub fn stop_counting(&mut self) {
        self.counted.end = self.counted.end.min(self.next);
    }

    /// The next request was sent. It waits from now on, and its number is what [`next_seq`](Self::next_seq) was.
    ///
    /// Without [`room`](Self::room) the request that waits longest is given up for it.
    #[inline]
    pub fn sent(&mut self, intended: Nanos, sent_at: Nanos) {
        if self.outstanding == self.limit {
            self.give_up_oldest();
        }
        let seq = self.next;
        let slot = self.slot(seq);
        if let Some(before) = seq.checked_sub(self.ring.len() as u64) {
            self.make_room(before, slot);
        }
        self.ring[slot] = Slot { intended, sent_at, state: State::Waiting };
        self.next += 1;
        self.outstanding += 1;
        self.counts.requests += u64::from(self.counted.contains(&seq));
    }

    /// Request `seq` was kept back after it was [sent](Self::sent) here, and has left now: a socket that is full takes a
    /// request in pieces, or a connection had to be made for it.
    pub fn left(&mut self, seq: u64, at: Nanos) {
        if seq >= self.next {
            return;
        }
        let slot = self.slot(seq);
        match self.next - seq <= self.ring.len() as u64 {
            true => self.ring[slot].sent_at = at,
            false => self.aside.left(seq, at),
        }
    }

    /// A request could not be sent since the kernel had no buffer for it: it is lost at once. Its number goes to the
    /// next one, for no one has seen it.
    pub fn not_sent(&mut self) {
        if self.counted.contains(&self.next) {
            self.counts.requests += 1;
            self.counts.lost += 1;
            self.counts.no_buffers += 1;
        }
    }

    /// A right reply to request `seq` came.
    #[inline]
    pub fn reply(&mut self, seq: u64, now: Nanos) -> Answer {
        self.settle(seq, now, true)
    }

    /// A reply came that says it belongs to request `seq`, and is not the right one.
    pub fn wrong_reply(&mut self, seq: u64, now: Nanos) -> Answer {
        self.settle(seq, now, false)
    }

    /// A reply came that does not say which request it belongs to: it counts for the one that waits longest.
    ///
    /// With replies lost or swapped the latencies are then those of other requests, and a second reply cannot be told
    /// from a first; where a service repeats what it was sent, [`reply`](Self::reply) is the one to use.
    pub fn oldest_reply(&mut self, now: Nanos, right: bool) -> Answer {
        match self.oldest_waiting() {
            Some(seq) => self.settle(seq, now, right),
            None => self.stray_reply(),
        }
    }

    /// A reply came that belongs to no request of this socket.
    pub fn stray_reply(&mut self) -> Answer {
        self.counts.stray += 1;
        Answer::Stray
    }

    /// The number of the request that waits longest.
    #[inline]
    pub fn oldest_waiting(&mut self) -> Option<u64> {
        self.aside.first().map(|(seq, _)| seq).or_else(|| self.oldest_in_ring())
    }

    /// When the request that waits longest was sent: with the time after which it is given up, when to look again.
    pub fn oldest_sent(&mut self) -> Option<Nanos> {
        let in_ring = |ledger: &mut Self| {
            ledger.oldest_in_ring().map(|seq| ledger.ring[ledger.slot(seq)].sent_at)
        };
        self.aside.first().map(|(_, slot)| slot.sent_at).or_else(|| in_ring(self))
    }

    /// Gives up what was sent `timeout` ago or earlier, and says how many that were.
    pub fn expire(&mut self, now: Nanos, timeout: Nanos) -> usize {
        let before = self.outstanding;
        while self.oldest_sent().is_some_and(|sent| sent.saturating_add(timeout) <= now) {
            self.give_up_oldest();
        }
        before - self.outstanding
    }

    /// Gives up everything that waits, as when a connection breaks, and says how many that were.
    pub fn give_up_all(&mut self) -> usize {
        let before = self.outstanding;
        while self.outstanding > 0 {
            self.give_up_oldest();
        }
        before
    }

    /// Forgets everything that waits: a run that is ended by hand does not know what would have become of it.
    pub fn withdraw_all(&mut self) {
        let counted = |seq: u64| u64::from(self.counted.contains(&seq));
        let aside: u64 = self.aside.numbers().map(counted).sum();
        let waiting = (self.oldest..self.next)
            .filter(|&seq| self.ring[self.slot(seq)].state == State::Waiting);
        let in_ring: u64 = waiting.map(counted).sum();
        self.counts.requests -= aside + in_ring;
        self.aside.clear();
        for seq in self.oldest..self.next {
            let slot = self.slot(seq);
            self.ring[slot].state = State::Done;
        }
        self.oldest = self.next;
        self.outstanding = 0;
    }

    #[inline]
    fn settle(&mut self, seq: u64, now: Nanos, right: bool) -> Answer {
        if seq >= self.next {
            return self.stray_reply();
        }
        let counts = self.counted.contains(&seq);
        let request = if self.next - seq <= self.ring.len() as u64 {
            let slot = self.slot(seq);
            let state = std::mem::replace(&mut self.ring[slot].state, State::Done);
            match state {
                State::Waiting => self.ring[slot],
                State::GivenUp => return self.late(counts),
                State::Done => return self.again(counts),
            }
        } else {
            match self.aside.remove(seq) {
                Some(request) => request,
                None if self.given_up.remove(seq) => return self.late(counts),
                None => return self.again(counts),
            }
        };
        self.outstanding -= 1;
        if !counts {
            return if right { Answer::Uncounted } else { Answer::Ignored };
        }
        match self.highest {
            Some(highest) if seq < highest => self.counts.reordered += 1,
            _ => self.highest = Some(seq),
        }
        if !right {
            self.counts.wrong += 1;
            return Answer::Wrong;
        }
        self.counts.answered += 1;
        Answer::First {
            from_intended: now.saturating_sub(request.intended),
            from_sent: now.saturating_sub(request.sent_at),
        }
    }

    fn again(&mut self, counts: bool) -> Answer {
        self.counts.duplicated += u64::from(counts);
        if counts { Answer::Again } else { Answer::Ignored }
    }

    fn late(&mut self, counts: bool) -> Answer {
        self.counts.late += u64::from(counts);
        self.counts.lost -= u64::from(counts);
        if counts { Answer::Late } else { Answer::Ignored }
    }

    fn give_up_oldest(&mut self) {
        let seq = match self.aside.take_first() {
            Some(seq) => {
                self.given_up.add(seq);
                seq
            }
            None => {
                let Some(seq) = self.oldest_in_ring() else { return };
                let slot = self.slot(seq);
                self.ring[slot].state = State::GivenUp;
                seq
            }
        };
        self.outstanding -= 1;
        self.counts.lost += u64::from(self.counted.contains(&seq));
    }

    /// Takes the request out of a place of the ring that is wanted for a later one.
    #[inline]
    fn make_room(&mut self, seq: u64, slot: usize) {
        match self.ring[slot].state {
            State::Done => {}
            State::Waiting => self.aside.add(seq, self.ring[slot]),
            State::GivenUp => self.given_up.add(seq),
        }
        self.oldest = self.oldest.max(seq + 1);
    }

    /// Goes over the requests that wait no more: once over each, whatever the order of replies.
    #[inline]
    fn oldest_in_ring(&mut self) -> Option<u64> {
        while self.oldest < self.next {
            if self.ring[self.slot(self.oldest)].state == State::Waiting {
                return Some(self.oldest);
            }
            self.oldest += 1;
        }
        None
    }

    #[inline]
    fn slot(&self, seq: u64) -> usize {
        // The ring's length is a power of two, and what is left is below it.
        (seq & (self.ring.len() as u64 - 1)) as usize
    }
}

/// One request in the ring.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    intended: Nanos,
    sent_at: Nanos,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It has had a reply, or there is no such request yet.
    #[default]
    Done,
    Waiting,
    GivenUp,
}

/// How many requests the ring holds for each that may wait: enough that one is put aside only where it has been lost,
/// few enough that the rings of eight sockets with windows of 32 stay in the processor's nearest cache.
const RING_PER_LIMIT: usize = 4;

/// How many requests that were given up are remembered, for each that may wait: in a closed loop at most the whole
/// window is given up at a time, so a reply can be sixteen times as late as it takes to give one up.
const REMEMBERED_PER_LIMIT: usize = 16;

/// Beyond this the earliest is forgotten, and a reply to it would be taken for a second one: half a mebibyte a socket.
const MOST_REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests;
