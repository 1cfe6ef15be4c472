//! Receiving a message with who wrote it, and to which address of ours.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(linux_calls)]
use std::os::fd::{AsFd, AsRawFd};

use socket2::Socket;

use crate::peer::Peer;
#[cfg(linux_calls)]
use crate::sockopt;

/// Who wrote, and to which address of ours.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) peer: Peer,
    pub(super) local: Option<IpAddr>,
}

/// On a wildcard address, each datagram is to tell which of our addresses it was sent to.
#[cfg(linux_calls)]
pub(super) fn tell_local(socket: &Socket, address: &SocketAddr) -> io::Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    sockopt::set(socket.as_fd(), level, option, 1)
}

#[cfg(not(linux_calls))]
pub(super) fn tell_local(_: &Socket, _: &SocketAddr) -> io::Result<()> {
    Ok(())
}

/// `recvmsg`: a message, who sent it, and to which of our addresses if the socket was told to say.
#[cfg(linux_calls)]
pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Origin)> {
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

#[cfg(not(linux_calls))]
pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Origin)> {
    let (length, name) = socket.recv_from_with_flags(crate::uninit(buffer), libc::MSG_DONTWAIT)?;
    Ok((length, Origin { peer: Peer::from_socket(&name), local: None }))
}
