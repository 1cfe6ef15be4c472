//! What a batch asks of whoever answers its datagrams.

use std::net::{IpAddr, SocketAddr};

/// Who sent a datagram, and to which of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The sender, in its own family (no IPv4-mapped addresses).
    pub peer: SocketAddr,
    /// The address it was sent to, where the socket asks for it (it does on a wildcard address).
    pub local: Option<IpAddr>,
}

/// What is to be done with one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is not answered.
    None,
    /// The first so many bytes of it, as the responder left them, are the answer.
    InPlace(usize),
    /// The answer stands in the spill buffer that was handed over.
    Spilled,
}

/// Answers the datagrams of a batch. The methods are called in the order of arrival.
pub trait Responder {
    /// `count` datagrams from one sender come next: how many of them are to be looked at. The others are dropped.
    fn admit(&mut self, arrival: &Arrival, count: usize) -> usize;

    /// One datagram. An answer that does not fit in its place goes into `spill`, which is empty.
    fn respond(&mut self, arrival: &Arrival, datagram: &mut [u8], spill: &mut Vec<u8>) -> Reply;
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Datagrams that the kernel took.
    pub datagrams: u64,
    /// Datagrams that the kernel refused, for instance for want of buffers or of a route.
    pub refused: u64,
}
