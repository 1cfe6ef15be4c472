//! The server cannot be used as a weapon, and a client with much to ask does not notice that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callbox_testkit::{Running, Signal, in_namespace, namespace};

use crate::peers::{Peer, spoof};
use crate::server::{ask_in_windows, shown_and_skipped};
use crate::start_server;

/// Answers that may go round before a loop is broken, for two servers, with room for what is refilled meanwhile.
const LOOP_BOUND: usize = 2 * (32 + 16);

#[test]
fn two_servers_set_on_each_other_by_one_forged_datagram_fall_silent() {
    let (mut one, address_of_one) = start_server(&[]);
    let (mut two, address_of_two) = start_server(&[]);
    if !spoof(address_of_two, address_of_one, "abc") {
        return;
    }
    one.wait_for_stdout(&format!("The client at {address_of_two} says 'abc'"));
    // The second was the first to give back what it got, and so is the first to have done it too often.
    two.wait_for_stderr("(1 datagram not answered: going round in a loop)");
    let datagrams = count_at_end(one) + count_at_end(two);
    assert!((3..LOOP_BOUND).contains(&datagrams), "{datagrams} datagrams went round");
}

fn count_at_end(server: Running) -> usize {
    server.signal(Signal::TERM);
    let finished = server.wait();
    let (shown, skipped) = shown_and_skipped(&finished.expect_code(0).stdout_text());
    shown + skipped
}

#[test]
fn a_peer_that_mirrors_everything_gets_a_bounded_number_of_answers() {
    // Services whose answers are their own give 64 before they ration, the others 32.
    let servers = ["upper", "echo", "daytime", "qotd", "chargen", "time"].map(|service| {
        let (server, address) = start_server(&["--service", service]);
        let answers = Arc::new(AtomicUsize::new(0));
        mirror(address, Arc::clone(&answers));
        (service, server, answers)
    });
    for (service, mut server, answers) in servers {
        server.wait_for_stderr("not answered: going round in a loop)");
        // A mirror that got no answer has nothing to mirror any more.
        let answers = answers.load(Ordering::SeqCst);
        assert!((16..=64 + 16).contains(&answers), "{service} gave {answers} answers");
    }
}

/// Asks once, and then sends back whatever comes.
fn mirror(server: std::net::SocketAddr, answers: Arc<AtomicUsize>) {
    Peer::connected_to(server).serve(move |peer| {
        peer.send("abc");
        loop {
            let answer = peer.receive();
            answers.fetch_add(1, Ordering::SeqCst);
            peer.send(answer);
        }
    });
}

#[test]
fn a_source_port_below_1024_is_answered_only_with_any_port() {
    let Some(peer) = at_a_reserved_port() else {
        eprintln!("skipped: ports below 1024 are not permitted here");
        return;
    };
    let (mut server, address) = start_server(&[]);
    peer.send_to("sally", address);
    server.wait_for_stderr("(1 datagram not answered: source port below 1024)");
    assert!(peer.drain().is_empty());
    let (_server, address) = start_server(&["--any-port"]);
    peer.send_to("sally", address);
    assert_eq!(peer.receive_from(), (b"SALLY".to_vec(), address));
}

/// On an address that no other test uses.
fn at_a_reserved_port() -> Option<Peer> {
    (1..1024).find_map(|port| Peer::try_at(&format!("127.0.0.61:{port}")).ok())
}

#[test]
fn what_claims_to_come_from_the_server_itself_is_not_answered() {
    let servers = ["127.0.0.1", "0.0.0.0", "*"].map(|bind| start_server(&["--bind", bind]));
    for (_, listening) in &servers {
        let own = ([127, 0, 0, 1], listening.port()).into();
        if !spoof(own, own, "abc") {
            return;
        }
    }
    for (mut server, _) in servers {
        server.wait_for_stderr("(1 datagram not answered: from the server's own address)");
    }
}

#[test]
fn a_peer_outside_loopback_is_sent_at_most_three_times_what_it_sent() {
    if !namespace::available() {
        eprintln!("skipped: no network namespaces here, so no address outside loopback");
        return;
    }
    let asked = ["chargen", "qotd", "daytime"].map(|service| {
        let server =
            in_namespace(TWO_ADDRESSES).args([env!("CARGO_BIN_EXE_callbox"), "udp", "server"]);
        let mut server = server.args(["--bind", "192.0.2.1", "--service", service]).spawn();
        server.wait_until_listening();
        let script = "exec python3 -u -c \"$@\"";
        (service, namespace::beside(&server, script).arg(SMALLER_AND_SMALLER).spawn(), server)
    });
    for (service, mut peer, mut server) in asked {
        peer.wait_for_stdout("sent 1026");
        // The last question was empty: three times nothing is nothing, whatever the service.
        server.wait_for_stderr("not answered: answer more than three times the question)");
        peer.write_line("");
        let finished = peer.wait();
        let stdout = finished.expect_code(0).stdout_text();
        let answers: Vec<usize> =
            stdout.lines().skip(1).map(|length| length.parse().expect("a length")).collect();
        match service {
            "chargen" => assert_eq!(answers[1..], [60, 15, 3], "half a pattern is a pattern too"),
            _ => assert!((1..=2).contains(&answers.len()), "{service} gave {answers:?} bytes"),
        }
        assert!(answers[0] <= 3_000 && answers[1..].iter().all(|&length| length <= 60));
    }
}

const TWO_ADDRESSES: &str = "ip address add 192.0.2.1/32 dev lo
ip address add 192.0.2.2/32 dev lo
exec \"$@\"";

/// Sends ever shorter questions and waits to be told before it counts what came.
const SMALLER_AND_SMALLER: &str = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.2', 0))
s.connect(('192.0.2.1', 3000))
lengths = (1000, 20, 5, 1, 0)
for length in lengths:
    s.send(b'x' * length)
print('sent', sum(lengths))
input()
s.setblocking(False)
try:
    while True:
        print(len(s.recv(65536)))
except BlockingIOError:
    pass
";

#[test]
fn on_loopback_short_questions_get_long_answers() {
    let (_server, address) = start_server(&["--service", "daytime"]);
    assert!(Peer::connected_to(address).ask("").len() > 10);
}

#[test]
fn a_client_on_loopback_that_asks_300_000_different_things_is_fully_served() {
    const QUESTIONS: usize = 300_000;
    let (server, address) = start_server(&[]);
    ask_in_windows(&[Peer::connected_to(address)], QUESTIONS);
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0).stderr_lacks("not answered");
    let (shown, skipped) = shown_and_skipped(&finished.stdout_text());
    assert_eq!(shown + skipped, QUESTIONS);
}

#[test]
fn max_rate_limits_the_answers_to_one_address() {
    let begin = Instant::now();
    let (mut server, address) = start_server(&["--max-rate", "5"]);
    let peer = Peer::connected_to(address);
    (0..50).for_each(|number| peer.send(format!("question {number}")));
    server.wait_for_stderr("not answered: over the rate of its address)");
    // Those that are due come in any case, if not by now.
    (0..5).for_each(|_| drop(peer.receive()));
    let answers = 5 + peer.drain().len();
    let allowed = 5 + 5 * (begin.elapsed() + Duration::from_secs(1)).as_secs() as usize;
    assert!(answers <= allowed, "{answers} answers");
}
