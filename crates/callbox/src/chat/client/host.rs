//! The server that `callbox chat` starts where nobody listens.
//!
//! It lives in this process and ends with it. Whoever else is there finds nobody listening then, and starts the next one
//! over the same history: the chat is there as long as anybody is in it.

use std::io;
use std::thread::{self, JoinHandle};

use callbox_chat::running::{Handle, Tell};

use crate::chat::server;
use crate::cli::ChatServerArgs;
use crate::messages::{self, Failure};

/// A server to be, or one at work.
pub(super) struct Host {
    args: ChatServerArgs,
    tell: Tell,
    at_work: Option<(Handle, JoinHandle<io::Result<()>>)>,
}

impl Host {
    /// One that is started as `callbox chat server` with these flags, and tells `tell` what it would say.
    pub(super) fn new(args: ChatServerArgs, tell: Tell) -> Self {
        Self { args, tell, at_work: None }
    }

    /// Starts it, unless it is at work.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        if let Some((_, thread)) = self.at_work.take_if(|(_, thread)| thread.is_finished()) {
            // Why it ended it has told itself.
            let _ = thread.join();
        }
        if self.at_work.is_some() {
            return Ok(());
        }
        let chat = server::quietly(&self.args, self.tell.clone())?;
        let handle = chat.handle();
        let thread = thread::Builder::new().name("chat-server".to_owned()).spawn(|| chat.run());
        let thread = thread.map_err(|error| messages::no_thread(&error))?;
        self.at_work = Some((handle, thread));
        Ok(())
    }

    /// Whether it serves.
    pub(super) fn is_at_work(&self) -> bool {
        self.at_work.as_ref().is_some_and(|(_, thread)| !thread.is_finished())
    }

    /// Stops it, and waits until all that it acknowledged is kept.
    pub(super) fn finish(self) {
        if let Some((handle, thread)) = self.at_work {
            handle.stop();
            let _ = thread.join();
        }
    }
}
