//! Peers and callers that do not behave.

use std::io::Write;
use std::os::unix::net::{UnixDatagram, UnixListener};

use super::{Directory, TYPES, client, connect, read_to_end, server, stop};

#[test]
fn a_client_says_why_it_cannot_talk() {
    let directory = Directory::new();
    let (missing, stale) = (directory.file("missing"), directory.file("stale"));
    drop(UnixListener::bind(&stale).unwrap());
    for kind in TYPES {
        let finished = client(&missing, &["--type", kind]).run_with_input("a\n");
        finished.expect_code(2).stdout_is("").stderr_contains("no such file; is the path right?");
        let finished = client(&stale, &["--type", kind]).run_with_input("a\n");
        finished.expect_code(1).stdout_is("").stderr_contains("nobody listens there any more");
    }
}

#[test]
fn a_client_of_the_wrong_type_is_told_so() {
    for (kind, other) in [("stream", "datagram"), ("datagram", "stream")] {
        let directory = Directory::new();
        let path = directory.file("s");
        let server = server(&path, &["--type", kind]);
        let finished = client(&path, &["--type", other]).run_with_input("a\n");
        finished
            .expect_code(2)
            .stdout_is("")
            .stderr_contains("it is a socket of the other type; see --type");
        stop(server);
    }
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let directory = Directory::new();
    let (stream, datagram) = (directory.file("stream"), directory.file("datagram"));
    let _listener = UnixListener::bind(&stream).unwrap();
    let _socket = UnixDatagram::bind(&datagram).unwrap();
    for (path, kind) in [(&stream, "stream"), (&datagram, "datagram")] {
        let finished = client(path, &["--type", kind, "--timeout", "200ms"]).run_with_input("a\n");
        let error = format!("callbox: {} was silent for 200ms (--timeout)\n", path.display());
        finished.expect_code(1).stdout_is("").stderr_is(&error);
    }
}

#[test]
fn a_server_that_reads_no_datagrams_cannot_hold_a_client_for_ever() {
    let directory = Directory::new();
    let path = directory.file("s");
    let _socket = UnixDatagram::bind(&path).unwrap();
    // The kernel queues net.unix.max_dgram_qlen of them, and discard waits for no answer to any.
    let client =
        client(&path, &["--type", "datagram", "--service", "discard", "--timeout", "200ms"]);
    client
        .run_with_input("x\n".repeat(100_000))
        .expect_code(1)
        .stderr_contains("was silent for 200ms");
}

#[test]
fn a_datagram_of_any_length_up_to_the_limit_is_answered_whole_and_a_longer_one_refused() {
    const LIMIT: usize = 65_507;
    let directory = Directory::new();
    let path = directory.file("s");
    let server = server(&path, &["--type", "datagram"]);
    for length in [0, 1, LIMIT] {
        let line = "x".repeat(length);
        let finished =
            client(&path, &["--type", "datagram", "-q"]).run_with_input(format!("{line}\n"));
        finished.expect_code(0).stdout_is(&format!("{}\n", line.to_uppercase()));
    }
    let finished =
        client(&path, &["--type", "datagram", "-q"]).run_with_input("x".repeat(LIMIT + 1));
    finished
        .expect_code(2)
        .stdout_is("")
        .stderr_contains("the message is 65508 bytes long")
        .stderr_contains("at most 65507");
    stop(server);
}

#[test]
fn a_datagram_beyond_the_limit_is_not_answered_in_part_and_it_is_said_once() {
    let directory = Directory::new();
    let path = directory.file("s");
    let mut server = server(&path, &["--type", "datagram"]);
    let peer = UnixDatagram::bind(directory.file("peer")).unwrap();
    peer.connect(&path).unwrap();
    peer.set_read_timeout(Some(super::EVENT_DEADLINE)).unwrap();
    for message in [&vec![b'x'; 65_508][..], &[b'x'; 70_000], b"short"] {
        peer.send(message).unwrap();
    }
    let mut reply = vec![0; 70_000];
    let length = peer.recv(&mut reply).unwrap();
    assert_eq!(&reply[..length], b"SHORT");
    server.wait_for_stderr("peer is longer than 65507 bytes and gets no answer");
    let finished = stop(server);
    finished.stdout_lacks("xxx").stdout_contains("says 'short'\n");
    finished.expect(finished.stderr_text().matches("longer").count() == 1, || "one line".into());
}

#[test]
fn a_path_cannot_drive_the_terminal() {
    let directory = Directory::new();
    let path = directory.file("\x1b[2Jred");
    let finished = client(&path, &[]).run();
    finished.expect_code(2).stderr_lacks("\x1b").stderr_contains(r"\x1b[2Jred: no such file");
    let mut server = super::at("server", &path, &["-v"]).spawn();
    let line = server.wait_for_stderr("Listening at ");
    assert!(line.ends_with(r"/\x1b[2Jred"), "{line}");
    stop(server).stderr_lacks("\x1b");
}

#[test]
fn the_seventeenth_byte_and_much_more_bring_no_reset() {
    let directory = Directory::new();
    let path = directory.file("s");
    let server = server(&path, &["-q"]);
    for length in [17, 1 << 20] {
        let mut stream = connect(&path);
        let mut sender = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                sender.write_all(&vec![b'x'; length]).expect("all of it is taken");
                sender.shutdown(std::net::Shutdown::Write).unwrap();
            });
            assert_eq!(read_to_end(&mut stream), b"Goodbye, client!");
        });
    }
    stop(server);
}

#[test]
fn a_sender_without_a_name_is_shown_and_harms_nobody() {
    let directory = Directory::new();
    let path = directory.file("s");
    let mut server = server(&path, &["--type", "datagram"]);
    UnixDatagram::unbound().unwrap().send_to(b"sally", &path).unwrap();
    server.wait_for_stdout("The client at a socket without a name says 'sally'");
    client(&path, &["--type", "datagram", "-q"])
        .run_with_input("a\n")
        .expect_code(0)
        .stdout_is("A\n");
    stop(server);
}

#[test]
fn a_sender_that_does_not_read_its_answers_holds_nobody_up() {
    let directory = Directory::new();
    let (path, own) = (directory.file("s"), directory.file("own"));
    let server = server(&path, &["--type", "datagram", "-q"]);
    let deaf = UnixDatagram::bind(&own).unwrap();
    for _ in 0..1_000 {
        deaf.send_to(b"x", &path).unwrap();
    }
    client(&path, &["--type", "datagram", "-q"])
        .run_with_input("a\n")
        .expect_code(0)
        .stdout_is("A\n");
    stop(server);
}

#[test]
fn control_characters_of_a_peer_are_shown_escaped() {
    let directory = Directory::new();
    let path = directory.file("s");
    let mut server = server(&path, &["--type", "datagram"]);
    let odd = directory.file("a\x1b[2Jb");
    let socket = UnixDatagram::bind(&odd).unwrap();
    socket.send_to("\x1b[31m\u{202e}x".as_bytes(), &path).unwrap();
    let line = server.wait_for_stdout(" says ");
    assert!(line.ends_with(r"a\x1b[2Jb says '\x1b[31m\u{202e}x'"), "{line:?}");
    stop(server);
}

#[test]
fn each_socket_call_is_shown_on_request() {
    for (kind, name, calls) in [
        (
            "stream",
            "SOCK_STREAM",
            ["listen(fd 3, backlog ", "accept(fd 3) = fd ", ") = 17 bytes", ", 16 bytes) = 16"],
        ),
        (
            "datagram",
            "SOCK_DGRAM",
            ["bind(fd 3, ", "recvfrom(fd 3) = 1 byte", "sendto(fd 3, 1 byte", "= 1"],
        ),
    ] {
        let directory = Directory::new();
        let path = directory.file("s");
        let server = server(&path, &["--type", kind, "-v"]);
        let finished = client(&path, &["--type", kind, "-v"]).run_with_input("a");
        finished.expect_code(0).stderr_contains(&format!("socket(AF_UNIX, {name}) = fd "));
        finished.stderr_contains(&format!(", {}) = ok", path.display()));
        let finished = stop(server);
        finished.stderr_contains(&format!("socket(AF_UNIX, {name}) = fd 3\n"));
        finished.stderr_contains(&format!("bind(fd 3, {}) = ok\n", path.display()));
        for call in calls {
            finished.stderr_contains(call);
        }
    }
}
