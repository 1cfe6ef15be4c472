//! `echo` (RFC 862): sends back what it is sent.
//!
//! It is the classic half of a datagram loop, for whatever it answers is unchanged; the guard
//! counts every one of its answers.

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

/// Echo over either transport; it remembers nothing.
#[derive(Debug, Default)]
pub struct Echo;

impl DatagramService for Echo {
    fn on_datagram(&mut self, _: UnixTime, _: &mut [u8], _: &mut Vec<u8>) -> Answer {
        Answer::InPlace { changed: false }
    }
}

impl StreamService for Echo {
    fn on_bytes(&mut self, _now: UnixTime, input: &[u8], out: &mut Vec<u8>) -> Flow {
        out.extend_from_slice(input);
        Flow::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_goes_back() {
        let mut datagram = *b"\0\xffsally";
        let answer = Echo.on_datagram(UnixTime(0), &mut datagram, &mut Vec::new());
        assert_eq!((answer, &datagram), (Answer::InPlace { changed: false }, b"\0\xffsally"));

        let mut out = Vec::new();
        assert_eq!(Echo.on_bytes(UnixTime(0), b"sal", &mut out), Flow::Continue);
        assert_eq!(Echo.on_bytes(UnixTime(0), b"ly", &mut out), Flow::Continue);
        assert_eq!(Echo.on_end(UnixTime(0), &mut out), Flow::Finish);
        assert_eq!(out, b"sally");
    }
}
