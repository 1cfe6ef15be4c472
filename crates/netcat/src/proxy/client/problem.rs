//! What goes wrong with proxies, in words.

use std::fmt;

use callbox_exchange::Quoted;
use thiserror::Error;

/// How many bytes of what a proxy said are kept to be shown.
const SHOWN: usize = 80;

/// A proxy that brings no connection about. The text is one line, which names the proxy and shows what it said.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the proxy {proxy} {problem}")]
pub struct ProxyError {
    /// The proxy's name, as its user gave it.
    pub proxy: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong, in words that go on after the proxy's name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// It refused in its protocol's way.
    #[error("refused: {0}")]
    Refused(Said),
    /// It refused with one of the numbers that its protocol has for that.
    #[error("refused: {reason} (code {code})")]
    Code {
        /// The number.
        code: u8,
        /// What it means.
        reason: &'static str,
    },
    /// What it said is not of its protocol.
    #[error("does not speak {protocol}: it said {said}")]
    Nonsense {
        /// What was expected.
        protocol: &'static str,
        /// What came.
        said: Said,
    },
    /// It answered with more than is read.
    #[error("said too much: it began with {0}")]
    TooMuch(Said),
    /// It closed the connection before it answered.
    #[error("closed the connection without an answer")]
    Closed,
    /// It wants to know who we are.
    #[error("wants a user and a password: give them with --proxy-auth USER:PASSWORD")]
    WantsCredentials,
    /// It did not accept who we are.
    #[error("did not accept the user and the password: {0}")]
    Credentials(Said),
    /// It wants to be told who we are in a way that is not known here.
    #[error("wants to be told who we are in a way that is not known here: {0}")]
    Authentication(Said),
    /// The protocol has no way to say this.
    #[error("cannot be asked: {0}")]
    Unsayable(&'static str),
}

/// What a proxy said, of which only the beginning is kept. It is shown quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    kept: Vec<u8>,
    length: usize,
}

impl Said {
    pub(super) fn new(said: &[u8]) -> Self {
        // Enough for `Quoted` to see where a character ends.
        Self { kept: said[..said.len().min(SHOWN + 4)].to_vec(), length: said.len() }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted(&self.kept).cut(SHOWN).of(self.length).fmt(f)
    }
}
