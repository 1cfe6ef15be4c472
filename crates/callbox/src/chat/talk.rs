//! `--talk`: the terminal's side of the person who runs the server.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use callbox_chat::beside::talk::{self, Screen, Talk, Terminal};
use callbox_chat::settings::Settings;
use callbox_irc::names::{NameError, Nick};
use rustyline::ExternalPrinter;

use crate::client::input::{Input, InputLine};
use crate::messages::{self, Console, Exit, Failure, Reason};

/// What stands before a line that is typed.
const PROMPT: &str = "> ";

/// What somebody is called who gave no name and has no login name that could be one.
const NOBODY: &str = "host";

/// The person at the terminal: the chat's side, and the terminal's.
pub(super) fn seat(name: Option<&str>, settings: &Settings) -> Result<(Talk, Terminal), Failure> {
    let check = |name: &str| Nick::parse(name, settings.hub.limits.nick).map(drop);
    let name = match name {
        Some(name) => {
            check(name).map_err(|error| no_name(name, error))?;
            name.to_owned()
        }
        None => std::env::var("USER")
            .ok()
            .filter(|name| check(name).is_ok())
            .unwrap_or_else(|| NOBODY.to_owned()),
    };
    talk::talk(&name).map_err(|error| {
        Failure::network(format!("cannot talk from this terminal: {}", Reason(&error)))
    })
}

fn no_name(name: &str, error: NameError) -> Failure {
    Failure::usage(format!("--name '{name}' cannot be a name here: {error}"))
}

/// Whether the person has a prompt, above which everything has to be shown.
pub(super) fn has_prompt() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Says a line of the server's own to the person at the prompt, without spoiling it; where nobody is, as anywhere else.
pub(super) fn status(screen: Option<&Screen>, line: &str) {
    let is_shown = screen.is_some_and(|screen| screen.show(format!("{line}\n").as_bytes()));
    if !is_shown {
        messages::status(line);
    }
}

/// Starts the threads that read and write the terminal. `stop` is called on Ctrl-C, which at a prompt is a key and no
/// signal. At the end of input the person has left, and the server goes on.
pub(super) fn start(
    terminal: Terminal,
    stop: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let (typed, shown) = terminal.split();
    if !has_prompt() {
        spawn("talk-shown", move || show(&shown))?;
        return spawn("talk-typed", move || read(typed));
    }
    let (opened, printer) = sync_channel(0);
    spawn("talk-typed", move || match Input::open() {
        Ok(mut input) => {
            let _ = opened.send(Ok(input.printer()));
            read_at_prompt(input, typed, stop);
        }
        Err(failure) => {
            let _ = opened.send(Err(failure));
        }
    })?;
    match printer.recv().unwrap_or_else(|_| Err(Failure::said(Exit::Network)))? {
        Some(printer) => spawn("talk-shown", move || show_above_prompt(&shown, printer)),
        None => spawn("talk-shown", move || show(&shown)),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| messages::no_thread(&error))
}

fn read_at_prompt(mut input: Input, mut typed: impl Write, stop: impl FnOnce()) {
    loop {
        match input.next(PROMPT) {
            Ok(Some(InputLine::Line(mut line))) => {
                line.push(b'\n');
                if typed.write_all(&line).is_err() {
                    return;
                }
            }
            // No prompt gives one.
            Ok(Some(InputLine::TooLong)) => {}
            Err(failure) if failure.exit() == Exit::Interrupted => return stop(),
            Ok(None) | Err(_) => {
                let _ = writeln!(typed, "/quit");
                return;
            }
        }
    }
}

fn show_above_prompt(shown: &Receiver<Vec<u8>>, mut printer: Box<dyn ExternalPrinter + Send>) {
    while let Ok(text) = shown.recv() {
        if printer.print(String::from_utf8_lossy(&text).into_owned()).is_err() {
            return;
        }
    }
}

fn read(mut typed: impl Write) {
    for line in io::stdin().lock().split(b'\n') {
        let Ok(mut line) = line else { break };
        line.push(b'\n');
        if typed.write_all(&line).is_err() {
            return;
        }
    }
    let _ = typed.write_all(b"/quit\n");
}

fn show(shown: &Receiver<Vec<u8>>) {
    let console = Console::new();
    while let Ok(text) = shown.recv() {
        let text = String::from_utf8_lossy(&text);
        for line in text.lines() {
            if console.print(line).is_err() {
                return;
            }
        }
    }
}
