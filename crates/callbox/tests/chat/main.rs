//! `callbox chat`, end to end: the program as a user has it, and whoever comes to it over real sockets.
//!
//! | module | whose promises |
//! |---|---|
//! | `doors` | one port: IRC, bare text, the web, and all of them in one room |
//! | `tls` | the same inside TLS |
//! | `websocket` | IRC in WebSocket messages |
//! | `datagrams` | the door for datagrams, from this machine and from outside |
//! | `talk` | the person at the server's terminal |
//! | `settings` | flags, the file, and the file read again |
//! | `accounts` | accounts made at the command line, and ways to log in |
//! | `guessing` | wrong passwords, and accounts that one has to have |
//! | `passwords` | passwords typed at a terminal |
//! | `keeping` | what is kept, and what a sudden end leaves of it |
//! | `forgetting` | what is too old or too much |
//! | `disk` | a disk that is full |
//! | `limits` | those who talk too fast, read too little, or never finish |
//! | `crowds` | more connections and handshakes than there may be |
//! | `forged` | datagrams whose sender is somebody else |
//! | `shutdown` | the end |
//!
//! `irc` is a client, and `outside` a server that is not on loopback.

mod accounts;
mod crowds;
mod datagrams;
mod disk;
mod doors;
mod forged;
mod forgetting;
mod guessing;
mod irc;
mod keeping;
mod limits;
mod outside;
mod passwords;
mod settings;
mod shutdown;
mod talk;
mod tls;
mod websocket;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callbox_testkit::{Finished, Program, Running, python};

pub(crate) use irc::Irc;

/// Where no file is: the settings and data of whoever runs the tests are none of theirs.
const NOWHERE: &str = "/nonexistent";

/// `callbox chat`, to which a test adds the rest.
fn chat() -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_callbox")).arg("chat");
    let program = program.env("XDG_CONFIG_HOME", NOWHERE).env("XDG_DATA_HOME", NOWHERE);
    program.env("HOME", NOWHERE)
}

/// A server on a port of the kernel's choice that keeps nothing, ready.
#[track_caller]
fn start(args: &[&str]) -> (Running, SocketAddr) {
    ready(chat().args(["server", "-p", "0", "--ephemeral"]).args(args))
}

/// A server on a port of the kernel's choice that keeps its things in `data`, ready.
#[track_caller]
fn start_in(data: &Path, args: &[&str]) -> (Running, SocketAddr) {
    ready(chat().args(["server", "-p", "0", "--data"]).arg(data).args(args))
}

/// A server on a port of the kernel's choice with a configuration file, that keeps nothing, ready.
#[track_caller]
fn start_with(folder: &Folder, file: &str) -> (Running, SocketAddr) {
    let path = folder.write("chat.toml", file);
    ready(chat().args(["server", "-p", "0", "--ephemeral", "--config"]).arg(path))
}

#[track_caller]
fn ready(server: Program) -> (Running, SocketAddr) {
    let mut server = server.spawn();
    let address = server.wait_until_listening();
    (server, address)
}

/// A Python program with a beginning that its tests share; the server's address and port are its arguments.
fn client(beginning: &str, script: &str, address: SocketAddr) -> Program {
    let program = python(&format!("{beginning}{script}")).env("PYTHONUTF8", "1");
    program.arg(address.ip().to_string()).arg(address.port().to_string())
}

/// Runs such a program to a good end.
#[track_caller]
fn run(beginning: &str, script: &str, address: SocketAddr) -> Finished {
    let finished = client(beginning, script, address).run();
    finished.expect_code(0);
    finished
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-chat-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and gives its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file of ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The hash of a password, as the configuration file takes it.
fn hash_of(password: &str) -> String {
    let finished = chat().arg("password").run_with_input(format!("{password}\n"));
    finished.expect_code(0).stdout_text().trim().to_owned()
}
