//! One thread's connections.

use std::io;
use std::time::Duration;

use callbox_measure::Nanos;
use callbox_measure::lane::Lane;
use callbox_measure::replies::Replies;
use callbox_measure::report::Counts;
use callbox_net::dial::{DialError, dial};
use callbox_net::stream::StreamSocket;
use callbox_net::trace::Trace;

use super::{StreamLoad, Target};
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::record::Record;
use crate::worker::Worker;

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thread's connections.
pub(super) struct StreamWorker<'a> {
    load: &'a StreamLoad,
    connections: Vec<Connection>,
    buffer: Box<[u8]>,
    counting: bool,
}

struct Connection {
    socket: Option<StreamSocket>,
    lane: Lane,
}

impl<'a> StreamWorker<'a> {
    pub(super) fn prepare(load: &'a StreamLoad, index: usize) -> Result<Self, LoadError> {
        let limit = load.plan.shape.limit(load.plan.lost_after);
        let mut connections = Vec::new();
        for number in load.plan.connections_of(index) {
            let socket = match load.connect_each {
                true => None,
                false => Some(connect(&load.target).map_err(LoadError::Connect)?),
            };
            // There are at most as many connections as numbers of lanes.
            let lane = Lane::new(load.payload.clone(), number as u16, limit);
            connections.push(Connection { socket, lane });
        }
        let buffer = vec![0; load.payload.largest().max(65_536)].into();
        Ok(Self { load, connections, buffer, counting: false })
    }

    /// One request and its reply, one after the other.
    fn exchange(
        &mut self,
        index: usize,
        intended: Nanos,
        clock: Clock,
        record: &mut Record,
    ) -> io::Result<()> {
        let Connection { socket, lane } = &mut self.connections[index];
        let stream = match socket.take() {
            Some(stream) => stream,
            None => {
                let begun = clock.now();
                let stream = connect(&self.load.target)?;
                if self.counting {
                    record.connected(clock.now() - begun);
                }
                stream
            }
        };
        let length = lane.write(0, &mut self.buffer);
        let patience = Some(Duration::from_nanos(self.load.plan.lost_after));
        stream.write_all(&self.buffer[..length], patience)?;
        let sent = clock.now();
        lane.sent(intended, sent);
        if self.counting {
            record.slip(intended, sent);
            record.counts.bytes_sent += length as u64;
        }
        let mut replies = Replies::new(self.load.framing, lane.ledger().next_seq() - 1);
        while lane.ledger().outstanding() > 0 {
            let length = stream.read(&mut self.buffer, patience)?;
            let now = clock.now();
            record.counts.bytes_received += length as u64;
            if length == 0 {
                if let Some(answer) = replies.handle_end(lane, now) {
                    record.answer(answer, now);
                }
                lane.ledger_mut().give_up_all();
                return Ok(());
            }
            replies.handle(lane, &self.buffer[..length], now, |answer| record.answer(answer, now));
        }
        if !self.load.connect_each {
            *socket = Some(stream);
        }
        Ok(())
    }
}

fn connect(target: &Target) -> io::Result<StreamSocket> {
    let (timeout, trace) = (PATIENCE, Trace::off());
    match target {
        Target::Unix(path) => StreamSocket::connect_unix(path, timeout, &trace),
        Target::Tcp(addresses) => dial(addresses, timeout, &trace).map_err(|error| match error {
            DialError::NoAddress => io::ErrorKind::AddrNotAvailable.into(),
            DialError::TimedOut(_) => io::ErrorKind::TimedOut.into(),
            DialError::Failed(mut failed) => {
                failed.pop().map_or_else(|| io::ErrorKind::Other.into(), |(_, error)| error)
            }
        }),
    }
}

impl Worker for StreamWorker<'_> {
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        for index in 0..self.connections.len() {
            let Some(intended) = pacing.take(clock.now()) else {
                std::thread::sleep(clock.until(until));
                return Ok(());
            };
            if self.exchange(index, intended, clock, record).is_err() {
                record.counts.broken += u64::from(self.counting);
                self.connections[index].lane.ledger_mut().give_up_all();
            }
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
