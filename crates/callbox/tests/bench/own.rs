//! `callbox bench self`: a server of callbox's own, which is there as long as it is measured.

use std::fs;
use std::path::Path;
use std::time::Instant;

use callbox_measure::report::{Kind, Report};
use callbox_testkit::{EVENT_DEADLINE, Folder, Running, Signal};

use crate::{callbox, counted};

/// A short measurement of an own server, and its report; the server is gone.
#[track_caller]
fn measured(words: &[&str]) -> Report {
    let folder = Folder::new("own");
    let json = folder.join("report.json");
    let times = ["--duration", "200ms", "--warmup", "20ms", "--lost-after", "20s"];
    let load = || callbox(&["bench", "self"]).args(words).args(times);
    let (finished, report) = counted(&json, load);
    finished.stdout_contains("self (callbox ").stdout_contains(" latency ");
    let step = &report.steps[0];
    assert_eq!((step.counts.faults(), step.counts.lost.total()), (0, 0), "{words:?}");
    assert!(step.counts.replies > 0, "{words:?}");
    if let Some(server) = &step.server {
        assert!(!exists(server.pid));
    }
    report
}

fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The server that this measurement has started, once it is there.
#[track_caller]
fn server_of(running: &Running) -> u32 {
    let limit = Instant::now() + EVENT_DEADLINE;
    loop {
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let child = processes.filter_map(|it| it.file_name().to_str()?.parse().ok()).find(|pid| {
            // After the name in parentheses: the state, and the parent.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            parent.is_some_and(|parent| parent == running.id().to_string())
        });
        if let Some(child) = child {
            return child;
        }
        assert!(Instant::now() < limit, "no server was started");
        std::thread::yield_now();
    }
}

#[test]
fn the_udp_server_is_started_measured_and_ended() {
    let report = measured(&["udp"]);
    assert_eq!(report.kind, Kind::Udp);
    assert_eq!(report.address, "self (callbox udp server --service upper)");
    let option = |name: &str| report.options.get(name).map(String::as_str);
    assert_eq!((option("service"), option("check")), (Some("upper"), Some("upper")));
    assert_eq!(measured(&["udp", "--check", "echo"]).options["service"], "echo");
}

#[test]
fn the_tcp_server_is_measured_over_one_connection_or_one_each() {
    let report = measured(&["tcp"]);
    assert_eq!((report.kind, &*report.options["service"]), (Kind::Tcp, "upper"));
    let report = measured(&["tcp", "--connect-each"]);
    assert_eq!((&*report.options["service"], &*report.options["check"]), ("greeting", "fixed"));
    assert!(report.steps[0].connect_time.as_ref().is_some_and(|time| time.count() > 0));
}

#[test]
fn the_chat_server_holds_no_talker_back() {
    // As fast as they get to read it is far more than the five lines a second that people have.
    let report = measured(&["chat", "--clients", "4", "--talkers", "2"]);
    assert_eq!(report.kind, Kind::Chat);
    assert_eq!(report.address, "self (callbox chat server)");
}

#[test]
fn the_server_ends_when_the_measurement_is_ended() {
    for signal in [Signal::INT, Signal::TERM] {
        let running = callbox(&["bench", "self", "udp", "--duration", "1h"]).spawn();
        let server = server_of(&running);
        running.signal(signal);
        let finished = running.wait();
        // The server may not have been up yet.
        assert!(matches!(finished.code, Some(0 | 130)), "{finished:?}");
        assert!(!exists(server));
    }
}

#[test]
fn a_server_that_is_killed_is_told_of() {
    let running = callbox(&["bench", "self", "tcp", "--duration", "1h"]).spawn();
    let server = server_of(&running);
    let pid = rustix_pid(server);
    rustix::process::kill_process(pid, Signal::KILL).expect("the server is there");
    let finished = running.wait();
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    finished.stderr_contains("callbox tcp server").stderr_contains("(signal: 9 (SIGKILL))");
}

fn rustix_pid(pid: u32) -> rustix::process::Pid {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.expect("a process has a number above 0")
}
