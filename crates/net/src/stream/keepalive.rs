//! Asking peers that say nothing whether they are still there.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How long each probe waits for its answer.
const INTERVAL: Duration = Duration::from_secs(5);

/// Has the kernel probe the peer of a TCP connection after it has said nothing for `idle`. A peer that has closed the
/// connection altogether answers with a reset; who does not answer at all is given up after as many probes as the system
/// sends (nine, on Linux).
///
/// # Errors
///
/// If it is no TCP connection.
pub fn keep_alive(fd: BorrowedFd<'_>, idle: Duration) -> io::Result<()> {
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(INTERVAL);
    SockRef::from(&fd).set_tcp_keepalive(&keepalive)
}
