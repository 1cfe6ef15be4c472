//! The chat's page as people have it: in Chromium, at the real server, beside people who came by other doors.
//!
//! | module | whose promises |
//! |---|---|
//! | `talking` | coming in, speaking, being answered; replies, reactions, edits, deletions, typing |
//! | `reading` | history, what is unread, search |
//! | `losing` | a connection that is lost, and lines typed meanwhile |
//! | `accounts` | registering and signing in |
//! | `typing` | input methods, the keyboard alone |
//! | `showing` | languages, widths, day and night, pictures of each view |
//! | `access` | axe-core: nothing keeps anybody out |
//! | `hostile` | texts that try to be more than text |
//! | `doors` | the names of the host, and TLS |
//! | `speed` | the first start, and long rooms |
//! | `units` | the page's own unit tests |
//!
//! `visit` is a person at the page. Pictures are kept in `target/pictures`.

mod access;
mod accounts;
mod doors;
mod hostile;
#[path = "../chat/irc.rs"]
#[allow(dead_code, reason = "shared with the tests of the chat, which need more of it")]
mod irc;
mod losing;
mod reading;
mod showing;
mod speed;
mod talking;
mod typing;
mod units;
mod visit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use callbox_testkit::{Folder, Program, Running};

pub(crate) use irc::Irc;
pub(crate) use visit::Visit;

/// Where no file is: the settings and data of whoever runs the tests are none of theirs.
const NOWHERE: &str = "/nonexistent";

/// What tests of the page start with: a server whose patience with many lines is no subject here.
const EASY: &[&str] = &["--no-flood-control"];

/// A server on a port of the kernel's choice that keeps its things in a folder of its own.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
    pub(crate) folder: Folder,
}

impl Server {
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(EASY)
    }

    #[track_caller]
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let folder = Folder::new("web");
        let (running, address) = listen(folder.path(), 0, args);
        Self { running, address, folder }
    }

    /// Kills it, as when a machine loses its power.
    pub(crate) fn kill(self) -> Killed {
        let Self { running, address, folder } = self;
        drop(running);
        Killed { address, folder }
    }

    pub(crate) fn page(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// What is left of a server that was killed.
pub(crate) struct Killed {
    address: SocketAddr,
    folder: Folder,
}

impl Killed {
    /// Starts it again where it was.
    #[track_caller]
    pub(crate) fn start(self) -> Server {
        let Self { address, folder } = self;
        let (running, address) = listen(folder.path(), address.port(), EASY);
        Server { running, address, folder }
    }
}

#[track_caller]
fn listen(data: &Path, port: u16, args: &[&str]) -> (Running, SocketAddr) {
    let program = Program::new(env!("CARGO_BIN_EXE_callbox")).args(["chat", "server", "-p"]);
    let program = program.arg(port.to_string()).arg("--data").arg(data).args(args);
    let program = program.env("XDG_CONFIG_HOME", NOWHERE).env("XDG_DATA_HOME", NOWHERE);
    let mut server = program.env("HOME", NOWHERE).spawn();
    let address = server.wait_until_listening();
    (server, address)
}

/// The folder that is built into.
pub(crate) fn target() -> PathBuf {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Where pictures are kept.
pub(crate) fn pictures() -> PathBuf {
    target().join("pictures")
}
