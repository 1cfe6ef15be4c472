//! Where `--many` prints: the streams, or above a prompt at which somebody is typing.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use rustyline::ExternalPrinter;

use crate::messages::{self, Console, Failure};

/// Something that prints above a prompt.
pub(crate) type Printer = Box<dyn ExternalPrinter + Send>;

/// Lines that wait to be shown above the prompt. Nobody reads more than that between two keystrokes.
const MAX_WAITING: usize = 1_024;

/// Standard output and standard error, beside a prompt or without one.
pub(crate) struct Output {
    screen: Option<Screen>,
    /// Each stream may have been sent elsewhere, where no prompt can be spoiled.
    content_is_shown: bool,
    status_is_shown: bool,
}

impl Output {
    /// For a prompt with this printer, or for none.
    pub(crate) fn new(printer: Option<Printer>) -> Result<Self, Failure> {
        Ok(Self {
            screen: printer.map(Screen::start).transpose().map_err(|e| messages::no_thread(&e))?,
            content_is_shown: io::stdout().is_terminal(),
            status_is_shown: io::stderr().is_terminal(),
        })
    }

    /// Prints one line of content.
    pub(crate) fn print(&mut self, line: String) -> Result<(), Failure> {
        match &mut self.screen {
            Some(screen) if self.content_is_shown => {
                screen.show(line);
                Ok(())
            }
            _ => Console::new().print(line),
        }
    }

    /// Says one line about what is going on.
    pub(crate) fn status(&mut self, line: String) {
        match &mut self.screen {
            Some(screen) if self.status_is_shown => screen.show(line),
            _ => messages::status(line),
        }
    }

    /// Shows what waits still.
    pub(crate) fn finish(self) {
        if let Some(screen) = self.screen {
            drop(screen.lines);
            let _ = screen.thread.join();
        }
    }
}

/// A thread that prints above the prompt.
///
/// A printer can hold up whoever calls it until the prompt is shown again, and the prompt is shown again only when the
/// caller has taken in the line that was typed. So it is not called on the thread that takes in lines.
struct Screen {
    lines: SyncSender<String>,
    missed: usize,
    thread: JoinHandle<()>,
}

impl Screen {
    fn start(printer: Printer) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(MAX_WAITING);
        let show = move || show_all(printer, &waiting);
        let thread = thread::Builder::new().name("screen".to_owned()).spawn(show)?;
        Ok(Self { lines, missed: 0, thread })
    }

    fn show(&mut self, line: String) {
        let line = match self.missed {
            0 => line,
            missed => format!("({missed} more lines not shown)\n{line}"),
        };
        match self.lines.try_send(line) {
            Ok(()) => self.missed = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.missed += 1,
        }
    }
}

fn show_all(mut printer: Printer, lines: &Receiver<String>) {
    for line in lines {
        if printer.print(format!("{line}\n")).is_err() {
            // The prompt has gone, so nothing can be spoiled any more.
            let _ = Console::new().print(line);
        }
    }
}
