//! The client on a real terminal, tmux, with the real server and with servers of others.
//!
//! | module | whose promises |
//! |---|---|
//! | `rooms` | what stands on the screen while people talk |
//! | `lines` | what can be done with lines: history, search, answers, reactions, pastes |
//! | `terminal` | what the terminal itself goes through: sizes, colours, the shell and back |
//! | `networks` | the same with ngIRCd and InspIRCd as Debian has them |
//!
//! `tmux` is the terminal; `peer` is the other person, as plain IRC lines.

mod lines;
mod networks;
#[path = "../chat_client/peer.rs"]
#[allow(dead_code, reason = "the other tests that have it use the rest")]
mod peer;
mod rooms;
mod terminal;
mod tmux;

use std::fmt::Display;
use std::net::SocketAddr;

use callbox_testkit::{Folder, Program, Running};

use tmux::Tmux;

const CALLBOX: &str = env!("CARGO_BIN_EXE_callbox");

/// Columns and rows that show all three columns of the view.
const WIDE: (u16, u16) = (100, 24);

/// A chat server at `port`, or at one of the kernel's choice, ready. It says all at once.
#[track_caller]
fn server(home: &Folder, port: u16) -> (Running, SocketAddr) {
    let server = Program::new(CALLBOX).args(["chat", "server", "--no-flood-control", "-p"]);
    let server = server.arg(port.to_string()).arg("--data").arg(home.join("data"));
    let mut server = server.env("XDG_CONFIG_HOME", home.path()).spawn();
    let address = server.wait_until_listening();
    (server, address)
}

/// Somebody at the client, in `rooms`.
#[track_caller]
fn person(address: impl Display, name: &str, rooms: &str) -> Tmux {
    person_at(WIDE, &[], address, name, rooms)
}

#[track_caller]
fn person_at(
    size: (u16, u16),
    env: &[(&str, &str)],
    address: impl Display,
    name: &str,
    rooms: &str,
) -> Tmux {
    let address = address.to_string();
    let client = [CALLBOX, "chat", "client", &address, "--name", name, "--join", rooms];
    let tmux = Tmux::start(size, env, &client);
    tmux.shows("You can start the conversation");
    tmux
}
