//! Socket options that socket2 does not know.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockRef, Socket};

/// Sets an option whose value is an `int`.
#[cfg(linux_calls)]
pub(crate) fn set(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    value: libc::c_int,
) -> io::Result<()> {
    set_bytes(fd, level, option, &value.to_ne_bytes())
}

/// Sets an option whose value is a row of bytes.
pub(crate) fn set_bytes(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    value: &[u8],
) -> io::Result<()> {
    let size = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the pointer and length describe `value`, which lives through the call.
    let n = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value.as_ptr().cast(), size) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Reads an option whose value is a row of numbers, and gives how many bytes of them were filled in.
#[cfg(linux_calls)]
pub(crate) fn read(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    values: &mut [u32],
) -> io::Result<usize> {
    let mut size = libc::socklen_t::try_from(size_of_val(values)).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the pointer and size describe `values`, which lives through the call, and any bytes are numbers.
    let n = unsafe {
        let values = values.as_mut_ptr().cast();
        libc::getsockopt(fd.as_raw_fd(), level, option, values, &mut size)
    };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(size as usize) }
}

/// Asks for buffers of so many bytes, each way. It is to be done before a connection is made, for the window's scale is
/// settled with it (RFC 7323 section 2.3).
pub(crate) fn set_buffers(socket: &Socket, size: usize) -> io::Result<()> {
    socket.set_send_buffer_size(size)?;
    socket.set_recv_buffer_size(size)
}

/// How many bytes the buffers hold: that for what is sent, and that for what is received.
pub(crate) fn buffers(socket: SockRef<'_>) -> io::Result<(usize, usize)> {
    // Linux makes them twice as large as was asked for, for its own bookkeeping, and says so (socket(7)).
    let part = if cfg!(target_os = "linux") { 2 } else { 1 };
    Ok((socket.send_buffer_size()? / part, socket.recv_buffer_size()? / part))
}
