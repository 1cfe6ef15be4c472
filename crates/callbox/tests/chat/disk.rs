//! A disk that is full: nothing is acknowledged that is not kept, and all goes on when there is room.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use callbox_testkit::{Running, Signal, Terminal, namespace};

use crate::{Folder, Irc, chat, ready};

/// The rest of a disk that a server keeps its things on.
struct Rest(PathBuf);

impl Rest {
    fn of(server: &Running, folder: &Path) -> Self {
        Self::below(&namespace::root_of(server), folder)
    }

    fn below(root: &Path, folder: &Path) -> Self {
        Self(root.join(folder.strip_prefix("/").expect("a whole path")).join("rest"))
    }

    /// Takes all that is left of the disk.
    #[track_caller]
    fn fill(&self) {
        let mut file = File::create(&self.0).expect("a file of ours");
        for block in [65_536, 4_096, 1] {
            while file.write_all(&vec![0; block]).is_ok() {}
        }
    }

    #[track_caller]
    fn free(&self) {
        fs::remove_file(&self.0).expect("a file of ours");
    }
}

/// Whether anything lies there to be read.
fn has_heard(irc: &mut Irc) -> bool {
    let stream = irc.stream();
    stream.set_nonblocking(true).expect("a socket of ours");
    let heard = stream.peek(&mut [0]).map_err(|error| error.kind());
    stream.set_nonblocking(false).expect("a socket of ours");
    heard != Err(ErrorKind::WouldBlock)
}

const CAPABILITIES: &str = "batch draft/chathistory server-time echo-message";

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_with_room_all_goes_on() {
    let folder = Folder::new();
    let server = chat().args(["server", "-p", "0", "--no-flood-control", "--data"]);
    let server = server.arg(folder.path());
    let (mut server, address) = ready(namespace::on_small_disk(server, folder.path(), "4m"));
    let rest = Rest::of(&server, folder.path());
    let mut alice = Irc::register_with(address, "alice", CAPABILITIES);
    alice.join("#lobby");
    let mut bob = Irc::register_with(address, "bob", "batch draft/chathistory");
    bob.join("#lobby");
    alice.expect(" JOIN ");
    alice.say("before");
    alice.expect_end_of_line(":before");
    bob.expect_end_of_line(":before");

    rest.fill();
    alice.say("meanwhile");
    // Others hear it; it is the receipt that waits.
    bob.expect_end_of_line(":meanwhile");
    server.wait_for_stderr("cannot write what is said: ");
    for n in 0..20 {
        alice.say(&format!("meanwhile {n}"));
        bob.expect_end_of_line(&format!(":meanwhile {n}"));
    }
    // History cannot be shown as it will be, and that is said.
    bob.send("CHATHISTORY LATEST #lobby * 10");
    bob.expect("FAIL CHATHISTORY MESSAGE_ERROR ");
    // Somebody who comes now is served as ever.
    let mut carol = Irc::register(address, "carol");
    carol.send("PRIVMSG bob :hello");
    bob.expect_end_of_line(":hello");
    assert!(!has_heard(&mut alice), "an echo of what is not kept: {:?}", alice.line());

    rest.free();
    alice.expect_end_of_line(":meanwhile");
    for n in 0..20 {
        alice.expect_end_of_line(&format!(":meanwhile {n}"));
    }
    server.wait_for_stderr("The store works again");
    bob.send("CHATHISTORY LATEST #lobby * 50");
    for text in ["before", "meanwhile", "meanwhile 0", "meanwhile 19"] {
        bob.expect_end_of_line(&format!(" PRIVMSG #lobby :{text}"));
    }
    assert_eq!(server.stderr_so_far().matches("cannot write what is said").count(), 1);

    // A server that ends before there is room acknowledges nothing of it, and says that it is lost.
    rest.fill();
    alice.say("never");
    server.wait_for_stderr("cannot write what is said: ");
    server.signal(Signal::TERM);
    alice.stream().set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
    let mut last = Vec::new();
    // It may end with a reset.
    let _ = alice.stream().read_to_end(&mut last);
    drop((alice, bob, carol));
    assert!(!String::from_utf8_lossy(&last).contains(":never"), "{last:?}");
    server.wait().expect_code(0).stderr_contains("what was said since then is lost");
}

#[test]
fn who_stands_at_the_prompt_is_told_at_the_end_that_words_are_lost() {
    let folder = Folder::new();
    let server = chat().args(["server", "-p", "0", "--talk", "--name", "host", "--data"]);
    let server = namespace::on_small_disk(server.arg(folder.path()), folder.path(), "4m");
    let mut terminal = Terminal::spawn(server);
    terminal.wait_for("* you are host in #lobby");
    let root = PathBuf::from(format!("/proc/{}/root", terminal.id()));
    Rest::below(&root, folder.path()).fill();
    terminal.type_text("never\r");
    terminal.wait_for("cannot write what is said: ");
    terminal.signal(Signal::TERM);
    terminal.wait_for("what was said since then is lost");
    terminal.wait().expect_code(0);
}

#[test]
fn a_server_does_not_start_where_it_cannot_keep_anything() {
    let folder = Folder::new();
    let server = chat().args(["server", "-p", "0", "--data"]).arg(folder.path());
    let finished = namespace::on_small_disk(server, folder.path(), "16k").run();
    finished.expect_code(2).stderr_lacks("Listening").stderr_contains("callbox: ");
    finished.stderr_contains(&folder.path().display().to_string());
}
