//! The replies that come over a stream, taken apart and checked as they come.
//!
//! A stream keeps the order, so the replies belong to the requests one after the other, also to those that were given up
//! in the meantime. Bytes are compared where they lie; nothing is kept between two reads but how far the reply at hand
//! has come.

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
    /// The request that the reply at hand belongs to.
    next: u64,
    /// How many bytes of the reply at hand have come.
    at: usize,
    /// Whether all of them were right.
    right: bool,
}

impl Replies {
    /// The replies of a new connection, the first of which belongs to request `first` of its lane.
    pub fn new(framing: Framing, first: u64) -> Self {
        Self { framing, next: first, at: 0, right: true }
    }

    /// The request whose reply comes next, or has begun to come.
    #[inline]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Takes in what was read, and tells each reply that is whole with it.
    ///
    /// What comes when every request has its reply is told as one stray reply for each read, and not looked at.
    pub fn handle(
        &mut self,
        lane: &mut Lane,
        mut bytes: &[u8],
        now: Nanos,
        mut each: impl FnMut(Answer),
    ) {
        while !bytes.is_empty() {
            let seq = self.next;
            if seq >= lane.ledger().next_seq() {
                each(lane.ledger_mut().stray_reply());
                return;
            }
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
                each(self.settle(lane, now, self.right));
            }
        }
    }

    /// The peer has ended the connection: a reply that ends with it is whole, if there was any of it. One that should
    /// have been longer was cut off and is wrong. What else waits is the caller's to give up.
    pub fn handle_end(&mut self, lane: &mut Lane, now: Nanos) -> Option<Answer> {
        if self.at == 0 {
            return None;
        }
        let ends_here = self.framing == Framing::Connection
            && lane.payload().reply_size(lane.number(), self.next).is_none();
        Some(self.settle(lane, now, ends_here))
    }

    /// The reply at hand is over.
    fn settle(&mut self, lane: &mut Lane, now: Nanos, right: bool) -> Answer {
        let seq = self.next;
        (self.next, self.at, self.right) = (seq + 1, 0, true);
        match right {
            true => lane.ledger_mut().reply(seq, now),
            false => lane.ledger_mut().wrong_reply(seq, now),
        }
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
        let mut replies = Replies::new(Framing::Line, 0);
        let told = answers(&mut lane, &mut replies, &stream);
        assert_eq!(told, [FIRST, Answer::Wrong, FIRST]);
    }

    #[test]
    fn what_nobody_asked_for_is_a_stray_reply() {
        let (mut lane, stream) = having_sent("64", Check::Echo, 1);
        let mut replies = Replies::new(Framing::Line, 0);
        let told = answers(&mut lane, &mut replies, &[&stream[..], b"more"].concat());
        assert_eq!(told, [FIRST, Answer::Stray]);
    }

    #[test]
    fn a_service_with_one_answer_is_checked_against_that() {
        let (mut lane, _) = having_sent("16", Check::Fixed(b"Goodbye, client!"), 2);
        let mut replies = Replies::new(Framing::Connection, 0);
        assert_eq!(answers(&mut lane, &mut replies, b"Goodbye,"), []);
        assert_eq!(
            answers(&mut lane, &mut replies, b" client!Goodbye, nobody!"),
            [FIRST, Answer::Wrong]
        );
    }

    #[test]
    fn unchecked_replies_end_with_a_line_a_length_or_the_connection() {
        let (mut lane, _) = having_sent("16", Check::None, 9);
        let mut lines = Replies::new(Framing::Line, 0);
        assert_eq!(answers(&mut lane, &mut lines, b"one\ntw"), [FIRST]);
        assert_eq!(answers(&mut lane, &mut lines, b"o\n\n"), [FIRST, FIRST]);
        let mut lengths = Replies::new(Framing::Length(4), 3);
        assert_eq!(answers(&mut lane, &mut lengths, b"abcdefgh+"), [FIRST, FIRST]);
        assert_eq!(lengths.handle_end(&mut lane, 7), Some(Answer::Wrong));
        let mut last = Replies::new(Framing::Connection, 6);
        assert_eq!(answers(&mut lane, &mut last, b"all\nof it"), []);
        assert_eq!(last.handle_end(&mut lane, 7), Some(FIRST));
        assert_eq!(last.handle_end(&mut lane, 7), None);
    }

    #[test]
    fn a_reply_that_is_cut_off_is_wrong() {
        let (mut lane, stream) = having_sent("64", Check::Upper, 1);
        let mut replies = Replies::new(Framing::Connection, 0);
        assert_eq!(answers(&mut lane, &mut replies, &stream[..63]), []);
        assert_eq!(replies.handle_end(&mut lane, 7), Some(Answer::Wrong));
    }

    #[test]
    fn a_reply_that_comes_too_late_is_told_as_late_and_the_next_ones_are_not_taken_for_it() {
        let (mut lane, stream) = having_sent("64", Check::Upper, 4);
        let mut replies = Replies::new(Framing::Line, 0);
        assert_eq!(answers(&mut lane, &mut replies, &stream[..30]), []);
        lane.ledger_mut().give_up_all();
        lane.sent(0, 0);
        let told = answers(&mut lane, &mut replies, &stream[30..130]);
        assert_eq!((told, replies.next_seq()), (vec![Answer::Late; 2], 2));
        assert_eq!(lane.ledger().outstanding(), 1);
    }

    #[test]
    fn a_new_connection_goes_on_with_the_requests_of_the_lane() {
        let (mut lane, stream) = having_sent("64", Check::Echo, 3);
        lane.ledger_mut().give_up_all();
        let mut replies = Replies::new(Framing::Line, 2);
        assert_eq!(answers(&mut lane, &mut replies, &stream[128..]), [Answer::Late]);
        assert_eq!(answers(&mut lane, &mut replies, b"?"), [Answer::Stray]);
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_its_replies_are_the_same(
            cuts in proptest::collection::vec(1..90_usize, 1..200), sizes in "(1|16|17|64):1,(2|40|70):2"
        ) {
            let (mut lane, stream) = having_sent(&sizes, Check::Upper, 50);
            let mut replies = Replies::new(Framing::Line, 0);
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
                    let mut replies = Replies::new(framing, 0);
                    answers(&mut lane, &mut replies, &bytes);
                    replies.handle_end(&mut lane, 7);
                }
            }
        }
    }
}
