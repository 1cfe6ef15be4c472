//! Datagrams over Unix sockets, one call at a time.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::ready;
use crate::sockopt;
use crate::trace::{self, Trace};
use crate::unix::SocketFile;
use crate::waking::Waking;

/// The longest datagram that is sent or received, in bytes: the same as over IPv4, so that a service gives the same
/// answers here. The kernel's own limit is the sender's buffer.
pub const MAX_PAYLOAD: usize = 65_507;

/// A Unix datagram socket.
#[derive(Debug)]
pub struct UnixDatagramSocket {
    socket: Socket,
    /// Held for its `Drop`, which removes the file.
    _file: Option<SocketFile>,
    waking: Waking,
    trace: Trace,
}

/// The address of a peer, as the kernel gave it.
#[derive(Clone, Debug)]
pub struct UnixPeer(SockAddr);

impl UnixPeer {
    /// The bytes of its address: a path, an abstract name that starts with NUL, or nothing for a socket without a name,
    /// which cannot be answered.
    pub fn name(&self) -> &[u8] {
        use std::os::unix::ffi::OsStrExt;
        match (self.0.as_pathname(), self.0.as_abstract_namespace()) {
            (Some(path), _) => path.as_os_str().as_bytes(),
            (None, Some(name)) => name,
            (None, None) => &[],
        }
    }

    /// Whether the name is an abstract one, which has no file.
    pub fn is_abstract(&self) -> bool {
        self.0.as_abstract_namespace().is_some()
    }
}

impl UnixDatagramSocket {
    /// A socket at `path`; see [`SocketFile`] for what is replaced and what not.
    pub fn bind(path: &Path, trace: &Trace) -> io::Result<Self> {
        let socket = open(trace)?;
        let file = SocketFile::bind(&socket, path, trace)?;
        Ok(Self { socket, _file: Some(file), waking: Waking::default(), trace: trace.clone() })
    }

    /// A socket that talks with the one at `path` alone. It gets an abstract name from the kernel (autobind, unix(7)),
    /// or could not be answered; on systems without such names, a file among the temporary ones.
    pub fn connect(path: &Path, trace: &Trace) -> io::Result<Self> {
        let socket = open(trace)?;
        let file = autobind(&socket)?;
        let call = format_args!("connect(fd {}, {})", socket.as_raw_fd(), path.display());
        trace.result(socket.connect(&SockAddr::unix(path)?), call, trace::ok)?;
        Ok(Self { socket, _file: file, waking: Waking::default(), trace: trace.clone() })
    }

    /// `send` on a connected socket. While the receiver's queue is full it waits, `timeout` at most, and then gives
    /// `TimedOut`.
    pub fn send(&self, datagram: &[u8], timeout: Option<Duration>) -> io::Result<usize> {
        loop {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let result = self.socket.send_with_flags(datagram, flags);
            if matches!(&result, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
                if !ready::writable(self.socket.as_fd(), timeout)? {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                continue;
            }
            let call =
                format_args!("send(fd {}, {})", self.as_raw_fd(), trace::Bytes(datagram.len()));
            return self.trace.result(result, call, ToString::to_string);
        }
    }

    /// `recv`, without waiting. `None` means that nothing is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.socket.recv_with_flags(crate::uninit(buffer), libc::MSG_DONTWAIT) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for buffers of so many bytes for each direction, and says how large they are: that for what is sent, and
    /// that for what is received.
    pub fn set_buffers(&self, size: usize) -> io::Result<(usize, usize)> {
        self.socket.set_send_buffer_size(size)?;
        self.socket.set_recv_buffer_size(size)?;
        sockopt::buffers(SockRef::from(&self.socket))
    }

    /// `sendto` that never waits: a peer that does not read its answers loses them.
    pub fn send_to(&self, datagram: &[u8], peer: &UnixPeer) -> io::Result<usize> {
        let call =
            format_args!("sendto(fd {}, {})", self.as_raw_fd(), trace::Bytes(datagram.len()));
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        self.trace.result(
            self.socket.send_to_with_flags(datagram, &peer.0, flags),
            call,
            ToString::to_string,
        )
    }

    /// `recvfrom`, waiting `timeout` at most. `None` means that nothing came in time.
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
        timeout: Option<Duration>,
    ) -> io::Result<Option<(usize, UnixPeer)>> {
        if !self.waking.readable(&self.socket, timeout)? {
            return Ok(None);
        }
        let result = self.socket.recv_from_with_flags(crate::uninit(buffer), libc::MSG_DONTWAIT);
        let call = format_args!("recvfrom(fd {})", self.as_raw_fd());
        let result = match result {
            Ok((n, peer)) => Ok(Some((n, UnixPeer(peer)))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        };
        self.trace.result(result, call, |got| {
            got.as_ref().map_or_else(|| "nothing".to_owned(), |(n, _)| trace::Bytes(*n).to_string())
        })
    }

    /// A handle that makes every `recv_from` on this socket return.
    pub fn waker(&self) -> io::Result<Waker> {
        self.socket.try_clone().map(|socket| Waker(socket, self.waking.clone()))
    }
}

/// Wakes whoever waits in `recv_from`, from another thread. It shares the socket but not the file, which therefore goes
/// when its owner says so and not when the last thread ends.
#[derive(Debug)]
pub struct Waker(Socket, Waking);

impl Waker {
    /// Makes every `recv_from` return, now and later.
    pub fn wake(&self) {
        self.1.wake(&self.0);
    }
}

impl AsRawFd for UnixDatagramSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for UnixDatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(trace: &Trace) -> io::Result<Socket> {
    let result = Socket::new(Domain::UNIX, Type::DGRAM, None);
    trace.result(result, format_args!("socket(AF_UNIX, SOCK_DGRAM)"), |socket| {
        format!("fd {}", socket.as_raw_fd())
    })
}

/// `bind` with nothing but the family.
#[cfg(linux_calls)]
fn autobind(socket: &Socket) -> io::Result<Option<SocketFile>> {
    let family = libc::AF_UNIX as libc::sa_family_t;
    let length = size_of_val(&family) as libc::socklen_t;
    // SAFETY: the pointer and length describe `family`, which lives through the call; the kernel reads no more.
    let n = unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&family).cast(), length) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(None) }
}

#[cfg(not(linux_calls))]
fn autobind(socket: &Socket) -> io::Result<Option<SocketFile>> {
    SocketFile::bind_anywhere(socket).map(Some)
}
