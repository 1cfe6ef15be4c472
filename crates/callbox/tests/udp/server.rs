//! The server: what it prints, what it answers, and where it listens.

use std::io;
use std::net::{IpAddr, SocketAddr};

use callbox_testkit::{Running, Signal, in_namespace, listening_address, namespace};

use crate::peers::Peer;
use crate::{client_of, start_server, udp};

#[test]
fn it_says_where_it_listens_and_who_says_what() {
    let (mut server, address) = start_server(&[]);
    assert_eq!(address.ip().to_string(), "127.0.0.1");
    let peer = Peer::connected_to(address);
    assert_eq!(peer.ask("sally"), b"SALLY");
    let line = server.wait_for_stdout("sally");
    assert_eq!(line, format!("The client at {} says 'sally'", peer.address()));
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0).stderr_is(&format!("Listening at {address}\n"));
}

#[test]
fn it_listens_on_port_3000_of_loopback_unless_told_otherwise_and_the_client_asks_there() {
    if !namespace::available() {
        eprintln!("skipped: no network namespaces here, and port 3000 may be another's");
        return;
    }
    let callbox = env!("CARGO_BIN_EXE_callbox");
    let mut server = in_namespace("exec \"$@\"").args([callbox, "udp", "server"]).spawn();
    assert_eq!(server.wait_for_stderr("Listening"), "Listening at 127.0.0.1:3000");
    let client = namespace::beside(&server, "exec \"$@\"").args([callbox, "udp", "client"]);
    let finished = client.run_with_input("sally\n");
    finished.expect_code(0).stdout_is("The server 127.0.0.1:3000 replied with 'SALLY'\n");
}

#[test]
fn text_in_any_script_comes_back_in_capitals() {
    let (_server, address) = start_server(&[]);
    let peer = Peer::connected_to(address);
    for (text, capitals) in [
        ("sally", "SALLY"),
        ("héllo 你好", "HÉLLO 你好"),
        ("straße", "STRASSE"),
        ("ﬁne, ŉ", "FINE, ʼN"),
        ("γειά σου, привет", "ΓΕΙΆ ΣΟΥ, ПРИВЕТ"),
        ("already IN CAPITALS 123", "ALREADY IN CAPITALS 123"),
        ("", ""),
        ("a", "A"),
    ] {
        assert_eq!(String::from_utf8(peer.ask(text)).as_deref(), Ok(capitals), "{text}");
    }
}

#[test]
fn bytes_that_are_not_text_pass_unchanged_and_the_letters_among_them_are_raised() {
    let (_server, address) = start_server(&[]);
    let peer = Peer::connected_to(address);
    assert_eq!(peer.ask(b"\xff\xfea\x80z\xc3"), b"\xff\xfeA\x80Z\xc3");
    let mut random = 7_u64;
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| next_random(&mut random)).collect();
        let capitals = bytes.utf8_chunks().flat_map(|chunk| {
            [chunk.valid().to_uppercase().into_bytes(), chunk.invalid().to_vec()].concat()
        });
        assert_eq!(peer.ask(&bytes), capitals.collect::<Vec<u8>>(), "{bytes:x?}");
    }
}

/// Knuth's MMIX generator; the high bits are the good ones.
fn next_random(state: &mut u64) -> u8 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 56) as u8
}

#[test]
fn the_longest_datagrams_are_answered_whole() {
    let (_server, v4) = start_server(&[]);
    let peer = Peer::connected_to(v4);
    assert_eq!(peer.ask(vec![b'a'; 65_507]), vec![b'A'; 65_507]);
    let (_server, v6) = start_server(&["--bind", "::1"]);
    let peer = Peer::connected_to(v6);
    assert_eq!(peer.ask(vec![b'a'; 65_507]), vec![b'A'; 65_507]);
    assert_eq!(peer.ask(vec![b'a'; 65_527]), vec![b'A'; 65_527]);
}

#[test]
fn a_long_datagram_is_shown_in_part_with_the_length_of_the_rest() {
    let (mut server, address) = start_server(&[]);
    Peer::connected_to(address).ask(vec![b'x'; 65_507]);
    let line = server.wait_for_stdout("says");
    assert!(line.ends_with("… and 63907 bytes more"), "{line}");
}

#[test]
fn what_would_drive_a_terminal_is_shown_escaped() {
    let (mut server, address) = start_server(&[]);
    let peer = Peer::connected_to(address);
    for (sent, shown) in [
        (&b"\x1b[31mred\x1b]0;title\x07"[..], r"'\x1b[31mred\x1b]0;title\x07'"),
        ("abc\u{202e}def\u{2066}".as_bytes(), r"'abc\u{202e}def\u{2066}'"),
        (b"two\nlines\r\n\t", r"'two\nlines\r\n\t'"),
        (b"it's \\ \xff\x00", r"'it\'s \\ \xff\x00'"),
        ("\u{9b}31m".as_bytes(), r"'\u{9b}31m'"),
    ] {
        peer.ask(sent);
        let line = server.wait_for_stdout("says");
        assert_eq!(line, format!("The client at {} says {shown}", peer.address()));
    }
}

#[test]
fn quiet_prints_no_datagram() {
    let (server, address) = start_server(&["-q"]);
    Peer::connected_to(address).ask("sally");
    server.signal(Signal::TERM);
    server.wait().expect_code(0).stdout_is("");
}

#[test]
fn each_service_over_datagrams_answers() {
    let answer = |service: &str, question: &str| {
        let (_server, address) = start_server(&["--service", service]);
        Peer::connected_to(address).ask(question)
    };
    assert_eq!(answer("upper", "abc"), b"ABC");
    assert_eq!(answer("echo", "abc"), b"abc");
    assert!(answer("chargen", "").len() <= 512);
    assert!(answer("qotd", "").len() <= 512);
    assert!(String::from_utf8(answer("daytime", "")).expect("a date").contains(':'));
    let since_1900 = u32::from_be_bytes(answer("time", "").try_into().expect("32 bits"));
    assert!(since_1900 > 3_900_000_000, "{since_1900} seconds since 1900");
}

#[test]
fn discard_answers_nothing_and_shows_what_came() {
    let (mut server, address) = start_server(&["--service", "discard"]);
    let peer = Peer::connected_to(address);
    peer.send("nobody hears this");
    server.wait_for_stdout("says 'nobody hears this'");
    assert!(peer.drain().is_empty());
}

#[test]
fn it_listens_at_the_addresses_it_is_given() {
    for (bind, ip) in [("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("[::1]", "::1")] {
        let (_server, address) = start_server(&["--bind", bind]);
        assert_eq!(address.ip().to_string(), ip);
        assert_eq!(Peer::connected_to(address).ask("sally"), b"SALLY");
    }
}

#[test]
fn bind_may_be_repeated() {
    let (mut server, first) = start_server(&["--bind", "127.0.0.2", "--bind", "127.0.0.3"]);
    let second = server.wait_until_listening();
    assert_eq!(first.ip().to_string(), "127.0.0.2");
    assert_eq!(second.ip().to_string(), "127.0.0.3");
    for address in [first, second] {
        assert_eq!(Peer::connected_to(address).ask("sally"), b"SALLY");
    }
}

#[test]
fn an_interface_is_bound_by_its_name() {
    let (_server, address) = start_server(&["--bind", "lo"]);
    assert!(address.ip().is_loopback());
    assert_eq!(Peer::connected_to(address).ask("sally"), b"SALLY");
}

#[test]
fn a_star_takes_both_families_and_answers_from_the_address_that_was_asked() {
    let (_server, address) = start_server(&["--bind", "*"]);
    // A connected socket hears only whom it asked.
    for ip in ["127.0.0.1", "127.0.0.5", "127.9.8.7", "::1"] {
        let asked = SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), address.port());
        assert_eq!(Peer::connected_to(asked).ask(format!("to {ip}")).len(), 3 + ip.len());
    }
}

#[test]
fn the_wildcard_of_ipv4_answers_from_the_address_that_was_asked() {
    let (_server, address) = start_server(&["--bind", "0.0.0.0"]);
    for ip in ["127.0.0.1", "127.0.0.5"] {
        let asked = SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), address.port());
        assert_eq!(Peer::connected_to(asked).ask("sally"), b"SALLY");
    }
}

#[test]
fn a_burst_is_answered_whole_and_what_is_not_shown_of_it_is_counted() {
    const BURST: usize = 30_000;
    let (server, address) = start_server(&[]);
    let peers = [(); 3].map(|()| Peer::connected_to(address));
    ask_in_windows(&peers, BURST);
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0).stdout_contains(" more datagrams from 3 peers not shown)\n");
    let (shown, skipped) = shown_and_skipped(&finished.stdout_text());
    assert!(shown > 0 && skipped > 0);
    assert_eq!(shown + skipped, BURST);
}

#[test]
fn a_reader_who_stops_reading_the_log_holds_up_nobody() {
    let (log, full) = io::pipe().expect("a pipe");
    let mut server = udp().args(["server", "-p", "0"]).stdout_to(full).spawn();
    let peer = Peer::connected_to(server.wait_until_listening());
    let long = "a".repeat(1_000);
    // 2 MB: many times what a pipe holds.
    (0..2_000).for_each(|_| assert_eq!(peer.ask(&long).len(), long.len()));
    drop(log);
    server.wait().expect_code(0);
}

/// Sends `count` different datagrams in turn from `peers`, and never more than a socket's buffer holds; checks each
/// answer.
pub(crate) fn ask_in_windows(peers: &[Peer], count: usize) {
    const WINDOW: usize = 64;
    let mut buffer = vec![0; 2_048];
    for (turn, start) in (0..count).step_by(WINDOW).enumerate() {
        let peer = &peers[turn % peers.len()];
        let numbers = start..count.min(start + WINDOW);
        // Capitals already: answers that equal their questions are the ones that the guard looks at.
        numbers.clone().for_each(|number| peer.send(format!("QUESTION {number}")));
        for number in numbers {
            let answer = peer.receive_into(&mut buffer);
            assert_eq!(answer, format!("QUESTION {number}").as_bytes());
        }
    }
}

/// How many datagrams a log shows, and how many it says it does not show.
pub(crate) fn shown_and_skipped(log: &str) -> (usize, usize) {
    let shown = log.lines().filter(|line| line.starts_with("The client at ")).count();
    let skipped = log.lines().filter_map(|line| line.strip_prefix('(')?.split(' ').next());
    (shown, skipped.map(|count| count.parse::<usize>().expect("a count")).sum())
}

#[test]
fn verbose_prints_each_call_in_its_order() {
    let mut server = udp().args(["server", "-p", "0", "-v"]).spawn();
    server.wait_for_stderr("socket(AF_INET, SOCK_DGRAM) = fd 3, unbound 0.0.0.0:0");
    server.wait_for_stderr("bind(fd 3, 127.0.0.1:0) = ok");
    let line = server.wait_for_stderr("getsockname(fd 3) = 127.0.0.1:");
    let named = line.rsplit(' ').next().expect("an address").to_owned();
    let address = server.wait_until_listening();
    assert_eq!(address.to_string(), named);
    client_of(address).run_with_input("sally\n").expect_code(0);
    wait_for_exchange(&mut server);
}

fn wait_for_exchange(server: &mut Running) {
    server.wait_for_stderr("recvmmsg(fd ");
    server.wait_for_stderr("sendmmsg(fd ");
}

#[test]
fn each_server_of_several_addresses_is_named_once() {
    let (server, _) = start_server(&["--bind", "127.0.0.2", "--bind", "127.0.0.3"]);
    server.signal(Signal::TERM);
    let finished = server.wait();
    let listening: Vec<_> =
        finished.expect_code(0).stderr_text().lines().map(listening_address).collect();
    assert_eq!(listening.len(), 2);
    assert_ne!(listening[0], listening[1]);
}

#[test]
#[cfg(target_os = "linux")]
fn every_free_core_takes_part_in_serving() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (server, address) = start_server(&["-q"]);
    // The kernel spreads peers by a hash of their ports; that of 256 all fall to one of two threads is a chance of 2^-255.
    let peers: Vec<_> = (0..256).map(|_| Peer::connected_to(address)).collect();
    let all_ask = || peers.iter().for_each(|peer| assert_eq!(peer.ask("sally"), b"SALLY"));
    // Once before, so that every thread has started.
    all_ask();
    let before = times_on_a_core(server.id());
    all_ask();
    let after = times_on_a_core(server.id());
    let busy = after.iter().filter(|(thread, times)| before.get(*thread) != Some(times));
    assert_eq!(busy.count(), cores, "{before:?} {after:?}");
}

/// How often each serving thread of a process was given a core: the third number of `/proc/PID/task/TID/schedstat`.
#[cfg(target_os = "linux")]
fn times_on_a_core(process: u32) -> std::collections::BTreeMap<String, u64> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("a running process");
    let read = |file: std::path::PathBuf| std::fs::read_to_string(file).unwrap_or_default();
    tasks
        .filter_map(|task| {
            let task = task.ok()?.path();
            let name = read(task.join("comm")).trim_end().to_owned();
            let times = read(task.join("schedstat")).split_whitespace().nth(2)?.parse().ok()?;
            name.starts_with("udp-").then_some((name, times))
        })
        .collect()
}
