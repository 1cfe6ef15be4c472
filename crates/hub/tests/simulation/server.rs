//! The shell around the hub, as the simulation has it: links, a store that takes its time, and what happens when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::{Config, Flood};
use callbox_hub::contract::{Answer, ConnId, Door, Flow, Job, Now, Peer, Record, Saved, Sink};
use callbox_irc::framer::{Frame, Framer};
use callbox_irc::message::Message;

use crate::link::{Chance, Link};
use crate::model::Model;
use crate::person::Person;
use crate::store::Store;

/// How long people talk, and how long what is under way may take after that.
const TALK: Duration = Duration::from_secs(120);
const REST: Duration = Duration::from_secs(60);

/// What happens at a moment.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    /// Somebody new comes in.
    Come,
    /// A person says something.
    Act(ConnId),
    /// Bytes reach the server, or a person.
    ToServer(ConnId, Vec<u8>),
    ToPerson(ConnId, Vec<u8>),
    /// The hub may be given lines of this connection again.
    Resume(ConnId),
    /// The oldest job of this connection is done.
    Answer(ConnId),
    /// So many records are kept.
    Kept(usize),
    /// The link breaks; the server hears of it later, or never.
    Cut(ConnId),
    Broken(ConnId),
    /// The hub wanted to be called.
    Timeout,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) said: usize,
    pub(crate) seen: usize,
    pub(crate) cuts: usize,
    pub(crate) answers: usize,
    pub(crate) stalls: usize,
    pub(crate) labelled: usize,
    pub(crate) replayed: usize,
}

/// The server's end of a connection.
#[derive(Debug)]
struct End {
    framer: Framer,
    input: Vec<u8>,
    flow: Flow,
    /// What goes out, and in between how many records must be kept before the rest does.
    output: VecDeque<Result<Vec<u8>, usize>>,
    up: Link,
    down: Link,
    jobs: VecDeque<Job>,
    /// When the last answer comes; none overtakes it.
    answered: Duration,
    /// Whether bytes still pass.
    live: bool,
    /// Whether the hub knows it.
    open: bool,
}

/// The whole.
pub(crate) struct Simulation {
    chance: Chance,
    now: Duration,
    hub: Hub,
    shell: Shell,
    people: BTreeMap<ConnId, Person>,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    serial: u64,
    /// How many records were given to the store, and how many it has kept.
    submitted: usize,
    kept: usize,
    next: u64,
    totals: Totals,
}

/// What the hub writes to.
#[derive(Default)]
struct Shell {
    ends: BTreeMap<ConnId, End>,
    model: Model,
    store: Store,
    records: usize,
    jobs: Vec<ConnId>,
    /// For whom something was put out, and for whom something waits for the store.
    told: BTreeSet<ConnId>,
    closed: Vec<ConnId>,
}

impl Sink for Shell {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        let text = std::str::from_utf8(line).expect("text").trim_end_matches("\r\n");
        let message = Message::parse(text).expect("a message");
        match message.command {
            "001" => self.model.is_called(to, message.params[0]),
            "NICK" if message.source.is_some_and(|s| s.contains(&format!("!~u{}@", to.0))) => {
                self.model.is_called(to, message.params[0]);
            }
            // LIST, NAMES, WHO and WHOIS tell of secret rooms to those inside alone.
            "322" | "353" | "352" | "319" => {
                for room in ["#secret", "#secret2"] {
                    let named = text.split([' ', ':', '@', '+']).any(|word| word == room);
                    assert!(!named || self.model.is_in(to, room), "{to:?} learned: {text}");
                }
            }
            _ => {}
        }
        let end = self.ends.get_mut(&to).expect("a connection");
        assert!(end.open, "after the end: {text}");
        end.output.push_back(Ok(line.to_vec()));
        self.told.insert(to);
    }

    fn receipt(&mut self, to: ConnId) {
        let records = self.records;
        self.ends.get_mut(&to).expect("a connection").output.push_back(Err(records));
    }

    fn record(&mut self, record: Record) {
        self.records += 1;
        self.model.record(&record);
        self.store.keep(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.ends.get_mut(&conn).expect("a connection").jobs.push_back(job);
        self.jobs.push(conn);
    }

    fn close(&mut self, conn: ConnId) {
        self.ends.get_mut(&conn).expect("a connection").open = false;
        self.closed.push(conn);
    }
}

impl Simulation {
    /// `people` people on one server.
    pub(crate) fn new(seed: u64, people: usize) -> Self {
        let flood = Some(Flood { burst: 10, per_second: 2 });
        let mut config = Config { flood, ..Config::default() };
        config.timeouts.ping = Duration::from_secs(20);
        config.timeouts.pong = Duration::from_secs(10);
        config.history.on_join = 0;
        let mut simulation = Self {
            chance: Chance::new(seed),
            now: Duration::from_secs(1000),
            hub: Hub::new(config, Saved::default(), seed, now_at(Duration::from_secs(1000))),
            shell: Shell::default(),
            people: BTreeMap::new(),
            events: BinaryHeap::new(),
            serial: 0,
            submitted: 0,
            kept: 0,
            next: 1,
            totals: Totals::default(),
        };
        simulation.at(Duration::from_secs(1000), Event::Come);
        for _ in 1..people {
            let moment = Duration::from_secs(1010) + simulation.chance.millis(0, 20_000);
            simulation.at(moment, Event::Come);
        }
        simulation
    }

    /// Lets it all happen, and judges it.
    pub(crate) fn run(mut self) -> Totals {
        let quiet = self.now + TALK;
        let end = quiet + REST;
        let mut calls = 0;
        loop {
            let timeout = self.hub.poll_timeout();
            let next = self.events.peek().map(|Reverse((moment, ..))| *moment);
            let event = match (timeout, next) {
                (Some(due), next) if next.is_none_or(|next| due <= next) => {
                    self.now = self.now.max(due);
                    Event::Timeout
                }
                (_, Some(_)) => {
                    let Some(Reverse((moment, _, event))) = self.events.pop() else { break };
                    self.now = moment;
                    event
                }
                (_, None) => break,
            };
            if self.now >= end {
                break;
            }
            self.happen(event, self.now < quiet);
            calls += 1;
            // After each would be after half a million.
            if calls % 512 == 0 {
                self.hub.check_invariants();
            }
        }
        self.hub.check_invariants();
        for (conn, person) in &self.people {
            self.totals.labelled += person.labelled;
            self.totals.replayed += person.replayed;
            let end = &self.shell.ends[conn];
            if end.live && end.open {
                assert!(person.welcome && person.is_answered(), "{person:?}");
            }
        }
        (self.totals.said, self.totals.seen) = self.shell.model.judge();
        self.totals
    }

    fn at(&mut self, moment: Duration, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((moment, self.serial, event)));
    }

    fn happen(&mut self, event: Event, talking: bool) {
        let now = now_at(self.now);
        match event {
            Event::Come => self.come(),
            Event::Act(conn) => self.act(conn, talking),
            Event::ToServer(conn, bytes) => {
                self.end(conn).input.extend(bytes);
                self.feed(conn);
            }
            Event::ToPerson(conn, bytes) => {
                if !self.end(conn).live {
                    return;
                }
                let kept = self.kept;
                let person = self.people.get_mut(&conn).expect("a person");
                let reply = person.read(&bytes, &mut self.shell.model, kept);
                self.send(conn, reply.as_bytes());
            }
            Event::Resume(conn) => {
                if matches!(self.end(conn).flow, Flow::Until(_)) {
                    self.end(conn).flow = Flow::Ready;
                }
                self.feed(conn);
            }
            Event::Answer(conn) => {
                let Some(job) = self.end(conn).jobs.pop_front() else { return };
                self.totals.answers += 1;
                let answer = match self.chance.once_in(20) {
                    true => Some(Answer::Failed),
                    false => self.shell.store.answer(conn, job),
                };
                let Some(answer) = answer else { return };
                let flow = self.hub.handle_answer(conn, answer, now, &mut self.shell);
                self.flowed(conn, flow);
                self.feed(conn);
            }
            Event::Kept(records) => {
                self.kept = self.kept.max(records);
            }
            Event::Cut(conn) => {
                let end = self.end(conn);
                if std::mem::replace(&mut end.live, false) {
                    self.totals.cuts += 1;
                    self.shell.model.cut(conn);
                    // Half the cuts are silent, and the server finds out by a PING.
                    if self.chance.once_in(2) {
                        let moment = self.now + self.chance.millis(0, 1_000);
                        self.at(moment, Event::Broken(conn));
                    }
                    let moment = self.now + self.chance.millis(0, 5_000);
                    self.at(moment, Event::Come);
                }
            }
            Event::Broken(conn) => {
                if std::mem::replace(&mut self.end(conn).open, false) {
                    self.hub.disconnect(conn, "Connection reset by peer", now, &mut self.shell);
                    self.shell.model.gone(conn);
                }
            }
            Event::Timeout => self.hub.handle_timeout(now, &mut self.shell),
        }
        self.settle();
    }

    fn come(&mut self) {
        let conn = ConnId(self.next);
        self.next += 1;
        let peer = Peer {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: conn.0 as u16,
            secure: false,
            fingerprint: None,
            door: Door::Irc,
        };
        let end = End {
            framer: Framer::default(),
            input: Vec::new(),
            flow: Flow::Ready,
            output: VecDeque::new(),
            up: Link::new(&mut self.chance),
            down: Link::new(&mut self.chance),
            jobs: VecDeque::new(),
            answered: Duration::ZERO,
            live: true,
            open: true,
        };
        self.shell.ends.insert(conn, end);
        self.hub.connect(conn, peer, now_at(self.now), &mut self.shell);
        let mut person = Person::new(conn, self.chance.below(3) > 0);
        let open = person.open(&mut self.shell.model);
        self.people.insert(conn, person);
        self.send(conn, open.as_bytes());
        let moment = self.now + self.chance.millis(3_000, 6_000);
        self.at(moment, Event::Act(conn));
        if conn.0 > 1 && self.chance.once_in(3) {
            let moment = self.now + self.chance.millis(100, 100_000);
            self.at(moment, Event::Cut(conn));
        }
    }

    fn act(&mut self, conn: ConnId, talking: bool) {
        let end = self.end(conn);
        if !(end.live && end.open && talking) {
            return;
        }
        let person = self.people.get_mut(&conn).expect("a person");
        let mut lines = String::new();
        // Mostly a line, at times a burst.
        let count = if self.chance.once_in(10) { 6 } else { 1 };
        for _ in 0..count {
            lines += &person.act(&mut self.chance);
        }
        self.send(conn, lines.as_bytes());
        let moment = self.now + self.chance.millis(200, 4_000);
        self.at(moment, Event::Act(conn));
    }

    /// A person sends bytes.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        let (now, mut moments) = (self.now, Vec::new());
        let end = self.shell.ends.get_mut(&conn).expect("a connection");
        if end.live {
            for (moment, piece) in end.up.carry(bytes, now, &mut self.chance) {
                moments.push((moment, piece.to_vec()));
            }
        }
        for (moment, piece) in moments {
            self.at(moment, Event::ToServer(conn, piece));
        }
    }

    /// Gives the hub what came of `conn`, as far as it takes it.
    fn feed(&mut self, conn: ConnId) {
        loop {
            let end = self.shell.ends.get_mut(&conn).expect("a connection");
            if end.flow != Flow::Ready || !end.open {
                return;
            }
            let input = std::mem::take(&mut end.input);
            let mut rest = &input[..];
            let line = match end.framer.next(&mut rest) {
                None => return,
                Some(Frame::Line(line)) => Some(line.to_vec()),
                Some(Frame::TooLong) => None,
            };
            end.input = rest.to_vec();
            let now = now_at(self.now);
            let flow = match line {
                Some(line) => self.hub.handle_line(conn, &line, now, &mut self.shell),
                None => self.hub.handle_too_long(conn, now, &mut self.shell),
            };
            self.flowed(conn, flow);
        }
    }

    /// The hub said whether it takes more of `conn`.
    fn flowed(&mut self, conn: ConnId, flow: Flow) {
        self.end(conn).flow = flow;
        if let Flow::Until(moment) = flow {
            assert!(moment > self.now);
            self.totals.stalls += 1;
            self.at(moment, Event::Resume(conn));
        }
        assert_eq!(flow == Flow::Closed, !self.end(conn).open, "closed, and said so");
        let owed = !self.end(conn).jobs.is_empty();
        assert_eq!(flow == Flow::Busy, owed && flow != Flow::Closed, "busy while a job is out");
    }

    /// Does what the hub asked for in the last call.
    fn settle(&mut self) {
        for conn in std::mem::take(&mut self.shell.jobs) {
            let delay = self.chance.millis(1, 300);
            let soonest = self.now + delay;
            let end = self.end(conn);
            end.answered = end.answered.max(soonest);
            let moment = end.answered;
            self.at(moment, Event::Answer(conn));
        }
        for conn in std::mem::take(&mut self.shell.closed) {
            self.shell.model.gone(conn);
            let moment = self.now + self.chance.millis(100, 3_000);
            self.at(moment, Event::Come);
        }
        if self.shell.records > self.submitted {
            self.submitted = self.shell.records;
            let moment = self.now + self.chance.millis(1, 50);
            self.at(moment, Event::Kept(self.submitted));
        }
        let told = std::mem::take(&mut self.shell.told);
        told.into_iter().for_each(|conn| self.flush(conn));
    }

    /// Sends what waits for `conn` and no longer for the store.
    fn flush(&mut self, conn: ConnId) {
        let (kept, now) = (self.kept, self.now);
        let end = self.shell.ends.get_mut(&conn).expect("a connection");
        let mut bytes = Vec::new();
        while let Some(item) = end.output.front() {
            match item {
                Ok(line) => bytes.extend_from_slice(line),
                Err(records) if *records > kept => {
                    self.shell.told.insert(conn);
                    break;
                }
                Err(_) => {}
            }
            end.output.pop_front();
        }
        if bytes.is_empty() || !end.live {
            return;
        }
        let pieces = end.down.carry(&bytes, now, &mut self.chance);
        let pieces: Vec<_> = pieces.into_iter().map(|(at, piece)| (at, piece.to_vec())).collect();
        for (moment, piece) in pieces {
            self.at(moment, Event::ToPerson(conn, piece));
        }
    }

    fn end(&mut self, conn: ConnId) -> &mut End {
        self.shell.ends.get_mut(&conn).expect("a connection")
    }
}

/// The clock of the wall runs as evenly as the other, from 2026-01-01.
fn now_at(monotonic: Duration) -> Now {
    Now { monotonic, wall: 1_767_225_600_000 + monotonic.as_millis() as u64 }
}
