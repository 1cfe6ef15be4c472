//! A load on a server of streams, over TCP or Unix sockets.

mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use callbox_measure::payload::Payload;
use callbox_measure::replies::Framing;

use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;
use worker::StreamWorker;

/// A load on a server of streams. A request is a line; the replies are taken apart and each of their bytes is checked.
#[derive(Clone, Debug)]
pub struct StreamLoad {
    /// Where the connections go.
    pub target: Target,
    /// What is sent, and which replies are right: made by [`Payload::stream`].
    pub payload: Arc<Payload>,
    /// Where a reply ends that is not checked.
    pub framing: Framing,
    /// Each request has a connection of its own; else each connection carries requests for as long as the run lasts.
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
        crew::run(&self.plan, control, |index| StreamWorker::prepare(self, index))
    }
}
