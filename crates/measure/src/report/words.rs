//! What is counted, by its name: the terminal's table, the page and its charts say it in the same words.
//!
//! Most of what is measured asks and is answered. In a chat nobody asks: a line is said, and delivered to all who are to
//! read it, so the same counts are called something else there.

use super::{Counts, Kind, Lost};

/// How what is sent and what comes of it are called.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// One of what is sent: `request`, `line`.
    pub request: &'static str,
    /// More of them.
    pub requests: &'static str,
    /// One of what comes back: `reply`, `delivery`.
    pub reply: &'static str,
    /// More of them.
    pub replies: &'static str,
    /// What became of a request if all is well: `answered`, `delivered`.
    pub answered: &'static str,
    /// Replies a second that were to come: what was `offered`, or the deliveries that are `due` to the lines offered.
    pub due: &'static str,
}

impl Kind {
    /// The words for it.
    pub const fn words(self) -> Words {
        match self {
            Self::Udp | Self::Tcp | Self::Unix => Words {
                request: "request",
                requests: "requests",
                reply: "reply",
                replies: "replies",
                answered: "answered",
                due: "offered",
            },
            Self::Chat => Words {
                request: "line",
                requests: "lines",
                reply: "delivery",
                replies: "deliveries",
                answered: "delivered",
                due: "due",
            },
        }
    }
}

/// One thing that became of requests, and how often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// Its name, of at most twelve letters.
    pub name: &'static str,
    /// How often it was.
    pub count: u64,
    /// What that is.
    pub meaning: &'static str,
    /// How it is to be taken.
    pub sort: Sort,
}

/// How an outcome is to be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sort {
    /// All is well.
    Right,
    /// One cause of loss.
    Lost,
    /// A fault.
    Wrong,
    /// Nothing bad by itself.
    Odd,
}

impl Counts {
    /// All that became of the requests: the right, the lost by cause, then the rest.
    pub fn outcomes(&self, kind: Kind) -> [Outcome; OUTCOMES] {
        // Every field by its name, so that none that is added later is forgotten here.
        let Self {
            requests: _,
            expected: _,
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
            bytes_sent: _,
            bytes_received: _,
        } = *self;
        let counts = [
            replies,
            not_sent,
            receive_overflow,
            no_reply,
            wrong,
            late,
            pending,
            duplicated,
            reordered,
            stray,
            refused,
            connect_failed,
            broken,
        ];
        let names = if kind == Kind::Chat { IN_CHAT } else { USUALLY };
        std::array::from_fn(|at| {
            let (sort, name, meaning) = names[at];
            Outcome { name, count: counts[at], meaning, sort }
        })
    }
}

const OUTCOMES: usize = 13;

/// Of each outcome its sort, its name and its meaning, in the order of the counts above.
type Names = [(Sort, &'static str, &'static str); OUTCOMES];

const USUALLY: Names = [
    (Sort::Right, "replies", "right, in time, the first to each request"),
    (Sort::Lost, "not sent", "this machine had no room to send them (ENOBUFS)"),
    (Sort::Lost, "dropped here", "replies came and our socket had no room (SO_RXQ_OVFL)"),
    (Sort::Lost, "unanswered", "no reply came in time; where it was lost, nobody told"),
    (Sort::Wrong, "wrong", "replies that are not what the service answers"),
    (Sort::Odd, "late", "replies to requests that had been given up"),
    (Sort::Odd, "pending", "requests still waiting at the end"),
    (Sort::Odd, "duplicated", "replies to a request that had one"),
    (Sort::Odd, "reordered", "replies behind that of a later request"),
    (Sort::Wrong, "stray", "replies that belong to no request"),
    (Sort::Wrong, "refused", "requests and connections refused"),
    (Sort::Wrong, "unconnected", "connections that could not be made"),
    (Sort::Wrong, "broken", "connections that ended before the run"),
];

const IN_CHAT: Names = [
    (Sort::Right, "deliveries", "right, in time, the first of each line to each reader"),
    (Sort::Lost, "not sent", "this machine had no room to send their lines (ENOBUFS)"),
    (Sort::Lost, "dropped here", "they came and our socket had no room (SO_RXQ_OVFL)"),
    (Sort::Lost, "undelivered", "not in time; where they were lost, nobody told"),
    (Sort::Wrong, "wrong", "lines that are not as they were said"),
    (Sort::Odd, "late", "deliveries that had been given up"),
    (Sort::Odd, "pending", "deliveries still to come at the end"),
    (Sort::Odd, "duplicated", "lines that their reader had before"),
    (Sort::Odd, "reordered", "lines behind a later one of the same talker"),
    (Sort::Wrong, "stray", "lines that nobody said"),
    (Sort::Wrong, "refused", "lines and connections refused"),
    (Sort::Wrong, "unconnected", "connections that could not be made"),
    (Sort::Wrong, "broken", "connections that ended before the run"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_name_in_every_kind() {
        let lost = Lost { not_sent: 2, receive_overflow: 3, no_reply: 4 };
        let counts = Counts {
            requests: 99,
            expected: 99,
            replies: 1,
            lost,
            wrong: 5,
            late: 6,
            pending: 7,
            duplicated: 8,
            reordered: 9,
            stray: 10,
            refused: 11,
            connect_failed: 12,
            broken: 13,
            bytes_sent: 99,
            bytes_received: 99,
        };
        for kind in [Kind::Udp, Kind::Tcp, Kind::Unix, Kind::Chat] {
            let outcomes = counts.outcomes(kind);
            assert_eq!(outcomes.map(|it| it.count), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
            assert!(outcomes.iter().all(|it| it.name.len() <= 12), "{outcomes:?}");
            let of = |sort| outcomes.iter().filter(move |it| it.sort == sort).map(|it| it.count);
            assert_eq!(of(Sort::Lost).sum::<u64>(), counts.lost.total());
            assert_eq!(of(Sort::Wrong).sum::<u64>(), counts.faults());
            assert_eq!(outcomes[0].name, kind.words().replies);
        }
    }
}
