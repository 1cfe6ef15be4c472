//! `callbox bench compare`, and `--pair`, which measures before it compares.

use std::fs;
use std::path::Path;

use callbox_testkit::{Finished, Folder, Program};

use crate::{callbox, counted, report};

/// callbox, as a shell starts it.
const CALLBOX: &str = env!("CARGO_BIN_EXE_callbox");

/// A load of a moment on what listens in this folder.
fn pair(folder: &Folder, a: &str, b: &str) -> Program {
    let times = ["--duration", "100ms", "--warmup", "10ms", "--connections", "2"];
    let socket = folder.join("socket");
    callbox(&["bench", "unix"]).arg(&socket).args(times).arg("--pair").arg(a).arg(b)
}

/// A server in this folder.
fn serving(folder: &Folder, service: &str) -> String {
    let socket = folder.join("socket");
    format!("'{CALLBOX}' unix server -q --service {service} '{}'", socket.display())
}

#[track_caller]
fn compare(a: &Path, b: &Path) -> Finished {
    callbox(&["bench", "compare"]).arg(a).arg(b).run()
}

#[test]
fn a_report_compared_with_itself_differs_by_no_more_than_noise() {
    let folder = Folder::new("compare");
    let json = folder.join("one, of two.json");
    let words = ["bench", "self", "udp", "--duration", "500ms", "--warmup", "0"];
    // Half a second of which a machine takes most for itself has too little to tell.
    let mut compared = std::iter::repeat_with(|| {
        counted(&json, || callbox(&words));
        compare(&json, &json)
    });
    let tells = |finished: &Finished| !finished.stdout_text().contains("There is too little");
    let finished = compared.by_ref().take(10).find(tells);
    let finished = finished.unwrap_or_else(|| compared.next().expect("another"));
    finished.expect_code(0).stdout_contains("B/A").stdout_contains("1.000");
    finished.stdout_contains("The difference is no more than noise.\n").stderr_is("");
    let name = json.display().to_string();
    finished
        .stdout_contains(&format!("A  {name}: udp self (callbox udp server --service upper)\n"));

    // Several of a side stand in one word.
    let (one, two) = (folder.join("one.json"), folder.join("two.json"));
    fs::copy(&json, &one).expect("a copy");
    fs::copy(&json, &two).expect("a copy");
    let both = format!("{},{}", one.display(), two.display());
    let finished = compare(Path::new(&both), Path::new(&both));
    finished.expect_code(0).stdout_contains("no more than noise").stdout_lacks("one run a side");
}

#[test]
fn what_is_no_report_is_no_call_to_compare() {
    let folder = Folder::new("compare");
    let (broken, foreign) = (folder.join("broken.json"), folder.join("foreign\x1b.json"));
    fs::write(&broken, "{").expect("a file");
    fs::write(&foreign, "{\"format\": \"else\"}").expect("a file");
    for (path, reason) in [
        (folder.join("nowhere.json"), "cannot read "),
        (broken, "broken.json: it is not JSON"),
        (foreign, "foreign\\x1b.json: it is not a report of callbox bench"),
    ] {
        let finished = compare(&path, &path);
        finished.expect_code(2).stdout_is("").stderr_contains(reason);
    }
    callbox(&["bench", "compare", "one.json"]).run().expect_code(2);
    for path in ["one.json,", ",", ",one.json"] {
        let finished = compare(Path::new(path), Path::new(path));
        finished.expect_code(2).stderr_contains("a comma without a file's name on either side");
    }
}

#[test]
fn a_pair_is_measured_in_turn_and_compared() {
    let folder = Folder::new("pair");
    let (a, b) = (serving(&folder, "upper"), serving(&folder, "echo"));
    let json = folder.join("report.json");
    let finished = pair(&folder, &a, &b).arg("--json").arg(&json).run();
    finished.expect_code(0);
    let told = finished.stdout_text();
    assert!(told.starts_with(&format!("A  {a}: unix ")), "{told}");
    for text in ["\nB  ", "  replies ", "  p99.99 ", "check is 'upper' in A and 'echo' in B"] {
        finished.stdout_contains(text);
    }
    for text in ["A, run 1 of 2: ", "B, run 1 of 2: ", "A, run 2 of 2: ", "B, run 2 of 2: "] {
        finished.stderr_contains(text);
    }
    let mut servers = Vec::new();
    for (run, check) in [("a1", "upper"), ("b1", "echo"), ("a2", "upper"), ("b2", "echo")] {
        let report = report(&folder.join(format!("report.{run}.json")));
        assert_eq!(report.options["check"], check, "{run}");
        assert_eq!(report.steps[0].counts.faults(), 0, "{run}");
        servers.extend(report.steps[0].server.as_ref().map(|server| server.pid));
    }
    for server in servers {
        assert!(!Path::new("/proc").join(server.to_string()).exists(), "{server} is still there");
    }
}

#[test]
fn a_server_that_does_not_come_up_is_shown_with_what_it_said() {
    let folder = Folder::new("pair");
    let finished = pair(&folder, &serving(&folder, "upper"), "echo why not >&2; exit 3").run();
    finished.expect_code(2).stdout_is("").stderr_contains("  why not\n");
    finished.stderr_contains("server B (echo why not >&2; exit 3) ended before it answered");
    finished.stderr_contains("(exit status: 3)");
}

#[test]
fn where_somebody_listens_already_nobody_is_started() {
    let folder = Folder::new("pair");
    let words = ["unix", "server", "-q", "--service", "upper"];
    let mut server = callbox(&words).arg(folder.join("socket")).spawn();
    server.wait_for_stderr("Listening at ");
    let finished = pair(&folder, "touch started", "touch started").run();
    finished.expect_code(2).stderr_contains("somebody answers at ");
}

#[test]
fn standard_output_is_no_place_for_the_reports_of_a_pair() {
    let folder = Folder::new("pair");
    let finished = pair(&folder, "true", "true").args(["--json", "-"]).run();
    finished.expect_code(2).stdout_is("").stderr_contains("--pair makes several");
}
