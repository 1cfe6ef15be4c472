//! The line of progress, for somebody at a terminal.

use std::net::TcpListener;

use callbox_testkit::Terminal;

use crate::{bench, callbox, echo, server};

#[test]
fn how_far_it_is_is_shown_and_control_c_leaves_nothing_of_it() {
    let address = echo(|| {});
    let words = ["bench", "udp", &address.to_string(), "--check", "echo", "--warmup", "0"];
    let mut terminal = Terminal::spawn_sized(callbox(&words).args(["--duration", "1h"]), 60, 100);
    // A rate is shown when the line is written again.
    terminal.wait_for(" of 3600.0 s  ");
    terminal.wait_for("/s");
    terminal.type_text("\x03");
    let screen = terminal.wait_for_screen("p99.99");
    assert!(screen.starts_with(&format!("udp {address}, ")), "{screen}");
    assert!(screen.contains("(interrupted)") && !screen.contains("of 3600"), "{screen}");
    terminal.wait().expect_code(0);
}

#[test]
fn while_the_server_is_asked_and_connected_to_no_time_passes() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address").to_string();
    for (kind, words) in [("tcp", "asking the server what it answers"), ("chat", "connecting")] {
        let program = callbox(&["bench", kind, &address]);
        let mut terminal = Terminal::spawn_sized(program, 60, 100);
        terminal.wait_for(words);
        terminal.type_text("\x03");
        terminal.wait_for("callbox: interrupted before anything was measured");
        terminal.wait().expect_code(130).stdout_lacks(" of 11.0 s");
    }
}

#[test]
fn of_a_climb_it_is_told_which_rate_it_is() {
    let address = echo(|| {});
    let words = ["bench", "udp", &address.to_string(), "--check", "echo", "--warmup", "1h"];
    let climb = ["--rate", "100..200", "--steps", "2"];
    let mut terminal = Terminal::spawn_sized(callbox(&words).args(climb), 60, 100);
    terminal.wait_for("rate 1 of 2, 100/s");
    terminal.type_text("\x03");
    terminal.wait_for("callbox: interrupted before anything was measured");
    let finished = terminal.wait();
    finished.expect_code(130).stdout_contains("\r\x1b[Kcallbox: interrupted");
}

#[test]
fn nothing_of_it_is_left_when_the_table_is_printed() {
    let (_server, address) = server(&["udp", "server"]);
    let mut terminal = Terminal::spawn_sized(bench("udp", address), 60, 100);
    let screen = terminal.wait_for_screen("p99.99");
    assert!(screen.starts_with(&format!("udp {address}, 200 ms, closed loop\n")), "{screen}");
    assert!(!screen.contains("of 0.2 s") && !screen.contains('░'), "{screen}");
    // Warnings stand below the table, and not above it as well.
    terminal.wait().expect_code(0).stdout_lacks("callbox: warning");
}

#[test]
fn a_run_that_is_to_be_quiet_or_is_seen_by_nobody_shows_none() {
    let (_server, address) = server(&["udp", "server"]);
    let terminal = Terminal::spawn(bench("udp", address).arg("-q"));
    let finished = terminal.wait();
    finished.expect_code(0).stdout_lacks("of 0.2 s").stdout_lacks("\x1b");
    bench("udp", address).run().expect_code(0).stderr_lacks("of 0.2 s").stderr_lacks("\x1b");
}
