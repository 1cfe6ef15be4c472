//! A link to the real server.

use callbox::chat::client::address::ChatAddress;
use callbox::chat::client::link::Target;
use callbox_layers::tls::{Fingerprint, Trust};
use callbox_testkit::{Folder, Running, Signal};

use crate::{Talker, server};

fn target(address: &str) -> Target {
    Target::new(address.parse::<ChatAddress>().expect("an address"))
}

/// The same, believing the server with this fingerprint.
fn pinned(address: &str, fingerprint: &str) -> Target {
    let mut target = target(address);
    target.tls.trust = Trust::Fingerprint(fingerprint.parse().expect("a fingerprint"));
    target
}

/// The fingerprint that the server printed.
fn fingerprint(server: &Running) -> String {
    let printed = server.stderr_so_far();
    let (_, rest) = printed.split_once("SHA-256 is ").expect("a fingerprint");
    rest.lines().next().expect("a line").to_owned()
}

#[track_caller]
fn talks(target: Target, name: &str) {
    let (mut talker, _) = Talker::connected(target);
    talker.say(&format!("NICK {name}\nUSER {name} 0 * :{name}\nJOIN #lobby\n"));
    talker.hear(" 366 ");
    talker.say("PING :你好\n");
    assert!(talker.hear(" PONG ").ends_with(":你好"));
    talker.link.close();
    assert!(talker.closed().is_closed());
}

#[test]
fn every_door_of_the_server_is_a_way_in() {
    let home = Folder::new("link");
    let (running, address) = server(&home, &["--ephemeral", "--tls"]);
    let fingerprint = fingerprint(&running);
    talks(target(&format!("irc://{address}")), "tcp");
    talks(target(&format!("ws://{address}")), "ws");
    talks(pinned(&format!("ircs://{address}"), &fingerprint), "tls");
    talks(pinned(&format!("wss://{address}"), &fingerprint), "wss");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_with_what_to_do() {
    let home = Folder::new("link");
    let (running, address) = server(&home, &["--ephemeral", "--tls"]);
    let fingerprint = fingerprint(&running);
    let reason = Talker::new(target(&format!("ircs://{address}"))).closed();
    let said = reason.to_string();
    assert!(said.contains("signed by nobody but itself"), "{said}");
    assert!(said.ends_with(&format!("--tls-fingerprint {fingerprint}")), "{said}");
    assert!(!reason.may_pass() && !reason.is_refused() && !reason.is_usage());
    let other = Fingerprint::of(b"another certificate").to_string();
    let said = Talker::new(pinned(&format!("ircs://{address}"), &other)).closed().to_string();
    assert!(said.contains(&fingerprint) && said.contains("in between"), "{said}");
}

#[test]
fn a_server_that_ends_takes_its_leave_and_may_come_again() {
    let home = Folder::new("link");
    let (running, address) = server(&home, &["--ephemeral"]);
    let (mut talker, _) = Talker::connected(target(&address.to_string()));
    talker.say("NICK alice\nUSER alice 0 * :alice\n");
    talker.hear(" 001 ");
    running.signal(Signal::TERM);
    running.wait().expect_code(0);
    let reason = talker.closed();
    assert!(reason.may_pass(), "{reason}");
    let reason = Talker::new(target(&address.to_string())).closed();
    assert!(reason.is_refused() && reason.may_pass());
    assert!(reason.to_string().contains(&format!("{address}: nobody listens")), "{reason}");
}
