//! Standard input as it is to be sent: read in large pieces, with CRLF for LF, and a line at a time where lines have to
//! keep a distance.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use callbox_net::stdio::Input;

use crate::filter::Crlf;
use crate::options::Flow;

/// What one read asks for: large enough that system calls cost little beside copying, small enough to be in the
/// processor's cache still when it is encrypted and sent. It is two runs of TLS records.
const READ_BYTES: usize = 96 * 1024;

/// The same where each read becomes a message. ncat's number: it fits into every UDP datagram, and programs at the other
/// end expect no larger.
const MESSAGE_BYTES: usize = 8192;

/// Standard input.
///
/// Calling contract: [`read`](Self::read) when it [`wants`](Self::wants) to and the descriptor may be readable; send what
/// [`waiting`](Self::waiting) gives, and say with [`consume`](Self::consume) how much of it went.
pub struct Source {
    input: Input,
    /// As read.
    chunk: Vec<u8>,
    /// As it is to be sent, if that is something else.
    converted: Vec<u8>,
    /// What stands from `at` to `end`, in the chunk or converted, is not yet sent.
    at: usize,
    end: usize,
    crlf: Option<Crlf>,
    delay: Option<Duration>,
    /// Nothing is sent before then.
    pause: Option<Instant>,
    ended: bool,
}

impl Source {
    /// For links that [keep messages](crate::link::Link::keeps_messages) each read is a message.
    pub fn new(input: Input, flow: &Flow, keeps_messages: bool) -> Self {
        Self {
            input,
            chunk: vec![0; if keeps_messages { MESSAGE_BYTES } else { READ_BYTES }],
            converted: Vec::new(),
            at: 0,
            end: 0,
            crlf: flow.crlf.then(Crlf::default),
            delay: flow.delay,
            pause: None,
            ended: false,
        }
    }

    /// Whether it is sent as it is, whenever there is room: then somebody else may move it.
    pub const fn is_plain(&self) -> bool {
        self.crlf.is_none() && self.delay.is_none()
    }

    /// The descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// Whether somebody types it.
    pub fn is_typed(&self) -> bool {
        self.input.is_terminal()
    }

    /// Whether there is room for a read.
    pub const fn wants(&self) -> bool {
        self.at == self.end && !self.ended && self.pause.is_none()
    }

    /// Whether it ended, and all of it went.
    pub const fn is_over(&self) -> bool {
        self.at == self.end && self.ended
    }

    /// What is to be sent now: with a delay at most one line.
    pub fn waiting(&self) -> &[u8] {
        if self.pause.is_some() {
            return &[];
        }
        let text = if self.crlf.is_some() { &self.converted } else { &self.chunk };
        let text = &text[self.at..self.end];
        match self.delay {
            Some(_) => {
                &text[..text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1)]
            }
            None => text,
        }
    }

    /// So many bytes of it went.
    pub fn consume(&mut self, count: usize, now: Instant) {
        let line = self.waiting().len();
        self.at += count;
        if count == line {
            self.pause = self.delay.map(|delay| now + delay);
        }
    }

    /// When there is something waiting again.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.pause
    }

    /// It may be that moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.pause = self.pause.filter(|until| now < *until);
    }

    /// It is over, whatever stands in it.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Reads once. Gives whether something is waiting, or it ended.
    ///
    /// # Errors
    ///
    /// Those of the system, without `WouldBlock` and `Interrupted`.
    pub fn read(&mut self) -> io::Result<bool> {
        match self.input.read(&mut self.chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                (self.at, self.end) = (0, count);
                if let Some(crlf) = &mut self.crlf {
                    self.converted.clear();
                    crlf.handle(&self.chunk[..count], &mut self.converted);
                    self.end = self.converted.len();
                }
            }
            Err(error) if is_for_later(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Puts back what was read by somebody else. Only while it [wants](Self::wants) and [is plain](Self::is_plain).
    pub fn put_back(&mut self, bytes: &[u8]) {
        if self.chunk.len() < bytes.len() {
            self.chunk.resize(bytes.len(), 0);
        }
        self.chunk[..bytes.len()].copy_from_slice(bytes);
        (self.at, self.end) = (0, bytes.len());
    }
}

/// Whether it only has to be tried again.
pub fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
