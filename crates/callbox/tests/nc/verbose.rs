//! What `-v` tells.

use super::ncat::{Ncat, Seen, both, free_port};
use super::peer::{closed_port, connect, echo, has_ipv6, read_to_end, send, server_at};

#[test]
fn a_client_tells_to_whom_it_is_connected_and_how_much_passed() {
    let seen = both(|ncat| {
        let server = echo();
        let finished = ncat.client("-v", server.port).run_with_input("four");
        Seen::of(&finished).beside(server.done())
    });
    let said = "Ncat: Version V\nNcat: Connected to 127.0.0.1:P.\n\
                Ncat: 4 bytes sent, 4 bytes received in T seconds.\n";
    seen.is(0, "four", said);
}

#[test]
fn an_ipv6_address_is_written_without_brackets() {
    if !has_ipv6() {
        return;
    }
    let seen = both(|ncat| {
        let server = server_at("::1", |mut stream| read_to_end(&mut stream));
        Seen::of(&ncat.with("-v ::1").arg(server.port.to_string()).run_with_input("x"))
            .beside(server.done())
    });
    let said = "Ncat: Version V\nNcat: Connected to ::1:P.\n\
                Ncat: 1 bytes sent, 0 bytes received in T seconds.\n";
    seen.is(0, "", said).peer_got(&["x"]);
}

#[test]
fn a_refusal_follows_the_version() {
    let seen = both(|ncat| Seen::of(&ncat.client("-v", closed_port()).run()));
    seen.is(1, "", "Ncat: Version V\nNcat: Connection refused.\n");
}

#[test]
fn a_listener_tells_of_both_its_sockets_and_twice_of_each_client() {
    if !has_ipv6() {
        return;
    }
    let seen = both(|ncat| {
        let port = free_port();
        let mut listener = ncat.with("-lv").arg(port.to_string()).spawn();
        listener.wait_for_stderr("Listening on 0.0.0.0:");
        let mut client = connect(port);
        send(&mut client, "hello\n");
        listener.wait_for_stdout("hello");
        drop(client);
        Seen::of(&listener.wait_with_open_stdin())
    });
    let said = "Ncat: Version V\nNcat: Listening on :::P\nNcat: Listening on 0.0.0.0:P\n\
                Ncat: Connection from 127.0.0.1.\nNcat: Connection from 127.0.0.1:P.\n";
    seen.is(0, "hello\n", said);
}

#[test]
fn a_listener_of_one_family_has_one_socket() {
    for (words, said) in
        [("-4", "0.0.0.0:P"), ("-6", ":::P"), ("127.0.0.1", "127.0.0.1:P"), ("::1", "::1:P")]
    {
        if said.starts_with(':') && !has_ipv6() {
            continue;
        }
        let seen = both(|ncat| {
            let program = ncat.with("-lv --test").arg(words).arg(free_port().to_string());
            let mut listener = program.spawn();
            listener.wait_for_stderr("NCAT TEST: LISTEN");
            listener.signal(callbox_testkit::Signal::TERM);
            Seen { code: None, ..Seen::of(&listener.wait()) }
        });
        assert_eq!(seen.err, format!("Ncat: Version V\nNcat: Listening on {said}\n"));
    }
}

#[test]
fn a_listener_with_test_is_ready_in_a_third_of_a_second_and_says_so() {
    let best = (0..5).map(|_| {
        let start = std::time::Instant::now();
        let listener = Ncat::ours().listen("");
        let took = start.elapsed();
        // The word is kept: who is told it can connect.
        drop((connect(listener.port), listener));
        took
    });
    let best = best.min().expect("five times");
    assert!(best < std::time::Duration::from_millis(300), "{best:?}");
}

#[test]
fn where_the_first_address_of_a_name_refuses_the_next_one_is_tried() {
    if !has_ipv6() || !callbox_testkit::namespace::available() {
        return;
    }
    // Names are this machine's, so what says so is replaced, in namespaces of the scenario's own.
    let seen = both(|ncat| {
        let folder = callbox_testkit::Folder::new("names");
        let (hosts, script) = (folder.join("hosts"), folder.join("script"));
        std::fs::write(&hosts, "::1 both.test\n127.0.0.1 both.test\n").expect("a file");
        std::fs::write(&script, ONE_FAMILY).expect("a file");
        let program = ncat.with("-v both.test 4999").command_line();
        let namespace = callbox_testkit::in_namespace("exec unshare --mount sh -e \"$@\"");
        let namespace = namespace.arg(&script).arg(&hosts).args(program.split(' '));
        Seen::of(&namespace.run_with_input("x"))
    });
    let said = "Ncat: Version V\nNcat: Connection to ::1 failed: Connection refused.\n\
                Ncat: Trying next address...\nNcat: Connected to 127.0.0.1:P.\n\
                Ncat: 1 bytes sent, 0 bytes received in T seconds.\n";
    seen.is(0, "got x\n", said);
}

/// Runs its arguments but the first, which is the file of names, beside a server that is reached over IPv4 alone.
const ONE_FAMILY: &str = "
mount --bind \"$1\" /etc/hosts
shift
python3 -c \"
import socket
server = socket.create_server(('127.0.0.1', 4999))
print('got', server.accept()[0].recv(9).decode())\" &
until grep -q ':1387 0*:0000 0A' /proc/net/tcp; do :; done
\"$@\"
wait
";
