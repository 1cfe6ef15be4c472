//! A hub, a few people, and operations on them that are decoded from bytes.
//!
//! An operation is five bytes, so that whatever makes bytes makes operations: the fuzzer, and proptest, which shrinks
//! them. Names come from small alphabets, so that people meet and collide. After each operation the hub is asked
//! whether it contradicts itself, and each line that it put out is held against the rules of lines.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use callbox_hub::Hub;
use callbox_hub::config::{Config, Flood, Limits, Operator};
use callbox_hub::contract::{
    Answer, ConnId, Door, Flow, Job, Now, Peer, Record, SaslStep, Saved, Sink,
};

use super::store::{PASSWORD, Store};

/// One operation: what, who, and three choices.
pub type Op = [u8; 5];

/// People at a time.
const PEOPLE: usize = 5;

/// The most bytes of the tags of a line to a client (IRCv3 message-tags), with `@` and the space.
const TAGS_MAX: usize = 8191;

const CAPS: &str = "message-tags server-time echo-message batch labeled-response account-notify account-tag \
    extended-join away-notify invite-notify multi-prefix userhost-in-names setname cap-notify chghost \
    standard-replies extended-monitor draft/channel-rename draft/chathistory draft/event-playback \
    draft/message-redaction draft/metadata-2 draft/multiline draft/read-marker";

const NICKS: [&str; 12] =
    ["ann", "Ann", "bea", "cid", "аnn", "张三", "ＢＥＡ", "[x]", "ChanServ", "*", "9bad", "x,y"];

const ROOMS: [&str; 10] =
    ["#x", "#y", "#X", "#lobby", "#张三", "@#x", "+#y", "#x,#y,#z", "#", "#\u{202e}"];

const TEXTS: [&str; 10] = [
    "hello",
    "",
    ":",
    " ",
    "\u{1}ACTION waves\u{1}",
    "\u{1}VERSION\u{1}",
    "张三 é 👍🏽",
    "register #x",
    "drop #x",
    "0",
];

const MASKS: [&str; 10] =
    ["ann", "*!*@*", "~a:ann", "~m:*!*@*", "*", "b?a!*@127.*", "~x:y", "\\*!?@", "~m:~a:*", ""];

const MODES: [&str; 22] = [
    "+o", "-o", "+v", "-v", "+h", "+b", "-b", "+e", "-e", "+I", "+k", "-k", "+l", "-l", "+imnst",
    "-imnst", "+CMRr", "b", "eI", "+ov-o", "+iwBR", "-o+o",
];

const KEYS: [&str; 5] = ["url", "display-name", "x/y", "*", "BAD KEY"];

/// What people say: `{n}` stands for a nickname, and so on.
const LINES: [&str; 78] = [
    "JOIN {r}",
    "JOIN {r} {t}",
    "JOIN 0",
    "PART {r}",
    "PART {r} :{t}",
    "PRIVMSG {r} :{t}",
    "PRIVMSG {n} :{t}",
    "NOTICE {r} :{t}",
    "NOTICE {n} :{t}",
    "@+typing=active TAGMSG {r}",
    "@+draft/react={t} TAGMSG {n}",
    "NICK {n}",
    "AWAY :{t}",
    "AWAY",
    "MODE {r}",
    "MODE {r} {m} {n}",
    "MODE {r} {m} {k}",
    "MODE {r} {m} {n} {n}",
    "MODE {r} {m}",
    "MODE {n} {m}",
    "KICK {r} {n} :{t}",
    "KICK {r} {n},{n}",
    "INVITE {n} {r}",
    "INVITE",
    "TOPIC {r}",
    "TOPIC {r} :{t}",
    "NAMES {r}",
    "NAMES",
    "LIST",
    "LIST {r}",
    "LIST >1,U<9",
    "RENAME {r} {r} :{t}",
    "WHO {r}",
    "WHO {n}",
    "WHO {k} %tcuihsnfdlaor,7",
    "WHOIS {n}",
    "WHOIS {n} {n}",
    "WHOWAS {n}",
    "USERHOST {n} {n}",
    "ISON {n} {n}",
    "MONITOR + {n},{n}",
    "MONITOR - {n}",
    "MONITOR C",
    "MONITOR L",
    "MONITOR S",
    "METADATA {n} SET {d} :{t}",
    "METADATA {r} SET {d} :{t}",
    "METADATA {n} GET {d}",
    "METADATA {r} LIST",
    "METADATA * SUB {d} {d}",
    "METADATA * UNSUB {d}",
    "METADATA * SYNC",
    "METADATA {n} CLEAR",
    "METADATA * SUBS",
    "CHATHISTORY LATEST {r} * 10",
    "CHATHISTORY LATEST {n} * 10",
    "CHATHISTORY BEFORE {r} msgid={i} 10",
    "CHATHISTORY AFTER {r} msgid={i} 3",
    "CHATHISTORY AROUND {r} msgid={i} 3",
    "CHATHISTORY BETWEEN {r} msgid={i} msgid={i} 5",
    "CHATHISTORY TARGETS timestamp=1970-01-01T00:00:00.000Z timestamp=2099-01-01T00:00:00.000Z 9",
    "REDACT {r} {i} :{t}",
    "REDACT {n} {i}",
    "MARKREAD {r} timestamp=2026-01-01T00:00:05.000Z",
    "MARKREAD {n}",
    "BATCH +1 draft/multiline {r}",
    "@batch=1 PRIVMSG {r} :{t}",
    "@batch=1;draft/multiline-concat PRIVMSG {r} :{t}",
    "BATCH -1",
    "SETNAME :{t}",
    "REGISTER {n} * {p}",
    "AUTHENTICATE {s}",
    "CAP REQ :{c}",
    "OPER root {p}",
    "KILL {n} :{t}",
    "WALLOPS :{t}",
    "REHASH",
    "QUIT :{t}",
];

/// A hub and those who are connected to it.
pub struct World {
    hub: Hub,
    now: Now,
    next: u64,
    out: Outputs,
    store: Store,
    people: [Option<Person>; PEOPLE],
    /// What was done, for when it goes wrong.
    log: Vec<String>,
}

#[derive(Debug)]
struct Person {
    conn: ConnId,
    flow: Flow,
}

#[derive(Debug, Default)]
struct Outputs {
    /// Who is connected, and how many lines each got.
    open: HashMap<ConnId, usize>,
    closed: Vec<ConnId>,
    records: Vec<Record>,
    jobs: VecDeque<(ConnId, Job)>,
}

impl Sink for Outputs {
    fn line(&mut self, to: ConnId, line: &[u8]) {
        check_line(line);
        *self.open.get_mut(&to).expect("a line for somebody who is not connected") += 1;
    }

    fn receipt(&mut self, to: ConnId) {
        assert!(self.open.contains_key(&to), "a receipt for somebody who is not connected");
    }

    fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    fn job(&mut self, conn: ConnId, job: Job) {
        self.jobs.push_back((conn, job));
    }

    fn close(&mut self, conn: ConnId) {
        assert!(self.open.remove(&conn).is_some(), "closed twice");
        self.closed.push(conn);
    }
}

impl Outputs {
    /// Whether an answer for `conn` is owed.
    fn owes(&self, conn: ConnId) -> bool {
        self.jobs.iter().any(|(whose, job)| *whose == conn && *job != Job::Sasl(SaslStep::Abort))
    }
}

/// Panics unless `line` is a line that a client may be sent.
fn check_line(line: &[u8]) {
    let text = std::str::from_utf8(line).expect("a line is UTF-8");
    let text = text.strip_suffix("\r\n").expect("a line ends with CR LF");
    assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
    let body = match text.strip_prefix('@') {
        Some(tagged) => tagged.split_once(' ').expect("a body after the tags").1,
        None => text,
    };
    assert!(body.len() <= 510, "{} bytes: {body}", body.len());
    assert!(text.len() - body.len() <= TAGS_MAX, "{} bytes of tags", text.len() - body.len());
    assert!(callbox_irc::message::Message::parse(text).is_ok(), "{text:?}");
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Nobody yet. Limits are low, so that they are met.
    pub fn new() -> Self {
        let limits = Limits {
            channels: 3,
            total_channels: 4,
            list: 3,
            monitor: 3,
            whowas: 4,
            multiline_bytes: 40,
            multiline_lines: 4,
            metadata_keys: 2,
            metadata_subs: 2,
            history_page: 5,
            ..Limits::default()
        };
        let root = Operator {
            name: "root".into(),
            password: PASSWORD.into(),
            fingerprint: None,
            host: Some("ops.test".into()),
        };
        let config = Config { limits, operators: vec![root], flood: None, ..Config::default() };
        let now = Now { monotonic: Duration::from_secs(1000), wall: 1_767_225_600_000 };
        Self {
            hub: Hub::new(config, Saved::default(), 7, now),
            now,
            next: 1,
            out: Outputs::default(),
            store: Store::default(),
            people: [const { None }; PEOPLE],
            log: Vec::new(),
        }
    }

    /// Does `op`, and looks at what it did.
    pub fn apply(&mut self, op: Op) {
        let [what, who, choices @ ..] = op;
        let who = usize::from(who) % PEOPLE;
        if self.people[who].is_none() {
            self.come(who, what);
            return;
        }
        match what {
            0..=199 => {
                let line = self.compose(LINES[usize::from(what) % LINES.len()], choices);
                let label = choices[2];
                let plain = label < 128 || line.starts_with('@');
                let line = if plain { line } else { format!("@label={label} {line}") };
                self.say(who, line.as_bytes());
            }
            200..=225 => self.answer(false),
            226..=230 => self.answer(true),
            231..=235 => self.cut(who),
            236..=242 => self.pass(Duration::from_secs(choices[0].into())),
            243..=246 => self.say(who, &choices),
            247..=250 => self.too_long(who),
            251..=255 => self.reload(choices),
        }
    }

    /// `who` says `line`, if there is such a person.
    pub fn say(&mut self, who: usize, line: &[u8]) {
        let Some(person) = &self.people[who] else { return };
        let conn = person.conn;
        self.log.push(format!("{who}: {}", String::from_utf8_lossy(line)));
        let heard: usize = self.out.open.values().sum();
        let owed = self.out.owes(conn);
        let flow = self.hub.handle_line(conn, line, self.now, &mut self.out);
        if owed {
            assert_eq!(flow, Flow::Busy, "a job is out");
            assert_eq!(self.out.open.values().sum::<usize>(), heard, "nothing is done meanwhile");
        }
        self.went(who, flow);
    }

    /// `who` comes in: half the time with a name, half of these with all capabilities.
    fn come(&mut self, who: usize, how: u8) {
        let conn = ConnId(self.next);
        self.next += 1;
        let peer = Peer {
            address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, who as u8)),
            port: 4000,
            secure: how.is_multiple_of(5),
            fingerprint: None,
            door: Door::Irc,
        };
        self.log.push(format!("{who} comes in"));
        self.out.open.insert(conn, 0);
        self.people[who] = Some(Person { conn, flow: Flow::Ready });
        self.hub.connect(conn, peer, self.now, &mut self.out);
        self.settle();
        if how.is_multiple_of(8) {
            return;
        }
        if how.is_multiple_of(2) {
            self.say(who, b"CAP LS 302");
            let mut half = String::new();
            for (index, cap) in CAPS.split_whitespace().enumerate() {
                half += if half.is_empty() { "" } else { " " };
                half += cap;
                if index % 12 == 11 {
                    self.say(who, format!("CAP REQ :{}", std::mem::take(&mut half)).as_bytes());
                }
            }
            self.say(who, b"CAP END");
        }
        self.say(who, b"USER u 0 * :Real Name");
        self.say(who, format!("NICK {}", ["ann", "bea", "cid", "dan", "eve"][who]).as_bytes());
    }

    /// The oldest job is done, or cannot be.
    fn answer(&mut self, fails: bool) {
        let Some((conn, job)) = self.out.jobs.pop_front() else { return };
        self.log.push(format!("the answer to {job:?}"));
        let Some(answer) = self.store.answer(conn, job) else { return };
        let answer = if fails { Answer::Failed } else { answer };
        let flow = self.hub.handle_answer(conn, answer, self.now, &mut self.out);
        let open = self.out.open.contains_key(&conn);
        match self.people.iter().position(|p| p.as_ref().is_some_and(|p| p.conn == conn)) {
            Some(who) => self.went(who, flow),
            None => assert!(!open && flow == Flow::Closed, "who is gone stays gone"),
        }
    }

    fn cut(&mut self, who: usize) {
        let Some(person) = self.people[who].take() else { return };
        self.log.push(format!("{who} is cut off"));
        self.hub.disconnect(person.conn, "cut", self.now, &mut self.out);
        self.out.open.remove(&person.conn);
        self.settle();
        let flow = self.hub.handle_line(person.conn, b"PING x", self.now, &mut self.out);
        assert_eq!(flow, Flow::Closed);
    }

    fn pass(&mut self, time: Duration) {
        self.log.push(format!("{time:?} pass"));
        self.now.monotonic += time;
        self.now.wall += time.as_millis() as u64;
        self.hub.handle_timeout(self.now, &mut self.out);
        assert!(
            self.hub.poll_timeout().is_none_or(|next| next > self.now.monotonic),
            "what was due is done"
        );
        self.settle();
    }

    fn too_long(&mut self, who: usize) {
        let Some(person) = &self.people[who] else { return };
        let flow = self.hub.handle_too_long(person.conn, self.now, &mut self.out);
        self.went(who, flow);
    }

    fn reload(&mut self, [a, b, _]: [u8; 3]) {
        self.log.push("new settings".into());
        let mut config = Config { flood: None, ..Config::default() };
        config.history.enabled = a % 2 == 0;
        config.accounts.registration = a % 4 < 2;
        config.timeouts.ping = Duration::from_secs(u64::from(b) + 1);
        config.limits.channels = 3;
        config.flood = (a > 200).then_some(Flood { burst: 4, per_second: 1 });
        self.hub.reload(config.into(), self.now, &mut self.out);
        self.settle();
    }

    /// `flow` is what the hub answered to something of `who`.
    fn went(&mut self, who: usize, flow: Flow) {
        if let Some(person) = &mut self.people[who] {
            person.flow = flow;
            let closed = self.out.closed.contains(&person.conn);
            assert_eq!(closed, flow == Flow::Closed, "closed, and said so");
            if !closed {
                assert_eq!(
                    flow == Flow::Busy,
                    self.out.owes(person.conn),
                    "busy while a job is out"
                );
            }
        }
        self.settle();
    }

    /// Keeps what was recorded, forgets who is gone, and looks whether all is well.
    fn settle(&mut self) {
        for record in std::mem::take(&mut self.out.records) {
            self.store.keep(record);
        }
        for conn in std::mem::take(&mut self.out.closed) {
            let gone = self.people.iter_mut().find(|p| p.as_ref().is_some_and(|p| p.conn == conn));
            *gone.expect("who was closed was here") = None;
        }
        self.hub.check_invariants();
    }

    /// Fills `template` in.
    fn compose(&self, template: &str, choices: [u8; 3]) -> String {
        let mut choices = choices.into_iter().map(usize::from).cycle();
        let mut line = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            line += before;
            let choice = choices.next().unwrap_or_default();
            let pick = |all: &[&str]| all[choice % all.len()].to_owned();
            line += &match &after[..1] {
                "n" => pick(&NICKS),
                "r" => pick(&ROOMS),
                "t" if choice == 255 => "é".repeat(300),
                "t" => pick(&TEXTS),
                "m" => pick(&MODES),
                "k" => pick(&MASKS),
                "d" => pick(&KEYS),
                "p" => {
                    pick(&[PASSWORD, "wrong"]).replace(' ', if choice < 128 { " " } else { "_" })
                }
                "s" => pick(&["PLAIN", "EXTERNAL", "*", "+", "AGFubgBjb3JyZWN0LWhvcnNl", "!"]),
                "c" => CAPS.split_whitespace().nth(choice % 24).map_or_else(String::new, |cap| {
                    [if choice < 128 { "" } else { "-" }, cap].concat()
                }),
                "i" => {
                    let said = &self.store.said;
                    let known = choice.checked_rem(said.len()).map(|place| &*said[place]);
                    known.unwrap_or("nothing").to_owned()
                }
                other => unreachable!("{other}"),
            };
            rest = &after[2..];
        }
        line + rest
    }
}

/// Whoever looks at a failure wants to know what led to it.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.log.len().saturating_sub(60);
            eprintln!("{}", self.log[from..].join("\n"));
        }
    }
}
