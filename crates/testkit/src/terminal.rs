//! Run a program on a pseudo-terminal, to test what it shows to a person: prompts, editing, control-C.
//!
//! The terminal becomes the program's controlling terminal through util-linux's `setsid --ctty`. The
//! usual way, a hook between fork and exec, would need unsafe code here.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::child::OwnedChild;
use crate::collected::{Collected, Missed, each_read};
use crate::finished::Finished;
use crate::program::Program;
use crate::report::{self, StreamText};
use crate::screen::Screen;
use crate::{EVENT_DEADLINE, Signal};

/// The rows and columns of a terminal for which a test asks nothing else: the classic ones.
const SIZE: (u16, u16) = (24, 80);

/// A program at work on its own terminal. Dropping it kills that one process and reaps it.
pub struct Terminal {
    command_line: String,
    child: OwnedChild,
    keyboard: File,
    /// Every byte the terminal was sent.
    raw: Arc<Collected>,
    /// The same without escape sequences: what `wait_for` looks at.
    plain: Arc<Collected>,
    /// What the terminal showed at the last look.
    screen: Screen,
}

impl Terminal {
    /// Starts the program on a new terminal of 80 by 24 characters of the kind `xterm`; panics if
    /// that fails.
    #[track_caller]
    pub fn spawn(program: Program) -> Self {
        let (rows, columns) = SIZE;
        Self::spawn_sized(program, rows, columns)
    }

    /// As [`spawn`](Self::spawn), with a terminal of another size: a large one for a program whose lines
    /// should neither wrap nor scroll away before the test has seen them.
    #[track_caller]
    pub fn spawn_sized(program: Program, rows: u16, columns: u16) -> Self {
        let command_line = program.command_line();
        let (controller, terminal) = open_terminal(rows, columns).expect("a pseudo-terminal");
        let mut command = program.env("TERM", "xterm").run_by("setsid", &["--ctty"]).command();
        let again = || terminal.try_clone().map(Stdio::from).expect("a second descriptor");
        command.stdin(again()).stdout(again()).stderr(again());
        let child = OwnedChild::spawn(&mut command);
        let child = child.unwrap_or_else(|error| panic!("cannot start {command_line}: {error}"));
        let keyboard = File::from(controller);
        let shown = keyboard.try_clone().expect("a second descriptor");
        let (raw, plain) = collect(shown);
        let screen = Screen::new(rows, columns);
        Self { command_line, child, keyboard, raw, plain, screen }
    }

    /// Types text as a person would: `"hello\r"` ends with the return key, `"\x03"` is control-C,
    /// `"\x04"` control-D.
    #[track_caller]
    pub fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Waits until the terminal shows `text` after what earlier waits have passed; escape sequences do
    /// not count. Returns what stood before it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let found = self.plain.wait_for(Instant::now() + EVENT_DEADLINE, |bytes, _| {
            let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
            Some((String::from_utf8_lossy(&bytes[..at]).into_owned(), at + text.len()))
        });
        match found {
            Ok(before) => before,
            Err(Missed::Ended) => self.fail(&format!("{text:?} shown, but the terminal closed")),
            Err(Missed::TimedOut) => self.fail(&format!("{text:?} shown in {EVENT_DEADLINE:?}")),
        }
    }

    /// Waits until `text` stands on the screen, in one row, and returns the whole screen. This is for
    /// programs that fill the screen: what matters is what stands there, in whatever order it was drawn.
    /// Unlike [`wait_for`](Self::wait_for) it is content with what stood there before.
    #[track_caller]
    pub fn wait_for_screen(&mut self, text: &str) -> String {
        self.wait_until_screen(&format!("{text:?} on the screen"), |screen| screen.contains(text))
    }

    /// Waits until the screen is as `is` wants it, and returns it: its rows, each with a line end and
    /// without the spaces before. `what` is for the report.
    #[track_caller]
    pub fn wait_until_screen(&mut self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let (screen, mut taken) = (&mut self.screen, 0);
        let found = self.raw.wait_for(Instant::now() + EVENT_DEADLINE, |bytes, _| {
            screen.write(&bytes[taken..]);
            taken = bytes.len();
            let text = screen.text();
            is(&text).then_some((text, taken))
        });
        match found {
            Ok(text) => text,
            Err(Missed::Ended) => self.fail_on_screen(&format!("{what}, but the terminal closed")),
            Err(Missed::TimedOut) => self.fail_on_screen(&format!("{what} in {EVENT_DEADLINE:?}")),
        }
    }

    /// Everything shown so far, without escape sequences.
    pub fn shown_so_far(&self) -> String {
        String::from_utf8_lossy(&self.plain.bytes()).into_owned()
    }

    /// The process identifier.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this process.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let sent = self.child.signal(signal);
        sent.unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.command_line));
    }

    /// Waits for the exit. The result's `stdout` is every byte the terminal was sent, with escape
    /// sequences; its `stderr` is empty.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let Some(status) = self.child.wait(Instant::now() + EVENT_DEADLINE) else {
            self.fail(&format!("the exit within {EVENT_DEADLINE:?}"));
        };
        if self.raw.wait_for_end(Instant::now() + EVENT_DEADLINE).is_err() {
            self.fail("the terminal closed after the exit");
        }
        Finished::new(self.command_line, status, self.raw.bytes(), Vec::new())
    }

    #[track_caller]
    fn fail(&mut self, expected: &str) -> ! {
        let (bytes, discarded) = (self.plain.bytes(), self.plain.discarded());
        self.fail_with(expected, StreamText { name: "terminal", bytes: &bytes, discarded })
    }

    #[track_caller]
    fn fail_on_screen(&mut self, expected: &str) -> ! {
        let text = self.screen.text();
        self.fail_with(
            expected,
            StreamText { name: "screen", bytes: text.as_bytes(), discarded: 0 },
        )
    }

    #[track_caller]
    fn fail_with(&mut self, expected: &str, shown: StreamText<'_>) -> ! {
        let status = self.child.wait(Instant::now());
        let status = status.map_or_else(|| "still running".to_owned(), |status| status.to_string());
        panic!("{}", report::failure(expected, &self.command_line, &status, &[shown]));
    }
}

/// Programs that are started meanwhile do not get the side that the test holds. macOS has no such flag: there it takes a
/// second call.
#[cfg(not(target_vendor = "apple"))]
const NOT_INHERITED: OpenptFlags = OpenptFlags::CLOEXEC;
#[cfg(target_vendor = "apple")]
const NOT_INHERITED: OpenptFlags = OpenptFlags::empty();

/// A new pseudo-terminal: the side the test holds, and the side the program gets.
fn open_terminal(rows: u16, columns: u16) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | NOT_INHERITED)?;
    fcntl_setfd(&controller, FdFlags::CLOEXEC)?;
    grantpt(&controller)?;
    unlockpt(&controller)?;
    let name = ptsname(&controller, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = open(&*name, flags, Mode::empty())?;
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal.as_fd(), size)?;
    Ok((controller, terminal))
}

/// Starts the thread that collects what the terminal is sent, as it is and without escapes.
fn collect(screen: File) -> (Arc<Collected>, Arc<Collected>) {
    let (raw, plain) = (Arc::<Collected>::default(), Arc::<Collected>::default());
    let (to_raw, to_plain) = (Arc::clone(&raw), Arc::clone(&plain));
    thread::spawn(move || {
        let mut stripper = Stripper::Text;
        each_read(screen, |bytes| {
            to_raw.push(bytes);
            let text: Vec<u8> =
                bytes.iter().copied().filter(|&byte| stripper.keeps(byte)).collect();
            to_plain.push(&text);
        });
        to_raw.end();
        to_plain.end();
    });
    (raw, plain)
}

/// Where in an escape sequence (ECMA-48, section 5) a byte stream stands.
#[derive(Clone, Copy)]
enum Stripper {
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence, up to its final byte.
    Control,
    /// In an operating system command, up to BEL or ESC.
    Command,
}

impl Stripper {
    /// Takes the next byte and says whether it is text.
    fn keeps(&mut self, byte: u8) -> bool {
        let (next, keeps) = match (*self, byte) {
            (Self::Text, 0x1b) => (Self::Escape, false),
            (Self::Text, _) => (Self::Text, true),
            (Self::Escape, b'[') => (Self::Control, false),
            (Self::Escape, b']') => (Self::Command, false),
            (Self::Escape, 0x20..=0x2f) => (Self::Escape, false),
            (Self::Escape, _) => (Self::Text, false),
            (Self::Control, 0x40..=0x7e) => (Self::Text, false),
            (Self::Control, _) => (Self::Control, false),
            (Self::Command, 0x07) => (Self::Text, false),
            (Self::Command, 0x1b) => (Self::Escape, false),
            (Self::Command, _) => (Self::Command, false),
        };
        *self = next;
        keeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Program {
        Program::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn the_program_sees_a_terminal_on_all_three_streams() {
        let terminal = Terminal::spawn(sh("[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size"));
        terminal.wait().expect_code(0).stdout_contains("24 80");
    }

    #[test]
    fn a_prompt_is_awaited_and_answered() {
        let mut terminal = Terminal::spawn(sh("printf 'Name: '; read name; echo \"[$name]\""));
        terminal.wait_for("Name: ");
        terminal.type_text("sally\r");
        terminal.wait_for("[sally]");
        terminal.wait().expect_code(0);
    }

    #[test]
    fn control_c_interrupts_the_program() {
        let mut terminal = Terminal::spawn(sh("echo ready; exec sleep 1000"));
        terminal.wait_for("ready");
        terminal.type_text("\x03");
        terminal.wait().expect_signal(Signal::INT);
    }

    #[test]
    fn escape_sequences_do_not_hide_text() {
        let script = r"printf '\033]0;title\007a\033[1;31mb\033[0m\033(Bc\n'";
        let mut terminal = Terminal::spawn(sh(script));
        assert_eq!(terminal.wait_for("abc"), "");
        terminal.wait().stdout_contains("\x1b[1;31m");
    }

    #[test]
    fn a_screen_is_awaited_as_it_stands_and_not_as_it_was_drawn() {
        let script =
            r"printf '\033[Hfar\033[1;1Hn\033[2C!'; read line; printf '\033[Hnear'; read end";
        let mut terminal = Terminal::spawn_sized(sh(script), 3, 20);
        terminal.wait_for_screen("nar!");
        terminal.type_text("\r");
        terminal.wait_until_screen("near at the top", |screen| screen.starts_with("near\n"));
        // What stands there is seen as often as one looks.
        terminal.wait_for_screen("near");
        terminal.wait_for_screen("near");
        terminal.type_text("\r");
        terminal.wait().expect_code(0);
    }
}
