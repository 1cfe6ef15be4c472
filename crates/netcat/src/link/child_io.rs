//! A program that talks in messages, as a [`Link`]: `-e` and its like over datagrams.
//!
//! What it writes at once is one message. What it reads is a stream of bytes, without the borders of messages: programs
//! read their standard input in pieces of any size, a shell's `read` byte by byte, and of a socket that keeps messages they
//! would get the first piece of each and lose the rest. ncat has it so as well.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use callbox_net::message::Writes;

use super::{Got, Link};

/// What one write of the program may be, at most: more than the kernel lets it write at once.
const WRITE_BYTES: usize = 256 * 1024;

/// What waits for a program that does not read, besides what its pipe holds. What comes beyond that is lost, as the kernel
/// loses what comes for a socket that nobody reads.
const WAITING_BYTES: usize = 1 << 20;

/// How soon a full pipe is tried again. Its room is no event of the descriptor that is waited for.
const AGAIN: Duration = Duration::from_millis(5);

/// The ends of a program's standard input and output that are ours.
#[derive(Debug)]
pub struct ChildIo {
    said: Writes,
    /// None, if it has been told the end, or reads no more.
    told: Option<PipeWriter>,
    /// What its pipe has no room for.
    waiting: VecDeque<u8>,
    again: Option<Instant>,
    is_finished: bool,
    /// One write of the program, from `at` to `end` not yet read from here.
    chunk: Vec<u8>,
    at: usize,
    end: usize,
    longest: usize,
}

impl ChildIo {
    /// Our ends and the program's, its standard input and output. No message that is read here is longer than `longest`:
    /// what the program writes at once beyond that comes in several.
    ///
    /// # Errors
    ///
    /// If the system has no descriptors left.
    pub fn new(longest: usize) -> io::Result<(Self, PipeReader, OwnedFd)> {
        let (said, output) = Writes::pair()?;
        let (input, told) = io::pipe()?;
        rustix::io::ioctl_fionbio(&told, true)?;
        let io = Self {
            said,
            told: Some(told),
            waiting: VecDeque::new(),
            again: None,
            is_finished: false,
            chunk: vec![0; WRITE_BYTES],
            at: 0,
            end: 0,
            longest,
        };
        Ok((io, input, output))
    }

    /// Writes what waits, as far as there is room.
    fn flush(&mut self, now: Instant) {
        self.again = None;
        while let (Some(told), false) = (&mut self.told, self.waiting.is_empty()) {
            match told.write(self.waiting.as_slices().0) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.again = Some(now + AGAIN);
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It reads no more, and what it says still counts.
                Err(_) => self.told = None,
            }
        }
        self.waiting.clear();
        if self.is_finished {
            self.told = None;
        }
    }
}

impl Link for ChildIo {
    fn source(&self) -> BorrowedFd<'_> {
        self.said.as_fd()
    }

    fn has_text(&self) -> bool {
        self.at < self.end
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        if self.at == self.end {
            match self.said.receive(&mut self.chunk)? {
                Some(count) => (self.at, self.end) = (0, count),
                None => return Ok(Got::End),
            }
        }
        let count = (self.end - self.at).min(self.longest).min(buffer.len());
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(Got::Bytes(count))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() + bytes.len() <= WAITING_BYTES {
            self.waiting.extend(bytes);
            self.flush(Instant::now());
        }
        Ok(bytes.len())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.is_finished = true;
        self.flush(Instant::now());
        Ok(())
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        if self.again.is_some_and(|again| now >= again) {
            self.flush(now);
        }
        Ok(())
    }

    fn is_flushed(&self) -> bool {
        self.waiting.is_empty()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }

    fn keeps_messages(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    fn what_it_writes_is_a_message_and_what_it_reads_is_a_stream() {
        let (mut child, mut input, output) = ChildIo::new(4).unwrap();
        let mut output = File::from(output);
        for text in ["one", "two", "longer"] {
            output.write_all(text.as_bytes()).unwrap();
        }
        let mut buffer = [0; 64];
        for expected in ["one", "two", "long", "er"] {
            assert_eq!(child.read(&mut buffer).unwrap(), Got::Bytes(expected.len()));
            assert_eq!(&buffer[..expected.len()], expected.as_bytes());
        }
        assert_eq!(child.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for message in ["he", "", "llo\n"] {
            assert_eq!(child.write(message.as_bytes()).unwrap(), message.len());
        }
        let mut byte = [0];
        input.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"h");
        child.finish().unwrap();
        let mut rest = String::new();
        input.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "ello\n");
        drop(output);
        assert_eq!(child.read(&mut buffer).unwrap(), Got::End);
    }

    #[test]
    fn who_does_not_read_loses_what_comes_and_gets_the_rest_later() {
        let (mut child, mut input, _output) = ChildIo::new(usize::MAX).unwrap();
        for _ in 0..100 {
            child.write(&[b'x'; 60_000]).unwrap();
        }
        assert!(child.waiting.len() <= WAITING_BYTES && !child.is_flushed());
        child.finish().unwrap();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            input.read_to_end(&mut all).map(|_| all.len())
        });
        while !child.is_flushed() {
            let again = child.poll_timeout().expect("it is tried again");
            child.advance(again).unwrap();
        }
        assert!(reader.join().unwrap().unwrap() > 1_000_000);
        // Nobody reads any more.
        child.write(b"gone").unwrap();
        assert!(child.is_flushed());
    }
}
