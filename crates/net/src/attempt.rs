//! Connecting to one address after another, each with its own failure told.
//!
//! [`crate::dial`] races the addresses of a name, which is the fastest. Who uses a drop-in for another program wants to see
//! that program's order and its failures, and sockets of more families. Nothing here waits: the owner's loop does.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::message::MessageSocket;
use crate::peer::Peer;
use crate::stream::StreamSocket;
use crate::trace::Trace;
use crate::unix::SocketFile;
use crate::{dial, sockopt};

/// The most stops of a source route: 40 bytes of options hold a header of three and nine addresses, the last of which is the
/// destination (RFC 791 section 3.1).
pub const MAX_ROUTE: usize = 8;

/// How long a Unix socket whose backlog is full is left alone; no event tells when there is room.
const FULL: Duration = Duration::from_millis(10);

/// What is spoken below what is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// SCTP, with one stream.
    Sctp,
    /// UDP.
    Udp,
    /// A Unix socket.
    UnixStream,
    /// A Unix socket that keeps messages.
    UnixDatagram,
    /// To a virtual machine or its host.
    VsockStream,
    /// The same, keeping messages.
    VsockDatagram,
}

impl Protocol {
    /// Whether what is written arrives in the same pieces.
    pub const fn keeps_messages(self) -> bool {
        matches!(self, Self::Udp | Self::UnixDatagram | Self::VsockDatagram)
    }

    pub(crate) fn socket(self, like: &Peer) -> io::Result<Socket> {
        let domain = match (self, like) {
            (Self::Tcp | Self::Sctp | Self::Udp, Peer::Inet(address)) => {
                Domain::for_address(*address)
            }
            (Self::UnixStream | Self::UnixDatagram, Peer::Unix(_)) => Domain::UNIX,
            #[cfg(target_os = "linux")]
            (Self::VsockStream | Self::VsockDatagram, Peer::Vsock { .. }) => Domain::VSOCK,
            _ => return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
        };
        let kind = if self.keeps_messages() { Type::DGRAM } else { Type::STREAM };
        let protocol = match self {
            Self::Tcp => Some(socket2::Protocol::TCP),
            Self::Udp => Some(socket2::Protocol::UDP),
            Self::Sctp => Some(socket2::Protocol::from(SCTP)),
            _ => None,
        };
        let socket = Socket::new(domain, kind, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// `IPPROTO_SCTP`, which not every system's headers name.
const SCTP: i32 = 132;

/// The options of a datagram's head. Other systems have the number of 4.2BSD; libc does not name it everywhere.
const IP_OPTIONS: i32 = if cfg!(target_os = "linux") { 4 } else { 1 };

/// Where a connection comes from, if that matters.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The address to come from.
    pub address: Option<IpAddr>,
    /// The port to come from, 0 for any.
    pub port: u16,
    /// The file of a Unix datagram socket; one of its own is made if none is given.
    pub path: Option<PathBuf>,
}

/// What is to be connected to.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to speak.
    pub protocol: Protocol,
    /// The addresses, in the order in which they are tried.
    pub targets: Vec<Peer>,
    /// Where from.
    pub source: Source,
    /// The stops on the way, at most [`MAX_ROUTE`], IPv4 only (loose source routing, RFC 791).
    pub route: Vec<Ipv4Addr>,
    /// Which stop is the next, as the option's pointer says it: 4 is the first, 8 the second. Linux takes 4 alone.
    pub route_pointer: u8,
    /// How large the buffers are to be, each way, in bytes; `None` leaves them as the system makes them.
    pub buffers: Option<usize>,
    /// How long each attempt may take.
    pub timeout: Option<Duration>,
}

/// How an attempt went.
#[derive(Debug)]
pub enum Step {
    /// Connected, to this one.
    Connected(Connected, Peer),
    /// This one failed. Unless it was the last, the next is tried with the next call.
    Failed {
        /// Who was to be connected to.
        peer: Peer,
        /// Why not.
        error: io::Error,
        /// There is none after it.
        last: bool,
        /// It is our own end that could not be had.
        is_bind: bool,
    },
    /// Under way.
    Waiting,
}

/// A connection.
#[derive(Debug)]
pub enum Connected {
    /// A stream of bytes.
    Stream(StreamSocket),
    /// Messages.
    Messages(MessageSocket),
}

/// Attempts, one after another.
///
/// Calling contract: [`step`](Self::step), until it gives `Connected` or the last `Failed`; on `Waiting` only after
/// [`source`](Self::source) has become writable, if there is one, or at [`poll_timeout`](Self::poll_timeout). Dropping this
/// gives up.
#[derive(Debug)]
pub struct Attempts {
    request: Request,
    left: VecDeque<Peer>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    peer: Peer,
    socket: Socket,
    file: Option<SocketFile>,
    deadline: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The kernel tells when it is over.
    UnderWay,
    /// The backlog of a Unix socket was full; when to try again.
    Again(Instant),
    Done,
}

/// Which end an error is about.
enum Trouble {
    Ours(io::Error),
    Theirs(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Theirs(error)
    }
}

impl Attempts {
    /// Is to connect as `request` says.
    pub fn new(mut request: Request) -> Self {
        let left = std::mem::take(&mut request.targets).into();
        Self { request, left, current: None }
    }

    /// Goes on as far as it can without waiting.
    pub fn step(&mut self, now: Instant) -> Step {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => {
                let Some(peer) = self.left.pop_front() else {
                    let error = io::ErrorKind::AddrNotAvailable.into();
                    return self.failed(Peer::NAMELESS, Trouble::Theirs(error));
                };
                match begin(&self.request, &peer, now) {
                    Ok(current) => current,
                    Err(trouble) => return self.failed(peer, trouble),
                }
            }
        };
        match current.proceed(now, self.request.source.port != 0) {
            Err(error) => self.failed(current.peer, Trouble::Theirs(error)),
            Ok(()) if matches!(current.state, State::Done) => {
                let Current { peer, socket, file, .. } = current;
                Step::Connected(connected(self.request.protocol, socket, file, &peer), peer)
            }
            Ok(()) => {
                self.current = Some(current);
                Step::Waiting
            }
        }
    }

    /// What becomes writable when the attempt under way is over.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        let current = self.current.as_ref()?;
        matches!(current.state, State::UnderWay).then(|| current.socket.as_fd())
    }

    /// When to call [`step`](Self::step) at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let current = self.current.as_ref()?;
        match (current.deadline, current.state) {
            (Some(deadline), State::Again(at)) => Some(deadline.min(at)),
            (None, State::Again(at)) => Some(at),
            (deadline, _) => deadline,
        }
    }

    fn failed(&self, peer: Peer, trouble: Trouble) -> Step {
        let (error, is_bind) = match trouble {
            Trouble::Ours(error) => (error, true),
            Trouble::Theirs(error) => (error, false),
        };
        Step::Failed { peer, error, last: self.left.is_empty(), is_bind }
    }
}

impl Current {
    fn proceed(&mut self, now: Instant, own_port: bool) -> io::Result<()> {
        if let State::Again(at) = self.state {
            if at <= now {
                self.state = connect(&self.socket, &self.peer, now)?;
            }
        } else if matches!(self.state, State::UnderWay) && has_ended(&self.socket)? {
            match dial::outcome(&self.socket)? {
                // Who names the port to come from may well want the connection to itself.
                Some(error) if !own_port || error.raw_os_error().is_some() => return Err(error),
                _ => self.state = State::Done,
            }
        }
        let is_late = self.deadline.is_some_and(|deadline| deadline <= now);
        if is_late && !matches!(self.state, State::Done) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

/// Opens a socket, sets it up, and begins to connect it.
fn begin(request: &Request, peer: &Peer, now: Instant) -> Result<Current, Trouble> {
    let socket = request.protocol.socket(peer)?;
    if request.protocol == Protocol::Tcp {
        // What is typed leaves at once; what is moved in bulk fills segments by itself.
        let _ = socket.set_tcp_nodelay(true);
    }
    if let Some(size) = request.buffers {
        sockopt::set_buffers(&socket, size)?;
    }
    if !request.route.is_empty() {
        set_route(&socket, request, peer)?;
    }
    let file = bind(&socket, request, peer).map_err(Trouble::Ours)?;
    let state = connect(&socket, peer, now)?;
    let deadline = request.timeout.and_then(|timeout| now.checked_add(timeout));
    Ok(Current { peer: peer.clone(), socket, file, deadline, state })
}

fn connect(socket: &Socket, peer: &Peer, now: Instant) -> io::Result<State> {
    match socket.connect(&peer.to_socket()?) {
        Ok(()) => Ok(State::Done),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(State::UnderWay),
        // unix(7) has no way to wait for a place in the backlog but to block.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && peer.ip().is_none() => {
            Ok(State::Again(now + FULL))
        }
        Err(error) => Err(error),
    }
}

/// Whether the attempt is over, well or badly.
fn has_ended(socket: &Socket) -> io::Result<bool> {
    crate::ready::writable(socket.as_fd(), Some(Duration::ZERO))
}

/// Gives the socket the address that it is to come from. A Unix datagram socket without one could not be answered, so it
/// gets a file in any case, as the peer may know paths alone.
fn bind(socket: &Socket, request: &Request, peer: &Peer) -> io::Result<Option<SocketFile>> {
    let source = &request.source;
    match peer {
        Peer::Unix(_) => match (&source.path, request.protocol) {
            (Some(path), _) => SocketFile::bind_shared(socket, path, &Trace::off()).map(Some),
            (None, Protocol::UnixDatagram) => SocketFile::bind_anywhere(socket).map(Some),
            (None, _) => Ok(None),
        },
        Peer::Inet(target) if source.address.is_some() || source.port != 0 => {
            let any: IpAddr = match target {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            // A port whose last connection is still in TIME_WAIT can be had again at once.
            socket.set_reuse_address(true)?;
            let address = SocketAddr::from((source.address.unwrap_or(any), source.port));
            socket.bind(&address.into()).map(|()| None)
        }
        Peer::Inet(_) | Peer::Vsock { .. } => Ok(None),
    }
}

/// Loose source routing (RFC 791 section 3.1): the option's type, its length, the pointer to the next stop, the stops, and
/// at last the destination; one byte of nothing before it makes its length a multiple of four.
fn set_route(socket: &Socket, request: &Request, peer: &Peer) -> io::Result<()> {
    const NOTHING: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    let (Some(IpAddr::V4(destination)), true) = (peer.ip(), request.route.len() <= MAX_ROUTE)
    else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let length = 3 + 4 * (request.route.len() + 1);
    let mut option = vec![NOTHING, LOOSE_SOURCE_ROUTE, length as u8, request.route_pointer];
    for stop in request.route.iter().chain([&destination]) {
        option.extend_from_slice(&stop.octets());
    }
    sockopt::set_bytes(socket.as_fd(), libc::IPPROTO_IP, IP_OPTIONS, &option)
}

fn connected(
    protocol: Protocol,
    socket: Socket,
    file: Option<SocketFile>,
    peer: &Peer,
) -> Connected {
    if protocol.keeps_messages() {
        Connected::Messages(MessageSocket::connected(socket, file, peer.clone()))
    } else {
        Connected::Stream(StreamSocket::new(socket, Trace::off()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixListener};

    fn request(protocol: Protocol, targets: &[Peer]) -> Request {
        Request {
            protocol,
            targets: targets.to_vec(),
            source: Source::default(),
            route: Vec::new(),
            route_pointer: 4,
            buffers: None,
            timeout: Some(Duration::from_secs(10)),
        }
    }

    /// Goes on until there is something to tell.
    fn next(attempts: &mut Attempts) -> Step {
        loop {
            let step = attempts.step(Instant::now());
            if !matches!(step, Step::Waiting) {
                return step;
            }
            let left = attempts.poll_timeout().map(|at| at.duration_since(Instant::now()));
            match attempts.source() {
                Some(source) => drop(crate::ready::writable(source, left).unwrap()),
                None => std::thread::yield_now(),
            }
        }
    }

    fn stream(step: Step) -> (StreamSocket, Peer) {
        match step {
            Step::Connected(Connected::Stream(socket), peer) => (socket, peer),
            other => panic!("{other:?}"),
        }
    }

    fn messages(step: Step) -> MessageSocket {
        match step {
            Step::Connected(Connected::Messages(socket), _) => socket,
            other => panic!("{other:?}"),
        }
    }

    fn inet(address: &str) -> Peer {
        Peer::Inet(address.parse().unwrap())
    }

    /// An address where nobody listens, for as long as the socket is there that has its port.
    fn refusing() -> (Socket, Peer) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, Peer::Inet(address))
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("callbox-attempt-{}-{name}", std::process::id()))
    }

    #[test]
    fn addresses_are_tried_in_order_and_each_failure_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = Peer::Inet(listener.local_addr().unwrap());
        let (_taken, refusing) = refusing();
        let mut attempts = Attempts::new(request(Protocol::Tcp, &[refusing.clone(), good.clone()]));
        match next(&mut attempts) {
            Step::Failed { peer, error, last: false, is_bind: false } => {
                assert_eq!((peer, error.kind()), (refusing, io::ErrorKind::ConnectionRefused));
            }
            other => panic!("{other:?}"),
        }
        let (socket, peer) = stream(next(&mut attempts));
        assert_eq!(peer, good);
        assert_eq!(socket.peer(), good);
        assert_eq!(socket.local().inet(), Some(listener.accept().unwrap().0.peer_addr().unwrap()));
    }

    #[test]
    fn the_last_failure_says_that_it_is_the_last() {
        let (_taken, refusing) = refusing();
        let step = next(&mut Attempts::new(request(Protocol::Tcp, &[refusing])));
        assert!(matches!(step, Step::Failed { last: true, .. }));
        let step = next(&mut Attempts::new(request(Protocol::Tcp, &[])));
        assert!(matches!(step, Step::Failed { last: true, .. }));
    }

    #[test]
    fn who_does_not_answer_is_given_up_in_time() {
        // A backlog of none that is full answers nobody.
        let full = Socket::new(Domain::IPV4, Type::STREAM, Some(socket2::Protocol::TCP)).unwrap();
        full.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let _first = std::net::TcpStream::connect(address).unwrap();
        let mut attempts = Attempts::new(request(Protocol::Tcp, &[Peer::Inet(address)]));
        let now = Instant::now();
        assert!(matches!(attempts.step(now), Step::Waiting));
        let deadline = attempts.poll_timeout().unwrap();
        assert_eq!(deadline, now + Duration::from_secs(10));
        assert!(matches!(attempts.step(deadline - Duration::from_millis(1)), Step::Waiting));
        match attempts.step(deadline) {
            Step::Failed { error, .. } => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_connection_comes_from_where_it_was_asked_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = { TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap().port() };
        let mut wanted = request(Protocol::Tcp, &[Peer::Inet(listener.local_addr().unwrap())]);
        wanted.source.address = Some("127.0.0.3".parse().unwrap());
        wanted.source.port = port;
        let (socket, _) = stream(next(&mut Attempts::new(wanted.clone())));
        assert_eq!(socket.local(), inet(&format!("127.0.0.3:{port}")));
        // 192.0.2.0/24 is nobody's (RFC 5737).
        wanted.source.address = Some("192.0.2.1".parse().unwrap());
        match next(&mut Attempts::new(wanted)) {
            Step::Failed { is_bind: true, error, .. } => {
                assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_source_route_is_put_into_the_options_of_the_packets() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::Inet(listener.local_addr().unwrap());
        let mut wanted = request(Protocol::Tcp, std::slice::from_ref(&peer));
        wanted.route = vec!["127.0.0.2".parse().unwrap()];
        let socket = wanted.protocol.socket(&peer).unwrap();
        set_route(&socket, &wanted, &peer).unwrap();
        wanted.route = vec!["127.0.0.2".parse().unwrap(); MAX_ROUTE + 1];
        assert!(set_route(&socket, &wanted, &peer).is_err());
        wanted.route.truncate(MAX_ROUTE);
        set_route(&socket, &wanted, &peer).unwrap();
        let v6 = inet("[::1]:9");
        assert!(set_route(&wanted.protocol.socket(&v6).unwrap(), &wanted, &v6).is_err());
    }

    #[test]
    fn a_unix_socket_with_a_full_backlog_is_tried_again() {
        let path = path("backlog");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let listener = UnixListener::from(std::os::fd::OwnedFd::from(listener));
        let at = || Attempts::new(request(Protocol::UnixStream, &[Peer::at_path(&path)]));
        let _first = stream(next(&mut at()));
        let mut second = at();
        let mut now = Instant::now();
        assert!(matches!(second.step(now), Step::Waiting));
        assert!(second.source().is_none());
        let _ = listener.accept().unwrap();
        now = second.poll_timeout().unwrap();
        assert!(matches!(second.step(now), Step::Connected(..)));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_unix_datagram_client_has_a_file_until_it_is_done() {
        let path = path("dgram");
        let server = UnixDatagram::bind(&path).unwrap();
        let wanted = request(Protocol::UnixDatagram, &[Peer::at_path(&path)]);
        let mut client = messages(next(&mut Attempts::new(wanted)));
        client.send(b"question").unwrap();
        let mut buffer = [0; 64];
        let (n, from) = server.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..n], b"question");
        let file = from.as_pathname().unwrap().to_owned();
        assert_eq!(*client.local(), Peer::at_path(&file));
        server.send_to(b"answer", &file).unwrap();
        let n = client.receive(&mut buffer).unwrap();
        assert_eq!(&buffer[..n], b"answer");
        drop(client);
        assert!(!file.exists());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_refused_datagram_is_told() {
        // It takes datagrams from itself alone.
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let refusing = taken.local_addr().unwrap();
        taken.connect(refusing).unwrap();
        let mut client =
            messages(next(&mut Attempts::new(request(Protocol::Udp, &[Peer::Inet(refusing)]))));
        client.send(b"anybody?").unwrap();
        let error = client.receive(&mut [0; 9]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn what_the_kernel_has_not_is_an_error() {
        let step = next(&mut Attempts::new(request(Protocol::Tcp, &[Peer::NAMELESS])));
        assert!(matches!(step, Step::Failed { is_bind: false, last: true, .. }));
    }
}
