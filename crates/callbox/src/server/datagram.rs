//! One datagram on its way through a service: admitted by the guard, shown, answered in its place, released.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callbox_net::datagram::{Arrival, Reply, Responder};
use callbox_services::guard::{Guard, Release};
use callbox_services::{Answer, DatagramService, UnixTime};

use crate::log::Recorder;

/// Answers the datagrams of one thread. Nothing in it is shared, locked or allocated per datagram.
pub struct Answering {
    service: Box<dyn DatagramService>,
    guard: Guard,
    recorder: Recorder,
    start: Instant,
    now: Duration,
    wall: UnixTime,
}

impl Answering {
    /// For one serving thread.
    pub fn new(service: Box<dyn DatagramService>, guard: Guard, recorder: Recorder) -> Self {
        let (start, wall) = (Instant::now(), wall_clock());
        Self { service, guard, recorder, start, now: Duration::ZERO, wall }
    }

    /// A batch begins: the clocks are read once for all of it.
    pub fn begin(&mut self) {
        self.now = self.start.elapsed();
        self.wall = wall_clock();
    }

    /// A batch is done: the log hears what the guard refused, and how many datagrams the kernel has `lost` so far.
    pub fn end(&mut self, lost: u32) {
        self.recorder.end_of_batch();
        self.recorder.refused(self.guard.refused());
        self.recorder.lost(lost);
    }

    fn release(
        &mut self,
        peer: &SocketAddr,
        asked: usize,
        answer: &[u8],
        changed: bool,
    ) -> Option<usize> {
        match self.guard.release(self.now, *peer, asked, answer, changed) {
            Release::Yes => Some(answer.len()),
            Release::Cut(length) => Some(length),
            Release::No => None,
        }
    }
}

impl Responder for Answering {
    fn admit(&mut self, arrival: &Arrival, count: usize) -> usize {
        self.guard.admit(self.now, arrival.peer, count)
    }

    fn respond(&mut self, arrival: &Arrival, datagram: &mut [u8], spill: &mut Vec<u8>) -> Reply {
        self.recorder.datagram(self.now, &arrival.peer, datagram);
        let asked = datagram.len();
        match self.service.on_datagram(self.wall, datagram, spill) {
            Answer::Silence => Reply::None,
            Answer::InPlace { changed } => self
                .release(&arrival.peer, asked, datagram, changed)
                .map_or(Reply::None, Reply::InPlace),
            Answer::Written => match self.release(&arrival.peer, asked, spill, true) {
                Some(length) => {
                    spill.truncate(length);
                    Reply::Spilled
                }
                None => Reply::None,
            },
        }
    }
}

/// The time of day, for services that tell it.
pub fn wall_clock() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
