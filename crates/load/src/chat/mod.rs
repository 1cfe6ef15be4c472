//! A load on a chat: a crowd of IRC clients, some of whom talk.
//!
//! A line of a talker has as many answers as there are others in its channel, and each of them is checked: who says it,
//! that it comes in order, and every byte. One thread serves all clients, so that one clock orders all that is seen.

use std::net::SocketAddr;

use callbox_measure::chat::Crowd;

use crate::control::Control;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;

/// A crowd of IRC clients and what it is to do.
///
/// The plan's shape says how much is said. In a closed loop each talker has `window` lines on their way, and a line is
/// done when everybody else in the channel has it; in an open one lines are said at a rate, by the talkers in turn. Its
/// number of connections is not asked: the crowd says how many clients there are. Nor is its number of threads, which
/// is one.
#[derive(Clone, Debug)]
pub struct ChatLoad {
    /// The server, by every address that it has; they are tried in this order until one can be connected to.
    pub addresses: Vec<SocketAddr>,
    /// Who takes part.
    pub crowd: Crowd,
    /// How many letters the text of a line has, from [`MIN_SIZE`](Self::MIN_SIZE) to [`MAX_SIZE`](Self::MAX_SIZE).
    pub size: usize,
    /// The password of the server, if it asks for one (`PASS`).
    pub password: Option<String>,
    /// How much is said, and how long.
    pub plan: Plan,
}

impl ChatLoad {
    /// The fewest letters of a line: its number, which says whose it is and the how-manieth.
    pub const MIN_SIZE: usize = callbox_measure::payload::LETTERS;

    /// The most letters of a line. A line of IRC has 512 bytes, and what a server sets before the text takes some of
    /// them: names, a long host name, the channel.
    pub const MAX_SIZE: usize = 350;

    /// Brings the crowd in, lets it talk, and gives what was measured.
    ///
    /// # Errors
    ///
    /// If not every client could come in: with the server's words, if it said any.
    pub fn run(&self, _control: &Control) -> Result<Outcome, LoadError> {
        Err(LoadError::Refused("the load on a chat is not written yet".to_owned()))
    }
}
