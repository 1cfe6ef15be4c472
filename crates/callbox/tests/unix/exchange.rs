//! The services over both types of socket.

use std::path::Path;

use super::{Directory, TYPES, at, client, server, stop};

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
