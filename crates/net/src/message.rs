//! Conversations in messages: one socket, one peer.
//!
//! UDP has no `accept`. A listener that answers several peers through its one socket has to sort what comes, and a peer that
//! does not read holds up nobody only if there is a queue for each. So each peer gets a socket of its own here, which is
//! bound to the very address that the peer wrote to and connected to the peer: from then on the kernel sorts, queues and
//! tells errors, and a program can be given the socket as its input and output.
//!
//! Unix sockets cannot do that, since a path belongs to one socket. Their conversations share the listener's.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::{Rc, Weak};

use rustix::event::{EventfdFlags, eventfd};
use socket2::Socket;

use crate::attempt::Protocol;
use crate::peer::Peer;
use crate::sockopt;
use crate::trace::Trace;
use crate::unix::SocketFile;

/// The longest message that is received; what a 16-bit length can say. A longer one, over a Unix socket, is cut.
const LONGEST: usize = 65_535;

/// Bytes that wait for a conversation outside of the kernel, each message counted with [`OVERHEAD`]. It is several times
/// what the kernel lets wait in a socket (`net.core.rmem_default`, 208 KiB); what is over it is lost, as the kernel would
/// lose it.
const MAX_WAITING: usize = 1 << 20;

/// What a message costs beside its bytes.
const OVERHEAD: usize = 64;

/// Conversations that have written while another was being taken in, and are not yet asked for.
const MAX_STRANGERS: usize = 64;

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
    _file: Option<Rc<SocketFile>>,
}

#[derive(Debug)]
enum Way {
    /// The socket talks with the peer alone.
    Own,
    /// The socket is the listener's, who reads it.
    Shared(OwnedFd),
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
        let (socket, file) = (Rc::new(socket), file.map(Rc::new));
        Self { socket, way: Way::Own, inbox: Rc::default(), local, peer, _file: file }
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
            let _ = rustix::io::read(bell, &mut [0; 8]);
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

/// A socket that waits for peers to write.
///
/// Calling contract: when it is readable, or [`has_waiting`](Self::has_waiting), [`accept`](Self::accept) until
/// `WouldBlock`. Who wants one conversation alone takes [`accept_only`](Self::accept_only) and drops this.
#[derive(Debug)]
pub struct MessageListener {
    socket: Rc<Socket>,
    file: Option<Rc<SocketFile>>,
    local: Peer,
    known: HashMap<Peer, Known>,
    /// Peers that wrote while another was taken in.
    strangers: VecDeque<(Origin, Rc<Inbox>)>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Known {
    inbox: Weak<Inbox>,
    bell: Option<OwnedFd>,
}

/// Who wrote, and to which address of ours.
#[derive(Clone, Debug)]
struct Origin {
    peer: Peer,
    local: Option<IpAddr>,
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
        Self::new(socket, None)
    }

    /// Waits at a path, for whomever the umask lets in. See [`SocketFile`] for what is replaced and what not.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let socket = Protocol::UnixDatagram.socket(&Peer::at_path(path))?;
        let file = SocketFile::bind_shared(&socket, path, &Trace::off())?;
        Self::new(socket, Some(Rc::new(file)))
    }

    fn new(socket: Socket, file: Option<Rc<SocketFile>>) -> io::Result<Self> {
        Ok(Self {
            local: Peer::from_socket(&socket.local_addr()?),
            socket: Rc::new(socket),
            file,
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
        let conversation = self.begin(origin, inbox, only)?;
        let bell = match &conversation.way {
            Way::Own => None,
            Way::Shared(bell) => Some(bell.try_clone()?),
        };
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
                ring(known.bell.as_ref());
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

    fn begin(&mut self, origin: Origin, inbox: Rc<Inbox>, only: bool) -> io::Result<MessageSocket> {
        let Origin { peer, local } = origin;
        match (&self.local, &peer) {
            (Peer::Inet(ours), Peer::Inet(theirs)) => {
                let ours = SocketAddr::new(local.unwrap_or_else(|| ours.ip()), ours.port());
                let socket = self.begin_udp(ours, *theirs)?;
                let local = Peer::from_socket(&socket.local_addr()?);
                Ok(MessageSocket {
                    socket: Rc::new(socket),
                    way: Way::Own,
                    inbox,
                    local,
                    peer,
                    _file: None,
                })
            }
            _ => {
                // One that has no name cannot be connected to; what comes is then whoever's.
                let has_name = peer != Peer::NAMELESS;
                let way = if only && (!has_name || self.socket.connect(&peer.to_socket()?).is_ok())
                {
                    Way::Own
                } else {
                    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
                    ring(Some(&bell));
                    Way::Shared(bell)
                };
                let local = self.local.clone();
                let (socket, file) = (Rc::clone(&self.socket), self.file.clone());
                Ok(MessageSocket { socket, way, inbox, local, peer, _file: file })
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

/// Makes a descriptor readable.
fn ring(bell: Option<&OwnedFd>) {
    if let Some(bell) = bell {
        let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
    }
}

/// On a wildcard address, each datagram is to tell which of our addresses it was sent to.
#[cfg(target_os = "linux")]
fn tell_local(socket: &Socket, address: &SocketAddr) -> io::Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    sockopt::set(socket.as_fd(), level, option, 1)
}

#[cfg(not(target_os = "linux"))]
fn tell_local(_: &Socket, _: &SocketAddr) -> io::Result<()> {
    Ok(())
}

/// `recvmsg`: a message, who sent it, and to which of our addresses if the socket was told to say.
#[cfg(target_os = "linux")]
fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Origin)> {
    use crate::datagram::control::{self, ControlBuffer};

    let mut told = ControlBuffer::EMPTY;
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let receive = |name: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| {
        // SAFETY: msghdr is plain data, and zero is a valid value of each field.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = name.cast();
        header.msg_iov = &mut iov;
        header.msg_iovlen = 1;
        header.msg_control = told.0.as_mut_ptr().cast();
        header.msg_controllen = told.0.len() as _;
        // SAFETY: all pointers in the header, and `length`, are valid through the call, which fills in what `read` reads.
        unsafe {
            header.msg_namelen = *length;
            let n = libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_DONTWAIT);
            if n < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = header.msg_namelen;
            Ok((n as usize, control::read(&header).local))
        }
    };
    // SAFETY: `receive` writes an address and its length, or fails.
    let ((length, local), name) = unsafe { socket2::SockAddr::try_init(receive) }?;
    Ok((length, Origin { peer: Peer::from_socket(&name), local }))
}

#[cfg(not(target_os = "linux"))]
fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Origin)> {
    let (length, name) = socket.recv_from_with_flags(crate::uninit(buffer), libc::MSG_DONTWAIT)?;
    Ok((length, Origin { peer: Peer::from_socket(&name), local: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    fn client(to: &MessageListener) -> UdpSocket {
        let address = to.local().inet().unwrap();
        let client = UdpSocket::bind((address.ip(), 0)).unwrap();
        client.connect(address).unwrap();
        client
    }

    fn heard(socket: &mut MessageSocket) -> Result<Vec<u8>, io::ErrorKind> {
        let mut buffer = [0; 64];
        socket.receive(&mut buffer).map(|n| buffer[..n].to_vec()).map_err(|error| error.kind())
    }

    const QUIET: Result<Vec<u8>, io::ErrorKind> = Err(io::ErrorKind::WouldBlock);

    fn loopback() -> MessageListener {
        MessageListener::udp("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("callbox-message-{}-{name}", std::process::id()))
    }

    #[test]
    fn each_peer_has_a_conversation_of_its_own_from_its_first_message_on() {
        let mut listener = loopback();
        assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let (one, two) = (client(&listener), client(&listener));
        for message in ["one 1", "", "one 3"] {
            one.send(message.as_bytes()).unwrap();
        }
        two.send(b"two 1").unwrap();
        let (mut with_one, peer) = listener.accept().unwrap();
        assert_eq!(peer, Peer::Inet(one.local_addr().unwrap()));
        assert!(listener.has_waiting() && with_one.has_text() && !with_one.is_own());
        let (mut with_two, _) = listener.accept().unwrap();
        assert!(!listener.has_waiting());
        one.send(b"one 4").unwrap();
        two.send(b"two 2").unwrap();
        for message in ["one 1", "", "one 3", "one 4"] {
            assert_eq!(heard(&mut with_one), Ok(message.into()));
        }
        assert_eq!(heard(&mut with_one), QUIET);
        for message in ["two 1", "two 2"] {
            assert_eq!(heard(&mut with_two), Ok(message.into()));
        }
        assert!(with_one.is_own());
        assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for (conversation, client) in [(&mut with_one, &one), (&mut with_two, &two)] {
            conversation.send(b"answer").unwrap();
            let mut buffer = [0; 64];
            assert_eq!(client.recv(&mut buffer).unwrap(), 6);
        }
    }

    #[test]
    fn a_peer_hears_from_the_address_that_it_wrote_to() {
        for (any, ours) in [("0.0.0.0:0", "127.0.0.5"), ("[::]:0", "::1")] {
            let mut listener = MessageListener::udp(any.parse().unwrap()).unwrap();
            let to =
                SocketAddr::new(ours.parse().unwrap(), listener.local().inet().unwrap().port());
            let client = UdpSocket::bind((to.ip(), 0)).unwrap();
            client.connect(to).unwrap();
            client.send(b"question").unwrap();
            let (mut conversation, _) = listener.accept().unwrap();
            assert_eq!(*conversation.local(), Peer::Inet(to));
            conversation.send(b"answer").unwrap();
            assert_eq!(client.recv(&mut [0; 64]).unwrap(), 6);
        }
    }

    #[test]
    fn the_one_conversation_of_a_listener_goes_on_without_it() {
        let mut listener = loopback();
        let (one, two) = (client(&listener), client(&listener));
        one.send(b"1").unwrap();
        one.send(b"2").unwrap();
        let (mut conversation, _) = listener.accept_only().unwrap();
        drop(listener);
        one.send(b"3").unwrap();
        let _ = two.send(b"nobody hears this");
        for message in ["1", "2", "3"] {
            assert_eq!(heard(&mut conversation), Ok(message.into()));
        }
        assert_eq!(heard(&mut conversation), QUIET);
    }

    #[test]
    fn an_address_in_use_is_an_error_and_cannot_be_shared_by_asking() {
        let listener = loopback();
        let address = listener.local().inet().unwrap();
        let error = MessageListener::udp(address).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_peer_that_comes_back_after_its_conversation_has_ended_begins_another() {
        let mut listener = loopback();
        let one = client(&listener);
        one.send(b"1").unwrap();
        drop(listener.accept().unwrap());
        one.send(b"2").unwrap();
        let (mut again, _) = listener.accept().unwrap();
        assert_eq!(heard(&mut again), Ok(b"2".to_vec()));
    }

    #[test]
    fn what_waits_for_a_conversation_has_a_limit() {
        let inbox = Inbox::default();
        for _ in 0..100 {
            inbox.push(&[0; LONGEST]);
        }
        assert!(inbox.messages.borrow().bytes <= MAX_WAITING);
        while inbox.pop().is_some() {}
        assert_eq!(inbox.messages.borrow().bytes, 0);
    }

    #[test]
    fn peers_at_a_unix_socket_are_told_apart_and_answered() {
        let place = path("server");
        let mut listener = MessageListener::unix(&place).unwrap();
        let clients = ["one", "two"].map(|name| {
            let client = UnixDatagram::bind(path(name)).unwrap();
            client.connect(&place).unwrap();
            client.send(name.as_bytes()).unwrap();
            client
        });
        let mut conversations = [listener.accept().unwrap().0, listener.accept().unwrap().0];
        for (name, (conversation, client)) in
            ["one", "two"].iter().zip(conversations.iter_mut().zip(&clients))
        {
            assert!(crate::ready::readable(conversation.as_fd(), Some(Duration::ZERO)).unwrap());
            assert_eq!(heard(conversation), Ok(name.as_bytes().to_vec()));
            assert!(!crate::ready::readable(conversation.as_fd(), Some(Duration::ZERO)).unwrap());
            conversation.send(b"answer").unwrap();
            assert_eq!(client.recv(&mut [0; 64]).unwrap(), 6);
        }
        clients[1].send(b"more").unwrap();
        assert_eq!(listener.accept().map(|_| ()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(heard(&mut conversations[0]), QUIET);
        assert_eq!(heard(&mut conversations[1]), Ok(b"more".to_vec()));
        drop((listener, conversations));
        assert!(!place.exists());
        for name in ["one", "two"] {
            std::fs::remove_file(path(name)).unwrap();
        }
    }

    #[test]
    fn the_one_conversation_at_a_unix_socket_has_the_socket_to_itself() {
        let (place, name) = (path("only"), path("client"));
        let mut listener = MessageListener::unix(&place).unwrap();
        let client = UnixDatagram::bind(&name).unwrap();
        client.connect(&place).unwrap();
        client.send(b"1").unwrap();
        client.send(b"2").unwrap();
        let (mut conversation, _) = listener.accept_only().unwrap();
        drop(listener);
        assert!(place.exists());
        client.send(b"3").unwrap();
        for message in ["1", "2", "3"] {
            assert_eq!(heard(&mut conversation), Ok(message.into()));
        }
        assert!(conversation.is_own());
        std::fs::remove_file(name).unwrap();
    }

    #[test]
    fn a_peer_without_a_name_is_heard_and_cannot_be_answered() {
        let place = path("nameless");
        let mut listener = MessageListener::unix(&place).unwrap();
        UnixDatagram::unbound().unwrap().send_to(b"word", &place).unwrap();
        let (mut conversation, peer) = listener.accept_only().unwrap();
        assert_eq!(peer, Peer::NAMELESS);
        assert_eq!(heard(&mut conversation), Ok(b"word".to_vec()));
        assert_eq!(conversation.send(b"x").unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
}
