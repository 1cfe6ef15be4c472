//! What may be typed.

use std::fs;

use callbox_testkit::{Finished, Folder};

use crate::callbox;

/// Runs `callbox bench` with these words and a report's file, and expects that it is refused and the file left alone.
#[track_caller]
fn refused(words: &[&str]) -> Finished {
    let folder = Folder::new("calls");
    let (json, html) = (folder.join("report.json"), folder.join("report.html"));
    fs::write(&json, "an older one").expect("a file");
    let files = [json.as_os_str(), "--html".as_ref(), html.as_os_str()];
    let finished = callbox(&["bench"]).args(words).arg("--json").args(files).run();
    finished.expect_code(2).stdout_is("");
    let text = finished.stderr_text();
    let one = text.starts_with("callbox: ") && text.trim_end().lines().count() == 1;
    finished.expect(one, || "one error".to_owned());
    finished.expect(fs::read(&json).is_ok_and(|file| file == b"an older one"), || {
        "the older report to be there".to_owned()
    });
    finished.expect(!html.exists(), || "no new file".to_owned());
    finished
}

#[test]
fn what_does_not_go_together_is_refused() {
    let udp = |words: &[&str]| refused(&[&["udp", "127.0.0.1"], words].concat());
    udp(&["--window", "8", "--rate", "1k"]).stderr_contains("'--window <W>' cannot be used with");
    udp(&["--size", "8", "--size-mix", "64:1,128:2"]).stderr_contains("cannot be used with");
    udp(&["--steps", "5"]).stderr_contains("--steps is for a climb: give --rate A..B");
    udp(&["--steps", "5", "--rate", "1k"]).stderr_contains("--steps is for a climb");
    udp(&["--connect-each"]).stderr_contains("--connect-each");
    udp(&["--pair", "a", "b", "--server-pid", "1"]).stderr_contains("cannot be used with");
    // Linux numbers processes up to 2^22.
    udp(&["--server-pid", "4194305"]).stderr_contains("there is no process 4194305 here");
    refused(&["tcp", "127.0.0.1", "--no-gro"]).stderr_contains("--no-gro");
    refused(&["tcp", "127.0.0.1", "--connect-each", "--window", "2"])
        .stderr_contains("--connect-each has one request on its way");
    refused(&["unix", "/nowhere", "-t", "datagram", "--connect-each"])
        .stderr_contains("--connect-each is for streams");
    refused(&["chat", "127.0.0.1", "--password-env", "A", "--password-file", "b"])
        .stderr_contains("cannot be used with");
    refused(&["chat", "127.0.0.1", "--threads", "2"]).stderr_contains("--threads");
    refused(&["chat", "127.0.0.1", "--check", "echo"]).stderr_contains("--check");
}

#[test]
fn values_out_of_their_range_are_refused() {
    for (option, values) in [
        ("--connections", &["0", "65537", "-1", "many"][..]),
        ("--window", &["0", "65537"]),
        ("--threads", &["0", "1025"]),
        ("--rate", &["0", "fast", "2k..1k", "1k..1k", "200M", "1k..", "1e3"]),
        ("--steps", &["1", "101"]),
        ("--size", &["0", "1048577"]),
        ("--size-mix", &["64:0", "", "64:7,", "64;7"]),
        ("--check", &["lower", ""]),
        ("--duration", &["0", "25h", "soon"]),
        ("--warmup", &["-1", "25h"]),
        ("--lost-after", &["0", "25h"]),
        ("--seed", &["-1", "x"]),
        ("--buffer", &["0", "64k"]),
        ("--port", &["65536"]),
    ] {
        for value in values {
            let finished = refused(&["udp", "127.0.0.1", &format!("{option}={value}")]);
            finished.stderr_contains(option);
        }
    }
    let seed = ["udp", "127.0.0.1", "--seed", "18446744073709551616"];
    refused(&seed).stderr_contains("give a number from 0 to 18446744073709551615");
    refused(&["udp", "127.0.0.1", "--server-pid", "0"]).stderr_contains("the number of a process");
    for (option, value) in [
        ("--clients", "1"),
        ("--clients", "0"),
        ("--channels", "51"),
        ("--channels", "0"),
        ("--talkers", "101"),
        ("--talkers", "0"),
        ("--checked", "1"),
        ("--checked", "101"),
        ("--size", "0"),
        ("--size", "100000"),
    ] {
        refused(&["chat", "127.0.0.1", option, value]);
    }
}

#[test]
fn requests_that_no_datagram_carries_or_that_have_no_room_for_a_number_are_refused() {
    let udp = |words: &[&str]| refused(&[&["udp", "127.0.0.1"], words].concat());
    udp(&["--size", "65508", "--check", "none"]).stderr_contains("at most 65507 bytes");
    udp(&["--size", "15", "--check", "upper"]).stderr_contains("at least 16 bytes long");
}

#[test]
fn an_address_is_needed_and_one_that_is_none_is_refused() {
    refused(&["udp"]).stderr_contains("<ADDRESS>");
    refused(&["unix"]).stderr_contains("<PATH>");
    refused(&["udp", "127.0.0.1:0"]).stderr_contains("port 0 cannot be asked");
    refused(&["tcp", "[::1"]).stderr_contains("'[::1'");
    refused(&["tcp", "nowhere.invalid"]).stderr_contains("cannot find the host");
    refused(&["tcp", "a", "b"]).stderr_contains("'b'");
}

#[test]
fn more_connections_than_files_may_be_open_are_refused() {
    let words = ["-c", "ulimit -n 100; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_callbox")];
    let program = callbox_testkit::Program::new("sh").args(words);
    let finished = program.args(["bench", "tcp", "127.0.0.1", "--connections", "100"]).run();
    finished.expect_code(2).stderr_contains("need more open files than the 100");
}

#[test]
fn each_kind_of_load_has_its_help_with_examples() {
    for kind in ["udp", "tcp", "unix", "chat"] {
        let finished = callbox(&["bench", kind, "--help"]).run();
        finished.expect_code(0).stdout_contains("Examples:").stdout_contains("--html <FILE>");
    }
    let finished = callbox(&["bench"]).run();
    finished.expect_code(2).stdout_is("").stderr_contains("Usage: callbox bench");
}
