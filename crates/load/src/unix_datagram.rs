//! A load on a server of datagrams at a Unix socket.
//!
//! Such a socket keeps every datagram that it took, and takes no more while its queue is full: what cannot be sent waits,
//! as it does before a stream that is not read. One call moves one datagram.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::payload::Payload;
use callbox_measure::plan::Shape;
use callbox_measure::report::Buffers;
use callbox_net::datagram::is_out_of_buffers;
use callbox_net::limits;
use callbox_net::poller::Event;
use callbox_net::trace::Trace;
use callbox_net::unix_datagram::{MAX_PAYLOAD, UnixDatagramSocket};

use crate::clock::Clock;
use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::overdue;
use crate::pacing::Pacing;
use crate::pause::Pause;
use crate::plan::Plan;
use crate::record::{LOOKS_EVERY, Record};
use crate::wait::Waiter;
use crate::worker::Worker;

/// A load on a server of datagrams at a Unix socket: each connection is a socket with a name of its own, so that the
/// server can answer it.
///
/// When the server's socket is gone, that is counted as a refusal, and it is looked for again after a pause that grows.
/// When a thread has found none for `lost_after`, its run fails.
#[derive(Clone, Debug)]
pub struct UnixDatagramLoad {
    /// Where the requests go.
    pub path: PathBuf,
    /// What is sent, and which replies are right: made by [`Payload::datagrams`].
    pub payload: Arc<Payload>,
    /// What the run is to do.
    pub plan: Plan,
}

impl UnixDatagramLoad {
    /// Runs the load, until its time is over or it is stopped by `control`.
    ///
    /// # Errors
    ///
    /// What kept the sockets from being opened or the threads from starting. What fails later is told in the outcome.
    pub fn run(&self, control: &Control) -> Result<Outcome, LoadError> {
        limits::raise_open_files();
        crew::run(&self.plan, control, |index| UnixDatagramWorker::prepare(self, index))
    }
}

/// One thread's sockets.
struct UnixDatagramWorker {
    path: PathBuf,
    connections: Vec<Connection>,
    /// The connection whose turn it is to send, in an open loop.
    next: usize,
    /// Since when the server's socket is gone for all of them.
    none_since: Option<Nanos>,
    buffers: Option<Buffers>,
    shared: Shared,
    events: Vec<Event>,
}

/// What all connections of a thread share.
struct Shared {
    waiter: Waiter,
    buffer: Box<[u8]>,
    lost_after: Nanos,
    /// When something is to be done at the latest that no event tells of.
    check_at: Nanos,
}

struct Connection {
    socket: UnixDatagramSocket,
    token: u64,
    lane: Lane,
    /// The server's queue is full.
    is_blocked: bool,
    /// The server's socket is gone.
    is_gone: bool,
    pause: Pause,
}

/// How many replies are taken from one socket before others have their turn.
const AT_ONCE: usize = 64;

impl UnixDatagramWorker {
    fn prepare(load: &UnixDatagramLoad, index: usize) -> Result<Self, LoadError> {
        let UnixDatagramLoad { path, payload, plan } = load;
        let mut waiter = Waiter::new()?;
        if matches!(plan.shape, Shape::Closed { .. }) {
            waiter.be_eager();
        }
        let mut shared = Shared {
            waiter,
            buffer: vec![0; MAX_PAYLOAD + 1].into(),
            lost_after: plan.lost_after,
            check_at: 0,
        };
        let mut connections = Vec::new();
        for (token, number) in (0..).zip(plan.connections_of(index)) {
            let connected = UnixDatagramSocket::connect(path, &Trace::off());
            let socket = connected.map_err(LoadError::Connect)?;
            shared.waiter.set(socket.as_fd(), token, true, false)?;
            // There are at most as many connections as numbers of lanes.
            let lane = Lane::new(payload.clone(), number as u16, plan.shape.limit(plan.lost_after));
            let pause = Pause::default();
            let (is_blocked, is_gone) = (false, false);
            connections.push(Connection { socket, token, lane, is_blocked, is_gone, pause });
        }
        let mut buffers = None;
        if let Some(asked) = plan.buffers {
            for Connection { socket, .. } in &connections {
                let set = socket.set_buffers(asked);
                let (send, receive) = set.map_err(LoadError::system("cannot set buffers"))?;
                let (asked, send, receive) = (asked as u64, send as u64, receive as u64);
                buffers = Some(Buffers { asked, send, receive });
            }
        }
        let (next, none_since, events) = (0, None, Vec::new());
        Ok(Self { path: path.clone(), connections, next, none_since, buffers, shared, events })
    }

    /// Sends what is due, over one connection after the other. Gives until when at the latest to wait for room, if there
    /// was not enough.
    fn send_due(
        &mut self,
        now: Nanos,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<Option<Nanos>, LoadError> {
        let Self { connections, shared, next, .. } = self;
        let mut due = pacing.due(now);
        while due > 0 {
            let before = due;
            for _ in 0..connections.len() {
                let index = *next;
                *next = (index + 1) % connections.len();
                due -= connections[index].fill(now, 1, shared, pacing, record)?;
                if due == 0 {
                    return Ok(None);
                }
            }
            if due == before {
                return Ok(overdue::lose(pacing, record, shared.lost_after, now));
            }
        }
        Ok(None)
    }

    /// Looks for what no event tells of: requests that wait too long, a server that is there again.
    fn check(
        &mut self,
        now: Nanos,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let Self { path, connections, shared, none_since, buffers, .. } = self;
        if let Some(buffers) = buffers.take() {
            record.buffers(buffers);
        }
        shared.check_at = now.saturating_add((shared.lost_after / 8).clamp(1_000_000, 100_000_000));
        let mut some = false;
        for connection in connections {
            connection.lane.ledger_mut().expire(now, shared.lost_after);
            if connection.is_gone && !pacing.is_over() {
                connection.look_for(path, now, shared, record)?;
            }
            if !pacing.is_open() {
                connection.fill(now, u64::MAX, shared, pacing, record)?;
            }
            some |= !connection.is_gone;
        }
        if some || pacing.is_over() {
            *none_since = None;
        } else if now.saturating_sub(*none_since.get_or_insert(now)) >= shared.lost_after {
            return Err(LoadError::NoneLeft);
        }
        Ok(())
    }
}

impl Connection {
    /// Sends as many requests as there is room for and may be sent, `most` at most, and says how many.
    fn fill(
        &mut self,
        now: Nanos,
        most: u64,
        shared: &mut Shared,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<u64, LoadError> {
        let mut count = 0;
        while count < most
            && self.lane.ledger().room() > 0
            && !self.is_blocked
            && !self.is_gone
            && pacing.due(now) > 0
        {
            let length = self.lane.write(0, &mut shared.buffer);
            match self.socket.send(&shared.buffer[..length], Some(Duration::ZERO)) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.is_blocked = true;
                    shared.waiter.set(self.socket.as_fd(), self.token, true, true)?;
                    break;
                }
                sent => {
                    let Some(intended) = pacing.take(now) else { break };
                    count += 1;
                    record.slip(intended, now);
                    self.sent(sent, intended, now, shared, record)?;
                }
            }
        }
        Ok(count)
    }

    fn sent(
        &mut self,
        sent: io::Result<usize>,
        intended: Nanos,
        now: Nanos,
        shared: &mut Shared,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        match sent {
            Ok(length) => {
                self.lane.sent(intended, now);
                record.sent(length);
                Ok(())
            }
            Err(error) if is_out_of_buffers(&error) => {
                self.lane.ledger_mut().not_sent();
                Ok(())
            }
            Err(error) if is_nobody(&error) => {
                // Neither this one nor those before it will be answered.
                self.lane.sent(intended, now);
                self.lane.ledger_mut().give_up_all();
                self.refused(now, shared, record);
                Ok(())
            }
            Err(source) => Err(LoadError::System { what: "cannot send a datagram", source }),
        }
    }

    fn refused(&mut self, now: Nanos, shared: &mut Shared, record: &mut Record) {
        if record.is_counting() {
            record.counts.refused += 1;
            record.error(now);
        }
        self.is_gone = true;
        self.pause.begin(now);
        shared.check_at = shared.check_at.min(self.pause.until());
    }

    /// Looks whether a server is at the path again. It is another socket than the one that was there.
    fn look_for(
        &mut self,
        path: &Path,
        now: Nanos,
        shared: &mut Shared,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        if now < self.pause.until() {
            shared.check_at = shared.check_at.min(self.pause.until());
            return Ok(());
        }
        match UnixDatagramSocket::connect(path, &Trace::off()) {
            Ok(socket) => {
                shared.waiter.remove(self.socket.as_fd());
                shared.waiter.set(socket.as_fd(), self.token, true, false)?;
                self.socket = socket;
                (self.is_gone, self.is_blocked) = (false, false);
                self.pause.end();
            }
            Err(_) => self.refused(now, shared, record),
        }
        Ok(())
    }

    fn handle(
        &mut self,
        event: &Event,
        clock: Clock,
        shared: &mut Shared,
        record: &mut Record,
    ) -> Result<Nanos, LoadError> {
        if event.writable && self.is_blocked {
            self.is_blocked = false;
            shared.waiter.set(self.socket.as_fd(), self.token, true, false)?;
        }
        let mut now = clock.now();
        // A reply that is late is so even if nobody has looked for it since its time was over.
        self.lane.ledger_mut().expire(now, shared.lost_after);
        for _ in 0..AT_ONCE {
            match self.socket.receive(&mut shared.buffer) {
                Ok(None) => break,
                Ok(Some(length)) => {
                    now = clock.now();
                    let answer = self.lane.handle_datagram(&shared.buffer[..length], now);
                    record.answer(answer, now);
                    if matches!(answer, Answer::First { .. }) {
                        record.counts.bytes_received += length as u64;
                    }
                }
                // The server's socket is gone; the next datagram that is sent finds out as well.
                Err(error) if is_nobody(&error) => {}
                Err(source) => {
                    return Err(LoadError::System { what: "cannot receive a datagram", source });
                }
            }
        }
        Ok(now)
    }
}

/// Whether there is no socket at the other end.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::NotFound
    )
}

impl Worker for UnixDatagramWorker {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let now = clock.now();
        if now >= self.shared.check_at {
            self.check(now, pacing, record)?;
        }
        let is_open = pacing.is_open();
        let mut until = until;
        if is_open && !pacing.is_over() {
            let room_until = self.send_due(now, pacing, record)?;
            let next = room_until.unwrap_or_else(|| pacing.next_moment());
            until = next.min(now.saturating_add(LOOKS_EVERY));
        }
        let mut events = std::mem::take(&mut self.events);
        self.shared.waiter.wait(clock, until.min(self.shared.check_at), &mut events)?;
        for event in &events {
            // Tokens are the places of connections.
            let connection = &mut self.connections[event.token as usize];
            let now = connection.handle(event, clock, &mut self.shared, record)?;
            if !is_open {
                connection.fill(now, u64::MAX, &mut self.shared, pacing, record)?;
            } else if now >= pacing.next_moment() {
                // However many replies there are, what comes due meanwhile is sent.
                self.send_due(now, pacing, record)?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn start_counting(&mut self) {
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().start_counting();
        }
    }

    fn stop_counting(&mut self) {
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().stop_counting();
        }
    }

    fn outstanding(&self) -> usize {
        self.connections.iter().map(|it| it.lane.ledger().outstanding()).sum()
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        for Connection { lane, .. } in &mut self.connections {
            record.settle(lane, stopped, 0);
        }
    }
}
