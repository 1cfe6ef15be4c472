//! The greeting server: what it answers and prints, how many it serves, whom it waits for, and how it ends.

use std::collections::HashSet;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use callbox_testkit::namespace::beside;
use callbox_testkit::{Running, Signal, in_namespace};

use super::*;

const OTHER_LINES: &str = "  message from client: 'Greetings, serve'\n";

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_greeting_of_sixteen_bytes_is_answered_and_printed_as_in_the_notes() {
    let (mut server, address) = server(&[]);
    let mut stream = connect(address);
    let peer = stream.local_addr().unwrap();
    stream.write_all(&GREETING[..16]).unwrap();
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    drop(stream);
    server.wait_for_stdout("  Closing socket");
    let printed = format!("Waiting for a new connection\n{}", block(address, peer, OTHER_LINES));
    let finished = stop(server);
    finished.stdout_is(&printed).stderr_contains(&format!("Listening at {address}\n"));
    finished.stderr_lacks("callbox: ");
}

#[test]
fn a_greeting_that_arrives_byte_by_byte_is_answered() {
    let (server, address) = server(&[]);
    let mut stream = connect(address);
    for byte in &GREETING[..16] {
        stream.write_all(std::slice::from_ref(byte)).unwrap();
    }
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    drop(stream);
    stop(server).stdout_contains(OTHER_LINES);
}

#[test]
fn the_seventeenth_byte_of_the_notes_brings_no_reset() {
    let (server, address) = server(&["-q"]);
    // Whichever segment it comes in, and also when the reply was there before it.
    (0..100).for_each(|_| exchange(address));
    for _ in 0..100 {
        let mut stream = connect(address);
        stream.write_all(&GREETING[..16]).unwrap();
        assert_eq!(read_exactly(&mut stream, 16), FAREWELL.as_bytes());
        stream.write_all(&GREETING[16..]).unwrap();
        // A reset would be here by now: loopback delivers while it sends.
        assert!(stream.take_error().unwrap().is_none());
        stream.write_all(b"and more").expect("it is still read");
        assert_eq!(read_to_end(&mut stream), b"");
    }
    stop(server);
}

#[test]
fn a_peer_that_sends_a_mebibyte_gets_the_reply_and_an_orderly_end_of_file() {
    let (server, address) = server(&[]);
    let mut stream = connect(address);
    let mut sender = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            sender.write_all(&vec![b'x'; 1 << 20]).expect("all of it is taken");
            end(&sender);
        });
        assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    });
    drop(stream);
    stop(server).stdout_contains("  message from client: 'xxxxxxxxxxxxxxxx'\n  Closing socket\n");
}

#[test]
fn a_peer_that_never_stops_sending_is_cut_off_within_a_bound() {
    let (server, address) = server(&["-q"]);
    let mut stream = connect(address);
    let piece = vec![b'x'; 64 << 10];
    // 16 MiB are read, and what the kernel keeps of a connection is a few more.
    let bound = (64 << 20) / piece.len();
    let sent = (0..bound).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < bound, "it was still read after 64 MiB");
    exchange(address);
    stop(server);
}

#[test]
fn a_peer_that_keeps_the_connection_open_after_its_reply_is_let_go() {
    let (mut server, address) = server(&[]);
    let mut stream = connect(address);
    stream.write_all(GREETING).unwrap();
    // Its end of file comes with the reply; our own never does.
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    server.wait_for_stdout("  Closing socket");
    stop(server);
}

#[test]
fn an_early_end_of_file_is_said() {
    let (server, address) = server(&[]);
    let mut stream = connect(address);
    let peer = stream.local_addr().unwrap();
    stream.write_all(b"Gre").unwrap();
    end(&stream);
    assert_eq!(read_to_end(&mut stream), b"");
    drop(stream);
    let early = "  was expecting 16 bytes but only received 3 before the socket closed\n  \
                 message from client: 'Gre'\n";
    stop(server).stdout_contains(&block(address, peer, early));
}

#[test]
fn the_lines_of_one_connection_stay_together_however_many_there_are() {
    const CLIENTS: usize = 64;
    const EACH: usize = 2;
    let (server, address) = server(&[]);
    let barrier = Barrier::new(CLIENTS);
    let peers: HashSet<SocketAddr> = thread::scope(|scope| {
        let talk = || {
            let mut peers = Vec::new();
            for _ in 0..EACH {
                let mut stream = connect(address);
                peers.push(stream.local_addr().unwrap());
                stream.write_all(&GREETING[..3]).unwrap();
                // Now all 64 are open and none is whole.
                barrier.wait();
                stream.write_all(&GREETING[3..]).unwrap();
                assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
            }
            peers
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(talk)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(peers.len(), CLIENTS * EACH);
    let finished = stop(server);
    let text = finished.stdout_text();
    let (_, shown) = text.split_once("Waiting for a new connection\n").expect("a first line");
    let expected: HashSet<String> =
        peers.iter().map(|&peer| block(address, peer, OTHER_LINES)).collect();
    let end = "Waiting for a new connection\n";
    let blocks: Vec<_> = shown.split_inclusive(end).map(str::to_owned).collect();
    assert_eq!(blocks.len(), CLIENTS * EACH);
    let blocks: HashSet<_> = blocks.into_iter().collect();
    finished.expect(blocks == expected, || "every block whole".to_owned());
}

#[test]
fn beyond_a_rate_connections_are_counted_instead_of_shown() {
    const CONNECTIONS: usize = 2_500;
    let (server, address) = server(&[]);
    (0..CONNECTIONS).for_each(|_| exchange(address));
    let finished = stop(server);
    let text = finished.stdout_text();
    let not_shown = |line: &str| {
        let number = line.strip_prefix('(')?.split(' ').next()?;
        line.contains("not shown").then(|| number.parse::<usize>().ok()).flatten()
    };
    let skipped: usize = text.lines().filter_map(not_shown).sum();
    let shown = count(&text, "Connection from ");
    finished.expect(skipped > 0 && shown > 0, || "some to be shown and some not".to_owned());
    finished.expect(shown + skipped == CONNECTIONS, || format!("{shown} + {skipped} connections"));
    assert_eq!(count(&text, OTHER_LINES), shown);
}

#[test]
fn a_quiet_server_prints_nothing() {
    let (server, address) = server(&["-q"]);
    exchange(address);
    stop(server).stdout_is("");
}

#[test]
fn silent_connections_harm_nobody() {
    let (server, address) = server(&["-q"]);
    let silent: Vec<_> = (0..100).map(|_| connect(address)).collect();
    (0..20).for_each(|_| exchange(address));
    drop(silent);
    stop(server);
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed_in_order() {
    let (mut server, address) = server(&["--idle-timeout", "200ms"]);
    let start = Instant::now();
    let (mut silent, mut stalled) = (connect(address), connect(address));
    stalled.write_all(b"Gre").unwrap();
    assert_eq!(read_to_end(&mut silent), b"");
    assert_eq!(read_to_end(&mut stalled), b"");
    assert!(start.elapsed() >= Duration::from_millis(190), "{:?}", start.elapsed());
    server.wait_for_stdout("  nothing moved for 200ms");
    server.wait_for_stdout("  nothing moved for 200ms");
    exchange(address);
    stop(server);
}

#[test]
fn connections_beyond_the_cap_wait_and_it_is_said_once() {
    let (mut server, address) = server(&["-q", "-v", "--max-connections", "2"]);
    let held: Vec<_> = (0..2).map(|_| connect(address)).collect();
    // Both have their place before others ask, at whichever worker.
    held.iter().for_each(|_| drop(server.wait_for_stderr("accept(fd ")));
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(GREETING).unwrap();
            end(&stream);
            stream
        })
        .collect();
    // That the cap is reached is said beside the second `accept`, before or behind it: it is counted at the end.
    waiting[0].set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    assert!(waiting[0].peek(&mut [0]).is_err(), "it was answered beyond the cap");
    waiting[0].set_read_timeout(Some(EVENT_DEADLINE)).unwrap();
    drop(held);
    for mut stream in waiting {
        assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    }
    let finished = stop(server);
    let said = count(&finished.stderr_text(), "which is the limit");
    finished.expect(said == 1, || format!("the cap to be said once, not {said} times"));
}

#[test]
fn the_end_of_file_descriptors_is_survived_and_said_once() {
    let limited = "ulimit -n 40; exec \"$@\"";
    let server = Program::new("sh").args(["-c", limited, "sh", env!("CARGO_BIN_EXE_callbox")]);
    let mut server =
        server.args(["tcp", "server", "-p", "0", "-q", "--max-connections", "1000"]).spawn();
    let address = server.wait_until_listening();
    let mut all: Vec<_> = (0..60).map(|_| connect(address)).collect();
    for stream in &mut all {
        stream.write_all(b"Gre").unwrap();
    }
    server.wait_for_stderr("cannot accept a connection: Too many open files");
    // Those that have their place finish, and make room for those that wait.
    for stream in &mut all {
        stream.write_all(&GREETING[3..]).unwrap();
        end(stream);
    }
    for mut stream in all {
        assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    }
    exchange(address);
    let finished = stop(server);
    let said = count(&finished.stderr_text(), "Too many open files");
    finished.expect(said == 1, || format!("it to be said once, not {said} times"));
}

#[test]
fn every_worker_accepts() {
    let (server, address) = server(&["-q", "-v"]);
    (0..64).for_each(|_| exchange(address));
    let finished = stop(server);
    let text = finished.stderr_text();
    let listening: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("listen(")?.split(',').next())
        .collect();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(listening.len(), workers);
    for fd in listening {
        finished.stderr_contains(&format!("accept({fd}) = "));
    }
}

#[test]
fn unless_told_otherwise_both_ends_meet_at_port_3000_of_loopback() {
    // A network of its own, or the port might be another's.
    let mut server =
        in_namespace("exec \"$@\"").args([env!("CARGO_BIN_EXE_callbox"), "tcp", "server"]).spawn();
    assert_eq!(server.wait_until_listening(), "127.0.0.1:3000".parse().unwrap());
    let client =
        beside(&server, "exec \"$@\"").args([env!("CARGO_BIN_EXE_callbox"), "tcp", "client"]);
    client.run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
}

#[test]
fn bind_may_be_repeated() {
    if !has_ipv6() {
        return;
    }
    let (mut server, first) =
        server(&["--bind", "127.0.0.1", "--bind", "::1", "--bind", "127.0.0.2"]);
    let (second, third) = (server.wait_until_listening(), server.wait_until_listening());
    assert_eq!(first.ip().to_string(), "127.0.0.1");
    assert_eq!(second.ip().to_string(), "::1");
    assert_eq!(third.ip().to_string(), "127.0.0.2");
    [first, second, third].into_iter().for_each(exchange);
    stop(server);
}

#[test]
fn a_star_is_every_address_of_both_families() {
    if !has_ipv6() {
        return;
    }
    let (mut server, listening) = server(&["--bind", "*"]);
    assert_eq!(listening.ip().to_string(), "::");
    for host in ["127.0.0.1", "127.0.0.9", "::1"] {
        let address = SocketAddr::new(host.parse().unwrap(), listening.port());
        exchange(address);
        // The address that was really called, without the IPv6 coat of an IPv4 address.
        server.wait_for_stdout(&format!("  Socket name: {address}"));
    }
    stop(server);
}

#[test]
fn an_interface_may_be_bound_by_its_name() {
    let (server, address) = server(&["--bind", "lo"]);
    assert!(address.ip().is_loopback());
    exchange(address);
    stop(server);
}

#[test]
fn each_socket_call_and_state_is_shown_on_request() {
    let (mut server, address) = server(&["-v"]);
    let mut stream = connect(address);
    let peer = stream.local_addr().unwrap();
    stream.write_all(&GREETING[..16]).unwrap();
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    // Once we close too, the connection has no 4-tuple any more.
    let finishing = server.wait_for_stderr(": FIN-WAIT-");
    assert!(finishing.ends_with(&format!(" ({address}, {peer})")), "{finishing}");
    drop(stream);
    let finished = stop(server);
    let text = finished.stderr_text();
    let mut lines = text.lines().map(str::trim);
    for wanted in [
        "socket(AF_INET, SOCK_STREAM) = fd 3, unbound 0.0.0.0:0",
        "bind(fd 3, 127.0.0.1:0) = ok",
        "listen(fd 3, backlog ",
        &format!("Listening at {address}"),
        &format!(" from {peer}"),
        &format!(": ESTABLISHED ({address}, {peer})"),
        ") = 16 bytes",
        ", 16 bytes) = 16",
        ", SHUT_WR) = ok",
        ": FIN-WAIT-",
        ") = end of file",
    ] {
        let found = lines.any(|line| line.contains(wanted));
        finished.expect(found, || format!("{wanted:?} in its place"));
    }
}

#[test]
fn control_characters_of_a_peer_are_shown_escaped() {
    let (server, address) = server(&[]);
    let mut stream = connect(address);
    stream.write_all("\x1b[2J\x07\r\n\u{202e}abc'".as_bytes()).unwrap();
    stream.write_all(b"1234").unwrap();
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    drop(stream);
    let finished = stop(server);
    finished.stdout_contains(r"'\x1b[2J\x07\r\n\u{202e}abc\'12'");
    assert!(finished.stdout.iter().all(|&byte| byte == b'\n' || (b' '..0x7f).contains(&byte)));
}

#[test]
fn either_signal_ends_an_idle_server_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let times = std::iter::repeat_with(|| {
            let (server, _) = server(&[]);
            let start = Instant::now();
            server.signal(signal);
            server.wait().expect_code(0).stdout_is("Waiting for a new connection\n");
            start.elapsed()
        });
        // It waits three seconds for somebody who is silent; a machine may stand still for as long.
        assert!(times.take(3).any(|time| time < Duration::from_secs(2)));
    }
}

#[test]
fn the_first_signal_lets_an_exchange_finish() {
    let (mut server, address) = server(&["-v"]);
    let mut stream = begun(address, &mut server);
    server.signal(Signal::INT);
    server.wait_for_stderr("a second signal ends it at once");
    wait_until_refused(address);
    stream.write_all(&GREETING[3..]).unwrap();
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
    drop(stream);
    server.wait().expect_code(0).stdout_contains(OTHER_LINES);
}

#[test]
fn a_stopping_server_does_not_wait_for_the_silent() {
    let (mut server, address) = server(&["-v"]);
    let mut stream = begun(address, &mut server);
    server.signal(Signal::TERM);
    assert_eq!(read_to_end(&mut stream), b"");
    server.wait().expect_code(0).stdout_contains("  the server stops\n");
}

#[test]
fn the_second_signal_ends_the_server_at_once() {
    let (mut server, address) = server(&["-v"]);
    let _stream = begun(address, &mut server);
    server.signal(Signal::TERM);
    wait_until_refused(address);
    server.signal(Signal::INT);
    server.wait().expect_code(130);
}

/// A connection on which a server that shows its calls has read three bytes.
#[track_caller]
fn begun(address: SocketAddr, server: &mut Running) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(&GREETING[..3]).unwrap();
    server.wait_for_stderr(") = 3 bytes");
    stream
}
