//! One socket of a load over UDP, with what it has on its way.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use callbox_measure::lane::Lane;
use callbox_measure::ledger::Answer;
use callbox_measure::report::Buffers;
use callbox_net::datagram::DatagramSocket;
use callbox_net::datagram::flow::{BURST, Incoming, Leaving, Outgoing};
use callbox_net::trace::Trace;

use super::UdpLoad;
use crate::clock::Clock;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::record::Record;

/// A socket that is connected to the server.
pub(super) struct Connection {
    socket: DatagramSocket,
    pub(super) lane: Lane,
    buffers: Option<Buffers>,
    /// What the kernel's counter of lost replies stood at when counting began.
    lost_before: u32,
    /// The socket's buffer is full: nothing can be sent before it can be written to.
    pub(super) is_full: bool,
    /// How often in a row receiving has failed without a refusal that would explain it.
    failures: u32,
}

/// Memory that the sockets of a thread take turns with.
pub(super) struct Desk {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    /// Whether the server has ever sent anything.
    pub(super) was_answered: bool,
    /// How many refusals there were before counting began.
    pub(super) refused_before: u64,
}

/// Why a burst ended before all of it had left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// All of it has left.
    No,
    /// There was no room in the socket's buffer; it is to be waited for.
    Full,
    /// A queue on the way was full, and some of it is lost.
    Lost,
}

impl Connection {
    pub(super) fn open(load: &UdpLoad, number: usize) -> Result<Self, LoadError> {
        let UdpLoad { address, payload, plan, calls } = load;
        let opened = DatagramSocket::open(address, &Trace::off());
        let socket = opened.map_err(LoadError::system("cannot open a socket"))?;
        let given = plan.buffers.map(|bytes| socket.set_buffers(bytes)).transpose();
        let given =
            given.map_err(LoadError::system("cannot set the size of a socket's buffers"))?;
        let buffers = given.zip(plan.buffers).map(|(given, asked)| Buffers {
            asked: asked as u64,
            send: given.send as u64,
            receive: given.receive as u64,
        });
        if calls.gro {
            // Where there are no runs, datagrams come one by one.
            let _ = socket.accept_runs();
        }
        // Without it a datagram that the device's queue had no room for would pass for sent.
        let _ = socket.keep_errors();
        socket.connect(*address).map_err(LoadError::Connect)?;
        // There are at most as many connections as numbers of lanes.
        let lane = Lane::new(payload.clone(), number as u16, plan.shape.limit(plan.lost_after));
        Ok(Self { socket, lane, buffers, lost_before: 0, is_full: false, failures: 0 })
    }

    /// How many requests may be sent now.
    #[inline]
    pub(super) fn room(&self) -> usize {
        if self.is_full { 0 } else { self.lane.ledger().room() }
    }

    /// Sends `count` requests with as few calls as it takes: no more than there is room for, and no more than are due.
    pub(super) fn send(
        &mut self,
        count: usize,
        desk: &mut Desk,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<Stopped, LoadError> {
        let mut left = count;
        while left > 0 {
            desk.outgoing.clear();
            for ahead in 0..left.min(BURST) {
                desk.outgoing.push(|buffer| self.lane.write(ahead as u64, buffer));
            }
            left -= desk.outgoing.waiting();
            let stopped = self.send_burst(desk, clock, pacing, record)?;
            if stopped != Stopped::No {
                return Ok(stopped);
            }
        }
        Ok(Stopped::No)
    }

    fn send_burst(
        &mut self,
        desk: &mut Desk,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<Stopped, LoadError> {
        while desk.outgoing.waiting() > 0 {
            let sent_at = clock.now();
            let leaving = desk.outgoing.send(&self.socket);
            match leaving.map_err(LoadError::system("cannot send"))? {
                Leaving::Sent(count) => {
                    let mut bytes = 0;
                    for _ in 0..count {
                        let Some(intended) = pacing.take(sent_at) else { break };
                        let ledger = self.lane.ledger_mut();
                        let seq = ledger.next_seq();
                        ledger.sent(intended, sent_at);
                        bytes += self.lane.size(seq);
                        record.slip(intended, sent_at);
                    }
                    record.sent(bytes);
                }
                Leaving::Lost(count) => {
                    for _ in 0..count {
                        if pacing.take(sent_at).is_some() {
                            self.lane.ledger_mut().not_sent();
                        }
                    }
                    // What was written behind them bears numbers that are now those of others.
                    desk.outgoing.clear();
                    return Ok(Stopped::Lost);
                }
                Leaving::Full => {
                    self.is_full = true;
                    return Ok(Stopped::Full);
                }
                Leaving::Refused(error) => {
                    self.hear_refusals(Some(&error), desk, record);
                }
            }
        }
        Ok(Stopped::No)
    }

    /// Takes in what has come.
    pub(super) fn receive(
        &mut self,
        desk: &mut Desk,
        clock: Clock,
        record: &mut Record,
    ) -> Result<(), LoadError> {
        match desk.incoming.receive(&self.socket, BURST) {
            Ok(0) => {
                // It was woken for the sake of its errors.
                self.hear_refusals(None, desk, record);
                return Ok(());
            }
            Ok(_) => (self.failures, desk.was_answered) = (0, true),
            Err(source) => {
                let heard = self.hear_refusals(Some(&source), desk, record);
                self.failures = if heard > 0 { 0 } else { self.failures + 1 };
                return match self.failures {
                    0..MOST_FAILURES => Ok(()),
                    _ => Err(LoadError::System { what: "cannot receive", source }),
                };
            }
        }
        let now = clock.now();
        let mut bytes = 0;
        for datagram in desk.incoming.datagrams() {
            let answer = self.lane.handle_datagram(datagram, now);
            if matches!(answer, Answer::First { .. }) {
                bytes += datagram.len() as u64;
            }
            record.answer(answer, now);
        }
        record.counts.bytes_received += bytes;
        Ok(())
    }

    /// Counts what ICMP says about datagrams that were sent, and gives how often it spoke. `told` is what a call said of it:
    /// where nothing more is known than that, it counts for one.
    fn hear_refusals(
        &mut self,
        told: Option<&io::Error>,
        desk: &mut Desk,
        record: &mut Record,
    ) -> u64 {
        let mut heard = 0;
        while let Ok(Some(_)) = self.socket.next_refusal() {
            heard += 1;
        }
        if heard == 0 && told.is_some_and(|it| it.kind() == io::ErrorKind::ConnectionRefused) {
            heard = 1;
        }
        match record.has_begun() {
            true => record.counts.refused += heard,
            false => desk.refused_before += heard,
        }
        heard
    }

    pub(super) fn start_counting(&mut self) {
        self.lane.ledger_mut().start_counting();
        self.lost_before = self.socket.overflow().unwrap_or(0);
    }

    pub(super) fn finish(&mut self, stopped: bool, record: &mut Record) {
        let overflow = self.socket.overflow().unwrap_or(0).wrapping_sub(self.lost_before);
        record.settle(&mut self.lane, stopped, u64::from(overflow));
        if let Some(buffers) = self.buffers {
            record.buffers(buffers);
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How often in a row a socket may fail to receive and nobody says why: an error that stays would else be looked at for ever.
const MOST_FAILURES: u32 = 1000;
