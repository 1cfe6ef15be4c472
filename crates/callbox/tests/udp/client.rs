//! The client of one server: one line, one exchange.

use std::net::SocketAddr;

use crate::peers::{Peer, nobody};
use crate::{client_of, start_server, udp};

/// The address that the client says it was given.
pub(crate) fn assigned(line: &str) -> SocketAddr {
    let address = line
        .strip_prefix("The OS assigned the address ")
        .and_then(|rest| rest.strip_suffix(" to me"))
        .unwrap_or_else(|| panic!("no address in {line:?}"));
    address.parse().unwrap_or_else(|_| panic!("no address in {line:?}"))
}

#[test]
fn each_line_is_one_exchange_until_the_end_of_input() {
    let (mut server, address) = start_server(&[]);
    let finished = client_of(address).run_with_input("sally\nhéllo 你好\n\nlast, without an end");
    finished.expect_code(0).stdout_is(&format!(
        "The server {address} replied with 'SALLY'\nThe server {address} replied with 'HÉLLO 你好'\n\
         The server {address} replied with ''\nThe server {address} replied with 'LAST, WITHOUT AN END'\n"
    ));
    let own = assigned(finished.stderr_text().trim_end());
    assert_eq!(server.wait_for_stdout("sally"), format!("The client at {own} says 'sally'"));
}

#[test]
fn a_reply_is_printed_before_the_next_line_is_read() {
    let (_server, address) = start_server(&[]);
    let mut client = client_of(address).spawn();
    client.write_line("one");
    client.wait_for_stdout("replied with 'ONE'");
    client.write_line("two");
    client.wait_for_stdout("replied with 'TWO'");
    client.wait().expect_code(0);
}

#[test]
fn quiet_prints_the_bare_replies_one_a_line() {
    let (_server, address) = start_server(&[]);
    let finished = client_of(address).arg("-q").run_with_input("it's\n\nback\\slash\n");
    finished.expect_code(0).stdout_is("IT'S\n\nBACK\\SLASH\n").stderr_is("");
}

#[test]
fn the_server_is_named_by_address_or_name_with_a_port_or_without() {
    let (_server, address) = start_server(&[]);
    let port = address.port().to_string();
    for (args, shown) in [
        (vec![format!("localhost:{port}")], "127.0.0.1"),
        (vec!["localhost".to_owned(), "-p".to_owned(), port.clone()], "127.0.0.1"),
        (vec!["-p".to_owned(), port.clone()], "127.0.0.1"),
    ] {
        let finished = udp().arg("client").args(args).run_with_input("sally\n");
        finished.expect_code(0);
        finished.stdout_is(&format!("The server {shown}:{port} replied with 'SALLY'\n"));
    }
    let (_server, address) = start_server(&["--bind", "::1"]);
    let finished = client_of(address).run_with_input("sally\n");
    finished.expect_code(0).stdout_is(&format!("The server {address} replied with 'SALLY'\n"));
}

#[test]
fn bytes_that_are_not_text_go_out_and_come_back() {
    let peer = Peer::at("127.0.0.1:0");
    let address = peer.serve(|peer| {
        let (question, client) = peer.receive_from();
        assert_eq!(question, b"\xff\x00a");
        peer.send_to(b"\xff\x00A", client);
    });
    let finished = client_of(address).run_with_input(b"\xff\x00a\n");
    finished.expect_code(0).stdout_contains(r"replied with '\xff\x00A'");
}

#[test]
fn what_would_drive_a_terminal_is_shown_escaped() {
    let answer = "\x1b[31mred\x07 \u{202e}abc\nnext";
    let evil = || {
        Peer::at("127.0.0.1:0").serve(move |peer| {
            let (_, client) = peer.receive_from();
            peer.send_to(answer, client);
        })
    };
    let shown = r"\x1b[31mred\x07 \u{202e}abc\nnext";
    let finished = client_of(evil()).run_with_input("x\n");
    finished.expect_code(0).stdout_contains(&format!("replied with '{shown}'\n"));
    let finished = client_of(evil()).arg("-q").run_with_input("x\n");
    finished.expect_code(0).stdout_is(&format!("{shown}\n"));
}

#[test]
fn the_longest_message_goes_and_a_longer_one_is_refused_with_the_limit_and_its_length() {
    let (_server, address) = start_server(&[]);
    let finished = client_of(address).arg("-q").run_with_input("a".repeat(65_507));
    finished.expect_code(0).stdout_is(&format!("{}\n", "A".repeat(65_507)));

    let peer = Peer::at("127.0.0.1:0");
    let address = peer.address();
    let finished = client_of(address).run_with_input("a".repeat(65_508));
    finished.expect_code(2).stdout_is("").stderr_is(&format!(
        "callbox: the message is 65508 bytes long, and a datagram to {address} carries at most 65507; it was not sent\n"
    ));
    let finished = client_of(address).run_with_input("a".repeat(2 << 20));
    finished.expect_code(2).stderr_contains("more than 1048576 bytes").stderr_contains("65507");
    assert!(peer.drain().is_empty());
}

#[test]
fn datagrams_over_ipv6_carry_a_little_more() {
    let (_server, address) = start_server(&["--bind", "::1"]);
    let finished = client_of(address).arg("-q").run_with_input("a".repeat(65_527));
    finished.expect_code(0).stdout_is(&format!("{}\n", "A".repeat(65_527)));
    let finished = client_of(address).run_with_input("a".repeat(65_528));
    finished.expect_code(2).stderr_contains("at most 65527");
}

#[test]
fn a_strangers_datagram_is_not_taken_for_the_reply() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.serve(|server| {
        let (_, client) = server.receive_from();
        Peer::at("127.0.0.1:0").send_to("FALSE", client);
        Peer::at("127.0.0.2:0").send_to("FALSE", client);
        server.send_to("TRUE", client);
    });
    let finished = client_of(address).arg("-q").run_with_input("which\n");
    finished.expect_code(0).stdout_is("TRUE\n");
}

/// A server that answers from another of its ports, after a stranger did.
fn answers_from_another_port() -> SocketAddr {
    Peer::at("127.0.0.1:0").serve(|server| {
        loop {
            let (_, client) = server.receive_from();
            Peer::at("127.0.0.2:0").send_to("FALSE", client);
            Peer::at("127.0.0.1:0").send_to("TRUE", client);
        }
    })
}

#[test]
fn an_answer_from_another_port_counts_only_with_from_any_port() {
    let address = answers_from_another_port();
    let finished = client_of(address).args(["-q", "--timeout", "30ms"]).run_with_input("which\n");
    finished.expect_code(1).stdout_is("");
    finished.stderr_is(&format!("callbox: no reply from {address} after 3 tries\n"));

    let address = answers_from_another_port();
    let finished =
        client_of(address).args(["-q", "--from-any-port"]).run_with_input("which\nagain\n");
    finished.expect_code(0).stdout_is("TRUE\nTRUE\n");
}

#[test]
fn a_port_nobody_listens_on_is_said_at_once() {
    for (host, args) in
        [("127.0.0.71", &[][..]), ("127.0.0.72", &["--from-any-port"][..]), ("[::1]", &[][..])]
    {
        let address = nobody(host);
        // Were it waited for, the test would give up long before.
        let client = client_of(address).args(args).args(["--timeout", "1h"]);
        let finished = client.run_with_input("sally\nmore\n");
        finished.expect_code(1).stdout_is("");
        finished.stderr_contains(&format!("callbox: nobody listens on {address} "));
    }
}

#[test]
fn verbose_prints_each_call_in_its_order() {
    let (_server, address) = start_server(&[]);
    let mut client = client_of(address).arg("-v").spawn();
    client.write_line("sally");
    client.wait_for_stderr("socket(AF_INET, SOCK_DGRAM) = fd 3, unbound 0.0.0.0:0");
    client.wait_for_stderr(&format!("connect(fd 3, {address}) = ok"));
    client.wait_for_stderr("send(fd 3, 5 bytes) = 5");
    let line = client.wait_for_stderr("getsockname(fd 3) = 127.0.0.1:");
    let own = line.rsplit(' ').next().expect("an address").to_owned();
    client.wait_for_stderr(&format!("The OS assigned the address {own} to me"));
    client.wait_for_stderr("recv(fd 3) = 5 bytes");
    client.wait().expect_code(0);
}
