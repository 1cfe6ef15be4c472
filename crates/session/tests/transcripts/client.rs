//! A session and a server played by the test: what the tests of this folder stand on.
//!
//! The server's lines go in as they stand on the wire, and what the session sends comes out as strings, so that a test
//! reads like a transcript.

use std::time::Duration;

use callbox_session::Session;
use callbox_session::config::Config;
use callbox_session::contract::{Action, Event, Millis, Now, Status};
use callbox_session::line::What;
use callbox_session::room::{Room, RoomId};

/// The moment at which the simulated time begins: 2026-01-01T00:00:00Z.
pub(crate) const START: Millis = 1_767_225_600_000;

/// A session, and what it has done.
pub(crate) struct Client {
    pub(crate) session: Session,
    now: Now,
    sent: Vec<String>,
    connects: usize,
    closes: usize,
    pub(crate) events: Vec<Event>,
}

impl Client {
    /// A session of alice, which wants to connect.
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { nick: "alice".into(), ..Config::default() };
        change(&mut config);
        let now = Now { monotonic: Duration::from_secs(1000), wall: START };
        let mut client = Self {
            session: Session::new(config, now),
            now,
            sent: Vec::new(),
            connects: 0,
            closes: 0,
            events: Vec::new(),
        };
        client.settle();
        client
    }

    /// A session that is connected, and has said who it is.
    pub(crate) fn connected(change: impl FnOnce(&mut Config)) -> Self {
        let mut client = Self::new(change);
        client.connect();
        client.sent();
        client
    }

    /// A session on a plain old server: `005` says what the server is like.
    pub(crate) fn online(isupport: &str) -> Self {
        let mut client = Self::connected(|_| {});
        client.welcome(isupport);
        client.sent();
        client.events.clear();
        client
    }

    /// A session that has joined `#room`, in which bob and carol are.
    pub(crate) fn in_room(isupport: &str) -> Self {
        let mut client = Self::online(isupport);
        let now = client.now;
        client.session.join("#room", None, now).expect("a room");
        client.hear(":alice!a@host JOIN #room");
        client.hear(":irc.test 353 alice = #room :alice @bob +carol");
        client.hear(":irc.test 366 alice #room :End of /NAMES list.");
        client.hear(":irc.test 315 alice #room :End of /WHO list.");
        client.sent();
        client.events.clear();
        client
    }

    /// The program has connected, by TLS.
    pub(crate) fn connect(&mut self) {
        assert!(self.connects > 0, "it did not ask for a connection");
        self.connects = 0;
        self.session.handle_connected(true, self.now);
        self.settle();
    }

    /// The server's welcome.
    pub(crate) fn welcome(&mut self, isupport: &str) {
        self.hear(":irc.test 001 alice :Welcome to the Test Network alice");
        self.hear(":irc.test 004 alice irc.test test-1 iow biklmnopstv bklov");
        if !isupport.is_empty() {
            self.hear(&format!(":irc.test 005 alice {isupport} :are supported by this server"));
        }
        self.hear(":irc.test 422 alice :MOTD File is missing");
    }

    /// The server says a line.
    pub(crate) fn hear(&mut self, line: &str) {
        self.hear_bytes(line.as_bytes());
    }

    /// The server says several lines.
    pub(crate) fn hear_all(&mut self, lines: &str) {
        lines.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|l| self.hear(l));
    }

    pub(crate) fn hear_bytes(&mut self, line: &[u8]) {
        self.session.handle_line(line, self.now);
        self.settle();
    }

    /// The connection breaks.
    pub(crate) fn lose(&mut self, reason: &str) {
        self.closes = 0;
        self.session.handle_disconnected(reason, self.now);
        self.settle();
    }

    /// The person types a command in a room.
    pub(crate) fn types(&mut self, room: &str, line: &str) -> String {
        let id = self.id(room);
        let result = self.session.command(id, line, self.now);
        self.settle();
        match result {
            Ok(None) => String::new(),
            Ok(Some(ask)) => format!("{ask:?}"),
            Err(refusal) => refusal.0,
        }
    }

    /// Time goes by, and all that is due is done when it is.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(next) = self.session.poll_timeout().filter(|next| *next <= end) {
            let step = next.saturating_sub(self.now.monotonic);
            self.advance(step);
            self.session.handle_timeout(self.now);
            self.settle();
            assert!(
                self.session.poll_timeout().is_none_or(|after| after > next),
                "what was due is done"
            );
        }
        self.advance(end.saturating_sub(self.now.monotonic));
    }

    fn advance(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time.as_millis() as u64;
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Takes what the session has to do and to tell.
    pub(crate) fn settle(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect => self.connects += 1,
                Action::Close => self.closes += 1,
                Action::Send(bytes) => {
                    let text = String::from_utf8(bytes).expect("lines are text");
                    assert!(text.ends_with("\r\n"), "{text:?}");
                    for line in text.split_terminator("\r\n") {
                        assert!(!line.is_empty() && !line.contains(['\r', '\n', '\0']), "{line:?}");
                        self.sent.push(line.to_owned());
                    }
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    /// What was sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    /// Whether it wants to connect.
    pub(crate) fn wants_to_connect(&self) -> bool {
        self.connects > 0
    }

    /// Whether it wants the connection closed.
    pub(crate) fn wants_to_close(&self) -> bool {
        self.closes > 0
    }

    /// Since now until when it waits for the next try.
    pub(crate) fn waits(&self) -> Option<Duration> {
        match self.session.status() {
            Status::Waiting { retry, .. } => Some(retry.saturating_sub(self.now.monotonic)),
            _ => None,
        }
    }

    /// A room by name; the server's is `*`.
    pub(crate) fn room(&self, name: &str) -> &Room {
        let found = match name {
            "*" => self.session.rooms().first(),
            name => self.session.room_named(name),
        };
        found.unwrap_or_else(|| panic!("there is no room {name}"))
    }

    pub(crate) fn id(&self, name: &str) -> RoomId {
        self.room(name).id
    }

    /// The lines of a room: `<bob> hello`, `bob joined`, ….
    pub(crate) fn lines(&self, room: &str) -> Vec<String> {
        self.room(room).timeline.iter().map(|line| shown(&line.from, &line.what)).collect()
    }

    /// The last line of a room.
    pub(crate) fn last(&self, room: &str) -> String {
        self.lines(room).pop().unwrap_or_default()
    }

    /// Who is in a room, with their prefixes, sorted by name.
    pub(crate) fn people(&self, room: &str) -> Vec<String> {
        let people = self.room(room).people();
        let mut people: Vec<_> =
            people.map(|member| (member.nick.clone(), member.prefixes.clone())).collect();
        people.sort();
        people.into_iter().map(|(nick, prefixes)| format!("{prefixes}{nick}")).collect()
    }
}

fn shown(from: &str, what: &What) -> String {
    match what {
        What::Said(text) => format!("<{from}> {text}"),
        What::Did(text) => format!("* {from} {text}"),
        What::Notice(text) => format!("-{from}- {text}"),
        What::Joined => format!("{from} joined"),
        What::Left(text) => format!("{from} left: {text}"),
        What::Quit(text) => format!("{from} quit: {text}"),
        What::Kicked(who, text) => format!("{from} kicked {who}: {text}"),
        What::Renamed(name) => format!("{from} is {name}"),
        What::Topic(text) => format!("{from} topic: {text}"),
        What::Mode(text) => format!("{from} mode {text}"),
        What::Invited(who, room) => format!("{from} invites {who} to {room}"),
        What::Info(text) => format!("info: {text}"),
        What::Error(text) => format!("error: {text}"),
    }
}
