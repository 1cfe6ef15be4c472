//! Somebody who is connected to a listener that takes many.

use std::io;
use std::time::{Duration, Instant};

use callbox_net::peer::Peer;

use crate::filter::Telnet;
use crate::link::Link;
use crate::says::{shown, words};

/// How long handshakes may take where -w does not say: far longer than any network needs, and short enough that
/// strangers who say nothing do not fill the places of those who would.
pub(super) const HANDSHAKE_TIME: Duration = Duration::from_secs(30);

/// One connection.
pub(super) struct Guest {
    pub(super) link: Box<dyn Link>,
    pub(super) peer: Peer,
    pub(super) local: Peer,
    /// By when the handshakes have to be over; none, if they are.
    pub(super) shaking: Option<Instant>,
    /// Whether it may have something to read.
    pub(super) readable: bool,
    /// Whether it took less than it was given.
    pub(super) blocked: bool,
    /// Whether it will say nothing more.
    pub(super) ended: bool,
    /// Whether it was told the end.
    pub(super) finished: bool,
    /// Answers its negotiations.
    pub(super) telnet: Option<Telnet>,
    /// What the records know it by.
    pub(super) record: u64,
}

impl Guest {
    pub(super) fn new(
        link: Box<dyn Link>,
        peer: Peer,
        local: Peer,
        deadline: Instant,
        telnet: bool,
    ) -> Self {
        Self {
            link,
            peer,
            local,
            shaking: Some(deadline),
            readable: true,
            blocked: false,
            ended: false,
            finished: false,
            telnet: telnet.then(Telnet::default),
            record: 0,
        }
    }
}

/// The words about handshakes that failed, of what lies over the socket.
pub(super) fn failed(layer: &str, peer: &Peer, error: &io::Error) -> String {
    let why = if error.kind() == io::ErrorKind::TimedOut {
        "it took too long".to_owned()
    } else {
        words(error)
    };
    format!("Failed {layer} connection from {}: {why}", shown(peer))
}
