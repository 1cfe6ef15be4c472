//! The connection to a peer, whatever lies between: a plain stream, TLS, WebSocket, datagrams, DTLS, QUIC.
//!
//! Everything above (the client, the listener, the broker, programs that are run) knows only [`Link`].

pub mod child_io;
pub mod datagram;
pub mod dtls;
pub mod prefixed;
pub mod quic;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod websocket;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// What a read came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Got {
    /// So many bytes stand at the front of the buffer. Of a link that [keeps messages](Link::keeps_messages) it is one
    /// message, and may be empty.
    Bytes(usize),
    /// The peer will send nothing more.
    End,
}

/// What a link has to wait for to go on by itself, besides what its owner wants of it: the rest of a handshake, records
/// that are still to be written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// The descriptor has something to read.
    pub readable: bool,
    /// The descriptor has room.
    pub writable: bool,
}

/// One connection to one peer, open. Nothing here ever blocks.
///
/// Calling contract: wait until [`source`](Self::source) is readable if the owner wants to [`read`](Self::read) or
/// [`needs`](Self::needs) says so, for what [`room`](Self::room) says if the owner has something that
/// [`write`](Self::write) did not take, and at most until [`poll_timeout`](Self::poll_timeout). After any of it call
/// [`advance`](Self::advance), then `read` until it would block (there may be text in memory that no readiness of the
/// descriptor tells of) and `write`. Readiness is level-triggered.
pub trait Link {
    /// The descriptor to wait for.
    fn source(&self) -> BorrowedFd<'_>;

    /// What the link waits for by itself.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// What to wait for while the owner has something that [`write`](Self::write) did not take. Where room comes with what
    /// the peer says, waiting until the descriptor has room would be no waiting.
    fn room(&self) -> Needs {
        Needs { readable: false, writable: true }
    }

    /// Whether there is text to read although the descriptor may not be readable.
    fn has_text(&self) -> bool {
        false
    }

    /// Takes what came to the peer.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing for now; everything else is the end of the connection.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got>;

    /// Gives bytes to the peer: as many as it can take, at least one. A link that keeps messages takes all as one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it takes none for now; everything else is the end of the connection.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Says that nothing more will be written: half-closes. What the peer still says can be read. What was written
    /// before goes first. Without effect where the protocol has no such thing.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    fn finish(&mut self) -> io::Result<()>;

    /// Does what can be done without blocking: goes on with a handshake, writes what waits, sees to timers.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    fn advance(&mut self, now: Instant) -> io::Result<()> {
        let _ = now;
        Ok(())
    }

    /// Whether the handshakes are over: before that, nothing can be read or written.
    fn is_established(&self) -> bool {
        true
    }

    /// Whether all that was written, and the end if it was said, is with the kernel.
    fn is_flushed(&self) -> bool {
        true
    }

    /// When [`advance`](Self::advance) is to be called, whatever happens until then.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the boundaries of what is written are kept: datagrams.
    fn keeps_messages(&self) -> bool {
        false
    }

    /// The longest message that [`write`](Self::write) takes.
    fn longest(&self) -> usize {
        usize::MAX
    }

    /// The descriptor, if what is read and written there is the text itself: then the kernel can move it without us, and
    /// a program can be given it as its input and output.
    fn direct(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// What `-v` tells of the handshakes, a line each, once they are over: the peer's certificate, for one.
    fn story(&self) -> Vec<String> {
        Vec::new()
    }
}
