//! The error queue of a datagram socket: which peer an ICMP error was about.
//!
//! A connected socket gets `ECONNREFUSED` from its next call. An unconnected one is told nothing unless it asks with
//! `IP_RECVERR`, and then finds the destination of the datagram that failed in the queue (ip(7)).

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

#[cfg(target_os = "linux")]
pub(crate) fn enable(fd: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    crate::sockopt::set(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    if ipv6 { crate::sockopt::set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1) } else { Ok(()) }
}

#[cfg(target_os = "linux")]
pub(crate) fn next(fd: BorrowedFd<'_>) -> io::Result<Option<(SocketAddr, io::Error)>> {
    use std::mem;
    use std::os::fd::AsRawFd;
    use std::ptr;

    // 128 bytes hold one sock_extended_err (16), the offender's address (28) and the header (16).
    #[repr(C, align(8))]
    struct Control([u8; 128]);
    let mut control = Control([0; 128]);
    let mut payload = [0u8; 1];
    let mut iov = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };

    // SAFETY: try_init gives memory for a sockaddr_storage; all pointers in the header live through the call; the CMSG
    // macros walk what the kernel wrote; the payload of IP_RECVERR starts with a sock_extended_err.
    let (name, errno) = unsafe {
        let (errno, name) = socket2::SockAddr::try_init(|name, length| {
            let mut header: libc::msghdr = mem::zeroed();
            header.msg_name = name.cast();
            header.msg_namelen = *length;
            header.msg_iov = &mut iov;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = control.0.len() as _;
            let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
            if libc::recvmsg(fd.as_raw_fd(), &mut header, flags) < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = header.msg_namelen;
            let mut errno = 0;
            let mut at = libc::CMSG_FIRSTHDR(&header);
            while !at.is_null() {
                if matches!(
                    ((*at).cmsg_level, (*at).cmsg_type),
                    (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
                ) {
                    let error: libc::sock_extended_err =
                        ptr::read_unaligned(libc::CMSG_DATA(at).cast());
                    errno = error.ee_errno as i32;
                }
                at = libc::CMSG_NXTHDR(&header, at);
            }
            Ok(errno)
        })
        .or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Ok((0, empty_name())),
            _ => Err(error),
        })?;
        (name, errno)
    };
    let peer = name.as_socket().map(crate::address::canonical);
    Ok(peer.filter(|_| errno != 0).map(|peer| (peer, io::Error::from_raw_os_error(errno))))
}

#[cfg(target_os = "linux")]
fn empty_name() -> socket2::SockAddr {
    socket2::SockAddr::from(SocketAddr::from(([0, 0, 0, 0], 0)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn enable(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn next(_: BorrowedFd<'_>) -> io::Result<Option<(SocketAddr, io::Error)>> {
    Ok(None)
}
