//! QUIC: one stream in both directions on each connection, `--quic`.
//!
//! All connections of a listener share its socket. Each link gives that socket as its [`source`](Link::source) and serves
//! it for all of them, whoever is asked first; so the listener may be dropped before its links, and what came for a link
//! while another one read is told by [`has_text`](Link::has_text).

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Instant;

use callbox_layers::quic::{Endpoint, Id, Read};

use super::tls::{self, certificate_story, failed};
use super::{Got, Link, Needs};

/// The longest datagram that UDP carries.
const DATAGRAM: usize = 64 * 1024;

/// Datagrams that are read before anything else gets a turn.
const TURN: usize = 64;

/// A connection to `peer` by `socket`, which is bound and need not be connected.
///
/// # Errors
///
/// If no certificate can be for `host`, or the socket is of no use.
pub fn client(
    socket: UdpSocket,
    peer: SocketAddr,
    tls: &tls::Client,
    host: &str,
    now: Instant,
) -> io::Result<Box<dyn Link>> {
    // So that the kernel tells if nobody is there.
    socket.connect(peer)?;
    let mut shared = Shared::new(socket, Endpoint::client())?;
    let host = tls.server_name.as_deref().unwrap_or(host);
    let id = shared
        .endpoint
        .connect(&tls.settings, host, &tls.protocols, peer, now)
        .map_err(io::Error::other)?;
    shared.flush(now)?;
    let socket = Rc::clone(&shared.socket);
    let shared = Rc::new(RefCell::new(shared));
    Ok(Box::new(QuicLink { socket, shared, id, is_unverified: !tls.verifies() }))
}

/// A socket at which clients arrive. Once it is dropped nobody more is let in; its links go on.
pub struct Listener {
    socket: Rc<UdpSocket>,
    shared: Rc<RefCell<Shared>>,
}

impl Listener {
    /// With a socket that is bound.
    ///
    /// # Errors
    ///
    /// If the certificate or the socket is of no use.
    pub fn new(socket: UdpSocket, tls: &tls::Server, now: Instant) -> io::Result<Self> {
        let endpoint = Endpoint::server(&tls.settings).map_err(io::Error::other)?;
        let mut shared = Shared::new(socket, endpoint)?;
        shared.flush(now)?;
        let socket = Rc::clone(&shared.socket);
        Ok(Self { socket, shared: Rc::new(RefCell::new(shared)) })
    }

    /// The descriptor to wait for.
    pub fn source(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What to wait for.
    pub fn needs(&self) -> Needs {
        Needs { readable: true, writable: self.shared.borrow().waits.is_some() }
    }

    /// Reads and writes what can be without blocking, and sees to timers.
    ///
    /// # Errors
    ///
    /// If the socket is broken.
    pub fn advance(&mut self, now: Instant) -> io::Result<()> {
        self.shared.borrow_mut().drive(now)
    }

    /// Who arrived; the handshake goes on.
    pub fn accept(&mut self) -> Option<(Box<dyn Link>, SocketAddr)> {
        let mut shared = self.shared.borrow_mut();
        let id = shared.endpoint.poll_arrival()?;
        let peer = shared.endpoint.peer(id)?;
        let (socket, shared) = (Rc::clone(&self.socket), Rc::clone(&self.shared));
        Some((Box::new(QuicLink { socket, shared, id, is_unverified: false }), peer))
    }

    /// When [`advance`](Self::advance) is to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shared.borrow().endpoint.poll_timeout()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.endpoint.refuse_clients();
        let _ = shared.flush(Instant::now());
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("socket", &self.socket).finish_non_exhaustive()
    }
}

struct Shared {
    socket: Rc<UdpSocket>,
    endpoint: Endpoint,
    /// What the socket did not take.
    waits: Option<SocketAddr>,
    /// The datagram that is being sent.
    datagram: Vec<u8>,
    buffer: Vec<u8>,
}

impl Shared {
    fn new(socket: UdpSocket, endpoint: Endpoint) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (datagram, buffer) = (Vec::new(), vec![0; DATAGRAM]);
        Ok(Self { socket: Rc::new(socket), endpoint, waits: None, datagram, buffer })
    }

    fn drive(&mut self, now: Instant) -> io::Result<()> {
        self.endpoint.handle_timeout(now);
        for _ in 0..TURN {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((count, from)) => {
                    self.endpoint.handle_datagram(from, &self.buffer[..count], now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.flush(now)
    }

    fn flush(&mut self, now: Instant) -> io::Result<()> {
        loop {
            let to = match self.waits.take() {
                Some(to) => to,
                None => match self.endpoint.poll_transmit(now, &mut self.datagram) {
                    Some(to) => to,
                    None => return Ok(()),
                },
            };
            match self.socket.send_to(&self.datagram, to) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waits = Some(to);
                    return Ok(());
                }
                // Only a connected socket, a client's, hears of it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(error);
                }
                // What cannot be sent is lost, as on the way; if it stays so, the timers end the connection.
                Err(_) => {}
            }
        }
    }
}

struct QuicLink {
    socket: Rc<UdpSocket>,
    shared: Rc<RefCell<Shared>>,
    id: Id,
    is_unverified: bool,
}

impl Link for QuicLink {
    fn source(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Acknowledgements and signs of life come at any time.
    fn needs(&self) -> Needs {
        Needs { readable: true, writable: self.shared.borrow().waits.is_some() }
    }

    fn room(&self) -> Needs {
        self.needs()
    }

    fn has_text(&self) -> bool {
        self.shared.borrow().endpoint.has_text(self.id)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let mut shared = self.shared.borrow_mut();
        for is_first in [true, false] {
            let read = shared.endpoint.read(self.id, buffer);
            match read {
                Ok(Read::Nothing) if is_first => shared.drive(Instant::now())?,
                _ => shared.flush(Instant::now())?,
            }
            match read.map_err(failed)? {
                Read::Text(count) => return Ok(Got::Bytes(count)),
                Read::Ended => return Ok(Got::End),
                Read::Nothing => {}
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = self.shared.borrow_mut();
        let result = shared.endpoint.write(self.id, bytes);
        shared.flush(Instant::now())?;
        match result.map_err(failed)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut shared = self.shared.borrow_mut();
        shared.endpoint.finish(self.id);
        shared.flush(Instant::now())
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        let mut shared = self.shared.borrow_mut();
        shared.drive(now)?;
        // What came before the end can still be read, and then the end is told.
        if !shared.endpoint.is_established(self.id) {
            shared.endpoint.check(self.id).map_err(failed)?;
        }
        Ok(())
    }

    fn is_established(&self) -> bool {
        self.shared.borrow().endpoint.is_established(self.id)
    }

    /// Nobody repeats for us what is lost, so it counts when it has arrived.
    fn is_flushed(&self) -> bool {
        let shared = self.shared.borrow();
        shared.waits.is_none() && shared.endpoint.is_acknowledged(self.id)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.shared.borrow().endpoint.poll_timeout()
    }

    fn story(&self) -> Vec<String> {
        let shared = self.shared.borrow();
        let about = shared.endpoint.certificate(self.id);
        let mut lines = certificate_story(about.as_ref(), self.is_unverified);
        if let Some(protocol) = shared.endpoint.protocol(self.id) {
            lines.push(format!("QUIC, ALPN: {}", String::from_utf8_lossy(&protocol)));
        }
        lines
    }
}

impl Drop for QuicLink {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        let now = Instant::now();
        shared.endpoint.drop_connection(self.id, now);
        let _ = shared.flush(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::testing::{Side, drive};
    use crate::link::tls::tests::{Folder, checking};

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    fn listener() -> (Listener, SocketAddr) {
        let socket = socket();
        let address = socket.local_addr().unwrap();
        let tls = tls::Server::new(&tls::Options::default()).unwrap();
        (Listener::new(socket, &tls, Instant::now()).unwrap(), address)
    }

    fn connecting(to: SocketAddr, verify: bool) -> Box<dyn Link> {
        let folder = Folder::new("quic");
        let tls = if verify {
            checking(&folder.certificate("localhost", (2020, 2070)))
        } else {
            tls::Client::new(&tls::Options::default()).unwrap()
        };
        client(socket(), to, &tls, "localhost", Instant::now()).unwrap()
    }

    fn accepted(listener: &mut Listener) -> Box<dyn Link> {
        loop {
            listener.advance(Instant::now()).unwrap();
            if let Some((link, _)) = listener.accept() {
                return link;
            }
        }
    }

    #[test]
    fn a_megabyte_goes_both_ways_and_each_end_is_heard() {
        let text: Vec<u8> = (0..1_000_000_u32).map(|n| (n >> 5) as u8).collect();
        let (mut listener, address) = listener();
        let one = connecting(address, false);
        let other = accepted(&mut listener);
        // Without its listener a link goes on alone.
        drop(listener);
        let (mut one, mut other) = (Side::new(one, &text, true), Side::new(other, &text, true));
        drive(&mut [&mut one, &mut other], |sides| {
            sides.iter().all(|side| side.ended && side.link.is_flushed())
        });
        assert!(one.heard == text && other.heard == text);
        assert_eq!(one.link.story().last().unwrap(), "QUIC, ALPN: callbox-nc");
    }

    #[test]
    fn connections_of_one_listener_do_not_wait_for_each_other() {
        let (mut listener, address) = listener();
        let mut sides = Vec::new();
        for name in ["a", "b", "c"] {
            let one = connecting(address, false);
            let other = accepted(&mut listener);
            sides.push(Side::new(one, name.as_bytes(), true));
            sides.push(Side::new(other, b"", false));
        }
        // The listener is gone, so the links read for each other.
        drop(listener);
        drive(&mut sides.iter_mut().collect::<Vec<_>>(), |sides| {
            sides.iter().skip(1).step_by(2).all(|side| side.ended)
        });
        let heard: Vec<_> = sides.iter().skip(1).step_by(2).map(|side| &side.heard[..]).collect();
        assert_eq!(heard, [b"a", b"b", b"c"]);
    }

    #[test]
    fn who_is_not_there_or_not_trusted_is_told_apart() {
        let nobody = socket().local_addr().unwrap();
        let mut one = Side::new(connecting(nobody, false), b"", false);
        drive(&mut [&mut one], |sides| sides[0].error.is_some());
        assert_eq!(one.error.unwrap().kind(), io::ErrorKind::ConnectionRefused);
        let (mut listener, address) = listener();
        let one = connecting(address, true);
        let other = accepted(&mut listener);
        let (mut one, mut other) = (Side::new(one, b"", false), Side::new(other, b"", false));
        drive(&mut [&mut one, &mut other], |sides| sides.iter().all(|side| side.error.is_some()));
        assert_eq!(one.said(), "its certificate was signed by nobody but itself");
    }

    #[test]
    fn a_link_that_is_dropped_before_its_end_was_cut() {
        let (mut listener, address) = listener();
        let one = connecting(address, false);
        let other = accepted(&mut listener);
        let (mut one, mut other) = (Side::new(one, b"half", false), Side::new(other, b"", false));
        drive(&mut [&mut one, &mut other], |sides| sides[1].heard == b"half");
        drop(one);
        drive(&mut [&mut other], |sides| sides[0].error.is_some());
        assert_eq!(other.error.unwrap().kind(), io::ErrorKind::UnexpectedEof);
    }
}
