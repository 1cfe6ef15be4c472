//! What a request holds, and whether a reply is the right one to it, byte for byte.
//!
//! A message is a number of 16 letters and then text, all of it letters that upper-casing changes. The number says
//! which socket sent the message and as the how-manieth, so that a reply which is lost, doubled, late or somebody
//! else's is known as such. The text is cut from one long text at a place that depends on the number, so that a server
//! which answers with the rest of another message is found out, and so that both a request and the reply expected to
//! it are there beforehand: to write one is to copy, to check one is to compare, and neither allocates.

mod number;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use number::LETTERS;

use crate::plan::random::scramble;
use crate::plan::{Random, SizeMix};

/// The most bytes that one datagram carries over IPv4: 65,535 less the headers of IP and UDP (RFC 791, RFC 768).
pub const MAX_DATAGRAM: usize = 65_507;

/// What the right reply to a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The request in capitals.
    Upper,
    /// The request, unchanged.
    Echo,
    /// Always the same bytes, whatever the request: what a service with one answer gives.
    Fixed(&'static [u8]),
    /// Anything.
    None,
}

impl Check {
    /// Whether a reply repeats the number of its request.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Upper | Self::Echo)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upper => "upper",
            Self::Echo => "echo",
            Self::Fixed(_) => "fixed",
            Self::None => "none",
        })
    }
}

impl FromStr for Check {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        match text {
            "upper" => Ok(Self::Upper),
            "echo" => Ok(Self::Echo),
            "none" => Ok(Self::None),
            _ => Err(CheckError),
        }
    }
}

/// A text that names no check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a check is upper, echo or none")]
pub struct CheckError;

/// Which request a reply belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this number on this socket, if it was ever sent.
    Number(u64),
    /// It does not say, so it counts for the one that has waited longest.
    Oldest,
    /// None of this socket: the reply's number cannot be read, or is another socket's.
    Nobody,
}

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What the service should answer.
    Right(Which),
    /// Something else.
    Wrong(Which),
}

/// The text of all messages of a run. It is made once and shared by all threads.
#[derive(Debug)]
pub struct Payload {
    /// The text that messages are cut from, [`PLACES`] bytes longer than the longest of them.
    text: Box<[u8]>,
    /// The same text as the service gives it back, where that differs.
    changed: Option<Box<[u8]>>,
    sizes: SizeMix,
    /// The size of all messages, if they have one.
    only: Option<usize>,
    seed: u64,
    check: Check,
    /// What each message ends with: nothing in a datagram, a line feed in a stream.
    end: &'static [u8],
}

impl Payload {
    /// Messages for datagrams.
    pub fn datagrams(seed: u64, sizes: SizeMix, check: Check) -> Result<Self, PayloadError> {
        if sizes.largest() > MAX_DATAGRAM {
            return Err(PayloadError::TooLong);
        }
        if check.is_numbered() && sizes.smallest() < LETTERS {
            return Err(PayloadError::TooShort);
        }
        Ok(Self::new(seed, sizes, check, b""))
    }

    /// Messages for a stream: the last byte of each is a line feed, so that a service that reads lines answers them
    /// one by one as well.
    pub fn stream(seed: u64, sizes: SizeMix, check: Check) -> Self {
        Self::new(seed, sizes, check, b"\n")
    }

    fn new(seed: u64, sizes: SizeMix, check: Check, end: &'static [u8]) -> Self {
        let mut random = Random::new(seed);
        // A number below 26 fits into a byte.
        let letters = std::iter::repeat_with(|| b'a' + random.below(26) as u8);
        let text: Box<[u8]> = letters.take(sizes.largest() + PLACES).collect();
        let changed = (check == Check::Upper).then(|| text.to_ascii_uppercase().into());
        Self { text, changed, only: sizes.only(), sizes, seed, check, end }
    }

    /// What the right reply is.
    pub fn check(&self) -> Check {
        self.check
    }

    /// The length of the longest message: what a buffer must hold.
    pub fn largest(&self) -> usize {
        self.sizes.largest()
    }

    /// The length of message `seq` of socket `lane`.
    #[inline]
    pub fn size(&self, lane: u16, seq: u64) -> usize {
        self.only.unwrap_or_else(|| self.sizes.at(scramble(self.seed, number(lane, seq))))
    }

    /// Writes message `seq` of socket `lane` to the beginning of a buffer, and gives its length.
    ///
    /// # Panics
    ///
    /// If the buffer is shorter than the message; [`largest`](Self::largest) is always enough.
    #[inline]
    pub fn write(&self, lane: u16, seq: u64, buffer: &mut [u8]) -> usize {
        let size = self.size(lane, seq);
        let message = &mut buffer[..size];
        let rest = match self.has_number(size).then(|| message.split_first_chunk_mut()).flatten() {
            Some((letters, rest)) => {
                number::write(number(lane, seq), letters);
                rest
            }
            None => message,
        };
        let length = rest.len() - self.end.len();
        let place = place(lane, seq);
        rest[..length].copy_from_slice(&self.text[place..place + length]);
        rest[length..].copy_from_slice(self.end);
        size
    }

    /// What a datagram is that came to socket `lane`.
    #[inline]
    pub fn verdict(&self, lane: u16, reply: &[u8]) -> Verdict {
        match self.check {
            Check::Upper | Check::Echo => self.numbered_verdict(lane, reply),
            Check::Fixed(answer) if reply != answer => Verdict::Wrong(Which::Oldest),
            Check::Fixed(_) | Check::None => Verdict::Right(Which::Oldest),
        }
    }

    #[inline]
    fn numbered_verdict(&self, lane: u16, reply: &[u8]) -> Verdict {
        let Some((letters, body)) = reply.split_first_chunk() else {
            return Verdict::Wrong(Which::Nobody);
        };
        match number::read(letters, self.check == Check::Upper) {
            Some(whole) if whole >> SEQ_BITS == u64::from(lane) => {
                let seq = whole & LAST_SEQ;
                let place = place(lane, seq);
                let right = self.size(lane, seq) == reply.len()
                    && self.expected()[place..place + body.len()] == *body;
                match right {
                    true => Verdict::Right(Which::Number(seq)),
                    false => Verdict::Wrong(Which::Number(seq)),
                }
            }
            _ => Verdict::Wrong(match number::read_any(letters) {
                Some(whole) if whole >> SEQ_BITS == u64::from(lane) => {
                    Which::Number(whole & LAST_SEQ)
                }
                _ => Which::Nobody,
            }),
        }
    }

    /// The socket whose number a message bears that comes back unchanged: in a chat, who said it.
    pub fn lane_of(&self, message: &[u8]) -> Option<u16> {
        // 16 bits are left.
        number::read(message.first_chunk()?, false).map(|whole| (whole >> SEQ_BITS) as u16)
    }

    /// How long the right reply to message `seq` is, where that is known: how a stream of replies is taken apart.
    pub fn reply_size(&self, lane: u16, seq: u64) -> Option<usize> {
        match self.check {
            Check::Upper | Check::Echo => Some(self.size(lane, seq)),
            Check::Fixed(answer) => Some(answer.len()),
            Check::None => None,
        }
    }

    /// Whether `piece` is what the reply to message `seq` has from byte `at` on.
    ///
    /// With [`Check::None`] everything is.
    pub fn matches(&self, lane: u16, seq: u64, at: usize, piece: &[u8]) -> bool {
        match self.check {
            Check::Upper | Check::Echo => self.piece_matches(lane, seq, at, piece),
            Check::Fixed(answer) => answer.get(at..at + piece.len()) == Some(piece),
            Check::None => true,
        }
    }

    fn piece_matches(&self, lane: u16, seq: u64, at: usize, piece: &[u8]) -> bool {
        let size = self.size(lane, seq);
        let Some(behind) = size.checked_sub(at + piece.len()) else { return false };
        let mut letters = [0; LETTERS];
        let head = if self.has_number(size) { &mut letters[..] } else { &mut [] };
        if let Some(letters) = head.first_chunk_mut() {
            number::write(number(lane, seq), letters);
            if self.check == Check::Upper {
                letters.make_ascii_uppercase();
            }
        }
        // What of the piece lies in the number, what in the end of the message, and what between them in the text.
        let in_head = head.len().saturating_sub(at).min(piece.len());
        let in_end = self.end.len().saturating_sub(behind).min(piece.len() - in_head);
        let (first, rest) = piece.split_at(in_head);
        let (text, last) = rest.split_at(rest.len() - in_end);
        let place = place(lane, seq) + at.saturating_sub(head.len());
        let end_at = self.end.len().saturating_sub(behind + in_end);
        (first.is_empty() || first == &head[at..at + in_head])
            && self.expected()[place..].starts_with(text)
            && last == &self.end[end_at..end_at + in_end]
    }

    /// Whether a message of this size begins with its number: in a stream, where replies come in order, a shorter one
    /// does without.
    #[inline]
    fn has_number(&self, size: usize) -> bool {
        size >= LETTERS + self.end.len()
    }

    #[inline]
    fn expected(&self) -> &[u8] {
        self.changed.as_deref().unwrap_or(&self.text)
    }
}

/// Why there can be no such messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// No datagram carries as much.
    #[error("a datagram carries at most {MAX_DATAGRAM} bytes")]
    TooLong,
    /// There is no room for the number.
    #[error(
        "datagrams whose replies are checked begin with a number and are at least {LETTERS} bytes long"
    )]
    TooShort,
}

/// How many places there are in the text where a message's own text can begin: a few pages, so that short messages
/// are always written from the processor's nearest cache.
const PLACES: usize = 4096;

/// The bits of a message's number that count the messages of one socket; those above name the socket. At a million
/// messages a second they last for nine years.
const SEQ_BITS: u32 = 48;
const LAST_SEQ: u64 = (1 << SEQ_BITS) - 1;

/// The number that a message bears.
#[inline]
fn number(lane: u16, seq: u64) -> u64 {
    u64::from(lane) << SEQ_BITS | (seq & LAST_SEQ)
}

/// Where in the text a message's own text begins: far from those of its neighbours, by a multiplication with an odd
/// number of which the top bits are taken (Knuth, The Art of Computer Programming, volume 3, section 6.4).
#[inline]
fn place(lane: u16, seq: u64) -> usize {
    // What is left after the shift is below PLACES.
    (number(lane, seq).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests;
