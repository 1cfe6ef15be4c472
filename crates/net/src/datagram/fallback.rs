//! Batches on systems without `recvmmsg` and `UDP_GRO`: one datagram each, behind the same face.

use std::io;
use std::time::Duration;

use super::DatagramSocket;
use super::responder::{Arrival, Reply, Responder, Sent};

/// The longest datagram.
const SLOT: usize = 65_536;

/// Memory for one batch of datagrams and its answers. One a thread.
pub struct Batch {
    buffer: Box<[u8]>,
    arrival: Option<(Arrival, usize)>,
    spill: Vec<u8>,
}

impl Batch {
    /// A batch; there is no segmentation here.
    pub fn new(_segmentation: bool) -> Self {
        Self {
            buffer: vec![0; SLOT].into_boxed_slice(),
            arrival: None,
            spill: Vec::with_capacity(SLOT),
        }
    }

    /// Waits until a datagram is there. 0 means that the socket was woken.
    pub fn receive(&mut self, socket: &DatagramSocket) -> io::Result<usize> {
        self.receive_within(socket, None)
    }

    /// Takes the next datagram, without waiting. 0 means that none is there.
    pub fn receive_waiting(&mut self, socket: &DatagramSocket) -> io::Result<usize> {
        self.receive_within(socket, Some(Duration::ZERO))
    }

    /// The datagram, for whoever does not answer it in place.
    pub fn datagrams(&self, _: &DatagramSocket) -> impl Iterator<Item = (&Arrival, &[u8])> {
        self.arrival.iter().map(|(arrival, length)| (arrival, &self.buffer[..*length]))
    }

    fn receive_within(
        &mut self,
        socket: &DatagramSocket,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        self.arrival = None;
        let received = socket.recv_from(&mut self.buffer, timeout)?;
        self.arrival = received.map(|(length, peer)| (Arrival { peer, local: None }, length));
        Ok(usize::from(self.arrival.is_some()))
    }

    /// Hands the datagram to `responder` and sends the answer.
    pub fn respond(&mut self, socket: &DatagramSocket, responder: &mut impl Responder) -> Sent {
        let mut sent = Sent::default();
        let Some((arrival, length)) = self.arrival.take() else { return sent };
        if responder.admit(&arrival, 1) == 0 {
            return sent;
        }
        self.spill.clear();
        let answer = match responder.respond(&arrival, &mut self.buffer[..length], &mut self.spill)
        {
            Reply::None => return sent,
            Reply::InPlace(length) => &self.buffer[..length],
            Reply::Spilled => &self.spill[..],
        };
        match socket.send_to(answer, arrival.peer) {
            Ok(_) => sent.datagrams += 1,
            Err(_) => sent.refused += 1,
        }
        sent
    }

    /// Datagrams that were lost because the receive buffer was full; the system does not tell.
    pub const fn overflow(&self) -> u32 {
        0
    }
}
