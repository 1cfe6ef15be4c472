//! Waiting for peers to write, and giving each a conversation of its own.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::{Rc, Weak};

use socket2::Socket;

use super::bell::{self, Ringer};
use super::origin::{Origin, receive, tell_local};
use super::{Inbox, LONGEST, MessageSocket, Way};
use crate::attempt::Protocol;
use crate::peer::Peer;
use crate::trace::Trace;
use crate::unix::SocketFile;

/// Conversations that have written while another was being taken in, and are not yet asked for.
const MAX_STRANGERS: usize = 64;

/// A socket that waits for peers to write.
///
/// Calling contract: when it is readable, or [`has_waiting`](Self::has_waiting), [`accept`](Self::accept) until
/// `WouldBlock`. Who wants one conversation alone takes [`accept_only`](Self::accept_only) and drops this.
#[derive(Debug)]
pub struct MessageListener {
    socket: Rc<Socket>,
    local: Peer,
    known: HashMap<Peer, Known>,
    /// Peers that wrote while another was taken in.
    strangers: VecDeque<(Origin, Rc<Inbox>)>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Known {
    inbox: Weak<Inbox>,
    bell: Option<Ringer>,
}

impl MessageListener {
    /// Waits for UDP. An IPv6 address takes IPv6 alone.
    pub fn udp(address: SocketAddr) -> io::Result<Self> {
        let socket = bind_udp(address)?;
        if address.ip().is_unspecified() {
            tell_local(&socket, &address)?;
        }
        // Set after the socket was bound, so that an address in use is an error; only this user's sockets can join.
        socket.set_reuse_port(true)?;
        Self::new(socket)
    }

    /// Waits at a path, for whomever the umask lets in. See [`SocketFile`] for what is replaced and what not. The file
    /// stays, as ncat documents it.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let socket = Protocol::UnixDatagram.socket(&Peer::at_path(path))?;
        SocketFile::bind_shared(&socket, path, &Trace::off())?.leave();
        Self::new(socket)
    }

    fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self {
            local: Peer::from_socket(&socket.local_addr()?),
            socket: Rc::new(socket),
            known: HashMap::new(),
            strangers: VecDeque::new(),
            buffer: vec![0; LONGEST],
        })
    }

    /// Where it waits, with the port that was really taken.
    pub const fn local(&self) -> &Peer {
        &self.local
    }

    /// Whether [`accept`](Self::accept) has something although the socket may not be readable.
    pub fn has_waiting(&self) -> bool {
        !self.strangers.is_empty()
    }

    /// The next new conversation, whose first messages are read from it; or `WouldBlock`. What is there for those that
    /// exist is handed to them.
    pub fn accept(&mut self) -> io::Result<(MessageSocket, Peer)> {
        self.accept_as(false)
    }

    /// The same, for a listener that is not asked again.
    pub fn accept_only(&mut self) -> io::Result<(MessageSocket, Peer)> {
        self.accept_as(true)
    }

    fn accept_as(&mut self, only: bool) -> io::Result<(MessageSocket, Peer)> {
        self.known.retain(|_, known| known.inbox.strong_count() > 0);
        let (origin, inbox) = loop {
            if let Some(stranger) = self.strangers.pop_front() {
                break stranger;
            }
            self.take_one()?;
        };
        let peer = origin.peer.clone();
        let (conversation, bell) = self.begin(origin, inbox, only)?;
        let known = Known { inbox: Rc::downgrade(&conversation.inbox), bell };
        self.known.insert(peer.clone(), known);
        // What came before the new socket took over waits in ours.
        while self.strangers.len() < MAX_STRANGERS && self.take_one().is_ok() {}
        Ok((conversation, peer))
    }

    /// Receives one message and puts it where it belongs.
    fn take_one(&mut self) -> io::Result<()> {
        let (length, origin) = receive(&self.socket, &mut self.buffer)?;
        let message = &self.buffer[..length];
        if let Some(known) = self.known.get(&origin.peer) {
            if let Some(inbox) = known.inbox.upgrade() {
                inbox.push(message);
                if let Some(bell) = &known.bell {
                    bell.ring();
                }
                return Ok(());
            }
            self.known.remove(&origin.peer);
        }
        let same = self.strangers.iter().find(|(other, _)| other.peer == origin.peer);
        match same {
            Some((_, inbox)) => inbox.push(message),
            None => {
                let inbox = Rc::new(Inbox::default());
                inbox.push(message);
                self.strangers.push_back((origin, inbox));
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        origin: Origin,
        inbox: Rc<Inbox>,
        only: bool,
    ) -> io::Result<(MessageSocket, Option<Ringer>)> {
        let Origin { peer, local } = origin;
        match (&self.local, &peer) {
            (Peer::Inet(ours), Peer::Inet(theirs)) => {
                let ours = SocketAddr::new(local.unwrap_or_else(|| ours.ip()), ours.port());
                let socket = self.begin_udp(ours, *theirs)?;
                let local = Peer::from_socket(&socket.local_addr()?);
                let (socket, way) = (Rc::new(socket), Way::Own);
                Ok((MessageSocket { socket, way, inbox, local, peer, _file: None }, None))
            }
            _ => {
                // One that has no name cannot be connected to; what comes is then whoever's.
                let has_name = peer != Peer::NAMELESS;
                let (way, ringer) =
                    if only && (!has_name || self.socket.connect(&peer.to_socket()?).is_ok()) {
                        (Way::Own, None)
                    } else {
                        let (bell, ringer) = bell::pair()?;
                        ringer.ring();
                        (Way::Shared(bell), Some(ringer))
                    };
                let (socket, local) = (Rc::clone(&self.socket), self.local.clone());
                Ok((MessageSocket { socket, way, inbox, local, peer, _file: None }, ringer))
            }
        }
    }

    /// A socket of its own for one peer.
    fn begin_udp(&mut self, ours: SocketAddr, theirs: SocketAddr) -> io::Result<Socket> {
        let socket = Protocol::Udp.socket(&Peer::Inet(ours))?;
        if ours.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_port(true)?;
        // Only as one more of the listener's can it be bound to its address, and between that and the next call the kernel
        // may give it what is for the listener.
        socket.bind(&ours.into())?;
        socket.connect(&theirs.into())?;
        Ok(socket)
    }
}

impl AsFd for MessageListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A UDP socket that is bound to `address` and does not block, for who speaks a protocol that sorts its peers by itself.
pub fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    Ok(UdpSocket::from(OwnedFd::from(bind_udp(address)?)))
}

fn bind_udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Protocol::Udp.socket(&Peer::Inet(address))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}
