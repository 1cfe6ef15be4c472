//! The session: lines, wishes and time in; actions and events out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::HashMap;
use crate::config::{Config, Login};
use crate::connection::Connection;
use crate::contract::{Action, End, Event, Now, Status};
use crate::dispatch::Asked;
use crate::flow::Flow;
use crate::line::LineId;
use crate::names::WhoQueue;
use crate::network::Network;
use crate::people::Person;
use crate::registration::Registration;
use crate::room::{Kind, Room, RoomId};
use crate::sasl::Sasl;
use crate::splits::Split;

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
    pub(crate) connection: Connection,
    pub(crate) registration: Registration,
    pub(crate) flow: Flow,
    /// A login under way.
    pub(crate) sasl: Option<Sasl>,
    /// Whether the settings' login was accepted before.
    pub(crate) was_logged_in: bool,
    /// The account that is being made.
    pub(crate) registering: Option<Login>,
    /// The account that we are logged in to.
    pub(crate) account: Option<Box<str>>,
    /// The name that the person asked for, until the server answers.
    pub(crate) nick_wish: Option<Box<str>>,
    /// The words of the last `/away`.
    pub(crate) away_wish: Option<Box<str>>,
    /// The keys of rooms.
    pub(crate) keys: HashMap<RoomId, Box<str>>,
    pub(crate) asked: Option<Asked>,
    pub(crate) who: WhoQueue,
    pub(crate) splits: Vec<Split>,
    /// How many people there are in all rooms together, counted in each.
    pub(crate) memberships: usize,
    pub(crate) prefixes_in_use: Vec<Arc<str>>,
    /// Who was said to be away lately, and why.
    pub(crate) away_told: VecDeque<(Box<str>, Box<str>)>,
    /// Whether the answer to a WHOIS is coming.
    pub(crate) in_whois: bool,
    pub(crate) ignored: Vec<Box<str>>,
    /// Until when requests by CTCP get no answer.
    pub(crate) ctcp_rests: Option<Duration>,
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

impl Refusal {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Session {
    /// A session that has not connected yet: its first action is to.
    pub fn new(config: Config, now: Now) -> Self {
        let mut session = Self {
            status: Status::Connecting,
            nick: config.nick.as_str().into(),
            network: Network::default(),
            rooms: Vec::new(),
            people: HashMap::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            connection: Connection::new(config.seed),
            registration: Registration::default(),
            flow: Flow::default(),
            sasl: None,
            was_logged_in: false,
            registering: None,
            account: None,
            nick_wish: None,
            away_wish: None,
            keys: HashMap::default(),
            asked: None,
            who: WhoQueue::default(),
            splits: Vec::new(),
            memberships: 0,
            prefixes_in_use: Vec::new(),
            away_told: VecDeque::new(),
            in_whois: false,
            ignored: Vec::new(),
            ctcp_rests: None,
            next_room: 0,
            next_line: 0,
            config,
        };
        session.add_room("", Kind::Server);
        for (name, key) in session.config.join.clone() {
            // Names that cannot be are said at the first look at the server's room.
            if let Err(refusal) = session.join(&name, key.as_deref(), now) {
                let room = session.server_room();
                session.error(room, refusal.0, now);
            }
        }
        session.dial();
        session
    }

    // What happened.

    /// The program has connected. `secure` says whether nobody on the way can read or change what is said.
    pub fn handle_connected(&mut self, secure: bool, now: Now) {
        if !matches!(self.status, Status::Ended(_)) {
            self.connection_made(secure, now);
        }
    }

    /// A line came, without its CR LF.
    pub fn handle_line(&mut self, line: &[u8], now: Now) {
        self.line_heard(line, now);
    }

    /// So many lines came that are longer than any may be, and were left out.
    pub fn handle_too_long(&mut self, count: usize, now: Now) {
        if !self.connection.is_open {
            return;
        }
        self.connection_heard(now);
        let room = self.server_room();
        let lines = if count == 1 { "line" } else { "lines" };
        self.error(room, format!("{count} {lines} from the server left out: too long"), now);
    }

    /// The connection is gone, or could not be made, for this reason.
    pub fn handle_disconnected(&mut self, reason: &str, now: Now) {
        self.connection_lost(reason, now);
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Now) {
        self.connection_timeout(now);
        self.registration_timeout(now);
        self.flow_timeout(now);
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
        if matches!(self.status, Status::Ended(_)) {
            return None;
        }
        let next = [self.connection_next(), self.registration_next(), self.flow_next()];
        next.into_iter().flatten().min()
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

    /// The account that we are logged in to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    // What the person wants.

    /// Tries to connect at once instead of waiting longer.
    pub fn connect_now(&mut self, _now: Now) {
        if matches!(self.status, Status::Waiting { .. }) {
            self.dial();
        }
    }

    /// Leaves the network with these words; the session ends.
    pub fn quit(&mut self, words: &str, _now: Now) {
        if matches!(self.status, Status::Ended(_)) {
            return;
        }
        self.send("QUIT", |line| if words.is_empty() { line } else { line.text(words) });
        self.end(End::Quit);
    }
}
