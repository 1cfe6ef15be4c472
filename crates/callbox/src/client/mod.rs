//! Clients: sockets around an exchange.

use std::hash::{BuildHasher, RandomState};
use std::process;

use callbox_net::address::HostPort;
use callbox_net::{resolve, signal};
use std::net::SocketAddr;

use crate::messages::{self, Exit, Failure, Reason};

pub mod input;
mod many;
pub mod stream;
pub mod udp;
pub mod unix;

/// All addresses of a server.
fn addresses(server: &HostPort, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    resolve::resolve(server, port).map_err(|e| messages::unknown_host(&server.host, &e))
}

/// A seed for jitter. The standard library's hasher is seeded by the system, and nothing here needs more.
fn seed() -> u64 {
    RandomState::new().hash_one(process::id())
}

/// SIGINT or SIGTERM ends a client at once, with a line that says so: it has nothing to finish that a user would want
/// to wait for.
fn end_on_signal() -> Result<(), Failure> {
    let end = || {
        messages::error("interrupted; what was not answered by now is lost");
        process::exit(Exit::Interrupted as i32);
    };
    signal::on_interrupt(end, || {})
        .map_err(|e| Failure::network(format!("cannot listen for signals: {}", Reason(&e))))
}
