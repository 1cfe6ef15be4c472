//! What the person who runs the server is told.

use std::fmt;
use std::sync::Arc;

use crate::server::{Notice, Report};

/// What a line is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weight {
    /// It is good to know, and nothing has to be done.
    Word,
    /// Something is lost, refused or broken: whoever runs the server wants to know in any case.
    Trouble,
}

type Line = dyn Fn(Weight, &str) + Send + Sync;

/// Takes one line of text, on whatever thread something happened; it must not wait.
#[derive(Clone)]
pub struct Tell(Arc<Line>);

impl Tell {
    /// Lines go to `to`.
    pub fn new(to: impl Fn(Weight, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(to))
    }

    /// Tells what is good to know.
    pub fn word(&self, line: &str) {
        (self.0)(Weight::Word, line);
    }

    /// Tells what went wrong.
    pub fn trouble(&self, line: &str) {
        (self.0)(Weight::Trouble, line);
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell(..)")
    }
}

impl Report for Tell {
    fn notice(&self, notice: Notice<'_>) {
        let line = match notice {
            Notice::Full { connections } => {
                format!(
                    "There are {connections} connections, the most there may be; no more are taken until one ends"
                )
            }
            Notice::OutOfResources(error) => {
                format!("No more connections can be taken for now: {error}")
            }
            Notice::Panicked { peer: Some(peer) } => {
                format!(
                    "The connection from {peer} was closed: its code panicked. Please report this"
                )
            }
            Notice::Panicked { peer: None } => {
                "Part of the server panicked, and goes on. Please report this".to_owned()
            }
            Notice::SendQueue { peer, bytes } => {
                format!("{peer} was dropped: it did not read, and {bytes} bytes waited for it")
            }
            Notice::Lost { ticket: _ } => {
                "What was said could not be kept; those who waited for a receipt were closed"
                    .to_owned()
            }
        };
        match notice {
            Notice::Full { .. } | Notice::SendQueue { .. } => self.word(&line),
            Notice::OutOfResources(_) | Notice::Panicked { .. } | Notice::Lost { .. } => {
                self.trouble(&line);
            }
        }
    }
}
