//! QUIC: one stream in both directions on each connection, `--quic`.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::{Link, Needs, tls};

/// A connection to `peer` by `socket`, which is bound, does not block and need not be connected.
///
/// # Errors
///
/// Not there yet.
pub fn client(
    socket: UdpSocket,
    peer: SocketAddr,
    tls: &tls::Client,
    host: &str,
    now: Instant,
) -> io::Result<Box<dyn Link>> {
    let _ = (socket, peer, tls, host, now);
    Err(io::ErrorKind::Unsupported.into())
}

/// A socket at which clients arrive. Their links share it, and each of them serves it for all, so the listener may be
/// dropped before them: then nobody more is let in.
#[derive(Debug)]
pub struct Listener(UdpSocket);

impl Listener {
    /// With a socket that is bound and does not block.
    ///
    /// # Errors
    ///
    /// Not there yet.
    pub fn new(socket: UdpSocket, tls: &tls::Server, now: Instant) -> io::Result<Self> {
        let _ = (socket, tls, now);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The descriptor to wait for.
    pub fn source(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// What to wait for.
    pub fn needs(&self) -> Needs {
        Needs { readable: true, writable: false }
    }

    /// Reads and writes what can be without blocking, and sees to timers.
    ///
    /// # Errors
    ///
    /// If the socket is broken.
    pub fn advance(&mut self, now: Instant) -> io::Result<()> {
        let _ = now;
        Ok(())
    }

    /// Who arrived; the handshake goes on.
    pub fn accept(&mut self) -> Option<(Box<dyn Link>, SocketAddr)> {
        None
    }

    /// When [`advance`](Self::advance) is to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
