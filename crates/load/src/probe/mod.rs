//! Asks a server what it does, before a run for which nobody said how replies are to be checked.
//!
//! A measurement that takes wrong replies for right ones is worth nothing, and a check that does not fit the service finds
//! every reply wrong. So the server is sent one text in small letters: what comes back says whether it gives them
//! back, or in capitals, or always says the same. With any other answer nothing can be checked; then it says at least
//! where a reply ends.

mod datagram;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use callbox_measure::payload::Check;
use callbox_measure::replies::Framing;

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
        Place::Tcp(_) | Place::UnixStream(_) => asking.stream(place),
    }
}

/// Whether somebody is there.
#[derive(Debug)]
pub enum Presence {
    /// Somebody took a connection, or answered a datagram.
    There,
    /// A datagram was sent, and neither answered nor refused.
    Silent,
    /// Nobody; why, as far as the system tells.
    Nobody(io::Error),
}

/// Finds out whether somebody is there, within `time` for each address. A connection ends as soon as it is made; a
/// datagram holds some letters.
///
/// # Errors
///
/// What has nothing to do with the peer, and [`LoadError::Stopped`].
pub fn presence(place: &Place, time: Duration, control: &Control) -> Result<Presence, LoadError> {
    let patience = Patience { datagrams: &[time], first: time, more: time };
    let asking = Asking { fixed: &[], control, patience: &patience };
    let found = match place {
        Place::Udp(addresses) => asking.udp(addresses).map(drop),
        Place::UnixDatagram(path) => asking.unix_datagram(path).map(drop),
        Place::Tcp(_) | Place::UnixStream(_) => asking.connect(place).map(drop),
    };
    match found {
        Ok(()) => Ok(Presence::There),
        Err(LoadError::NoAnswer(_)) => Ok(Presence::Silent),
        Err(LoadError::Connect(error)) => Ok(Presence::Nobody(error)),
        Err(error) => Err(error),
    }
}

/// What is sent: letters that capitals change, and enough of them that no answer looks so by chance.
const TEXT: &[u8] = b"callboxaskswhatthisserveranswers";

/// How long is waited for what.
#[derive(Debug)]
struct Patience<'a> {
    /// For the answer to each datagram; then it is sent again.
    datagrams: &'a [Duration],
    /// For a connection, and for the first byte of an answer.
    first: Duration,
    /// For more of an answer of which nobody knows how long it is.
    more: Duration,
}

/// A datagram may be lost, and on a bad link the next one as well. What has begun to come over a connection goes on within
/// the time that a lost segment takes to be sent again (RFC 6298: a second, and less in practice).
const PATIENCE: Patience<'_> = Patience {
    datagrams: &[Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)],
    first: Duration::from_secs(5),
    more: Duration::from_secs(1),
};

/// A probe under way.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    fixed: &'a [&'static [u8]],
    control: &'a Control,
    patience: &'a Patience<'a>,
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
