//! A load on a chat: a crowd of IRC clients, some of whom talk.
//!
//! A line of a talker has as many answers as there are others in its channel, and each of them is checked: who says it,
//! that it comes in order, and every byte. Where that would make the load the limit, only some of the clients do so, and the
//! others count. One thread serves all clients, so that one clock orders all that is seen.

mod clients;
mod entrance;
mod incoming;
mod names;
mod refusal;
mod sweep;
#[cfg(test)]
mod tests;
mod willing;
mod worker;

use std::io;
use std::net::SocketAddr;

use callbox_measure::chat::Crowd;
use callbox_measure::payload::{Check, LETTERS, Payload};
use callbox_measure::plan::{Shape, SizeMix};

use crate::control::Control;
use crate::crew;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;
use entrance::Patience;
use names::Names;
use worker::ChatWorker;

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
    pub const MIN_SIZE: usize = LETTERS;

    /// The most letters of a line. A line of IRC has 512 bytes, and what a server sets before the text takes some of
    /// them: names, a long host name, the channel.
    pub const MAX_SIZE: usize = 350;

    /// The most clients: an address has no more ports.
    pub const MAX_CLIENTS: usize = Shape::MAX_CONNECTIONS;

    /// Brings the crowd in, lets it talk, and gives what was measured.
    ///
    /// The run goes on when a connection breaks: what that client should have heard is lost, and no more is expected of
    /// it. It ends early when a talker is gone, or the server refuses its lines, for then less is said than was asked
    /// for. A line that not everybody has within the plan's `lost_after` is given up, and its talker goes on.
    ///
    /// # Errors
    ///
    /// If not every client could come in: with the server's words, if it said any. [`LoadError::Stopped`] if it was
    /// stopped before that.
    pub fn run(&self, control: &Control) -> Result<Outcome, LoadError> {
        self.run_with(Patience::default(), control)
    }

    fn run_with(&self, patience: Patience, control: &Control) -> Result<Outcome, LoadError> {
        let (least, most) = (Self::MIN_SIZE, Self::MAX_SIZE);
        let no_size =
            || impossible("there is no line of that size", format!("{least} to {most} letters"));
        if !(least..=most).contains(&self.size) {
            return Err(no_size());
        }
        if self.crowd.clients() > Self::MAX_CLIENTS {
            let most = format!("{} at most", Self::MAX_CLIENTS);
            return Err(impossible("there are too many clients", most));
        }
        // One thread owns all clients.
        let plan = Plan { threads: 1, ..self.plan };
        crew::run(&plan, control, |_| {
            let names = Names::new(self.crowd, plan.seed);
            let payload = SizeMix::one(self.size)
                .ok()
                .and_then(|size| Payload::datagrams(plan.seed, size, Check::Echo).ok())
                .ok_or_else(no_size)?;
            let arrived = entrance::come_in(self, &names, patience, control)?;
            ChatWorker::new(self, payload, &names, arrived)
        })
    }
}

/// What is asked for cannot be.
fn impossible(what: &'static str, why: String) -> LoadError {
    LoadError::System { what, source: io::Error::new(io::ErrorKind::InvalidInput, why) }
}
