//! A load on each kind of server, and its report.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callbox_measure::report::{Ended, Kind};
use callbox_testkit::{Folder, Program, Running};

use crate::{bench, bench_losing, callbox, counted, report, server};

#[test]
fn a_udp_server_is_measured_and_everything_is_told() {
    let (server, address) = server(&["udp", "server"]);
    let folder = Folder::new("runs");
    let (json, html) = (folder.join("report.json"), folder.join("report.html"));
    let (finished, report) = counted(&json, || {
        let program = bench("udp", address).arg("--html").arg(&html);
        program.arg("--server-pid").arg(server.id().to_string())
    });
    finished.stdout_contains(&format!("udp {address}, 200 ms, closed loop"));
    for text in ["  requests ", "  replies ", "  lost ", " p50 ", " p99.99 ", "  latency ", "█"] {
        finished.stdout_contains(text);
    }

    assert_eq!((report.kind, report.ended), (Kind::Udp, Ended::Complete));
    assert_eq!(report.callbox, env!("CARGO_PKG_VERSION"));
    assert_eq!((report.address, report.seed), (address.to_string(), 1));
    assert_eq!(report.command[1..4], ["bench", "udp", &address.to_string()]);
    assert!(report.began.starts_with("20") && report.began.ends_with('Z'), "{}", report.began);
    let machine = &report.machine;
    assert!(machine.cores > 0 && machine.clock.resolution > 0, "{machine:?}");
    assert!(machine.kernel.is_some() && !machine.architecture.is_empty(), "{machine:?}");
    for (name, value) in [
        ("connections", "8"),
        ("window", "32"),
        ("size", "64"),
        ("check", "upper"),
        ("duration", "200ms"),
        ("warmup", "50ms"),
        ("lost-after", "10s"),
        ("threads", "1"),
        ("seed", "1"),
        ("gso", "yes"),
    ] {
        assert_eq!(report.options.get(name).map(String::as_str), Some(value), "{name}");
    }
    let [step] = &report.steps[..] else { panic!("{} steps", report.steps.len()) };
    assert_eq!((step.duration, step.warmup, step.offered), (200_000_000, 50_000_000, None));
    assert!(step.counts.replies > 0);
    assert_eq!(step.counts.replies, step.latency.count());
    assert_eq!(step.counts.faults(), 0);
    assert_eq!(step.threads.len(), 1);

    let used = step.server.expect("what the server used");
    assert!(used.pid == server.id() && used.memory > 0, "{used:?}");
    let page = fs::read_to_string(&html).expect("the page");
    assert!(page.contains("<svg") && page.contains(&address.to_string()));
    for foreign in ["<script", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn an_open_loop_tells_how_late_it_sent_and_a_climb_tells_its_rates() {
    let (_server, address) = server(&["udp", "server", "-s", "echo"]);
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let finished = bench("udp", address).args(["--rate", "500", "--json"]).arg(&json).run();
    finished.expect_code(0).stdout_contains("open loop at 500/s").stdout_contains("sent late by");
    let open = report(&json);
    assert_eq!(open.steps[0].offered, Some(500.0));
    assert_eq!(open.steps[0].counts.requests, 100);
    assert_eq!(open.options["check"], "echo");

    let climb = ["--rate", "100..400", "--steps", "3", "--json"];
    let finished = bench("udp", address).args(climb).arg(&json).run();
    finished.expect_code(0).stdout_contains("100/s").stdout_contains("200/s");
    let climb = report(&json);
    let offered: Vec<_> = climb.steps.iter().filter_map(|step| step.offered).collect();
    assert_eq!(offered, [100.0, 200.0, 400.0]);
    assert_eq!((&*climb.options["rate"], &*climb.options["steps"]), ("100..400", "3"));
}

#[test]
fn a_climb_ends_when_the_server_no_longer_keeps_up() {
    let address = crate::echo(|| {});
    // A server that never answers keeps up with nothing.
    let silent = crate::silent();
    let climb = ["--rate", "20..80", "--steps", "12"];
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let run = |address| {
        let program =
            bench_losing("udp", address, "10ms").args(climb).args(["--check", "echo", "--json"]);
        program.arg(&json).run().expect_code(0).stdout_contains(" rates");
        report(&json)
    };
    assert_eq!(run(silent).steps.len(), 3);
    assert!(report(&json).knee.is_none());
    let climbed = run(address);
    assert!(climbed.steps.len() >= 3, "{}", climbed.steps.len());
}

/// A server at a socket file, of this type and service.
#[track_caller]
fn unix_server(folder: &Folder, kind: &str, service: &str) -> (Running, PathBuf) {
    let path = folder.join(format!("{kind}-{service}"));
    let mut server =
        callbox(&["unix", "server", "-q", "-t", kind, "-s", service]).arg(&path).spawn();
    server.wait_for_stderr("Listening at ");
    (server, path)
}

#[test]
fn streams_and_unix_sockets_are_measured_as_well() {
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let check = |load: &dyn Fn() -> Program, kind| {
        let (_, report) = counted(&json, load);
        let counts = &report.steps[0].counts;
        assert_eq!((report.kind, counts.faults(), counts.replies > 0), (kind, 0, true));
        report
    };
    let (_tcp, address) = server(&["tcp", "server", "-s", "upper"]);
    let tcp = check(&|| bench("tcp", address), Kind::Tcp);
    assert_eq!((&*tcp.options["window"], &*tcp.options["check"]), ("1", "upper"));
    let each = check(&|| bench("tcp", address).arg("--connect-each"), Kind::Tcp);
    assert!(each.steps[0].connect_time.is_some());
    let (_stream, path) = unix_server(&folder, "stream", "echo");
    check(&|| bench("unix", path.display()), Kind::Unix);
    let (_datagram, path) = unix_server(&folder, "datagram", "upper");
    let datagram = check(&|| bench("unix", path.display()).args(["-t", "datagram"]), Kind::Unix);
    assert_eq!(datagram.options["type"], "datagram");
}

#[test]
fn a_chat_is_measured_with_a_crowd() {
    let (_server, address) = server(&["chat", "server", "--ephemeral", "--no-flood-control"]);
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let crowd = ["--clients", "9", "--channels", "3", "--talkers", "3"];
    let (finished, report) = counted(&json, || bench("chat", address).args(crowd));
    finished.stdout_contains("  deliveries ");
    let counts = &report.steps[0].counts;
    assert_eq!((report.kind, counts.faults()), (Kind::Chat, 0));
    // Each line has the two others of its room as readers.
    assert!(counts.requests > 0 && counts.expected == 2 * counts.requests, "{counts:?}");
    for (name, value) in [("clients", "9"), ("channels", "3"), ("talkers", "3"), ("size", "64")] {
        assert_eq!(report.options.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(report.options.get("checked").map(String::as_str), Some("9"));
}

#[test]
fn of_a_crowd_a_part_may_check_what_it_hears() {
    let (_server, address) = server(&["chat", "server", "--ephemeral", "--no-flood-control"]);
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let crowd = ["--clients", "9", "--channels", "2", "--talkers", "2", "--checked", "6"];
    let (finished, report) = counted(&json, || bench("chat", address).args(crowd));
    finished.stdout_contains("  All clients were in their channels after ");
    let counts = &report.steps[0].counts;
    assert_eq!((report.kind, counts.faults()), (Kind::Chat, 0));
    // Three of each room check, its talker among them.
    assert!(counts.requests > 0 && counts.expected == 2 * counts.requests, "{counts:?}");
    assert_eq!(report.options.get("checked").map(String::as_str), Some("6"));
}

#[test]
fn a_chat_s_password_is_read_from_where_it_is() {
    let folder = Folder::new("runs");
    let (settings, secret) = (folder.join("chat.toml"), folder.join("secret"));
    let made = callbox(&["chat", "password"]).run_with_input("open sesame\n");
    made.expect_code(0);
    let hash = made.stdout_text().trim().to_owned();
    fs::write(&settings, format!("[server]\npassword = \"{hash}\"\n")).expect("a file");
    fs::write(&secret, "open sesame\n").expect("a file");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("its rights");
    let config = settings.display().to_string();
    let words = ["chat", "server", "--ephemeral", "--no-flood-control", "-c", &config];
    let (_server, address) = server(&words);
    let chat = || bench("chat", address).args(["--clients", "2", "-q"]);
    chat().arg("--password-file").arg(&secret).run().expect_code(0).stdout_contains("deliveries");
    let variable = chat().args(["--password-env", "CALLBOX_TEST_PASSWORD"]);
    variable.env("CALLBOX_TEST_PASSWORD", "open sesame").run().expect_code(0);
    chat().run().expect_code(1).stderr_contains(&format!("callbox: cannot measure {address}: "));
    let unset = chat().args(["--password-env", "CALLBOX_TEST_UNSET"]).run();
    unset.expect_code(2).stderr_contains("the variable CALLBOX_TEST_UNSET: it is not set");
}

#[test]
fn a_service_that_answers_once_a_connection_is_found_out() {
    let (_server, address) = server(&["tcp", "server"]);
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    bench("tcp", address).arg("--json").arg(&json).run().expect_code(0);
    let report = report(&json);
    assert_eq!((&*report.options["check"], &*report.options["connect-each"]), ("fixed", "yes"));
}

#[test]
fn a_server_is_found_by_its_name() {
    let (_server, address) = server(&["udp", "server"]);
    let port = address.port().to_string();
    let finished = bench("udp", "localhost").args(["-p", &port]).run();
    finished.expect_code(0).stdout_contains(&format!("udp localhost:{port}, "));
}

#[test]
fn a_report_on_standard_output_takes_the_place_of_the_table() {
    let (_server, address) = server(&["udp", "server"]);
    let finished = bench("udp", address).args(["--json", "-", "-q"]).run();
    finished.expect_code(0).stderr_is("");
    let report = callbox_measure::report::Report::from_json(&finished.stdout);
    assert_eq!(report.expect("a report").kind, Kind::Udp);
}

#[test]
fn warnings_are_told_on_standard_error_with_advice_unless_it_is_to_be_quiet() {
    let (_server, address) = server(&["udp", "server"]);
    let few = ["--rate", "100"];
    let finished = bench("udp", address).args(few).run();
    finished.expect_code(0).stdout_contains("\nwarning: only ");
    finished.stderr_contains("callbox: warning: only ").stderr_contains("; measure for longer");
    bench("udp", address).args(few).arg("-q").run().expect_code(0).stderr_is("");
}

#[test]
fn an_output_that_nobody_reads_ends_it_quietly_with_the_files_written() {
    let (_server, address) = server(&["udp", "server"]);
    let folder = Folder::new("runs");
    let json = folder.join("report.json");
    let program = bench("udp", address).args(["-q", "--json"]).arg(&json);
    program.stdout_closed().run().expect_code(0).stderr_is("");
    assert_eq!(report(&json).kind, Kind::Udp);
    let program = bench("udp", address).args(["-q", "--json", "-"]);
    program.stdout_closed().run().expect_code(0).stderr_is("");
}
