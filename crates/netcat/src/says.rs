//! Everything that is said on standard error, and the exit status.
//!
//! Scripts read these lines, so they are ncat's where it has one. What a peer sent never gets here but quoted.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use callbox_net::peer::Peer;
use rustix::io::Errno;

/// How the program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It did what was asked.
    Done,
    /// The network said no: refused, reset, timed out, TLS failed.
    Network,
    /// The call was wrong: usage, a name that does not resolve, an address that cannot be bound, a file that cannot be
    /// written.
    Call,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => Self::SUCCESS,
            Status::Network => Self::from(1),
            Status::Call => Self::from(2),
        }
    }
}

/// Why the program ends before it has done what was asked.
#[derive(Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The network said no.
    Network(String),
    /// The network said no, and was asked for nothing else (`-z`): said only with `-v`.
    Answer(String),
    /// The call was wrong.
    Call(String),
    /// As [`Network`](Self::Network), but it is the listener that gives up.
    Listener(Status, String),
}

impl Trouble {
    /// The network's error in the words of the system.
    pub fn network(error: &io::Error) -> Self {
        Self::Network(words(error))
    }
}

/// The voice of the program: its prefix, and how much it is to say.
#[derive(Clone, Copy, Debug)]
pub struct Says {
    prefix: &'static str,
    verbosity: u8,
}

impl Says {
    /// `prefix` ends in a blank.
    pub const fn new(prefix: &'static str, verbosity: u8) -> Self {
        Self { prefix, verbosity }
    }

    /// What stands before each line.
    pub const fn prefix(self) -> &'static str {
        self.prefix
    }

    /// How many `-v` there were.
    pub const fn verbosity(self) -> u8 {
        self.verbosity
    }

    /// Says a line in any case.
    pub fn line(self, text: impl Display) {
        // There is nobody left to tell if this fails.
        let _ = writeln!(io::stderr().lock(), "{}{text}", self.prefix);
    }

    /// Says a line with `-v`.
    pub fn verbose(self, text: impl Display) {
        if self.verbosity > 0 {
            self.line(text);
        }
    }

    /// Says a line with `-vv`.
    pub fn debug(self, text: impl Display) {
        if self.verbosity > 1 {
            self.line(text);
        }
    }

    /// Says why it ends, and gives how.
    pub fn trouble(self, trouble: &Trouble) -> Status {
        match trouble {
            Trouble::Network(text) => {
                self.line(format_args!("{text}."));
                Status::Network
            }
            Trouble::Answer(text) => {
                self.verbose(format_args!("{text}."));
                Status::Network
            }
            Trouble::Call(text) => {
                self.line(format_args!("{text}. QUITTING."));
                Status::Call
            }
            Trouble::Listener(status, text) => {
                self.line(format_args!("{text}. QUITTING."));
                *status
            }
        }
    }
}

/// A peer as ncat shows it: an IPv6 address without brackets.
pub fn shown(peer: &Peer) -> String {
    match peer {
        Peer::Inet(address) => format!("{}:{}", address.ip(), address.port()),
        peer => peer.to_string(),
    }
}

/// An error of the system in its own words, without the number that Rust adds.
pub fn words(error: &io::Error) -> String {
    // No other protocol is asked for that a kernel may be without.
    if error.raw_os_error() == Some(Errno::PROTONOSUPPORT.raw_os_error()) {
        return "Protocol not supported: this kernel has no SCTP".to_owned();
    }
    let text = error.to_string();
    match error.raw_os_error().and_then(|_| text.rfind(" (os error ")) {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_system_come_without_a_number() {
        let error = io::Error::from(Errno::CONNREFUSED);
        assert_eq!(words(&error), "Connection refused");
        assert_eq!(
            words(&io::Error::other("its certificate is (os error 5)")),
            "its certificate is (os error 5)"
        );
    }
}
