//! What a thread of a run writes down.

use callbox_measure::figures::{Latencies, Timeline};
use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::plan::{Phase, Stretch};
use callbox_measure::report::{Buffers, Counts, ThreadUse, Throughput};
use callbox_measure::{Nanos, SECOND};

use crate::control::Control;

/// The figures of one thread. None of it grows with the length of the run.
#[derive(Debug)]
pub struct Record {
    /// What a worker counts itself: what was sent and received in bytes while it counted, refusals, broken connections.
    /// What the ledgers counted is added to it when the run is over.
    pub counts: Counts,
    /// What was sent and came while it counted, by the clock alone: a request of the warm-up may be sent late, and one that
    /// counts after the end.
    throughput: Throughput,
    /// From the intended time to the reply.
    latency: Latencies,
    /// From the sending to the reply, where that is something else: in an open loop, or with a connection for each request.
    latency_from_sent: Option<Latencies>,
    /// Streams: how long connecting took, of connections that were begun while it counted.
    pub connect_time: Option<Latencies>,
    /// A chat: how long it took until every client was in its channel.
    pub came_in: Option<Nanos>,
    /// Open loop: from the intended time to the sending.
    slip: Option<Latencies>,
    timeline: Timeline,
    /// The smallest of the sockets' buffers, where a size was asked for.
    pub buffers: Option<Buffers>,
    stretch: Stretch,
    /// What the moment is in, as the loop of the thread last saw it.
    phase: Phase,
    control: Control,
    /// Right replies that the control has not been told of.
    untold: u64,
}

/// How many replies are told to the control at once.
const TOLD_AT_ONCE: u64 = 1024;

impl Record {
    pub(crate) fn new(stretch: Stretch, is_open: bool, control: Control) -> Self {
        Self {
            counts: Counts::default(),
            throughput: Throughput::default(),
            latency: Latencies::new(),
            latency_from_sent: is_open.then(Latencies::new),
            connect_time: None,
            came_in: None,
            slip: is_open.then(Latencies::new),
            timeline: Timeline::new(stretch.begin(), stretch.duration.max(1)),
            buffers: None,
            stretch,
            phase: Phase::Warmup,
            control,
            untold: 0,
        }
    }

    /// The loop of the thread has come to this phase.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Whether what is sent now counts.
    #[inline]
    pub fn is_counting(&self) -> bool {
        self.phase == Phase::Counted
    }

    /// Whether the warm-up is over.
    #[inline]
    pub fn has_begun(&self) -> bool {
        self.phase != Phase::Warmup
    }

    /// Latencies are to be told from the sending as well, in a closed loop too: connecting comes before it.
    pub fn tell_from_sent(&mut self) {
        self.latency_from_sent.get_or_insert_with(Latencies::new);
    }

    /// What a reply turned out to be.
    #[inline]
    pub fn answer(&mut self, answer: Answer, now: Nanos) {
        match answer {
            Answer::First { from_intended, from_sent } => self.reply(from_intended, from_sent, now),
            Answer::Uncounted => self.came(now),
            Answer::Wrong | Answer::Stray => self.error(now),
            Answer::Again | Answer::Late | Answer::Ignored => {}
        }
    }

    /// The right reply to a request that counts.
    #[inline]
    pub fn reply(&mut self, from_intended: Nanos, from_sent: Nanos, now: Nanos) {
        self.latency.record(from_intended);
        if let Some(latencies) = &mut self.latency_from_sent {
            latencies.record(from_sent);
        }
        self.timeline.record(self.within(now), from_intended);
        self.came(now);
    }

    /// Something was noticed that a server should not do.
    pub fn error(&mut self, now: Nanos) {
        let now = self.within(now);
        self.timeline.record_error(now);
    }

    /// A request is sent now; how late that is, is told of those of an open loop that count.
    #[inline]
    pub fn slip(&mut self, intended: Nanos, sent_at: Nanos) {
        self.throughput.requests += u64::from(self.stretch.phase(sent_at) == Phase::Counted);
        if self.is_counting()
            && let Some(slip) = &mut self.slip
        {
            slip.record(sent_at.saturating_sub(intended));
        }
    }

    /// So many bytes of requests were sent now; those of requests that count are told.
    #[inline]
    pub fn sent(&mut self, bytes: usize) {
        if self.is_counting() {
            self.counts.bytes_sent += bytes as u64;
        }
    }

    /// The run is over for a lane. What it still waits for is lost, or, if the run was stopped early, withdrawn; of the lost,
    /// `overflowed` had no room in our own socket.
    pub fn settle(&mut self, lane: &mut Lane, stopped: bool, overflowed: u64) {
        match stopped {
            true => lane.ledger_mut().withdraw_all(),
            false => {
                lane.ledger_mut().give_up_all();
            }
        }
        self.counts.add(&Counts::of(lane.ledger().counts(), overflowed));
    }

    /// A connection was made that counts, so long after it was begun.
    pub fn connected(&mut self, took: Nanos) {
        self.connect_time.get_or_insert_with(Latencies::new).record(took);
    }

    /// The buffers of one socket.
    pub fn buffers(&mut self, buffers: Buffers) {
        let smallest = self.buffers.get_or_insert(buffers);
        smallest.send = smallest.send.min(buffers.send);
        smallest.receive = smallest.receive.min(buffers.receive);
    }

    /// Replies to what counts may come after the end; on the timeline they belong to its last moment.
    #[inline]
    fn within(&self, now: Nanos) -> Nanos {
        now.min(self.stretch.end().saturating_sub(1))
    }

    /// A line of a chat came to somebody who only counts it.
    #[inline]
    pub fn unchecked(&mut self, now: Nanos) {
        self.throughput.unchecked += u64::from(self.stretch.phase(now) == Phase::Counted);
    }

    /// A right reply came, to a request that counts or not.
    #[inline]
    fn came(&mut self, now: Nanos) {
        self.throughput.replies += u64::from(self.stretch.phase(now) == Phase::Counted);
        self.untold += 1;
        if self.untold == TOLD_AT_ONCE {
            self.tell_all();
        }
    }

    /// Tells the control of all replies; between two waits, so that a slow run is told of as well.
    pub(crate) fn tell_all(&mut self) {
        if self.untold > 0 {
            self.control.add_replies(std::mem::take(&mut self.untold));
        }
    }

    pub(crate) fn into_part(mut self, counted: Nanos, thread: Option<ThreadUse>) -> Part {
        self.tell_all();
        self.timeline.close(self.stretch.begin().saturating_add(counted));
        Part {
            counts: self.counts,
            throughput: self.throughput,
            latency: self.latency,
            latency_from_sent: self.latency_from_sent,
            connect_time: self.connect_time,
            came_in: self.came_in,
            slip: self.slip,
            timeline: self.timeline,
            buffers: self.buffers,
            counted,
            thread,
        }
    }
}

/// What one thread came to.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) counts: Counts,
    pub(crate) throughput: Throughput,
    pub(crate) latency: Latencies,
    pub(crate) latency_from_sent: Option<Latencies>,
    pub(crate) connect_time: Option<Latencies>,
    pub(crate) came_in: Option<Nanos>,
    pub(crate) slip: Option<Latencies>,
    pub(crate) timeline: Timeline,
    pub(crate) buffers: Option<Buffers>,
    /// How long it counted.
    pub(crate) counted: Nanos,
    pub(crate) thread: Option<ThreadUse>,
}

/// The longest that a thread sleeps without looking whether it was stopped.
pub(crate) const LOOKS_EVERY: Nanos = SECOND / 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_what_happened_in_the_time_that_counts_and_not_of_what_was_meant_to() {
        let stretch = Stretch { warmup: 100, duration: 200 };
        let mut record = Record::new(stretch, true, Control::new());
        // A generator that falls behind sends the warm-up late, and what counts after the end.
        for (phase, sent_at) in [
            (Phase::Warmup, 99),
            (Phase::Warmup, 100),
            (Phase::Counted, 299),
            (Phase::Counted, 300),
        ] {
            record.enter(phase);
            record.slip(50, sent_at);
        }
        let first = Answer::First { from_intended: 1, from_sent: 1 };
        for (answer, now) in
            [(Answer::Uncounted, 99), (Answer::Uncounted, 100), (first, 299), (first, 300)]
        {
            record.answer(answer, now);
        }
        for other in [Answer::Ignored, Answer::Again, Answer::Late, Answer::Wrong, Answer::Stray] {
            record.answer(other, 200);
        }
        [99, 100, 299, 300].into_iter().for_each(|now| record.unchecked(now));
        let part = record.into_part(200, None);
        assert_eq!(part.throughput, Throughput { requests: 2, replies: 2, unchecked: 2 });
        assert_eq!(part.latency.count(), 2);
    }
}
