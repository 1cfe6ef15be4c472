//! The line of `--progress` on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use crate::progress::Progress;

/// The width where the terminal does not say its own.
const WIDTH: usize = 80;

/// Shows on standard error how far it is.
pub(super) struct Gauge {
    progress: Progress,
    /// Whether it is known how much is to be sent: then that alone is counted.
    is_known: bool,
}

impl Gauge {
    /// One, if it is wanted and there is a terminal to show it on. `total` is what standard input still holds.
    pub(super) fn new(is_wanted: bool, total: Option<u64>, now: Instant) -> Option<Self> {
        (is_wanted && io::stderr().is_terminal())
            .then(|| Self { progress: Progress::new(total, now), is_known: total.is_some() })
    }

    /// Shows it, if that is due.
    pub(super) fn show(&mut self, sent: u64, received: u64, now: Instant) {
        let bytes = self.bytes(sent, received);
        if let Some(line) = self.progress.handle_moved(bytes, width(), now) {
            draw(&line, "");
        }
    }

    /// When it is to be shown again, whatever happens until then.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.progress.poll_timeout()
    }

    /// Shows the last line.
    pub(super) fn end(&self, sent: u64, received: u64, now: Instant) {
        let line = self.progress.end(self.bytes(sent, received), width(), now);
        draw(&line, "\n");
    }

    fn bytes(&self, sent: u64, received: u64) -> u64 {
        if self.is_known { sent } else { sent + received }
    }
}

/// Puts a line in the place of the one before, of which nothing is left behind it. In one piece: half of it would be a
/// line of its own for a moment, with the end of the old one.
fn draw(line: &str, end: &str) {
    let _ = io::stderr().lock().write_all(format!("\r{line}\x1b[K{end}").as_bytes());
}

/// How much a line may hold: in the last column some terminals begin another line.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    if size == 0 { WIDTH - 1 } else { usize::from(size) - 1 }
}
