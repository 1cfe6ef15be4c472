//! `upper`: answers with the text in capitals, the default service for datagrams.
//!
//! Text is UTF-8, of which ASCII is a part. ASCII goes the fast way ([`ascii`]), other text
//! character by character ([`text`]), and bytes that are no text pass unchanged: a server must not
//! die of an `é`, nor of rubbish.

pub mod ascii;
pub mod text;

pub use ascii::{Scan, upper_ascii_in_place};
pub use text::{append_upper, upper_in_place};

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};
use text::{append_capitals, begins_character};

/// One byte less than the longest character of UTF-8: what a segment can end with and still lack.
const MAX_CARRY: usize = 3;

/// `upper` for datagrams; it remembers nothing.
#[derive(Debug, Default)]
pub struct UpperDatagram;

impl DatagramService for UpperDatagram {
    fn on_datagram(&mut self, _now: UnixTime, datagram: &mut [u8], reply: &mut Vec<u8>) -> Answer {
        upper_in_place(datagram, reply)
    }
}

/// `upper` for streams: a character split over two segments is raised whole.
#[derive(Debug, Default)]
pub struct UpperStream {
    /// The beginning of a character whose end has not come yet.
    carry: [u8; MAX_CARRY],
    carried: u8,
}

impl UpperStream {
    fn carry(&self) -> &[u8] {
        &self.carry[..usize::from(self.carried)]
    }

    /// Ends the carried character with bytes of `input`, or gives it up unchanged, and returns the
    /// input after it.
    fn finish_carried<'a>(&mut self, mut input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        while self.carried > 0
            && let [next, rest @ ..] = input
        {
            let mut bytes = [0; MAX_CARRY + 1];
            let length = self.carry().len() + 1;
            bytes[..length - 1].copy_from_slice(self.carry());
            bytes[length - 1] = *next;
            if let Some(c) = str::from_utf8(&bytes[..length]).ok().and_then(|s| s.chars().next()) {
                append_capitals(c, out);
                self.carried = 0;
            } else if begins_character(&bytes[..length]) {
                self.keep(&bytes[..length]);
            } else {
                // `next` belongs to what follows: it may begin a character of its own.
                out.extend_from_slice(self.carry());
                self.carried = 0;
                return input;
            }
            input = rest;
        }
        input
    }

    /// Carries `unfinished`, at most [`MAX_CARRY`] bytes, to the next segment.
    fn keep(&mut self, unfinished: &[u8]) {
        self.carry[..unfinished.len()].copy_from_slice(unfinished);
        self.carried = unfinished.len() as u8;
    }
}

impl StreamService for UpperStream {
    fn on_bytes(&mut self, _now: UnixTime, input: &[u8], out: &mut Vec<u8>) -> Flow {
        let input = self.finish_carried(input, out);
        let used = append_upper(input, out);
        if used < input.len() {
            self.keep(&input[used..]);
        }
        Flow::Continue
    }

    fn on_end(&mut self, _now: UnixTime, out: &mut Vec<u8>) -> Flow {
        out.extend_from_slice(self.carry());
        self.carried = 0;
        Flow::Finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime(0);

    fn stream<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut service = UpperStream::default();
        let mut out = Vec::new();
        for segment in segments {
            assert_eq!(service.on_bytes(NOW, segment, &mut out), Flow::Continue);
        }
        assert_eq!(service.on_end(NOW, &mut out), Flow::Finish);
        out
    }

    #[test]
    fn an_empty_datagram_gets_an_empty_unchanged_answer() {
        let mut reply = Vec::new();
        let answer = UpperDatagram.on_datagram(NOW, &mut [], &mut reply);
        assert_eq!((answer, reply.len()), (Answer::InPlace { changed: false }, 0));
    }

    #[test]
    fn a_character_split_over_two_segments_is_raised_whole() {
        for text in ["é", "ß", "ΐ", "你", "ⱥ", "𐐨"] {
            for at in 1..text.len() {
                let (head, tail) = text.as_bytes().split_at(at);
                assert_eq!(stream([head, tail]), text.to_uppercase().as_bytes(), "{text} at {at}");
            }
            let bytes = text.as_bytes().chunks(1);
            assert_eq!(stream(bytes), text.to_uppercase().as_bytes(), "{text} byte by byte");
        }
    }

    #[test]
    fn a_character_that_never_ends_is_sent_unchanged_at_the_end() {
        assert_eq!(stream([b"ab\xf0\x90".as_slice()]), b"AB\xf0\x90");
        assert_eq!(stream([b"\xf0\x90".as_slice(), b"\x90"]), b"\xf0\x90\x90");
    }

    #[test]
    fn a_character_broken_off_is_given_up_and_what_follows_is_raised() {
        assert_eq!(stream([b"\xe4\xbd".as_slice(), b"x"]), b"\xe4\xbdX");
        assert_eq!(stream([b"\xe4".as_slice(), "é".as_bytes()]), b"\xe4\xc3\x89");
    }

    #[test]
    fn a_whole_character_is_answered_at_once() {
        let mut service = UpperStream::default();
        let mut out = Vec::new();
        service.on_bytes(NOW, "straße".as_bytes(), &mut out);
        assert_eq!(out, b"STRASSE");
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_the_stream_says_the_same(
            pieces in prop::collection::vec(prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                "[aßéŉı你𐐨]{1,6}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..5),
            ], 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let text = pieces.concat();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            ends.push(text.len());
            ends.sort_unstable();
            let mut start = 0;
            let segments = ends.iter().map(|&end| &text[std::mem::replace(&mut start, end)..end]);
            prop_assert_eq!(stream(segments), stream([text.as_slice()]));
        }

        #[test]
        fn a_stream_says_what_a_datagram_says(text: Vec<u8>) {
            let mut datagram = text.clone();
            let mut reply = Vec::new();
            let answer = upper_in_place(&mut datagram, &mut reply);
            let expected = if answer == Answer::Written { reply } else { datagram };
            prop_assert_eq!(stream([text.as_slice()]), expected);
        }
    }
}
