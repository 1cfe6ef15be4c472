//! Listening for streams, on TCP and at a path.

use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(linux_calls)]
use std::os::fd::FromRawFd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{AcceptedSocket, Endpoints, PeerName};
use crate::address::canonical;
use crate::trace::{self, Trace};
use crate::unix::SocketFile;

/// Connections that wait to be accepted. Linux gives at most `net.core.somaxconn`, 4,096 since 5.4.
const BACKLOG: i32 = 4096;

/// A listening socket.
#[derive(Debug)]
pub struct StreamListener {
    socket: Socket,
    place: Place,
    trace: Trace,
}

#[derive(Debug)]
enum Place {
    Inet(SocketAddr),
    /// The file goes when the listener goes.
    Path(SocketFile),
}

impl StreamListener {
    /// `workers` listeners on one TCP address, among which the kernel spreads the connections.
    ///
    /// As for datagrams the first one is bound alone, so that an address in use is always an error.
    pub fn bind_tcp_group(
        address: SocketAddr,
        dual_stack: bool,
        workers: usize,
        trace: &Trace,
    ) -> io::Result<Vec<Self>> {
        let first = tcp_socket(address, dual_stack, false, trace)?;
        let call = format_args!("getsockname(fd {})", first.as_raw_fd());
        let taken = first.local_addr().map(|taken| taken.as_socket().unwrap_or(address));
        let address = trace.result(taken, call, ToString::to_string)?;
        let mut sockets = vec![first];
        if workers > 1 && share_port(&sockets[0], trace).is_ok() {
            while sockets.len() < workers {
                match tcp_socket(address, dual_stack, true, trace) {
                    Ok(socket) => sockets.push(socket),
                    Err(_) => break,
                }
            }
        }
        for socket in &sockets {
            listen(socket, trace)?;
        }
        let place = |socket| Self { socket, place: Place::Inet(address), trace: trace.clone() };
        Ok(sockets.into_iter().map(place).collect())
    }

    /// A listener at `path`, which only this user may connect to. See [`SocketFile`] for what is replaced and what not.
    pub fn bind_unix(path: &Path, trace: &Trace) -> io::Result<Self> {
        let result = Socket::new(Domain::UNIX, Type::STREAM, None);
        let socket =
            trace.result(result, format_args!("socket(AF_UNIX, SOCK_STREAM)"), |socket| {
                format!("fd {}", socket.as_raw_fd())
            })?;
        socket.set_nonblocking(true)?;
        let file = SocketFile::bind(&socket, path, trace)?;
        listen(&socket, trace)?;
        Ok(Self { socket, place: Place::Path(file), trace: trace.clone() })
    }

    /// The TCP address, with the port that was really taken.
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Inet(address) => Some(*address),
            Place::Path(_) => None,
        }
    }

    /// The path, if it listens at one.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Inet(_) => None,
            Place::Path(file) => Some(file.path().to_owned()),
        }
    }

    /// A connection that waits, or `WouldBlock`. The socket does not block.
    pub(super) fn accept(&self) -> io::Result<(OwnedFd, Endpoints)> {
        let (socket, name) = accept(&self.socket)?;
        let peer = name
            .as_socket()
            .map_or_else(|| process_behind(&socket), |a| PeerName::Inet(canonical(a)));
        let local = match &self.place {
            Place::Inet(address) if !address.ip().is_unspecified() => Some(*address),
            Place::Inet(_) => socket.local_addr().ok().and_then(|a| a.as_socket()).map(canonical),
            Place::Path(_) => None,
        };
        self.trace.line(format_args!(
            "accept(fd {}) = fd {} from {peer}",
            self.socket.as_raw_fd(),
            socket.as_raw_fd()
        ));
        if self.trace.is_on() {
            super::client::report_state(&socket2::SockRef::from(&socket), &self.trace);
        }
        Ok((OwnedFd::from(socket), Endpoints { peer, local }))
    }

    /// The connection that waits, or `WouldBlock`, for an event loop outside of this crate.
    pub fn accept_socket(&self) -> io::Result<(AcceptedSocket, Endpoints)> {
        let (socket, endpoints) = self.accept()?;
        Ok((AcceptedSocket::new(socket), endpoints))
    }

    pub(super) const fn trace(&self) -> &Trace {
        &self.trace
    }
}

impl AsFd for StreamListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for StreamListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl fmt::Display for StreamListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Inet(address) => address.fmt(f),
            Place::Path(file) => file.path().display().fmt(f),
        }
    }
}

fn tcp_socket(
    address: SocketAddr,
    dual_stack: bool,
    share: bool,
    trace: &Trace,
) -> io::Result<Socket> {
    let socket = super::new_tcp_socket(&address, trace)?;
    if address.is_ipv6() {
        socket.set_only_v6(!dual_stack)?;
    }
    // A server started again must not wait for its old connections in TIME_WAIT; two that listen are still refused.
    let call = format_args!("setsockopt(fd {}, SO_REUSEADDR)", socket.as_raw_fd());
    trace.result(socket.set_reuse_address(true), call, trace::ok)?;
    if share {
        share_port(&socket, trace)?;
    }
    let call = format_args!("bind(fd {}, {address})", socket.as_raw_fd());
    trace.result(socket.bind(&address.into()), call, trace::ok)?;
    Ok(socket)
}

fn share_port(socket: &Socket, trace: &Trace) -> io::Result<()> {
    let call = format_args!("setsockopt(fd {}, SO_REUSEPORT)", socket.as_raw_fd());
    trace.result(socket.set_reuse_port(true), call, trace::ok)
}

fn listen(socket: &Socket, trace: &Trace) -> io::Result<()> {
    let call = format_args!("listen(fd {}, backlog {BACKLOG})", socket.as_raw_fd());
    trace.result(socket.listen(BACKLOG), call, trace::ok)
}

/// `accept4`: the new socket does not block and is not inherited, without two more calls to make it so.
#[cfg(linux_calls)]
pub(crate) fn accept(socket: &Socket) -> io::Result<(Socket, SockAddr)> {
    // SAFETY: try_init gives memory for a sockaddr_storage and its length; a descriptor that accept4 gives is ours alone.
    let (fd, name) = unsafe {
        SockAddr::try_init(|name, length| {
            let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            let fd = libc::accept4(socket.as_raw_fd(), name.cast(), length, flags);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
        })
    }?;
    Ok((Socket::from(fd), name))
}

#[cfg(not(linux_calls))]
pub(crate) fn accept(socket: &Socket) -> io::Result<(Socket, SockAddr)> {
    let (accepted, name) = socket.accept()?;
    accepted.set_nonblocking(true)?;
    Ok((accepted, name))
}

/// Who is behind a Unix socket (`SO_PEERCRED`, unix(7)).
#[cfg(target_os = "linux")]
fn process_behind(socket: &Socket) -> PeerName {
    let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the pointer and length describe `credentials`, which lives through the call.
    let _ = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            std::ptr::from_mut(&mut credentials).cast(),
            &mut length,
        )
    };
    PeerName::Process { pid: credentials.pid as u32, uid: credentials.uid }
}

#[cfg(not(target_os = "linux"))]
fn process_behind(socket: &Socket) -> PeerName {
    PeerName::Process { pid: 0, uid: user_behind(socket).unwrap_or(u32::MAX) }
}

#[cfg(has_getpeereid)]
fn user_behind(socket: &Socket) -> Option<u32> {
    let (mut user, mut group) = (0, 0);
    // SAFETY: both pointers are valid through the call.
    let n = unsafe { libc::getpeereid(socket.as_raw_fd(), &mut user, &mut group) };
    (n == 0).then_some(user)
}

#[cfg(not(any(target_os = "linux", has_getpeereid)))]
fn user_behind(_: &Socket) -> Option<u32> {
    None
}
