//! Passwords from the keyboard, or from a pipe.

use std::io::{self, BufRead, IsTerminal};
use std::process;

use callbox_chat::auth::hash_password;
use callbox_chat::running::password_settings;
use callbox_net::signal;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::settings;
use crate::cli::PasswordArgs;
use crate::messages::{self, Console, Exit, Failure, Reason};

/// `callbox chat password`.
pub(super) fn print_hash(args: &PasswordArgs) -> Result<(), Failure> {
    let settings = password_settings(&settings::read(&args.config)?);
    let password = new_password()?;
    let hash =
        hash_password(&password, &settings).map_err(|error| Failure::usage(error.to_string()))?;
    Console::new().print(hash)
}

/// A new password: typed twice at a terminal, without being shown; or a line of standard input.
pub(super) fn new_password() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return read_line();
    }
    restore_on_signals().map_err(|error| no_terminal(&error))?;
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(password)
}

/// A password that the person knows. Standard input that is no terminal has lines to say, and none of them is a password.
pub(super) fn known() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "a password is asked for at the terminal, and standard input is none; use --password-file or --password-env",
        ));
    }
    restore_on_signals().map_err(|error| no_terminal(&error))?;
    ask("Password: ").map(Zeroizing::new)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| no_terminal(&error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    // Before the prompt stands there: what is typed at it is neither shown nor flushed.
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(|e| no_terminal(&e.into()))?;
    messages::prompt(prompt);
    let line = read_line();
    // The terminal as it was, whatever came.
    restore(&before);
    messages::status("");
    line
}

/// Has Ctrl-C and the like leave the terminal as it is now.
fn restore_on_signals() -> io::Result<()> {
    let before = tcgetattr(io::stdin())?;
    let leave = move || {
        restore(&before);
        messages::status("");
        process::exit(Exit::Interrupted as i32);
    };
    signal::on_interrupt(leave, || process::exit(Exit::Interrupted as i32))
}

fn restore(terminal: &Termios) {
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, terminal);
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
