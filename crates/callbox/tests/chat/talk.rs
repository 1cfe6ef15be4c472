//! `--talk`: the person who runs the server talks in the lobby.

use std::fs;

use callbox_testkit::{Program, Signal, Terminal, listening_address};

use crate::{Irc, chat, ready};

const ARGS: [&str; 7] = ["server", "-p", "0", "--ephemeral", "--talk", "--name", "host"];

/// Somebody at a terminal, and alice who has come into the lobby.
fn talk_with_alice() -> (Terminal, Irc) {
    let mut terminal = Terminal::spawn(chat().args(ARGS));
    terminal.wait_for("Listening at ");
    let address = listening_address(&format!("Listening at {}", terminal.wait_for("\r\n")));
    terminal.wait_for("* you are host in #lobby");
    let alice = Irc::in_lobby(address, "alice");
    terminal.wait_for("* alice came in");
    (terminal, alice)
}

#[test]
fn a_person_at_the_terminal_talks_with_who_comes() {
    let (mut terminal, mut alice) = talk_with_alice();
    alice.say("is anybody here?");
    terminal.wait_for("alice: is anybody here?");
    terminal.type_text("yes, 我在\r");
    assert!(alice.expect_end_of_line("PRIVMSG #lobby :yes, 我在").starts_with(":host!"));
    terminal.type_text("/nick sally\r");
    alice.expect(" NICK ");
    terminal.wait_for("* you are sally now");
    // What comes in the middle of a line does not spoil it.
    terminal.type_text("half a ");
    alice.say("an interruption");
    terminal.wait_for("alice: an interruption");
    terminal.type_text("line\r");
    alice.expect_end_of_line(":half a line");
    // Ctrl-C is a signal to the server.
    terminal.type_text("\x03");
    terminal.wait().expect_code(0);
    assert!(alice.expect_end().iter().any(|line| line.starts_with("ERROR ")));
}

#[test]
fn the_end_of_what_is_typed_is_not_the_end_of_the_server() {
    let (mut terminal, mut alice) = talk_with_alice();
    terminal.type_text("\x04");
    assert!(alice.expect(" QUIT ").starts_with(":host!"));
    alice.say("alone");
    alice.so_far();
    terminal.signal(Signal::TERM);
    terminal.wait().expect_code(0);
}

#[test]
fn who_says_good_bye_at_the_prompt_comes_back_by_saying_something() {
    let (mut terminal, mut alice) = talk_with_alice();
    terminal.type_text("/quit\r");
    alice.expect(" QUIT ");
    terminal.wait_for("* you left");
    terminal.type_text("here again\r");
    terminal.wait_for("* you are host in #lobby");
    alice.expect_end_of_line("PRIVMSG #lobby :here again");
    terminal.signal(Signal::TERM);
    terminal.wait().expect_code(0);
}

#[test]
fn the_end_of_what_is_typed_seats_nobody_who_has_left() {
    let (mut terminal, mut alice) = talk_with_alice();
    terminal.type_text("/quit\r");
    alice.expect(" QUIT ");
    terminal.wait_for("* you left");
    terminal.type_text("/quit again\r\x04");
    terminal.signal(Signal::TERM);
    terminal.wait().expect_code(0);
    let rest = alice.expect_end();
    assert!(!rest.iter().any(|line| line.starts_with(":host!")), "{rest:?}");
}

#[test]
fn what_is_pasted_behind_a_good_bye_is_said() {
    let (mut server, address) = ready(chat().args(ARGS));
    server.wait_for_stdout("* you are host in #lobby");
    let mut alice = Irc::in_lobby(address, "alice");
    server.wait_for_stdout("* alice came in");
    server.write_line("/quit for a moment\nback\nagain");
    alice.expect_end_of_line(" QUIT :Quit: for a moment");
    alice.expect_end_of_line("PRIVMSG #lobby :back");
    alice.expect_end_of_line("PRIVMSG #lobby :again");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
}

#[test]
fn what_the_server_has_to_say_does_not_spoil_a_line_that_is_typed() {
    let mut terminal = Terminal::spawn(chat().args(ARGS));
    terminal.wait_for("* you are host in #lobby");
    terminal.type_text("half a line");
    terminal.wait_for("half a line");
    terminal.signal(Signal::HUP);
    terminal.wait_for("The new settings hold\r\n> half a line");
    terminal.signal(Signal::TERM);
    terminal.wait().expect_code(0);
}

#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_as_it_was() {
    let script = format!("{}; echo; stty -a", chat().args(ARGS).command_line());
    let mut terminal = Terminal::spawn(Program::new("/bin/sh").args(["-c", &script]));
    terminal.wait_for("* you are host in #lobby");
    terminal.wait_for("> ");
    let children = format!("/proc/{0}/task/{0}/children", terminal.id());
    let child = fs::read_to_string(children).expect("the shell's child");
    Program::new("kill").args(["-TERM", child.trim()]).run().expect_code(0);
    let modes = terminal.wait_for("extproc");
    assert!(modes.contains(" icanon ") && modes.contains(" echo "), "{modes}");
}

#[test]
fn a_name_that_cannot_be_one_is_refused_and_a_login_name_like_that_is_not_used() {
    let args = ["server", "-p", "0", "--ephemeral", "--talk"];
    let refused = chat().args(args).arg("--name").arg("two words").run();
    refused.expect_code(2).stderr_contains("--name 'two words' cannot be a name here");
    let mut server = chat().args(args).env("USER", "two words").spawn();
    server.wait_for_stdout("* you are host in #lobby");
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
}

#[test]
fn a_pipe_can_talk_too() {
    let (mut server, address) = ready(chat().args(ARGS));
    server.wait_for_stdout("* you are host in #lobby");
    let mut alice = Irc::in_lobby(address, "alice");
    server.wait_for_stdout("* alice came in");
    server.write_line("hello from a pipe");
    alice.expect_end_of_line("PRIVMSG #lobby :hello from a pipe");
    alice.say("\u{1b}[2Jhello\u{7}");
    let line = server.wait_for_stdout("alice: ");
    assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
    server.close_stdin();
    alice.expect(" QUIT ");
    alice.say("still here");
    alice.so_far();
    server.signal(Signal::TERM);
    server.wait().expect_code(0).stdout_lacks("> ");
}
