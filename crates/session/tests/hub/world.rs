//! A hub and some sessions, in memory. Whatever one of them sends arrives at once, unless a test holds it back.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::Config as Settings;
use callbox_hub::contract::{ConnId, Door, Job, Now as HubNow, Peer, Record, Saved, Sink};
use callbox_session::config::Config;
use callbox_session::contract::{Action, Event, Now, Status};
use callbox_session::line::{Line, LineId, What};
use callbox_session::room::{Delivery, OutId, Room, RoomId};
use callbox_session::{Manner, Session};

use crate::store::Store;

/// The moment at which the simulated time begins: 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000;

/// A hub and everybody connected to it.
pub(crate) struct World {
    hub: Hub,
    settings: Settings,
    shell: Shell,
    now: Duration,
    next: u64,
    people: Vec<Person>,
}

/// Somebody with a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Who(usize);

struct Person {
    session: Session,
    conn: Option<ConnId>,
    events: Vec<Event>,
    /// Whether what is sent gets lost.
    is_mute: bool,
    /// Whether what is said to it gets lost.
    is_deaf: bool,
    /// How many pages of history it may have.
    pages: Option<usize>,
    /// Whether connecting fails.
    is_away: bool,
    /// What was sent, for tests that look at it.
    sent: String,
}

#[derive(Default)]
struct Shell {
    lines: BTreeMap<ConnId, VecDeque<Vec<u8>>>,
    jobs: VecDeque<(ConnId, Job)>,
    closed: Vec<ConnId>,
    store: Store,
}

impl Sink for Shell {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        self.lines
            .entry(to)
            .or_default()
            .push_back(line.strip_suffix(b"\r\n").expect("an end").into());
    }

    fn receipt(&mut self, _: ConnId) {}

    fn record(&mut self, record: Record) {
        self.store.keep(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.jobs.push_back((conn, job));
    }

    fn close(&mut self, conn: ConnId) {
        self.closed.push(conn);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server with other settings than the default ones without flood control.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings =
            Settings { flood: None, server_name: "irc.test".into(), ..Settings::default() };
        change(&mut settings);
        let now = Duration::from_secs(1000);
        Self {
            hub: Hub::new(settings.clone(), Saved::default(), 7, hub_now(now)),
            settings,
            shell: Shell::default(),
            now,
            next: 1,
            people: Vec::new(),
        }
    }

    /// Somebody called `nick` comes into `#room`.
    pub(crate) fn join(&mut self, nick: &str) -> Who {
        self.join_with(nick, |_| {})
    }

    pub(crate) fn join_with(&mut self, nick: &str, change: impl FnOnce(&mut Config)) -> Who {
        let mut config =
            Config { nick: nick.into(), join: vec![("#room".into(), None)], ..Config::default() };
        change(&mut config);
        let session = Session::new(config, now_at(self.now));
        self.people.push(Person {
            session,
            conn: None,
            events: Vec::new(),
            is_mute: false,
            is_deaf: false,
            pages: None,
            is_away: false,
            sent: String::new(),
        });
        self.settle();
        Who(self.people.len() - 1)
    }

    pub(crate) fn session(&self, who: Who) -> &Session {
        &self.people[who.0].session
    }

    /// What somebody wants.
    pub(crate) fn wish<T>(&mut self, who: Who, wish: impl FnOnce(&mut Session, Now) -> T) -> T {
        let result = wish(&mut self.people[who.0].session, now_at(self.now));
        self.settle();
        result
    }

    pub(crate) fn room(&self, who: Who, name: &str) -> &Room {
        self.session(who).room_named(name).expect("the room")
    }

    pub(crate) fn id(&self, who: Who, name: &str) -> RoomId {
        self.room(who, name).id
    }

    /// `who` says `text` in a room that it has.
    pub(crate) fn say(&mut self, who: Who, room: &str, text: &str) -> Vec<OutId> {
        let id = self.id(who, room);
        self.wish(who, |session, now| session.say(id, text, &Manner::default(), now)).expect("said")
    }

    /// What was said in a room, as `who` has it: `<ann> hello`.
    pub(crate) fn said(&self, who: Who, room: &str) -> Vec<String> {
        self.room(who, room).timeline.iter().filter_map(shown).collect()
    }

    /// The line that says `text`.
    pub(crate) fn line(&self, who: Who, room: &str, text: &str) -> &Line {
        let timeline = &self.room(who, room).timeline;
        timeline.iter().find(|line| line.what.text() == Some(text)).expect("the line")
    }

    pub(crate) fn line_id(&self, who: Who, room: &str, text: &str) -> LineId {
        self.line(who, room, text).id
    }

    /// The own lines that the server does not have: text and state.
    pub(crate) fn outbox(&self, who: Who, room: &str) -> Vec<(String, &'static str)> {
        let state = |state: &Delivery| match state {
            Delivery::Waiting => "waiting",
            Delivery::Sending => "sending",
            Delivery::Failed(_) => "failed",
        };
        let outbox = &self.room(who, room).outbox;
        outbox.iter().map(|own| (own.text.to_string(), state(&own.state))).collect()
    }

    /// What changed for somebody since this was last asked.
    pub(crate) fn events(&mut self, who: Who) -> Vec<Event> {
        std::mem::take(&mut self.people[who.0].events)
    }

    /// What somebody sent since this was last asked.
    pub(crate) fn sent(&mut self, who: Who) -> String {
        std::mem::take(&mut self.people[who.0].sent)
    }

    /// What somebody sends from now on gets lost, or does not any more.
    pub(crate) fn mute(&mut self, who: Who, is_mute: bool) {
        self.people[who.0].is_mute = is_mute;
    }

    /// What the server says to somebody gets lost from now on. Returns the connection.
    pub(crate) fn deafen(&mut self, who: Who) -> ConnId {
        self.people[who.0].is_deaf = true;
        self.people[who.0].conn.expect("a connection")
    }

    /// Of the pages of history so many arrive, and no more of this connection or the next.
    pub(crate) fn limit_answers(&mut self, who: Who, pages: usize) {
        self.people[who.0].pages = Some(pages);
    }

    /// All pages arrive again.
    pub(crate) fn allow_answers(&mut self, who: Who) {
        self.people[who.0].pages = None;
    }

    /// A connection that somebody left behind says something.
    pub(crate) fn speak_as(&mut self, conn: ConnId, line: &str) {
        self.hub.handle_line(conn, line.as_bytes(), hub_now(self.now), &mut self.shell);
        self.settle();
    }

    /// Somebody's connection breaks; the server sees it if `seen`.
    pub(crate) fn cut(&mut self, who: Who, seen: bool) {
        let person = &mut self.people[who.0];
        let conn = person.conn.take().expect("a connection");
        person.is_away = true;
        if person.is_deaf {
            self.shell.lines.remove(&conn);
        }
        person.session.handle_disconnected("the network is down", now_at(self.now));
        if seen {
            self.hub.disconnect(
                conn,
                "Connection reset by peer",
                hub_now(self.now),
                &mut self.shell,
            );
        }
        self.settle();
    }

    /// The network is there again for somebody, and tried.
    pub(crate) fn back(&mut self, who: Who) {
        self.people[who.0].is_away = false;
        self.people[who.0].is_mute = false;
        self.people[who.0].is_deaf = false;
        self.wish(who, |session, now| session.connect_now(now));
        self.pass(Duration::from_secs(1));
        assert_eq!(*self.session(who).status(), Status::Online);
    }

    /// Somebody types a line of IRC at the server, past the session.
    pub(crate) fn raw(&mut self, who: Who, line: &str) {
        let conn = self.people[who.0].conn.expect("a connection");
        self.speak_as(conn, line);
    }

    /// A line of the server's of which the hub knows nothing.
    pub(crate) fn feed(&mut self, who: Who, line: &str) {
        self.wish(who, |session, now| session.handle_line(line.as_bytes(), now));
    }

    /// Time passes, with all that is due in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let hub = self.hub.poll_timeout();
            let people = self.people.iter().filter_map(|person| person.session.poll_timeout());
            let Some(due) = people.chain(hub).min().filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.hub.handle_timeout(hub_now(self.now), &mut self.shell);
            for person in &mut self.people {
                if person.session.poll_timeout().is_some_and(|due| due <= self.now) {
                    person.session.handle_timeout(now_at(self.now));
                }
            }
            self.settle();
        }
        self.now = end;
    }

    /// The server is started again, and knows what it kept.
    pub(crate) fn restart(&mut self) {
        self.hub = Hub::new(self.settings.clone(), Saved::default(), 8, hub_now(self.now));
        self.shell.lines.clear();
        for index in 0..self.people.len() {
            if self.people[index].conn.take().is_some() {
                self.people[index].session.handle_disconnected("the server went", now_at(self.now));
            }
        }
        self.settle();
        self.pass(Duration::from_secs(10));
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for index in 0..self.people.len() {
                while let Some(action) = self.people[index].session.poll_action() {
                    quiet = false;
                    self.perform(index, action);
                }
                while let Some(event) = self.people[index].session.poll_event() {
                    self.people[index].events.push(event);
                }
            }
            while let Some((conn, job)) = self.shell.jobs.pop_front() {
                quiet = false;
                if let Some(answer) = self.shell.store.answer(conn, job) {
                    self.hub.handle_answer(conn, answer, hub_now(self.now), &mut self.shell);
                }
            }
            for person in &mut self.people {
                let Some(conn) = person.conn else { continue };
                for line in self.shell.lines.remove(&conn).unwrap_or_default() {
                    quiet = false;
                    if !person.is_deaf {
                        person.session.handle_line(&line, now_at(self.now));
                    }
                }
                if self.shell.closed.contains(&conn) {
                    person.conn = None;
                    person.session.handle_disconnected("closed", now_at(self.now));
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn perform(&mut self, index: usize, action: Action) {
        let now = hub_now(self.now);
        let person = &mut self.people[index];
        match action {
            Action::Connect if person.is_away => {
                person.session.handle_disconnected("no network", now_at(self.now));
            }
            Action::Connect => {
                let conn = ConnId(self.next);
                self.next += 1;
                person.conn = Some(conn);
                let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let port = conn.0 as u16;
                let peer = Peer { address, port, secure: true, fingerprint: None, door: Door::Irc };
                self.hub.connect(conn, peer, now, &mut self.shell);
                person.session.handle_connected(true, now_at(self.now));
            }
            Action::Send(bytes) => {
                let text = String::from_utf8(bytes).expect("text");
                person.sent += &text;
                let Some(conn) = person.conn.filter(|_| !person.is_mute) else { return };
                for line in text.lines() {
                    if line.contains("CHATHISTORY AFTER") {
                        match &mut person.pages {
                            Some(0) => continue,
                            Some(pages) => *pages -= 1,
                            None => {}
                        }
                    }
                    self.hub.handle_line(conn, line.as_bytes(), now, &mut self.shell);
                    while let Some((conn, job)) = self.shell.jobs.pop_front() {
                        if let Some(answer) = self.shell.store.answer(conn, job) {
                            self.hub.handle_answer(conn, answer, now, &mut self.shell);
                        }
                    }
                }
            }
            Action::Close => {
                if let Some(conn) = person.conn.take() {
                    self.hub.disconnect(conn, "closed", now, &mut self.shell);
                }
                person.session.handle_disconnected("closed", now_at(self.now));
            }
        }
    }
}

fn shown(line: &Line) -> Option<String> {
    Some(match &line.what {
        What::Said(text) => format!("<{}> {text}", line.from),
        What::Did(text) => format!("* {} {text}", line.from),
        What::Notice(text) => format!("-{}- {text}", line.from),
        _ => return None,
    })
}

fn now_at(monotonic: Duration) -> Now {
    Now { monotonic, wall: START + monotonic.as_millis() as u64 }
}

fn hub_now(monotonic: Duration) -> HubNow {
    let Now { monotonic, wall } = now_at(monotonic);
    HubNow { monotonic, wall }
}
