//! What the person who runs the server is told.

use std::fmt;
use std::sync::Arc;

use crate::server::{Notice, Report};

/// Takes one line of text, on whatever thread something happened; it must not wait.
#[derive(Clone)]
pub struct Tell(Arc<dyn Fn(&str) + Send + Sync>);

impl Tell {
    /// Lines go to `to`.
    pub fn new(to: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(to))
    }

    /// Tells one line.
    pub fn line(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell(..)")
    }
}

impl Report for Tell {
    fn notice(&self, notice: Notice<'_>) {
        self.line(&match notice {
            Notice::Full { connections } => {
                format!("There are {connections} connections, the most there may be; no more are taken until one ends")
            }
            Notice::OutOfResources(error) => {
                format!("No more connections can be taken for now: {error}")
            }
            Notice::Panicked { peer: Some(peer) } => {
                format!("The connection from {peer} was closed: its code panicked. Please report this")
            }
            Notice::Panicked { peer: None } => {
                "Part of the server panicked, and goes on. Please report this".to_owned()
            }
            Notice::SendQueue { peer, bytes } => {
                format!("{peer} was dropped: it did not read, and {bytes} bytes waited for it")
            }
            Notice::Lost { ticket: _ } => {
                "What was said could not be kept; those who waited for a receipt were closed".to_owned()
            }
        });
    }
}
