//! `upper` for streams: however the network cuts a text, the answer is the one to the whole text.

#![no_main]

use callbox_services::upper::UpperStream;
use callbox_services::{Flow, StreamService, UnixTime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (text, lengths) = input;
    let mut segments = Vec::new();
    let mut rest = &text[..];
    for length in lengths {
        let (segment, after) = rest.split_at(rest.len().min(usize::from(length)));
        segments.push(segment);
        rest = after;
    }
    segments.push(rest);
    assert_eq!(answer(&segments), answer(&[&text]));
});

fn answer(segments: &[&[u8]]) -> Vec<u8> {
    let now = UnixTime(0);
    let mut service = UpperStream::default();
    let mut out = Vec::new();
    for segment in segments {
        assert_eq!(service.on_bytes(now, segment, &mut out), Flow::Continue);
    }
    assert_eq!(service.on_end(now, &mut out), Flow::Finish);
    out
}
