//! A load on a server of streams, over TCP or Unix sockets.
//!
//! A connection carries requests for as long as the run lasts, several on their way at the same time (`held`), or each
//! request has a connection of its own (`each`). What both know of making connections stands in `opener`.
//!
//! # What counts
//!
//! A request is sent when its last byte was taken by the kernel; a server that does not read keeps it back before that.
//! Of the latencies, that from the intended time (or the moment of sending, in a closed loop) holds all of this. With a
//! connection for each request it begins with connecting, and the time to connect and the time from sending to the reply
//! are recorded apart as well.
//!
//! A reply is whole with its last byte. Where the server is to end the connection behind it, it has to do so in order:
//! a reset leaves a connection that is broken beside a reply that was right.
//!
//! A request without a reply after `lost_after` is given up. On a connection that is held, its reply may still come, and is
//! late. In an open loop, requests that could not be sent wait, which is a part of their latency; one that has waited for
//! `lost_after` is lost, so that a server which takes less than it is offered ends the run no later than it should.
//!
//! # Connections that fail
//!
//! One that is refused is counted as such, another that cannot be made as failed, one that the server ends as broken, and
//! what was to go over it as lost. It is made again, at once if it had carried a reply and else after a pause that grows.
//! When a thread has had no connection for `lost_after`, its run fails.

mod connection;
mod each;
mod held;
mod opener;
mod shared;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use callbox_measure::payload::{Check, Payload};
use callbox_measure::replies::Framing;
use callbox_net::limits;

use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;
use each::EachWorker;
use held::HeldWorker;
use opener::{Opener, measured};

/// A load on a server of streams. A request is a line; the replies are taken apart and each of their bytes is checked.
#[derive(Clone, Debug)]
pub struct StreamLoad {
    /// Where the connections go.
    pub target: Target,
    /// What is sent, and which replies are right: made by [`Payload::stream`].
    pub payload: Arc<Payload>,
    /// Where a reply ends that is not checked. With [`Framing::Connection`], and where the right reply is always the
    /// same, a connection that had its one reply is to be ended by the server.
    pub framing: Framing,
    /// Each request has a connection of its own, and the plan's connections are how many there are at the same time, in
    /// an open loop too: what comes due beyond that waits. Else each connection carries requests as long as the run lasts.
    pub connect_each: bool,
    /// What the run is to do.
    pub plan: Plan,
}

/// Where connections go.
#[derive(Clone, Debug)]
pub enum Target {
    /// The addresses of one name. The first that answers is measured, and all connections go there.
    Tcp(Vec<SocketAddr>),
    /// A Unix socket.
    Unix(PathBuf),
}

impl StreamLoad {
    /// Runs the load, until its time is over or it is stopped by `control`.
    ///
    /// # Errors
    ///
    /// What kept the first connections from being made or the threads from starting. What fails later is told in the
    /// outcome.
    pub fn run(&self, control: &Control) -> Result<Outcome, LoadError> {
        limits::raise_open_files();
        let place = measured(&self.target, control)?;
        let opener = |index| Opener::new(&place, &self.plan, index, self.server_ends());
        if self.connect_each {
            // Nobody there is told at once, and not by a run of nothing but failures.
            opener(0)?.try_once(control)?;
            crew::run(&self.plan, control, |index| EachWorker::prepare(self, index, opener(index)?))
        } else {
            crew::run(&self.plan, control, |index| {
                HeldWorker::prepare(self, index, opener(index)?, control)
            })
        }
    }

    /// Whether each connection is ended by the server.
    fn server_ends(&self) -> bool {
        let always_the_same = matches!(self.payload.check(), Check::Fixed(_));
        self.connect_each && (self.framing == Framing::Connection || always_the_same)
    }
}
