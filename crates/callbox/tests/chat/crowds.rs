//! More connections and handshakes than there may be: who is refused, what it hears, and that a place is free again.

use std::time::Instant;

use callbox_testkit::EVENT_DEADLINE;

use crate::tls::tls_client;
use crate::{Folder, Irc, start_with};

#[test]
fn above_the_total_one_is_told_and_a_place_is_free_when_somebody_leaves() {
    let folder = Folder::new();
    let (mut server, address) = start_with(&folder, "[connections]\ntotal = 3\n");
    let mut alice = Irc::in_lobby(address, "alice");
    let bob = Irc::in_lobby(address, "bob");
    let _carol = Irc::in_lobby(address, "carol");
    for _ in 0..2 {
        let refused = Irc::connect(address).expect_end();
        assert_eq!(refused, ["ERROR :Closing link: the server is full"]);
    }
    server.wait_for_stderr("There are 3 connections, the most there may be");
    drop(bob);
    alice.expect(" QUIT ");
    // Its place is given back a moment after its room has heard of it.
    let start = Instant::now();
    let mut dave = loop {
        let mut dave = Irc::connect(address);
        dave.send_bytes("PING x\r\n");
        if dave.line().is_some_and(|line| !line.contains("full")) {
            break dave;
        }
        assert!(start.elapsed() < EVENT_DEADLINE, "the place of who left is not free");
    };
    dave.send("NICK dave\r\nUSER dave 0 * :dave\r\nJOIN #lobby");
    dave.expect(" 366 ");
    // It was told once.
    assert_eq!(server.stderr_so_far().matches("the most there may be").count(), 1);
}

#[test]
fn above_so_many_handshakes_one_is_closed_and_the_others_are_not_concerned() {
    let folder = Folder::new();
    let file = "[connections]\nhandshakes = 2\n[tls]\nenabled = true\n[server]\nthreads = 1\n";
    let (_server, address) = start_with(&folder, file);
    let mut alice = Irc::in_lobby(address, "alice");
    let half = || {
        let mut half = Irc::connect(address);
        half.send_bytes(b"\x16\x03\x01\x02\x00\x01");
        half
    };
    let (first, mut second) = (half(), half());
    // One thread reads in the order in which things came: both have begun.
    alice.so_far();
    assert_eq!(half().expect_end(), [""; 0], "nothing is said to who speaks no protocol yet");
    let finished = tls_client(address, &[]).wait();
    finished.expect(finished.code != Some(0), || "a failure".to_owned());
    // What is no handshake is served as ever.
    let mut bob = Irc::in_lobby(address, "bob");
    alice.say("as ever");
    bob.expect_end_of_line(":as ever");
    drop(first);
    alice.so_far();
    let mut secure = tls_client(address, &[]);
    secure.write("NICK carol\r\nUSER carol 0 * :carol\r\n");
    secure.wait_for_stdout(" 001 carol ");
    // Nor is the one that is still half done: it has its time.
    second.send_bytes(b"\x00");
    alice.so_far();
    // Whose handshake is over leaves its place to others, also while it stays.
    let mut another = tls_client(address, &[]);
    another.write("NICK dave\r\nUSER dave 0 * :dave\r\n");
    another.wait_for_stdout(" 001 dave ");
}

#[test]
fn without_the_exception_this_machine_has_no_more_connections_than_others() {
    let folder = Folder::new();
    let (_server, address) = start_with(&folder, "[connections]\nper-address = 2\nexempt = []\n");
    let _two = [Irc::in_lobby(address, "alice"), Irc::in_lobby(address, "bob")];
    let refused = Irc::connect(address).expect_end();
    assert_eq!(refused, ["ERROR :Closing link: too many connections from your address"]);
}

#[test]
fn who_says_nothing_takes_the_places_of_those_who_say_nothing_alone() {
    let folder = Folder::new();
    let file = "[connections]\nunopened = 2\nexempt = []\n[server]\nthreads = 1\n";
    let (_server, address) = start_with(&folder, file);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut silent = [Irc::connect(address), Irc::connect(address)];
    alice.so_far();
    assert_eq!(Irc::connect(address).expect_end(), ["ERROR :Closing link: the server is full"]);
    // Who is in has lost nothing, and who says something now is let in.
    alice.so_far();
    silent[0].send("NICK bob\r\nUSER bob 0 * :bob");
    silent[0].expect(" 001 bob ");
    Irc::in_lobby(address, "carol");
}
