//! The thread of a link: the name and the attempts, until there is a connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use callbox_net::dial::Dialing;
use callbox_net::ready;
use callbox_net::resolve::resolve;
use callbox_net::stream::StreamSocket;
use callbox_net::trace::Trace;
use mio::{Events, Poll};

use super::carrier::Carrier;
use super::reason::{CloseReason, Stage};
use super::{LinkEvent, Shared, Target, Wish};

/// Starts the thread.
pub(super) fn start(
    target: Target,
    poll: Poll,
    shared: Arc<Shared>,
    mut events: impl FnMut(LinkEvent) + Send + 'static,
) -> io::Result<()> {
    let run = move || {
        let deadline = Instant::now() + target.timeout;
        let mut attempt = Attempt { target: &target, poll, shared: &shared, deadline };
        let reason = match attempt.connect() {
            Ok(socket) => {
                let poll = attempt.poll;
                let carrier = Carrier::new(&target, poll, &shared, socket, deadline, &mut events);
                carrier.map_or_else(|reason| reason, Carrier::run)
            }
            Err(reason) => reason,
        };
        events(LinkEvent::Closed(reason));
    };
    thread::Builder::new().name("link".to_owned()).spawn(run).map(drop)
}

/// The way to a connection.
struct Attempt<'a> {
    target: &'a Target,
    poll: Poll,
    shared: &'a Shared,
    deadline: Instant,
}

impl Attempt<'_> {
    fn connect(&mut self) -> Result<StreamSocket, CloseReason> {
        let server = self.target.address.to_string();
        let addresses = self.resolve(&server)?;
        let mut dialing = Dialing::new(&addresses, self.time_left(), &Trace::off());
        loop {
            let waited = dialing.wait(Some(called(&self.poll)));
            let timeout = self.target.timeout;
            match waited.map_err(|error| CloseReason::not_dialled(&server, timeout, &error))? {
                Some(socket) => return Ok(socket),
                None => self.answer_call()?,
            }
        }
    }

    /// The addresses of the host. They are looked up on a thread of its own: the resolver cannot be called away, and may
    /// take longer than anybody waits.
    fn resolve(&mut self, server: &str) -> Result<Vec<SocketAddr>, CloseReason> {
        let host = self.target.address.host_port();
        let (found, finding) = sync_channel(1);
        let waker = Arc::clone(&self.shared.waker);
        let find = move || {
            let _ = found.send(resolve(&host, 0));
            let _ = waker.wake();
        };
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(find)
            .map_err(|error| CloseReason::no_means(server, &error))?;
        self.await_addresses(server, &finding)
    }

    fn await_addresses(
        &mut self,
        server: &str,
        finding: &Receiver<io::Result<Vec<SocketAddr>>>,
    ) -> Result<Vec<SocketAddr>, CloseReason> {
        loop {
            match finding.try_recv() {
                Ok(Ok(addresses)) => return Ok(addresses),
                Ok(Err(error)) => {
                    return Err(CloseReason::unknown_host(&self.target.address.host, &error));
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    let error = io::Error::other("its name cannot be looked up");
                    return Err(CloseReason::no_means(server, &error));
                }
            }
            let is_called = ready::readable(called(&self.poll), Some(self.time_left()));
            match is_called.map_err(|error| CloseReason::no_means(server, &error))? {
                true => self.answer_call()?,
                false => {
                    let timeout = self.target.timeout;
                    return Err(CloseReason::timed_out(server, Stage::Resolving, timeout));
                }
            }
        }
    }

    /// The waker was called while there is no connection yet. Lines wait for one.
    fn answer_call(&mut self) -> Result<(), CloseReason> {
        // Nothing but the waker is registered. If this fails, so does the wait.
        let _ = self.poll.poll(&mut Events::with_capacity(1), Some(Duration::ZERO));
        match self.shared.outgoing().wish {
            Wish::Talk => Ok(()),
            Wish::Close | Wish::Drop => Err(CloseReason::closed()),
        }
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// What becomes readable when the waker is called: an event loop's own descriptor can be waited for.
fn called(poll: &Poll) -> BorrowedFd<'_> {
    poll.registry().as_fd()
}
