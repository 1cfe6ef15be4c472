//! `-s`, `-p`, `-g`, `-G` and `--vsock`: from where a client comes and by which way, and sockets that are no network's.

use std::fs;

use callbox_testkit::{Signal, in_namespace, namespace};

use super::ncat::{Ncat, Seen, both, free_port, ours};
use super::peer::sink;

#[test]
fn an_address_or_a_port_that_cannot_be_had_ends_a_client_with_2() {
    // ncat says nothing and connects from elsewhere.
    let seen = ours(|ncat| Seen::of(&ncat.client("-s 192.0.2.1", free_port()).run()));
    seen.is(2, "", "Ncat: bind to 192.0.2.1: Cannot assign requested address. QUITTING.\n");
    let seen = ours(|ncat| {
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = held.local_addr().expect("its address").port();
        Seen::of(&ncat.client(&format!("-p {port}"), free_port()).run())
    });
    seen.is(2, "", "Ncat: bind to 0.0.0.0:P: Address already in use. QUITTING.\n");
}

#[test]
fn what_routes_nowhere_is_refused() {
    for words in ["-G 3", "-G 32", "-g bad..name", "-g ::1", "-n -g localhost"] {
        let words =
            if words.contains("-g") { words.to_owned() } else { format!("{words} -g 127.0.0.2") };
        let seen = both(|ncat| {
            let seen = Seen::of(&ncat.client(&words, 9).run());
            Seen { err: String::new(), ..seen }
        });
        seen.is(2, "", "");
    }
    // Linux has a route begin at its beginning. (Debian's ncat takes IPv4 for another family, and refuses all routes.)
    #[cfg(target_os = "linux")]
    ours(|ncat| Seen::of(&ncat.client("-G 8 -g 127.0.0.2", 9).run())).is(
        2,
        "",
        "Ncat: This system takes a route from its beginning alone: -G 4. QUITTING.\n",
    );
}

/// Runs a program beside a socket that sees all packets of the loopback, and prints of the first packet that has options
/// where it goes and what they are.
const OPTIONS: &str = "
import socket, subprocess, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.bind(('lo', 0))
raw.settimeout(20)
program = subprocess.Popen(sys.argv[1:])
packet = b''
while not packet or packet[0] >> 4 != 4 or packet[0] & 15 == 5:
    packet = raw.recv(2000)[14:]
print(socket.inet_ntoa(packet[16:20]), packet[20:(packet[0] & 15) * 4].hex())
program.kill()
";

#[test]
fn hops_are_a_loose_source_route_in_the_order_they_are_given() {
    if !namespace::available() {
        return;
    }
    let words = "-g 127.0.0.2,127.0.0.3 -g 127.0.0.4 -G 4 127.0.0.1 9";
    let program = Ncat::ours().with(words).command_line();
    let script = in_namespace("exec python3 -c \"$@\"").arg(OPTIONS);
    let finished = script.args(program.split(' ')).run();
    // RFC 791: nothing, loose source route, its length, where it goes on, and the stops behind the first.
    finished.expect_code(0).stdout_is("127.0.0.2 018313047f0000037f0000047f0000017f000001\n");
}

#[test]
fn vsock_is_spoken_of_as_ncat_speaks_of_it() {
    if fs::metadata("/dev/vsock").is_err() {
        println!("skipped: this kernel has no vsock");
        return;
    }
    let seen = both(|ncat| {
        let mut listener = ncat.with("-l --vsock -v --test").arg(free_port().to_string()).spawn();
        listener.wait_for_stderr("NCAT TEST: LISTEN");
        listener.signal(Signal::TERM);
        Seen { code: None, ..Seen::of(&listener.wait()) }
    });
    assert_eq!(
        seen.err,
        "Ncat: Version V\nNcat: Listening on P:P\n".replace("P:P", "4294967295:P")
    );
    // Whether there is a host beside this machine, and what it says, is the same for both.
    let port = free_port().to_string();
    for words in ["-w 300ms --vsock 2", "-z -w 300ms --vsock 2", "--vsock x"] {
        both(|ncat| {
            let seen = Seen::of(&ncat.with(words).arg(&port).run());
            let said = seen.err.lines().last().unwrap_or_default().to_owned();
            Seen { err: said, ..seen }
        });
    }
}

#[test]
fn a_listener_s_port_may_be_given_as_source_port() {
    let seen = both(|ncat| {
        let port = free_port();
        let mut listener = ncat.with(&format!("-l -4 --test -p {port}")).spawn();
        listener.wait_for_stderr("NCAT TEST: LISTEN");
        let finished = ncat.client("--send-only", port).run_with_input("here\n");
        finished.expect_code(0);
        Seen::of(&listener.wait_with_open_stdin())
    });
    seen.is(0, "here\n", "");
}

#[test]
fn of_a_name_as_source_the_address_of_the_target_s_family_is_taken() {
    let seen = both(|ncat| {
        let server = sink();
        let finished = ncat.client("-s localhost", server.port).run_with_input("x");
        Seen::of(&finished).beside(server.done())
    });
    seen.is(0, "", "").peer_got(&["x"]);
}
