//! Replies over a stream: however it is cut they are judged alike, and no datagram makes the check fail.

#![no_main]

use std::sync::Arc;

use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::SizeMix;
use callbox_measure::replies::{Framing, Replies};
use libfuzzer_sys::fuzz_target;

const REQUESTS: u64 = 10;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, u8, u8)| {
    let (bytes, lengths, check, framing) = input;
    let check = [Check::Upper, Check::Echo, Check::None, Check::Fixed(b"Goodbye, client!")]
        [usize::from(check % 4)];
    let framing = [Framing::Line, Framing::Connection, Framing::Length(usize::from(framing / 3))]
        [usize::from(framing % 3)];
    let whole = judged(&bytes, &[], check, framing);
    assert_eq!(judged(&bytes, &lengths, check, framing), whole);

    let payload = Payload::datagrams(1, sizes(), check).expect("a payload");
    let mut lane = having_sent(payload);
    for reply in bytes.chunks(usize::from(lengths.first().copied().unwrap_or(64)).max(1)) {
        lane.handle_datagram(reply, 1);
    }
    let counts = *lane.ledger().counts();
    assert_eq!(counts.answered + counts.wrong + lane.ledger().outstanding() as u64, REQUESTS);
});

fn sizes() -> SizeMix {
    "16:1,64:1,40:1".parse().expect("a mix")
}

fn having_sent(payload: Payload) -> Lane {
    let mut lane = Lane::new(Arc::new(payload), 0, 16);
    (0..REQUESTS).for_each(|_| lane.sent(0, 0));
    lane
}

/// What each reply of a stream is. Those that nobody asked for are told once a read, so they are left out.
fn judged(bytes: &[u8], lengths: &[u8], check: Check, framing: Framing) -> Vec<Answer> {
    let mut lane = having_sent(Payload::stream(1, sizes(), check));
    let mut replies = Replies::new(framing, 0);
    let mut answers = Vec::new();
    let mut rest = bytes;
    for length in lengths.iter().copied().map(usize::from).chain([bytes.len()]) {
        let (piece, after) = rest.split_at(rest.len().min(length));
        replies.handle(&mut lane, piece, 1, |answer| answers.push(answer));
        rest = after;
    }
    answers.extend(replies.handle_end(&mut lane, 1));
    answers.retain(|answer| *answer != Answer::Stray);
    answers
}
