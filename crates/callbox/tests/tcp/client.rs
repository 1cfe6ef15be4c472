//! The greeting client: what it prints, how it reaches a name's addresses, and what it says when nothing comes back.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use callbox_testkit::namespace::beside;
use callbox_testkit::{Running, Signal, in_namespace, python};
use socket2::{Domain, Socket, Type};

use super::*;

#[test]
fn the_exchange_is_printed_as_in_the_notes() {
    let (listener, address) = listener();
    let client = client(address, &[]).spawn();
    let (mut stream, peer) = accept(&listener);
    assert_eq!(read_exactly(&mut stream, 17), GREETING);
    stream.write_all(FAREWELL.as_bytes()).unwrap();
    let finished = client.wait();
    finished.expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    finished.stderr_is(&format!("Client has been assigned the socket: {peer}\n"));
}

#[test]
fn a_quiet_client_prints_the_bare_reply() {
    let (server, address) = server(&["-q"]);
    client(address, &["-q"]).run().expect_code(0).stdout_is("Goodbye, client!\n").stderr_is("");
    stop(server);
}

#[test]
fn a_reply_that_arrives_in_pieces_is_printed_whole() {
    let (listener, address) = listener();
    // The client tells each call, so that a piece can wait until the one before it was read.
    let mut client = client(address, &["-v"]).spawn();
    let (mut stream, _) = accept(&listener);
    for piece in [&b"G"[..], b"oodbye,", b" client", b"!"] {
        stream.write_all(piece).unwrap();
        client.wait_for_stderr(&format!(") = {} byte", piece.len()));
    }
    client.wait().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
}

#[test]
fn an_early_end_of_file_is_an_error() {
    let (listener, address) = listener();
    let client = client(address, &[]).spawn();
    let (mut stream, _) = accept(&listener);
    read_exactly(&mut stream, 17);
    stream.write_all(b"Goo").unwrap();
    drop(stream);
    let finished = client.wait();
    finished.expect_code(1).stdout_is("").stderr_contains(
        "callbox: was expecting 16 bytes but only received 3 before the socket closed\n",
    );
}

#[test]
fn a_reset_is_an_error_of_its_own() {
    let (listener, address) = listener();
    let client = client(address, &["-q"]).spawn();
    let (stream, _) = accept(&listener);
    reset(stream);
    let error = format!("callbox: {address} reset the connection\n");
    client.wait().expect_code(1).stdout_is("").stderr_is(&error);
}

#[test]
fn a_reset_in_mid_answer_says_how_much_came() {
    let (listener, address) = listener();
    let client = client(address, &["-q"]).spawn();
    let (mut stream, _) = accept(&listener);
    stream.write_all(b"Goo").unwrap();
    reset(stream);
    let error = format!("callbox: {address} reset the connection after 3 of 16 bytes\n");
    client.wait().expect_code(1).stdout_is("").stderr_is(&error);
}

#[test]
fn another_message_and_length_may_be_agreed_on() {
    let (listener, address) = listener();
    let client = client(address, &["--message", "héllo", "--length", "5"]).spawn();
    let (mut stream, _) = accept(&listener);
    assert_eq!(read_exactly(&mut stream, 6), "héllo".as_bytes());
    stream.write_all(b"howdy, and more").unwrap();
    client.wait().expect_code(0).stdout_is("Server: 'howdy'\n");
}

#[test]
fn a_refused_connection_says_that_nobody_listens() {
    // A socket that does not listen keeps its port from others.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = taken.local_addr().unwrap().as_socket().unwrap();
    let error = format!(
        "callbox: cannot connect to {address}: nobody listens on this port (connection refused)\n"
    );
    client(address, &[]).run().expect_code(1).stdout_is("").stderr_is(&error);
}

#[test]
fn a_connection_that_nobody_takes_is_given_up_in_time() {
    // With a full backlog the kernel drops what asks for a connection, as a firewall does.
    let mut full = python(
        "import socket\n\
         s = socket.create_server(('127.0.0.1', 0), backlog=0)\n\
         fill = [socket.socket() for _ in range(4)]\n\
         for c in fill: c.setblocking(False); c.connect_ex(s.getsockname())\n\
         print(s.getsockname()[1]); input()",
    )
    .spawn();
    let port = full.wait_for_stdout_lines(1).remove(0);
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let client = client(address, &["--connect-timeout", "300ms"]).spawn();
    let finished = client.wait_within(Duration::from_secs(5));
    let error = format!("callbox: cannot connect to {address}: no answer within 300ms");
    finished.expect_code(1).stdout_is("").stderr_contains(&error);
}

#[test]
fn a_host_or_network_out_of_reach_is_said_to_be_so() {
    let script =
        "ip address add 192.0.2.1/24 dev lo; ip route add unreachable 198.51.100.0/24; exec \"$@\"";
    let reach = |host: &str| {
        let program = in_namespace(script).arg(env!("CARGO_BIN_EXE_callbox"));
        program.args(["tcp", "client", host]).run()
    };
    let finished = reach("198.51.100.1");
    finished.expect_code(1).stderr_contains(
        "callbox: cannot connect to 198.51.100.1:3000: the host cannot be reached",
    );
    let finished = reach("203.0.113.1");
    finished.expect_code(1).stderr_contains(
        "callbox: cannot connect to 203.0.113.1:3000: there is no route to its network",
    );
}

#[test]
fn an_unknown_host_is_a_wrong_call() {
    let finished = callbox(&["tcp", "client", "nowhere.invalid"]).run();
    finished.expect_code(2).stdout_is("");
    finished.stderr_contains("callbox: cannot find the host 'nowhere.invalid': ");
}

/// A client of `name` in the network of `server`, where `name` stands for `addresses`.
fn client_of(server: &Running, addresses: &[&str]) -> Program {
    let hosts: String = addresses.iter().map(|address| format!("{address} both.test\\n")).collect();
    // A file of its own on a mount of its own: neither is seen outside.
    let script = format!(
        "exec unshare --mount sh -ec 'mount -t tmpfs tmpfs /mnt; printf \"{hosts}\" > /mnt/hosts; \
         mount --bind /mnt/hosts /etc/hosts; exec \"$@\"' sh \"$@\""
    );
    beside(server, &script).args([env!("CARGO_BIN_EXE_callbox"), "tcp", "client", "both.test"])
}

#[test]
fn all_addresses_of_a_name_are_tried() {
    if !has_ipv6() {
        return;
    }
    for listening in ["::1", "127.0.0.1"] {
        let mut server = in_namespace("exec \"$@\"")
            .args([env!("CARGO_BIN_EXE_callbox"), "tcp", "server", "--bind", listening])
            .spawn();
        server.wait_until_listening();
        let finished = client_of(&server, &["::1", "127.0.0.1"]).run();
        finished.expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    }
}

#[test]
fn each_address_that_failed_is_told() {
    if !has_ipv6() {
        return;
    }
    let mut network = in_namespace("echo ready; exec sleep 1000").spawn();
    network.wait_for_stdout("ready");
    let finished = client_of(&network, &["::1", "127.0.0.1"]).run();
    finished.expect_code(1).stderr_contains("cannot connect to [::1]:3000: nobody listens");
    finished.stderr_contains("cannot connect to 127.0.0.1:3000: nobody listens");
}

#[test]
fn an_address_that_does_not_answer_does_not_keep_the_next_one_waiting() {
    if !has_ipv6() {
        return;
    }
    // What is routed to loopback without being an address of it vanishes there. IPv6 is tried first (RFC 6724).
    let script = "ip address add 2001:db8::1/128 dev lo nodad; ip route add 2001:db8::2/128 dev lo; exec \"$@\"";
    let mut server =
        in_namespace(script).args([env!("CARGO_BIN_EXE_callbox"), "tcp", "server"]).spawn();
    server.wait_until_listening();
    let finished = client_of(&server, &["2001:db8::2", "127.0.0.1"]).arg("-v").run();
    finished.expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    let text = finished.stderr_text();
    let at = |part: &str| text.find(part);
    let (first, second) =
        (at(", [2001:db8::2]:3000) = under way"), at(", 127.0.0.1:3000) = connected"));
    finished.expect(first.is_some() && first < second, || "the first address first".to_owned());
    // The kernel gives such an address up after a second, which is not what was waited for.
    finished.stderr_lacks(", [2001:db8::2]:3000) failed");
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let (listener, address) = listener();
    let client = client(address, &["-q", "--timeout", "200ms"]).spawn();
    let _stream = accept(&listener);
    let error = format!("callbox: {address} was silent for 200ms (--timeout)\n");
    client.wait().expect_code(1).stdout_is("").stderr_is(&error);
}

#[test]
fn an_interrupt_in_mid_exchange_ends_the_client_with_a_word() {
    for signal in [Signal::INT, Signal::TERM] {
        let (listener, address) = listener();
        let client = client(address, &["-q"]).spawn();
        let (mut stream, _) = accept(&listener);
        read_exactly(&mut stream, 17);
        client.signal(signal);
        let finished = client.wait();
        finished.expect_code(130).stdout_is("").stderr_contains("callbox: interrupted");
    }
}

#[test]
fn each_socket_call_and_state_is_shown_on_request() {
    let (server, address) = server(&["-q"]);
    let finished = client(address, &["-v"]).run();
    finished.expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    let text = finished.stderr_text();
    let assigned = "Client has been assigned the socket: ";
    let own = text.lines().find_map(|line| line.strip_prefix(assigned)).expect("its address");
    let mut lines = text.lines().map(str::trim);
    for wanted in [
        "socket(AF_INET, SOCK_STREAM) = fd ",
        &format!(", {address}) = under way"),
        &format!(") = {own}"),
        &format!(", {address}) = connected"),
        &format!(": ESTABLISHED ({own}, {address})"),
        ", 17 bytes) = 17",
        ") = 16 bytes",
    ] {
        let found = lines.any(|line| line.contains(wanted));
        finished.expect(found, || format!("{wanted:?} in its place"));
    }
    stop(server);
}

#[test]
fn control_characters_of_a_server_are_shown_escaped() {
    for quiet in [&[][..], &["-q"]] {
        let (listener, address) = listener();
        let client = client(address, quiet).spawn();
        let (mut stream, _) = accept(&listener);
        stream.write_all("\x1b]0;x\x07\u{202e}\u{9b}\r".as_bytes()).unwrap();
        stream.write_all(b"\xff1234").unwrap();
        let finished = client.wait();
        finished.expect_code(0);
        finished.stdout_contains(r"\x1b]0;x\x07\u{202e}\u{9b}\r\xff123");
        let control = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        finished.expect(!finished.stdout_text().contains(control), || {
            "no control character".to_owned()
        });
    }
}
