//! What a run came to.

use std::io;

use callbox_measure::report::{Ended, Step};
use thiserror::Error;

/// What was measured, and how the run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The figures of the time that counts. Without its `offered` rate and `stolen` time, which the caller knows.
    pub step: Step,
    /// Whether it ran for the time it was to.
    pub ended: Ended,
    /// Why it did not, if something failed.
    pub error: Option<LoadError>,
}

/// Why a run failed.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A connection could not be made.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// A call that has nothing to do with the peer failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried: `cannot open a socket`.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// This machine has no local port left for another connection to that address.
    #[error(
        "no local port is left for another connection, since each that was ended keeps its port for a minute; ask for \
         fewer connections, measure for a shorter time, or widen net.ipv4.ip_local_port_range"
    )]
    NoPorts,
    /// No connection is left.
    #[error("the server ended every connection")]
    NoneLeft,
    /// The server does not let clients in, or says that something is wrong; its words are harmless to show.
    #[error("{0}")]
    Refused(String),
    /// The server was asked what it does, and said nothing; how it was asked.
    #[error("{0}; --check none measures without asking")]
    NoAnswer(String),
    /// It was ended before anything could be measured.
    #[error("it was ended before anything was measured")]
    Stopped,
}

impl LoadError {
    /// For `map_err`: a call failed that has nothing to do with the peer.
    pub fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
