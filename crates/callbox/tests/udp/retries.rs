//! The client over a network that loses, doubles, swaps and delays.

use std::time::{Duration, Instant};

use callbox_testkit::{Direction, Faults, Relay};

use crate::peers::Peer;
use crate::{client_of, client_of_many, start_server};

#[test]
fn every_line_gets_its_own_answer_whatever_the_network_does() {
    let (_server, address) = start_server(&["-q"]);
    let faults = Faults {
        loss: 0.1,
        duplicate: 0.2,
        reorder: 0.2,
        max_delay: Duration::from_millis(2),
        seed: 3,
        ..Faults::default()
    };
    let relay = Relay::start(address, faults);
    let lines = |word: &str| (0..200).map(|n| format!("{word} {n}\n")).collect::<String>();
    let client = client_of(relay.address()).args(["-q", "--timeout", "25ms", "--tries", "20"]);
    client.run_with_input(lines("line")).expect_code(0).stdout_is(&lines("LINE"));
    for direction in [Direction::Request, Direction::Reply] {
        let counts = relay.counts(direction);
        assert!(counts.lost > 0 && counts.duplicated > 0, "{direction:?}: {counts:?}");
    }
}

#[test]
fn a_lost_question_and_a_lost_answer_are_asked_for_again() {
    let (_server, address) = start_server(&[]);
    for direction in [Direction::Request, Direction::Reply] {
        let relay = Relay::start(address, Faults::default().drop_exactly(direction, 0));
        let client = client_of(relay.address()).args(["-q", "--timeout", "50ms", "--tries", "9"]);
        client.run_with_input("sally\n").expect_code(0).stdout_is("SALLY\n");
        assert_eq!(relay.counts(direction).lost, 1);
    }
}

#[test]
fn an_answer_that_comes_after_its_line_is_not_taken_for_the_next_ones() {
    let (_server, address) = start_server(&[]);
    // The first answer comes while the second line is asked, whose own is still later.
    let faults = Faults::default()
        .delay_exactly(Direction::Reply, 0, Duration::from_millis(150))
        .delay_exactly(Direction::Reply, 2, Duration::from_millis(250));
    let relay = Relay::start(address, faults);
    let client = client_of(relay.address()).args(["-q", "--timeout", "60ms", "--tries", "9"]);
    client.run_with_input("one\ntwo\n").expect_code(0).stdout_is("ONE\nTWO\n");
}

#[test]
fn an_answer_to_a_repeated_question_is_not_taken_for_the_next_lines() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.serve(|server| {
        server.receive();
        let (_, client) = server.receive_from();
        server.send_to("ONE", client);
        // On a machine that stood still it was asked even more often.
        let mut next = server.receive_from();
        while next.0 == b"one" {
            next = server.receive_from();
        }
        let (question, client_by_now) = next;
        assert_eq!(question, b"two");
        server.send_to("the first question's own answer", client);
        server.send_to("TWO", client_by_now);
    });
    let client = client_of(address).args(["-q", "--timeout", "300ms", "--tries", "9"]);
    client.run_with_input("one\ntwo\n").expect_code(0).stdout_is("ONE\nTWO\n");
}

#[test]
fn a_doubled_answer_is_not_taken_for_the_next_lines() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.serve(|server| {
        let (_, client) = server.receive_from();
        server.send_to("ONE", client);
        // A machine that stood still lets it ask again before it has read an answer.
        let next = |word: &[u8], before| loop {
            let (question, client) = server.receive_from();
            if question == word && client != before {
                break client;
            }
        };
        let client = next(b"two", server.address());
        server.send_to("ONE", client);
        server.send_to("TWO", client);
        // What was asked from a socket that such a thing came to is asked once more from another.
        server.send_to("TWO", next(b"two", client));
    });
    let finished = client_of(address).arg("-q").run_with_input("one\ntwo\n");
    finished.expect_code(0).stdout_is("ONE\nTWO\n");
}

#[test]
fn a_server_that_is_silent_is_asked_three_times_ever_more_slowly_and_given_up() {
    let server = Peer::at("127.0.0.1:0");
    let address = server.address();
    let mut client = client_of(address).args(["--timeout", "100ms"]).spawn();
    client.write_line("sally");
    client.write_line("a script does not run on without its answer");
    let arrivals = [(); 3].map(|()| {
        assert_eq!(server.receive(), b"sally");
        Instant::now()
    });
    // The second wait is twice the first, less a tenth. A slow machine makes the arrivals late, never early.
    assert!(arrivals[2] - arrivals[0] >= Duration::from_millis(280));
    let finished = client.wait();
    finished.expect_code(1).stdout_is("");
    finished.stderr_contains(&format!("\ncallbox: no reply from {address} after 3 tries\n"));
    assert!(server.drain().is_empty());
}

#[test]
fn tries_says_how_often() {
    let server = Peer::at("127.0.0.1:0");
    let client = client_of(server.address()).args(["--timeout", "20ms", "--tries", "1"]);
    client.run_with_input("sally\n").expect_code(1).stderr_contains(" after 1 try\n");
    assert_eq!(server.drain().len(), 1);
}

#[test]
fn many_asks_again_too_and_gives_up_too() {
    let (_server, address) = start_server(&[]);
    let relay = Relay::start(address, Faults::default().drop_exactly(Direction::Request, 0));
    let client = client_of_many().args(["-q", "--timeout", "50ms", "--tries", "9"]);
    let finished = client.run_with_input(format!("{} sally\n", relay.address()));
    finished.expect_code(0).stdout_is("SALLY\n");

    let silent = Peer::at("127.0.0.1:0");
    let client = client_of_many().args(["-q", "--timeout", "20ms"]);
    let lines = format!("{} sally\n{address} harry\n", silent.address());
    let finished = client.run_with_input(lines);
    finished.expect_code(1).stdout_is("HARRY\n");
    finished.stderr_is(&format!("callbox: no reply from {} after 3 tries\n", silent.address()));
    assert_eq!(silent.drain(), [b"sally"; 3]);
}
