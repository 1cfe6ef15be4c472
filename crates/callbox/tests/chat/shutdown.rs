//! The end of a server: everybody is told, and it ends in time whoever does not listen.

use callbox_testkit::{EVENT_DEADLINE, Signal, python};

use crate::tls::tls_client;
use crate::{Irc, start};

#[test]
fn at_a_signal_everybody_is_told() {
    for signal in [Signal::TERM, Signal::INT] {
        let (server, address) = start(&["--tls"]);
        let mut alice = Irc::in_lobby(address, "alice");
        let mut guest = Irc::connect(address);
        guest.send_bytes("hello\n");
        guest.expect("* you are ");
        let mut secure = tls_client(address, &[]);
        secure.write("NICK bob\r\nUSER bob 0 * :bob\r\n");
        secure.wait_for_stdout(" 376 ");
        server.signal(signal);
        assert!(alice.expect_end().last().is_some_and(|line| line.starts_with("ERROR ")));
        let last = guest.expect_end();
        assert!(
            last.iter().any(|line| line.contains("the server closed the connection")),
            "{last:?}"
        );
        secure.wait_for_stdout("ERROR ");
        server.wait().expect_code(0);
    }
}

#[test]
fn a_guest_of_the_door_for_datagrams_is_told_too() {
    let (server, address) = start(&[]);
    let script = "
import sys
from socket import *
client = socket(AF_INET, SOCK_DGRAM)
client.settimeout(20)
client.connect(('127.0.0.1', int(sys.argv[1])))
client.send(b'hello')
print(client.recv(2048).decode())
print(client.recv(2048).decode())
";
    let mut guest = python(script).arg(address.port().to_string()).spawn();
    guest.wait_for_stdout(": hello");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
    guest.wait().expect_code(0).stdout_contains("* the server closed the connection");
}

#[test]
fn who_does_not_read_does_not_hold_up_the_end() {
    let (server, address) = start(&["--no-flood-control"]);
    let mut deaf = Irc::in_lobby(address, "deaf");
    let mut alice = Irc::in_lobby(address, "alice");
    let text = "x".repeat(400);
    // More than the sockets' buffers take, and less than the server's.
    for _ in 0..2_000 {
        alice.say(&text);
    }
    alice.so_far();
    server.signal(Signal::TERM);
    server.wait_within(EVENT_DEADLINE / 2).expect_code(0);
    deaf.expect_end();
}

#[test]
fn the_second_signal_waits_for_nobody() {
    let (server, address) = start(&[]);
    // Both stay connected, and the server would wait for them a while.
    let _deaf = Irc::in_lobby(address, "deaf");
    let mut alice = Irc::in_lobby(address, "alice");
    server.signal(Signal::TERM);
    alice.expect_end();
    server.signal(Signal::TERM);
    server.wait().expect_code(130);
}
