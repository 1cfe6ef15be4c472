//! A hub with people, in memory and in simulated time: what the tests of this folder stand on.
//!
//! Lines go in as people type them and come out as strings, so that a test reads like a transcript. Jobs are done at once
//! by simple stand-ins; history is answered from the records, by the plainest code that is right.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::{Config, Operator};
use callbox_hub::contract::{
    Answer, Bound, ConnId, Door, Event, Flow, HistoryQuery, Job, Now, Part, Peer, Record,
    RegisterError, Reloaded, SaslOutcome, SaslStep, Saved, Sink,
};

/// The moment at which the simulated time begins: 2026-01-01T00:00:00Z.
pub(crate) const START: u64 = 1_767_225_600_000;

/// A hub and everybody connected to it.
pub(crate) struct World {
    pub(crate) hub: Hub,
    now: Now,
    next: u64,
    outputs: Outputs,
    /// What was recorded and is not redacted.
    pub(crate) events: Vec<Event>,
    others: Vec<Record>,
    /// Accounts and their passwords in clear: name as shown, by its lower-case form.
    pub(crate) accounts: HashMap<String, (String, String)>,
    /// What the next REHASH finds.
    pub(crate) reloaded: Result<Box<Reloaded>, Vec<String>>,
    /// SASL exchanges under way: the mechanism and the certificate.
    sasl: HashMap<ConnId, (String, Option<Box<str>>)>,
    /// Jobs are kept and not done while this is set.
    pub(crate) hold_jobs: bool,
    /// What the hub said when it was last handed an answer.
    pub(crate) answered: Option<Flow>,
}

/// Somebody.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Who(ConnId);

#[derive(Default)]
struct Outputs {
    lines: HashMap<ConnId, VecDeque<String>>,
    closed: HashSet<ConnId>,
    /// Where in the lines of a connection a receipt begins.
    receipts: Vec<(ConnId, usize)>,
    records: Vec<Record>,
    jobs: VecDeque<(ConnId, Job)>,
}

impl Sink for Outputs {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        let text = std::str::from_utf8(line).expect("a line is UTF-8");
        let text = text.strip_suffix("\r\n").expect("a line ends with CR LF");
        assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        assert!(!self.closed.contains(&to), "after the end: {text}");
        let body = match text.strip_prefix('@') {
            Some(tagged) => tagged.split_once(' ').expect("something after the tags").1,
            None => text,
        };
        assert!(body.len() <= 510, "{} bytes: {body}", body.len());
        self.lines.entry(to).or_default().push_back(text.to_owned());
    }

    fn receipt(&mut self, to: ConnId) {
        let count = self.lines.get(&to).map_or(0, VecDeque::len);
        self.receipts.push((to, count));
    }

    fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.jobs.push_back((conn, job));
    }

    fn close(&mut self, conn: ConnId) {
        self.closed.insert(conn);
    }
}

/// The operator `root`, whose password is `sesame`.
pub(crate) fn operator() -> Operator {
    Operator { name: "root".into(), password: "hash:sesame".into(), fingerprint: None, host: None }
}

impl World {
    /// A server with the default settings, without flood control.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::restored(change, Saved::default())
    }

    /// A server with an operator, `root`, whose password is `sesame`.
    pub(crate) fn with_operator() -> Self {
        Self::with(|config| config.operators.push(operator()))
    }

    /// A server with alice, an operator of `#room`, and bob, who is in it.
    pub(crate) fn room() -> (Self, Who, Who) {
        let mut world = Self::new();
        let alice = world.user("alice");
        let bob = world.user("bob");
        world.send(alice, "JOIN #room");
        world.send(bob, "JOIN #room");
        world.forget();
        (world, alice, bob)
    }

    /// A server that takes up what was kept.
    pub(crate) fn restored(change: impl FnOnce(&mut Config), saved: Saved) -> Self {
        let mut config =
            Config { flood: None, server_name: "irc.test".into(), ..Config::default() };
        change(&mut config);
        let now = Now { monotonic: Duration::from_secs(1000), wall: START };
        Self {
            hub: Hub::new(config.clone(), saved, 7, now),
            now,
            next: 1,
            outputs: Outputs::default(),
            events: Vec::new(),
            others: Vec::new(),
            accounts: HashMap::new(),
            reloaded: Ok(Box::new(config.into())),
            sasl: HashMap::new(),
            hold_jobs: false,
            answered: None,
        }
    }

    /// Somebody connects from loopback.
    pub(crate) fn connect(&mut self) -> Who {
        self.connect_as(|_| {})
    }

    /// Somebody connects from elsewhere, or through another door.
    pub(crate) fn connect_as(&mut self, change: impl FnOnce(&mut Peer)) -> Who {
        let conn = ConnId(self.next);
        self.next += 1;
        let mut peer = Peer {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 40_000 + conn.0 as u16,
            secure: false,
            fingerprint: None,
            door: Door::Irc,
        };
        change(&mut peer);
        self.hub.connect(conn, peer, self.now, &mut self.outputs);
        self.settle();
        Who(conn)
    }

    /// A user called `nick`, whose welcome is over.
    pub(crate) fn user(&mut self, nick: &str) -> Who {
        self.user_with(nick, "")
    }

    /// The same, with capabilities.
    pub(crate) fn user_with(&mut self, nick: &str, caps: &str) -> Who {
        let who = self.connect();
        self.register(who, nick, caps);
        who
    }

    /// Registers `who`, and forgets the welcome.
    pub(crate) fn register(&mut self, who: Who, nick: &str, caps: &str) {
        if !caps.is_empty() {
            self.send(who, "CAP LS 302");
            self.send(who, &format!("CAP REQ :{caps}"));
        }
        self.send(who, &format!("NICK {nick}"));
        self.send(who, &format!("USER {nick} 0 * :{nick} real"));
        if !caps.is_empty() {
            self.send(who, "CAP END");
        }
        let lines = self.lines(who);
        assert!(lines.iter().any(|line| line.contains(" 001 ")), "{nick} is not in: {lines:#?}");
        assert!(!lines.iter().any(|line| line.contains(" NAK ")), "{lines:#?}");
    }

    /// `who` says `line`.
    pub(crate) fn send(&mut self, who: Who, line: &str) -> Flow {
        self.send_bytes(who, line.as_bytes())
    }

    /// `who` says something that may be no text.
    pub(crate) fn send_bytes(&mut self, who: Who, line: &[u8]) -> Flow {
        let flow = self.hub.handle_line(who.0, line, self.now, &mut self.outputs);
        self.settle();
        flow
    }

    /// `who` says `lines`, one after the other.
    pub(crate) fn send_all(&mut self, who: Who, lines: &[&str]) {
        for line in lines {
            self.send(who, line);
        }
    }

    /// What `who` got since this was last asked.
    pub(crate) fn lines(&mut self, who: Who) -> Vec<String> {
        self.outputs.receipts.retain(|(conn, _)| *conn != who.0);
        self.outputs.lines.remove(&who.0).unwrap_or_default().into()
    }

    /// The same, without the tags.
    pub(crate) fn bodies(&mut self, who: Who) -> Vec<String> {
        let body = |line: String| match line.strip_prefix('@') {
            Some(tagged) => tagged.split_once(' ').expect("something after the tags").1.to_owned(),
            None => line,
        };
        self.lines(who).into_iter().map(body).collect()
    }

    /// What `who` gets back for `line`, without tags.
    pub(crate) fn ask(&mut self, who: Who, line: &str) -> Vec<String> {
        self.lines(who);
        self.send(who, line);
        self.bodies(who)
    }

    /// Forgets what anybody got.
    pub(crate) fn forget(&mut self) {
        self.outputs.lines.clear();
        self.outputs.receipts.clear();
    }

    /// Whether the hub closed the connection of `who`.
    pub(crate) fn is_closed(&self, who: Who) -> bool {
        self.outputs.closed.contains(&who.0)
    }

    /// How many of the lines that `who` has not looked at come before the first receipt; `None` if there is none.
    pub(crate) fn receipt_at(&self, who: Who) -> Option<usize> {
        self.outputs.receipts.iter().find(|(conn, _)| *conn == who.0).map(|(_, at)| *at)
    }

    /// The connection of `who` breaks.
    pub(crate) fn cut(&mut self, who: Who) {
        self.hub.disconnect(who.0, "Connection reset by peer", self.now, &mut self.outputs);
        self.settle();
    }

    /// The server stops.
    pub(crate) fn stop(&mut self) {
        self.hub.stop("the server stops", self.now, &mut self.outputs);
        self.settle();
    }

    /// Time passes, with all that is due in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(due) = self.hub.poll_timeout().filter(|due| *due <= end) {
            self.move_to(due.max(self.now.monotonic));
            self.hub.handle_timeout(self.now, &mut self.outputs);
            self.settle();
        }
        self.move_to(end);
    }

    /// The clock of the wall.
    pub(crate) fn wall(&self) -> u64 {
        self.now.wall
    }

    /// The records that are about no message, since this was last asked.
    pub(crate) fn records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.others)
    }

    fn move_to(&mut self, monotonic: Duration) {
        let passed = monotonic - self.now.monotonic;
        self.now = Now { monotonic, wall: self.now.wall + passed.as_millis() as u64 };
    }

    /// Keeps what was recorded and does the jobs, until there are none.
    pub(crate) fn settle(&mut self) {
        loop {
            for record in std::mem::take(&mut self.outputs.records) {
                self.keep(record);
            }
            self.hub.check_invariants();
            if self.hold_jobs {
                return;
            }
            let Some((conn, job)) = self.outputs.jobs.pop_front() else {
                return;
            };
            if let Some(answer) = self.answer(conn, job) {
                let flow = self.hub.handle_answer(conn, answer, self.now, &mut self.outputs);
                self.answered = Some(flow);
            }
        }
    }

    fn keep(&mut self, record: Record) {
        match record {
            Record::Event(event) => {
                assert!(self.events.last().is_none_or(|last| last.time <= event.time));
                self.events.push(event);
            }
            Record::Redact { conversation, msgid } => {
                self.events.retain(|e| e.conversation != conversation || e.msgid != msgid);
            }
            Record::RenameConversation { from, to } => {
                self.events.retain(|event| event.conversation != to);
                for event in self.events.iter_mut().filter(|event| event.conversation == from) {
                    event.conversation = to.clone();
                }
            }
            Record::ForgetConversation { conversation } => {
                self.events.retain(|event| event.conversation != conversation);
            }
            other => self.others.push(other),
        }
    }

    fn answer(&mut self, conn: ConnId, job: Job) -> Option<Answer> {
        Some(match job {
            Job::History(query) => Answer::History(self.page(&query)),
            Job::Targets { owner, channels, after, before, limit } => {
                let mut last: HashMap<Box<str>, u64> = HashMap::new();
                for event in &self.events {
                    let said = matches!(&*event.command, "PRIVMSG" | "NOTICE");
                    let sides = event.conversation.strip_prefix('@').unwrap_or_default();
                    let mine = sides.split(',').any(|side| side == &*owner)
                        || channels.contains(&event.conversation);
                    if said && mine {
                        last.insert(event.conversation.clone(), event.time);
                    }
                }
                let mut targets: Vec<_> =
                    last.into_iter().filter(|(_, time)| *time > after && *time < before).collect();
                targets.sort_by_key(|(key, time)| (*time, key.clone()));
                targets.truncate(limit);
                Answer::Targets(targets)
            }
            Job::Find { conversation, msgid } => Answer::Found(
                self.events
                    .iter()
                    .find(|e| e.conversation == conversation && e.msgid == msgid)
                    .cloned(),
            ),
            Job::CheckPassword { hash, password, .. } => {
                Answer::Password(hash.strip_prefix("hash:") == Some(&password.0))
            }
            Job::Register { account, key, password, .. } => {
                if password.0.len() < 8 {
                    Answer::Registered(Err(RegisterError::TooShort(8)))
                } else if password.0.len() > 300 {
                    Answer::Registered(Err(RegisterError::BadPassword))
                } else if self.accounts.contains_key(&*key) {
                    Answer::Registered(Err(RegisterError::Exists))
                } else {
                    let entry = (account.to_string(), password.0.to_string());
                    self.accounts.insert(key.to_string(), entry);
                    Answer::Registered(Ok(account))
                }
            }
            Job::Reload => Answer::Reloaded(self.reloaded.clone()),
            Job::Sasl(step) => return self.sasl(conn, step).map(Answer::Sasl),
        })
    }

    /// A stand-in for SASL: PLAIN, and EXTERNAL where the certificate is the account's name.
    fn sasl(&mut self, conn: ConnId, step: SaslStep) -> Option<SaslOutcome> {
        Some(match step {
            SaslStep::Start { mechanism, fingerprint, .. } => {
                if !matches!(&*mechanism, "PLAIN" | "EXTERNAL") {
                    return Some(SaslOutcome::NoMechanism);
                }
                self.sasl.insert(conn, (mechanism.into(), fingerprint));
                SaslOutcome::Challenge(Box::default())
            }
            SaslStep::Response(response) => {
                let (mechanism, fingerprint) = self.sasl.remove(&conn)?;
                let text = String::from_utf8_lossy(&response).into_owned();
                let (name, password) = if mechanism == "EXTERNAL" {
                    (fingerprint?.to_string(), None)
                } else {
                    let parts: Vec<&str> = text.split('\0').collect();
                    let [_, name, password] = parts[..] else { return Some(SaslOutcome::Failure) };
                    (name.to_owned(), Some(password.to_owned()))
                };
                match self.accounts.get(&name.to_lowercase()) {
                    Some((shown, right)) if password.is_none_or(|given| given == *right) => {
                        SaslOutcome::Success { account: shown.as_str().into(), last: None }
                    }
                    _ => SaslOutcome::Failure,
                }
            }
            SaslStep::Abort => {
                self.sasl.remove(&conn);
                return None;
            }
        })
    }

    fn page(&self, query: &HistoryQuery) -> Option<Vec<Event>> {
        let all: Vec<&Event> =
            self.events.iter().filter(|e| e.conversation == query.conversation).collect();
        // A bound as two places: how many events come before it, and how many with it.
        let places = |bound: &Bound| -> Option<(usize, usize)> {
            match bound {
                Bound::Time(time) => Some((
                    all.partition_point(|event| event.time < *time),
                    all.partition_point(|event| event.time <= *time),
                )),
                Bound::Msgid(id) => {
                    let at = all.iter().position(|event| event.msgid == *id)?;
                    Some((at, at + 1))
                }
            }
        };
        let wanted = |event: &&&Event| match &*event.command {
            "PRIVMSG" | "NOTICE" => true,
            "TAGMSG" => query.tagmsg,
            _ => !query.said_only,
        };
        let first = |from: usize, to: usize, limit: usize| -> Vec<Event> {
            let to = to.max(from);
            all[from..to].iter().filter(wanted).take(limit).map(|e| (*e).clone()).collect()
        };
        let last = |from: usize, to: usize, limit: usize| -> Vec<Event> {
            let to = to.max(from);
            let mut page: Vec<Event> = all[from..to]
                .iter()
                .rev()
                .filter(wanted)
                .take(limit)
                .map(|e| (*e).clone())
                .collect();
            page.reverse();
            page
        };
        let limit = query.limit;
        Some(match &query.part {
            Part::Latest(None) => last(0, all.len(), limit),
            Part::Latest(Some(bound)) => last(places(bound)?.1, all.len(), limit),
            Part::Before(bound) => last(0, places(bound)?.0, limit),
            Part::After(bound) => first(places(bound)?.1, all.len(), limit),
            Part::Around(bound) => {
                let (at, _) = places(bound)?;
                let mut page = last(0, at, limit / 2);
                page.extend(first(at, all.len(), limit - page.len()));
                page
            }
            Part::Between(one, other) => {
                let (a, b) = (places(one)?, places(other)?);
                if a.0 <= b.0 { first(a.1, b.0, limit) } else { last(b.1, a.0, limit) }
            }
        })
    }
}
