//! The load generator: sockets, threads and a clock around the machines of `callbox-measure`.
//!
//! A load is a [`Plan`] and a place to send it to. Each thread has its share of the connections and one [`worker`], which
//! knows the transport; when what is sent, when counting begins and ends, and what is recorded are the same for all of
//! them and stand in one place.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`] | what a run is to do, and on how many threads |
//! | [`control`] | the handle to a run from outside: stop it, and how far it is |
//! | [`outcome`] | what a run came to |
//! | [`probe`] | asking a server what it answers, where nobody says so |
//! | [`worker`] | what a transport has to do, and the loop that every thread runs |
//! | [`pacing`] | which request may be sent now, and whether it counts |
//! | [`record`] | what a thread writes down |
//! | [`crew`] | the threads of a run, begun together and joined |
//! | [`watch`] | what a server on this machine uses meanwhile |
//! | [`clock`] | nanoseconds since the run began |
//! | [`wait`] | waiting for sockets until a moment |
//! | [`chat`] | a crowd of IRC clients |
//! | [`stream`] | a load on a server of streams |
//! | [`udp`] | a load on a UDP server |
//! | [`unix_datagram`] | a load on a server of datagrams at a Unix socket |
//! | [`machine`] | what the machine is that measures, and what disturbed it |
#![forbid(unsafe_code)]

pub mod chat;
pub mod clock;
pub mod control;
pub mod crew;
pub mod machine;
pub mod outcome;
mod overdue;
pub mod pacing;
mod pause;
pub mod plan;
pub mod probe;
pub mod record;
pub mod stream;
pub mod udp;
pub mod unix_datagram;
pub mod wait;
pub mod watch;
pub mod worker;

pub use control::Control;
pub use outcome::{LoadError, Outcome};
pub use plan::Plan;
