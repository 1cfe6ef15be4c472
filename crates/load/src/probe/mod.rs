//! Asks a server what it does, before a run for which nobody said how replies are to be checked.
//!
//! A measurement that takes wrong replies for right ones is worth nothing, and a check that does not fit the service finds
//! every reply wrong. So the server is sent one text in small letters: what comes back says whether it gives them
//! back, or in capitals, or always says the same. With any other answer nothing can be checked; then it says at least
//! where a reply ends.

mod datagram;
mod stream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use callbox_measure::payload::Check;
use callbox_measure::replies::Framing;
use callbox_net::attempt::Protocol;
use callbox_net::peer::Peer;

use crate::control::Control;
use crate::outcome::LoadError;
use crate::record::LOOKS_EVERY;

/// Where the server is. Of several addresses the first one that does not refuse is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// UDP.
    Udp(Vec<SocketAddr>),
    /// TCP.
    Tcp(Vec<SocketAddr>),
    /// A Unix socket with connections.
    UnixStream(PathBuf),
    /// A Unix socket for datagrams.
    UnixDatagram(PathBuf),
}

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its replies are to be held to.
    pub check: Check,
    /// Where a reply ends; says nothing of datagrams.
    pub framing: Framing,
    /// A connection of its answers one request and no more.
    pub connect_each: bool,
    /// Which of several addresses answered.
    pub address: Option<SocketAddr>,
}

/// Asks a server what it does. `fixed` are the answers of services that have one answer, as they are known.
///
/// # Errors
///
/// [`LoadError::Connect`] at once if nobody is there, [`LoadError::NoAnswer`] if it says nothing, [`LoadError::Stopped`] if
/// `control` was stopped meanwhile.
pub fn probe(
    place: &Place,
    fixed: &[&'static [u8]],
    control: &Control,
) -> Result<Found, LoadError> {
    let asking = Asking { fixed, control, patience: &PATIENCE };
    match place {
        Place::Udp(addresses) => asking.udp(addresses),
        Place::UnixDatagram(path) => asking.unix_datagram(path),
        Place::Tcp(addresses) => {
            asking.stream(Protocol::Tcp, addresses.iter().copied().map(Peer::Inet).collect())
        }
        Place::UnixStream(path) => asking.stream(Protocol::UnixStream, vec![Peer::at_path(path)]),
    }
}

/// What is sent: letters that capitals change, and enough of them that no answer looks so by chance.
const TEXT: &[u8] = b"callboxaskswhatthisserveranswers";

/// How long is waited for what.
#[derive(Debug)]
struct Patience {
    /// For the answer to each datagram; then it is sent again.
    datagrams: [Duration; 3],
    /// For a connection, and for the first byte of an answer.
    first: Duration,
    /// For more of an answer of which nobody knows how long it is.
    more: Duration,
}

/// A datagram may be lost, and on a bad link the next one as well. What has begun to come over a connection goes on within
/// the time that a lost segment takes to be sent again (RFC 6298: a second, and less in practice).
const PATIENCE: Patience = Patience {
    datagrams: [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)],
    first: Duration::from_secs(5),
    more: Duration::from_secs(1),
};

/// A probe under way.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    fixed: &'a [&'static [u8]],
    control: &'a Control,
    patience: &'a Patience,
}

impl Asking<'_> {
    /// The answer that this is, if it is a known one.
    fn fixed(&self, reply: &[u8]) -> Option<Check> {
        self.fixed.iter().find(|answer| **answer == reply).map(|answer| Check::Fixed(answer))
    }

    /// Calls `wait` with short times until it gives something or `time` is over: in between is looked whether the probe was
    /// stopped.
    fn wait<T>(
        &self,
        time: Duration,
        mut wait: impl FnMut(Duration) -> Result<Option<T>, LoadError>,
    ) -> Result<Option<T>, LoadError> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.control.is_stopped() {
                return Err(LoadError::Stopped);
            }
            let came = wait(left.min(Duration::from_nanos(LOOKS_EVERY)))?;
            if came.is_some() || left.is_zero() {
                return Ok(came);
            }
        }
    }
}

/// How a reply compares with the text that was sent.
fn compared(reply: &[u8], sent: &[u8]) -> Check {
    match reply {
        reply if reply == sent => Check::Echo,
        reply if reply == sent.to_ascii_uppercase() => Check::Upper,
        _ => Check::None,
    }
}

#[cfg(test)]
mod tests;
