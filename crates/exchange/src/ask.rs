//! One line at a time over a connected datagram socket.
//!
//! Plain text carries no request number, so a reply says nothing of which request it answers. Yet a
//! late reply, or a reply that the network doubled, must never be taken for the answer to the next
//! line. What tells them apart is the port they come to: the socket is exchanged for a fresh one
//! whenever a reply could still be on its way to the old one.

use crate::backoff::{Backoff, Jitter};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// How many replaced sockets the caller keeps open, unread, oldest closed first: a port that is
/// open is not given out again, so no late reply finds its way to a younger socket. The kernel
/// picks ports at random from some 28,000, so sixteen are for the caller that loses replies at a
/// high rate; one that loses none parks none.
pub const PARKED_SOCKETS: usize = 16;

/// After this many lines the socket is exchanged in any case, which bounds what is remembered of
/// it: two hashes of 8 bytes a line.
pub const MAX_LINES_A_SOCKET: usize = 1024;

/// What the caller is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Replace the socket by a fresh one, connected to the same server, and park the old one (see
    /// [`PARKED_SOCKETS`]). Then poll again.
    Renew,
    /// Send the request: the bytes that were given to [`Ask::ask`]. Then poll again.
    Send,
    /// Wait for a datagram until this moment.
    Wait(Duration),
    /// The exchange is over. The next poll gives `Idle`.
    Done(Outcome),
    /// Nothing is being asked.
    Idle,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer to this request and to no other.
    Reply(Vec<u8>),
    /// Nothing came, though the request was sent this often.
    NoReply {
        /// How often it was sent.
        tries: u32,
    },
    /// The server's host says that nobody listens on the port (ICMP port unreachable).
    Refused,
}

/// The client's half of a conversation in which each request gets one reply.
///
/// # Calling contract
///
/// The caller begins with a fresh connected socket, and for each line calls [`ask`](Self::ask) and
/// then [`poll`](Self::poll) in a loop, doing what it is told, until it is told `Done`. While told
/// to wait it calls
/// * [`handle_reply`](Self::handle_reply) with each datagram that comes from the server,
/// * [`handle_refused`](Self::handle_refused) when the socket says that the connection was refused,
///   on receiving or on sending,
/// * [`handle_timeout`](Self::handle_timeout) when the moment has come.
///
/// Any other failure of the socket ends the exchange on the caller's side; asking the next line is
/// allowed at any time and forgets the one before. Between lines the caller may leave the socket
/// unread, or hand what comes to `handle_reply` as well. A server that may answer from any of its
/// ports needs a socket that is not connected: then the caller drops what is not from its
/// [host](crate::host::same_host).
///
/// # When the socket is exchanged
///
/// Before a line is asked, if on the socket in hand
/// * a request was sent more than once, or was given up or refused: another reply may follow,
/// * something came that nobody waited for,
/// * the same request was asked before: its two replies could not be told apart,
/// * [`MAX_LINES_A_SOCKET`] were asked.
///
/// And while a line is asked, if what comes repeats an earlier reply byte for byte: that may be the
/// earlier one, doubled by the network. It is not accepted, and the line is asked once more from a
/// fresh socket, where nothing can be mistaken; that does not count as a try.
///
/// A path that doubles datagrams, and a server that says the same to different requests, will do it
/// again, so from the first sign of either each line has a socket of its own.
///
/// What this cannot see is a *request* doubled by the network and answered twice, differently: by a
/// clock or a counter. Where that matters, and where a socket a line is no cost to speak of (a
/// person typing), begin with [`one_socket_a_line`](Self::one_socket_a_line). It is not the default
/// because a script may ask thousands of lines a second, each of which would stay in the tables of
/// every address translator on the way for half a minute.
#[derive(Clone, Debug)]
pub struct Ask {
    backoff: Backoff,
    jitter: Jitter,
    one_socket_a_line: bool,
    socket: Socket,
    state: State,
}

/// What is known of the socket in hand.
#[derive(Clone, Debug, Default)]
struct Socket {
    /// Something may still come to it that answers no later line.
    stale: bool,
    /// Hashes of the requests that were sent from it.
    asked: BTreeSet<u64>,
    /// Hashes of the replies that were accepted from it.
    heard: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
enum State {
    Idle,
    Asking(Exchange),
    Settled(Outcome),
}

#[derive(Clone, Debug)]
struct Exchange {
    /// The request's hash; its bytes stay with the caller.
    request: u64,
    /// Which try this is, from 1.
    tries: u32,
    /// How often the request was sent from the socket in hand.
    sent_here: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Renew,
    Send,
    Wait(Duration),
}

impl Ask {
    /// A conversation that has not begun. `seed` decides the jitter of the waits and nothing else.
    pub fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            backoff,
            jitter: Jitter::new(seed),
            one_socket_a_line: false,
            socket: Socket::default(),
            state: State::Idle,
        }
    }

    /// The same, with a fresh socket for every line from the start.
    #[must_use]
    pub fn one_socket_a_line(mut self) -> Self {
        self.one_socket_a_line = true;
        self
    }

    /// Begins an exchange. The caller keeps the request's bytes for [`Action::Send`].
    pub fn ask(&mut self, request: &[u8]) {
        if matches!(self.state, State::Asking(_)) {
            self.socket.stale = true;
        }
        let request = hash(request);
        let renew = self.socket.stale
            || self.one_socket_a_line && !self.socket.asked.is_empty()
            || self.socket.asked.contains(&request)
            || self.socket.asked.len() >= MAX_LINES_A_SOCKET;
        let step = if renew { Step::Renew } else { Step::Send };
        self.state = State::Asking(Exchange { request, tries: 1, sent_here: 0, step });
    }

    /// What to do next. `Renew` and `Send` count as done once they are given out.
    pub fn poll(&mut self, now: Duration) -> Action {
        let State::Asking(exchange) = &mut self.state else {
            return match std::mem::replace(&mut self.state, State::Idle) {
                State::Settled(outcome) => Action::Done(outcome),
                _ => Action::Idle,
            };
        };
        match exchange.step {
            Step::Renew => {
                self.socket = Socket::default();
                exchange.sent_here = 0;
                exchange.step = Step::Send;
                Action::Renew
            }
            Step::Send => {
                self.socket.asked.insert(exchange.request);
                exchange.sent_here += 1;
                let wait = self.backoff.wait(exchange.tries, &mut self.jitter);
                exchange.step = Step::Wait(now.saturating_add(wait));
                Action::Send
            }
            Step::Wait(until) => Action::Wait(until),
        }
    }

    /// Takes in a datagram that came to the socket in hand.
    pub fn handle_reply(&mut self, reply: &[u8]) {
        let State::Asking(exchange) = &mut self.state else {
            return self.note_surplus();
        };
        if matches!(exchange.step, Step::Renew) {
            return;
        }
        if exchange.sent_here == 0 {
            exchange.step = Step::Renew;
            return self.note_surplus();
        }
        if !self.socket.heard.insert(hash(reply)) {
            self.one_socket_a_line = true;
            exchange.step = Step::Renew;
            return;
        }
        self.socket.stale |= exchange.sent_here > 1;
        self.state = State::Settled(Outcome::Reply(reply.to_vec()));
    }

    /// Sends again, or gives up, if the moment named by [`Action::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        let State::Asking(exchange) = &mut self.state else { return };
        let Step::Wait(until) = exchange.step else { return };
        if now < until {
            return;
        }
        if self.backoff.is_spent(exchange.tries) {
            let tries = exchange.tries;
            self.settle_in_doubt(Outcome::NoReply { tries });
        } else {
            exchange.tries += 1;
            exchange.step = Step::Send;
        }
    }

    /// Takes in that the server's host refused what was sent from the socket in hand.
    pub fn handle_refused(&mut self) {
        match &mut self.state {
            State::Asking(exchange) if exchange.sent_here > 0 => {
                self.settle_in_doubt(Outcome::Refused);
            }
            // It was an earlier line that was refused: this one is still to be sent.
            State::Asking(exchange) => exchange.step = Step::Renew,
            State::Idle | State::Settled(_) => self.socket.stale = true,
        }
    }

    /// A datagram that nobody waited for. If it cannot be the reply to a request that was sent
    /// again, then the path or the server doubles datagrams.
    fn note_surplus(&mut self) {
        self.one_socket_a_line |= !self.socket.stale;
        self.socket.stale = true;
    }

    fn settle_in_doubt(&mut self, outcome: Outcome) {
        self.socket.stale = true;
        self.state = State::Settled(outcome);
    }
}

/// A hash by which byte strings are told apart. A peer that finds two replies with one hash gets
/// itself asked once more, so the fixed key does no harm.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests;
