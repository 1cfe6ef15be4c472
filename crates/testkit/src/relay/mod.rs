//! A bad network in the test's own process: a UDP relay that loses, doubles, swaps and delays.
//!
//! Clients send to [`Relay::address`]; the server sees each of them at an address of the relay's own,
//! so that replies find their way back to the right one. Everything stays on 127.0.0.1. A port that
//! nobody listens on looks like a server that is silent: the relay passes on no ICMP error.

mod courier;
mod faults;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::EVENT_DEADLINE;
use courier::{Parcel, deliver};
pub use faults::{Direction, Exact, Faults};

/// The most clients a relay keeps a socket and a thread for; datagrams of more are lost. No test
/// needs as many.
const MAX_CLIENTS: usize = 256;

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_535;

/// What a relay did to the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that came to the relay.
    pub received: usize,
    /// Of those, the ones that were passed on, each counted once.
    pub delivered: usize,
    /// Of those that came, the ones that were not passed on.
    pub lost: usize,
    /// Of those passed on, the ones that were sent twice.
    pub duplicated: usize,
    /// Of those passed on, the ones that a later one overtook.
    pub reordered: usize,
}

/// A relay at work; dropping it ends its threads.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    server: SocketAddr,
    faults: Faults,
    tally: Tally,
    stop: AtomicBool,
    clients: Mutex<Clients>,
}

/// The relay's socket for each client, and the threads that read them.
#[derive(Default)]
struct Clients {
    sockets: HashMap<SocketAddr, Arc<UdpSocket>>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay to a server on 127.0.0.1, on a port of the kernel's choice.
    #[track_caller]
    pub fn start(server: SocketAddr, faults: Faults) -> Self {
        let front = Arc::new(loopback_socket().expect("a socket for the relay"));
        let address = front.local_addr().expect("the relay's address");
        let shared = Arc::new(Shared {
            server,
            faults,
            tally: Tally::default(),
            stop: AtomicBool::new(false),
            clients: Mutex::default(),
        });
        let (sender, receiver) = channel();
        let courier = thread::spawn({
            let shared = Arc::clone(&shared);
            move || deliver(&receiver, &shared.tally)
        });
        let requests = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.relay_requests(&front, &sender)
        });
        Self { address, shared, threads: vec![requests, courier] }
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happened so far to the datagrams that go this way.
    pub fn counts(&self, direction: Direction) -> Counts {
        *self.shared.tally.lock(direction)
    }

    /// Waits until the counts of a direction are as wanted, and returns them; panics with the counts
    /// when the deadline passes.
    #[track_caller]
    pub fn wait_for(&self, direction: Direction, wanted: impl Fn(&Counts) -> bool) -> Counts {
        match self.shared.tally.wait_for(direction, wanted) {
            Ok(counts) => counts,
            Err(counts) => panic!("the relay's {direction:?} counts stayed at {counts:?}"),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let Ok(bell) = loopback_socket() else { return };
        let wake = |address| bell.send_to(b"", address);
        let _ = wake(self.address);
        let clients = std::mem::take(&mut *self.shared.clients());
        for socket in clients.sockets.values() {
            let _ = socket.local_addr().and_then(wake);
        }
        for thread in self.threads.drain(..).chain(clients.threads) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Reads what clients send until the relay stops.
    fn relay_requests(self: &Arc<Self>, front: &Arc<UdpSocket>, courier: &Sender<Parcel>) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while let Some((length, client)) = self.receive(front, &mut buffer) {
            let socket = self.socket_for(client, front, courier);
            let lane = (Direction::Request, client);
            self.relay(&buffer[..length], socket, self.server, lane, courier);
        }
    }

    /// Reads what the server answers one client until the relay stops.
    fn relay_replies(
        &self,
        own: &UdpSocket,
        front: &Arc<UdpSocket>,
        client: SocketAddr,
        courier: &Sender<Parcel>,
    ) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while let Some((length, from)) = self.receive(own, &mut buffer) {
            if from == self.server {
                let lane = (Direction::Reply, client);
                self.relay(&buffer[..length], Some(Arc::clone(front)), client, lane, courier);
            }
        }
    }

    /// The next datagram, or nothing once the relay stops. The bell's datagram wakes a reader up.
    fn receive(&self, socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            let received = socket.recv_from(buffer);
            if self.stop.load(Ordering::Acquire) {
                return None;
            }
            if let Ok(received) = received {
                return Some(received);
            }
        }
    }

    /// The relay's own socket for a client, with a thread that reads it; nothing beyond the cap.
    fn socket_for(
        self: &Arc<Self>,
        client: SocketAddr,
        front: &Arc<UdpSocket>,
        courier: &Sender<Parcel>,
    ) -> Option<Arc<UdpSocket>> {
        let mut clients = self.clients();
        if let Some(socket) = clients.sockets.get(&client) {
            return Some(Arc::clone(socket));
        }
        // Once the relay stops, `Drop` may have looked already and would never join a new thread.
        if clients.sockets.len() >= MAX_CLIENTS || self.stop.load(Ordering::Acquire) {
            return None;
        }
        let own = Arc::new(loopback_socket().ok()?);
        clients.sockets.insert(client, Arc::clone(&own));
        let (shared, front, courier) = (Arc::clone(self), Arc::clone(front), courier.clone());
        let socket = Arc::clone(&own);
        let reader = move || shared.relay_replies(&socket, &front, client, &courier);
        clients.threads.push(thread::spawn(reader));
        Some(own)
    }

    /// Gives a datagram to the courier, or loses it.
    fn relay(
        &self,
        bytes: &[u8],
        socket: Option<Arc<UdpSocket>>,
        to: SocketAddr,
        lane: (Direction, SocketAddr),
        courier: &Sender<Parcel>,
    ) {
        let number = self.tally.add(lane.0, |counts| counts.received += 1).received - 1;
        let fate = self.faults.fate(lane.0, number);
        match socket {
            Some(socket) if !fate.lost => {
                let _ = courier.send(Parcel { socket, to, bytes: bytes.to_vec(), fate, lane });
            }
            _ => _ = self.tally.add(lane.0, |counts| counts.lost += 1),
        }
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counts of both directions, which a test can wait on.
#[derive(Default)]
struct Tally {
    requests: (Mutex<Counts>, Condvar),
    replies: (Mutex<Counts>, Condvar),
}

impl Tally {
    fn of(&self, direction: Direction) -> &(Mutex<Counts>, Condvar) {
        match direction {
            Direction::Request => &self.requests,
            Direction::Reply => &self.replies,
        }
    }

    fn lock(&self, direction: Direction) -> MutexGuard<'_, Counts> {
        self.of(direction).0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the counts, wakes who waits for them, and returns them as they are then.
    fn add(&self, direction: Direction, change: impl FnOnce(&mut Counts)) -> Counts {
        let mut counts = self.lock(direction);
        change(&mut counts);
        self.of(direction).1.notify_all();
        *counts
    }

    /// The counts once they are as wanted, or as they stood when the deadline passed.
    fn wait_for(
        &self,
        direction: Direction,
        wanted: impl Fn(&Counts) -> bool,
    ) -> Result<Counts, Counts> {
        let deadline = Instant::now() + EVENT_DEADLINE;
        let mut counts = self.lock(direction);
        while !wanted(&counts) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Err(*counts);
            }
            let waited = self.of(direction).1.wait_timeout(counts, left);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(*counts)
    }
}

fn loopback_socket() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

#[cfg(test)]
mod tests;
