//! The connection: made, lost, asked whether it still lives, and tried again.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::{Action, End, Event, Now, Status};
use crate::names::WhoQueue;
use crate::registration::Stage;
use crate::room::{Kind, Presence};
use crate::session::Session;

/// What of a session belongs to its connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Whether there is one to send on.
    pub(crate) is_open: bool,
    /// Whether nobody on the way can read or change what is said.
    pub(crate) is_secure: bool,
    /// Since when there is one.
    since: Duration,
    /// When the last line came.
    heard: Duration,
    /// When it was asked whether it lives, if it has not answered.
    asked: Option<Duration>,
    /// How often it was tried since it last held for a while.
    tries: u32,
    /// When we were last registered.
    pub(crate) online_since: Option<Duration>,
    /// Why it is about to end, in better words than the program will have.
    pub(crate) reason: Option<Box<str>>,
    /// Whether the person wants to connect anew at once.
    again: bool,
    /// What jitter is made of.
    random: u64,
}

/// The first wait. It doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait: a person who comes back to a computer that slept should not wait longer.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// How long a connection has to hold before the next wait is the first one again. A server that lets us in and throws us
/// out at once would otherwise be asked every second.
const HELD: Duration = Duration::from_secs(60);

/// How long a server may take to let us in. Some ask our host for a name first, which takes half a minute.
const INTRODUCTION: Duration = Duration::from_secs(120);

/// Tokens of our own questions whether the connection lives begin with this.
const ALIVE: &str = "alive-";

impl Connection {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: seed, ..Self::default() }
    }

    /// A number that follows from the seed (SplitMix64).
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// How long to wait for the next try: half of it for certain and half by chance, so that all who lost one server do
    /// not come back at once.
    fn wait(&mut self) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(1 << self.tries.min(16)).min(LONGEST_WAIT);
        self.tries = self.tries.saturating_add(1);
        let half = doubled / 2;
        let jitter = self.random() % (half.as_millis() as u64 + 1);
        half + Duration::from_millis(jitter)
    }
}

impl Session {
    /// The program has connected.
    pub(crate) fn connection_made(&mut self, secure: bool, now: Now) {
        let connection = &mut self.connection;
        connection.is_open = true;
        connection.is_secure = secure;
        connection.since = now.monotonic;
        connection.heard = now.monotonic;
        connection.asked = None;
        connection.online_since = None;
        connection.reason = None;
        self.set_status(Status::Connecting);
        self.introduce();
    }

    /// The connection is gone or could not be made.
    pub(crate) fn connection_lost(&mut self, reason: &str, now: Now) {
        let was_online = matches!(self.status, Status::Online);
        self.connection.is_open = false;
        self.registration.stage = Stage::Off;
        let held = self
            .connection
            .online_since
            .take()
            .is_some_and(|since| now.monotonic.saturating_sub(since) >= HELD);
        if held {
            self.connection.tries = 0;
        }
        let reason = self.connection.reason.take().unwrap_or_else(|| reason.into());
        self.leave_all();
        self.who = WhoQueue::default();
        self.asked = None;
        self.in_whois = false;
        self.sasl = None;
        self.nick_wish = None;
        self.splits.clear();
        self.account = None;
        self.flow_offline(now);
        if matches!(self.status, Status::Ended(_)) {
            return;
        }
        if std::mem::take(&mut self.connection.again) {
            self.dial();
            return;
        }
        let text = match was_online {
            true => format!("The connection is lost: {reason}"),
            false => format!("No connection: {reason}"),
        };
        let room = self.server_room();
        self.error(room, text, now);
        if self.config.reconnect {
            let retry = now.monotonic + self.connection.wait();
            self.set_status(Status::Waiting { reason, retry });
        } else {
            self.set_status(Status::Ended(End::Lost(reason)));
        }
    }

    /// A line came, so the connection lives.
    pub(crate) fn connection_heard(&mut self, now: Now) {
        self.connection.heard = now.monotonic;
        self.connection.asked = None;
    }

    /// A PONG. Says whether it answers our own question.
    pub(crate) fn is_alive(&self, token: &str) -> bool {
        token.starts_with(ALIVE)
    }

    /// Does what is due.
    pub(crate) fn connection_timeout(&mut self, now: Now) {
        if let Status::Waiting { retry, .. } = self.status
            && retry <= now.monotonic
        {
            self.dial();
        }
        if !self.connection.is_open {
            return;
        }
        if self.introduction_ends().is_some_and(|end| end <= now.monotonic) {
            self.hang_up("the server did not let us in");
        } else if self.silence_ends().is_some_and(|end| end <= now.monotonic) {
            if self.connection.asked.is_some() || self.registration.stage == Stage::Introducing {
                self.hang_up("the server does not answer any more");
                return;
            }
            self.connection.asked = Some(now.monotonic);
            let token = format!("{ALIVE}{}", now.monotonic.as_millis());
            self.send("PING", |line| line.param(&token));
        }
    }

    /// When `connection_timeout` is to be called.
    pub(crate) fn connection_next(&self) -> Option<Duration> {
        if let Status::Waiting { retry, .. } = self.status {
            return Some(retry);
        }
        if !self.connection.is_open {
            return None;
        }
        [self.introduction_ends(), self.silence_ends()].into_iter().flatten().min()
    }

    fn introduction_ends(&self) -> Option<Duration> {
        let introducing = self.registration.stage == Stage::Introducing;
        introducing.then(|| self.connection.since + INTRODUCTION)
    }

    fn silence_ends(&self) -> Option<Duration> {
        let since = self.connection.asked.unwrap_or(self.connection.heard);
        Some(since + self.config.limits.silence)
    }

    /// Connects now.
    pub(crate) fn dial(&mut self) {
        self.set_status(Status::Connecting);
        self.actions.push_back(Action::Connect);
    }

    /// Ends the connection, which counts as lost.
    pub(crate) fn hang_up(&mut self, reason: &str) {
        if self.connection.is_open {
            self.connection.is_open = false;
            self.connection.reason.get_or_insert_with(|| reason.into());
            self.actions.push_back(Action::Close);
        }
    }

    /// Ends the connection, if there is one, and makes a new one at once.
    pub(crate) fn reconnect(&mut self) {
        self.send("QUIT", |line| line);
        self.connection.again = self.connection.is_open;
        self.hang_up("a new connection was asked for");
    }

    /// Ends the session.
    pub(crate) fn end(&mut self, end: End) {
        if self.connection.is_open || matches!(self.status, Status::Connecting) {
            self.connection.is_open = false;
            self.actions.push_back(Action::Close);
        }
        self.set_status(Status::Ended(end));
    }

    pub(crate) fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.event(Event::Status);
        }
    }

    /// Nobody is anywhere any more, as far as we can tell; the rooms in which we were will be joined again.
    fn leave_all(&mut self) {
        self.people.clear();
        self.memberships = 0;
        for index in 0..self.rooms.len() {
            let room = &mut self.rooms[index];
            if room.kind == Kind::Channel && room.presence == Presence::In {
                room.presence = Presence::Joining;
            }
            room.people.clear();
            room.people_count = 0;
            room.people_version += 1;
            let (id, kind, name) = (room.id, room.kind, Arc::clone(&room.name));
            if kind == Kind::Private {
                self.add_person(&name);
            }
            self.event(Event::Room(id));
        }
    }
}
