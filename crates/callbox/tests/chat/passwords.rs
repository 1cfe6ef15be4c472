//! Passwords typed at a terminal: not shown, and asked for twice.

use callbox_testkit::{Program, Terminal};

use crate::{Folder, chat};

const PASSWORD: &str = "open sesame 两";

/// Answers the two prompts.
#[track_caller]
fn type_twice(terminal: &mut Terminal, first: &str, second: &str) {
    terminal.wait_for("Password: ");
    terminal.type_text(&format!("{first}\r"));
    terminal.wait_for("The same again: ");
    terminal.type_text(&format!("{second}\r"));
}

#[test]
fn a_password_is_asked_for_twice_and_not_shown() {
    let mut terminal = Terminal::spawn(chat().arg("password"));
    type_twice(&mut terminal, PASSWORD, PASSWORD);
    terminal.wait_for("$argon2id$v=19$");
    terminal.wait().expect_code(0).stdout_lacks("sesame");
}

#[test]
fn an_account_is_made_with_the_password_that_was_typed() {
    let folder = Folder::new();
    let data = folder.path();
    let account = |args: &[&str]| chat().arg("account").args(args).arg("--data").arg(data);
    let mut terminal = Terminal::spawn(account(&["add", "alice"]));
    type_twice(&mut terminal, PASSWORD, PASSWORD);
    terminal.wait().expect_code(0).stdout_contains("alice was made").stdout_lacks("sesame");
    account(&["list"]).run().expect_code(0).stdout_is("alice\n");
}

#[test]
fn two_passwords_that_differ_make_nothing() {
    let folder = Folder::new();
    let data = folder.path();
    let account = |args: &[&str]| chat().arg("account").args(args).arg("--data").arg(data);
    let mut terminal = Terminal::spawn(account(&["add", "alice"]));
    type_twice(&mut terminal, PASSWORD, "open sesame 3");
    terminal
        .wait()
        .expect_code(2)
        .stdout_contains("the two passwords differ")
        .stdout_lacks("sesame");
    let mut terminal = Terminal::spawn(chat().arg("password"));
    terminal.wait_for("Password: ");
    terminal.type_text("\r");
    terminal.wait().expect_code(2).stdout_contains("no password was given");
    account(&["list"]).run().expect_code(0).stdout_is("");
}

#[test]
fn ctrl_c_at_the_prompt_leaves_the_terminal_as_it_was() {
    // The shell stays, to look at the terminal that the program leaves.
    let script =
        r#"trap : INT; "$@"; echo "code $?"; stty -a | tr ';' '\n' | grep -w -e -echo -e echo"#;
    let program = Program::new("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_callbox")]);
    let mut terminal = Terminal::spawn(program.args(["chat", "password"]));
    terminal.wait_for("Password: ");
    terminal.type_text("half\x03");
    terminal.wait_for("code 130");
    let finished = terminal.wait();
    finished.expect_code(0).stdout_lacks("-echo ").stdout_lacks("half");
}
