//! Batches on systems without `recvmmsg` and `UDP_GRO`: one datagram each, behind the same face.

use std::io;
use std::net::SocketAddr;

use super::DatagramSocket;
use super::responder::{Arrival, Reply, Responder, Sent};

/// The longest datagram.
const SLOT: usize = 65_536;

/// Memory for one batch of datagrams and its answers. One a thread.
pub struct Batch {
    buffer: Box<[u8]>,
    arrival: Option<(SocketAddr, usize)>,
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
        self.arrival =
            socket.recv_from(&mut self.buffer, None)?.map(|(length, peer)| (peer, length));
        Ok(usize::from(self.arrival.is_some()))
    }

    /// Hands the datagram to `responder` and sends the answer.
    pub fn respond(&mut self, socket: &DatagramSocket, responder: &mut impl Responder) -> Sent {
        let mut sent = Sent::default();
        let Some((peer, length)) = self.arrival.take() else { return sent };
        let arrival = Arrival { peer, local: None };
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
        match socket.send_to(answer, peer) {
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
