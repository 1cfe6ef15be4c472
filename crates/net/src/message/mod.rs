//! Conversations in messages: one socket, one peer.
//!
//! UDP has no `accept`. A listener that answers several peers through its one socket has to sort what comes, and a peer that
//! does not read holds up nobody only if there is a queue for each. So each peer gets a socket of its own here, which is
//! bound to the very address that the peer wrote to and connected to the peer: from then on the kernel sorts, queues and
//! tells errors, and a program can be given the socket as its input and output.
//!
//! Unix sockets cannot do that, since a path belongs to one socket. Their conversations share the listener's.

mod bell;
mod listener;
mod origin;
#[cfg(test)]
mod tests;
mod writes;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use socket2::Socket;

use crate::peer::Peer;
use crate::unix::SocketFile;
use bell::Bell;

pub use listener::{MessageListener, udp_socket};
pub use writes::Writes;

/// The longest message that is received; what a 16-bit length can say. A longer one, over a Unix socket, is cut.
const LONGEST: usize = 65_535;

/// Bytes that wait for a conversation outside of the kernel, each message counted with [`OVERHEAD`]. It is several times
/// what the kernel lets wait in a socket (`net.core.rmem_default`, 208 KiB); what is over it is lost, as the kernel would
/// lose it.
const MAX_WAITING: usize = 1 << 20;

/// What a message costs beside its bytes.
const OVERHEAD: usize = 64;

/// A conversation with one peer. Nothing here blocks.
#[derive(Debug)]
pub struct MessageSocket {
    socket: Rc<Socket>,
    way: Way,
    /// What came before the conversation had a socket of its own, or if it has none.
    inbox: Rc<Inbox>,
    local: Peer,
    peer: Peer,
    /// Held for its `Drop`, which removes the file.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Way {
    /// The socket talks with the peer alone.
    Own,
    /// The socket is the listener's, who reads it.
    Shared(Bell),
}

/// Messages that wait.
#[derive(Debug, Default)]
struct Inbox {
    messages: RefCell<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Inbox {
    fn push(&self, message: &[u8]) {
        let mut waiting = self.messages.borrow_mut();
        if waiting.bytes + message.len() + OVERHEAD <= MAX_WAITING {
            waiting.bytes += message.len() + OVERHEAD;
            waiting.messages.push_back(message.to_vec());
        }
    }

    fn pop(&self) -> Option<Vec<u8>> {
        let mut waiting = self.messages.borrow_mut();
        let message = waiting.messages.pop_front()?;
        waiting.bytes -= message.len() + OVERHEAD;
        Some(message)
    }

    fn is_empty(&self) -> bool {
        self.messages.borrow().messages.is_empty()
    }
}

impl MessageSocket {
    pub(crate) fn connected(socket: Socket, file: Option<SocketFile>, peer: Peer) -> Self {
        let local = socket.local_addr().map_or(Peer::NAMELESS, |name| Peer::from_socket(&name));
        Self {
            socket: Rc::new(socket),
            way: Way::Own,
            inbox: Rc::default(),
            local,
            peer,
            _file: file,
        }
    }

    /// Our end.
    pub const fn local(&self) -> &Peer {
        &self.local
    }

    /// Their end.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether messages wait outside of the kernel, which no readiness tells of.
    pub fn has_text(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether the descriptor is the conversation itself, and nothing waits elsewhere: then it can be given away.
    pub fn is_own(&self) -> bool {
        matches!(self.way, Way::Own) && self.inbox.is_empty()
    }

    /// The next message; one that is longer than `buffer` is cut. `WouldBlock` says that there is none; a message of ours that
    /// nobody took may be told as `ConnectionRefused`.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(message) = self.inbox.pop() {
            self.quiet_bell();
            let length = message.len().min(buffer.len());
            buffer[..length].copy_from_slice(&message[..length]);
            return Ok(length);
        }
        match self.way {
            Way::Own => self.socket.recv(crate::uninit(buffer)),
            Way::Shared(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Sends one message. `WouldBlock` says that there is no room for it now.
    pub fn send(&mut self, message: &[u8]) -> io::Result<usize> {
        match self.way {
            Way::Own => self.socket.send_with_flags(message, libc::MSG_NOSIGNAL),
            Way::Shared(_) if self.peer == Peer::NAMELESS => Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the peer's socket has no name to answer to",
            )),
            Way::Shared(_) => {
                let to = self.peer.to_socket()?;
                match self.socket.send_to_with_flags(message, &to, libc::MSG_NOSIGNAL) {
                    // No event tells when there is room in that one peer's queue: who does not read loses its answers.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(message.len()),
                    result => result,
                }
            }
        }
    }

    /// The last message was taken: nothing is to be read.
    fn quiet_bell(&self) {
        if let (Way::Shared(bell), true) = (&self.way, self.inbox.is_empty()) {
            bell.quiet();
        }
    }
}

impl AsFd for MessageSocket {
    /// What is readable when there is a message.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Own => self.socket.as_fd(),
            Way::Shared(bell) => bell.as_fd(),
        }
    }
}
