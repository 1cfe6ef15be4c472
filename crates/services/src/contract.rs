//! The contract between a service and the shell that owns the sockets.
//!
//! A service is given bytes and gives bytes. It owns no socket, clock or thread, so that the same
//! service runs over UDP, TCP and Unix sockets and a test needs nothing but a call.

/// The most bytes that one datagram carries over IPv4: a total length of 65,535 (RFC 791, section
/// 3.1) less 20 bytes of IP header and 8 of UDP header. IPv6 would carry 20 more; one limit for
/// both keeps an answer's length independent of the way it takes.
pub const MAX_DATAGRAM: usize = 65_507;

/// Wall-clock moment handed in, whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

/// What a service did with one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is sent.
    Silence,
    /// The answer stands in the request's place and has its length.
    InPlace {
        /// False when the bytes are those of the request.
        changed: bool,
    },
    /// The answer was appended to `reply` (which was empty) and differs from the request.
    Written,
}

/// A service for datagrams: one request, at most one answer.
pub trait DatagramService: Send {
    /// Answers one datagram.
    ///
    /// `reply` comes in empty and is left empty unless [`Answer::Written`] is returned. A service
    /// appends at most [`MAX_DATAGRAM`] bytes, so a `reply` of that capacity is never reallocated,
    /// however many datagrams it serves.
    fn on_datagram(&mut self, now: UnixTime, datagram: &mut [u8], reply: &mut Vec<u8>) -> Answer;
}

/// How a stream goes on after a service has seen an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Send what is in `out` and go on reading.
    Continue,
    /// Send what is in `out`, then close in order.
    Finish,
}

/// A service for streams; one value serves one connection.
///
/// Every method appends what is to be sent to `out`, which the shell empties as the peer takes it.
/// A service is not asked anything more once it has returned [`Flow::Finish`]. What it appends is
/// bounded by what it was given: at most three times `input`, or a fixed text, or `room`.
pub trait StreamService: Send {
    /// The connection stands and nothing has been read.
    fn on_open(&mut self, now: UnixTime, out: &mut Vec<u8>) -> Flow {
        let _ = (now, out);
        Flow::Continue
    }

    /// The next bytes from the peer, cut wherever the network cut them.
    fn on_bytes(&mut self, now: UnixTime, input: &[u8], out: &mut Vec<u8>) -> Flow;

    /// The peer ended its direction.
    fn on_end(&mut self, now: UnixTime, out: &mut Vec<u8>) -> Flow {
        let _ = (now, out);
        Flow::Finish
    }

    /// Everything in `out` has been sent and the peer takes more: a service that
    /// [generates](Self::generates) appends up to `room` bytes, others nothing.
    fn poll_output(&mut self, now: UnixTime, room: usize, out: &mut Vec<u8>) {
        let _ = (now, room, out);
    }

    /// Whether [`poll_output`](Self::poll_output) ever gives something, so that the shell asks.
    fn generates(&self) -> bool {
        false
    }
}
