//! Every socket of callbox, and its only unsafe code.
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | addresses as typed: `HOST:PORT`, and where a server listens |
//! | [`resolve`], [`interfaces`] | what those are on this machine |
//! | [`datagram`] | UDP sockets, and batches of datagrams for servers |
//! | [`unix_datagram`], [`unix`] | datagrams between processes, and the files that name Unix sockets |
//! | [`stream`] | the server of any number of connections, and a client's connection |
//! | [`dial`] | connecting to a name that has several addresses |
//! | [`attempt`], [`listening`], [`message`] | what a netcat speaks: streams and messages over IP, Unix and vsock sockets |
//! | [`peer`], [`lookup`] | addresses of whatever family, and names in the system's own words |
//! | [`poller`] | waiting for any number of descriptors, files among them |
//! | [`stdio`] | standard input and output without waiting |
//! | [`transfer`] | moving bytes between two descriptors inside the kernel |
//! | [`trace`] | every socket call as it happens |
//! | [`ready`], [`signal`] | waiting, being told to stop |
//! | [`limits`], [`usage`] | what the system lets us have, and what was used of it |
//!
//! Nothing here knows a protocol: machines that decide what is said live in crates that know no socket, and the crate
//! above both brings them together.

pub mod address;
pub mod attempt;
pub mod datagram;
pub mod dial;
mod eager;
mod error_queue;
pub mod interfaces;
pub mod limits;
pub mod listening;
pub mod lookup;
pub mod message;
pub mod peer;
pub mod poller;
pub mod ready;
pub mod resolve;
pub mod signal;
mod sockopt;
pub mod stdio;
pub mod stream;
pub mod trace;
pub mod transfer;
pub mod unix;
pub mod unix_datagram;
pub mod usage;
mod waking;

use std::mem::MaybeUninit;

/// Initialised memory, lent to a call that only ever writes into it.
fn uninit(buffer: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: u8 and MaybeUninit<u8> have the same layout, and socket2 promises not to write uninitialised bytes into
    // the buffers that it is given (documented on `Socket::recv`).
    unsafe { &mut *(std::ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) }
}
