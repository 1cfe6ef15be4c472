//! Taking in connections, and turning away those that are too many.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use callbox_net::stream::{self, AcceptedSocket, PeerName, StreamListener};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::admission::{Admission, Permit, Refusal};
use super::contract::{Notice, Report};

/// Connections accepted before those that are open have their turn.
const ACCEPTS_PER_TURN: usize = 256;

/// How soon it is tried again when the system has no room for another socket.
const RETRY: Duration = Duration::from_millis(100);

/// How long there must have been none for trouble to be new.
const TROUBLE_OVER: Duration = Duration::from_secs(60);

/// A connection on its way to the thread that will carry it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) socket: AcceptedSocket,
    pub(super) peer: SocketAddr,
    /// The number of the listener that it came to.
    pub(super) listener: usize,
    pub(super) permit: Permit,
}

/// The listening sockets.
#[derive(Debug)]
pub(super) struct Acceptor {
    listeners: Vec<Listener>,
    admission: Arc<Admission>,
    retry_at: Option<Duration>,
    /// When there was trouble last.
    full: Option<Duration>,
    exhausted: Option<Duration>,
}

#[derive(Debug)]
struct Listener {
    socket: StreamListener,
    /// More connections may be waiting than were accepted.
    acceptable: bool,
}

impl Acceptor {
    /// Registers the listeners with the tokens `first` and those that follow.
    pub(super) fn new(
        sockets: Vec<StreamListener>,
        admission: Arc<Admission>,
        registry: &Registry,
        first: usize,
    ) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for (n, socket) in sockets.into_iter().enumerate() {
            let token = Token(first + n);
            registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)?;
            listeners.push(Listener { socket, acceptable: true });
        }
        Ok(Self { listeners, admission, retry_at: None, full: None, exhausted: None })
    }

    /// Connections wait at the `n`th listener.
    pub(super) fn note_ready(&mut self, n: usize) {
        if let Some(listener) = self.listeners.get_mut(n) {
            listener.acceptable = true;
        }
    }

    /// When [`accept`](Self::accept) has something to do that no event tells.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let waiting = self.listeners.iter().any(|listener| listener.acceptable);
        waiting.then(|| self.retry_at.unwrap_or_default())
    }

    /// Accepts a few that wait, and gives how many were refused.
    pub(super) fn accept(
        &mut self,
        now: Duration,
        report: &dyn Report,
        arrivals: &mut Vec<Arrival>,
    ) -> u64 {
        if self.retry_at.is_some_and(|at| at > now) {
            return 0;
        }
        self.retry_at = None;
        let mut refused = 0;
        for (number, listener) in self.listeners.iter_mut().enumerate() {
            for _ in 0..ACCEPTS_PER_TURN {
                if !listener.acceptable {
                    break;
                }
                let (socket, endpoints) = match listener.socket.accept_socket() {
                    Ok(accepted) => accepted,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        listener.acceptable = false;
                        break;
                    }
                    Err(error) if stream::is_out_of_resources(&error) => {
                        self.retry_at = Some(now + RETRY);
                        if is_new(&mut self.exhausted, now) {
                            report.notice(Notice::OutOfResources(&error));
                        }
                        return refused;
                    }
                    Err(_) => continue,
                };
                // The chat listens on TCP only.
                let PeerName::Inet(peer) = endpoints.peer else { continue };
                match self.admission.admit(peer) {
                    Ok(permit) => {
                        // It can fail only for a peer that is gone, and that is noticed by itself.
                        let _ = socket.send_at_once();
                        arrivals.push(Arrival { socket, peer, listener: number, permit });
                    }
                    Err(refusal) => {
                        refused += 1;
                        turn_away(&socket, refusal);
                        if refusal == Refusal::Full && is_new(&mut self.full, now) {
                            let connections = self.admission.connections();
                            report.notice(Notice::Full { connections });
                        }
                    }
                }
            }
        }
        refused
    }
}

/// Notes that there is trouble now, and tells whether it is new.
fn is_new(last: &mut Option<Duration>, now: Duration) -> bool {
    let before = last.replace(now);
    before.is_none_or(|before| now.saturating_sub(before) > TROUBLE_OVER)
}

/// Says why and closes. It is not waited for the peer: that would cost what the limit is to save.
fn turn_away(socket: &AcceptedSocket, refusal: Refusal) {
    let line: &[u8] = match refusal {
        Refusal::Full => b"ERROR :Closing link: the server is full\r\n",
        Refusal::Address => b"ERROR :Closing link: too many connections from your address\r\n",
    };
    let _ = socket.send(line);
    let _ = socket.finish();
    // A close over unread bytes is a reset, which may overtake the line; what has come is read.
    let _ = socket.receive(&mut [0; 2048]);
}
