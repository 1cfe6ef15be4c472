//! A load on a UDP server.

mod connection;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;

use callbox_measure::payload::Payload;

use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;
use worker::UdpWorker;

/// A load on a UDP server: each connection is a socket of its own, connected to the server.
#[derive(Clone, Debug)]
pub struct UdpLoad {
    /// Where the requests go.
    pub address: SocketAddr,
    /// What is sent, and which replies are right: made by [`Payload::datagrams`].
    pub payload: Arc<Payload>,
    /// What the run is to do.
    pub plan: Plan,
    /// Which calls of the kernel are used where it has them.
    pub calls: Calls,
}

/// Which calls that move many datagrams at once are used. Where the system has one of them not, or refuses it, the load
/// does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Several messages are received with one call.
    pub recvmmsg: bool,
    /// Several messages are sent with one call.
    pub sendmmsg: bool,
    /// Several datagrams of one size are sent as one message, which the kernel cuts up (UDP_SEGMENT).
    pub gso: bool,
    /// Several datagrams of one size may come as one message, into which the kernel puts them together (UDP_GRO).
    pub gro: bool,
}

impl Default for Calls {
    /// All of them.
    fn default() -> Self {
        Self { recvmmsg: true, sendmmsg: true, gso: true, gro: true }
    }
}

impl UdpLoad {
    /// Runs the load, until its time is over or it is stopped by `control`.
    ///
    /// # Errors
    ///
    /// What kept the sockets from being opened or the threads from starting. What fails later is told in the outcome.
    pub fn run(&self, control: &Control) -> Result<Outcome, LoadError> {
        crew::run(&self.plan, control, |index| UdpWorker::prepare(self, index))
    }
}
