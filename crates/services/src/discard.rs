//! `discard` (RFC 863): throws away what it is sent and never answers.

use crate::contract::{Answer, DatagramService, Flow, StreamService, UnixTime};

/// Discard over either transport.
#[derive(Debug, Default)]
pub struct Discard;

impl DatagramService for Discard {
    fn on_datagram(&mut self, _: UnixTime, _: &mut [u8], _: &mut Vec<u8>) -> Answer {
        Answer::Silence
    }
}

impl StreamService for Discard {
    fn on_bytes(&mut self, _: UnixTime, _: &[u8], _: &mut Vec<u8>) -> Flow {
        Flow::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_answered() {
        let mut out = Vec::new();
        assert_eq!(Discard.on_datagram(UnixTime(0), &mut [b'x'], &mut out), Answer::Silence);
        assert_eq!(Discard.on_open(UnixTime(0), &mut out), Flow::Continue);
        assert_eq!(Discard.on_bytes(UnixTime(0), b"x", &mut out), Flow::Continue);
        assert_eq!(Discard.on_end(UnixTime(0), &mut out), Flow::Finish);
        assert!(out.is_empty());
    }
}
