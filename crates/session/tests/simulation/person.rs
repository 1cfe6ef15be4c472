//! Somebody with a session, and what they typed.

use std::collections::HashMap;

use callbox_hub::contract::ConnId;
use callbox_irc::framer::{Frame, Framer, Limits as Framing};
use callbox_session::config::{Config, Limits};
use callbox_session::contract::{Event, Now, Origin};
use callbox_session::room::{Delivery, Kind, OutId, Presence, RoomId};
use callbox_session::{Manner, Session};

use crate::link::Chance;
use crate::world::ROOMS;

/// What a line to a client may hold.
const TO_CLIENT: Framing = Framing { tags: 8191, body: 512 };

pub(crate) struct Person {
    pub(crate) session: Session,
    /// The connection that the session holds for its own.
    pub(crate) conn: Option<ConnId>,
    framer: Framer,
    number: usize,
    /// What was typed, by the room's folded name; in private under the other's name.
    pub(crate) typed: HashMap<String, Vec<String>>,
    count: usize,
    /// The own lines that the server has, by the session's word.
    pub(crate) receipts: Vec<(OutId, RoomId, callbox_session::line::LineId)>,
    pub(crate) undelivered: usize,
    pub(crate) missed: usize,
    /// Whether it leaves rooms and comes back.
    pub(crate) roams: bool,
}

impl Person {
    pub(crate) fn new(number: usize, seed: u64, now: Now) -> Self {
        let limits = Limits { silence: std::time::Duration::from_secs(20), ..Limits::default() };
        let join = ROOMS.map(|room| (room.to_owned(), None)).to_vec();
        let nick = format!("s{number}");
        let config = Config { nick, join, limits, seed, ..Config::default() };
        Self {
            session: Session::new(config, now),
            conn: None,
            framer: Framer::new(TO_CLIENT),
            number,
            typed: HashMap::new(),
            count: 0,
            receipts: Vec::new(),
            undelivered: 0,
            missed: 0,
            roams: number.is_multiple_of(3),
        }
    }

    /// The link is there.
    pub(crate) fn connected(&mut self, conn: ConnId, now: Now) {
        self.conn = Some(conn);
        self.framer = Framer::new(TO_CLIENT);
        self.session.handle_connected(true, now);
    }

    /// The link is gone, and the session is told.
    pub(crate) fn lost(&mut self, now: Now) {
        self.conn = None;
        self.session.handle_disconnected("the network is down", now);
    }

    /// Bytes came.
    pub(crate) fn read(&mut self, mut bytes: &[u8], now: Now) {
        while let Some(frame) = self.framer.next(&mut bytes) {
            match frame {
                Frame::Line(line) => self.session.handle_line(line, now),
                Frame::TooLong => panic!("the server's lines are no longer than lines"),
            }
        }
    }

    /// Types something, or does something else.
    pub(crate) fn act(&mut self, chance: &mut Chance, people: usize, now: Now) {
        let room = chance.of(&ROOMS);
        let (id, presence) = {
            let room = self.session.room_named(room).expect("the room");
            (room.id, room.presence)
        };
        if presence == Presence::Out {
            if chance.once_in(3) {
                self.session.join(room, None, now).expect("a room");
            }
            return;
        }
        match chance.below(40) {
            0 if self.roams => self.session.part(id, "", now).expect("left"),
            1 => (0..30).for_each(|_| self.say(id, room, chance, now)),
            2 | 3 => {
                let other = format!("s{}", chance.below(people));
                if other != format!("s{}", self.number)
                    && let Ok(id) = self.session.open(&other, now)
                {
                    self.say(id, "", chance, now);
                }
            }
            4 => self.session.mark_read(id, now),
            5 => drop(self.session.request_older(id, now)),
            6 => self.session.typing(id, true, now),
            7 => {
                let last = self.session.room(id).and_then(|room| room.timeline.last());
                if let Some(line) = last.filter(|line| line.msgid.is_some()).map(|line| line.id) {
                    drop(self.session.react(id, line, "+1", now));
                }
            }
            _ => self.say(id, room, chance, now),
        }
    }

    fn say(&mut self, id: RoomId, room: &str, chance: &mut Chance, now: Now) {
        self.count += 1;
        let mut text = format!("s{}.{}", self.number, self.count);
        match chance.below(12) {
            0 => text = format!("{text}\n{text}b"),
            1 => text += &" very long".repeat(80),
            _ => {}
        }
        let said = self.session.say(id, &text, &Manner::default(), now);
        if said.is_ok() {
            self.typed.entry(room.to_owned()).or_default().extend(names(&text));
        }
    }

    /// Takes note of what changed.
    pub(crate) fn note(&mut self, event: &Event, is_kept: impl Fn(&str) -> bool) {
        match event {
            Event::Receipt { room, sent, line } => {
                assert!(self.receipts.iter().all(|(id, ..)| id != sent), "a receipt twice");
                let line = *line;
                let found = self.session.room(*room).and_then(|room| room.timeline.by_id(line));
                let found = found.expect("the line");
                let msgid = found.msgid.clone().expect("a msgid");
                // What a connection that was left behind says we hear as others do, before it is kept.
                let by_us = *found.from == *self.session.nick();
                assert!(is_kept(&msgid) || !by_us, "a receipt for what is not kept");
                self.receipts.push((*sent, *room, line));
            }
            Event::Undelivered { .. } => self.undelivered += 1,
            Event::Line { origin: Origin::Missed, .. } => self.missed += 1,
            _ => {}
        }
    }

    /// The texts of lines that came back to the person, in a room or in all private conversations.
    pub(crate) fn failed(&self, room: &str) -> Vec<String> {
        let mut failed = Vec::new();
        for own in self.session.rooms().iter().filter(|other| match room {
            "" => other.kind == Kind::Private,
            room => *other.name == *room,
        }) {
            for own in &own.outbox {
                assert!(
                    matches!(own.state, Delivery::Failed(_)),
                    "{} is stuck: {own:?}",
                    self.session.nick()
                );
                failed.extend(names(&own.text));
            }
        }
        failed
    }
}

/// What the lines of a text begin with, by which they are known however they are put into messages.
pub(crate) fn names(text: &str) -> Vec<String> {
    let firsts = text.lines().filter_map(|line| line.split(' ').next());
    firsts.filter(|first| first.contains('.')).map(str::to_owned).collect()
}
