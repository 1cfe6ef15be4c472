//! The same on systems that have no calls for many datagrams: one each, behind the same face.

use std::io;
use std::time::Duration;

use super::super::DatagramSocket;
use super::{BURST, Leaving, refused};

/// The longest datagram.
const SLOT: usize = 65_536;

/// Memory for what comes.
pub struct Incoming {
    buffer: Box<[u8]>,
    length: Option<usize>,
}

impl Incoming {
    /// Room for a datagram.
    pub fn new(_batched: bool, _runs: bool) -> Self {
        Self { buffer: vec![0; SLOT].into(), length: None }
    }

    /// Takes a datagram if one is there, and gives whether it was: 0 or 1. An error that is about an earlier datagram, as
    /// `ConnectionRefused` is, leaves the socket as good as before.
    pub fn receive(&mut self, socket: &DatagramSocket, _most: usize) -> io::Result<usize> {
        self.length = None;
        self.length = socket.recv(&mut self.buffer, Some(Duration::ZERO))?;
        Ok(usize::from(self.length.is_some()))
    }

    /// The datagram that the last call gave.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.length.iter().map(|&length| &self.buffer[..length])
    }
}

/// Datagrams that wait to be sent.
pub struct Outgoing {
    bytes: Vec<u8>,
    /// The lengths of those that wait, and where the first of them stands.
    lengths: Vec<usize>,
    next: usize,
    start: usize,
    largest: usize,
    tries: u32,
}

impl Outgoing {
    /// Room for [`BURST`] datagrams of at most `largest` bytes.
    pub fn new(largest: usize, _batched: bool, _segmentation: bool) -> Self {
        let lengths = Vec::with_capacity(BURST);
        Self { bytes: vec![0; BURST * largest], lengths, next: 0, start: 0, largest, tries: 0 }
    }

    /// How many datagrams wait.
    pub fn waiting(&self) -> usize {
        self.lengths.len() - self.next
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.lengths.clear();
        (self.next, self.start, self.tries) = (0, 0, 0);
    }

    /// Adds a datagram. `write` is given the room for it, `largest` bytes, and gives how many it wrote. False if
    /// there is no room before what waits has been sent, or [cleared](Self::clear); then nothing is written.
    pub fn push(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> bool {
        if self.waiting() == 0 {
            self.clear();
        }
        if self.lengths.len() == BURST {
            return false;
        }
        let start = self.start + self.lengths[self.next..].iter().sum::<usize>();
        let length = write(&mut self.bytes[start..start + self.largest]).min(self.largest);
        self.lengths.push(length);
        true
    }

    /// Sends the first of what waits, without waiting, and says what became of it.
    ///
    /// # Errors
    ///
    /// The call keeps failing for a reason of its own: there is no way to the peer, or it is forbidden.
    pub fn send(&mut self, socket: &DatagramSocket) -> io::Result<Leaving> {
        let Some(&length) = self.lengths.get(self.next) else { return Ok(Leaving::Sent(0)) };
        let told = match socket.send_now(&self.bytes[self.start..self.start + length]) {
            Ok(_) => Leaving::Sent(1),
            Err(error) => refused(error, 1, &mut self.tries)?,
        };
        if matches!(told, Leaving::Sent(_) | Leaving::Lost(_)) {
            self.next += 1;
            self.start += length;
            self.tries = 0;
        }
        Ok(told)
    }
}
