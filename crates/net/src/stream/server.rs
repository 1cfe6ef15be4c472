//! Any number of connections on one thread.
//!
//! The server waits for the kernel to say which sockets are ready, gives every ready one a turn, and goes back to
//! waiting. Silent connections cost their memory and nothing else.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use super::accepted::is_out_of_resources;
use super::connection::{CloseReason, Connection, Endpoints, Protocol, Scratch, Step};
use super::listener::StreamListener;
use super::timers::Timers;
use crate::eager::Eager;
use crate::ready::readable;
use crate::trace::Trace;

/// How long a peer may go on sending after it has its answer.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How long connections may go on once the server was asked to stop.
const STOP_TIME: Duration = Duration::from_secs(3);

/// How soon a full server looks again whether it may accept.
const RETRY: Duration = Duration::from_millis(100);

/// How long there must have been none for trouble to be new.
const TROUBLE_OVER: Duration = Duration::from_secs(60);

/// Events taken from the kernel at a time.
const EVENTS: usize = 512;

/// Connections accepted before those that are open have their turn.
const ACCEPTS_PER_TURN: usize = 256;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Makes the protocol of each new connection, and hears what goes wrong.
pub trait Service {
    /// What is said on a connection.
    type Protocol: Protocol;

    /// A peer has connected.
    fn accept(&mut self, endpoints: Endpoints) -> Self::Protocol;

    /// Something the person who runs the server should know. Said once for each time it begins, not in a loop.
    fn trouble(&mut self, trouble: Trouble);
}

/// What keeps a server from accepting.
#[derive(Debug)]
pub enum Trouble {
    /// The cap on connections is reached.
    Full {
        /// The cap.
        connections: usize,
    },
    /// The system has no descriptor or memory left for another connection.
    OutOfResources(io::Error),
}

/// Caps that all workers of a server share.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at a time.
    pub connections: usize,
    /// How long nothing may happen on a connection.
    pub idle: Duration,
    open: Arc<AtomicUsize>,
    start: Instant,
    /// When a worker last had trouble, in milliseconds since the start; 0 for never.
    trouble: Arc<AtomicU64>,
}

impl Limits {
    /// At most `connections` at a time, each silent for `idle` at most.
    pub fn new(connections: usize, idle: Duration) -> Self {
        let (open, trouble) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        Self { connections, idle, open, start: Instant::now(), trouble }
    }

    /// Notes that there is trouble now, and tells whether it is new: that of a server that is full, and stays full while
    /// connections come and go, is one.
    fn is_new_trouble(&self) -> bool {
        let now = 1 + u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let last = self.trouble.swap(now, Ordering::Relaxed);
        last == 0 || now.saturating_sub(last) > TROUBLE_OVER.as_millis() as u64
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Asks a server to stop, from any thread.
#[derive(Clone)]
pub struct Stopper {
    waker: Arc<Waker>,
    asked: Arc<AtomicBool>,
}

impl Stopper {
    /// No connection is accepted any more, and those that are open have three seconds to finish.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }
}

/// A server on one thread.
pub struct Server<S: Service> {
    poll: Poll,
    listener: Option<StreamListener>,
    service: S,
    limits: Limits,
    stopper: Stopper,
    connections: Vec<Option<Connection<S::Protocol>>>,
    free: Vec<usize>,
    again: Vec<usize>,
    idle: Timers,
    draining: Timers,
    start: Instant,
    /// More connections may be waiting than were accepted.
    acceptable: bool,
    retry_at: Option<Duration>,
    eager: Eager,
    scratch: Scratch,
    trace: Trace,
}

impl<S: Service> Server<S> {
    /// A server for the connections that come to `listener`.
    pub fn new(listener: StreamListener, service: S, limits: Limits) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry().register(
            &mut SourceFd(&listener.as_raw_fd()),
            LISTENER,
            Interest::READABLE,
        )?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self {
            poll,
            trace: listener.trace().clone(),
            listener: Some(listener),
            service,
            idle: Timers::new(limits.idle),
            limits,
            stopper: Stopper { waker, asked: Arc::new(AtomicBool::new(false)) },
            connections: Vec::new(),
            free: Vec::new(),
            again: Vec::new(),
            draining: Timers::new(DRAIN_TIME),
            start: Instant::now(),
            acceptable: true,
            retry_at: None,
            eager: Eager::new(),
            scratch: Scratch::new(),
        })
    }

    /// A handle that ends [`Self::run`].
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is asked to stop.
    pub fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut stop_at = None;
        loop {
            let now = self.start.elapsed();
            if stop_at.is_none() && self.stopper.asked.load(Ordering::Acquire) {
                self.listener = None;
                stop_at = Some(now + STOP_TIME);
            }
            if let Some(at) = stop_at
                && (now >= at || self.free.len() == self.connections.len())
            {
                break;
            }
            self.wait(&mut events, self.patience(now, stop_at))?;
            let now = self.start.elapsed();
            for event in &events {
                match event.token() {
                    LISTENER => self.acceptable = true,
                    WAKER => {}
                    Token(key) => {
                        if let Some(Some(connection)) = self.connections.get_mut(key) {
                            let peer_closed = event.is_read_closed() || event.is_error();
                            connection.note_ready(
                                event.is_readable(),
                                peer_closed,
                                event.is_writable(),
                            );
                            if !connection.queued {
                                self.turn(key, now);
                            }
                        }
                    }
                }
            }
            for key in std::mem::take(&mut self.again) {
                if let Some(Some(connection)) = self.connections.get_mut(key) {
                    connection.queued = false;
                }
                self.turn(key, now);
            }
            self.accept(now);
            self.end_overdue(now);
        }
        for key in 0..self.connections.len() {
            // Who has had its answer lost nothing.
            let done = self.draining.holds(key);
            self.close(key, if done { CloseReason::Done } else { CloseReason::Stopped });
        }
        Ok(())
    }

    /// Waits for events, for as long as `patience` says.
    fn wait(&mut self, events: &mut Events, patience: Option<Duration>) -> io::Result<()> {
        if patience == Some(Duration::ZERO) {
            return poll(&mut self.poll, events, patience);
        }
        let look = |(waiter, events): &mut (&mut Poll, &mut Events)| {
            poll(waiter, events, Some(Duration::ZERO))?;
            Ok((!events.is_empty()).then_some(()))
        };
        let sleep =
            |(waiter, events): &mut (&mut Poll, &mut Events)| poll(waiter, events, patience);
        self.eager.wait(&mut (&mut self.poll, events), look, sleep)
    }

    /// How long there is nothing to do.
    fn patience(&self, now: Duration, stop_at: Option<Duration>) -> Option<Duration> {
        if !self.again.is_empty()
            || (self.acceptable && self.retry_at.is_none() && self.listener.is_some())
        {
            return Some(Duration::ZERO);
        }
        let next = [self.idle.next(), self.draining.next(), self.retry_at, stop_at]
            .into_iter()
            .flatten()
            .min();
        next.map(|at| at.saturating_sub(now))
    }

    fn accept(&mut self, now: Duration) {
        if self.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.retry_at = None;
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listener.as_ref().filter(|_| self.acceptable) else { return };
            if self.limits.open.fetch_add(1, Ordering::Relaxed) >= self.limits.connections {
                self.limits.open.fetch_sub(1, Ordering::Relaxed);
                // Full is no trouble as long as nobody waits.
                self.acceptable = readable(listener.as_fd(), Some(Duration::ZERO)).unwrap_or(true);
                if !self.acceptable {
                    return;
                }
                if self.close_oldest_draining() {
                    continue;
                }
                self.wait_to_accept(now, Trouble::Full { connections: self.limits.connections });
                return;
            }
            match listener.accept() {
                Ok((socket, endpoints)) => {
                    let protocol = self.service.accept(endpoints);
                    self.adopt(Connection::new(socket, protocol), now);
                }
                Err(error) => {
                    self.limits.open.fetch_sub(1, Ordering::Relaxed);
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.acceptable = false;
                    } else if is_out_of_resources(&error) {
                        self.wait_to_accept(now, Trouble::OutOfResources(error));
                        return;
                    }
                }
            }
        }
    }

    fn wait_to_accept(&mut self, now: Duration, trouble: Trouble) {
        self.retry_at = Some(now + RETRY);
        if self.limits.is_new_trouble() {
            self.service.trouble(trouble);
        }
    }

    fn adopt(&mut self, connection: Connection<S::Protocol>, now: Duration) {
        let key = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let fd = connection.socket.as_raw_fd();
        self.connections[key] = Some(connection);
        let registered =
            self.poll.registry().register(&mut SourceFd(&fd), Token(key), Interest::READABLE);
        if let Err(error) = registered {
            self.close(key, CloseReason::Lost(error));
            return;
        }
        self.idle.set(now, key);
        let Some(connection) = &mut self.connections[key] else { return };
        let step = connection.open(&mut self.scratch, &self.trace);
        self.follow(key, step, now);
    }

    fn turn(&mut self, key: usize, now: Duration) {
        let Some(Some(connection)) = self.connections.get_mut(key) else { return };
        self.idle.set(now, key);
        let step = connection.drive(&mut self.scratch, &self.trace);
        self.follow(key, step, now);
    }

    fn follow(&mut self, key: usize, step: Step, now: Duration) {
        let Some(connection) = &mut self.connections[key] else { return };
        match step {
            Step::Wait if connection.is_blocked() => {
                let interest = Interest::READABLE | Interest::WRITABLE;
                let fd = connection.socket.as_raw_fd();
                let _ = self.poll.registry().reregister(&mut SourceFd(&fd), Token(key), interest);
            }
            Step::Wait => {}
            Step::Again => {
                connection.queued = true;
                self.again.push(key);
            }
            Step::Drain => {
                self.draining.set(now, key);
                self.turn(key, now);
            }
            Step::Close(reason) => self.close(key, reason),
        }
    }

    fn end_overdue(&mut self, now: Duration) {
        while let Some(key) = self.draining.due(now) {
            self.close(key, CloseReason::Done);
        }
        while let Some(key) = self.idle.due(now) {
            self.close(key, CloseReason::Idle);
        }
    }

    /// Makes room for a peer that waits, at the cost of one that has had its answer and does not go. Tells whether there
    /// was one.
    fn close_oldest_draining(&mut self) -> bool {
        let oldest = self.draining.first();
        oldest.inspect(|&key| self.close(key, CloseReason::Done)).is_some()
    }

    fn close(&mut self, key: usize, reason: CloseReason) {
        self.idle.remove(key);
        self.draining.remove(key);
        if let Some(mut connection) = self.connections[key].take() {
            self.free.push(key);
            self.limits.open.fetch_sub(1, Ordering::Relaxed);
            self.retry_at = None;
            connection.protocol.on_close(reason);
        }
    }
}

fn poll(poll: &mut Poll, events: &mut Events, patience: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, patience) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
