//! The error queue of a datagram socket: which peer an ICMP error was about.
//!
//! A connected socket gets `ECONNREFUSED` from its next call. An unconnected one is told nothing unless it asks with
//! `IP_RECVERR`, and then finds the destination of the datagram that failed in the queue (ip(7)).

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

#[cfg(linux_calls)]
pub(crate) fn enable(fd: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    crate::sockopt::set(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
    if ipv6 { crate::sockopt::set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1) } else { Ok(()) }
}

#[cfg(linux_calls)]
pub(crate) fn next(fd: BorrowedFd<'_>) -> io::Result<Option<(SocketAddr, io::Error)>> {
    use std::mem;
    use std::os::fd::AsRawFd;

    // 128 bytes hold one sock_extended_err (16), the offender's address (28) and the header (16).
    #[repr(C, align(8))]
    struct Control([u8; 128]);
    let mut control = Control([0; 128]);
    let mut payload = [0u8; 1];
    let mut iov = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };

    let receive = |name: *mut socket2::SockAddrStorage, length: *mut libc::socklen_t| {
        // SAFETY: msghdr is plain data, and zero is a valid value of each field.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_name = name.cast();
        header.msg_iov = &mut iov;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len() as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        // SAFETY: all pointers in the header, and `length`, are valid through the call.
        unsafe {
            header.msg_namelen = *length;
            if libc::recvmsg(fd.as_raw_fd(), &mut header, flags) < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = header.msg_namelen;
            Ok(errno_in(&header))
        }
    };
    // SAFETY: `receive` writes an address and its length, or fails.
    let (errno, name) = match unsafe { socket2::SockAddr::try_init(receive) } {
        Ok(received) => received,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
    };
    let peer = name.as_socket().map(crate::address::canonical);
    Ok(peer.filter(|_| errno != 0).map(|peer| (peer, io::Error::from_raw_os_error(errno))))
}

/// The error in a message from the queue, 0 if it holds none.
///
/// # Safety
/// The kernel must have filled in `header`, and its control buffer must still be there.
#[cfg(linux_calls)]
unsafe fn errno_in(header: &libc::msghdr) -> i32 {
    let mut errno = 0;
    // SAFETY: the CMSG macros walk what the kernel wrote; the payload of IP_RECVERR starts with a sock_extended_err.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            if matches!(
                ((*at).cmsg_level, (*at).cmsg_type),
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            ) {
                let error: libc::sock_extended_err =
                    std::ptr::read_unaligned(libc::CMSG_DATA(at).cast());
                errno = error.ee_errno as i32;
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    errno
}

#[cfg(not(linux_calls))]
pub(crate) fn enable(_: BorrowedFd<'_>, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(not(linux_calls))]
pub(crate) fn next(_: BorrowedFd<'_>) -> io::Result<Option<(SocketAddr, io::Error)>> {
    Ok(None)
}
