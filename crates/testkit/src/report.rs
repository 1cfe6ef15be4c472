//! The text that a failed expectation prints: everything needed to understand it from a CI log.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How much of each end of a long stream a report shows; the middle is left out. Both ends together
/// stay below what CI pages cut off.
const SHOWN_BYTES: usize = 8 << 10;

/// One stream as it stands in a report.
pub(crate) struct StreamText<'a> {
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    /// Bytes that came after the cap of what is kept.
    pub(crate) discarded: u64,
}

/// Words a failure: what was expected, by which command, how the process stands, and its streams.
pub(crate) fn failure(
    expected: &str,
    command: &str,
    status: &str,
    streams: &[StreamText<'_>],
) -> String {
    let mut text = format!("expected {expected}\ncommand: {command}\nstatus:  {status}\n");
    for stream in streams {
        let _ = writeln!(text, "--- {} ({} bytes)", stream.name, stream.bytes.len());
        text.push_str(&shown(stream.bytes));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if stream.discarded > 0 {
            let _ = writeln!(text, "[{} more bytes came and were not kept]", stream.discarded);
        }
    }
    text.push_str("---");
    text
}

/// A stream as text; the middle of a long one is replaced by its length.
fn shown(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.len() <= 2 * SHOWN_BYTES {
        return String::from_utf8_lossy(bytes);
    }
    let head = String::from_utf8_lossy(&bytes[..SHOWN_BYTES]);
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - SHOWN_BYTES..]);
    let left_out = bytes.len() - 2 * SHOWN_BYTES;
    Cow::Owned(format!("{head}\n[{left_out} bytes left out]\n{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stream_is_shown_by_both_its_ends() {
        let mut bytes = vec![b'.'; 5 * SHOWN_BYTES];
        bytes[0] = b'A';
        *bytes.last_mut().expect("not empty") = b'Z';
        let text = shown(&bytes);
        assert!(text.starts_with('A') && text.ends_with('Z'));
        assert!(text.contains(&format!("[{} bytes left out]", 3 * SHOWN_BYTES)));
    }
}
