//! One socket of a load: what it sends next, and what the replies to it mean.
//!
//! A lane joins the messages of a run with the record of one socket. Its number, which is in each message, tells its
//! replies from those of other sockets. The shell sends what [`Lane::write`] wrote, says with [`Lane::sent`] which of
//! it left, and hands in what came.

use std::sync::Arc;

use crate::Nanos;
use crate::ledger::{Answer, Ledger};
use crate::payload::{Payload, Verdict, Which};

/// One socket's requests and replies.
#[derive(Debug)]
pub struct Lane {
    payload: Arc<Payload>,
    number: u16,
    ledger: Ledger,
}

impl Lane {
    /// Socket `number` of a run, with at most `limit` requests on their way.
    pub fn new(payload: Arc<Payload>, number: u16, limit: usize) -> Self {
        Self { payload, number, ledger: Ledger::new(limit) }
    }

    /// Writes the message that is sent after `ahead` others, and gives its length: several are written at once and
    /// sent with one call.
    ///
    /// # Panics
    ///
    /// If the buffer is shorter than the message; [`Payload::largest`] is always enough.
    #[inline]
    pub fn write(&self, ahead: u64, buffer: &mut [u8]) -> usize {
        self.payload.write(self.number, self.ledger.next_seq() + ahead, buffer)
    }

    /// The length of message `seq` of this socket.
    #[inline]
    pub fn size(&self, seq: u64) -> usize {
        self.payload.size(self.number, seq)
    }

    /// The first of the messages that were written, and not yet sent, was sent. What a call did not take is written
    /// again, or sent again as it is.
    #[inline]
    pub fn sent(&mut self, intended: Nanos, sent_at: Nanos) {
        self.ledger.sent(intended, sent_at);
    }

    /// Takes in a datagram that came.
    #[inline]
    pub fn handle_datagram(&mut self, reply: &[u8], now: Nanos) -> Answer {
        match self.payload.verdict(self.number, reply) {
            Verdict::Right(Which::Number(seq)) => self.ledger.reply(seq, now),
            Verdict::Wrong(Which::Number(seq)) => self.ledger.wrong_reply(seq, now),
            Verdict::Right(_) => self.ledger.oldest_reply(now, true),
            Verdict::Wrong(Which::Oldest) => self.ledger.oldest_reply(now, false),
            Verdict::Wrong(Which::Nobody) => self.ledger.stray_reply(),
        }
    }

    /// The record of what was sent: how much room there is, what was lost, the counts.
    #[inline]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same, to give up what waited too long or to begin counting.
    #[inline]
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The messages of the run.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;
    use crate::payload::Check;

    fn lane(check: Check, number: u16) -> Lane {
        let sizes = "64".parse().expect("a size");
        let payload = Payload::datagrams(1, sizes, check).expect("a payload");
        Lane::new(Arc::new(payload), number, 8)
    }

    /// Sends requests at 0 and gives them.
    fn send(lane: &mut Lane, count: u64) -> Vec<Vec<u8>> {
        let requests = (0..count).map(|ahead| {
            let mut buffer = vec![0; 64];
            lane.write(ahead, &mut buffer);
            buffer
        });
        let requests = requests.collect();
        (0..count).for_each(|_| lane.sent(0, 0));
        requests
    }

    #[test]
    fn messages_written_ahead_are_those_that_are_then_sent() {
        let mut lane = lane(Check::Echo, 9);
        let requests = send(&mut lane, 3);
        for (request, now) in requests.iter().zip(1..) {
            let answer = lane.handle_datagram(request, now);
            assert_eq!(answer, Answer::First { from_intended: now, from_sent: now });
        }
        assert_eq!(lane.ledger().counts().answered, 3);
    }

    #[test]
    fn each_kind_of_reply_is_counted_as_what_it_is() {
        let mut lane = lane(Check::Upper, 9);
        let requests = send(&mut lane, 2);
        assert_eq!(lane.handle_datagram(&requests[0], 1), Answer::Wrong);
        assert_eq!(lane.handle_datagram(&requests[0].to_ascii_uppercase(), 1), Answer::Again);
        assert_eq!(lane.handle_datagram(b"?", 1), Answer::Stray);
        let expected =
            Counts { requests: 2, wrong: 1, duplicated: 1, stray: 1, ..Counts::default() };
        assert_eq!(lane.ledger().counts(), &expected);
        assert_eq!(lane.ledger_mut().give_up_all(), 1);
    }

    #[test]
    fn without_a_check_any_reply_answers_the_oldest_request() {
        let mut lane = lane(Check::None, 9);
        send(&mut lane, 1);
        assert!(matches!(lane.handle_datagram(b"", 5), Answer::First { .. }));
        assert_eq!(lane.handle_datagram(b"", 5), Answer::Stray);
    }
}
