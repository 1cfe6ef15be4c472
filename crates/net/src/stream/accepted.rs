//! A connection that a server's own event loop carries: the socket calls of it, and nothing else.
//!
//! [`super::Server`] suits services whose connections know nothing of each other. A server in which what one connection
//! says goes to all others has a loop of its own, and needs only these calls. None of them blocks.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use socket2::Socket;

/// A socket that was accepted. It does not block.
#[derive(Debug)]
pub struct AcceptedSocket {
    socket: Socket,
}

impl AcceptedSocket {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { socket: Socket::from(fd) }
    }

    /// `TCP_NODELAY`: what is sent leaves at once. A loop that sends once a tick gathers by itself, and Nagle's algorithm
    /// would hold every second tick back until the peer's delayed acknowledgement, some 40 ms.
    pub fn send_at_once(&self) -> io::Result<()> {
        self.socket.set_tcp_nodelay(true)
    }

    /// `recv`: 0 is the end of file, `WouldBlock` says that nothing is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(crate::uninit(buffer))
    }

    /// `send`: how much of `bytes` the kernel took; `WouldBlock` says that it takes none for now.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL)
    }

    /// `shutdown(SHUT_WR)`: tells the peer that nothing more comes from us.
    pub fn finish(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

impl AsRawFd for AcceptedSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Whether an error of `accept` says that this process or the system has no room for another socket, so that the next
/// try fails as well until one is closed. The other errors belong to one peer, who was gone before we came to it
/// (accept(2) lists what the network may say).
pub fn is_out_of_resources(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    use super::super::StreamListener;
    use crate::trace::Trace;

    #[test]
    fn an_accepted_socket_carries_bytes_both_ways_and_never_blocks() {
        let local = ([127, 0, 0, 1], 0).into();
        let listeners = StreamListener::bind_tcp_group(local, false, 1, &Trace::off()).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let nobody = listeners[0].accept_socket().map(|_| ()).unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
        let mut peer = TcpStream::connect(address).unwrap();
        let (socket, _) = listeners[0].accept_socket().unwrap();
        assert_eq!(socket.receive(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
        socket.send_at_once().unwrap();
        assert_eq!(socket.send(b"question").unwrap(), 8);
        socket.finish().unwrap();
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "question");
        // On loopback what was sent is there when `send` returns.
        peer.write_all(b"answer").unwrap();
        let mut buffer = [0; 9];
        assert_eq!(socket.receive(&mut buffer).unwrap(), 6);
        assert_eq!(&buffer[..6], b"answer");
    }
}
