//! Peers that never read, and ten thousand at once.

use std::fs::File;

use callbox_testkit::Program;
use callbox_testkit::resources::{raise_open_files, resident_memory};

use super::ncat::{Ncat, Seen, free_port, ours};
use super::peer::{connect, read_to_end, send, server};

/// The program with no more memory for what it keeps than this; beyond it, it would be aborted.
#[track_caller]
fn frugal(program: Program) -> Program {
    let words = program.command_line();
    Program::new("sh").args(["-c", &format!("ulimit -d 65536; exec {words}")])
}

/// An input that never ends.
#[track_caller]
fn endless() -> File {
    File::open("/dev/zero").expect("/dev/zero")
}

#[test]
fn a_server_that_never_reads_is_waited_for_in_little_memory() {
    let seen = ours(|ncat| {
        // The thread's value is the connection, which nobody reads.
        let server = server(|stream| stream);
        let client = frugal(ncat.client("-i 200ms", server.port)).stdin_from(endless());
        let seen = Seen::of(&client.run());
        drop(server.done());
        seen
    });
    seen.is(1, "", "Ncat: Idle timeout expired (200 ms).\n");
}

#[test]
fn a_client_that_never_reads_is_waited_for_in_little_memory() {
    for words in ["", "-k", "--broker"] {
        let seen = ours(|ncat| {
            let port = free_port();
            let program = ncat.client(&format!("-l --test -i 200ms {words}"), port);
            let mut listener = frugal(program).stdin_from(endless()).spawn();
            listener.wait_for_stderr("NCAT TEST: LISTEN");
            let _stuck = connect(port);
            Seen::of(&listener.wait_with_open_stdin())
        });
        seen.is(2, "", "Ncat: Idle timeout expired (200 ms). QUITTING.\n");
    }
}

/// A client streams without end to a listener in a namespace of their own, and then the network goes.
const VANISH: &str = r#"
ulimit -d 65536
sleep 1000 | "$1" -l 127.0.0.1 5000 > /dev/null &
until grep -q ':1388 00000000:0000 0A' /proc/net/tcp; do :; done
"$1" -i 300ms 127.0.0.1 5000 < /dev/zero & client=$!
until grep -q ':1388 01 ' /proc/net/tcp; do :; done
ip link set lo down
wait $client
"#;

#[test]
fn a_peer_that_vanishes_without_a_word_is_given_up_after_i_and_costs_little_memory() {
    if !callbox_testkit::namespace::available() {
        println!("skipped: no network namespace can be made here");
        return;
    }
    let seen = ours(|ncat| {
        let program = ncat.with("").command_line();
        Seen::of(&callbox_testkit::in_namespace(VANISH).arg(program).run())
    });
    seen.is(1, "", "Ncat: Idle timeout expired (300 ms).\n");
}

#[test]
fn a_standard_output_that_nobody_reads_holds_the_peer_back() {
    let seen = ours(|ncat| {
        let server = server(|mut stream| {
            // As much as the kernel keeps on the way, and no more.
            stream.set_write_timeout(Some(std::time::Duration::from_millis(300))).expect("a limit");
            let mut sent = 0;
            while let Ok(more) = std::io::Write::write(&mut stream, &[0; 65536]) {
                sent += more;
            }
            sent
        });
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let client = frugal(ncat.client("", server.port)).stdout_to(writer).spawn();
        let sent = server.done();
        assert!(sent < 64 << 20, "{sent} bytes were taken in");
        drop(reader);
        drop(client);
        Seen::of(&Program::new("true").run())
    });
    seen.is(0, "", "");
}

#[test]
fn ten_thousand_clients_are_served_by_one_listener() {
    const HELD: usize = 10_000;
    // The listener may have as many descriptors as this process.
    let limit = raise_open_files();
    if limit < HELD as u64 + 100 {
        println!("skipped: {HELD} connections need more than the {limit} open files allowed here");
        return;
    }
    let mut listener = Ncat::ours().listen("-k -m 20000");
    let mut held = Vec::with_capacity(HELD);
    for _ in 0..HELD {
        held.push(connect(listener.port));
    }
    for at in [0, HELD / 2, HELD - 1] {
        send(&mut held[at], format!("client {at}\n"));
        listener.wait_for_stdout(&format!("client {at}"));
    }
    listener.write("to all\n");
    listener.close_stdin();
    for stream in &mut held {
        assert_eq!(read_to_end(stream), b"to all\n");
    }
    let each = resident_memory(listener.id()) / HELD as u64;
    println!("{each} bytes of resident memory for each client");
    assert!(each < 8 << 10, "{each} bytes of resident memory for each client");
    listener.stop();
}
