//! `greeting`: a message of fixed length each way, the default service for streams.
//!
//! The lesson in it is that TCP carries bytes and no messages: sixteen bytes may arrive in sixteen
//! pieces, and only the agreed length tells where the message ends.

use crate::contract::{Flow, StreamService, UnixTime};

/// How many bytes the server reads before it answers, and how many it answers with.
pub const GREETING_LENGTH: usize = 16;

/// What a client sends by default: 17 bytes, one more than a server reads. The notes that this
/// service comes from do the same, and it shows what an unread byte does to a connection that is
/// closed.
pub const CLIENT_GREETING: &[u8; GREETING_LENGTH + 1] = b"Greetings, server";

/// The server's answer.
pub const FAREWELL: &[u8; GREETING_LENGTH] = b"Goodbye, client!";

/// One connection to the greeting service.
///
/// The message stands inline, so that a connection which sends a few bytes and stalls holds no more
/// memory than an idle one.
#[derive(Clone, Debug, Default)]
pub struct Greeting {
    message: [u8; GREETING_LENGTH],
    received: u8,
}

impl Greeting {
    /// The bytes received so far, at most [`GREETING_LENGTH`].
    pub fn message(&self) -> &[u8] {
        &self.message[..usize::from(self.received)]
    }
}

impl StreamService for Greeting {
    /// Fills the message and answers once it is whole; what comes after it is ignored.
    fn on_bytes(&mut self, _now: UnixTime, input: &[u8], out: &mut Vec<u8>) -> Flow {
        let received = usize::from(self.received);
        if received == GREETING_LENGTH {
            return Flow::Finish;
        }
        let taken = input.len().min(GREETING_LENGTH - received);
        self.message[received..received + taken].copy_from_slice(&input[..taken]);
        self.received += taken as u8;
        if self.message().len() < GREETING_LENGTH {
            return Flow::Continue;
        }
        out.extend_from_slice(FAREWELL);
        Flow::Finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(0);

    #[test]
    fn sixteen_bytes_in_any_pieces_are_answered_once() {
        for size in 1..=CLIENT_GREETING.len() {
            let mut service = Greeting::default();
            let mut out = Vec::new();
            for piece in CLIENT_GREETING.chunks(size) {
                service.on_bytes(NOW, piece, &mut out);
            }
            assert_eq!(out, FAREWELL, "in pieces of {size}");
            assert_eq!(service.message(), b"Greetings, serve");
        }
    }

    #[test]
    fn fifteen_bytes_are_not_answered() {
        let mut service = Greeting::default();
        let mut out = Vec::new();
        assert_eq!(service.on_bytes(NOW, &CLIENT_GREETING[..15], &mut out), Flow::Continue);
        assert_eq!(service.on_end(NOW, &mut out), Flow::Finish);
        assert_eq!((service.message(), out.len()), (&CLIENT_GREETING[..15], 0));
    }

    #[test]
    fn a_held_connection_keeps_its_bytes_inline() {
        assert_eq!(size_of::<Greeting>(), GREETING_LENGTH + 1);
    }
}
