//! `--talk`: the terminal's side of the person who runs the server.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::mpsc::Receiver;
use std::thread;

use callbox_chat::beside::talk::Terminal;
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};

use crate::messages::{self, Console, Failure, Reason};

/// What stands before a line that is typed.
const PROMPT: &str = "> ";

/// Starts the threads that read and write the terminal. `stop` is called on Ctrl-C, which at a prompt is a key and no
/// signal. At the end of input the person has left, and the server goes on.
pub(super) fn start(
    terminal: Terminal,
    stop: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let (typed, shown) = terminal.split();
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        let mut editor = DefaultEditor::new().map_err(|error| no_prompt(&error))?;
        let printer = editor.create_external_printer().map_err(|error| no_prompt(&error))?;
        spawn("talk-shown", move || show_above_prompt(&shown, printer))?;
        spawn("talk-typed", move || read_at_prompt(editor, typed, stop))
    } else {
        spawn("talk-shown", move || show(&shown))?;
        spawn("talk-typed", move || read(typed))
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| messages::no_thread(&error))
}

fn no_prompt(error: &ReadlineError) -> Failure {
    let text = match error {
        ReadlineError::Io(error) => Reason(error).to_string(),
        other => other.to_string(),
    };
    Failure::usage(format!("cannot ask at this terminal: {text}"))
}

fn read_at_prompt(mut editor: DefaultEditor, mut typed: impl Write, stop: impl FnOnce()) {
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                // A history that takes no more loses a convenience.
                let _ = editor.add_history_entry(&line);
                if writeln!(typed, "{line}").is_err() {
                    return;
                }
            }
            Err(ReadlineError::Interrupted) => return stop(),
            Err(_) => {
                let _ = writeln!(typed, "/quit");
                return;
            }
        }
    }
}

fn show_above_prompt(shown: &Receiver<Vec<u8>>, mut printer: impl ExternalPrinter) {
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
