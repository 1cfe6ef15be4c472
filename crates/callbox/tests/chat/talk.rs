//! `--talk`: the person who runs the server talks in the lobby.

use callbox_testkit::{Signal, Terminal, listening_address};

use crate::{Irc, chat, ready};

const ARGS: [&str; 7] = ["server", "-p", "0", "--ephemeral", "--talk", "--name", "host"];

#[test]
fn a_person_at_the_terminal_talks_with_who_comes() {
    let mut terminal = Terminal::spawn(chat().args(ARGS));
    terminal.wait_for("Listening at ");
    let line = format!("Listening at {}", terminal.wait_for("\r\n"));
    let address = listening_address(&line);
    terminal.wait_for("* you are host in #lobby");
    let mut alice = Irc::in_lobby(address, "alice");
    terminal.wait_for("* alice came in");
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
    let mut terminal = Terminal::spawn(chat().args(ARGS));
    terminal.wait_for("Listening at ");
    let address = listening_address(&format!("Listening at {}", terminal.wait_for("\r\n")));
    terminal.wait_for("* you are host in #lobby");
    let mut alice = Irc::in_lobby(address, "alice");
    terminal.wait_for("* alice came in");
    terminal.type_text("\x04");
    assert!(alice.expect(" QUIT ").starts_with(":host!"));
    alice.say("alone");
    alice.so_far();
    terminal.signal(Signal::TERM);
    terminal.wait().expect_code(0);
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
