//! Somebody with a client: what it says next, and what it makes of what it reads.

use std::collections::{HashMap, VecDeque};

use callbox_hub::contract::ConnId;
use callbox_irc::framer::{Frame, Framer, Limits};
use callbox_irc::message::Message;

use crate::link::Chance;
use crate::model::Model;

/// Rooms, of which the first are the fullest. Those that begin with `#secret` are kept secret by the keeper.
const ROOMS: [&str; 9] = ["#a", "#a", "#a", "#b", "#b", "#secret", "#张三", "#secret2", "#d"];

/// What a line to a client may hold: the tags of the server besides those of the client.
const TO_CLIENT: Limits = Limits { tags: 8191, body: 512 };

/// Capabilities of the whole, and of some clients.
const CAPS: &str = "message-tags server-time batch labeled-response echo-message multi-prefix extended-join \
    away-notify account-notify draft/chathistory draft/multiline cap-notify";
const FEW: &str = "server-time batch multi-prefix";

/// Somebody with a client.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) conn: ConnId,
    framer: Framer,
    /// Whether it is a client that knows everything, or one that knows little.
    modern: bool,
    nick: String,
    lines: usize,
    /// Labels that wait for their replies.
    labels: VecDeque<String>,
    /// Batches that are open: what of, and what is in them.
    batches: HashMap<String, (String, Vec<String>)>,
    /// Batches within one of the past, and which.
    within: HashMap<String, String>,
    pub(crate) labelled: usize,
    pub(crate) replayed: usize,
    /// Whether it keeps the secret rooms: it comes first, and stays quiet.
    pub(crate) keeper: bool,
    pub(crate) welcome: bool,
}

impl Person {
    pub(crate) fn new(conn: ConnId, modern: bool) -> Self {
        Self {
            conn,
            framer: Framer::new(TO_CLIENT),
            modern,
            nick: String::new(),
            lines: 0,
            labels: VecDeque::new(),
            batches: HashMap::new(),
            within: HashMap::new(),
            labelled: 0,
            replayed: 0,
            keeper: conn.0 == 1,
            welcome: false,
        }
    }

    /// The lines with which it comes in.
    pub(crate) fn open(&mut self, model: &mut Model) -> String {
        let conn = self.conn.0;
        if self.modern {
            model.echoes(self.conn);
        }
        let caps = if self.modern { CAPS } else { FEW };
        let caps = caps.split_whitespace().collect::<Vec<_>>().join(" ");
        let come = format!(
            "CAP LS 302\r\nCAP REQ :{caps}\r\nNICK n{conn}\r\nUSER u{conn} 0 * :{conn}\r\n"
        );
        let keep = match self.keeper {
            true => {
                "JOIN #secret,#secret2,#a,#b,#d,#张三\r\nMODE #secret +s\r\nMODE #secret2 +s\r\n"
            }
            false => "JOIN #a\r\n",
        };
        format!("{come}CAP END\r\n{keep}")
    }

    /// What it says next.
    pub(crate) fn act(&mut self, chance: &mut Chance) -> String {
        if self.keeper {
            // Rooms have people who can do something there.
            let room = chance.of(&["#a", "#b", "#d", "#张三"]);
            let [one, other] = [(); 2].map(|()| 2 + chance.below(250));
            return format!("MODE {room} +oo n{one} n{other}\r\n");
        }
        let room = chance.of(&ROOMS);
        let nick = format!("n{}", 1 + chance.below(250));
        let line = match chance.below(40) {
            0..=9 => format!("PRIVMSG {room} :{}", self.text()),
            10 => format!("NOTICE {room} :{}", self.text()),
            11 | 12 => format!("PRIVMSG {nick} :{}", self.text()),
            13 => format!("PRIVMSG {room},{nick} :{}", self.text()),
            14..=17 => format!("JOIN {room}"),
            18 => format!("PART {room} :bye"),
            19 => format!("NICK {}{}", chance.of(&["n", "x", "张"]), self.conn.0),
            20 => "AWAY :out".into(),
            21 => "AWAY".into(),
            22 => format!(
                "MODE {room} {} {nick}",
                chance.of(&[
                    "+o", "+o", "+v", "-v", "-o", "+b", "-b", "-b", "+m", "-m", "-m", "-m", "+i",
                    "-i", "-i", "-i"
                ])
            ),
            23 => format!("KICK {room} {nick} :out"),
            24 => format!("INVITE {nick} {room}"),
            25 => format!("TOPIC {room} :topic"),
            26 => format!("CHATHISTORY LATEST {room} * 20"),
            27 => format!("METADATA * SET url :{nick}"),
            28 => format!("MONITOR + {nick}"),
            29 => format!("NAMES {room}"),
            30 => "LIST".into(),
            31 => format!("WHOIS {nick}"),
            32 => format!("WHO {room}"),
            33 => chance
                .of(&[":", "@", "NOSUCH x", "PRIVMSG", "JOIN", "@a=b;c", "MODE #a +bbbb", "\u{1}"])
                .into(),
            34 => "x".repeat(600),
            35 if self.modern => return self.paragraph(room),
            36 if chance.once_in(8) => "QUIT :tea".into(),
            37 => format!("RENAME {room} {}", chance.of(&["#d", "#e", "#张三", "#f"])),
            38 => "JOIN 0".into(),
            _ => format!("PING {nick}"),
        };
        if !self.modern || chance.once_in(3) || line.starts_with([':', '@', '\u{1}', 'x']) {
            return format!("{line}\r\n");
        }
        self.lines += 1;
        let label = format!("l{}", self.lines);
        self.labels.push_back(label.clone());
        format!("@label={label} {line}\r\n")
    }

    /// A text that nobody said before.
    fn text(&mut self) -> String {
        self.lines += 1;
        format!("{}-{}", self.conn.0, self.lines)
    }

    /// A message of several lines.
    fn paragraph(&mut self, room: &str) -> String {
        let lines: Vec<String> = (0..3).map(|_| self.text()).collect();
        let lines: String =
            lines.iter().map(|text| format!("@batch=p PRIVMSG {room} :{text}\r\n")).collect();
        format!("BATCH +p draft/multiline {room}\r\n{lines}BATCH -p\r\n")
    }

    /// Bytes came. Gives what it says to that.
    pub(crate) fn read(&mut self, mut bytes: &[u8], model: &mut Model, kept: usize) -> String {
        let mut reply = String::new();
        let mut framer = std::mem::take(&mut self.framer);
        while let Some(frame) = framer.next(&mut bytes) {
            let Frame::Line(line) = frame else { panic!("a line that is too long") };
            let line = std::str::from_utf8(line).expect("text");
            let message = Message::parse(line).expect("a message");
            self.take(&message, model, kept, &mut reply);
        }
        self.framer = framer;
        reply
    }

    fn take(&mut self, message: &Message<'_>, model: &mut Model, kept: usize, reply: &mut String) {
        if let Some(label) = message.tag("label") {
            assert_eq!(self.labels.pop_front().as_deref(), Some(&*label), "replies come in order");
            self.labelled += 1;
        }
        let batch = message.tag("batch").map(|reference| reference.into_owned());
        let params = &message.params;
        match message.command {
            "PING" => *reply += &format!("PONG :{}\r\n", params[0]),
            "001" => {
                self.nick = params[0].to_owned();
                self.welcome = true;
            }
            "BATCH" => match params[0].split_at(1) {
                ("+", name) => {
                    // A message of several lines out of the past is a batch within one.
                    let past = batch.and_then(|batch| {
                        self.batches
                            .get(&batch)
                            .filter(|(kind, _)| kind == "chathistory")
                            .map(|_| batch)
                    });
                    if let Some(past) = past {
                        self.within.insert(name.to_owned(), past);
                    }
                    self.batches.insert(name.to_owned(), (params[1].to_owned(), Vec::new()));
                }
                (_, name) => {
                    self.within.remove(name);
                    let (kind, lines) = self.batches.remove(name).expect("it was opened");
                    if kind == "chathistory" {
                        self.replayed += lines.len();
                        model.was_shown(self.conn, &lines);
                    }
                }
            },
            "PRIVMSG" | "NOTICE" => {
                let source = message.source.expect("a source");
                let text = params[1];
                if !source.contains('!') {
                    return;
                }
                let batch = batch.map(|batch| self.within.get(&batch).cloned().unwrap_or(batch));
                match batch.as_deref().map(|batch| self.batches.get_mut(batch).expect("it is open"))
                {
                    Some((kind, lines)) if kind == "chathistory" => lines.push(text.to_owned()),
                    _ => model.saw(self.conn, source, text, kept),
                }
            }
            _ => {}
        }
    }

    /// Whether all that it asked for with a label was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.labels.is_empty()
    }
}
