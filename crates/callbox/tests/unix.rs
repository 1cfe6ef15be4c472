//! End-to-end tests of `callbox unix`: the same services at a path, and what becomes of the file there.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use callbox_testkit::{EVENT_DEADLINE, Finished, Program, Running, Signal, python};

/// A directory that goes when the test ends. In the system's own, since a socket's path has room for 107 bytes.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("callbox-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn callbox(args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(args)
}

fn at(end: &str, path: &Path, args: &[&str]) -> Program {
    callbox(&["unix", end]).arg(path).args(args)
}

fn client(path: &Path, args: &[&str]) -> Program {
    at("client", path, args)
}

/// A server at `path` that is ready.
#[track_caller]
fn server(path: &Path, args: &[&str]) -> Running {
    let mut running = at("server", path, args).spawn();
    let line = running.wait_for_stderr("Listening at ");
    assert_eq!(line, format!("Listening at {}", path.display()));
    running
}

#[track_caller]
fn stop(server: Running) -> Finished {
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0);
    finished
}

#[track_caller]
fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream
}

#[track_caller]
fn read_to_end(stream: &mut UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an orderly end of file");
    all
}

/// Both kinds of socket.
const TYPES: [&str; 2] = ["stream", "datagram"];

#[test]
fn a_stream_has_the_greeting_service() {
    let directory = Directory::new();
    let path = directory.file("s");
    let server = server(&path, &[]);
    client(&path, &[]).run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n").stderr_is("");
    let finished = stop(server);
    finished.stdout_contains("Waiting for a new connection\nConnection from process ");
    finished.stdout_contains("  message from client: 'Greetings, serve'\n  Closing socket\n");
}

#[test]
fn datagrams_have_the_upper_service() {
    let directory = Directory::new();
    let path = directory.file("s");
    let server = server(&path, &["--type", "datagram"]);
    let finished =
        client(&path, &["--type", "datagram"]).run_with_input("sally\nhéllo 你好\n\nstraße\n");
    let replies = ["SALLY", "HÉLLO 你好", "", "STRASSE"];
    let lines =
        replies.map(|reply| format!("The server {} replied with '{reply}'\n", path.display()));
    finished.expect_code(0).stdout_is(&lines.concat());
    let finished = stop(server);
    let text = finished.stdout_text();
    let says: Vec<_> = text.lines().filter_map(|line| line.split_once(" says ")).collect();
    assert_eq!(
        says.iter().map(|(_, says)| *says).collect::<Vec<_>>(),
        ["'sally'", "'héllo 你好'", "''", "'straße'"]
    );
    // The name that the kernel gave the client, as unix(7) writes it.
    assert!(says.iter().all(|(who, _)| who.starts_with("The client at @")), "{text}");
}

#[test]
fn scripts_get_the_bare_replies() {
    for kind in TYPES {
        let directory = Directory::new();
        let path = directory.file("s");
        let server = server(&path, &["--type", kind, "--service", "upper", "-q"]);
        let finished =
            client(&path, &["--type", kind, "--service", "upper", "-q"]).run_with_input("a\nß\n");
        finished.expect_code(0).stdout_is("A\nSS\n").stderr_is("");
        stop(server).stdout_is("");
    }
}

#[test]
fn every_service_is_there_on_both_types_as_far_as_it_has_them() {
    for service in callbox_services::TABLE {
        let forms =
            [("stream", service.stream.is_some()), ("datagram", service.datagram.is_some())];
        for (kind, has) in forms {
            let directory = Directory::new();
            let path = directory.file("s");
            let args = ["--type", kind, "--service", service.name];
            if has {
                stop(server(&path, &args));
            } else {
                let finished = at("server", &path, &args).run();
                finished
                    .expect_code(2)
                    .stderr_contains("callbox: ")
                    .stderr_contains("is not a service over");
            }
            assert!(!path.exists());
        }
    }
}

#[test]
fn a_service_that_nobody_knows_is_refused_at_both_ends() {
    for end in ["server", "client"] {
        for kind in TYPES {
            let finished = at(end, Path::new("/nowhere"), &["--type", kind, "-s", "uper"]).run();
            finished
                .expect_code(2)
                .stdout_is("")
                .stderr_contains("callbox: invalid value 'uper' for '--service <NAME>'");
        }
    }
}

#[test]
fn only_its_owner_may_use_the_socket() {
    for kind in TYPES {
        let directory = Directory::new();
        let path = directory.file("s");
        // The widest umask there is: the permissions are ours and not left to it.
        let script = "umask 000; exec \"$@\"";
        let mut server = Program::new("sh")
            .args([
                "-c",
                script,
                "sh",
                env!("CARGO_BIN_EXE_callbox"),
                "unix",
                "server",
                "--type",
                kind,
            ])
            .arg(&path)
            .spawn();
        server.wait_for_stderr("Listening at ");
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
        stop(server);
    }
}

#[test]
fn the_file_goes_when_the_server_ends_on_either_signal() {
    for kind in TYPES {
        for signal in [Signal::INT, Signal::TERM] {
            let directory = Directory::new();
            let path = directory.file("s");
            let server = server(&path, &["--type", kind]);
            assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
            server.signal(signal);
            server.wait().expect_code(0);
            assert!(!path.exists(), "{kind} {signal:?}");
        }
    }
}

#[test]
fn the_file_goes_when_nobody_reads_the_output_any_more() {
    for kind in TYPES {
        let directory = Directory::new();
        let path = directory.file("s");
        let mut server = at("server", &path, &["--type", kind]).stdout_closed().spawn();
        if kind == "datagram" {
            server.wait_for_stderr("Listening at ");
            // The first line it prints is for the first datagram.
            UnixDatagram::unbound().unwrap().send_to(b"x", &path).unwrap();
        }
        server.wait().expect_code(0).stderr_lacks("callbox: ");
        assert!(!path.exists(), "{kind}");
    }
}

#[test]
fn a_stale_socket_file_is_replaced() {
    for (stale, kind) in [
        ("stream", "stream"),
        ("stream", "datagram"),
        ("datagram", "stream"),
        ("datagram", "datagram"),
    ] {
        let directory = Directory::new();
        let path = directory.file("s");
        // Closing a socket leaves its file; so does a server that was killed.
        match stale {
            "stream" => drop(UnixListener::bind(&path).unwrap()),
            _ => drop(UnixDatagram::bind(&path).unwrap()),
        }
        let server = server(&path, &["--type", kind, "--service", "upper"]);
        let client = client(&path, &["--type", kind, "--service", "upper", "-q"]);
        client.run_with_input("a\n").expect_code(0).stdout_is("A\n");
        stop(server);
    }
}

#[test]
fn a_live_socket_is_never_replaced() {
    for held in TYPES {
        for kind in TYPES {
            let directory = Directory::new();
            let path = directory.file("s");
            let holder = server(&path, &["--type", held, "--service", "upper"]);
            let finished = at("server", &path, &["--type", kind]).run();
            let error = format!(
                "callbox: cannot listen at {}: another program listens there",
                path.display()
            );
            finished.expect_code(2).stdout_is("").stderr_contains(&error);
            let client = client(&path, &["--type", held, "--service", "upper", "-q"]);
            client.run_with_input("a\n").expect_code(0).stdout_is("A\n");
            stop(holder);
        }
    }
}

#[test]
fn a_live_socket_with_a_full_backlog_is_never_replaced() {
    let directory = Directory::new();
    let path = directory.file("s");
    let mut holder = python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)\n\
         fill = [socket.socket(socket.AF_UNIX) for _ in range(3)]\n\
         for c in fill: c.setblocking(False); c.connect_ex(sys.argv[1])\n\
         print('full'); input()",
    )
    .arg(&path)
    .spawn();
    holder.wait_for_stdout("full");
    at("server", &path, &[]).run().expect_code(2).stderr_contains("another program listens there");
    assert!(path.exists());
}

#[test]
fn what_is_no_socket_is_never_replaced() {
    for kind in TYPES {
        let directory = Directory::new();
        let (file, link, folder) = (directory.file("f"), directory.file("l"), directory.file("d"));
        fs::write(&file, "precious").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::create_dir(&folder).unwrap();
        for path in [&file, &link, &folder] {
            let finished = at("server", path, &["--type", kind]).run();
            finished
                .expect_code(2)
                .stdout_is("")
                .stderr_contains("a file that is no socket is there, and is not replaced");
        }
        assert_eq!(fs::read_to_string(&link).unwrap(), "precious");
    }
}

#[test]
fn a_file_that_took_the_place_of_ours_is_left_alone() {
    for kind in TYPES {
        let directory = Directory::new();
        let path = directory.file("s");
        let server = server(&path, &["--type", kind]);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        stop(server);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
    }
}

#[test]
fn a_path_that_is_too_long_is_refused_with_the_limit() {
    let path = PathBuf::from("/tmp").join("x".repeat(120));
    for (end, what) in [("server", "listen at"), ("client", "connect to")] {
        for kind in TYPES {
            let finished = at(end, &path, &["--type", kind]).run();
            let error = format!(
                "callbox: cannot {what} {}: a socket's path is 1 to 107 bytes long",
                path.display()
            );
            finished.expect_code(2).stdout_is("").stderr_contains(&error);
        }
    }
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let directory = Directory::new();
    let finished = at("server", &directory.file("no/s"), &[]).run();
    finished
        .expect_code(2)
        .stderr_contains("callbox: cannot listen at ")
        .stderr_contains("No such file or directory");
}

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

#[test]
fn python_programs_of_both_types_are_answered_by_our_server() {
    let directory = Directory::new();
    let (stream, datagram) = (directory.file("stream"), directory.file("datagram"));
    let servers = [server(&stream, &[]), server(&datagram, &["--type", "datagram"])];
    let script = "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(sys.argv[1])\n\
         s.sendall(b'Greetings, server'); print(s.recv(16)); print(s.recv(1))\n\
         d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(sys.argv[2] + '.own')\n\
         d.sendto(b'sally', sys.argv[2]); print(d.recvfrom(100)[0])";
    let finished = python(script).arg(&stream).arg(&datagram).run();
    finished.expect_code(0).stdout_is("b'Goodbye, client!'\nb''\nb'SALLY'\n");
    servers.into_iter().for_each(|server| drop(stop(server)));
}

#[test]
fn python_servers_of_both_types_answer_our_client() {
    let directory = Directory::new();
    let (stream, datagram) = (directory.file("stream"), directory.file("datagram"));
    let script = "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(sys.argv[1]); s.listen()\n\
         d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(sys.argv[2])\n\
         print('ready')\n\
         c, _ = s.accept(); print(c.recv(100)); c.sendall(b'Goodbye, client!'); c.close()\n\
         data, peer = d.recvfrom(100); d.sendto(data.upper(), peer); print(data)";
    let mut servers = python(script).arg(&stream).arg(&datagram).spawn();
    servers.wait_for_stdout("ready");
    client(&stream, &[]).run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    client(&datagram, &["--type", "datagram", "-q"])
        .run_with_input("sally\n")
        .expect_code(0)
        .stdout_is("SALLY\n");
    servers.wait().expect_code(0).stdout_is("ready\nb'Greetings, server'\nb'sally'\n");
}
