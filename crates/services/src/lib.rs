//! What a callbox server answers, and what it refuses to answer.
//!
//! Everything here is pure: a service is given bytes and gives bytes, the guard is given a peer and
//! a moment and gives a verdict. There is no socket, clock, thread or file in this crate, so every
//! promise is tested with a plain call.
//!
//! # The contract
//!
//! A [`DatagramService`] answers one datagram, in the buffer it came in where it can. A
//! [`StreamService`] serves one connection: it is told what came and appends what is to be sent.
//! The calling rules stand on the traits.
//!
//! # The table
//!
//! [`TABLE`] has one row a service: its name, RFC and transports, and what a server, a client and
//! the guard must know of it. Dispatch, help and `callbox services` are made from it. A datagram
//! service serves UDP and Unix datagrams, a stream service TCP and Unix streams.
//!
//! # The guard
//!
//! A [`Guard`] stands before and behind a datagram service. Before it, [`Guard::admit`] turns away
//! reserved source ports, the server's own addresses and addresses over the rate. Behind it,
//! [`Guard::release`] starves loops and bounds what a forged source address could be sent. Its
//! memory is allocated once.
//!
//! # To add a service
//!
//! 1. Write a file with a type that implements [`DatagramService`], [`StreamService`] or both, and
//!    name it below.
//! 2. Add its row to [`TABLE`]; the tests of the table say what a row must hold.
//! 3. Run the tests: those in `tests/loops.rs` set every service of the table on every other.

#![forbid(unsafe_code)]

pub mod chargen;
mod contract;
pub mod daytime;
pub mod discard;
pub mod echo;
pub mod greeting;
pub mod guard;
pub mod qotd;
mod table;
pub mod time;
pub mod upper;

pub use contract::{Answer, DatagramService, Flow, MAX_DATAGRAM, StreamService, UnixTime};
pub use greeting::{CLIENT_GREETING, FAREWELL, GREETING_LENGTH, Greeting};
pub use guard::{Guard, MaxRate, Policy, Reason, Refused, Release};
pub use table::{
    ClientShape, DEFAULT_DATAGRAM, DEFAULT_STREAM, ReplyKind, Service, TABLE, find, table_text,
};
