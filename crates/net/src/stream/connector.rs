//! Connections begun one after another without waiting for any of them: thousands a second, all to one place.
//!
//! [`crate::dial`] finds the address of a name that answers, and [`crate::attempt`] tells each failure on the way. Here the
//! address is known, and each call that is not made counts.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use super::StreamSocket;
use crate::sockopt;
use crate::trace::Trace;

/// Where connections go, and how their sockets are set up.
#[derive(Debug)]
pub struct Connector {
    target: SockAddr,
    is_tcp: bool,
    /// The address from which the kernel would come to a loopback one, where there are more of them.
    loopback: Option<Ipv4Addr>,
    buffers: Option<usize>,
}

/// How far a connection is that was begun.
#[derive(Debug)]
pub enum Begun {
    /// It is made.
    Made(StreamSocket),
    /// It becomes writable when it is made or has failed, and [`Connector::conclude`] says which.
    UnderWay(StreamSocket),
    /// As many wait for the server already as it lets wait. No event tells when there is room; the next attempt may
    /// find some. Unix sockets alone say so.
    Full,
}

impl Connector {
    /// As many loopback addresses as connections are spread over: with some 28,000 ports each, more than a machine holds.
    const LOOPBACKS: usize = 250;

    /// Connections over TCP. What is written leaves at once (`TCP_NODELAY`).
    pub fn tcp(target: SocketAddr) -> Self {
        // On Linux all of 127.0.0.0/8 is there without being set up.
        let loopback = match target {
            SocketAddr::V4(to) if cfg!(target_os = "linux") && to.ip().is_loopback() => {
                Some(Ipv4Addr::LOCALHOST)
            }
            _ => None,
        };
        Self { target: target.into(), is_tcp: true, loopback, buffers: None }
    }

    /// Connections to a Unix socket.
    ///
    /// # Errors
    ///
    /// The path is too long for the name of a socket.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let target = SockAddr::unix(path)?;
        Ok(Self { target, is_tcp: false, loopback: None, buffers: None })
    }

    /// Asks for buffers of so many bytes, for each direction of each connection.
    pub fn set_buffers(&mut self, size: usize) {
        self.buffers = Some(size);
    }

    /// From how many addresses of our own connections can come: more than one where the target is a loopback address.
    /// A connection that we end keeps its port for a minute (TIME_WAIT, RFC 9293 section 3.6.1), and each of our addresses
    /// has its own ports.
    pub fn sources(&self) -> usize {
        if self.loopback.is_some() { Self::LOOPBACKS } else { 1 }
    }

    /// Whether the server is on this machine: then a connection is made by the time that it was begun, unless the server
    /// has no place for it.
    pub fn is_loopback(&self) -> bool {
        self.target.as_socket().is_some_and(|target| target.ip().is_loopback())
    }

    /// Begins a connection. `source` is below [`sources`](Self::sources), and 0 leaves the choice of our address to the
    /// kernel.
    ///
    /// # Errors
    ///
    /// Those of the calls; of them `AddrNotAvailable` says that our address has no port left.
    pub fn begin(&self, source: usize) -> io::Result<Begun> {
        let protocol = self.is_tcp.then_some(Protocol::TCP);
        let socket = new_socket(Domain::from(i32::from(self.target.family())), protocol)?;
        if self.is_tcp {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(size) = self.buffers {
            sockopt::set_buffers(&socket, size)?;
        }
        if let (Some(first), 1..) = (self.loopback, source) {
            // At most LOOPBACKS.
            let address = Ipv4Addr::from_bits(first.to_bits() + source as u32);
            choose_port_late(&socket)?;
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&self.target) {
            Ok(()) => Ok(Begun::Made(StreamSocket::new(socket, Trace::off()))),
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                Ok(Begun::UnderWay(StreamSocket::new(socket, Trace::off())))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_tcp => {
                Ok(Begun::Full)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a connection that was [under way](Begun::UnderWay) and is writable is made.
    ///
    /// # Errors
    ///
    /// Why it is not. One to itself is a refusal (see [`crate::dial`]).
    pub fn conclude(&self, socket: &StreamSocket) -> io::Result<()> {
        let socket = SockRef::from(socket);
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match self.is_tcp && socket.local_addr()? == self.target {
            true => Err(io::ErrorKind::ConnectionRefused.into()),
            false => Ok(()),
        }
    }

    /// How large the buffers of a connection are, in bytes: that for what is sent, and that for what is received.
    ///
    /// # Errors
    ///
    /// Those of the calls.
    pub fn buffers(socket: &StreamSocket) -> io::Result<(usize, usize)> {
        sockopt::buffers(SockRef::from(socket))
    }
}

/// `socket`, not blocking.
fn new_socket(domain: Domain, protocol: Option<Protocol>) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, Type::STREAM.nonblocking(), protocol);
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, Type::STREAM, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Leaves the port to `connect`: it looks for one that is free towards this peer, where `bind` wants one that is free
/// towards all, and looks longer (ip(7), IP_BIND_ADDRESS_NO_PORT).
#[cfg(linux_calls)]
fn choose_port_late(socket: &Socket) -> io::Result<()> {
    let fd = std::os::fd::AsFd::as_fd(socket);
    sockopt::set(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

#[cfg(not(linux_calls))]
fn choose_port_late(_: &Socket) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ready;
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixListener;

    fn listening(address: &str) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Waits until it is known how a connection went.
    fn made(connector: &Connector, source: usize) -> io::Result<StreamSocket> {
        match connector.begin(source)? {
            Begun::Made(socket) => Ok(socket),
            Begun::UnderWay(socket) => {
                assert!(ready::writable(socket.as_fd(), None)?);
                connector.conclude(&socket).map(|()| socket)
            }
            Begun::Full => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    #[test]
    fn a_connection_is_made_or_refused() {
        let (listener, address) = listening("127.0.0.1:0");
        let connector = Connector::tcp(address);
        let socket = made(&connector, 0).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), Some(address));
        drop((socket, listener));
        let error = made(&connector, 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn each_source_is_another_address() {
        let (listener, address) = listening("127.0.0.1:0");
        let connector = Connector::tcp(address);
        let from = [0, 1, connector.sources() - 1].map(|source| {
            let _socket = made(&connector, source).unwrap();
            listener.accept().unwrap().1.ip()
        });
        match cfg!(target_os = "linux") {
            true => {
                assert_eq!(from.map(|ip| ip.to_string()), ["127.0.0.1", "127.0.0.2", "127.0.0.250"])
            }
            false => assert_eq!(connector.sources(), 1),
        }
        let (_listener, address) = listening("[::1]:0");
        assert_eq!(Connector::tcp(address).sources(), 1);
    }

    #[test]
    fn buffers_are_as_large_as_asked_if_the_system_allows_it() {
        let (_listener, address) = listening("127.0.0.1:0");
        let mut connector = Connector::tcp(address);
        connector.set_buffers(16_384);
        let socket = made(&connector, 0).unwrap();
        assert_eq!(Connector::buffers(&socket).unwrap(), (16_384, 16_384));
    }

    #[test]
    fn a_full_backlog_of_a_unix_socket_is_told_as_such() {
        let path = std::env::temp_dir().join(format!("callbox-full.{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let connector = Connector::unix(&path).unwrap();
        let mut held = Vec::new();
        let end = loop {
            match connector.begin(0).unwrap() {
                Begun::Made(socket) if held.len() < 20_000 => held.push(socket),
                other => break other,
            }
        };
        drop((held, listener));
        std::fs::remove_file(&path).unwrap();
        match cfg!(target_os = "linux") {
            true => assert!(matches!(end, Begun::Full)),
            false => drop(end),
        }
    }
}
