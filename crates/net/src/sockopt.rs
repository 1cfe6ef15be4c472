//! Socket options that socket2 does not know.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

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
