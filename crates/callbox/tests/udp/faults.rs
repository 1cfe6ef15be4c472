//! What users and systems do wrong: each has one clear message and the right exit code.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use callbox_testkit::{EVENT_DEADLINE, Program, Signal};

use crate::peers::Peer;
use crate::{client_of, client_of_many, start_server, udp};

#[test]
fn a_port_in_use_is_refused() {
    let (_server, address) = start_server(&[]);
    let owner = Peer::at("127.0.0.1:0");
    for taken in [address, owner.address()] {
        let finished = udp().args(["server", "-p", &taken.port().to_string()]).run();
        finished.expect_code(2).stdout_is("");
        finished.stderr_contains(&format!("callbox: cannot listen at {taken}: it is in use; "));
    }
    // The first is served still.
    assert_eq!(Peer::connected_to(address).ask("sally"), b"SALLY");
}

#[test]
fn a_port_below_1024_without_the_right_is_refused() {
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|port| port.trim().parse::<u32>().is_ok_and(|port| port <= 1)) {
        eprintln!("skipped: this system lets everybody have any port");
        return;
    }
    let program = ReadableCopy::of_callbox();
    let dropped = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set=-all"];
    let as_nobody = Program::new("setpriv").args(dropped);
    let as_nobody = if Program::new("id").arg("-u").run().stdout == b"0\n" {
        as_nobody.arg(&program.0)
    } else {
        Program::new(&program.0)
    };
    let finished = as_nobody.args(["udp", "server", "-p", "1"]).run();
    finished.expect_code(2).stdout_is("").stderr_contains(
        "callbox: cannot listen at 127.0.0.1:1: ports below 1024 need a right that this user does not have",
    );
}

/// The program where any user may read it: build folders are often private. Removed in the end.
struct ReadableCopy(PathBuf);

impl ReadableCopy {
    fn of_callbox() -> Self {
        let path = std::env::temp_dir().join(format!("callbox-copy-{}", std::process::id()));
        fs::copy(env!("CARGO_BIN_EXE_callbox"), &path).expect("a copy of the program");
        Self(path)
    }
}

impl Drop for ReadableCopy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let finished = udp().args(["server", "-p", "0", "--bind", "192.0.2.1"]).run();
    finished.expect_code(2).stdout_is("").stderr_contains(
        "callbox: cannot listen at 192.0.2.1:0: the address is not one of this machine's",
    );
}

#[test]
fn what_is_no_address_or_interface_is_refused() {
    let finished = udp().args(["server", "--bind", "nosuch0"]).run();
    finished
        .expect_code(2)
        .stderr_contains("callbox: cannot listen at nosuch0: ")
        .stderr_contains("lo");
    let finished = udp().args(["server", "--bind", "127.0.0.1:80"]).run();
    finished.expect_code(2).stderr_contains("callbox: ").stderr_contains("127.0.0.1:80");
}

#[test]
fn an_unknown_service_is_refused_with_the_known_ones() {
    for service in ["nonsense", "greeting"] {
        let finished = udp().args(["server", "--service", service]).run();
        finished.expect_code(2).stdout_is("");
        finished.stderr_contains("callbox: ").stderr_contains(service);
        finished.stderr_contains("upper, echo, discard, chargen, qotd, daytime, time");
    }
}

#[test]
fn an_unknown_host_is_the_callers_fault() {
    let finished = udp().args(["client", "nowhere.invalid"]).run_with_input("x\n");
    finished.expect_code(2).stdout_is("");
    finished.stderr_contains("callbox: cannot find the host 'nowhere.invalid': ");
}

#[test]
fn a_wrong_flag_is_the_callers_fault() {
    for args in [
        &["server", "-p", "65536"][..],
        &["server", "--max-rate", "0"],
        &["client", "--tries", "0"],
        &["client", "--timeout", "never"],
        &["client", "localhost:http"],
        &["dance"],
    ] {
        udp().args(args).run().expect_code(2).stdout_is("").stderr_contains("callbox: ");
    }
}

#[test]
fn a_client_that_leaves_before_its_answer_harms_nobody() {
    let (server, address) = start_server(&[]);
    // Stopped, the server cannot answer before the sockets are gone.
    server.signal(Signal::STOP);
    for number in 0..200 {
        Peer::connected_to(address).send(format!("question {number}"));
    }
    server.signal(Signal::CONT);
    assert_eq!(Peer::connected_to(address).ask("sally"), b"SALLY");
    server.signal(Signal::TERM);
    server.wait().expect_code(0).stderr_is(&format!("Listening at {address}\n"));
}

#[test]
fn the_first_signal_ends_a_server_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut server, address) = start_server(&["--bind", "127.0.0.1", "--bind", "::1"]);
        Peer::connected_to(address).ask("sally");
        server.wait_for_stdout("says 'sally'");
        server.signal(signal);
        server.wait().expect_code(0).stderr_lacks("callbox:");
    }
}

#[test]
fn a_server_whose_output_is_closed_ends_quietly() {
    let mut server = udp().args(["server", "-p", "0"]).stdout_closed().spawn();
    let address = server.wait_until_listening();
    Peer::connected_to(address).send("sally");
    server.wait().expect_code(0).stderr_is(&format!("Listening at {address}\n"));
}

#[test]
fn a_server_whose_output_is_full_says_so_once_and_goes_on() {
    let mut server = udp().args(["server", "-p", "0"]).stdout_full().spawn();
    let address = server.wait_until_listening();
    let peer = Peer::connected_to(address);
    peer.ask("sally");
    server.wait_for_stderr("callbox: cannot write to standard output: No space left on device");
    assert_eq!(peer.ask("harry"), b"HARRY");
    server.signal(Signal::TERM);
    let finished = server.wait();
    let errors = finished.expect_code(0).stderr_text().matches("callbox:").count();
    assert_eq!(errors, 1);
}

#[test]
fn a_client_whose_output_is_closed_ends_quietly() {
    let (_server, address) = start_server(&[]);
    let finished = client_of(address).arg("-q").stdout_closed().run_with_input("sally\nharry\n");
    finished.expect_code(0).stderr_is("");
    // Nobody reads the replies, so nobody has to wait for the end of input.
    let (input, mut open) = io::pipe().expect("a pipe");
    let client = client_of_many().arg("-q").stdin_from(input).stdout_closed().spawn();
    writeln!(open, "{address} sally").expect("the client reads");
    client.wait().expect_code(0).stderr_is("");
}

#[test]
fn a_client_whose_output_is_full_says_so_once() {
    let (_server, address) = start_server(&[]);
    let clients = [
        (client_of(address), "sally\nharry\n".to_owned()),
        (client_of_many(), format!("{address} a\n{address} b\n")),
    ];
    for (client, lines) in clients {
        let finished = client.arg("-q").stdout_full().run_with_input(lines);
        finished
            .expect_code(1)
            .stderr_is("callbox: cannot write to standard output: No space left on device\n");
    }
}

#[test]
fn an_interrupt_in_mid_exchange_ends_a_client_with_a_line() {
    let silent = Peer::at("127.0.0.1:0");
    let address = silent.address();
    let clients =
        [(client_of(address), "sally".to_owned()), (client_of_many(), format!("{address} sally"))];
    for (client, line) in clients {
        let mut client = client.args(["-q", "--timeout", "1h"]).spawn();
        client.write_line(&line);
        assert_eq!(silent.receive(), b"sally");
        client.signal(Signal::INT);
        let finished = client.wait();
        finished.expect_code(130).stdout_is("").stderr_contains("callbox: interrupted");
        assert_eq!(finished.stderr_text().lines().count(), 1);
    }
}

#[test]
fn datagrams_that_found_the_receive_buffer_full_are_counted() {
    let (mut server, address) = start_server(&[]);
    let peer = Peer::connected_to(address);
    assert_eq!(peer.ask("before"), b"BEFORE");
    server.signal(Signal::STOP);
    // Ten times what the largest buffer that a server asks for holds.
    for _ in 0..60_000 {
        peer.send("x");
    }
    server.signal(Signal::CONT);
    // The kernel tells of the loss with the next datagram that finds room, which it makes when it pleases.
    let start = Instant::now();
    while !server.stderr_so_far().contains("lost unread") && start.elapsed() < EVENT_DEADLINE {
        peer.send("after");
        peer.drain();
    }
    let line = server.wait_for_stderr("lost unread");
    assert!(line.ends_with("datagrams lost unread: the receive buffer was full)"), "{line}");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
}
