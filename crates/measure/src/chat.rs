//! A load on a chat: who talks in which channel, and which line reached whom, in which order and after how long.
//!
//! In a chat one line has many answers: it is delivered to everyone else in its channel, and lines of one talker reach
//! each listener in the order in which they were said. So the record is kept by talker and listener, and what is
//! missing is known by what should have come.

use thiserror::Error;

use crate::Nanos;

/// Who takes part: client `i` sits in channel `i % channels`, and the first `talkers` clients talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    clients: usize,
    channels: usize,
    talkers: usize,
}

impl Crowd {
    /// The most pairs of a talker and somebody who hears them: 16 bytes are kept for each, 128 MiB in all.
    pub const MAX_PAIRS: usize = 1 << 23;

    /// Clients spread evenly over channels, and talkers likewise.
    pub fn new(clients: usize, channels: usize, talkers: usize) -> Result<Self, CrowdError> {
        if channels == 0 || clients < 2 * channels {
            return Err(CrowdError::Lonely);
        }
        if talkers == 0 || talkers > clients {
            return Err(CrowdError::Talkers);
        }
        let crowd = Self { clients, channels, talkers };
        match clients.checked_mul(talkers.div_ceil(channels)) {
            Some(pairs) if pairs <= Self::MAX_PAIRS => Ok(crowd),
            _ => Err(CrowdError::TooMany),
        }
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// How many of them talk: the first ones.
    pub fn talkers(&self) -> usize {
        self.talkers
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The channel that a client sits in.
    pub fn channel_of(&self, client: usize) -> usize {
        client % self.channels
    }

    /// How many others hear what a client says.
    pub fn listeners(&self, talker: usize) -> usize {
        let before = self.channel_of(talker);
        (self.clients - before).div_ceil(self.channels) - 1
    }

    /// Talkers of one channel, at most: those of its first clients.
    fn talkers_in_channel(&self) -> usize {
        self.talkers.div_ceil(self.channels)
    }
}

/// Why there can be no such crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CrowdError {
    /// A channel would have nobody to hear its talker.
    #[error("there are at least two clients for each channel, and at least one channel")]
    Lonely,
    /// Nobody would talk, or more than there are.
    #[error("between one and all of the clients talk")]
    Talkers,
    /// The record of who heard whom would grow too large.
    #[error("clients times talkers in a channel are at most {}", Crowd::MAX_PAIRS)]
    TooMany,
}

/// What became of the lines that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChatCounts {
    /// Lines that were said.
    pub lines: u64,
    /// Deliveries that they should lead to: one to everyone else in the channel.
    pub expected: u64,
    /// Deliveries that came, each counted once.
    pub delivered: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Deliveries after one of a later line by the same talker.
    pub disordered: u64,
    /// Lines that nobody said, or that differ from what was said.
    pub wrong: u64,
}

impl ChatCounts {
    /// Deliveries that have not come.
    pub fn missing(&self) -> u64 {
        self.expected - self.delivered
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
    /// A line that does not count, being from the warm-up.
    Uncounted {
        /// As above.
        complete: bool,
    },
    /// One that this listener had before.
    Again,
    /// So many lines of the talker ago that neither its time nor whether it came before is known any more.
    Forgotten,
    /// Nothing that was said to this listener.
    Wrong,
}

/// Which line reached whom.
#[derive(Debug)]
pub struct Deliveries {
    crowd: Crowd,
    talkers: Vec<Talker>,
    /// For each client, what it heard of each talker in its channel.
    heard: Box<[Heard]>,
    counting: bool,
    counts: ChatCounts,
}

impl Deliveries {
    /// The record of a crowd. Nothing counts until [`start_counting`](Self::start_counting).
    pub fn new(crowd: Crowd) -> Self {
        let remembered = (REMEMBERED_IN_ALL / crowd.talkers).clamp(256, 65_536);
        let talker = || Talker { said: 0, lines: vec![Line::default(); remembered].into() };
        Self {
            crowd,
            talkers: std::iter::repeat_with(talker).take(crowd.talkers).collect(),
            heard: vec![Heard::default(); crowd.clients * crowd.talkers_in_channel()].into(),
            counting: false,
            counts: ChatCounts::default(),
        }
    }

    /// Lines that are said from now on count, from zero.
    pub fn start_counting(&mut self) {
        self.counting = true;
        self.counts = ChatCounts::default();
        for line in self.talkers.iter_mut().flat_map(|talker| &mut talker.lines) {
            line.counts = false;
        }
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
        self.talkers[talker].said
    }

    /// A talker has said a line.
    pub fn said(&mut self, talker: usize, intended: Nanos, sent_at: Nanos) {
        let listeners = self.crowd.listeners(talker);
        let Some(record) = self.talkers.get_mut(talker) else { return };
        let line = Line { intended, sent_at, missing: listeners, counts: self.counting };
        *record.line(record.said) = line;
        record.said += 1;
        if self.counting {
            self.counts.lines += 1;
            self.counts.expected += listeners as u64;
        }
    }

    /// A listener has received line `seq` of a talker, as it was said.
    pub fn heard(&mut self, listener: usize, talker: usize, seq: u64, now: Nanos) -> Delivery {
        let crowd = self.crowd;
        let strangers = listener >= crowd.clients
            || listener == talker
            || crowd.channel_of(listener) != crowd.channel_of(talker);
        let record = match self.talkers.get_mut(talker) {
            Some(record) if !strangers && seq < record.said => record,
            _ => return self.wrong(),
        };
        if record.said - seq > record.lines.len() as u64 {
            return Delivery::Forgotten;
        }
        let line = record.line(seq);
        let heard = listener * crowd.talkers_in_channel() + talker / crowd.channels;
        let order = self.heard[heard].take(seq);
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
        line.missing = line.missing.saturating_sub(1);
        let complete = line.missing == 0;
        if !line.counts {
            return Delivery::Uncounted { complete };
        }
        self.counts.delivered += 1;
        Delivery::First {
            from_intended: now.saturating_sub(line.intended),
            from_sent: now.saturating_sub(line.sent_at),
            complete,
        }
    }

    /// A line came that cannot be read, or is not as it was said.
    pub fn wrong(&mut self) -> Delivery {
        self.counts.wrong += u64::from(self.counting);
        Delivery::Wrong
    }
}

/// How many lines are remembered over all talkers, 32 MiB of them: one talker alone can be 65,536 lines ahead of what is
/// delivered, and each of ten thousand still 256.
const REMEMBERED_IN_ALL: usize = 1 << 20;

#[derive(Debug)]
struct Talker {
    /// How many lines have been said.
    said: u64,
    lines: Box<[Line]>,
}

impl Talker {
    /// The place of a line among those that are remembered.
    fn line(&mut self, seq: u64) -> &mut Line {
        // What is left is below the length.
        let place = (seq % self.lines.len() as u64) as usize;
        &mut self.lines[place]
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    intended: Nanos,
    sent_at: Nanos,
    /// How many have not heard it yet.
    missing: usize,
    counts: bool,
}

/// What one listener has heard of one talker.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// The line after the latest that was heard.
    next: u64,
    /// Which of the 64 lines before `next` were heard; the lowest bit is the latest.
    recent: u64,
}

enum Order {
    Next,
    After,
    Again,
    Unknown,
}

impl Heard {
    fn take(&mut self, seq: u64) -> Order {
        if seq >= self.next {
            let ahead = seq - self.next + 1;
            self.recent = if ahead < 64 { self.recent << ahead } else { 0 } | 1;
            self.next = seq + 1;
            return Order::Next;
        }
        let back = self.next - 1 - seq;
        if back >= 64 {
            return Order::Unknown;
        }
        if self.recent >> back & 1 == 1 {
            return Order::Again;
        }
        self.recent |= 1 << back;
        Order::After
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three clients in one channel, two of whom talk, counting from the beginning.
    fn three() -> Deliveries {
        let mut deliveries = Deliveries::new(Crowd::new(3, 1, 2).expect("a crowd"));
        deliveries.start_counting();
        deliveries
    }

    fn first(latency: Nanos, complete: bool) -> Delivery {
        Delivery::First { from_intended: latency, from_sent: latency, complete }
    }

    #[test]
    fn each_line_is_delivered_to_everyone_else_in_its_channel() {
        let mut deliveries = three();
        deliveries.said(0, 10, 10);
        assert_eq!(deliveries.heard(1, 0, 0, 15), first(5, false));
        assert_eq!(deliveries.heard(2, 0, 0, 17), first(7, true));
        let counts = deliveries.counts();
        assert_eq!(
            (counts.lines, counts.expected, counts.delivered, counts.missing()),
            (1, 2, 2, 0)
        );
    }

    #[test]
    fn the_latency_counts_from_the_intended_time() {
        let mut deliveries = three();
        deliveries.said(0, 10, 30);
        let expected = Delivery::First { from_intended: 25, from_sent: 5, complete: false };
        assert_eq!(deliveries.heard(1, 0, 0, 35), expected);
    }

    #[test]
    fn order_is_kept_by_each_talker_alone() {
        let mut deliveries = three();
        for talker in [0, 1, 0, 0] {
            deliveries.said(talker, 0, 0);
        }
        for (talker, seq) in [(0, 0), (0, 2), (1, 0), (0, 1)] {
            assert_eq!(deliveries.heard(2, talker, seq, 1), first(1, false));
        }
        assert_eq!((deliveries.counts().disordered, deliveries.counts().missing()), (1, 4));
        assert_eq!(deliveries.heard(2, 0, 1, 1), Delivery::Again);
        assert_eq!(deliveries.counts().duplicated, 1);
    }

    #[test]
    fn what_was_not_said_to_a_listener_is_wrong() {
        let mut deliveries = Deliveries::new(Crowd::new(4, 2, 2).expect("a crowd"));
        deliveries.start_counting();
        deliveries.said(0, 0, 0);
        for (listener, talker, seq) in
            [(1, 0, 0), (0, 0, 0), (2, 0, 1), (2, 1, 0), (2, 7, 0), (9, 0, 0)]
        {
            assert_eq!(deliveries.heard(listener, talker, seq, 1), Delivery::Wrong);
        }
        assert_eq!(deliveries.heard(2, 0, 0, 1), first(1, true));
        assert_eq!(deliveries.counts().wrong, 6);
    }

    #[test]
    fn the_warm_up_and_the_time_after_the_end_count_for_nothing() {
        let mut deliveries = Deliveries::new(Crowd::new(2, 1, 1).expect("a crowd"));
        deliveries.said(0, 0, 0);
        deliveries.start_counting();
        assert_eq!(deliveries.heard(1, 0, 0, 5), Delivery::Uncounted { complete: true });
        deliveries.said(0, 6, 6);
        deliveries.stop_counting();
        deliveries.said(0, 7, 7);
        assert_eq!(deliveries.heard(1, 0, 1, 8), first(2, true));
        assert_eq!(deliveries.heard(1, 0, 2, 8), Delivery::Uncounted { complete: true });
        let counts = deliveries.counts();
        assert_eq!((counts.lines, counts.expected, counts.delivered), (1, 1, 1));
    }

    #[test]
    fn lines_too_old_to_be_known_are_told_as_such() {
        let mut deliveries = three();
        for at in 0..70_000 {
            deliveries.said(0, at, at);
        }
        assert_eq!(deliveries.heard(1, 0, 0, 70_000), Delivery::Forgotten);
        assert_eq!(deliveries.heard(1, 0, 69_999, 70_000), first(1, false));
        assert_eq!(deliveries.heard(1, 0, 60_000, 70_000), Delivery::Forgotten);
        assert_eq!(deliveries.counts().missing(), 139_999);
    }

    #[test]
    fn crowds_that_cannot_be_are_refused() {
        let refused = |clients, channels, talkers| Crowd::new(clients, channels, talkers).err();
        assert_eq!(refused(1, 1, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 0, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 3, 1), Some(CrowdError::Lonely));
        assert_eq!(refused(5, 2, 0), Some(CrowdError::Talkers));
        assert_eq!(refused(5, 2, 6), Some(CrowdError::Talkers));
        assert_eq!(refused(10_000, 1, 10_000), Some(CrowdError::TooMany));
        assert_eq!(refused(10_000, 100, 10_000), None);
        assert_eq!(refused(usize::MAX, 1, usize::MAX), Some(CrowdError::TooMany));
    }

    proptest! {
        #[test]
        fn with_everything_delivered_in_order_nothing_is_missing(
            clients in 2..40_usize, channels in 1..20_usize, talkers in 1..40_usize
        ) {
            let crowd = Crowd::new(clients, channels, talkers);
            prop_assume!(crowd.is_ok());
            let crowd = crowd.expect("just asked");
            let mut deliveries = Deliveries::new(crowd);
            deliveries.start_counting();
            for (talker, seq) in (0..2).flat_map(|seq| (0..talkers).map(move |talker| (talker, seq))) {
                deliveries.said(talker, 0, 0);
                let hears = |&client: &usize| {
                    client != talker && crowd.channel_of(client) == crowd.channel_of(talker)
                };
                let mut heard = 0;
                for listener in (0..clients).filter(hears) {
                    heard += 1;
                    let complete = heard == crowd.listeners(talker);
                    prop_assert_eq!(deliveries.heard(listener, talker, seq, 3), first(3, complete));
                }
                prop_assert_eq!(heard, crowd.listeners(talker));
            }
            let counts = deliveries.counts();
            prop_assert_eq!((counts.missing(), counts.disordered, counts.wrong), (0, 0, 0));
            prop_assert_eq!(counts.lines, 2 * talkers as u64);
        }
    }
}
