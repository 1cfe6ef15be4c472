//! Listening for streams of every family, one socket an address.
//!
//! [`crate::stream::StreamListener`] is for servers whose connections are carried by a loop of this crate. Here the loop is
//! the owner's.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use socket2::Socket;

use crate::attempt::Protocol;
use crate::peer::Peer;
use crate::stream::{self, StreamSocket};
use crate::trace::Trace;
use crate::unix::SocketFile;

/// Connections that wait to be accepted. Linux gives at most `net.core.somaxconn`, 4,096 since 5.4.
const BACKLOG: i32 = 4096;

/// A socket that waits for connections. It does not block.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    local: Peer,
}

impl Listener {
    /// Listens for TCP. An IPv6 address takes IPv6 alone: who wants both has two listeners.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        Self::inet(Protocol::Tcp, address)
    }

    /// Listens for SCTP, as [`tcp`](Self::tcp) does.
    pub fn sctp(address: SocketAddr) -> io::Result<Self> {
        Self::inet(Protocol::Sctp, address)
    }

    /// Listens at a path, for whomever the umask lets in. See [`SocketFile`] for what is replaced and what not. The file
    /// stays, as ncat documents it: scripts remove it by themselves.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let local = Peer::at_path(path);
        let socket = Protocol::UnixStream.socket(&local)?;
        let file = SocketFile::bind_shared(&socket, path, &Trace::off())?;
        socket.listen(BACKLOG)?;
        file.leave();
        Ok(Self { socket, local })
    }

    /// Listens for virtual machines, or as one for its host.
    pub fn vsock(cid: u32, port: u32) -> io::Result<Self> {
        let wanted = Peer::Vsock { cid, port };
        let socket = Protocol::VsockStream.socket(&wanted)?;
        Self::bound(socket, &wanted)
    }

    fn inet(protocol: Protocol, address: SocketAddr) -> io::Result<Self> {
        let wanted = Peer::Inet(address);
        let socket = protocol.socket(&wanted)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A server started again must not wait for its old connections in TIME_WAIT; two that listen are still refused.
        socket.set_reuse_address(true)?;
        Self::bound(socket, &wanted)
    }

    fn bound(socket: Socket, wanted: &Peer) -> io::Result<Self> {
        socket.bind(&wanted.to_socket()?)?;
        socket.listen(BACKLOG)?;
        let local = Peer::from_socket(&socket.local_addr()?);
        Ok(Self { socket, local })
    }

    /// Where it listens, with the port that was really taken.
    pub const fn local(&self) -> &Peer {
        &self.local
    }

    /// A connection that waits, and whose; or `WouldBlock`. [`is_out_of_resources`] tells errors that stay from those of
    /// one peer, who was gone before we came to it.
    ///
    /// [`is_out_of_resources`]: crate::stream::is_out_of_resources
    pub fn accept(&self) -> io::Result<(StreamSocket, Peer)> {
        let (socket, name) = stream::accept(&self.socket)?;
        let peer = Peer::from_socket(&name);
        if peer.ip().is_some() {
            // What is typed leaves at once; what is moved in bulk fills segments by itself. SCTP has no such option here.
            let _ = socket.set_tcp_nodelay(true);
        }
        Ok((StreamSocket::new(socket, Trace::off()), peer))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
    use std::os::unix::net::UnixStream;

    #[test]
    fn both_families_have_a_listener_each_on_one_port() {
        let v6 = Listener::tcp((Ipv6Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = v6.local().inet().unwrap().port();
        let v4 = Listener::tcp((Ipv4Addr::UNSPECIFIED, port).into()).unwrap();
        assert_eq!(v6.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for (listener, address) in [(&v4, "127.0.0.1"), (&v6, "::1")] {
            let client = TcpStream::connect((address, port)).unwrap();
            let (socket, peer) = listener.accept().unwrap();
            assert_eq!(peer, Peer::Inet(client.local_addr().unwrap()));
            assert_eq!(socket.local(), Peer::Inet(client.peer_addr().unwrap()));
        }
        let error = Listener::tcp((Ipv4Addr::UNSPECIFIED, port).into()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_file_of_a_unix_listener_stays_and_is_replaced_by_the_next() {
        let path = std::env::temp_dir().join(format!("callbox-listening-{}", std::process::id()));
        let listener = Listener::unix(&path).unwrap();
        assert_eq!(listener.local().to_string(), path.display().to_string());
        let error = Listener::unix(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let mut client = UnixStream::connect(&path).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        assert_eq!(peer, Peer::NAMELESS);
        socket.send(b"word").unwrap();
        drop(socket);
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "word");
        drop(listener);
        assert!(path.exists());
        drop(Listener::unix(&path).unwrap());
        std::fs::remove_file(path).unwrap();
    }
}
