//! One port and every door: each is told by its first bytes, and all of them lead into one room.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::{Irc, start};

/// Sends an HTTP request and gives all of the answer.
#[track_caller]
fn request(address: SocketAddr, request: &str) -> String {
    let mut irc = Irc::connect(address);
    irc.send_bytes(request);
    let mut answer = Vec::new();
    irc.stream().read_to_end(&mut answer).expect("an orderly end");
    String::from_utf8(answer).expect("text")
}

fn page(address: SocketAddr, target: &str) -> String {
    request(
        address,
        &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
}

#[test]
fn an_irc_client_is_welcomed_and_talks() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::connect(address);
    alice.send("NICK alice");
    alice.send("USER alice 0 * :Alice");
    for numeric in [" 001 alice ", " 002 ", " 003 ", " 004 ", " 005 ", " 251 ", " 375 ", " 376 "] {
        alice.expect(numeric);
    }
    alice.join("#lobby");
    let mut bob = Irc::in_lobby(address, "bob");
    alice.expect(" JOIN #lobby");
    bob.say("hello, alice");
    assert!(alice.expect("hello, alice").starts_with(":bob!"));
    alice.send("PRIVMSG bob :psst");
    assert!(bob.expect("psst").starts_with(":alice!"));
    bob.send("QUIT :supper");
    assert!(alice.expect(" QUIT ").contains("supper"));
    assert!(bob.expect_end().last().is_some_and(|line| line.starts_with("ERROR ")));
}

#[test]
fn lines_may_end_in_lf_and_come_in_pieces() {
    let (_server, address) = start(&[]);
    let mut bob = Irc::in_lobby(address, "bob");
    let mut alice = Irc::connect(address);
    for piece in ["NI", "CK ali", "ce\nUSER alice 0 * :", "Alice\nJOIN #lob", "by\r", "\nPRIVMSG "]
    {
        alice.send_bytes(piece);
        // Somebody else is served in between, so that the pieces are read one by one.
        bob.so_far();
    }
    alice.send_bytes("#lobby :in pieces\n\r\n\n");
    bob.expect_end_of_line("in pieces");
}

#[test]
fn somebody_with_netcat_is_a_guest_in_the_lobby() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut guest = Irc::connect(address);
    guest.send_bytes("hello th");
    // The door is told from the first bytes.
    let port = guest.stream().local_addr().expect("its port").port();
    assert!(alice.expect(" JOIN #lobby").starts_with(&format!(":guest-{port}!")));
    guest.send_bytes("ere\n");
    alice.expect_end_of_line(":hello there");
    guest.expect(&format!("* you are guest-{port} in #lobby"));
    alice.say("welcome");
    guest.expect("alice: welcome");
    guest.send_bytes(
        "/nick sally\r\n/me waves\r\n//nick is a command\r\n/msg alice psst\r\n/msh no\r\n",
    );
    guest.expect("* you are sally now");
    guest.expect("* there is no /msh: nothing was said");
    alice.expect("\u{1}ACTION waves\u{1}");
    alice.expect_end_of_line("PRIVMSG #lobby :/nick is a command");
    alice.expect_end_of_line("PRIVMSG alice :psst");
    // The last line counts without an ending, as with `printf bye | nc`.
    guest.send_bytes("bye");
    guest.end();
    alice.expect_end_of_line("PRIVMSG #lobby :bye");
    alice.expect(":sally!");
}

#[test]
fn what_others_wrote_drives_no_terminal() {
    let (_server, address) = start(&[]);
    let mut guest = Irc::connect(address);
    guest.send_bytes("hello\n");
    guest.expect("* you are ");
    let mut alice = Irc::in_lobby(address, "alice");
    alice.say("a\u{1b}[2Jb \u{202e}c");
    let line = guest.expect("alice: a");
    assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
}

#[test]
fn text_of_every_script_comes_through_whole() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::register(address, "张三");
    alice.join("#lobby");
    let mut guest = Irc::connect(address);
    guest.send_bytes("你好 🧑‍🤝‍🧑 é\n");
    alice.expect_end_of_line(":你好 🧑‍🤝‍🧑 é");
    guest.expect("* you are ");
    alice.say("ты здесь? 🎉");
    guest.expect("张三: ты здесь? 🎉");
}

#[test]
fn what_is_no_utf_8_is_refused_in_irc_and_mended_in_bare_text() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut guest = Irc::connect(address);
    guest.send_bytes(b"caf\xe9 au lait\n");
    alice.expect("au lait");
    alice.send_bytes(b"PRIVMSG #lobby :caf\xe9\r\n");
    alice.expect(" FAIL PRIVMSG INVALID_UTF8 ");
    alice.say("still here");
    guest.expect("alice: still here");
    guest.send_bytes("/names\n");
    guest.expect("* here: alice, ");
}

#[test]
fn the_web_door_serves_its_pages() {
    let (_server, address) = start(&[]);
    let front = page(address, "/");
    assert!(front.starts_with("HTTP/1.1 200 OK\r\n"), "{front}");
    assert!(front.contains("Content-Type: text/html") && front.contains("</html>"), "{front}");
    assert!(page(address, "/healthz").ends_with("\r\n\r\nok\n"));
    let _alice = Irc::in_lobby(address, "alice");
    let metrics = page(address, "/metrics");
    assert!(metrics.contains("\n# TYPE callbox_connections gauge\n"), "{metrics}");
    let connections = metrics.lines().find_map(|line| line.strip_prefix("callbox_connections "));
    assert!(connections.and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n >= 1), "{metrics}");
    assert!(page(address, "/no-such-page").starts_with("HTTP/1.1 404 "));
}

#[test]
fn one_connection_serves_several_requests() {
    let (_server, address) = start(&[]);
    let mut web = Irc::connect(address);
    for _ in 0..3 {
        web.send_bytes(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        web.expect("HTTP/1.1 200 OK");
        web.expect_end_of_line("ok");
    }
}

#[test]
fn a_bad_request_gets_an_answer_and_a_close() {
    let (_server, address) = start(&[]);
    let long = "x".repeat(100_000);
    let many = "X-Header: value\r\n".repeat(10_000);
    for (bad, answer) in [
        ("GET /\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "HTTP/1.1 405 "),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".to_owned(), "HTTP/1.1 4"),
        ("GET / HTTP/9.1\r\nHost: x\r\n\r\n".to_owned(), "HTTP/1.1 505 "),
        (format!("GET /{long} HTTP/1.1\r\n"), "HTTP/1.1 4"),
        (format!("GET / HTTP/1.1\r\n{many}"), "HTTP/1.1 431 "),
    ] {
        let mut web = Irc::connect(address);
        // The server may have closed before all was sent.
        let _ = web.stream().write_all(bad.as_bytes());
        let first = web.line().expect("an answer");
        assert!(first.starts_with(answer), "{first} to {}", &bad[..bad.len().min(60)]);
        web.expect_end();
    }
    assert!(page(address, "/healthz").ends_with("ok\n"));
}

#[test]
fn bytes_of_no_protocol_get_a_close() {
    let (_server, address) = start(&[]);
    for junk in [&b"\0\0\0\0"[..], b"\x16\x02\x01", b"\x05\x01\0"] {
        let mut peer = Irc::connect(address);
        peer.send_bytes(junk);
        assert_eq!(peer.expect_end(), Vec::<String>::new(), "{junk:?}");
    }
    Irc::in_lobby(address, "alice");
}
