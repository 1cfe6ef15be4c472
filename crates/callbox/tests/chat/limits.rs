//! Those who talk too fast, read too little, say too much at once, or never finish: they feel it, and nobody else does.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use callbox_testkit::{EVENT_DEADLINE, resources};

use crate::outside::{run_beside, server_outside};
use crate::{Folder, Irc, start, start_with};

/// How long a sentence may take to a neighbour of somebody who misbehaves. A tenth of it would do on a quiet machine.
const PROMPT: Duration = Duration::from_secs(5);

/// Says something, and waits until the other has it.
#[track_caller]
fn talk(alice: &mut Irc, bob: &mut Irc, text: &str) {
    let start = Instant::now();
    alice.say(text);
    bob.expect_end_of_line(&format!(":{text}"));
    assert!(start.elapsed() < PROMPT, "{text} took {:?}", start.elapsed());
}

#[test]
fn a_fast_talker_is_slowed_and_loses_nothing_and_slows_nobody() {
    let folder = Folder::new();
    let (_server, address) = start_with(&folder, "[flood]\nburst = 10\nper-second = 50\n");
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    let mut fast = Irc::in_lobby(address, "fast");
    let start = Instant::now();
    (0..150).for_each(|n| fast.say(&format!("line {n}")));
    alice.say("not in the way");
    let (mut lines, mut between) = (Vec::new(), None);
    while lines.len() < 150 {
        let line = bob.expect(" PRIVMSG #lobby :");
        match line.rsplit_once(":line ") {
            Some((_, number)) => lines.push(number.to_owned()),
            None => between = Some(lines.len()),
        }
    }
    assert!(lines.iter().enumerate().all(|(n, number)| *number == n.to_string()), "{lines:?}");
    assert!(between.is_some_and(|between| between < 100), "alice had to wait: {between:?}");
    // What is above the bucket's ten comes at fifty a second; coming in took some of the ten.
    assert!(start.elapsed() >= Duration::from_millis(2_700), "{:?}", start.elapsed());
}

#[test]
fn a_reader_that_stops_is_dropped_and_its_room_does_not_feel_it() {
    let folder = Folder::new();
    let file = "[connections]\nsend-queue = \"256KiB\"\n[flood]\nenabled = false\n";
    let (mut server, address) = start_with(&folder, file);
    let mut deaf = Irc::in_lobby(address, "deaf");
    let deaf_address = deaf.stream().local_addr().expect("its address");
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    let text = "x".repeat(400);
    let mut lines = 0;
    // The kernel takes some megabytes for a reader who does not read, and then the queue of the server fills.
    loop {
        for _ in 0..100 {
            alice.say(&text);
        }
        lines += 100;
        talk(&mut alice, &mut bob, &format!("after {lines}"));
        if alice.so_far().iter().any(|line| line.starts_with(":deaf!") && line.contains(" QUIT ")) {
            break;
        }
        assert!(lines < 100_000, "it is never dropped");
    }
    server.wait_for_stderr(&format!("{deaf_address} was dropped: it did not read"));
    // It has what had left before, and then an end.
    deaf.expect_end();
    talk(&mut alice, &mut bob, "as ever");
}

#[test]
fn a_line_that_is_too_long_is_told_and_skipped() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    alice.send(&format!("PRIVMSG #lobby :{}", "x".repeat(600)));
    alice.expect(" 417 alice ");
    alice.send(&format!("@+a={} PRIVMSG #lobby :tagged", "y".repeat(5_000)));
    alice.expect(" 417 alice ");
    // However long: it is not kept.
    alice.send_bytes(vec![b'z'; 5_000_000]);
    alice.send_bytes("\r\n");
    alice.expect(" 417 alice ");
    talk(&mut alice, &mut bob, "still here");
    assert!(bob.so_far().is_empty());
    let mut guest = Irc::connect(address);
    guest.send_bytes("x".repeat(10_000));
    guest.send_bytes("\n");
    guest.expect("* that is too long to say: 4096 bytes at most");
    guest.send_bytes("short\n");
    alice.expect_end_of_line(":short");
}

#[test]
fn who_does_not_come_in_within_the_time_is_closed() {
    let folder = Folder::new();
    let file = "[timeouts]\nregister = \"5s\"\n[connections]\nhandshake = \"2s\"\n";
    let (_server, address) = start_with(&folder, file);
    let mut silent = Irc::connect(address);
    let mut half = Irc::connect(address);
    half.send_bytes("NICK al");
    let mut unfinished = Irc::connect(address);
    unfinished.send("NICK alice");
    let mut web = Irc::connect(address);
    web.send_bytes("GET / HTTP/1.1\r\nHost: ");
    let mut bob = Irc::in_lobby(address, "bob");
    let start = Instant::now();
    assert!(silent.expect_end().is_empty());
    half.expect_end();
    assert!(unfinished.expect_end().iter().any(|line| line.starts_with("ERROR ")));
    assert!(web.expect_end().first().is_some_and(|line| line.contains(" 408 ")));
    assert!(start.elapsed() < EVENT_DEADLINE);
    bob.so_far();
}

#[test]
fn who_does_not_answer_a_ping_is_gone() {
    let folder = Folder::new();
    let file = "[timeouts]\nregister = \"5s\"\nping = \"10s\"\npong = \"5s\"\n";
    let (_server, address) = start_with(&folder, file);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    let asked = alice.expect("PING ");
    let token = asked.rsplit(' ').next().expect("a token").to_owned();
    alice.send(&format!("PONG {token}"));
    // Bob hears the same and says nothing.
    assert!(alice.expect(" QUIT ").starts_with(":bob!"));
    bob.expect("ERROR ");
    alice.so_far();
}

#[test]
fn a_thousand_half_lines_disturb_nobody() {
    resources::raise_open_files();
    let (server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    let halves: Vec<TcpStream> = (0..1_000)
        .map(|n| {
            let mut half = TcpStream::connect(address).expect("a connection");
            let beginning = ["NICK half", "hello wor", "GET / HTT", "CAP LS 30"][n % 4];
            half.write_all(beginning.as_bytes()).expect("half a line");
            half
        })
        .collect();
    for n in 0..10 {
        talk(&mut alice, &mut bob, &format!("sentence {n}"));
        talk(&mut bob, &mut alice, &format!("answer {n}"));
    }
    Irc::in_lobby(address, "carol");
    let memory = resources::resident_memory(server.id());
    assert!(memory < 100 << 20, "{memory} bytes");
    drop(halves);
    talk(&mut alice, &mut bob, "still here");
}

#[test]
fn loopback_may_have_more_connections_than_one_address() {
    let folder = Folder::new();
    let (_server, address) = start_with(&folder, "[connections]\nper-address = 3\n");
    let all: Vec<Irc> = (0..10).map(|n| Irc::in_lobby(address, &format!("n{n}"))).collect();
    assert_eq!(all.len(), 10);
}

#[test]
fn an_address_outside_may_have_so_many_and_no_more() {
    let folder = Folder::new();
    let file = folder.write("chat.toml", "[connections]\nper-address = 3\n");
    let flags = ["--ephemeral".as_ref(), "--config".as_ref(), file.as_os_str()];
    let (server, address) = server_outside(flags);
    let client = r"
import socket, sys
def enter(source):
    client = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20, (source, 0))
    try:
        client.sendall(b'PING x\r\n')
        return client, client.recv(4096)
    except ConnectionError: return client, b'reset'
first = [enter('192.0.2.2') for n in range(3)]
_, refused = enter('192.0.2.2')
print(refused)
_, other = enter('192.0.2.1')
print(b'too many' in other)
first[0][0].close()
while True:
    again, answer = enter('192.0.2.2')
    if b'too many' not in answer and answer != b'reset': break
print('one went, one came')
";
    let finished = run_beside(&server, client, address);
    finished.stdout_contains("too many connections from your address");
    finished.stdout_contains("False\none went, one came\n");
}

#[test]
fn what_is_never_finished_is_kept_up_to_its_cap_and_disturbs_nobody() {
    resources::raise_open_files();
    let (server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let mut bob = Irc::in_lobby(address, "bob");
    let before = resources::resident_memory(server.id());
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    );
    let upgrade = format!(
        "{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    let much = vec![b'x'; 64 << 10];
    let beginnings = [
        [b"@+tag=".to_vec(), much.clone()].concat(),
        [b"PRIVMSG #lobby :".to_vec(), much.clone()].concat(),
        much.clone(),
        // A head with one endless field.
        [head.clone().into_bytes(), b"X-Long: ".to_vec(), much.clone()].concat(),
        // A frame of as many bytes as a message may have, of which one is missing.
        [upgrade.clone().into_bytes(), b"\x81\xfe\x20\x00key!".to_vec(), much[..8_191].to_vec()]
            .concat(),
        // One of fragments without end.
        [upgrade.into_bytes(), b"\x01\xfe\x10\x00key!".to_vec(), much[..4_096].to_vec()].concat(),
    ];
    let held: Vec<TcpStream> = (0..600)
        .map(|n| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            // Some are closed before all of it is sent.
            let _ = stream.write_all(&beginnings[n % beginnings.len()]);
            stream
        })
        .collect();
    for n in 0..10 {
        talk(&mut alice, &mut bob, &format!("sentence {n}"));
    }
    let grown = resources::resident_memory(server.id()).saturating_sub(before);
    let each = grown / held.len() as u64;
    assert!(each < 32 << 10, "{each} bytes for each");
    drop(held);
    talk(&mut bob, &mut alice, "still here");
}
