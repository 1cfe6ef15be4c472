//! irssi: one person registers, joins, talks, leaves, and comes back to what was said.

use callbox_testkit::{Folder, Program, Terminal};

use crate::other::Other;
use crate::{needs, on_a_terminal, server, stop};

/// Starts irssi under `nick`, connected to nothing yet.
#[track_caller]
fn irssi(home: &Folder, nick: &str) -> Terminal {
    needs("irssi", "irssi");
    let program = Program::new("irssi").arg("--home").arg(home.path());
    // irssi without `--noconnect` goes to the networks of its example configuration that ask for it.
    let program = program.args(["--noconnect", "--nick", nick]);
    let mut irssi = on_a_terminal(program, home.path());
    irssi.wait_for_screen("[(status)]");
    // By itself irssi sends one command in 2.2 seconds after the first five.
    irssi.type_text("/set cmd_queue_speed 10msec\r");
    irssi.wait_for_screen("[flood]");
    irssi
}

#[track_caller]
fn connect(irssi: &mut Terminal, options: &str, port: u16) {
    irssi.type_text(&format!("/connect {options} 127.0.0.1 {port}\r"));
    // What the server says when somebody has come in (RPL_WELCOME).
    irssi.wait_for_screen("Welcome to the callbox network");
}

#[track_caller]
fn join(irssi: &mut Terminal) {
    irssi.type_text("/join #lobby\r");
    irssi.wait_for_screen("[Users #lobby]");
}

#[test]
fn irssi_joins_talks_leaves_and_comes_back_to_its_history() {
    let (data, home) = (Folder::new("chat"), Folder::new("irssi"));
    let (server, address) = server(&data, &[]);
    let mut bob = Other::joins(address, "bob");

    let mut sally = irssi(&home, "sally");
    connect(&mut sally, "", address.port());
    join(&mut sally);
    bob.hears(":sally!");
    sally.wait_for_screen("[#lobby]");
    sally.type_text("hello from irssi\r");
    assert!(bob.hears("hello from irssi").contains("PRIVMSG #lobby :"));
    sally.type_text("大家好,我是莎莉\r");
    assert!(bob.hears("大家好,我是莎莉").starts_with(":sally!"));
    bob.says("hello sally, 你好莎莉");
    sally.wait_for_screen("bob> hello sally, 你好莎莉");
    bob.send("PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
    sally.wait_for_screen("* bob waves");
    bob.send("PRIVMSG sally :for you alone, 只给你");
    sally.type_text("/query bob\r");
    sally.wait_for_screen("bob> for you alone, 只给你");
    sally.type_text("for you alone too\r/window goto #lobby\r");
    assert!(bob.hears("for you alone too").contains(" PRIVMSG bob :"));
    sally.wait_for_screen("* bob waves");

    // Out of the room and in again: what was said meanwhile, and before, is shown.
    sally.type_text("/part #lobby back soon\r");
    assert!(bob.hears("PART #lobby").ends_with(":back soon"));
    bob.says("said while she was out");
    join(&mut sally);
    sally.wait_for_screen("said while she was out");
    sally.wait_for_screen("大家好,我是莎莉");

    // And gone altogether: a new irssi knows nothing but what the server tells it.
    sally.type_text("/quit good night\r");
    assert!(bob.hears("QUIT").contains("good night"));
    sally.wait().expect_code(0);
    bob.says("said while she slept: 晚安");
    let mut sally = irssi(&home, "sally");
    connect(&mut sally, "", address.port());
    join(&mut sally);
    sally.wait_for_screen("hello from irssi");
    sally.wait_for_screen("hello sally, 你好莎莉");
    sally.wait_for_screen("said while she slept: 晚安");
    sally.type_text("/quit\r");
    sally.wait().expect_code(0);
    stop(server);
}

#[test]
fn irssi_talks_over_tls() {
    let (data, home) = (Folder::new("chat"), Folder::new("irssi"));
    let (server, address) = server(&data, &["--tls"]);
    let mut bob = Other::joins(address, "bob");
    let mut sally = irssi(&home, "sally");
    connect(&mut sally, "-tls -notls_verify", address.port());
    join(&mut sally);
    sally.type_text("nobody reads this on the way: 秘密\r");
    bob.hears("nobody reads this on the way: 秘密");
    bob.says("nor this: 悄悄话");
    sally.wait_for_screen("bob> nor this: 悄悄话");
    sally.type_text("/quit\r");
    sally.wait().expect_code(0);
    bob.hears("QUIT");
    stop(server);
}
