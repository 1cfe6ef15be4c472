//! Runs that are ended early.

use std::sync::mpsc::{Receiver, channel};

use callbox_measure::report::Ended;
use callbox_testkit::{EVENT_DEADLINE, Folder, Signal};

use crate::{callbox, echo, report};

/// For an echo of this test's own, which may take its time.
const PATIENT: [&str; 4] = ["--check", "echo", "--lost-after", "10s"];

/// A server, and a word from it for each request.
fn heard() -> (std::net::SocketAddr, Receiver<()>) {
    let (tell, requests) = channel();
    (echo(move || _ = tell.send(())), requests)
}

#[test]
fn a_signal_ends_the_run_and_what_was_measured_is_reported() {
    for signal in [Signal::INT, Signal::TERM] {
        let (address, requests) = heard();
        let folder = Folder::new("ending");
        let json = folder.join("report.json");
        let words = ["bench", "udp", &address.to_string(), "--duration", "1h", "--warmup", "0"];
        let running = callbox(&words).args(PATIENT).arg("--json").arg(&json).spawn();
        for _ in 0..100 {
            requests.recv_timeout(EVENT_DEADLINE).expect("a request");
        }
        running.signal(signal);
        running.wait().expect_code(0).stdout_contains("closed loop (interrupted)");
        let report = report(&json);
        assert_eq!(report.ended, Ended::Interrupted);
        let step = &report.steps[0];
        assert!(step.duration > 0 && step.duration < 3_600_000_000_000, "{}", step.duration);
        assert_eq!(step.counts.lost.total(), 0);
    }
}

#[test]
fn of_a_run_that_had_not_begun_to_count_there_is_nothing_to_report() {
    let (address, requests) = heard();
    let folder = Folder::new("ending");
    let json = folder.join("report.json");
    let words = ["bench", "udp", &address.to_string(), "--duration", "1h", "--warmup", "1h"];
    let running = callbox(&words).args(PATIENT).arg("--json").arg(&json).spawn();
    requests.recv_timeout(EVENT_DEADLINE).expect("a request");
    running.signal(Signal::INT);
    let finished = running.wait();
    finished.expect_code(130).stdout_is("");
    finished.stderr_is("callbox: interrupted before anything was measured\n");
    assert!(!json.exists());
}

#[test]
fn a_climb_that_is_ended_reports_the_rates_that_it_had_made() {
    let (address, requests) = heard();
    let folder = Folder::new("ending");
    let json = folder.join("report.json");
    let words = ["bench", "udp", &address.to_string(), "--duration", "200ms", "--warmup", "0"];
    let climb = ["--rate", "50..51", "--steps", "2", "--json"];
    // 10 requests are sent at the first rate, so the 12th is one of the second.
    let running = callbox(&words).args(PATIENT).args(climb).arg(&json).spawn();
    for _ in 0..12 {
        requests.recv_timeout(EVENT_DEADLINE).expect("a request");
    }
    running.signal(Signal::INT);
    running.wait().expect_code(0);
    let report = report(&json);
    assert_eq!(report.steps.len(), 2);
    assert_eq!(report.steps[0].counts.requests, 10);
    // What was cut short says nothing of whether the server keeps up.
    let is_told = |rule: &str| rule.contains("until the climb was interrupted");
    assert!(report.knee.is_none_or(|knee| knee.step == 0 && is_told(&knee.rule)));
}
