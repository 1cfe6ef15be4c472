//! Lines out of a stream: however it is cut into pieces, they are the ones that splitting the whole at once gives.

#![no_main]

use callbox_exchange::{Line, Lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>, u8)| {
    let (text, lengths, limit) = input;
    let limit = usize::from(limit);
    let mut lines = Lines::with_limit(limit);
    let mut found = Vec::new();
    let mut rest = &text[..];
    for length in lengths.into_iter().map(usize::from).chain([text.len()]) {
        let (mut piece, after) = rest.split_at(rest.len().min(length));
        while let Some(line) = lines.handle_bytes(&mut piece) {
            found.push(owned(line));
        }
        rest = after;
    }
    found.extend(lines.finish().map(owned));
    assert_eq!(found, plainly(&text, limit));
});

fn owned(line: Line<'_>) -> Option<Vec<u8>> {
    match line {
        Line::Whole(line) => Some(line.to_vec()),
        Line::TooLong => None,
    }
}

/// The definition; `None` stands for a line that is too long.
fn plainly(text: &[u8], limit: usize) -> Vec<Option<Vec<u8>>> {
    let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let last = lines.pop().unwrap_or_default();
    let ended = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let all = ended.chain((!last.is_empty()).then_some(last));
    all.map(|line| (line.len() <= limit).then(|| line.to_vec())).collect()
}
