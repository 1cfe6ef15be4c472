//! The session: lines, wishes and time in; actions and events out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::HashMap;
use crate::config::Config;
use crate::contract::{Action, Event, Now, Status};
use crate::flow::Flow;
use crate::line::LineId;
use crate::network::Network;
use crate::people::Person;
use crate::room::{Room, RoomId};

/// One person on one network.
///
/// Methods are of four kinds: those that look (`status`, `rooms`, …); `handle_*`, for what happened; wishes (`say`, `join`,
/// …), for what the person wants; and `poll_*`, for what the program has to do now. See [`contract`](crate::contract).
#[derive(Debug)]
pub struct Session {
    pub(crate) config: Config,
    pub(crate) status: Status,
    pub(crate) nick: Arc<str>,
    pub(crate) network: Network,
    pub(crate) rooms: Vec<Room>,
    pub(crate) people: HashMap<Box<str>, Person>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) events: VecDeque<Event>,
    /// Whether there is a connection to send on.
    pub(crate) is_connected: bool,
    pub(crate) flow: Flow,
    pub(crate) next_room: u32,
    pub(crate) next_line: u64,
}

/// Why a wish cannot be fulfilled, in words for the person.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// How something is said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Manner {
    /// As `/me`.
    pub action: bool,
    /// In answer to this line.
    pub reply_to: Option<LineId>,
}

#[expect(clippy::todo, reason = "laid out, not yet written")]
#[expect(unused_variables, reason = "laid out, not yet written")]
impl Session {
    /// A session that has not connected yet: its first action is to.
    pub fn new(config: Config, now: Now) -> Self {
        todo!()
    }

    // What happened.

    /// The program has connected. `secure` says whether nobody on the way can read or change what is said.
    pub fn handle_connected(&mut self, secure: bool, now: Now) {
        todo!()
    }

    /// A line came, without its CR LF.
    pub fn handle_line(&mut self, line: &[u8], now: Now) {
        todo!()
    }

    /// The connection is gone, or could not be made, for this reason.
    pub fn handle_disconnected(&mut self, reason: &str, now: Now) {
        todo!()
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Now) {
        todo!()
    }

    // What is to be done.

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing that changed.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When, on the monotonic clock, [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        todo!()
    }

    // What there is.

    /// How the connection stands.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Our nickname.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// What the server says of itself.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The rooms, in the order in which they were opened; the server's comes first.
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// A room.
    pub fn room(&self, id: RoomId) -> Option<&Room> {
        self.rooms.iter().find(|room| room.id == id)
    }

    /// The room with this name, in any of its spellings.
    pub fn room_named(&self, name: &str) -> Option<&Room> {
        let key = self.network.casemapping.fold(name);
        self.rooms.iter().find(|room| *room.key == *key)
    }

    /// What is known of somebody.
    pub fn person(&self, nick: &str) -> Option<&Person> {
        self.people.get(&*self.network.casemapping.fold(nick))
    }

    // What the person wants.

    /// Tries to connect at once instead of waiting longer.
    pub fn connect_now(&mut self, now: Now) {
        todo!()
    }

    /// Leaves the network with these words; the session ends.
    pub fn quit(&mut self, words: &str, now: Now) {
        todo!()
    }

    /// Goes into a room, now or as soon as we are online.
    pub fn join(&mut self, name: &str, key: Option<&str>, now: Now) -> Result<RoomId, Refusal> {
        todo!()
    }

    /// Leaves a room, which stays in the model.
    pub fn part(&mut self, room: RoomId, words: &str, now: Now) -> Result<(), Refusal> {
        todo!()
    }

    /// Leaves a room, if we are in it, and takes it out of the model.
    pub fn close(&mut self, room: RoomId, now: Now) -> Result<(), Refusal> {
        todo!()
    }

    /// Opens the conversation with somebody.
    pub fn open(&mut self, nick: &str, now: Now) -> Result<RoomId, Refusal> {
        todo!()
    }

    /// Does what a line that begins with `/` says, or says what does not, in a room. What is the screen's matter is
    /// returned.
    pub fn command(
        &mut self,
        room: RoomId,
        line: &str,
        now: Now,
    ) -> Result<Option<crate::commands::Ask>, Refusal> {
        todo!()
    }
}
