//! The client of many servers over one unconnected socket.

use crate::client::assigned;
use crate::peers::{Peer, nobody};
use crate::{client_of, client_of_many, start_server, udp};

#[test]
fn each_line_names_its_server_and_its_message() {
    let (_one, one) = start_server(&[]);
    let (_two, two) = start_server(&["--bind", "127.0.0.2"]);
    let mut client = client_of_many().args(["-p", &two.port().to_string()]).spawn();
    client.write_line(&format!("{one} hello there"));
    assert_eq!(
        client.wait_for_stdout("HELLO"),
        format!("The server {one} replied with 'HELLO THERE'")
    );
    client.write_line("127.0.0.2 the port is -p's");
    assert_eq!(
        client.wait_for_stdout("PORT"),
        format!(r"The server {two} replied with 'THE PORT IS -P\'S'")
    );
    client.write_line(&format!("{one} "));
    assert_eq!(client.wait_for_stdout("replied"), format!("The server {one} replied with ''"));
    let finished = client.wait();
    finished.expect_code(0);
    assigned(finished.stderr_text().trim_end());
}

#[test]
fn the_end_of_input_is_not_the_end_of_waiting() {
    let (_server, address) = start_server(&[]);
    let lines: String = (0..500).map(|n| format!("{address} line {n}\n")).collect();
    let finished = client_of_many().arg("-q").run_with_input(lines);
    let stdout = finished.expect_code(0).stderr_is("").stdout_text();
    let mut replies: Vec<_> = stdout.lines().collect();
    replies.sort_unstable();
    let mut expected: Vec<_> = (0..500).map(|n| format!("LINE {n}")).collect();
    expected.sort_unstable();
    assert_eq!(replies, expected);
}

#[test]
fn localhost_is_no_stranger() {
    let (_server, address) = start_server(&[]);
    let finished = client_of_many().run_with_input(format!("localhost:{} sally\n", address.port()));
    finished.expect_code(0).stdout_is(&format!("The server {address} replied with 'SALLY'\n"));
}

#[test]
fn a_second_reply_to_one_request_is_unexpected() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.address();
    let mut client = client_of_many().spawn();
    client.write_line(&format!("{address} sally"));
    let (_, from) = server.receive_from();
    server.send_to("SALLY", from);
    server.send_to("AGAIN", from);
    let lines = client.wait_for_stdout_lines(2);
    assert_eq!(lines[0], format!("The server {address} replied with 'SALLY'"));
    assert_eq!(lines[1], format!("message 'AGAIN' from unexpected host {address}!"));
    client.wait().expect_code(0);
}

#[test]
fn as_many_replies_are_expected_as_there_were_requests() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.address();
    let mut client = client_of_many().spawn();
    client.write_line(&format!("{address} one"));
    client.write_line(&format!("{address} two"));
    let (_, from) = server.receive_from();
    server.receive();
    ["ONE", "TWO", "THREE"].iter().for_each(|answer| server.send_to(answer, from));
    let lines = client.wait_for_stdout_lines(3);
    assert!(lines[0].ends_with("replied with 'ONE'") && lines[1].ends_with("replied with 'TWO'"));
    assert_eq!(lines[2], format!("message 'THREE' from unexpected host {address}!"));
    client.wait().expect_code(0);
}

#[test]
fn whoever_was_not_asked_is_an_unexpected_host() {
    let server = Peer::at("127.0.0.1:0");
    let stranger = Peer::at("127.0.0.2:0");
    let mut client = client_of_many().spawn();
    client.write_line(&format!("{} sally", server.address()));
    let (_, from) = server.receive_from();
    stranger.send_to("\x1b[31mFALSE", from);
    let line = client.wait_for_stdout("FALSE");
    assert_eq!(
        line,
        format!(r"message '\x1b[31mFALSE' from unexpected host {}!", stranger.address())
    );
    server.send_to("TRUE", from);
    client.wait_for_stdout("replied with 'TRUE'");
    client.wait().expect_code(0);
}

#[test]
fn another_port_of_the_server_counts_only_with_from_any_port() {
    let (server, other) = (Peer::at("127.0.0.1:0"), Peer::at("127.0.0.1:0"));
    for (args, expected) in [
        (&[][..], format!("message 'X' from unexpected host {}!", other.address())),
        (&["--from-any-port"][..], format!("The server {} replied with 'X'", other.address())),
    ] {
        let mut client = client_of_many().args(args).spawn();
        client.write_line(&format!("{} sally", server.address()));
        let (_, from) = server.receive_from();
        other.send_to("X", from);
        assert_eq!(client.wait_for_stdout("'X'"), expected);
    }
}

#[test]
fn with_quiet_only_replies_are_content() {
    let server = Peer::at("127.0.0.1:0");
    let mut client = client_of_many().arg("-q").spawn();
    client.write_line(&format!("{} sally", server.address()));
    let (_, from) = server.receive_from();
    Peer::at("127.0.0.2:0").send_to("FALSE", from);
    client.wait_for_stderr("message 'FALSE' from unexpected host 127.0.0.2:");
    server.send_to("TRUE", from);
    client.wait().expect_code(0).stdout_is("TRUE\n");
}

#[test]
fn a_port_nobody_listens_on_is_said_at_once_and_the_others_are_served() {
    let (_server, address) = start_server(&[]);
    let (v4, v6) = (nobody("127.0.0.73"), nobody("[::1]"));
    let lines = format!("{v4} x\n{address} sally\n{v6} y\n");
    let finished = client_of_many().args(["-q", "--timeout", "1h"]).run_with_input(lines);
    finished.expect_code(1).stdout_is("SALLY\n");
    for server in [v4, v6] {
        finished.stderr_contains(&format!("callbox: nobody listens on {server} "));
    }
}

#[test]
fn a_line_that_is_no_good_is_said_and_the_others_go() {
    let (_server, address) = start_server(&[]);
    let long = "a".repeat(65_508);
    let lines = format!("nonsense\n\nnowhere.invalid x\n{address} {long}\n{address} sally\n");
    let finished = client_of_many().arg("-q").run_with_input(lines);
    finished.expect_code(2).stdout_is("SALLY\n");
    finished.stderr_contains("callbox: this line has no message: write HOST[:PORT] MESSAGE\n");
    finished.stderr_contains("callbox: cannot find the host 'nowhere.invalid'");
    finished.stderr_contains(&format!(
        "65508 bytes long, and a datagram to {address} carries at most 65507"
    ));
}

#[test]
fn a_line_that_is_no_good_cannot_drive_the_terminal() {
    let finished = client_of_many().run_with_input("\x1b[2J x\n\u{202e}\x07host x\n");
    finished.expect_code(2).stderr_lacks("\x1b").stderr_lacks("\u{202e}").stderr_lacks("\x07");
    finished.stderr_contains(r"callbox: '\x1b[2J' cannot be a host");
}

#[test]
fn each_line_goes_to_every_server_of_several() {
    let (_one, one) = start_server(&[]);
    let (_two, two) = start_server(&[]);
    let finished = client_of(one).arg(two.to_string()).run_with_input("sally\n");
    for server in [one, two] {
        let reply = format!("The server {server} replied with 'SALLY'\n");
        finished.expect_code(0).stdout_contains(&reply);
    }
}

#[test]
fn one_run_reaches_servers_of_both_families() {
    let (_one, v4) = start_server(&[]);
    let (_two, v6) = start_server(&["--bind", "::1"]);
    let finished =
        udp().args(["client", "--many", "-q"]).run_with_input(format!("{v4} four\n{v6} six\n"));
    finished.expect_code(0).stdout_contains("FOUR\n").stdout_contains("SIX\n");
}

#[test]
fn verbose_prints_the_socket_before_and_after_its_first_use() {
    let (_server, address) = start_server(&[]);
    let mut client = client_of_many().arg("-v").spawn();
    client.write_line(&format!("{address} sally"));
    let line = client.wait_for_stderr("socket(AF_INET, SOCK_DGRAM) = fd ");
    assert!(line.ends_with(", unbound 0.0.0.0:0"), "{line}");
    client.wait_for_stderr(&format!("5 bytes, {address}) = 5"));
    client.wait_for_stdout("replied with 'SALLY'");
    // Two threads tell of their calls, so these two may come in either order.
    let finished = client.wait();
    finished.expect_code(0).stderr_contains("getsockname(fd ");
    finished.stderr_contains(&format!(" = 5 bytes from {address}\n"));
}
