//! What a program leaves behind, and the expectations a test has of it.

use std::borrow::Cow;

use crate::child::Status;
use crate::report::{self, StreamText};

/// A program that has ended: its streams and how it ended. The expectations can be chained, and each
/// panics with the command, the status and both streams.
#[derive(Debug)]
pub struct Finished {
    /// The command line, for reports.
    pub command: String,
    /// The exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The number of the signal that ended it, if one did.
    pub signal: Option<i32>,
    /// All of standard output, as bytes. On a terminal, all that the terminal was sent.
    pub stdout: Vec<u8>,
    /// All of standard error, as bytes. Empty on a terminal, where the two are one stream.
    pub stderr: Vec<u8>,
    status: String,
}

impl Finished {
    pub(crate) fn new(command: String, status: Status, stdout: Vec<u8>, stderr: Vec<u8>) -> Self {
        let (code, signal) = (status.code(), status.signal());
        Self { command, code, signal, stdout, stderr, status: status.to_string() }
    }

    /// Standard output as text; bytes that are not UTF-8 become U+FFFD.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text; bytes that are not UTF-8 become U+FFFD.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// Expects that the program ended by itself with this exit code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        self.expect(self.code == Some(code), || format!("exit code {code}"))
    }

    /// Expects that the signal of this number ended the program.
    #[track_caller]
    pub fn expect_signal(&self, signal: crate::Signal) -> &Self {
        let number = signal.as_raw();
        self.expect(self.signal == Some(number), || format!("an end by signal {number}"))
    }

    /// Expects exactly this on standard output.
    #[track_caller]
    pub fn stdout_is(&self, text: &str) -> &Self {
        let same = self.stdout == text.as_bytes();
        self.expect(same, || format!("standard output to be {text:?}"))
    }

    /// Expects exactly this on standard error.
    #[track_caller]
    pub fn stderr_is(&self, text: &str) -> &Self {
        let same = self.stderr == text.as_bytes();
        self.expect(same, || format!("standard error to be {text:?}"))
    }

    /// Expects this somewhere on standard output.
    #[track_caller]
    pub fn stdout_contains(&self, text: &str) -> &Self {
        let found = self.stdout_text().contains(text);
        self.expect(found, || format!("standard output to contain {text:?}"))
    }

    /// Expects this somewhere on standard error.
    #[track_caller]
    pub fn stderr_contains(&self, text: &str) -> &Self {
        let found = self.stderr_text().contains(text);
        self.expect(found, || format!("standard error to contain {text:?}"))
    }

    /// Expects this nowhere on standard output.
    #[track_caller]
    pub fn stdout_lacks(&self, text: &str) -> &Self {
        let found = self.stdout_text().contains(text);
        self.expect(!found, || format!("standard output not to contain {text:?}"))
    }

    /// Expects this nowhere on standard error.
    #[track_caller]
    pub fn stderr_lacks(&self, text: &str) -> &Self {
        let found = self.stderr_text().contains(text);
        self.expect(!found, || format!("standard error not to contain {text:?}"))
    }

    /// Any other expectation: panics with the full report, led by `expected`, unless `holds`.
    #[track_caller]
    pub fn expect(&self, holds: bool, expected: impl FnOnce() -> String) -> &Self {
        if !holds {
            panic!("{}", self.report(&expected()));
        }
        self
    }

    fn report(&self, expected: &str) -> String {
        let stdout = StreamText { name: "standard output", bytes: &self.stdout, discarded: 0 };
        let stderr = StreamText { name: "standard error", bytes: &self.stderr, discarded: 0 };
        report::failure(expected, &self.command, &self.status, &[stdout, stderr])
    }
}
