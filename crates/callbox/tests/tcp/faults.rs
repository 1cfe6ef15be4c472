//! Bad addresses, bad outputs, peers that vanish, and ten thousand that stall.

use std::io::Write;

use callbox_testkit::in_namespace;
use callbox_testkit::resources::{raise_open_files, resident_memory};

use super::*;

#[test]
fn a_port_in_use_is_said_with_what_to_do() {
    let (holder, address) = server(&[]);
    let finished = callbox(&["tcp", "server", "-p", &address.port().to_string()]).run();
    let error = format!("callbox: cannot listen at {address}: it is in use; ");
    finished.expect_code(2).stdout_is("").stderr_contains(&error);
    stop(holder);
}

#[test]
fn a_port_in_use_by_one_who_shares_it_is_in_use_all_the_same() {
    let mut holder = callbox_testkit::python(
        "import socket\n\
         s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
         s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1]); input()",
    )
    .spawn();
    let port = holder.wait_for_stdout_lines(1).remove(0);
    callbox(&["tcp", "server", "-p", &port]).run().expect_code(2).stderr_contains("it is in use");
}

#[test]
fn a_port_below_1024_needs_a_right_and_says_so() {
    // Root has the right unless it is taken from it, and a network of its own has the usual limit of 1024.
    let finished = in_namespace("exec setpriv --bounding-set -net_bind_service \"$@\"")
        .args([env!("CARGO_BIN_EXE_callbox"), "tcp", "server", "-p", "80"])
        .run();
    let error = "callbox: cannot listen at 127.0.0.1:80: ports below 1024 need a right that this user does not have";
    finished.expect_code(2).stdout_is("").stderr_contains(error);
}

#[test]
fn an_address_of_another_machine_cannot_be_bound() {
    let finished = callbox(&["tcp", "server", "-p", "0", "--bind", "203.0.113.1"]).run();
    let error =
        "callbox: cannot listen at 203.0.113.1:0: the address is not one of this machine's; ";
    finished.expect_code(2).stdout_is("").stderr_contains(error);
}

#[test]
fn an_interface_that_is_not_there_is_answered_with_those_that_are() {
    let finished = callbox(&["tcp", "server", "--bind", "nosuch0"]).run();
    finished
        .expect_code(2)
        .stderr_contains("callbox: cannot listen at nosuch0: no interface of this name");
    finished.stderr_contains("lo");
}

#[test]
fn a_server_whose_output_nobody_reads_ends_quietly() {
    let server = callbox(&["tcp", "server", "-p", "0"]).stdout_closed().spawn();
    server.wait().expect_code(0).stderr_lacks("callbox: ");
}

#[test]
fn a_server_whose_output_is_full_says_so_once_and_serves_on() {
    let mut server = callbox(&["tcp", "server", "-p", "0"]).stdout_full().spawn();
    let address = server.wait_until_listening();
    server.wait_for_stderr("callbox: cannot write to standard output: No space left on device");
    (0..20).for_each(|_| exchange(address));
    let finished = stop(server);
    assert_eq!(finished.stderr_text().matches("No space left").count(), 1);
}

#[test]
fn a_client_whose_output_nobody_reads_ends_quietly() {
    let (server, address) = server(&["-q"]);
    client(address, &["-q"]).stdout_closed().run().expect_code(0).stderr_is("");
    stop(server);
}

#[test]
fn a_client_whose_output_is_full_fails_with_the_reason() {
    let (server, address) = server(&["-q"]);
    let finished = client(address, &["-q"]).stdout_full().run();
    finished
        .expect_code(1)
        .stderr_is("callbox: cannot write to standard output: No space left on device\n");
    stop(server);
}

#[test]
fn a_peer_that_resets_is_told_of_and_harms_nobody() {
    let (mut server, address) = server(&["--service", "echo"]);
    let mut stream = connect(address);
    stream.write_all(b"x").unwrap();
    reset(stream);
    server.wait_for_stdout("  the connection was lost: Connection reset by peer");
    let mut stream = connect(address);
    stream.write_all(b"still here").unwrap();
    end(&stream);
    assert_eq!(read_to_end(&mut stream), b"still here");
    drop(stream);
    stop(server);
}

#[test]
fn a_peer_that_leaves_before_its_reply_harms_nobody() {
    let (server, address) = server(&["-q"]);
    for _ in 0..200 {
        connect(address).write_all(GREETING).unwrap();
    }
    exchange(address);
    stop(server);
}

#[test]
fn ten_thousand_connections_that_stall_cost_4_kib_each_and_harm_nobody() {
    const HELD: usize = 10_000;
    const EACH: u64 = 4 << 10;
    // Both ends need a descriptor each, in two processes that may have as many.
    let limit = raise_open_files();
    if limit < HELD as u64 + 100 {
        println!(
            "skipped: {HELD} connections need more than the {limit} open files allowed here (ulimit -Hn)"
        );
        return;
    }
    let (server, address) = server(&["-q"]);
    (0..64).for_each(|_| exchange(address));
    let before = resident_memory(server.id());
    let mut held = Vec::with_capacity(HELD);
    for n in 0..HELD {
        let mut stream = connect(address);
        stream.write_all(b"Gre").unwrap();
        held.push(stream);
        if n % 100 == 0 {
            exchange(address);
        }
    }
    // Whoever is served now stood in the queue behind all that are held.
    (0..64).for_each(|_| exchange(address));
    let each = (resident_memory(server.id()) - before) / HELD as u64;
    println!("{each} bytes of resident memory for each held connection");
    assert!(each <= EACH, "{each} bytes of resident memory for each held connection");
    // None of them was dropped: the first and the last are answered when they go on.
    for at in [0, HELD / 2, HELD - 1] {
        held[at].write_all(&GREETING[3..]).unwrap();
        assert_eq!(read_to_end(&mut held[at]), FAREWELL.as_bytes());
    }
    drop(held);
    stop(server);
}
