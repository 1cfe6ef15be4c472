//! Ending another thread's wait for a datagram.
//!
//! Linux wakes the readers of an unconnected socket on `shutdown`, although it then reports `ENOTCONN` (`inet_shutdown` in
//! net/ipv4/af_inet.c says why). Other systems may report that and do nothing, so there a wait is made of short ones, between
//! which a flag is looked at: a server stops a fifth of a second later, and no descriptor is spent on it.

use socket2::Socket;

#[cfg(linux_calls)]
mod by {
    use std::io;
    use std::net::Shutdown;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::Socket;
    use crate::ready;

    /// Nothing: the socket knows it.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Waking {}

    impl Waking {
        /// Ends every wait for `socket`, now and later. What is queued is still given out first.
        pub(crate) fn wake(&self, socket: &Socket) {
            let _ = socket.shutdown(Shutdown::Read);
        }

        /// Waits as [`ready::readable`] does.
        pub(crate) fn readable(
            &self,
            socket: &Socket,
            timeout: Option<Duration>,
        ) -> io::Result<bool> {
            ready::readable(socket.as_fd(), timeout)
        }
    }
}

#[cfg(not(linux_calls))]
mod by {
    use std::io;
    use std::os::fd::AsFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::Socket;
    use crate::ready;

    /// How often the flag is looked at.
    const LOOK: Duration = Duration::from_millis(200);

    /// Whether waits are over.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Waking(Arc<AtomicBool>);

    impl Waking {
        /// Ends every wait, now and later. What is queued is still given out first.
        pub(crate) fn wake(&self, _: &Socket) {
            self.0.store(true, Ordering::Release);
        }

        /// Waits as [`ready::readable`] does; false may mean that the wait was ended.
        pub(crate) fn readable(
            &self,
            socket: &Socket,
            timeout: Option<Duration>,
        ) -> io::Result<bool> {
            let deadline = timeout.map(|timeout| Instant::now() + timeout);
            loop {
                let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                let wait = left.map_or(LOOK, |left| left.min(LOOK));
                if ready::readable(socket.as_fd(), Some(wait))? {
                    return Ok(true);
                }
                if left == Some(wait) || self.0.load(Ordering::Acquire) {
                    return Ok(false);
                }
            }
        }
    }
}

pub(crate) use by::Waking;
