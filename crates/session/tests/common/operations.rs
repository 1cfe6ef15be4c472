//! A session, a server that says anything, and a person who types anything, decoded from bytes.
//!
//! An operation is five bytes, so that whatever makes bytes makes operations: the fuzzer, and proptest, which shrinks
//! them. Names come from small alphabets, so that they meet and collide. After each operation the session is asked
//! whether it contradicts itself, and each line that it sent is held against the rules of lines.

use std::time::Duration;

use callbox_session::commands::TABLE;
use callbox_session::config::{Config, Limits, Login, Secret};
use callbox_session::contract::{Action, Event, Now, Status};
use callbox_session::line::LineId;
use callbox_session::room::{OutId, RoomId};
use callbox_session::{Manner, Session};

/// One operation: what, and four choices.
pub type Op = [u8; 5];

const NICKS: [&str; 12] =
    ["ann", "Ann", "ann_", "bea", "cid", "张三", "BEA", "[x]", "{x}", "*", "irc.test", "a,b"];

const ROOMS: [&str; 10] = ["#x", "#y", "#X", "&z", "#张三", "@#x", "+#y", "#x,#y", "#", "ann"];

const TEXTS: [&str; 14] = [
    "hello",
    "",
    ":",
    "ann: é 👍🏽",
    "\u{1}ACTION waves\u{1}",
    "\u{1}VERSION\u{1}",
    "\u{1}",
    "a.test b.test",
    "two\nlines",
    "\u{202e}\u{1b}[2J",
    "m1",
    "+",
    "0",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
];

const TAGS: [&str; 16] = [
    "",
    "@msgid=1 ",
    "@msgid=2;time=2026-01-01T00:00:05.000Z ",
    "@msgid=3;time=2099-01-01T00:00:00.000Z;account=ann ",
    "@time=1970-01-01T00:00:00.000Z;msgid=4 ",
    "@batch=1 ",
    "@batch=2;msgid=5 ",
    "@batch=1;draft/multiline-concat ",
    "@label=m1 ",
    "@label=m2;batch=1 ",
    "@label=h1 ",
    "@+typing=active;+draft/reply=1 ",
    "@+draft/react=x;+reply=1;msgid=6 ",
    "@+draft/unreact=x;+draft/reply=2 ",
    "@+draft/edit=1;msgid=7;account=ann ",
    "@bot;account=bea;msgid=8 ",
];

const MODES: [&str; 10] = ["+o", "-o", "+v", "+b", "-k", "+kl", "+ov-o", "+nt", "-", "o"];

const CAPS: [&str; 8] = [
    "message-tags server-time batch",
    "echo-message labeled-response batch",
    "draft/chathistory draft/event-playback message-tags server-time batch",
    "draft/multiline=max-bytes=40,max-lines=3 message-tags batch",
    "sasl=PLAIN account-notify away-notify extended-join",
    "draft/message-redaction draft/read-marker message-tags",
    "multi-prefix userhost-in-names draft/account-registration standard-replies",
    "nonsense =x draft/multiline=max-bytes=99999999999999999999",
];

const TOKENS: [&str; 10] = [
    "CASEMAPPING=ascii",
    "CASEMAPPING=rfc1459",
    "UTF8MAPPING=rfc8265",
    "PREFIX=(ohv)@%+ CHANMODES=b,k,l,imnt",
    "PREFIX= CHANTYPES=",
    "CHATHISTORY=5 MSGREFTYPES=msgid,timestamp",
    "CHATHISTORY=0 WHOX BOT=B",
    "NICKLEN=0 NETWORK=Test",
    "CLIENTTAGDENY=* LINELEN=1",
    "PREFIX=(qaohv)~&@%+ NICKLEN=99999999999999999999",
];

/// What the server says: `{n}` stands for a nickname, and so on.
const LINES: [&str; 104] = [
    "{g}:{n}!u@h PRIVMSG {r} :{t}",
    "{g}:{n}!u@h PRIVMSG {n} :{t}",
    "{g}:{n}!u@h PRIVMSG {r} :{t}",
    "{g}:{n}!u@h NOTICE {r} :{t}",
    "{g}:{n}!u@h NOTICE {n} :{t}",
    "{g}:{n}!u@h TAGMSG {r}",
    "{g}:{n}!u@h TAGMSG {n}",
    "{g}:irc.test NOTICE * :{t}",
    "{g}PRIVMSG {r} :{t}",
    "{g}:{n}!u@h JOIN {r}",
    "{g}:{m}!u@h JOIN {r}",
    "{g}:{n}!u@h JOIN {r} {n} :{t}",
    "{g}:{m}!u@h JOIN {r} * :{t}",
    "{g}:{n}!u@h PART {r} :{t}",
    "{g}:{m}!u@h PART {r}",
    "{g}:{n}!u@h QUIT :{t}",
    "{g}:{m}!u@h QUIT :{t}",
    "{g}:{n}!u@h KICK {r} {n} :{t}",
    "{g}:{n}!u@h KICK {r} {m} :{t}",
    "{g}:{n}!u@h NICK {n}",
    "{g}:{m}!u@h NICK {n}",
    "{g}:{n}!u@h MODE {r} {o} {n} {n}",
    "{g}:irc.test MODE {r} {o} {m}",
    "{g}:{m} MODE {m} :+i",
    "{g}:{n}!u@h TOPIC {r} :{t}",
    "{g}:{n}!u@h INVITE {m} {r}",
    "{g}:{n}!u@h INVITE {n} {r}",
    "{g}:{n}!u@h RENAME {r} {r} :{t}",
    "{g}:{n}!u@h AWAY :{t}",
    "{g}:{n}!u@h AWAY",
    "{g}:{n}!u@h ACCOUNT {n}",
    "{g}:{n}!u@h CHGHOST u2 h2",
    "{g}:{n}!u@h SETNAME :{t}",
    "{g}:{n}!u@h REDACT {r} 1 :{t}",
    "{g}:{n}!u@h REDACT {n} 2",
    "{g}:irc.test MARKREAD {r} timestamp=2026-01-01T00:00:05.000Z",
    "{g}MARKREAD {n} timestamp=*",
    "MARKREAD {r} {t}",
    "BATCH +1 chathistory {r}",
    "BATCH +2 chathistory {n}",
    "{g}BATCH +2 draft/multiline {r}",
    "{g}:{n}!u@h BATCH +1 draft/multiline {r}",
    "BATCH +1 netsplit a.test b.test",
    "BATCH +2 netjoin a.test b.test",
    "{g}BATCH +1 labeled-response",
    "BATCH +2 draft/chathistory-targets",
    "BATCH +1 {t}",
    "BATCH -1",
    "BATCH -2",
    "BATCH {t}",
    "BATCH",
    "{g}CHATHISTORY TARGETS {n} 2026-01-01T00:00:05.000Z",
    "{g}CHATHISTORY TARGETS {r} {t}",
    "{g}:irc.test ACK",
    "PING :{t}",
    "PONG irc.test :m1",
    ":irc.test PONG irc.test :{t}",
    "ERROR :{t}",
    "CAP * LS * :{c}",
    "CAP * LS :{c}",
    "CAP * ACK :{c}",
    "CAP * NAK :{c}",
    "CAP * NEW :{c}",
    "CAP * DEL :{c}",
    "CAP {t} {t} {t} {t}",
    "AUTHENTICATE {t}",
    ":irc.test 001 {m} :Welcome",
    ":irc.test 001 {n} :Welcome",
    ":irc.test 004 {m} irc.test callbox-1 iow biklmnopstv",
    ":irc.test 004 {m} irc.test test-1 iow biklmnopstv",
    ":irc.test 005 {m} {k} :are supported by this server",
    ":irc.test 005 {k}",
    ":irc.test 005",
    ":irc.test 376 {m} :End of MOTD",
    ":irc.test 422 {m} :No MOTD",
    ":irc.test 301 {m} {n} :{t}",
    ":irc.test 305 {m} :{t}",
    ":irc.test 306 {m} :{t}",
    ":irc.test 332 {m} {r} :{t}",
    ":irc.test 331 {m} {r} :{t}",
    ":irc.test 333 {m} {r} {n} 99999999999999999999",
    ":irc.test 333 {m} {r} {n} 18446744073709551615",
    ":irc.test 353 {m} = {r} :@{n} +{n} {n}!u@h",
    ":irc.test 353 {m} = {r} :@+{m} {t} @",
    ":irc.test 366 {m} {r} :End",
    ":irc.test 352 {m} {r} u h irc.test {n} G@ :0 {t}",
    ":irc.test 354 {m} 703 u h {n} H@B {n}",
    ":irc.test 354 {m} {t}",
    ":irc.test 315 {m} {r} :End",
    ":irc.test 324 {m} {r} +nt",
    ":irc.test 401 {m} {n} :No such nick",
    "{g}:irc.test 404 {m} {r} :Cannot send",
    ":irc.test 403 {m} {r} :No such channel",
    ":irc.test 433 * {n} :In use",
    ":irc.test 432 * {n} :Wrong",
    ":irc.test 442 {m} {r} :Not there",
    ":irc.test 473 {m} {r} :Invited only",
    ":irc.test 421 {m} CHATHISTORY :Unknown",
    ":irc.test 464 {m} :{t}",
    ":irc.test 90{d} {m} {n} {n} :{t}",
    ":irc.test {d}{d}{d} {m} {r} {n} {t} :{t}",
    "{g}FAIL CHATHISTORY INVALID_TARGET {r} :{t}",
    "{g}FAIL {t} {t} {r} :{t}",
    "REGISTER SUCCESS {n} :{t}",
];

/// The time does not stand still between two lines.
const TICK: Duration = Duration::from_millis(7);

/// A session in such company.
pub struct World {
    session: Session,
    now: Now,
    /// Whether the program is connected, or dialling.
    connected: bool,
    dialling: bool,
    closing: bool,
    /// Lines and own lines that were heard of.
    lines: Vec<(RoomId, LineId)>,
    outs: Vec<(RoomId, OutId)>,
    /// What was done, for when it goes wrong.
    log: Vec<String>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A session with low limits, so that they are met.
    pub fn new() -> Self {
        let limits = Limits {
            lines: 30,
            bytes: 8_000,
            rooms: 5,
            people: 4,
            outbox: 6,
            silence: Duration::from_secs(60),
        };
        let config = Config {
            nick: "ann".into(),
            login: Some(Login { account: "ann".into(), password: Some(Secret("p".into())) }),
            join: vec![("#x".into(), None), ("#y".into(), Some("key".into()))],
            limits,
            ..Config::default()
        };
        let now = Now { monotonic: Duration::from_secs(1000), wall: 1_767_225_600_000 };
        let mut world = Self {
            session: Session::new(config, now),
            now,
            connected: false,
            dialling: false,
            closing: false,
            lines: Vec::new(),
            outs: Vec::new(),
            log: Vec::new(),
        };
        world.settle();
        world
    }

    /// A session that was let in, by a server that can do everything.
    pub fn online() -> Self {
        let mut world = Self::new();
        world.connect();
        for line in [
            "CAP * LS :message-tags server-time batch echo-message labeled-response \
             draft/chathistory draft/event-playback draft/multiline=max-bytes=400,max-lines=5 \
             draft/message-redaction draft/read-marker multi-prefix",
            "CAP * ACK :message-tags server-time batch echo-message labeled-response \
             draft/chathistory draft/event-playback draft/multiline draft/message-redaction \
             draft/read-marker multi-prefix",
            ":irc.test 001 ann :Welcome",
            ":irc.test 005 ann CHATHISTORY=5 MSGREFTYPES=msgid,timestamp PREFIX=(ov)@+ :are",
            ":irc.test 422 ann :No MOTD",
            ":ann!u@h JOIN #x",
            ":irc.test 353 ann = #x :ann @bea",
            ":irc.test 366 ann #x :End",
        ] {
            world.hear(line.as_bytes());
        }
        world
    }

    /// Does `op`, and looks at what it did.
    pub fn apply(&mut self, op: Op) {
        let [what, choices @ ..] = op;
        if matches!(self.session.status(), Status::Ended(_)) {
            *self = Self::new();
        }
        if !self.connected && what.is_multiple_of(3) {
            if self.dialling {
                self.connect();
            } else {
                self.pass(Duration::from_secs(300));
            }
        }
        match what {
            0..=167 => {
                let template = LINES[usize::from(what) % LINES.len()];
                let line = self.compose(template, choices);
                self.hear(line.as_bytes());
            }
            168..=175 => self.hear(&choices),
            176..=180 => self.lose(),
            181..=195 => self.pass(Duration::from_secs(choices[0].into())),
            196..=200 => self.pass(Duration::from_millis(u64::from(choices[0]) * 10)),
            201..=225 => self.type_command(choices),
            226..=240 => self.speak(choices),
            241.. => self.wish(what, choices),
        }
    }

    /// The server says a line.
    pub fn hear(&mut self, line: &[u8]) {
        self.log.push(format!("< {}", String::from_utf8_lossy(line)));
        self.tick();
        self.session.handle_line(line, self.now);
        self.settle();
    }

    fn connect(&mut self) {
        self.log.push("connected".into());
        (self.connected, self.dialling, self.closing) = (true, false, false);
        self.session.handle_connected(true, self.now);
        self.settle();
    }

    fn lose(&mut self) {
        if self.connected || self.dialling {
            self.log.push("lost".into());
            (self.connected, self.dialling, self.closing) = (false, false, false);
            self.session.handle_disconnected("cut", self.now);
            self.settle();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.log.push(format!("{time:?} pass"));
        let end = self.now.monotonic + time;
        for _ in 0..10_000 {
            let Some(next) = self.session.poll_timeout().filter(|next| *next <= end) else {
                self.advance(end.saturating_sub(self.now.monotonic));
                return;
            };
            self.advance(next.saturating_sub(self.now.monotonic));
            self.session.handle_timeout(self.now);
            self.settle();
            assert!(
                self.session.poll_timeout().is_none_or(|next| next > self.now.monotonic),
                "what was due is done: {:?} at {:?}",
                self.session.poll_timeout(),
                self.now.monotonic,
            );
        }
        panic!("there is no end of timeouts");
    }

    fn tick(&mut self) {
        self.advance(TICK);
    }

    fn advance(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time.as_millis() as u64;
    }

    /// The person types a command.
    fn type_command(&mut self, choices: [u8; 4]) {
        let command = &TABLE[usize::from(choices[0]) % TABLE.len()];
        // Quitting is the end of what can be tried.
        if command.name == "quit" && choices[1] < 250 {
            return;
        }
        let rest = match choices[1] % 4 {
            0 => "",
            1 => "{n} {t}",
            2 => "{r} {t}",
            _ => "{t}",
        };
        let rest = self.compose(rest, [choices[2], choices[3], choices[1], choices[0]]);
        let line = format!("/{} {rest}", command.name);
        let room = self.room(choices[3]);
        self.log.push(format!("> {room:?} {line}"));
        let _ = self.session.command(room, &line, self.now);
        self.settle();
    }

    /// The person says something.
    fn speak(&mut self, choices: [u8; 4]) {
        let room = self.room(choices[0]);
        let text = match choices[1] {
            255 => "é".repeat(700),
            254 => "line\n".repeat(9),
            choice => TEXTS[usize::from(choice) % TEXTS.len()].to_owned(),
        };
        let reply_to = (choices[2] < 60).then(|| self.line(choices[3]).1);
        let manner = Manner { action: choices[2].is_multiple_of(5), reply_to };
        self.log.push(format!("> {room:?} says {text:?} {manner:?}"));
        let count = self.session.count_messages(room, &text);
        if let Ok(outs) = self.session.say(room, &text, &manner, self.now) {
            assert!(
                !outs.is_empty() && (manner.action || outs.len() == count),
                "{count}: {outs:?}"
            );
            self.outs.extend(outs.into_iter().map(|out| (room, out)));
        }
        self.settle();
    }

    /// The person wants something else.
    fn wish(&mut self, what: u8, choices: [u8; 4]) {
        let room = self.room(choices[0]);
        let (line_room, line) = self.line(choices[1]);
        let out = self.outs.get(usize::from(choices[2]) % self.outs.len().max(1)).copied();
        let text = TEXTS[usize::from(choices[3]) % TEXTS.len()];
        self.log.push(format!("> wish {what} in {room:?} of {line:?} {out:?} {text:?}"));
        let now = self.now;
        let session = &mut self.session;
        match what % 12 {
            0 => drop(session.redact(line_room, line, text, now)),
            1 => drop(session.react(line_room, line, text, now)),
            2 => drop(session.edit(line_room, line, text, now)),
            3 => session.typing(room, choices[1] < 128, now),
            4 => session.mark_read(room, now),
            5 | 6 => drop(session.request_older(room, now)),
            7 => drop(out.map(|(room, out)| session.send_again(room, out, now))),
            8 => drop(out.map(|(room, out)| session.discard(room, out))),
            9 => session.connect_now(now),
            10 => drop(session.close(room, now)),
            _ => drop(session.part(room, text, now)),
        }
        self.settle();
    }

    fn room(&self, choice: u8) -> RoomId {
        let rooms = self.session.rooms();
        // Also one that there is not.
        rooms.get(usize::from(choice) % (rooms.len() + 1)).map_or(RoomId(9999), |room| room.id)
    }

    fn line(&self, choice: u8) -> (RoomId, LineId) {
        let line = self.lines.get(usize::from(choice) % self.lines.len().max(1));
        line.copied().unwrap_or((RoomId(0), LineId(9999)))
    }

    /// Takes what the session has to do and to tell, and looks whether all is well.
    fn settle(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect => {
                    assert!(!self.dialling, "it dials twice");
                    assert!(!self.connected, "it dials while it is connected");
                    self.dialling = true;
                }
                Action::Send(bytes) => {
                    assert!(self.connected && !self.closing, "it sends into nothing");
                    self.check_lines(&bytes);
                }
                Action::Close => {
                    assert!(!self.closing, "it closes twice");
                    self.closing = true;
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            if let Event::Line { room, line, .. } = event {
                let there = self.session.room(room).is_none_or(|room| {
                    room.timeline.by_id(line).is_some() || !room.timeline.is_empty()
                });
                assert!(there, "{line:?} is in {room:?}");
                self.lines.push((room, line));
            }
        }
        let surplus = self.lines.len().saturating_sub(50);
        self.lines.drain(..surplus);
        self.session.check_invariants();
        if self.closing {
            self.log.push("closed as it wished".into());
            (self.connected, self.dialling, self.closing) = (false, false, false);
            self.session.handle_disconnected("closed", self.now);
            self.settle();
        }
    }

    /// Panics unless `bytes` are lines that a server takes.
    fn check_lines(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("lines are UTF-8");
        assert!(text.ends_with("\r\n"), "{text:?}");
        for line in text.split_terminator("\r\n") {
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            let body = match line.strip_prefix('@') {
                Some(tagged) => tagged.split_once(' ').expect("a body after the tags").1,
                None => line,
            };
            assert!(body.len() <= 510 && line.len() - body.len() <= 4096, "{line}");
            self.log.push(format!("    sent {line}"));
        }
    }

    /// Fills `template` in.
    fn compose(&self, template: &str, choices: [u8; 4]) -> String {
        let mut choices = choices.into_iter().map(usize::from).cycle();
        let mut line = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            line += before;
            let choice = choices.next().unwrap_or_default();
            let pick = |all: &[&str]| all[choice % all.len()].to_owned();
            line += &match &after[..1] {
                "n" if choice == 255 => "n".repeat(400),
                "n" => pick(&NICKS),
                "m" => self.session.nick().to_owned(),
                "r" => pick(&ROOMS),
                "t" if choice == 255 => "é".repeat(2000),
                "t" => pick(&TEXTS).replace('\n', "\\n"),
                "g" => pick(&TAGS),
                "o" => pick(&MODES),
                "c" => pick(&CAPS),
                "k" => pick(&TOKENS),
                "d" => (choice % 10).to_string(),
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
