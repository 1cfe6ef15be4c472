//! What a client waits for: the job that was given away, and how the command goes on when its answer comes.

use callbox_irc::names::Channel as ChannelName;

use crate::command::redact::Redaction;
use crate::command::rename::Renaming;
use crate::contract::{HistoryQuery, Job};

/// A job under way, with what is needed to go on.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The label of the command, under which its reply goes out.
    pub(crate) label: Option<Box<str>>,
    /// How it goes on.
    pub(crate) then: Then,
}

/// How a command goes on.
#[derive(Debug)]
pub(crate) enum Then {
    /// The server's password was checked; registration goes on.
    Welcome,
    /// The server's password was checked for a job that only somebody who knows it may ask for.
    Admitted(Box<(Job, Self)>),
    /// A step of SASL.
    Sasl,
    /// A new account, by the name asked for.
    Register(Box<str>),
    /// An operator's password; the name in the configuration.
    Oper(Box<str>),
    /// A page of history, asked for by CHATHISTORY.
    History {
        /// As the client named it.
        target: Box<str>,
        /// The subcommand.
        subcommand: &'static str,
        /// What was asked of the store.
        query: Box<HistoryQuery>,
    },
    /// The conversations, asked for by CHATHISTORY TARGETS.
    Targets {
        /// How many the client wants.
        limit: usize,
        /// Whether it wants the newest of them, and not the oldest.
        newest: bool,
    },
    /// What was said before somebody joined a channel.
    Replay(ChannelName),
    /// Whether something was said under the name that a channel is to have.
    Rename(Box<Renaming>),
    /// The message that is to be redacted.
    Redact(Box<Redaction>),
    /// The settings are read again.
    Rehash,
}
