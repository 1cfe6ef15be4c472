//! The connections of a crowd: their sockets, what is half read and half sent.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use callbox_irc::framer::{Frame, Framer, Limits};
use callbox_measure::report::Buffers;
use callbox_net::stream::StreamSocket;

use crate::outcome::LoadError;
use crate::wait::Waiter;

/// The most of one line that is kept: tags and the rest have 4 KiB each, eight times what RFC 1459 allows. What is longer
/// is skipped, and is a line that nobody said.
const LINE: Limits = Limits { tags: 4096, body: 4096 };

/// How much may wait for one client to be sent: more than the lines of a talker that are written at once. Who lets
/// PINGs be answered and does not read that gets no answer any more.
pub(super) const UNSENT: usize = 16 * 1024;

/// Bytes that are read at once.
pub(super) const READ: usize = 64 * 1024;

/// All connections that are open.
#[derive(Debug)]
pub(super) struct Clients {
    list: Vec<Client>,
    /// Clients from this number on: nobody waits for what comes to them.
    waited_for: usize,
    buffer: Vec<u8>,
    /// The sockets' buffers, where a size was asked for.
    pub(super) buffers: Option<Buffers>,
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// `None` before it is connected, and after it is gone.
    socket: Option<StreamSocket>,
    framer: Framer,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
    /// Nothing can be sent any more; what is left to read tells why.
    is_mute: bool,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes, of which there may be more.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The connection is over.
    End,
}

impl Clients {
    pub(super) fn new(count: usize) -> Self {
        let client = || Client { framer: Framer::new(LINE), ..Client::default() };
        Self {
            list: std::iter::repeat_with(client).take(count).collect(),
            waited_for: count,
            buffer: vec![0; READ],
            buffers: None,
        }
    }

    /// From now on nobody waits for what comes to the clients from number `first` on.
    pub(super) fn wait_only_before(
        &mut self,
        first: usize,
        waiter: &mut Waiter,
    ) -> Result<(), LoadError> {
        self.waited_for = first;
        (first..self.list.len()).try_for_each(|number| self.flush(number, waiter))
    }

    /// A client is connected.
    pub(super) fn connected(
        &mut self,
        number: usize,
        socket: StreamSocket,
        waiter: &mut Waiter,
    ) -> Result<(), LoadError> {
        waiter.set(socket.as_fd(), number as u64, true, false)?;
        self.list[number].socket = Some(socket);
        Ok(())
    }

    /// A client's connection is over.
    pub(super) fn disconnected(&mut self, number: usize, waiter: &mut Waiter) {
        if let Some(socket) = self.list[number].socket.take() {
            waiter.remove(socket.as_fd());
        }
        self.list[number] = Client::default();
    }

    /// Where a client's lines are written to, before [`flush`](Self::flush).
    pub(super) fn unsent(&mut self, number: usize) -> &mut Vec<u8> {
        &mut self.list[number].unsent
    }

    /// Sends what was written, as far as the kernel takes it. What is left is sent when there is room.
    pub(super) fn flush(&mut self, number: usize, waiter: &mut Waiter) -> Result<(), LoadError> {
        let Client { socket: Some(socket), unsent, is_mute, .. } = &mut self.list[number] else {
            return Ok(());
        };
        let mut sent = 0;
        while sent < unsent.len() && !*is_mute {
            match socket.send(&unsent[sent..]) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The connection is broken, and reading tells so as well, after the server's last words.
                Err(_) => *is_mute = true,
            }
        }
        match *is_mute {
            true => unsent.clear(),
            false => drop(unsent.drain(..sent)),
        }
        waiter.set(socket.as_fd(), number as u64, number < self.waited_for, !unsent.is_empty())
    }

    /// Reads once what has come for a client: how many bytes.
    #[inline]
    pub(super) fn receive(&mut self, number: usize) -> Received {
        let Some(socket) = &self.list[number].socket else { return Received::Nothing };
        match socket.receive(&mut self.buffer) {
            Ok(0) => Received::End,
            Ok(length) => Received::Bytes(length),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Received::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// Gives the lines that end in what was just received. `handle` may write an answer.
    #[inline]
    pub(super) fn lines(
        &mut self,
        number: usize,
        length: usize,
        mut handle: impl FnMut(Frame<'_>, &mut Vec<u8>),
    ) {
        let Client { framer, unsent, .. } = &mut self.list[number];
        let mut piece = &self.buffer[..length];
        while let Some(frame) = framer.next(&mut piece) {
            handle(frame, unsent);
        }
    }
}
