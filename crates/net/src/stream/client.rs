//! A client's connection: calls with a limit in time, and calls that never wait.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};

use crate::address::canonical;
use crate::peer::Peer;
use crate::ready;
use crate::trace::{self, Trace};

/// After how long without a word the peer is probed. Routers that translate addresses forget a silent connection after
/// some minutes, the common ones after five and more.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);

/// How long each probe waits for its answer; the system sends nine.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A connected stream socket.
#[derive(Debug)]
pub struct StreamSocket {
    socket: Socket,
    trace: Trace,
}

impl StreamSocket {
    pub(crate) const fn new(socket: Socket, trace: Trace) -> Self {
        Self { socket, trace }
    }

    /// One end of a pair, which has a process or a part of one at its other end.
    pub fn from_pair(end: UnixStream) -> io::Result<Self> {
        end.set_nonblocking(true)?;
        Ok(Self::new(Socket::from(OwnedFd::from(end)), Trace::off()))
    }

    /// Connects to the Unix socket at `path`, waiting `timeout` at most while its backlog is full (then `WouldBlock`).
    pub fn connect_unix(path: &Path, timeout: Duration, trace: &Trace) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None);
        let socket =
            trace.result(socket, format_args!("socket(AF_UNIX, SOCK_STREAM)"), |socket| {
                format!("fd {}", socket.as_raw_fd())
            })?;
        // Connecting to a Unix socket waits as sending does (`unix_stream_connect` takes SO_SNDTIMEO).
        socket.set_write_timeout(Some(timeout))?;
        let call = format_args!("connect(fd {}, {})", socket.as_raw_fd(), path.display());
        trace.result(socket.connect(&SockAddr::unix(path)?), call, trace::ok)?;
        socket.set_nonblocking(true)?;
        Ok(Self::new(socket, trace.clone()))
    }

    /// `getsockname`; `None` for a Unix socket.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        Ok(self.socket.local_addr()?.as_socket().map(canonical))
    }

    /// `getpeername`; `None` for a Unix socket.
    pub fn peer_addr(&self) -> io::Result<Option<SocketAddr>> {
        Ok(self.socket.peer_addr()?.as_socket().map(canonical))
    }

    /// Our end, of whatever family; without a name if the kernel does not tell any more.
    pub fn local(&self) -> Peer {
        self.socket.local_addr().map_or(Peer::NAMELESS, |name| Peer::from_socket(&name))
    }

    /// Their end, as [`local`](Self::local) does.
    pub fn peer(&self) -> Peer {
        self.socket.peer_addr().map_or(Peer::NAMELESS, |name| Peer::from_socket(&name))
    }

    /// Reads what is there, waiting `timeout` at most. 0 is the end of file; `TimedOut` means that nothing came.
    pub fn read(&self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        loop {
            if !ready::readable(self.socket.as_fd(), timeout)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let result = self.socket.recv(crate::uninit(buffer));
            if matches!(&result, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
                continue;
            }
            let call = format_args!("recv(fd {})", self.as_raw_fd());
            return self.trace.result(result, call, |n| match n {
                0 => "end of file".to_owned(),
                &n => trace::Bytes(n).to_string(),
            });
        }
    }

    /// Sends all of `bytes`, each step waiting `timeout` at most.
    pub fn write_all(&self, mut bytes: &[u8], timeout: Option<Duration>) -> io::Result<()> {
        while !bytes.is_empty() {
            let result = self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL);
            if matches!(&result, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
                if !ready::writable(self.socket.as_fd(), timeout)? {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                continue;
            }
            let call = format_args!("send(fd {}, {})", self.as_raw_fd(), trace::Bytes(bytes.len()));
            let n = self.trace.result(result, call, ToString::to_string)?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// `recv`, without waiting: 0 is the end of file, `WouldBlock` says that nothing is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(crate::uninit(buffer))
    }

    /// `send`, without waiting: how much of `bytes` the kernel took; `WouldBlock` says that it takes none for now.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL)
    }

    /// For a connection that stays open for hours and carries lines: what is sent leaves at once (`TCP_NODELAY`), and a
    /// peer that has gone without a word is noticed after [`KEEPALIVE_IDLE`] and a few probes.
    pub fn keep_for_hours(&self) -> io::Result<()> {
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE);
        let keepalive = keepalive.with_interval(KEEPALIVE_INTERVAL);
        let alive = self.socket.set_tcp_keepalive(&keepalive);
        let call = format_args!("setsockopt(fd {}, SO_KEEPALIVE)", self.as_raw_fd());
        self.trace.result(alive, call, trace::ok)?;
        let call = format_args!("setsockopt(fd {}, TCP_NODELAY)", self.as_raw_fd());
        self.trace.result(self.socket.set_tcp_nodelay(true), call, trace::ok)
    }

    /// `shutdown(SHUT_WR)`: tells the peer that nothing more comes from us.
    pub fn finish(&self) -> io::Result<()> {
        let call = format_args!("shutdown(fd {}, SHUT_WR)", self.as_raw_fd());
        self.trace.result(self.socket.shutdown(Shutdown::Write), call, trace::ok)?;
        self.report_state();
        Ok(())
    }

    /// Tells the trace the TCP state and both ends, the 4-tuple that names the connection.
    pub fn report_state(&self) {
        if self.trace.is_on() {
            report_state(&SockRef::from(&self.socket), &self.trace);
        }
    }
}

impl AsRawFd for StreamSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for StreamSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

pub(super) fn report_state(socket: &SockRef<'_>, trace: &Trace) {
    let inet = |name: io::Result<SockAddr>| name.ok().and_then(|a| a.as_socket()).map(canonical);
    let fd = socket.as_raw_fd();
    match (inet(socket.local_addr()), inet(socket.peer_addr())) {
        (Some(local), Some(peer)) => {
            trace.line(format_args!("fd {fd}: {} ({local}, {peer})", state(socket)));
        }
        // The peer was faster than we are, and the kernel has let go of its address.
        (Some(_), None) => trace.line(format_args!("fd {fd}: {}", state(socket))),
        (None, _) => {}
    }
}

/// The TCP state (RFC 9293 section 3.3.2), in the order of the kernel's numbers (include/net/tcp_states.h).
#[cfg(linux_calls)]
fn state(socket: &SockRef<'_>) -> &'static str {
    const STATES: [&str; 13] = [
        "unknown",
        "ESTABLISHED",
        "SYN-SENT",
        "SYN-RECEIVED",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "TIME-WAIT",
        "CLOSED",
        "CLOSE-WAIT",
        "LAST-ACK",
        "LISTEN",
        "CLOSING",
        "SYN-RECEIVED",
    ];
    // The first byte of tcp_info is the state; the kernel fills in as much as there is room for.
    let mut state = 0u8;
    let mut length: libc::socklen_t = 1;
    // SAFETY: the pointer and length describe `state`, which lives through the call.
    let n = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            std::ptr::from_mut(&mut state).cast(),
            &mut length,
        )
    };
    if n < 0 { STATES[0] } else { STATES.get(usize::from(state)).copied().unwrap_or(STATES[0]) }
}

#[cfg(not(linux_calls))]
fn state(_: &SockRef<'_>) -> &'static str {
    "connected"
}
