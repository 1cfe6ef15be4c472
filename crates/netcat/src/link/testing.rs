//! For tests: links over a pair of sockets, and two links that are brought together.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::{Got, Link, Needs};

/// How long anything here may take: what never happens otherwise fails a test instead of holding it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A plain stream, which takes and gives at most so many bytes at a time.
pub(super) struct Plain(pub UnixStream, pub usize);

/// Two ends of one stream.
pub(super) fn plain_pair(size: usize) -> (Box<dyn Link>, Box<dyn Link>) {
    let (one, other) = sockets();
    (Box::new(Plain(one, size)), Box::new(Plain(other, size)))
}

/// Two sockets that are connected and do not block.
pub(super) fn sockets() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

/// Messages.
struct Messages(UnixDatagram);

/// Two ends of one conversation.
pub(super) fn datagram_pair() -> (Box<dyn Link>, Box<dyn Link>) {
    let (one, other) = UnixDatagram::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (Box::new(Messages(one)), Box::new(Messages(other)))
}

impl Link for Messages {
    fn source(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        self.0.recv(buffer).map(Got::Bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn keeps_messages(&self) -> bool {
        true
    }
}

impl Link for Plain {
    fn source(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let size = buffer.len().min(self.1);
        match self.0.read(&mut buffer[..size])? {
            0 => Ok(Got::End),
            count => Ok(Got::Bytes(count)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(self.1)])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}

/// What an owner has with a link: text to write, and what came.
pub(super) struct Side {
    pub link: Box<dyn Link>,
    pub text: Vec<u8>,
    /// Finishes when all is written.
    pub finishes: bool,
    pub heard: Vec<u8>,
    /// Messages, of a link that keeps them.
    pub messages: Vec<Vec<u8>>,
    pub ended: bool,
    pub error: Option<io::Error>,
}

impl Side {
    pub(super) fn new(link: Box<dyn Link>, text: &[u8], finishes: bool) -> Self {
        let text = text.to_vec();
        let (heard, messages) = Default::default();
        Self { link, text, finishes, heard, messages, ended: false, error: None }
    }

    /// What the error says.
    pub(super) fn said(&self) -> String {
        self.error.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// One round as the contract has it.
    pub(super) fn turn(&mut self) {
        if self.error.is_none()
            && let Err(error) = self.try_turn()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            self.error = Some(error);
        }
    }

    fn try_turn(&mut self) -> io::Result<()> {
        self.link.advance(Instant::now())?;
        if !self.link.is_established() {
            return Ok(());
        }
        while !self.text.is_empty() {
            match self.link.write(&self.text) {
                Ok(count) => drop(self.text.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.text.is_empty() && std::mem::take(&mut self.finishes) {
            self.link.finish()?;
        }
        let mut buffer = [0; 70_000];
        while !self.ended {
            match self.link.read(&mut buffer)? {
                Got::Bytes(count) => {
                    self.heard.extend_from_slice(&buffer[..count]);
                    self.messages.push(buffer[..count].to_vec());
                }
                Got::End => self.ended = true,
            }
        }
        Ok(())
    }

    /// What to wait for.
    pub(super) fn waits(&self) -> Needs {
        let needs = self.link.needs();
        let writes = self.link.is_established() && !self.text.is_empty();
        let room = if writes { self.link.room() } else { Needs::default() };
        let reads = self.link.is_established() && !self.ended;
        Needs {
            readable: needs.readable || room.readable || reads,
            writable: needs.writable || room.writable,
        }
    }
}

/// Goes on with both until `done`, and fails if that does not happen.
pub(super) fn drive(sides: &mut [&mut Side], done: impl Fn(&[&mut Side]) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        for side in &mut *sides {
            side.turn();
        }
        if done(sides) {
            return;
        }
        let errors: Vec<_> = sides.iter().map(|side| side.said()).collect();
        assert!(Instant::now() < end, "it never happened: {errors:?}");
        wait(sides);
    }
}

/// Waits as an owner does, so that a link that asks for too little is never woken.
fn wait(sides: &[&mut Side]) {
    let mut until = Instant::now() + PATIENCE;
    let mut waits = Vec::new();
    for side in sides.iter().filter(|side| side.error.is_none()) {
        if side.link.is_established() && !side.ended && side.link.has_text() {
            return;
        }
        until = side.link.poll_timeout().map_or(until, |timeout| until.min(timeout));
        let needs = side.waits();
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, needs.readable);
        flags.set(PollFlags::OUT, needs.writable);
        if !flags.is_empty() {
            waits.push((side.link.source(), flags));
        }
    }
    let mut descriptors: Vec<_> =
        waits.iter().map(|(source, flags)| PollFd::from_borrowed_fd(*source, *flags)).collect();
    let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
    poll(&mut descriptors, Some(&left.try_into().unwrap())).unwrap();
}
