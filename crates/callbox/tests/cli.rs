//! The command line as a whole: help, wrong calls, exit codes, and outputs that nobody reads.

use callbox_testkit::{Finished, Program, python};

fn callbox(args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(args)
}

/// Runs callbox from a shell, as `script` with the program for `"$@"`.
fn by_shell(script: &str, args: &[&str]) -> Program {
    Program::new("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_callbox")]).args(args)
}

/// Expects a wrong call: exit 2, nothing on standard output, and one error.
#[track_caller]
fn expect_wrong(finished: &Finished) {
    finished.expect_code(2).stdout_is("");
    let text = finished.stderr_text();
    let errors = text.matches("callbox: ").count();
    finished.expect(text.starts_with("callbox: ") && errors == 1, || "one error".to_owned());
}

const SUBCOMMANDS: &[&[&str]] = &[
    &[],
    &["udp"],
    &["udp", "server"],
    &["udp", "client"],
    &["tcp"],
    &["tcp", "server"],
    &["tcp", "client"],
    &["unix"],
    &["unix", "server"],
    &["unix", "client"],
    &["bench"],
    &["bench", "udp"],
    &["bench", "tcp"],
    &["bench", "unix"],
    &["bench", "chat"],
    &["tour"],
    &["services"],
];

#[test]
fn the_version_is_told() {
    let version = format!("callbox {}\n", env!("CARGO_PKG_VERSION"));
    callbox(&["--version"]).run().expect_code(0).stdout_is(&version).stderr_is("");
}

#[test]
fn every_subcommand_has_its_help_on_standard_output() {
    for subcommand in SUBCOMMANDS {
        for flag in ["--help", "-h"] {
            let finished = callbox(subcommand).arg(flag).run();
            let usage = format!("Usage: {}", [&["callbox"], *subcommand].concat().join(" "));
            finished.expect_code(0).stdout_contains(&usage).stderr_is("");
        }
    }
}

#[test]
fn the_help_names_every_subcommand() {
    let finished = callbox(&["--help"]).run();
    let text = finished.stdout_text();
    for subcommand in SUBCOMMANDS.iter().filter(|words| words.len() == 1) {
        let named = text.lines().any(|line| line.trim_start().starts_with(subcommand[0]));
        finished.expect(named, || format!("{subcommand:?} to be named"));
    }
}

#[test]
fn a_call_without_arguments_is_answered_with_the_help_and_exit_2() {
    for subcommand in [&[][..], &["udp"], &["tcp"], &["unix"]] {
        let finished = callbox(subcommand).run();
        finished.expect_code(2).stdout_is("").stderr_contains("Usage: callbox");
    }
}

#[test]
fn a_wrong_call_is_one_error_and_exit_2() {
    let wrong: &[&[&str]] = &[
        &["tpc"],
        &["tcp", "sever"],
        &["--nonsense"],
        &["tcp", "server", "--nonsense"],
        &["tcp", "server", "-p", "65536"],
        &["tcp", "server", "-p", "-1"],
        &["tcp", "server", "-p", "http"],
        &["tcp", "server", "--bind", "not an address"],
        &["tcp", "server", "--service", "nosuch"],
        &["tcp", "server", "--idle-timeout", "0"],
        &["tcp", "server", "--max-connections", "0"],
        &["tcp", "server", "extra"],
        &["tcp", "client", "--service", "nosuch"],
        &["tcp", "client", "--connect-timeout", "soon"],
        &["tcp", "client", "--length", "many"],
        &["tcp", "client", "[::1"],
        &["tcp", "client", "localhost:http"],
        &["tcp", "client", "a", "b"],
        &["udp", "server", "--service", "greeting"],
        &["udp", "server", "--max-rate", "0"],
        &["udp", "client", "--tries", "0"],
        &["unix", "server"],
        &["unix", "client"],
        &["unix", "server", ""],
        &["unix", "server", "x", "--type", "raw"],
        &["services", "extra"],
    ];
    for args in wrong {
        expect_wrong(&callbox(args).run());
    }
}

#[test]
fn an_unknown_service_is_answered_with_those_there_are() {
    for args in [["tcp", "server"], ["tcp", "client"], ["udp", "server"]] {
        let finished = callbox(&args).args(["--service", "uper"]).run();
        expect_wrong(&finished);
        finished.stderr_contains("'uper'").stderr_contains("upper, ").stderr_contains("echo, ");
    }
}

#[test]
fn a_word_that_is_nearly_right_is_answered_with_the_right_one() {
    let finished = callbox(&["tcp", "sever"]).run();
    finished.expect_code(2).stderr_contains("'server'");
}

#[test]
fn services_prints_the_table() {
    let finished = callbox(&["services"]).run();
    finished.expect_code(0).stdout_is(&callbox_services::table_text()).stderr_is("");
    let text = finished.stdout_text();
    let names: Vec<_> =
        text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        names,
        ["upper", "greeting", "echo", "discard", "chargen", "qotd", "daytime", "time"]
    );
}

#[test]
fn an_output_that_nobody_reads_ends_every_printing_command_quietly() {
    for args in [&["services"][..], &["--help"], &["--version"], &["tcp", "server", "--help"]] {
        callbox(args).stdout_closed().run().expect_code(0).stderr_is("");
        by_shell("exec \"$@\" >&-", args).run().expect_code(0).stderr_is("");
    }
}

#[test]
fn a_full_disk_is_an_error_with_its_reason() {
    for args in [&["services"][..], &["--help"]] {
        let finished = callbox(args).stdout_full().run();
        finished
            .expect_code(1)
            .stderr_is("callbox: cannot write to standard output: No space left on device\n");
    }
}

#[test]
fn a_closed_standard_error_harms_nothing() {
    by_shell("exec \"$@\" 2>&-", &["services"])
        .run()
        .expect_code(0)
        .stdout_is(&callbox_services::table_text());
    by_shell("exec \"$@\" 2>&-", &["tpc"]).run().expect_code(2).stdout_is("");
}

#[test]
fn a_closed_standard_input_is_an_end_of_input() {
    let (_server, address) = udp_sink();
    let finished = by_shell("exec \"$@\" <&-", &["udp", "client", &address]).run();
    finished.expect_code(0).stdout_is("");
}

/// A datagram socket that answers nothing, so that a client finds somebody there.
fn udp_sink() -> (callbox_testkit::Running, String) {
    let script = "import socket\ns = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\nprint(s.getsockname()[1]); input()";
    let mut sink = python(script).spawn();
    let port = sink.wait_for_stdout_lines(1).remove(0);
    (sink, format!("127.0.0.1:{port}"))
}

#[test]
fn arguments_that_are_no_text_are_a_wrong_call() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let finished = callbox(&["tcp", "server", "--service"]).arg(odd).run();
    finished.expect_code(2).stdout_is("").stderr_contains("callbox: ");
}

#[test]
fn port_0_cannot_be_asked() {
    for client in [&["udp", "client"][..], &["tcp", "client"], &["udp", "client", "--many"]] {
        for server in [&["127.0.0.1:0"][..], &["-p", "0", "127.0.0.1"]] {
            let finished = callbox(client).args(server).run_with_input("sally\n");
            expect_wrong(&finished);
            finished.stderr_contains("callbox: port 0 cannot be asked; give the port");
        }
    }
}
