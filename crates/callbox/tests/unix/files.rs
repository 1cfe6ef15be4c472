//! The socket file: who may use it, what is replaced, and that it goes.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};

use std::path::Path;

use callbox_testkit::{Program, Signal, python};

use super::{Directory, TYPES, at, client, server, stop};

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
fn the_file_goes_when_the_server_ends_on_a_signal() {
    for kind in TYPES {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
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
fn a_server_under_nohup_outlives_its_terminal() {
    let directory = Directory::new();
    let path = directory.file("s");
    let script = "trap '' HUP; exec \"$@\"";
    let program = ["sh", env!("CARGO_BIN_EXE_callbox"), "unix", "server", "--type", "datagram"];
    let mut server = Program::new("sh").args(["-c", script]).args(program).arg(&path).spawn();
    server.wait_for_stderr("Listening at ");
    server.signal(Signal::HUP);
    client(&path, &["--type", "datagram", "-q"])
        .run_with_input("sally\n")
        .expect_code(0)
        .stdout_is("SALLY\n");
    stop(server);
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
    let path = Path::new("/tmp").join("x".repeat(120));
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
