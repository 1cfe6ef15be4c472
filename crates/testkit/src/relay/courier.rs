//! The thread of a relay that delivers: late, out of order, or at once.
//!
//! One thread sends everything, so that the order of what leaves is decided in one place.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Tally;
use super::faults::{Direction, Fate};

/// How long a datagram is held back for another to pass it. Without a limit the last datagram of an
/// exchange would wait for ever.
const HOLD_LIMIT: Duration = Duration::from_millis(20);

/// A datagram on its way.
pub(super) struct Parcel {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) fate: Fate,
    /// Which datagrams it can be overtaken by: those of the same client and direction.
    pub(super) lane: (Direction, SocketAddr),
}

/// Delivers what comes until every sender has gone.
pub(super) fn deliver(parcels: &Receiver<Parcel>, tally: &Tally) {
    let mut courier = Courier { tally, waiting: BinaryHeap::new(), held: HashMap::new(), count: 0 };
    loop {
        let next = match courier.next_due() {
            None => parcels.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => parcels.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(parcel) => courier.accept(parcel),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        courier.send_due(Instant::now());
    }
}

struct Courier<'a> {
    tally: &'a Tally,
    waiting: BinaryHeap<Reverse<Due>>,
    /// The one datagram of a lane that waits to be overtaken, and until when.
    held: HashMap<(Direction, SocketAddr), (Instant, Parcel)>,
    count: u64,
}

impl Courier<'_> {
    fn next_due(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse(due)| due.at);
        let held = self.held.values().map(|(until, _)| *until).min();
        waiting.into_iter().chain(held).min()
    }

    fn accept(&mut self, parcel: Parcel) {
        self.count += 1;
        let at = Instant::now() + parcel.fate.delay;
        self.waiting.push(Reverse(Due { at, number: self.count, parcel }));
    }

    fn send_due(&mut self, now: Instant) {
        while self.waiting.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = self.waiting.pop() else { return };
            self.pass(due.parcel, now);
        }
        let late: Vec<_> = self.held.extract_if(|_, (until, _)| *until <= now).collect();
        for (_, (_, parcel)) in late {
            self.send(&parcel);
        }
    }

    /// Sends a datagram and the one it overtakes, or holds it back.
    fn pass(&mut self, parcel: Parcel, now: Instant) {
        if parcel.fate.held && !self.held.contains_key(&parcel.lane) {
            self.held.insert(parcel.lane, (now + HOLD_LIMIT, parcel));
            return;
        }
        self.send(&parcel);
        if let Some((_, overtaken)) = self.held.remove(&parcel.lane) {
            self.send(&overtaken);
            self.tally.add(parcel.lane.0, |counts| counts.reordered += 1);
        }
    }

    fn send(&self, parcel: &Parcel) {
        for _ in 0..1 + usize::from(parcel.fate.duplicated) {
            // A failure is one more datagram lost; the relay is a bad network.
            let _ = parcel.socket.send_to(&parcel.bytes, parcel.to);
        }
        self.tally.add(parcel.lane.0, |counts| {
            counts.delivered += 1;
            counts.duplicated += usize::from(parcel.fate.duplicated);
        });
    }
}

/// A parcel and the time it is due; parcels due at the same time keep the order in which they came.
struct Due {
    at: Instant,
    number: u64,
    parcel: Parcel,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
