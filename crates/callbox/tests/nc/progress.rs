//! `--progress`: how far it is, for somebody at a terminal.

use std::fs;

use callbox_testkit::{Folder, Program, Terminal};

use super::ncat::ours;
use super::peer::{read_to_end, server};

/// The command line of a program whose standard input is a file or a pipe, on a terminal otherwise.
#[track_caller]
fn on_a_terminal(input: &str, program: &Program, columns: u16) -> Terminal {
    let words = format!("{input} {}", program.command_line());
    Terminal::spawn_sized(Program::new("sh").args(["-c", &words]), 24, columns)
}

#[test]
fn the_bytes_of_a_file_are_told_with_all_that_there_are_and_the_rate() {
    let folder = Folder::new("progress");
    let file = folder.join("file");
    fs::write(&file, vec![b'x'; 3 << 20]).expect("a file");
    ours(|ncat| {
        let server = server(|mut stream| read_to_end(&mut stream).len());
        let program = ncat.client("--progress", server.port);
        let input = format!("< {} exec", file.display());
        let mut terminal = on_a_terminal(&input, &program, 80);
        terminal.wait_for("3.00 MiB of 3.00 MiB  100%  ");
        terminal.wait_for("/s  in ");
        assert_eq!(terminal.wait().code, Some(0));
        super::ncat::Seen::of(&Program::new("true").run()).beside(server.done().to_string())
    })
    .peer_got(&["3145728"]);
}

#[test]
fn of_a_pipe_nobody_knows_how_much_there_is() {
    ours(|ncat| {
        let server = server(|mut stream| read_to_end(&mut stream).len());
        let program = ncat.client("--progress", server.port);
        let mut terminal = on_a_terminal("head -c 2048 /dev/zero |", &program, 80);
        let before = terminal.wait_for("2.00 KiB  ");
        assert!(!before.contains(" of "), "{before}");
        terminal.wait_for(" in ");
        assert_eq!(terminal.wait().code, Some(0));
        super::ncat::Seen::of(&Program::new("true").run()).beside(server.done().to_string())
    })
    .peer_got(&["2048"]);
}

#[test]
fn a_narrow_terminal_gets_lines_that_do_not_wrap() {
    ours(|ncat| {
        let server = server(|mut stream| read_to_end(&mut stream).len());
        let program = ncat.client("--progress", server.port);
        let mut terminal = on_a_terminal("head -c 2048 /dev/zero |", &program, 12);
        // The line before it, of no bytes, is short enough for its rate.
        let is_there = |screen: &str| screen.contains("2.00 KiB") && !screen.contains("/s");
        terminal.wait_until_screen("the bytes and no rate", is_there);
        terminal.wait();
        super::ncat::Seen::of(&Program::new("true").run()).beside(server.done().to_string())
    })
    .peer_got(&["2048"]);
}

#[test]
fn without_a_terminal_nothing_is_said() {
    ours(|ncat| {
        let server = server(|mut stream| read_to_end(&mut stream).len());
        let finished = ncat.client("--progress", server.port).run_with_input("hello");
        super::ncat::Seen::of(&finished).beside(server.done().to_string())
    })
    .is(0, "", "")
    .peer_got(&["5"]);
}
