//! A link of which something was read too early: what came behind a proxy's answer.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{Got, Link, Needs};

/// Gives `first` before what the link says.
pub fn prefixed(link: Box<dyn Link>, first: Vec<u8>) -> Box<dyn Link> {
    if first.is_empty() { link } else { Box::new(Prefixed { link, first, used: 0 }) }
}

struct Prefixed {
    link: Box<dyn Link>,
    first: Vec<u8>,
    used: usize,
}

impl Link for Prefixed {
    fn source(&self) -> BorrowedFd<'_> {
        self.link.source()
    }

    fn needs(&self) -> Needs {
        self.link.needs()
    }

    fn room(&self) -> Needs {
        self.link.room()
    }

    fn has_text(&self) -> bool {
        self.used < self.first.len() || self.link.has_text()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let rest = &self.first[self.used..];
        if rest.is_empty() {
            return self.link.read(buffer);
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.used += count;
        Ok(Got::Bytes(count))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.link.write(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.link.finish()
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        self.link.advance(now)
    }

    fn is_established(&self) -> bool {
        self.link.is_established()
    }

    fn is_flushed(&self) -> bool {
        self.link.is_flushed()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.link.poll_timeout()
    }

    fn story(&self) -> Vec<String> {
        self.link.story()
    }
}
