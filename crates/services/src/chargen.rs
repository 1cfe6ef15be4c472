//! `chargen` (RFC 864): a pattern of characters, without end on a stream and a few lines of it in a
//! datagram.
//!
//! The pattern is the one that RFC 864 recommends: the 95 printable ASCII characters taken as a
//! ring, 72 to a line, each line beginning one character further. It repeats after 95 lines, so the
//! whole of it is one constant and a stream is a place in it.

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

/// Characters in a line, without its ending (RFC 864, "Data Syntax").
const LINE_LENGTH: usize = 72;

/// The ring of printable characters, space to tilde.
const RING: usize = 95;

/// A line with CR and LF.
const LINE_SIZE: usize = LINE_LENGTH + 2;

/// All lines that there are.
const PATTERN: [u8; RING * LINE_SIZE] = pattern();

/// Lines in a datagram: as many as fit whole into the 512 characters that RFC 864 allows.
const DATAGRAM_LINES: usize = 512 / LINE_SIZE;

/// Chargen for datagrams; each answer begins one line further.
///
/// RFC 864 wants a random length up to 512; a fixed one is as good to every client and can be
/// tested.
#[derive(Debug, Default)]
pub struct ChargenDatagram {
    line: usize,
}

impl DatagramService for ChargenDatagram {
    fn on_datagram(&mut self, _: UnixTime, _: &mut [u8], reply: &mut Vec<u8>) -> Answer {
        append_pattern(self.line * LINE_SIZE, DATAGRAM_LINES * LINE_SIZE, reply);
        self.line = (self.line + 1) % RING;
        Answer::Written
    }
}

/// Chargen for streams: goes on until the peer closes, and throws away what it is sent.
#[derive(Debug, Default)]
pub struct ChargenStream {
    at: usize,
}

impl StreamService for ChargenStream {
    fn on_bytes(&mut self, _: UnixTime, _: &[u8], _: &mut Vec<u8>) -> Flow {
        Flow::Continue
    }

    fn poll_output(&mut self, _: UnixTime, room: usize, out: &mut Vec<u8>) {
        append_pattern(self.at, room, out);
        self.at = (self.at + room % PATTERN.len()) % PATTERN.len();
    }

    fn generates(&self) -> bool {
        true
    }
}

/// Appends `length` bytes of the endless pattern from place `at`, below [`PATTERN`]'s length.
fn append_pattern(at: usize, length: usize, out: &mut Vec<u8>) {
    let mut from = at;
    let mut left = length;
    while left > 0 {
        let piece = left.min(PATTERN.len() - from);
        out.extend_from_slice(&PATTERN[from..from + piece]);
        left -= piece;
        from = 0;
    }
}

const fn pattern() -> [u8; RING * LINE_SIZE] {
    let mut bytes = [0; RING * LINE_SIZE];
    let mut at = 0;
    while at < bytes.len() {
        let (line, column) = (at / LINE_SIZE, at % LINE_SIZE);
        bytes[at] = match column {
            LINE_LENGTH => b'\r',
            column if column > LINE_LENGTH => b'\n',
            _ => b' ' + ((line + column) % RING) as u8,
        };
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime(0);

    #[test]
    fn the_pattern_begins_as_rfc_864_prints_it() {
        let mut out = Vec::new();
        ChargenStream::default().poll_output(NOW, 2 * LINE_SIZE, &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(
            lines,
            [
                " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg",
                "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh",
            ]
        );
    }

    #[test]
    fn each_datagram_begins_one_line_further_and_holds_at_most_512_characters() {
        let mut service = ChargenDatagram::default();
        let mut first_characters = Vec::new();
        for _ in 0..RING + 1 {
            let mut reply = Vec::new();
            assert_eq!(service.on_datagram(NOW, &mut [], &mut reply), Answer::Written);
            assert!(reply.len() <= 512 && reply.ends_with(b"\r\n"));
            first_characters.push(reply[0]);
        }
        let ring: Vec<u8> = (b' '..=b'~').chain([b' ']).collect();
        assert_eq!(first_characters, ring);
    }

    #[test]
    fn what_a_peer_sends_does_not_disturb_the_stream() {
        let mut service = ChargenStream::default();
        let mut out = Vec::new();
        assert_eq!(service.on_bytes(NOW, b"stop", &mut out), Flow::Continue);
        assert!(out.is_empty() && service.generates());
    }

    proptest! {
        #[test]
        fn the_stream_is_the_same_whatever_room_it_is_given(
            rooms in prop::collection::vec(0..20_000usize, 1..6),
        ) {
            let (mut pieces, mut whole) = (Vec::new(), Vec::new());
            let mut service = ChargenStream::default();
            for &room in &rooms {
                service.poll_output(NOW, room, &mut pieces);
            }
            ChargenStream::default().poll_output(NOW, rooms.iter().sum(), &mut whole);
            prop_assert_eq!(pieces, whole);
        }
    }
}
