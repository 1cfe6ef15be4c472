//! `callbox udp`, end to end: the program as a user has it, between real sockets on loopback.
//!
//! | module | whose promises |
//! |---|---|
//! | `server` | what the server prints and answers, and where it listens |
//! | `guard` | whom it does not answer, and how often |
//! | `client` | one server, one line, one reply |
//! | `retries` | the same over a network that loses, doubles and delays |
//! | `many` | one socket and any number of servers |
//! | `terminal` | both with a person at the keyboard |
//! | `faults` | what users and systems do wrong |
//! | `python` | plain `socket` programs at the other end |

mod client;
mod faults;
mod groups;
mod guard;
mod many;
mod peers;
mod python;
mod retries;
mod server;
mod terminal;

use std::net::SocketAddr;

use callbox_testkit::{Program, Running};

/// `callbox udp`, to which a test adds the rest.
fn udp() -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).arg("udp")
}

/// A server on a port of the kernel's choice, ready.
#[track_caller]
fn start_server(args: &[&str]) -> (Running, SocketAddr) {
    let mut server = udp().args(["server", "-p", "0"]).args(args).spawn();
    let address = server.wait_until_listening();
    (server, address)
}

/// A client of one server.
fn client_of(server: SocketAddr) -> Program {
    udp().arg("client").arg(server.to_string())
}

/// A client that is given its servers line by line.
fn client_of_many() -> Program {
    udp().args(["client", "--many"])
}
