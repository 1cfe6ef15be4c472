//! `Ask` under any sequence of events: it never accepts a reply that came before the request was sent, nor one that may
//! be a doubled earlier reply, it gives up only after all its tries, and it always comes to a rest.

#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use callbox_exchange::backoff::{MAX_WAIT, MIN_WAIT};
use callbox_exchange::{Action, Ask, Backoff, Outcome};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Op {
    Ask(u8),
    Reply(u8),
    Refused,
    Timeout,
    Elapse(u16),
    /// Does what the machine says until there is nothing to do but wait.
    Settle,
    /// Does one thing that it says.
    Poll,
}

#[derive(Arbitrary, Debug)]
struct Input {
    first: u16,
    tries: u8,
    seed: u64,
    one_socket_a_line: bool,
    ops: Vec<Op>,
}

/// What somebody who looks on can tell.
#[derive(Default)]
struct Seen {
    now: Duration,
    asking: bool,
    refused: bool,
    /// Sends and renewals of this line.
    sends: u32,
    renewals: u32,
    /// Sends of this line on the socket in hand.
    sent_here: u32,
    sent_at: Duration,
    /// Replies that came after those.
    offered: BTreeSet<Vec<u8>>,
    /// Replies that were accepted on the socket in hand.
    heard: BTreeSet<Vec<u8>>,
}

fuzz_target!(|input: Input| {
    let first = Duration::from_millis(input.first.into());
    let backoff = Backoff { first, tries: input.tries.into() };
    let mut ask = Ask::new(backoff, input.seed);
    if input.one_socket_a_line {
        ask = ask.one_socket_a_line();
    }
    let mut seen = Seen::default();
    for op in input.ops {
        match op {
            Op::Ask(request) => {
                ask.ask(&[request]);
                seen.asking = true;
                seen.refused = false;
                (seen.sends, seen.renewals, seen.sent_here) = (0, 0, 0);
                seen.offered.clear();
            }
            Op::Reply(reply) => {
                ask.handle_reply(&[reply]);
                if seen.sent_here > 0 {
                    seen.offered.insert(vec![reply]);
                }
            }
            Op::Refused => {
                ask.handle_refused();
                seen.refused |= seen.sent_here > 0;
            }
            Op::Timeout => ask.handle_timeout(seen.now),
            Op::Elapse(ms) => seen.now += Duration::from_millis(ms.into()),
            Op::Poll => {
                seen.poll(&mut ask, backoff);
            }
            Op::Settle => {
                // At most a renewal, a send and an outcome lie before a rest.
                let rests = (0..4).any(|_| seen.poll(&mut ask, backoff));
                assert!(rests, "it does not come to a rest");
            }
        }
    }
});

impl Seen {
    /// Whether the machine is at rest.
    fn poll(&mut self, ask: &mut Ask, backoff: Backoff) -> bool {
        match ask.poll(self.now) {
            Action::Renew => {
                assert!(self.asking);
                self.renewals += 1;
                self.sent_here = 0;
                self.offered.clear();
                self.heard.clear();
                false
            }
            Action::Send => {
                assert!(self.asking);
                self.sends += 1;
                self.sent_here += 1;
                self.sent_at = self.now;
                assert!(self.sends <= backoff.tries.max(1) + self.renewals);
                false
            }
            Action::Wait(until) => {
                assert!(self.asking && self.sent_here > 0);
                let wait = until - self.sent_at;
                assert!(wait >= MIN_WAIT && wait <= backoff.first.max(MAX_WAIT));
                true
            }
            Action::Done(outcome) => {
                assert!(std::mem::take(&mut self.asking));
                self.check(outcome, backoff);
                self.sent_here = 0;
                false
            }
            Action::Idle => {
                assert!(!self.asking);
                true
            }
        }
    }

    fn check(&mut self, outcome: Outcome, backoff: Backoff) {
        match outcome {
            Outcome::Reply(reply) => {
                assert!(self.offered.contains(&reply), "nobody sent this");
                assert!(self.heard.insert(reply), "this may be an earlier reply, doubled");
            }
            Outcome::NoReply { tries } => {
                assert_eq!(tries, backoff.tries.max(1));
                assert!(self.sends >= tries);
            }
            Outcome::Refused => assert!(self.refused),
        }
    }
}
