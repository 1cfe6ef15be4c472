//! The client's half of an exchange, as state machines that do no I/O.
//!
//! A client sends a line and waits for the answer. What makes that hard is not the sending: replies
//! get lost, come late, come twice, come from somebody else, stop in the middle, or carry bytes
//! that would drive the terminal they are printed on. Each of those has one module here.
//!
//! | module        | what it decides                                                            |
//! |---------------|----------------------------------------------------------------------------|
//! | [`ask`]       | one line at a time over a connected datagram socket                        |
//! | [`many`]      | many requests to many servers over one unconnected datagram socket         |
//! | [`fixed`]     | a reply of a known length over a stream                                    |
//! | [`lines`]     | lines out of a stream of bytes, for replies and for input                  |
//! | [`addressed`] | the input line `HOST[:PORT] MESSAGE`                                       |
//! | [`backoff`]   | how long to wait before a request is sent again                            |
//! | [`host`]      | when two addresses are the same server                                     |
//! | [`quote`]     | how bytes from a peer are shown to a person                                |
//! | [`json`]      | text as JSON, for programs                                                 |
//!
//! # The calling contract
//!
//! The machines own no socket and read no clock. `now` is the time since any fixed moment that the
//! caller picks, and never goes back. Methods named `handle_*` take in what happened; methods named
//! `poll_*` (or `poll`) give out what to do. After any `handle_*`, poll until there is nothing more
//! to do, then sleep until the moment the machine named or until the socket has something to read.
//! Calling a `handle_*` that does not fit the moment is always safe: a timer that fires early and a
//! datagram that nobody waits for are ordinary events here. What is special to a machine stands on
//! its type.
#![forbid(unsafe_code)]

pub mod addressed;
pub mod ask;
pub mod backoff;
pub mod fixed;
pub mod host;
pub mod json;
pub mod lines;
pub mod many;
pub mod quote;

pub use addressed::{AddressedError, split_addressed};
pub use ask::{Action, Ask, Outcome};
pub use backoff::{Backoff, DEFAULT_TIMEOUT, DEFAULT_TRIES};
pub use fixed::{EndedEarly, FixedRead, TooLong};
pub use host::{canonical, same_host};
pub use json::Json;
pub use lines::{Line, Lines};
pub use many::{Failure, Full, Heard, Many, RequestId, Transmit};
pub use quote::{Bare, Quoted};
