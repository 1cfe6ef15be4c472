//! A client's datagrams over connected sockets, many a call.
//!
//! A [`Batch`](super::Batch) sends answers to what has just come. A client that asks at its own pace sends and receives
//! at different moments: what it sends is written into an [`Outgoing`] and leaves with one call, and one call takes what
//! came into an [`Incoming`]. Both are memory for a thread, not for a socket: however many sockets take turns with it, it
//! stays in the processor's caches.

#[cfg(linux_calls)]
mod incoming;
#[cfg(not(linux_calls))]
#[path = "fallback.rs"]
mod one_by_one;
mod options;
#[cfg(linux_calls)]
mod outgoing;

use std::io;

#[cfg(linux_calls)]
pub use incoming::Incoming;
#[cfg(not(linux_calls))]
pub use one_by_one::{Incoming, Outgoing};
pub use options::BufferSizes;
#[cfg(linux_calls)]
pub use outgoing::Outgoing;

/// Datagrams that are sent together, and messages that are received together, at most. More gains little, since the fixed
/// cost of a call is shared by 64 already; and what a clock that is read before a call says is true of all that leave
/// with it.
pub const BURST: usize = 64;

/// What became of the first of the datagrams that wait in an [`Outgoing`].
#[derive(Debug)]
pub enum Leaving {
    /// So many of them have left.
    Sent(usize),
    /// So many of them are lost: a queue on the way to the device was full (`ENOBUFS`). It is told only to a socket that
    /// [keeps errors](super::DatagramSocket::keep_errors).
    Lost(usize),
    /// None has left: the socket's buffer is full, and it can be waited for until there is room (`EAGAIN`).
    Full,
    /// None has left, and trying again is right: the call told of an earlier datagram, about which an ICMP message came
    /// back, as `ECONNREFUSED` does.
    Refused(io::Error),
}

/// How often in a row a call may tell of something that has gone wrong before it is believed to be about the datagrams at
/// hand: so many ICMP messages may come in between two calls.
const TRIES: u32 = 16;

/// What became of datagrams of which the call could not send the first, `count` of which would have left together.
fn refused(error: io::Error, count: usize, tries: &mut u32) -> io::Result<Leaving> {
    match error.kind() {
        _ if super::is_out_of_buffers(&error) => Ok(Leaving::Lost(count)),
        io::ErrorKind::WouldBlock => Ok(Leaving::Full),
        _ if *tries < TRIES => {
            *tries += 1;
            Ok(Leaving::Refused(error))
        }
        _ => Err(error),
    }
}
