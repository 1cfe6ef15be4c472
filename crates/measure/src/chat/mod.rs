//! A load on a chat: who talks in which channel, and which line reached whom, in which order and after how long.
//!
//! In a chat one line has many answers: it is delivered to everyone else in its channel, and lines of one talker reach
//! each listener in the order in which they were said. So the record is kept by talker and listener, and what is
//! missing is known by what should have come. Of a large crowd only a part may be looked at: the others are in the
//! channels, and what they hear is no part of the record.

mod crowd;
mod heard;
mod said;
#[cfg(test)]
mod tests;

use crate::Nanos;
pub use crowd::{Crowd, CrowdError};
use heard::{Heard, Order};
use said::{Line, State, Talker};

/// What became of the lines that count. Each delivery that is expected is in exactly one of the four after that, or
/// [still on its way](Self::waiting).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChatCounts {
    /// Lines that were said.
    pub lines: u64,
    /// Deliveries that they should lead to: one to everyone else in the channel who is looked at.
    pub expected: u64,
    /// Deliveries that came in time, each counted once.
    pub delivered: u64,
    /// Deliveries that are not as the line was said.
    pub wrong: u64,
    /// Deliveries that have not come in time, or at all.
    pub lost: u64,
    /// Deliveries that came after their line had been given up. They are not among the lost.
    pub late: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// First deliveries after one of a later line by the same talker.
    pub disordered: u64,
    /// Lines that nobody said, or not to whom they came.
    pub stray: u64,
}

impl ChatCounts {
    /// Deliveries that may still come in time.
    pub fn waiting(&self) -> u64 {
        self.expected - self.delivered - self.wrong - self.lost - self.late
    }
}

/// What a delivery turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The first of this line to this listener.
    First {
        /// The time since the line was meant to be said.
        from_intended: Nanos,
        /// The time since it was said.
        from_sent: Nanos,
        /// Whether everyone has heard the line now, so that in a closed loop its talker goes on.
        complete: bool,
    },
    /// The first, of a line that does not count, being from the warm-up.
    Uncounted {
        /// As above.
        complete: bool,
    },
    /// The first, and not as the line was said.
    Wrong {
        /// As above.
        complete: bool,
    },
    /// One that this listener had before.
    Again,
    /// One of a line that had been given up.
    Late,
    /// So many lines of the talker ago that neither its time nor whether it came before is known any more.
    Forgotten,
    /// Nothing that was said to this listener.
    Stray,
}

/// Which line reached whom.
#[derive(Debug)]
pub struct Deliveries {
    crowd: Crowd,
    talkers: Vec<Talker>,
    seats: Vec<Seat>,
    /// By channel: how many are still in it, of those that are looked at.
    present: Vec<u32>,
    /// For each of these, what it heard of each talker in its channel.
    heard: Box<[Heard]>,
    limit: usize,
    counting: bool,
    counts: ChatCounts,
}

/// Where a client sits that is looked at.
#[derive(Clone, Copy, Debug)]
struct Seat {
    channel: usize,
    is_gone: bool,
}

/// How many lines are remembered over all talkers, in 24 MiB: one talker alone can be 65,536 lines ahead of what is
/// delivered, and each of ten thousand still 64.
const REMEMBERED_IN_ALL: usize = 1 << 20;

/// How many lines of a talker are remembered at least, and for each that may wait: so a delivery that is late by some
/// times as long as it takes to give a line up is still known as such.
const REMEMBERED: usize = 1024;
const REMEMBERED_PER_LIMIT: usize = 4;

impl Deliveries {
    /// The record of a crowd in which each talker has at most `limit` lines on their way, or fewer where that would be
    /// too much to remember. Nothing counts until [`start_counting`](Self::start_counting).
    pub fn new(crowd: Crowd, limit: usize) -> Self {
        let most = (REMEMBERED_IN_ALL / crowd.talkers()).clamp(64, 65_536);
        let wanted = limit.saturating_mul(REMEMBERED_PER_LIMIT).clamp(REMEMBERED, 65_536);
        // The power of two below.
        let remembered = 1 << wanted.min(most).ilog2();
        let channels = crowd.channels();
        let talker = |talker: usize| Talker::new(talker % channels, talker / channels, remembered);
        let seat = |client| Seat { channel: crowd.channel_of(client), is_gone: false };
        // A crowd has fewer clients than there are pairs, and far fewer than 2^32.
        let present = |channel| crowd.checked_in(channel) as u32;
        Self {
            crowd,
            talkers: (0..crowd.talkers()).map(talker).collect(),
            seats: (0..crowd.checked()).map(seat).collect(),
            present: (0..channels).map(present).collect(),
            heard: vec![Heard::default(); crowd.checked() * crowd.talkers_in_channel()].into(),
            limit: limit.clamp(1, remembered),
            counting: false,
            counts: ChatCounts::default(),
        }
    }

    /// Lines that are said from now on count, from zero.
    pub fn start_counting(&mut self) {
        self.counting = true;
        self.counts = ChatCounts::default();
        self.talkers.iter_mut().for_each(Talker::uncount);
    }

    /// Lines that are said from now on do not count; deliveries of those before still do.
    pub fn stop_counting(&mut self) {
        self.counting = false;
    }

    /// What was counted.
    pub fn counts(&self) -> &ChatCounts {
        &self.counts
    }

    /// The number of the line that a talker says next.
    pub fn next_seq(&self, talker: usize) -> u64 {
        self.talkers[talker].said()
    }

    /// Whether a talker may say another line: somebody is there to hear it, and not too many are on their way.
    pub fn has_room(&self, talker: usize) -> bool {
        let record = &self.talkers[talker];
        record.waiting() < self.limit && !record.is_full() && self.audience(talker) > 0
    }

    /// How many others are still in a talker's channel, of those that are looked at.
    pub fn audience(&self, talker: usize) -> usize {
        let is_one = self.seats.get(talker).is_some_and(|seat| !seat.is_gone);
        self.present[self.crowd.channel_of(talker)] as usize - usize::from(is_one)
    }

    /// A talker has said a line. Without [room](Self::has_room) its line that waits longest is given up.
    pub fn said(&mut self, talker: usize, intended: Nanos, sent_at: Nanos) {
        let missing = self.audience(talker) as u32;
        let record = &mut self.talkers[talker];
        if record.is_full()
            && let Some((oldest, _)) = record.oldest_waiting()
        {
            give_up(record, oldest, &mut self.counts);
        }
        let counts = self.counting;
        record.push(Line { intended, sent_at, missing, state: State::Waiting, counts });
        if missing == 0 {
            record.settle(record.said() - 1, State::Done);
        }
        if counts {
            self.counts.lines += 1;
            self.counts.expected += u64::from(missing);
        }
    }

    /// A listener has received line `seq` of a talker, as it was said.
    #[inline]
    pub fn heard(&mut self, listener: usize, talker: usize, seq: u64, now: Nanos) -> Delivery {
        self.settle(listener, talker, seq, now, true)
    }

    /// A listener has received what says that it is line `seq` of a talker, and is not as that was said.
    pub fn heard_wrong(&mut self, listener: usize, talker: usize, seq: u64) -> Delivery {
        self.settle(listener, talker, seq, 0, false)
    }

    /// A line came that nobody said, or that cannot be read.
    pub fn stray(&mut self) -> Delivery {
        self.counts.stray += 1;
        Delivery::Stray
    }

    /// A client's connection is broken: what it has not heard yet is lost, and of it nothing more is expected. Its
    /// channel's talkers may have room now.
    pub fn leave(&mut self, client: usize) {
        let Some(seat) = self.seats.get_mut(client).filter(|seat| !seat.is_gone) else { return };
        seat.is_gone = true;
        let channel = seat.channel;
        self.present[channel] -= 1;
        let row = client * self.crowd.talkers_in_channel();
        for number in (channel..self.crowd.talkers()).step_by(self.crowd.channels()) {
            let record = &mut self.talkers[number];
            let heard = self.heard[row + record.column];
            for seq in record.open() {
                let line = record.line(seq);
                if number == client || line.state != State::Waiting || heard.has(seq) {
                    continue;
                }
                line.missing -= 1;
                self.counts.lost += u64::from(line.counts);
                if line.missing == 0 {
                    record.settle(seq, State::Done);
                }
            }
        }
    }

    /// Gives up the lines that were said `timeout` ago or earlier, and says how many those were: what has not come of
    /// them is lost, and their talkers may go on.
    pub fn expire(&mut self, now: Nanos, timeout: Nanos) -> usize {
        let mut count = 0;
        for record in &mut self.talkers {
            while let Some((seq, line)) = record.oldest_waiting()
                && line.sent_at.saturating_add(timeout) <= now
            {
                give_up(record, seq, &mut self.counts);
                count += 1;
            }
        }
        count
    }

    /// Gives up everything that waits.
    pub fn give_up_all(&mut self) -> usize {
        self.expire(Nanos::MAX, 0)
    }

    /// Forgets everything that waits: a run that is ended by hand does not know what would have become of it.
    pub fn withdraw_all(&mut self) {
        for record in &mut self.talkers {
            while let Some((seq, line)) = record.oldest_waiting() {
                self.counts.expected -= u64::from(line.counts) * u64::from(line.missing);
                record.settle(seq, State::Done);
            }
        }
    }

    #[inline]
    fn settle(
        &mut self,
        listener: usize,
        talker: usize,
        seq: u64,
        now: Nanos,
        right: bool,
    ) -> Delivery {
        let (record, seat) = match (self.talkers.get_mut(talker), self.seats.get(listener)) {
            (Some(record), Some(seat)) if listener != talker && seat.channel == record.channel => {
                (record, seat)
            }
            _ => return self.stray(),
        };
        if seq >= record.said() {
            return self.stray();
        }
        if seat.is_gone || !record.remembers(seq) {
            return Delivery::Forgotten;
        }
        let heard = listener * self.crowd.talkers_in_channel() + record.column;
        let order = self.heard[heard].take(seq);
        let line = record.line(seq);
        let counts = u64::from(line.counts);
        match order {
            Order::Again => {
                self.counts.duplicated += counts;
                return Delivery::Again;
            }
            Order::Unknown => return Delivery::Forgotten,
            Order::After => self.counts.disordered += counts,
            Order::Next => {}
        }
        let Line { intended, sent_at, .. } = *line;
        match line.state {
            State::Waiting => line.missing -= 1,
            State::GivenUp => {
                self.counts.late += counts;
                self.counts.lost -= counts;
                return Delivery::Late;
            }
            State::Done => return Delivery::Forgotten,
        }
        let complete = line.missing == 0;
        if complete {
            record.settle(seq, State::Done);
        }
        match (counts, right) {
            (0, _) => Delivery::Uncounted { complete },
            (_, false) => {
                self.counts.wrong += 1;
                Delivery::Wrong { complete }
            }
            (_, true) => {
                self.counts.delivered += 1;
                let from_intended = now.saturating_sub(intended);
                let from_sent = now.saturating_sub(sent_at);
                Delivery::First { from_intended, from_sent, complete }
            }
        }
    }
}

fn give_up(talker: &mut Talker, seq: u64, counts: &mut ChatCounts) {
    let line = *talker.line(seq);
    counts.lost += u64::from(line.counts) * u64::from(line.missing);
    talker.settle(seq, State::GivenUp);
}
