//! A relay between the load and its server that loses, doubles and swaps datagrams in numbers that are known: the report
//! has the same numbers.

use callbox_measure::report::Lost;
use callbox_testkit::Direction::{Reply, Request};
use callbox_testkit::{Faults, Folder, Relay};

use crate::{callbox, report, server};

#[test]
fn what_a_relay_drops_doubles_and_swaps_is_reported_to_the_exact_number() {
    let (_server, address) = server(&["udp", "server"]);
    // Far enough from each other that none meets another, and the last datagrams go through, so that what was done to those
    // before has come in when they have. Of replies there are as many as there were requests by then, give or take five.
    let faults = Faults::default();
    let faults = [10, 20, 30, 40].iter().fold(faults, |it, &at| it.drop_exactly(Request, at));
    let faults = [15, 25, 35].iter().fold(faults, |it, &at| it.duplicate_exactly(Request, at));
    let faults = [50, 60, 70].iter().fold(faults, |it, &at| it.hold_exactly(Request, at));
    let faults = [100, 110, 120].iter().fold(faults, |it, &at| it.drop_exactly(Reply, at));
    let faults =
        [105, 115, 125, 135].iter().fold(faults, |it, &at| it.duplicate_exactly(Reply, at));
    let faults = [140, 150, 160, 170].iter().fold(faults, |it, &at| it.hold_exactly(Reply, at));
    let relay = Relay::start(address, faults);

    // Few enough that every buffer between holds all of them, if somebody does not get to read for a while.
    let folder = Folder::new("relay");
    let json = folder.join("report.json");
    let words = ["bench", "udp", &relay.address().to_string(), "--check", "upper", "--rate", "200"];
    let finished = callbox(&words)
        .args(["--connections", "1", "--duration", "1s", "--warmup", "0", "--lost-after", "8s"])
        .arg("--json")
        .arg(&json)
        .run();

    let (requests, replies) = (relay.counts(Request), relay.counts(Reply));
    assert_eq!((requests.received, requests.lost, requests.duplicated), (200, 4, 3));
    assert_eq!((replies.received, replies.lost, replies.duplicated), (199, 3, 4));
    let counts = report(&json).steps[0].counts;
    assert_eq!(counts.lost, Lost { no_reply: 7, ..Lost::default() });
    assert_eq!((counts.requests, counts.replies, counts.duplicated), (200, 193, 7));
    // A datagram is held back for no longer than the relay has patience; how many were overtaken, it counts itself.
    assert_eq!(counts.reordered, (requests.reordered + replies.reordered) as u64);
    assert_eq!((counts.wrong, counts.stray, counts.late, counts.pending), (0, 0, 0, 0));
    finished.expect_code(0).stdout_contains("7 unanswered").stdout_contains("  duplicated ");
}
