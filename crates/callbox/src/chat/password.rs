//! Passwords from the keyboard, or from a pipe.

use std::io::{self, BufRead, IsTerminal};

use callbox_chat::auth::{AuthSettings, hash_password};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::messages::{self, Console, Failure, Reason};

/// `callbox chat password`.
pub(super) fn print_hash() -> Result<(), Failure> {
    let password = new_password()?;
    let hash = hash_password(&password, &AuthSettings::default())
        .map_err(|error| Failure::usage(error.to_string()))?;
    Console::new().print(hash)
}

/// A new password: typed twice at a terminal, without being shown; or a line of standard input.
pub(super) fn new_password() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return read_line();
    }
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(password)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    messages::prompt(prompt);
    let before = tcgetattr(&stdin).map_err(|error| no_terminal(&error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(|e| no_terminal(&e.into()))?;
    let line = read_line();
    // The terminal as it was, whatever came.
    let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
    messages::status("");
    line
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("cannot read the password: {}", Reason(&error))))?;
    let line = line.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(Failure::usage("no password was given"));
    }
    Ok(line.to_owned())
}

fn no_terminal(error: &io::Error) -> Failure {
    Failure::usage(format!("cannot ask for a password: {}", Reason(error)))
}
