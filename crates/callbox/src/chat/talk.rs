//! `--talk`: the terminal's side of the person who runs the server.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;
use std::time::Duration;

use callbox_chat::beside::talk::{self, Screen, Talk, Terminal, Unshown};
use callbox_chat::settings::Settings;
use callbox_irc::names::{NameError, Nick};
use rustyline::ExternalPrinter;

use crate::client::input::{Input, InputLine};
use crate::messages::{self, Console, Exit, Failure, Reason};

/// What stands before a line that is typed.
const PROMPT: &str = "> ";

/// How long the end waits for a terminal that may be stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line up, and down again: what is printed above a prompt has to end a line, or it is ended.
const NOTHING: &str = "\x1b[A\n";

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
    match screen.map(|screen| screen.show(format!("{line}\n").as_bytes())) {
        Some(Ok(())) => {}
        // It is the terminal that is stopped, and would stop the server.
        Some(Err(Unshown::Full)) if io::stderr().is_terminal() => {}
        Some(Err(Unshown::Full | Unshown::Closed)) | None => messages::status(line),
    }
}

/// The thread that writes to the terminal, which is at its end when this is.
pub(super) struct Writer(Receiver<()>);

impl Writer {
    /// Has what waits be shown, and then nothing more on `screen`.
    pub(super) fn finish(self, screen: &Screen) {
        screen.close();
        // Nobody sends anything; a terminal that is stopped does without.
        let _ = self.0.recv_timeout(PATIENCE);
    }
}

/// Starts the threads that read and write the terminal. `stop` is called on Ctrl-C, which at a prompt is a key and no
/// signal. At the end of input the person has left, and the server goes on.
pub(super) fn start(
    terminal: Terminal,
    stop: impl FnOnce() + Send + 'static,
) -> Result<Writer, Failure> {
    let (typed, shown) = terminal.split();
    let (writes, end) = channel::<()>();
    let writer = Writer(end);
    let write = |printer: Option<Box<dyn ExternalPrinter + Send>>| {
        spawn("talk-shown", move || {
            match printer {
                Some(printer) => show_above_prompt(&shown, printer),
                None => show(&shown),
            }
            drop(writes);
        })
    };
    if !has_prompt() {
        write(None)?;
        spawn("talk-typed", move || read(typed))?;
        return Ok(writer);
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
    write(printer.recv().unwrap_or_else(|_| Err(Failure::said(Exit::Network)))?)?;
    Ok(writer)
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
    // The prompt's thread takes one at a time, and has one waiting: behind two more the last one is shown.
    for _ in 0..2 {
        let _ = printer.print(NOTHING.to_owned());
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
