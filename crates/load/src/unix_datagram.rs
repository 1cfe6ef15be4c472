//! A load on a server of datagrams at a Unix socket.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::payload::Payload;
use callbox_measure::report::Counts;
use callbox_net::poller::Event;
use callbox_net::trace::Trace;
use callbox_net::unix_datagram::UnixDatagramSocket;

use crate::clock::Clock;
use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::pacing::Pacing;
use crate::plan::Plan;
use crate::record::Record;
use crate::wait::Waiter;
use crate::worker::Worker;

/// A load on a server of datagrams at a Unix socket: each connection is a socket with a name of its own, so that the
/// server can answer it.
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
        crew::run(&self.plan, control, |index| UnixDatagramWorker::prepare(self, index))
    }
}

/// One thread's sockets.
struct UnixDatagramWorker {
    connections: Vec<Connection>,
    /// The connection whose turn it is to send.
    next: usize,
    waiter: Waiter,
    events: Vec<Event>,
    buffer: Box<[u8]>,
    lost_after: Nanos,
    counting: bool,
}

struct Connection {
    socket: UnixDatagramSocket,
    lane: Lane,
}

/// More than the longest datagram.
const LONGEST: usize = 65_536;

impl UnixDatagramWorker {
    fn prepare(load: &UnixDatagramLoad, index: usize) -> Result<Self, LoadError> {
        let UnixDatagramLoad { path, payload, plan } = load;
        let mut waiter = Waiter::new()?;
        let mut connections = Vec::new();
        for number in plan.connections_of(index) {
            let connected = UnixDatagramSocket::connect(path, &Trace::off());
            let socket = connected.map_err(LoadError::Connect)?;
            waiter.set(socket.as_fd(), connections.len() as u64, true, false)?;
            // There are at most as many connections as numbers of lanes.
            let lane = Lane::new(payload.clone(), number as u16, plan.shape.limit(plan.lost_after));
            connections.push(Connection { socket, lane });
        }
        Ok(Self {
            connections,
            next: 0,
            waiter,
            events: Vec::new(),
            buffer: vec![0; LONGEST].into(),
            lost_after: plan.lost_after,
            counting: false,
        })
    }

    fn send(
        &mut self,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let all = self.connections.len();
        let mut full = 0;
        while full < all {
            let index = self.next;
            self.next = (index + 1) % all;
            let Connection { socket, lane } = &mut self.connections[index];
            if lane.ledger().room() == 0 {
                full += 1;
                continue;
            }
            full = 0;
            let now = clock.now();
            let Some(intended) = pacing.take(now) else { break };
            let length = lane.write(0, &mut self.buffer);
            match socket.send(&self.buffer[..length], Some(Duration::from_nanos(self.lost_after))) {
                Ok(_) => {
                    lane.sent(intended, now);
                    if self.counting {
                        record.slip(intended, now);
                        record.counts.bytes_sent += length as u64;
                    }
                }
                Err(_) => lane.ledger_mut().not_sent(),
            }
        }
        Ok(())
    }

    fn receive(
        &mut self,
        index: usize,
        clock: Clock,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        let Connection { socket, lane } = &mut self.connections[index];
        loop {
            match socket.recv_from(&mut self.buffer, Some(Duration::ZERO)) {
                Ok(None) => return Ok(()),
                Ok(Some((length, _))) => {
                    let now = clock.now();
                    let answer = lane.handle_datagram(&self.buffer[..length], now);
                    record.answer(answer, now);
                    if matches!(answer, Answer::First { .. }) {
                        record.counts.bytes_received += length as u64;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    record.counts.refused += u64::from(self.counting);
                }
                Err(source) => return Err(LoadError::System { what: "cannot receive", source }),
            }
        }
    }
}

impl Worker for UnixDatagramWorker {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        self.send(clock, pacing, record)?;
        let mut events = std::mem::take(&mut self.events);
        self.waiter.wait(clock, until, &mut events)?;
        for event in &events {
            self.receive(event.token as usize, clock, record)?;
        }
        self.events = events;
        let now = clock.now();
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().expire(now, self.lost_after);
        }
        Ok(())
    }

    fn start_counting(&mut self) {
        self.counting = true;
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().start_counting();
        }
    }

    fn stop_counting(&mut self) {
        self.counting = false;
        for Connection { lane, .. } in &mut self.connections {
            lane.ledger_mut().stop_counting();
        }
    }

    fn outstanding(&self) -> usize {
        self.connections.iter().map(|it| it.lane.ledger().outstanding()).sum()
    }

    fn finish(&mut self, stopped: bool, record: &mut Record) {
        for Connection { lane, .. } in &mut self.connections {
            match stopped {
                true => lane.ledger_mut().withdraw_all(),
                false => {
                    lane.ledger_mut().give_up_all();
                }
            }
            record.counts.add(&Counts::of(lane.ledger().counts(), 0));
        }
    }
}
