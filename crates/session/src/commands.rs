//! The one table of commands that are typed: `/join`, `/me`, `/help`, ….
//!
//! Dispatch, completion and `/help` come from it.

use crate::contract::Now;
use crate::room::RoomId;
use crate::session::{Refusal, Session};

/// A row of the table.
pub struct Command {
    /// Its name, without `/`.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// What follows the name: `#room [key]`.
    pub usage: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What its first parameter is, for completion.
    pub completes: Completes,
    pub(crate) run: fn(&mut Session, RoomId, &str, Now) -> Result<Option<Ask>, Refusal>,
}

/// What the first parameter of a command is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Completes {
    /// Nothing that could be completed.
    Nothing,
    /// Somebody's name.
    Nick,
    /// A room.
    Room,
    /// A command.
    Command,
}

/// What a command wants of the screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Show this room.
    Show(RoomId),
    /// Show the help on a command, or all.
    Help(Option<&'static str>),
    /// Look for these words in what is loaded.
    Search(Box<str>),
    /// Show nothing of what came before now in this room.
    Clear,
    /// Show the keys.
    Keys,
    /// Answer, edit, take back or react: the screen knows which line is meant. The words are those that followed.
    ToLine(LineWish, Box<str>),
}

/// What is done to a line that the screen has to name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineWish {
    /// Answer it.
    Reply,
    /// React to it.
    React,
    /// Take it back.
    Redact,
    /// Replace its text.
    Edit,
    /// Send the own line that failed last again.
    SendAgain,
}
