//! Many requests to many servers over one unconnected datagram socket.
//!
//! The kernel drops no strangers for a socket that is not connected, so what was sent where has to
//! be remembered: by resolved address, since a name is not what a reply comes from, and by count,
//! since a server that was asked twice may answer twice and no oftener.

use crate::backoff::{Backoff, Jitter};
use crate::host::{canonical, host_key};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

/// How many requests may be under way, or failed and not yet polled. At the cap the caller stops
/// reading input. It bounds memory to 64 MiB even if all are datagrams of the longest kind, and at
/// a round trip of 50 ms still lets 20,000 requests a second through.
pub const MAX_OUTSTANDING: usize = 1024;

/// A request's number: requests are numbered in the order of [`Many::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// There are [`MAX_OUTSTANDING`] requests already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{MAX_OUTSTANDING} requests are waiting for a reply: no more are sent until some are done")]
pub struct Full;

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// The request.
    pub id: RequestId,
    /// Where to, as it was given to [`Many::send`].
    pub to: SocketAddr,
    /// The message.
    pub message: &'a [u8],
    /// Which try this is, from 1.
    pub tries: u32,
}

/// What a datagram turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The reply to a request.
    Reply {
        /// The request, which is done.
        id: RequestId,
        /// The server, as it was given to [`Many::send`].
        server: SocketAddr,
    },
    /// It came from an address that owes no reply: one that was never asked, or one that has
    /// answered, or was given up, already.
    Stranger,
}

/// A request that got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The request, which is done.
    pub id: RequestId,
    /// The server, as it was given to [`Many::send`].
    pub server: SocketAddr,
    /// What went wrong.
    pub reason: Reason,
}

/// Why a request got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing came, though it was sent this often.
    NoReply {
        /// How often it was sent.
        tries: u32,
    },
    /// The server's host says that nobody listens on the port (ICMP port unreachable).
    Refused,
}

/// The client's half of conversations with many servers at once.
///
/// # Calling contract
///
/// Hand requests to [`send`](Self::send) unless [`is_full`](Self::is_full). After that and after
/// every `handle_*`, send what [`poll_transmit`](Self::poll_transmit) gives and report what
/// [`poll_failure`](Self::poll_failure) gives, until both give `None`; then wait for a datagram, an
/// error, input, or the moment of [`poll_timeout`](Self::poll_timeout). A datagram counts as sent
/// once it is given out: one that the socket had no room for is sent again in its time, like one
/// that was lost; one that can never be sent (no route, too long) is to be
/// [withdrawn](Self::withdraw).
///
/// A reply goes to the oldest request that its address owes one for. Plain text does not say more,
/// so where one server is asked several things at once, which reply is to which request is a
/// likely guess only; how many replies there may be is certain.
///
/// Each call takes logarithmic time in the number of requests,
/// [`handle_refused`](Self::handle_refused) for each request to that host.
#[derive(Clone, Debug)]
pub struct Many {
    backoff: Backoff,
    jitter: Jitter,
    from_any_port: bool,
    next: u64,
    requests: BTreeMap<RequestId, Request>,
    /// By whom a reply is owed, oldest request first.
    owed: BTreeSet<(SocketAddr, RequestId)>,
    /// Requests to be sent now, the oldest first.
    unsent: BTreeSet<RequestId>,
    /// Requests that were sent, by when they are to be sent again or given up.
    due: BTreeSet<(Duration, RequestId)>,
    failures: VecDeque<Failure>,
}

#[derive(Clone, Debug)]
struct Request {
    server: SocketAddr,
    message: Vec<u8>,
    /// How often it was sent.
    tries: u32,
    /// When it is due, if it is not unsent.
    until: Option<Duration>,
}

impl Many {
    /// No requests yet. With `from_any_port` a reply may come from any port of the host that was
    /// asked. `seed` decides the jitter of the waits and nothing else.
    pub fn new(backoff: Backoff, from_any_port: bool, seed: u64) -> Self {
        Self {
            backoff,
            jitter: Jitter::new(seed),
            from_any_port,
            next: 0,
            requests: BTreeMap::new(),
            owed: BTreeSet::new(),
            unsent: BTreeSet::new(),
            due: BTreeSet::new(),
            failures: VecDeque::new(),
        }
    }

    /// Takes in a request; [`poll_transmit`](Self::poll_transmit) gives it out to be sent.
    pub fn send(&mut self, to: SocketAddr, message: impl Into<Vec<u8>>) -> Result<RequestId, Full> {
        if self.is_full() {
            return Err(Full);
        }
        let id = RequestId(self.next);
        self.next += 1;
        let request = Request { server: to, message: message.into(), tries: 0, until: None };
        self.requests.insert(id, request);
        self.owed.insert((self.key(to), id));
        self.unsent.insert(id);
        Ok(id)
    }

    /// The next datagram to send, new or again.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Transmit<'_>> {
        let id = self.unsent.pop_first()?;
        let request = self.requests.get_mut(&id)?;
        request.tries += 1;
        let until = now.saturating_add(self.backoff.wait(request.tries, &mut self.jitter));
        request.until = Some(until);
        self.due.insert((until, id));
        Some(Transmit { id, to: request.server, message: &request.message, tries: request.tries })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.due.first().map(|&(until, _)| until)
    }

    /// The next request that failed.
    pub fn poll_failure(&mut self) -> Option<Failure> {
        self.failures.pop_front()
    }

    /// Queues what is due to be sent again, and fails what was sent often enough.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some(&(until, id)) = self.due.first()
            && until <= now
        {
            self.due.pop_first();
            let Some(request) = self.requests.get_mut(&id) else { continue };
            request.until = None;
            let tries = request.tries;
            if self.backoff.is_spent(tries) {
                self.fail(id, Reason::NoReply { tries });
            } else {
                self.unsent.insert(id);
            }
        }
    }

    /// Takes in that a datagram came, and says whose it is.
    pub fn handle_datagram(&mut self, from: SocketAddr) -> Heard {
        // First sends leave in the order of their numbers: where the oldest has not been sent, no
        // request to this address has, and nobody can answer it yet.
        let oldest = self.owed_by(from).next().filter(|id| self.was_sent(id));
        match oldest.and_then(|id| Some((id, self.remove(id)?))) {
            Some((id, request)) => Heard::Reply { id, server: request.server },
            None => Heard::Stranger,
        }
    }

    /// Takes in that this address, port included, refused what was sent to it. Fails all requests
    /// to it that were sent, and returns how many there were.
    pub fn handle_refused(&mut self, server: SocketAddr) -> usize {
        let server = canonical(server);
        let is_at = |id: &RequestId| canonical(self.requests[id].server) == server;
        let refused: Vec<RequestId> =
            self.owed_by(server).filter(|id| self.was_sent(id) && is_at(id)).collect();
        for &id in &refused {
            self.fail(id, Reason::Refused);
        }
        refused.len()
    }

    /// Forgets a request that cannot be sent. Returns whether it was under way.
    pub fn withdraw(&mut self, id: RequestId) -> bool {
        self.remove(id).is_some()
    }

    /// How many requests are under way.
    pub fn outstanding(&self) -> usize {
        self.requests.len()
    }

    /// Whether [`send`](Self::send) would refuse a request.
    pub fn is_full(&self) -> bool {
        self.requests.len() + self.failures.len() >= MAX_OUTSTANDING
    }

    /// By what a reply is matched to its request.
    fn key(&self, address: SocketAddr) -> SocketAddr {
        if self.from_any_port { host_key(address) } else { canonical(address) }
    }

    fn owed_by(&self, address: SocketAddr) -> impl Iterator<Item = RequestId> + '_ {
        let key = self.key(address);
        self.owed.range((key, RequestId(0))..=(key, RequestId(u64::MAX))).map(|&(_, id)| id)
    }

    fn was_sent(&self, id: &RequestId) -> bool {
        self.requests[id].tries > 0
    }

    fn fail(&mut self, id: RequestId, reason: Reason) {
        if let Some(Request { server, .. }) = self.remove(id) {
            self.failures.push_back(Failure { id, server, reason });
        }
    }

    fn remove(&mut self, id: RequestId) -> Option<Request> {
        let request = self.requests.remove(&id)?;
        self.owed.remove(&(self.key(request.server), id));
        match request.until {
            Some(until) => self.due.remove(&(until, id)),
            None => self.unsent.remove(&id),
        };
        Some(request)
    }
}

#[cfg(test)]
mod tests;
