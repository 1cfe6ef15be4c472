//! End-to-end tests of `callbox chat` with the clients that people have: irssi, WeeChat and catgirl from Debian's
//! packages, each at work on a terminal of its own, with a folder of its own and nothing but loopback to talk to.
//!
//! | module | what it is for |
//! |---|---|
//! | `irssi` | a person at irssi |
//! | `weechat` | a person at WeeChat |
//! | `catgirl` | a person at catgirl |
//! | `other` | the other person: plain IRC lines over a socket, to see what truly came to the server |

mod catgirl;
mod irssi;
mod other;
mod weechat;

use std::net::SocketAddr;
use std::path::Path;

use callbox_testkit::{Finished, Folder, Program, Running, Signal, Terminal};

/// Rows and columns of the clients' terminals: no line of these tests wraps, and none scrolls away.
const WINDOW: (u16, u16) = (60, 160);

fn callbox(args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(args)
}

/// A chat with its data in `data`, on a port of the kernel's choice, ready.
#[track_caller]
fn server(data: &Folder, args: &[&str]) -> (Running, SocketAddr) {
    let server = callbox(&["chat", "server", "-p", "0", "--data"]).arg(data.path());
    // A configuration file of whoever runs the tests is none of theirs.
    let mut running = server.args(args).env("XDG_CONFIG_HOME", data.path()).spawn();
    let address = running.wait_until_listening();
    (running, address)
}

#[track_caller]
fn stop(server: Running) -> Finished {
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0);
    finished
}

/// A chat client on a terminal. It sees no settings but those in `home`.
#[track_caller]
fn on_a_terminal(client: Program, home: &Path) -> Terminal {
    let client = client.env("HOME", home).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    let client = client.env_remove("XDG_CONFIG_HOME").env_remove("IRCNICK").env_remove("IRCSERVER");
    Terminal::spawn_sized(client, WINDOW.0, WINDOW.1)
}

/// Fails the test, with what to do, where a client is not installed.
#[track_caller]
fn needs(program: &str, package: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    assert!(
        installed,
        "{program} is not installed (Debian's package is {package}); `cargo xtask test` installs it"
    );
}
