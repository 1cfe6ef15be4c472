//! The whole: a hub, sessions, people with plain clients, links, and what happens to them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::{Config, Flood};
use callbox_hub::contract::{Answer, ConnId, Door, Flow, Now as HubNow, Peer, Saved};
use callbox_irc::framer::Frame;
use callbox_session::contract::{Action, Now};

use crate::judge;
use crate::link::Chance;
use crate::person::Person;
use crate::shell::{End, Shell};

/// The rooms that everybody is in.
pub(crate) const ROOMS: [&str; 3] = ["#a", "#b", "#c"];

/// How many have sessions, and how many plain clients.
const SESSIONS: usize = 12;
const PLAIN: usize = 4;

/// For how long people talk and things break, and how long it takes until nobody waits for anything: the longest wait
/// before a connection is tried again is five minutes, and several may follow one another.
const TALK: Duration = Duration::from_secs(300);
const REST: Duration = Duration::from_secs(1_500);

/// What can happen.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    /// A link is made for a person with a session, or not if the server is down.
    Dialled(usize),
    /// A plain client comes.
    PlainComes,
    PlainSays(ConnId, usize),
    /// A person does something.
    Act(usize),
    ToServer(ConnId, Vec<u8>),
    ToClient(ConnId, Vec<u8>),
    Resume(ConnId),
    Answer(ConnId),
    /// So many records are kept, unless the server went since: so often it had gone.
    Kept(usize, usize),
    /// A link carries nothing any more.
    Cut(ConnId),
    /// The server notices that.
    Broken(ConnId),
    /// The person's system notices that.
    Lost(usize, ConnId),
    /// Many links break at once.
    Split,
    /// The server goes, and comes back.
    Crash,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) typed: usize,
    pub(crate) receipts: usize,
    pub(crate) failed: usize,
    pub(crate) undelivered: usize,
    pub(crate) missed: usize,
    pub(crate) cuts: usize,
    pub(crate) restarts: usize,
    /// Lines that were under way when a link broke.
    pub(crate) doubted: usize,
}

pub(crate) struct World {
    chance: Chance,
    now: Duration,
    hub: Hub,
    settings: Config,
    shell: Shell,
    people: Vec<Person>,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    serial: u64,
    submitted: usize,
    next: u64,
    down_until: Duration,
    /// Connections of plain clients.
    plain: BTreeSet<ConnId>,
    totals: Totals,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let flood = Some(Flood { burst: 10, per_second: 2 });
        let mut settings = Config { flood, ..Config::default() };
        settings.timeouts.ping = Duration::from_secs(20);
        settings.timeouts.pong = Duration::from_secs(10);
        // Pages are many and small.
        settings.limits.history_page = 20;
        let now = Duration::from_secs(1000);
        let mut world = Self {
            chance: Chance::new(seed),
            now,
            hub: Hub::new(settings.clone(), Saved::default(), seed, hub_now(now)),
            settings,
            shell: Shell::default(),
            people: Vec::new(),
            events: BinaryHeap::new(),
            serial: 0,
            submitted: 0,
            next: 1,
            down_until: now,
            plain: BTreeSet::new(),
            totals: Totals::default(),
        };
        for number in 0..SESSIONS {
            world.people.push(Person::new(number, seed ^ number as u64, now_at(now)));
            let moment = now + world.chance.millis(5_000, 9_000);
            world.at(moment, Event::Act(number));
        }
        for _ in 0..PLAIN {
            let moment = now + world.chance.millis(0, 5_000);
            world.at(moment, Event::PlainComes);
        }
        for event in [Event::Split, Event::Crash, Event::Split, Event::Crash] {
            let moment = now + world.chance.millis(20_000, 290_000);
            world.at(moment, event);
        }
        (0..SESSIONS).for_each(|number| world.attend(number));
        world
    }

    /// Lets it all happen, and judges it.
    pub(crate) fn run(mut self) -> Totals {
        let quiet = self.now + TALK;
        let end = quiet + REST;
        loop {
            let people = self.people.iter().filter_map(|person| person.session.poll_timeout());
            let due = people.chain(self.hub.poll_timeout()).min();
            let next = self.events.peek().map(|Reverse((moment, ..))| *moment);
            let Some(moment) = due.into_iter().chain(next).min().filter(|at| *at < end) else {
                break;
            };
            self.now = self.now.max(moment);
            if next.is_none_or(|next| due.is_some_and(|due| due < next)) {
                self.timeouts();
            } else if let Some(Reverse((.., event))) = self.events.pop() {
                self.happen(event, self.now < quiet);
            }
        }
        self.judge()
    }

    fn judge(mut self) -> Totals {
        self.shell.keep(usize::MAX);
        for person in &self.people {
            judge::is_quiet(person);
            for room in ROOMS {
                judge::has_all(person, &self.shell, room, false);
                let failed = judge::said_all(person, &self.shell, room);
                // Only who leaves a room while lines wait for it gets them back.
                assert!(failed == 0 || person.roams, "{failed} of {}", person.session.nick());
                self.totals.failed += failed;
            }
            judge::said_all(person, &self.shell, "");
            self.totals.typed += person.typed.values().map(Vec::len).sum::<usize>();
            self.totals.receipts += person.receipts.len();
            self.totals.undelivered += person.undelivered;
            self.totals.missed += person.missed;
        }
        self.totals
    }

    fn at(&mut self, moment: Duration, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((moment, self.serial, event)));
    }

    fn timeouts(&mut self) {
        let (now, hub) = (now_at(self.now), hub_now(self.now));
        if self.hub.poll_timeout().is_some_and(|due| due <= self.now) {
            self.hub.handle_timeout(hub, &mut self.shell);
        }
        for number in 0..self.people.len() {
            let session = &mut self.people[number].session;
            if session.poll_timeout().is_some_and(|due| due <= self.now) {
                session.handle_timeout(now);
                self.attend(number);
            }
        }
        self.settle();
    }

    fn happen(&mut self, event: Event, talking: bool) {
        let now = now_at(self.now);
        match event {
            Event::Dialled(number) => self.dialled(number, talking),
            Event::PlainComes => self.plain_comes(),
            Event::PlainSays(conn, count) => self.plain_says(conn, count, talking),
            Event::Act(number) if talking => {
                self.people[number].act(&mut self.chance, SESSIONS, now);
                self.attend(number);
                let moment = self.now + self.chance.millis(200, 4_000);
                self.at(moment, Event::Act(number));
            }
            Event::Act(number) => self.come_back(number),
            Event::ToServer(conn, bytes) => {
                if let Some(end) = self.shell.ends.get_mut(&conn).filter(|end| end.carries_up) {
                    end.input.extend(bytes);
                    self.feed(conn);
                }
            }
            Event::ToClient(conn, bytes) => {
                let carries = self.shell.ends.get(&conn).is_some_and(|end| end.carries_down);
                let person = self.people.iter().position(|person| person.conn == Some(conn));
                match person.filter(|_| carries) {
                    Some(number) => {
                        self.people[number].read(&bytes, now);
                        self.attend(number);
                    }
                    None => self.plain_reads(conn, &bytes),
                }
            }
            Event::Resume(conn) => {
                let end = self.end(conn);
                if matches!(end.flow, Flow::Until(_)) {
                    end.flow = Flow::Ready;
                }
                self.feed(conn);
            }
            Event::Answer(conn) => self.answer(conn),
            Event::Kept(records, crashes) => {
                if crashes == self.shell.crashes {
                    self.shell.keep(records);
                }
            }
            Event::Cut(conn) => self.cut(conn),
            Event::Broken(conn) => {
                if std::mem::replace(&mut self.end(conn).open, false) {
                    self.hub.disconnect(
                        conn,
                        "Connection reset by peer",
                        hub_now(self.now),
                        &mut self.shell,
                    );
                }
            }
            Event::Lost(number, conn) => self.lose(number, conn),
            Event::Split => {
                let conns: Vec<ConnId> = self.people.iter().filter_map(|p| p.conn).collect();
                for conn in conns {
                    if self.chance.once_in(2) {
                        self.cut(conn);
                    }
                }
            }
            Event::Crash => self.crash(),
        }
        self.settle();
    }

    /// A person with a session does what it wants.
    fn attend(&mut self, number: usize) {
        loop {
            let person = &mut self.people[number];
            while let Some(event) = person.session.poll_event() {
                person.note(&event, |msgid| self.shell.kept_ids.contains(msgid));
            }
            let Some(action) = person.session.poll_action() else { return };
            match action {
                Action::Connect => {
                    let moment = self.now + self.chance.millis(1, 1_000);
                    self.at(moment, Event::Dialled(number));
                }
                Action::Send(bytes) => {
                    if let Some(conn) = person.conn {
                        self.send(conn, &bytes);
                    }
                }
                Action::Close => {
                    let conn = person.conn.take();
                    person.lost(now_at(self.now));
                    if let Some(conn) = conn {
                        self.hang_up(conn);
                    }
                }
            }
        }
    }

    fn dialled(&mut self, number: usize, talking: bool) {
        let now = now_at(self.now);
        if self.people[number].conn.is_some() {
            return;
        }
        if self.now < self.down_until || (talking && self.chance.once_in(8)) {
            self.people[number].lost(now);
            self.attend(number);
            return;
        }
        let conn = self.connect();
        self.people[number].connected(conn, now);
        self.attend(number);
        if talking {
            // Some links hold for long, some for a moment.
            let most = if self.chance.once_in(3) { 3_000 } else { 200_000 };
            let moment = self.now + self.chance.millis(100, most);
            self.at(moment, Event::Cut(conn));
        }
    }

    fn connect(&mut self) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        let peer = Peer {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: conn.0 as u16,
            secure: true,
            fingerprint: None,
            door: Door::Irc,
        };
        let end = End::new(&mut self.chance);
        self.shell.ends.insert(conn, end);
        self.hub.connect(conn, peer, hub_now(self.now), &mut self.shell);
        conn
    }

    /// A link carries nothing any more. Who notices, and when, is chance; a session has to find out by itself otherwise.
    fn cut(&mut self, conn: ConnId) {
        let end = self.end(conn);
        if !(end.carries_down && end.open) {
            return;
        }
        end.carries_down = false;
        // What was sent before may arrive yet.
        let arrives = self.chance.once_in(2);
        self.end(conn).carries_up = arrives;
        self.totals.cuts += 1;
        if self.chance.once_in(2) {
            let moment = self.now + self.chance.millis(0, 1_000);
            self.at(moment, Event::Broken(conn));
        }
        let owner = self.people.iter().position(|person| person.conn == Some(conn));
        if let Some(number) = owner
            && self.chance.once_in(2)
        {
            let moment = self.now + self.chance.millis(0, 3_000);
            self.at(moment, Event::Lost(number, conn));
        }
    }

    fn lose(&mut self, number: usize, conn: ConnId) {
        if self.people[number].conn == Some(conn) {
            let under_way = |person: &Person| {
                let outboxes = person.session.rooms().iter().flat_map(|room| &room.outbox);
                let sending = callbox_session::room::Delivery::Sending;
                outboxes.filter(|own| own.state == sending).count()
            };
            self.totals.doubted += under_way(&self.people[number]);
            self.people[number].lost(now_at(self.now));
            self.attend(number);
        }
    }

    /// A person's system closes a connection.
    fn hang_up(&mut self, conn: ConnId) {
        self.end(conn).carries_down = false;
        if self.end(conn).carries_up {
            let moment = self.now + self.chance.millis(1, 2_000);
            self.at(moment, Event::Broken(conn));
        }
    }

    fn crash(&mut self) {
        self.totals.restarts += 1;
        self.shell.crash();
        self.submitted = self.shell.records.len();
        self.plain.clear();
        let seed = 1_000 + self.serial;
        self.hub = Hub::new(self.settings.clone(), Saved::default(), seed, hub_now(self.now));
        self.down_until = self.now + self.chance.millis(0, 8_000);
        for number in 0..self.people.len() {
            if let Some(conn) = self.people[number].conn {
                self.end(conn).carries_down = false;
                let moment = self.now + self.chance.millis(0, 2_000);
                self.at(moment, Event::Lost(number, conn));
            }
        }
        for _ in 0..PLAIN {
            let moment = self.down_until + self.chance.millis(0, 5_000);
            self.at(moment, Event::PlainComes);
        }
    }

    /// Once nobody talks any more, everybody is in all rooms again.
    fn come_back(&mut self, number: usize) {
        if self.chance.once_in(2) {
            // Its leaving may be on the way.
            let moment = self.now + self.chance.millis(10_000, 60_000);
            self.at(moment, Event::Act(number));
            return;
        }
        for room in ROOMS {
            self.people[number].session.join(room, None, now_at(self.now)).expect("a room");
        }
        self.attend(number);
    }

    fn plain_comes(&mut self) {
        let conn = self.connect();
        self.plain.insert(conn);
        let hello =
            format!("NICK p{0}\r\nUSER p{0} 0 * :plain\r\nJOIN {1}\r\n", conn.0, ROOMS.join(","));
        self.send(conn, hello.as_bytes());
        let moment = self.now + self.chance.millis(3_000, 5_000);
        self.at(moment, Event::PlainSays(conn, 1));
    }

    fn plain_says(&mut self, conn: ConnId, count: usize, talking: bool) {
        if !talking || !self.plain.contains(&conn) {
            return;
        }
        let line = format!("PRIVMSG {} :p{}.{count}\r\n", self.chance.of(&ROOMS), conn.0);
        self.send(conn, line.as_bytes());
        let moment = self.now + self.chance.millis(500, 6_000);
        self.at(moment, Event::PlainSays(conn, count + 1));
    }

    /// Plain clients answer PINGs, which come whole often enough.
    fn plain_reads(&mut self, conn: ConnId, bytes: &[u8]) {
        if !self.plain.contains(&conn) {
            return;
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        for line in text.lines().filter(|line| line.contains("PING ")) {
            let token = line.rsplit(' ').next().unwrap_or_default();
            self.send(conn, format!("PONG {token}\r\n").as_bytes());
        }
    }

    /// A client sends bytes.
    fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        let now = self.now;
        let end = self.shell.ends.get_mut(&conn).expect("a connection");
        if !end.carries_down {
            return;
        }
        let pieces = end.up.carry(bytes, now, &mut self.chance);
        let pieces: Vec<_> = pieces.into_iter().map(|(at, piece)| (at, piece.to_vec())).collect();
        for (moment, piece) in pieces {
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
                Some(Frame::Line(line)) => line.to_vec(),
                Some(Frame::TooLong) => panic!("a session's lines are no longer than lines"),
            };
            end.input = rest.to_vec();
            let flow = self.hub.handle_line(conn, &line, hub_now(self.now), &mut self.shell);
            self.flowed(conn, flow);
        }
    }

    fn flowed(&mut self, conn: ConnId, flow: Flow) {
        self.end(conn).flow = flow;
        if let Flow::Until(moment) = flow {
            self.at(moment, Event::Resume(conn));
        }
    }

    fn answer(&mut self, conn: ConnId) {
        let Some((job, records)) = self.end(conn).jobs.pop_front() else { return };
        self.shell.keep(records);
        let answer = match self.chance.once_in(50) {
            true => Some(Answer::Failed),
            false => self.shell.store.answer(conn, job),
        };
        if let Some(answer) = answer
            && self.end(conn).open
        {
            let flow = self.hub.handle_answer(conn, answer, hub_now(self.now), &mut self.shell);
            self.flowed(conn, flow);
            self.feed(conn);
        }
    }

    /// Does what the hub asked for in the last call.
    fn settle(&mut self) {
        for conn in std::mem::take(&mut self.shell.jobs) {
            let soonest = self.now + self.chance.millis(1, 300);
            let end = self.end(conn);
            end.answered = end.answered.max(soonest);
            let moment = end.answered;
            self.at(moment, Event::Answer(conn));
        }
        for conn in std::mem::take(&mut self.shell.closed) {
            self.flush(conn);
            let owner = self.people.iter().position(|person| person.conn == Some(conn));
            if let Some(number) = owner {
                let moment = self.now + self.chance.millis(5_000, 9_000);
                self.at(moment, Event::Lost(number, conn));
            }
            if self.plain.remove(&conn) {
                let moment = self.now + self.chance.millis(0, 5_000);
                self.at(moment, Event::PlainComes);
            }
        }
        if self.shell.records.len() > self.submitted {
            self.submitted = self.shell.records.len();
            let moment = self.now + self.chance.millis(1, 50);
            self.at(moment, Event::Kept(self.submitted, self.shell.crashes));
        }
        let told = std::mem::take(&mut self.shell.told);
        told.into_iter().for_each(|conn| self.flush(conn));
    }

    /// Sends what waits for `conn` and no longer for the store.
    fn flush(&mut self, conn: ConnId) {
        let (kept, now) = (self.shell.kept, self.now);
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
        if bytes.is_empty() || !end.carries_down {
            return;
        }
        let pieces = end.down.carry(&bytes, now, &mut self.chance);
        let pieces: Vec<_> = pieces.into_iter().map(|(at, piece)| (at, piece.to_vec())).collect();
        for (moment, piece) in pieces {
            self.at(moment, Event::ToClient(conn, piece));
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

fn hub_now(monotonic: Duration) -> HubNow {
    let Now { monotonic, wall } = now_at(monotonic);
    HubNow { monotonic, wall }
}
