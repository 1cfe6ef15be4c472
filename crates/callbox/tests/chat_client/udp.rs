//! `callbox chat client udp://HOST:PORT`, with the real server, with the study notes' own, and with nobody.

use std::net::{SocketAddr, UdpSocket};

use callbox_testkit::{
    EVENT_DEADLINE, Folder, Program, Running, Signal, Terminal, listening_address, python,
};

use crate::{chat, server};

/// The notes' chat server: prints what it is told, asks a person what to answer, and answers. Its port is the kernel's
/// choice.
const NOTES_SERVER: &str = "
from socket import *
serverSocket = socket(AF_INET, SOCK_DGRAM)
serverSocket.bind(('127.0.0.1', 0))
print('Listening at', '%s:%d' % serverSocket.getsockname(), flush=True)
while True:
    message, clientAddress = serverSocket.recvfrom(2048)
    print('heard', message.decode(), flush=True)
    answer = input()
    serverSocket.sendto(answer.encode(), clientAddress)
";

fn notes_server() -> (Running, SocketAddr) {
    let mut server = python(NOTES_SERVER).env("PYTHONUTF8", "1").spawn();
    let line = server.wait_for_stdout("Listening at");
    (server, listening_address(&line))
}

fn client(home: &Folder, address: SocketAddr) -> Program {
    chat(home).arg("client").arg(format!("udp://{address}"))
}

/// A server of the test's own.
fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(EVENT_DEADLINE)).expect("a timeout");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

/// What comes, and from where.
#[track_caller]
fn heard(peer: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 65_536];
    let (length, from) = peer.recv_from(&mut buffer).expect("a datagram");
    (String::from_utf8(buffer[..length].to_vec()).expect("text"), from)
}

#[test]
fn two_lines_in_a_row_reach_the_notes_server_and_its_late_answers_are_heard() {
    let home = Folder::new("chat-udp");
    let (mut notes, address) = notes_server();
    let mut terminal = Terminal::spawn(client(&home, address));
    terminal.wait_for("You can start the conversation now!");
    terminal.wait_for("> ");
    terminal.type_text("hello\r");
    notes.wait_for_stdout("heard hello");
    terminal.type_text("is anybody there? 你好\r");
    terminal.wait_for_screen("> is anybody there? 你好");
    // A line is begun while the answers are on their way.
    terminal.type_text("half a li");
    terminal.wait_for_screen("> half a li");
    notes.write_line("hello yourself");
    terminal.wait_for("hello yourself");
    notes.wait_for_stdout("heard is anybody there? 你好");
    notes.write_line("yes, 莎莉");
    terminal.wait_for("yes, 莎莉");
    terminal.type_text("ne\r");
    notes.wait_for_stdout("heard half a line");
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn a_person_talks_in_the_lobby_by_datagrams() {
    let home = Folder::new("chat-udp");
    let (_server, address) = server(&home, &["--ephemeral"]);
    let mut sally = Terminal::spawn(client(&home, address));
    sally.wait_for("> ");
    sally.type_text("hello\r");
    sally.wait_for("in #lobby; /help tells more");
    sally.wait_for(": hello");
    let mut harry = Terminal::spawn(client(&home, address));
    harry.wait_for("> ");
    harry.type_text("/nick harry\r");
    harry.wait_for("you are harry now");
    harry.type_text("good evening\r");
    // Heard unasked, while nothing was said.
    sally.wait_for("harry: good evening");
    sally.type_text("\x04");
    sally.wait().expect_code(0);
    harry.type_text("\x04");
    harry.wait().expect_code(0);
}

#[test]
fn without_a_terminal_each_line_is_sent_and_each_heard_is_printed() {
    let home = Folder::new("chat-udp");
    let (peer, address) = peer();
    let mut client = client(&home, address).spawn();
    client.write("one\n\ntwo\r\nthree");
    client.close_stdin();
    let (first, from) = heard(&peer);
    assert_eq!([first, heard(&peer).0, heard(&peer).0], ["one", "two", "three"]);
    // Several to one line, none to another, and what drives terminals.
    for datagram in ["a\nb\n", "\x1b[2Jc\u{202e}", ""] {
        peer.send_to(datagram.as_bytes(), from).expect("sent");
    }
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    stranger.send_to(b"psst", from).expect("sent");
    peer.send_to(&[b'd', 0xff], from).expect("sent");
    client.wait_for_stdout("d");
    client.signal(Signal::TERM);
    let finished = client.wait();
    finished.expect_code(130).stderr_is("");
    finished.stdout_is("a\nb\n\\x1b[2Jc\\u{202e}\n\nd\\xff\n");
}

#[test]
fn once_ends_when_every_line_was_answered() {
    let home = Folder::new("chat-udp");
    let (mut notes, address) = notes_server();
    let mut client = client(&home, address).args(["--once", "--json"]).spawn();
    client.write("build 41 passed\nbuild 42 failed\n");
    client.close_stdin();
    notes.wait_for_stdout("heard build 41 passed");
    notes.write_line("good");
    notes.wait_for_stdout("heard build 42 failed");
    notes.write_line("\"why?\"");
    let finished = client.wait();
    finished.expect_code(0).stderr_is("");
    let lines: Vec<_> = finished.stdout_text().lines().map(str::to_owned).collect();
    let end = |text| format!(r#"Z","from":"{address}","text":"{text}"}}"#);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with(r#"{"time":"20"#) && lines[0].ends_with(&end("good")),
        "{lines:?}"
    );
    assert!(lines[1].ends_with(&end(r#"\"why?\""#)), "{lines:?}");
}

#[test]
fn a_lost_datagram_is_not_waited_for_without_end() {
    let home = Folder::new("chat-udp");
    let (peer, address) = peer();
    let once = ["--once", "--receipt-timeout", "100ms"];
    let finished = client(&home, address).args(once).run_with_input("hello\n");
    finished.expect_code(1).stdout_is("");
    finished.stderr_is(&format!("callbox: one line was not answered by {address} within 100ms\n"));
    assert_eq!(heard(&peer).0, "hello");
}

#[test]
fn where_nobody_listens_that_is_said() {
    let home = Folder::new("chat-udp");
    let address = peer().1;
    let said =
        format!("callbox: nobody listens on {address} (its host answered: port unreachable)");
    let mut tool = client(&home, address).spawn();
    tool.write_line("hello");
    let finished = tool.wait();
    finished.expect_code(1).stdout_is("").stderr_is(&format!("{said}\n"));
    // A person may try again.
    let mut terminal = Terminal::spawn_sized(client(&home, address), 24, 120);
    for _ in 0..2 {
        terminal.wait_for("> ");
        terminal.type_text("hello\r");
        terminal.wait_for(&said);
    }
    terminal.type_text("\x04");
    terminal.wait().expect_code(0);
}

#[test]
fn a_line_that_no_datagram_carries_is_refused() {
    let home = Folder::new("chat-udp");
    let (_peer, address) = peer();
    let finished = client(&home, address).run_with_input("x".repeat(65_508));
    finished.expect_code(2).stderr_contains("carries at most 65507; it was not sent");
}
