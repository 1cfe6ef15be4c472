//! `callbox chat`: joins the chat on this machine, and starts it where there is none.

use std::fs::File;
use std::net::TcpListener;

use callbox_testkit::{Folder, Program, Signal, Terminal};

use crate::chat;
use crate::peer::{Manners, own_server};

/// A port at which nobody listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn at(home: &Folder, port: u16) -> Program {
    let chat = chat(home).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("USER", "wang");
    chat.args(["-p", &port.to_string()])
}

/// On a terminal, with the question answered.
#[track_caller]
fn person(home: &Folder, port: u16, name: &str) -> Terminal {
    let mut person = Terminal::spawn(at(home, port));
    person.wait_for("What is your name? ");
    // The login name stands there: it is taken away.
    person.wait_for("wang");
    person.type_text(&format!("\x15{name}\r"));
    person.wait_for_screen("You can start the conversation now!");
    person
}

#[track_caller]
fn leave(mut person: Terminal) {
    person.type_text("\x03");
    person.wait_for_screen("Press Ctrl-C again to leave.");
    person.type_text("\x03");
    person.wait().expect_code(0);
}

#[test]
fn the_login_name_is_offered() {
    let home = Folder::new("host");
    let mut wang = Terminal::spawn(at(&home, free_port()));
    wang.wait_for("What is your name? ");
    wang.wait_for("wang");
    wang.type_text("\r");
    wang.wait_for_screen("You can start the conversation now!");
    wang.wait_for_screen("wang · callbox");
    leave(wang);
}

#[test]
fn the_program_in_which_the_chat_runs_is_not_stopped_by_a_key() {
    let (home, port) = (Folder::new("host"), free_port());
    let mut sally = person(&home, port, "sally");
    let mut harry = person(&home, port, "harry");
    sally.type_text("\x1a");
    sally.wait_for_screen("This program is not stopped");
    sally.type_text("still here\r");
    harry.wait_for_screen("still here");
    leave(harry);
    leave(sally);
}

#[test]
fn the_chat_goes_on_when_the_one_who_started_it_leaves() {
    let (home, port) = (Folder::new("host"), free_port());
    let mut sally = person(&home, port, "sally");
    let mut harry = person(&home, port, "harry");
    sally.type_text("hello harry 你好\r");
    harry.wait_for_screen("hello harry 你好");
    harry.type_text("hello sally\r");
    sally.wait_for_screen("hello sally");
    leave(sally);
    // Typed at any time: it is said once somebody listens again.
    harry.type_text("are you there?\r");
    // A third finds the server of the second, with all that was ever said.
    let mut third = person(&home, port, "third");
    third.wait_for_screen("are you there?");
    let screen = third.wait_for_screen("hello sally");
    assert_eq!(screen.matches("hello harry 你好").count(), 1, "{screen}");
    assert_eq!(screen.matches("are you there?").count(), 1, "{screen}");
    let screen = harry.wait_for_screen("third joined");
    assert_eq!(screen.matches("are you there?").count(), 1, "{screen}");
    leave(harry);
    leave(third);
}

#[test]
fn two_at_the_same_moment_are_in_one_chat() {
    let (home, port) = (Folder::new("host"), free_port());
    let start = |name| Terminal::spawn(at(&home, port).args(["--name", name]));
    let (mut anna, mut bert) = (start("anna"), start("bert"));
    anna.wait_for_screen("You can start the conversation now!");
    bert.wait_for_screen("You can start the conversation now!");
    anna.type_text("who is there?\r");
    bert.wait_for_screen("who is there?");
    leave(anna);
    leave(bert);
}

#[test]
fn a_folder_that_cannot_be_kept_in_is_said() {
    let home = Folder::new("host");
    let file = home.join("file");
    File::create(&file).expect("a file");
    let chat = at(&home, free_port()).args(["--name", "wang", "--data"]).arg(&file);
    let finished = Terminal::spawn(chat).wait();
    finished.expect_code(2).stdout_contains("callbox: cannot use ");
    finished.stdout_lacks("\x1b[?1049h");
}

#[test]
fn a_port_that_something_else_has_is_said_and_the_terminal_is_left_alone() {
    let home = Folder::new("host");
    for (manners, said) in [
        (Manners::Closing, "cannot join the chat at 127.0.0.1:"),
        (Manners::Web, "closed the connection"),
        (Manners::Mute, "is no chat"),
    ] {
        let port = own_server(manners).port();
        let finished = Terminal::spawn(at(&home, port).args(["--name", "wang"])).wait();
        finished.expect_code(1).stdout_contains(said).stdout_lacks("\x1b[?1049h");
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let (home, port) = (Folder::new("host"), free_port());
    for signal in [Signal::TERM, Signal::HUP] {
        let wang = person(&home, port, "wang");
        wang.signal(signal);
        let finished = wang.wait();
        finished.expect_code(0);
        let shown = finished.stdout_text();
        // Mouse, focus, pastes, the alternate screen: all are left, and the cursor is back.
        for left in ["\x1b[?1000l", "\x1b[?1004l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[?25h"] {
            assert!(
                shown.ends_with(left) || shown.rfind(left) > shown.rfind("\x1b[?1049h"),
                "{left:?}"
            );
        }
    }
}

#[test]
fn without_a_terminal_it_is_a_tool_in_the_same_chat() {
    let (home, port) = (Folder::new("host"), free_port());
    let mut host = at(&home, port).args(["--name", "host"]).spawn();
    host.wait_for_stderr("In callbox as host");
    let mut guest = at(&home, port).args(["--name", "guest"]).spawn();
    host.wait_for_stdout("#lobby guest has joined");
    guest.write_line("hello");
    host.wait_for_stdout("#lobby <guest> hello");
    guest.signal(Signal::TERM);
    guest.wait().expect_code(130);
    host.signal(Signal::TERM);
    host.wait().expect_code(130);
}
