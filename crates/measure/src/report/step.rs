//! One stretch of measuring under one load.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::figures::{Latencies, Timeline};
use crate::{Nanos, SECOND};

/// What was measured under one load.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Step {
    /// Open loop: how many requests a second were to be sent. None in a closed loop, where the server's replies decide.
    #[serde(rename = "offered_rate", default)]
    pub offered: Option<f64>,
    /// How long it ran before anything was counted.
    #[serde(rename = "warmup_ns")]
    pub warmup: Nanos,
    /// How long was counted.
    #[serde(rename = "duration_ns")]
    pub duration: Nanos,
    /// What was sent, and what became of it.
    pub counts: Counts,
    /// What was sent and came while it counted; none in reports that do not tell it apart from the counts.
    #[serde(default)]
    pub throughput: Option<Throughput>,
    /// From when a request was to be sent (open loop), or was sent (closed loop), to its reply.
    pub latency: Latencies,
    /// Open loop, or a connection for each request: from when a request was really sent to its reply, which leaves out
    /// what it waited for before.
    #[serde(default)]
    pub latency_from_sent: Option<Latencies>,
    /// Streams: how long connecting took.
    #[serde(default)]
    pub connect_time: Option<Latencies>,
    /// A chat: how long it took until every client was in its channel and had heard of all the others there.
    #[serde(rename = "came_in_ns", default)]
    pub came_in: Option<Nanos>,
    /// Open loop: how much later than intended requests were sent.
    #[serde(default)]
    pub slip: Option<Latencies>,
    /// The same replies over time.
    pub timeline: Timeline,
    /// What the generator itself used.
    pub threads: Vec<ThreadUse>,
    /// What the server used, if it was known which process it is.
    #[serde(default)]
    pub server: Option<ServerUse>,
    /// The sockets' buffers, where a size was asked for.
    #[serde(default)]
    pub buffers: Option<Buffers>,
    /// Processor time that the machine under a virtual one took away during the step, on all processors together.
    #[serde(rename = "stolen_ns", default)]
    pub stolen: Option<Nanos>,
}

/// What was sent, and what became of it.
///
/// Once a run is over, `expected` = `replies` + `wrong` + `lost` + `late` + `pending`. Duplicated and stray replies came
/// beside that, and a reordered one is among the replies.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// Requests that were made, also those that the sender's kernel refused.
    pub requests: u64,
    /// How many replies these should have: one each, but in the chat one for each member who is to read the line.
    pub expected: u64,
    /// Right replies, in time, the first to each request.
    pub replies: u64,
    /// What had no reply, by where it was lost.
    pub lost: Lost,
    /// Right replies to a request that had been given up already: counted neither as replies nor as lost.
    pub late: u64,
    /// Requests that were still waiting, and not for long enough to be lost, when the run ended.
    pub pending: u64,
    /// Replies to a request that had one already.
    pub duplicated: u64,
    /// Replies that came after the reply to a later request.
    pub reordered: u64,
    /// Requests whose reply was not what the service answers.
    pub wrong: u64,
    /// Replies that belong to no request: unreadable, or to one that was never sent.
    #[serde(default)]
    pub stray: u64,
    /// Requests and connections that the server's machine refused.
    pub refused: u64,
    /// Connections that could not be made, for other reasons.
    pub connect_failed: u64,
    /// Connections that ended before the run did.
    pub broken: u64,
    /// Bytes of the requests, without headers.
    pub bytes_sent: u64,
    /// Bytes of the replies, without headers.
    pub bytes_received: u64,
}

/// What went out and came back within the time that counts, by the clock: what rates are made of.
///
/// The counts tell what became of the requests that were meant to be sent in that time. Where an open loop offers more than
/// is taken, those are sent and answered after the end too, and no rate follows from their number.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Throughput {
    /// Requests that were sent.
    pub requests: u64,
    /// Right replies that came, in time, the first to each request.
    pub replies: u64,
    /// A chat: lines that came to clients which only count them.
    #[serde(default)]
    pub unchecked: u64,
}

/// Requests without a reply, by where they or their replies were lost, as far as the kernel tells.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lost {
    /// This machine had no room to send them (ENOBUFS).
    pub not_sent: u64,
    /// The replies came, and our socket's receive buffer had no room (SO_RXQ_OVFL).
    pub receive_overflow: u64,
    /// No reply came in time; where it was lost, or whether the server is only slow, nobody told.
    pub no_reply: u64,
}

/// What one thread of the generator used.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ThreadUse {
    /// What it is called.
    pub name: String,
    /// Processor time in its own code.
    #[serde(rename = "user_ns")]
    pub user: Nanos,
    /// Processor time in the kernel.
    #[serde(rename = "system_ns")]
    pub system: Nanos,
    /// How long it ran.
    #[serde(rename = "elapsed_ns")]
    pub elapsed: Nanos,
    /// It looks for replies where it could sleep, and hardly ever does: then its processor time says nothing of how busy it
    /// is.
    #[serde(default)]
    pub spins: bool,
}

/// What the server used, with all that it has started, as far as its machine is this one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerUse {
    /// Its process.
    pub pid: u32,
    /// Processor time while it was counted. Systems count it in ticks of some milliseconds.
    #[serde(rename = "processor_ns")]
    pub processor: Nanos,
    /// Its resident memory at the end, in bytes.
    #[serde(rename = "memory_bytes")]
    pub memory: u64,
}

/// How large the sockets' buffers were to be, and are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Buffers {
    /// What was asked for, in bytes, for each direction.
    pub asked: u64,
    /// What the kernel gave to what is sent.
    pub send: u64,
    /// What the kernel gave to what is received.
    pub receive: u64,
}

impl Step {
    /// What was sent and came while it counted.
    pub fn throughput(&self) -> Throughput {
        let Counts { requests, replies, .. } = self.counts;
        self.throughput.unwrap_or(Throughput { requests, replies, unchecked: 0 })
    }

    /// How many replies a second came.
    pub fn rate(&self) -> f64 {
        per_second(self.throughput().replies, self.duration)
    }

    /// How many requests a second were answered. In the chat these are lines: as many as the deliveries come to.
    pub fn answered_rate(&self) -> f64 {
        self.rate() / self.fan_out()
    }

    /// To how many replies a request leads: to one, but in the chat to one for each who is to read the line.
    pub fn fan_out(&self) -> f64 {
        match (self.counts.expected, self.counts.requests) {
            (0, _) | (_, 0) => 1.0,
            (expected, requests) => (expected as f64 / requests as f64).max(1.0),
        }
    }

    /// Which share of the expected replies came, 0 to 1.
    pub fn answered_share(&self) -> f64 {
        self.counts.replies as f64 / self.counts.expected.max(1) as f64
    }

    /// How many requests a second were sent.
    pub fn request_rate(&self) -> f64 {
        per_second(self.throughput().requests, self.duration)
    }

    /// How many lines a second came to clients of a chat that only count them.
    pub fn unchecked_rate(&self) -> f64 {
        per_second(self.throughput().unchecked, self.duration)
    }

    /// How many bytes of replies a second came.
    pub fn bytes_rate(&self) -> f64 {
        let each = self.counts.bytes_received as f64 / self.counts.replies.max(1) as f64;
        each * self.rate()
    }

    /// The server's processor time for each reply that came meanwhile.
    pub fn processor_each(&self) -> Option<Nanos> {
        self.server.map(|server| server.processor / self.throughput().came().max(1))
    }

    /// Which share of the expected replies was lost, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.counts.lost.total() as f64 / self.counts.expected.max(1) as f64
    }
}

impl Lost {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.not_sent.saturating_add(self.receive_overflow).saturating_add(self.no_reply)
    }
}

impl Counts {
    /// What the ledgers counted, its losses split by `overflowed`, by how much the sockets' drop counters grew; one reply
    /// is expected to each request. What ledgers do not know, connections and bytes, is 0.
    pub fn of(counts: &crate::Counts, overflowed: u64) -> Self {
        let losses = counts.losses(overflowed);
        let settled = [counts.answered, counts.wrong, counts.lost, counts.late];
        Self {
            requests: counts.requests,
            expected: counts.requests,
            replies: counts.answered,
            lost: Lost {
                not_sent: losses.sender_no_buffers,
                receive_overflow: losses.receiver_overflow,
                no_reply: losses.no_reply,
            },
            late: counts.late,
            pending: counts.requests.saturating_sub(settled.iter().sum()),
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            wrong: counts.wrong,
            stray: counts.stray,
            ..Self::default()
        }
    }

    /// Adds those of another thread or step. A file may hold any number: at the largest one it stays.
    pub fn add(&mut self, other: &Self) {
        let mut other = *other;
        for (sum, more) in self.each().into_iter().zip(other.each()) {
            *sum = sum.saturating_add(*more);
        }
    }

    fn each(&mut self) -> [&mut u64; 17] {
        // Taken apart so that a field which is added is not forgotten here.
        let Self {
            requests,
            expected,
            replies,
            lost: Lost { not_sent, receive_overflow, no_reply },
            late,
            pending,
            duplicated,
            reordered,
            wrong,
            stray,
            refused,
            connect_failed,
            broken,
            bytes_sent,
            bytes_received,
        } = self;
        [
            requests,
            expected,
            replies,
            not_sent,
            receive_overflow,
            no_reply,
            late,
            pending,
            duplicated,
            reordered,
            wrong,
            stray,
            refused,
            connect_failed,
            broken,
            bytes_sent,
            bytes_received,
        ]
    }

    /// How many times something went wrong that a server should not do: wrong and stray replies, refusals, broken
    /// connections.
    pub fn faults(&self) -> u64 {
        let faults = [self.wrong, self.stray, self.refused, self.connect_failed, self.broken];
        faults.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl Throughput {
    /// Adds that of another thread.
    pub fn add(&mut self, other: Self) {
        let Self { requests, replies, unchecked } = other;
        self.requests = self.requests.saturating_add(requests);
        self.replies = self.replies.saturating_add(replies);
        self.unchecked = self.unchecked.saturating_add(unchecked);
    }

    /// All that the server did its work for, whether it was looked at or only counted.
    pub fn came(&self) -> u64 {
        self.replies.saturating_add(self.unchecked)
    }
}

impl ThreadUse {
    /// Which share of its time it had a processor, 0 to 1.
    pub fn share(&self) -> f64 {
        let used = self.user.saturating_add(self.system) as f64;
        // A system that counts in ticks may tell of more than passed.
        (used / self.elapsed.max(1) as f64).min(1.0)
    }
}

fn per_second(count: u64, duration: Nanos) -> f64 {
    if duration == 0 { 0.0 } else { count as f64 * SECOND as f64 / duration as f64 }
}

/// With the rates, which follow from the counts, for whoever reads the file with another tool.
impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut step = serializer.serialize_struct("Step", 19)?;
        if let Some(offered) = &self.offered {
            step.serialize_field("offered_rate", offered)?;
        }
        step.serialize_field("warmup_ns", &self.warmup)?;
        step.serialize_field("duration_ns", &self.duration)?;
        step.serialize_field("request_rate", &self.request_rate())?;
        step.serialize_field("reply_rate", &self.rate())?;
        step.serialize_field("counts", &self.counts)?;
        if let Some(throughput) = &self.throughput {
            step.serialize_field("throughput", throughput)?;
        }
        step.serialize_field("latency", &self.latency)?;
        let histograms = [
            ("latency_from_sent", &self.latency_from_sent),
            ("connect_time", &self.connect_time),
            ("slip", &self.slip),
        ];
        for (name, histogram) in histograms {
            if let Some(histogram) = histogram {
                step.serialize_field(name, histogram)?;
            }
        }
        if let Some(came_in) = &self.came_in {
            step.serialize_field("came_in_ns", came_in)?;
        }
        step.serialize_field("timeline", &self.timeline)?;
        step.serialize_field("threads", &self.threads)?;
        if let Some(server) = &self.server {
            step.serialize_field("server", server)?;
        }
        if let Some(buffers) = &self.buffers {
            step.serialize_field("buffers", buffers)?;
        }
        if let Some(stolen) = &self.stolen {
            step.serialize_field("stolen_ns", stolen)?;
        }
        step.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_a_file_stay_at_the_largest_number() {
        let lost = Lost { no_reply: u64::MAX, ..Lost::default() };
        let mut sum = Counts { replies: u64::MAX - 1, lost, ..Counts::default() };
        sum.add(&Counts { requests: 1, replies: 5, lost, ..Counts::default() });
        assert_eq!((sum.requests, sum.replies, sum.lost.total()), (1, u64::MAX, u64::MAX));
    }
}
