//! A reply of a known length over a stream.
//!
//! A stream keeps no message boundaries: 16 bytes may come as 3 and 13, or as 3 and then the end.
//! The one mistake everybody makes is to take the first read for the message.

use thiserror::Error;

/// The longest message that may be asked for: 1 GiB. The length is the user's own choice, so the
/// cap is no defence against a peer. It stands where a length is more likely a slip of the keyboard
/// than a message that somebody means to hold in memory.
pub const MAX_LENGTH: usize = 1 << 30;

/// Collects a message of exactly `length` bytes.
///
/// Calling contract: hand what was read to [`handle_bytes`](Self::handle_bytes) until
/// [`is_complete`](Self::is_complete) or the end of the stream, then call
/// [`finish`](Self::finish). Memory grows with the bytes that arrive, never with those announced,
/// and never beyond `length`.
#[derive(Clone, Debug)]
pub struct FixedRead {
    expected: usize,
    bytes: Vec<u8>,
}

/// The stream ended before the message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("was expecting {expected} bytes but only received {received} before the socket closed")]
pub struct EndedEarly {
    /// The length of the message, in bytes.
    pub expected: usize,
    /// How many of them came.
    pub received: usize,
}

/// The length asked for is beyond [`MAX_LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a message of {length} bytes is too long: the most is {MAX_LENGTH} bytes")]
pub struct TooLong {
    /// The length that was asked for, in bytes.
    pub length: usize,
}

impl FixedRead {
    /// A read of `length` bytes, which may be none.
    pub fn new(length: usize) -> Result<Self, TooLong> {
        if length > MAX_LENGTH {
            return Err(TooLong { length });
        }
        Ok(Self { expected: length, bytes: Vec::new() })
    }

    /// Takes in what the stream gave and returns how many bytes of it belong to this message.
    /// Whatever lies behind them is the caller's.
    pub fn handle_bytes(&mut self, input: &[u8]) -> usize {
        let taken = input.len().min(self.remaining());
        let full = self.bytes.len() + taken;
        if full > self.bytes.capacity() {
            // Doubling, as Vec does by itself, but not past the message's end.
            let target = full.max(self.bytes.capacity().saturating_mul(2)).min(self.expected);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(&input[..taken]);
        taken
    }

    /// How many bytes are still to come: the most that is worth reading.
    pub fn remaining(&self) -> usize {
        self.expected - self.bytes.len()
    }

    /// Whether the whole message is here.
    pub fn is_complete(&self) -> bool {
        self.remaining() == 0
    }

    /// What came so far.
    pub fn received(&self) -> &[u8] {
        &self.bytes
    }

    /// The message, or how much of it was missing when the stream ended.
    pub fn finish(self) -> Result<Vec<u8>, EndedEarly> {
        if self.is_complete() {
            Ok(self.bytes)
        } else {
            Err(EndedEarly { expected: self.expected, received: self.bytes.len() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_early_end_says_how_much_came() {
        let mut read = FixedRead::new(16).unwrap();
        assert_eq!(read.handle_bytes(b"Goo"), 3);
        assert!(!read.is_complete());
        assert_eq!(
            read.finish().unwrap_err().to_string(),
            "was expecting 16 bytes but only received 3 before the socket closed"
        );
    }

    #[test]
    fn what_lies_behind_the_message_is_not_taken() {
        let mut read = FixedRead::new(16).unwrap();
        assert_eq!(read.handle_bytes(b"Greetings, server"), 16);
        assert_eq!(read.handle_bytes(b"more"), 0);
        assert_eq!(read.finish().unwrap(), b"Greetings, serve");
    }

    #[test]
    fn a_message_of_no_bytes_is_complete_at_once() {
        let read = FixedRead::new(0).unwrap();
        assert!(read.is_complete());
        assert_eq!(read.finish(), Ok(Vec::new()));
    }

    #[test]
    fn memory_grows_with_what_arrives_and_not_with_what_was_announced() {
        let mut read = FixedRead::new(MAX_LENGTH).unwrap();
        assert_eq!(read.bytes.capacity(), 0);
        read.handle_bytes(&[0; 3000]);
        assert!(read.bytes.capacity() < 10_000);
    }

    #[test]
    fn a_length_beyond_the_cap_is_refused() {
        let error = FixedRead::new(MAX_LENGTH + 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a message of 1073741825 bytes is too long: the most is 1073741824 bytes"
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_message(
            bytes: Vec<u8>,
            length in 0_usize..120,
            chunk in 1_usize..20,
        ) {
            let mut read = FixedRead::new(length).unwrap();
            let taken: usize = bytes.chunks(chunk).map(|part| read.handle_bytes(part)).sum();
            prop_assert_eq!(taken, length.min(bytes.len()));
            prop_assert!(read.bytes.capacity() <= length);
            match read.finish() {
                Ok(message) => prop_assert_eq!(&message, &bytes[..length]),
                Err(early) => {
                    prop_assert_eq!(early, EndedEarly { expected: length, received: bytes.len() });
                    prop_assert!(bytes.len() < length);
                }
            }
        }
    }
}
