//! The replies that come over a stream, taken apart and checked as they come.
//!
//! A stream keeps the order, so what comes next belongs to the request that waits longest. Bytes are compared where
//! they lie; nothing is kept between two reads but how far the reply at hand has come.

use crate::Nanos;
use crate::lane::Lane;
use crate::ledger::Answer;

/// Where a reply ends that is not checked; one that is checked ends where the right one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With a line feed.
    Line,
    /// After so many bytes; at least one.
    Length(usize),
    /// With the connection.
    Connection,
}

/// How far the replies of one connection have come.
#[derive(Clone, Debug)]
pub struct Replies {
    framing: Framing,
    /// How many bytes of the reply at hand have come.
    at: usize,
    /// Whether all of them were right.
    right: bool,
}

impl Replies {
    /// The replies of a new connection.
    pub fn new(framing: Framing) -> Self {
        Self { framing, at: 0, right: true }
    }

    /// Takes in what was read, and tells each reply that is whole with it.
    ///
    /// What comes when no request waits is told as one stray reply for each read, and not looked at.
    pub fn handle(
        &mut self,
        lane: &mut Lane,
        mut bytes: &[u8],
        now: Nanos,
        mut each: impl FnMut(Answer),
    ) {
        while !bytes.is_empty() {
            let Some(seq) = lane.ledger_mut().oldest_waiting() else {
                each(lane.ledger_mut().stray_reply());
                return;
            };
            let size = lane.payload().reply_size(lane.number(), seq);
            let (taken, whole) = match size {
                Some(size) => {
                    let missing = size.saturating_sub(self.at);
                    (missing.min(bytes.len()), missing <= bytes.len())
                }
                None => self.unchecked(bytes),
            };
            let (piece, rest) = bytes.split_at(taken);
            self.right &= lane.payload().matches(lane.number(), seq, self.at, piece);
            self.at += taken;
            bytes = rest;
            if whole {
                each(lane.ledger_mut().oldest_reply(now, self.right));
                (self.at, self.right) = (0, true);
            }
        }
    }

    /// The peer has ended the connection: a reply that ends with it is whole, if there was any of it. One that should
    /// have been longer was cut off and is wrong. What else waits is the caller's to give up.
    pub fn handle_end(&mut self, lane: &mut Lane, now: Nanos) -> Option<Answer> {
        let begun = self.at > 0;
        let seq = lane.ledger_mut().oldest_waiting();
        let ends_here = seq.is_some_and(|seq| {
            lane.payload().reply_size(lane.number(), seq).is_none()
                && self.framing == Framing::Connection
        });
        (self.at, self.right) = (0, true);
        (begun && seq.is_some()).then(|| lane.ledger_mut().oldest_reply(now, ends_here))
    }

    /// How much of some bytes belongs to the reply at hand, and whether it is whole with that.
    fn unchecked(&self, bytes: &[u8]) -> (usize, bool) {
        match self.framing {
            Framing::Line => match bytes.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (bytes.len(), false),
            },
            Framing::Length(length) => {
                let missing = length.max(1).saturating_sub(self.at).max(1);
                (missing.min(bytes.len()), missing <= bytes.len())
            }
            Framing::Connection => (bytes.len(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::payload::{Check, Payload};

    /// A lane that has sent some requests at 0, and what the right service answers.
    fn having_sent(sizes: &str, check: Check, count: u64) -> (Lane, Vec<u8>) {
        let payload = Payload::stream(3, sizes.parse().expect("a mix"), check);
        let mut lane = Lane::new(Arc::new(payload), 1, 64);
        let mut stream = Vec::new();
        for _ in 0..count {
            let mut buffer = vec![0; lane.payload().largest()];
            let size = lane.write(0, &mut buffer);
            lane.sent(0, 0);
            stream.extend_from_slice(&buffer[..size]);
        }
        if check == Check::Upper {
            stream.make_ascii_uppercase();
        }
        (lane, stream)
    }

    fn answers(lane: &mut Lane, replies: &mut Replies, bytes: &[u8]) -> Vec<Answer> {
        let mut all = Vec::new();
        replies.handle(lane, bytes, 7, |answer| all.push(answer));
        all
    }

    const FIRST: Answer = Answer::First { from_intended: 7, from_sent: 7 };

    #[test]
    fn a_wrong_byte_spoils_its_own_reply_alone() {
        let (mut lane, mut stream) = having_sent("64", Check::Echo, 3);
        stream[100] ^= 1;
        let mut replies = Replies::new(Framing::Line);
        let told = answers(&mut lane, &mut replies, &stream);
        assert_eq!(told, [FIRST, Answer::Wrong, FIRST]);
    }

    #[test]
    fn what_nobody_asked_for_is_a_stray_reply() {
        let (mut lane, stream) = having_sent("64", Check::Echo, 1);
        let mut replies = Replies::new(Framing::Line);
        let told = answers(&mut lane, &mut replies, &[&stream[..], b"more"].concat());
        assert_eq!(told, [FIRST, Answer::Stray]);
    }

    #[test]
    fn a_service_with_one_answer_is_checked_against_that() {
        let (mut lane, _) = having_sent("16", Check::Fixed(b"Goodbye, client!"), 2);
        let mut replies = Replies::new(Framing::Connection);
        assert_eq!(answers(&mut lane, &mut replies, b"Goodbye,"), []);
        assert_eq!(
            answers(&mut lane, &mut replies, b" client!Goodbye, nobody!"),
            [FIRST, Answer::Wrong]
        );
    }

    #[test]
    fn unchecked_replies_end_with_a_line_a_length_or_the_connection() {
        let (mut lane, _) = having_sent("16", Check::None, 9);
        let mut lines = Replies::new(Framing::Line);
        assert_eq!(answers(&mut lane, &mut lines, b"one\ntw"), [FIRST]);
        assert_eq!(answers(&mut lane, &mut lines, b"o\n\n"), [FIRST, FIRST]);
        let mut lengths = Replies::new(Framing::Length(4));
        assert_eq!(answers(&mut lane, &mut lengths, b"abcdefgh+"), [FIRST, FIRST]);
        assert_eq!(lengths.handle_end(&mut lane, 7), Some(Answer::Wrong));
        let mut last = Replies::new(Framing::Connection);
        assert_eq!(answers(&mut lane, &mut last, b"all\nof it"), []);
        assert_eq!(last.handle_end(&mut lane, 7), Some(FIRST));
        assert_eq!(last.handle_end(&mut lane, 7), None);
    }

    #[test]
    fn a_reply_that_is_cut_off_is_wrong() {
        let (mut lane, stream) = having_sent("64", Check::Upper, 1);
        let mut replies = Replies::new(Framing::Connection);
        assert_eq!(answers(&mut lane, &mut replies, &stream[..63]), []);
        assert_eq!(replies.handle_end(&mut lane, 7), Some(Answer::Wrong));
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_its_replies_are_the_same(
            cuts in proptest::collection::vec(1..90_usize, 1..200), sizes in "(1|16|17|64):1,(2|40|70):2"
        ) {
            let (mut lane, stream) = having_sent(&sizes, Check::Upper, 50);
            let mut replies = Replies::new(Framing::Line);
            let mut rest = &stream[..];
            let mut told = Vec::new();
            for cut in cuts.into_iter().chain([stream.len()]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                told.extend(answers(&mut lane, &mut replies, piece));
                rest = later;
            }
            prop_assert_eq!(told, vec![FIRST; 50]);
        }

        #[test]
        fn no_stream_makes_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300), length in 0..9_usize) {
            for framing in [Framing::Line, Framing::Connection, Framing::Length(length)] {
                for check in [Check::Upper, Check::None, Check::Fixed(b""), Check::Fixed(b"ab")] {
                    let (mut lane, _) = having_sent("20:1,50:1", check, 10);
                    let mut replies = Replies::new(framing);
                    answers(&mut lane, &mut replies, &bytes);
                    replies.handle_end(&mut lane, 7);
                }
            }
        }
    }
}
