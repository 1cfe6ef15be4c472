//! However a stream is cut into reads, the same lines come of it, and no more than a line is kept.

#![no_main]

use callbox_irc::framer::{Frame, Framer, Limits};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    tags: u8,
    body: u8,
    cuts: Vec<u8>,
    stream: Vec<u8>,
}

/// The lines of `pieces`; `None` stands for one that was too long.
fn frames<'a>(limits: Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Option<Vec<u8>>> {
    let mut framer = Framer::new(limits);
    let mut out = Vec::new();
    for mut piece in pieces {
        while let Some(frame) = framer.next(&mut piece) {
            out.push(match frame {
                Frame::Line(line) => {
                    assert!(!line.is_empty() && !line.contains(&b'\n') && limits.admit(line));
                    Some(line.to_vec())
                }
                Frame::TooLong => None,
            });
        }
        assert!(piece.is_empty());
        assert!(framer.kept() <= (limits.tags + limits.body) as usize + 1);
    }
    out
}

fuzz_target!(|input: Input| {
    let limits = Limits { tags: input.tags.into(), body: input.body.into() };
    let whole = frames(limits, std::iter::once(&input.stream[..]));
    let mut rest = &input.stream[..];
    let mut sizes =
        input.cuts.iter().map(|&size| usize::from(size) + 1).chain(std::iter::repeat(7));
    let pieces = std::iter::from_fn(|| {
        let size = sizes.next()?.min(rest.len());
        rest.split_off(..size).filter(|piece| !piece.is_empty())
    });
    assert_eq!(frames(limits, pieces), whole);
});
