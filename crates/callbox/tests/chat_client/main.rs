//! `callbox chat client`, end to end: what carries its lines, and the program as a user has it.
//!
//! | module | whose promises |
//! |---|---|
//! | `link` | a connection to the real server, over each of its doors |
//! | `udp` | lines as bare datagrams |
//! | `tool` | without a terminal: lines in, lines out |
//! | `receipts` | `--once`, with servers that acknowledge and servers that do not |
//! | `host` | `callbox chat`, which starts the chat where there is none |
//!
//! `talker` drives a link as the client's loop does; `peer` is the other side, as plain lines.

mod host;
mod link;
mod peer;
mod receipts;
mod talker;
mod tool;
mod udp;

use std::fmt::Display;
use std::net::SocketAddr;

use callbox_testkit::{Folder, Program, Running};

pub(crate) use talker::Talker;

/// `callbox chat`, to which a test adds the rest. It finds no settings and data but those of `home`.
fn chat(home: &Folder) -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_callbox")).arg("chat");
    let program = program.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.join(".config"));
    program.env("XDG_DATA_HOME", home.join(".local/share")).env("PYTHONUTF8", "1")
}

/// `callbox chat client` at `address`.
fn client(home: &Folder, address: impl Display) -> Program {
    chat(home)
        .arg("client")
        .arg(address.to_string())
        .env_remove("NO_COLOR")
        .env("LC_ALL", "C.UTF-8")
}

/// A server on a port of the kernel's choice, ready.
#[track_caller]
fn server(home: &Folder, args: &[&str]) -> (Running, SocketAddr) {
    let mut server = chat(home).args(["server", "-p", "0"]).args(args).spawn();
    let address = server.wait_until_listening();
    (server, address)
}
