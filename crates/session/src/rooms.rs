//! Rooms of the model: which there are, which one a line is for, and how they come and go.

use std::sync::Arc;

use crate::HashMap;
use crate::contract::{Event, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, LineId, What};
use crate::registration::Stage;
use crate::room::{Kind, Older, Presence, Room, RoomId, Unread};
use crate::session::{Refusal, Session};
use crate::timeline::Timeline;

impl Session {
    /// The server's room.
    pub(crate) fn server_room(&self) -> RoomId {
        self.rooms.first().map_or(RoomId(0), |room| room.id)
    }

    /// A room, to be changed.
    pub(crate) fn room_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.id == id)
    }

    /// Whether this is our nickname.
    pub(crate) fn is_me(&self, nick: &str) -> bool {
        self.network.casemapping.same(&self.nick, nick)
    }

    /// The number of the room with this name.
    pub(crate) fn find_room(&self, name: &str) -> Option<RoomId> {
        self.room_named(name).map(|room| room.id)
    }

    /// The room for something said to `target`, made if it is a conversation that begins: the channel, without the prefix
    /// of those in it to whom alone it was said; the conversation with who said it, or with `target` if we did; the
    /// server's room for what servers say, for channels in which we are not, and for whatever finds no place.
    pub(crate) fn room_for(&mut self, heard: &Heard<'_>, target: &str, now: Now) -> RoomId {
        let channel = self.channel_in(target);
        if self.network.is_room(channel) {
            return self.find_room(channel).unwrap_or_else(|| self.server_room());
        }
        if heard.is_from_server() {
            return self.server_room();
        }
        let other = if self.is_me(heard.nick) { target } else { heard.nick };
        self.open_private(other, now).unwrap_or_else(|| self.server_room())
    }

    /// `target` without the prefixes before a channel's name (STATUSMSG): `#room` of `@#room`.
    pub(crate) fn channel_in<'t>(&self, target: &'t str) -> &'t str {
        let is_sign = |c: char| self.network.prefixes.iter().any(|(_, sign)| *sign == c);
        let rest = target.trim_start_matches(|c| is_sign(c) && !self.network.chantypes.contains(c));
        if self.network.is_room(rest) { rest } else { target }
    }

    /// The room with this name, made if there is none. `None` if there are too many rooms.
    pub(crate) fn open_room(&mut self, name: &str, kind: Kind) -> Option<RoomId> {
        if let Some(id) = self.find_room(name) {
            return Some(id);
        }
        if self.rooms.len() >= self.config.limits.rooms.max(1) {
            return None;
        }
        Some(self.add_room(name, kind))
    }

    /// Adds a room.
    pub(crate) fn add_room(&mut self, name: &str, kind: Kind) -> RoomId {
        let id = RoomId(self.next_room);
        self.next_room += 1;
        let presence = if kind == Kind::Channel { Presence::Out } else { Presence::In };
        let key =
            if kind == Kind::Server { "".into() } else { self.network.casemapping.fold(name) };
        self.rooms.push(Room {
            id,
            kind,
            name: name.into(),
            presence,
            topic: None,
            timeline: Timeline::default(),
            outbox: Vec::new(),
            unread: Unread::default(),
            read: None,
            older: if kind == Kind::Server { Older::None } else { Older::Maybe },
            catching_up: false,
            typing: Vec::new(),
            people_version: 0,
            people_count: 0,
            key: key.into(),
            people: HashMap::default(),
        });
        self.event(Event::Opened(id));
        id
    }

    /// Notes something that changed. What was noted last is not noted twice.
    pub(crate) fn event(&mut self, event: Event) {
        if self.events.back() != Some(&event) {
            self.events.push_back(event);
        }
    }

    /// The number of the next line.
    pub(crate) fn next_line_id(&mut self) -> LineId {
        let id = LineId(self.next_line);
        self.next_line += 1;
        id
    }

    /// A line from somebody, as heard.
    pub(crate) fn line_of(&mut self, heard: &Heard<'_>, what: What) -> Line {
        Line {
            id: self.next_line_id(),
            time: heard.time,
            msgid: heard.msgid.as_deref().map(Arc::from),
            from: self.shared_name(heard.nick),
            account: heard.account.as_deref().map(Arc::from),
            sender: self.sender_of(heard),
            what,
            own: self.is_me(heard.nick),
            mention: false,
            extra: heard
                .bot
                .then(|| Box::new(crate::line::Extra { bot: true, ..Default::default() })),
        }
    }

    /// A name, shared with the model if it is known there.
    pub(crate) fn shared_name(&self, nick: &str) -> Arc<str> {
        match self.person(nick) {
            Some(person) if *person.nick == *nick => Arc::clone(&person.nick),
            _ => nick.into(),
        }
    }

    /// Shows words of the program's own in a room, or without one in the server's.
    pub fn show(&mut self, room: Option<RoomId>, words: &str, now: Now) {
        let room = room.unwrap_or_else(|| self.server_room());
        self.info(room, words, now);
    }

    /// Something that the session has to say in a room.
    pub(crate) fn info(&mut self, room: RoomId, text: impl Into<Box<str>>, now: Now) {
        let line = self.remark(What::Info(text.into()), now);
        self.push_line(room, line, Origin::Live, now);
    }

    /// Something that failed.
    pub(crate) fn error(&mut self, room: RoomId, text: impl Into<Box<str>>, now: Now) {
        let line = self.remark(What::Error(text.into()), now);
        self.push_line(room, line, Origin::Live, now);
    }

    /// A line of the session's own.
    pub(crate) fn remark(&mut self, what: What, now: Now) -> Line {
        Line {
            id: self.next_line_id(),
            time: now.wall,
            msgid: None,
            from: self.network.name.as_str().into(),
            account: None,
            sender: 0,
            what,
            own: false,
            mention: false,
            extra: None,
        }
    }

    /// A line of an event (JOIN, PART, …) as it stands in history. The model stays as it is.
    pub(crate) fn event_line(&mut self, heard: &Heard<'_>) -> Option<Line> {
        let what = match heard.command() {
            "JOIN" => What::Joined,
            "PART" => What::Left(heard.param(1).into()),
            "QUIT" => What::Quit(heard.parting().into()),
            "KICK" => What::Kicked(heard.param(1).into(), heard.param(2).into()),
            "NICK" => What::Renamed(heard.param(0).into()),
            "TOPIC" => What::Topic(heard.param(1).into()),
            "MODE" => What::Mode(heard.message.params.get(1..)?.join(" ").into()),
            "INVITE" => What::Invited(heard.param(0).into(), heard.param(1).into()),
            _ => return None,
        };
        Some(self.line_of(heard, what))
    }
}

/// What the person wants of rooms.
impl Session {
    /// Goes into a room, now or as soon as we are online.
    pub fn join(&mut self, name: &str, key: Option<&str>, _now: Now) -> Result<RoomId, Refusal> {
        let name = match self.network.is_room(name) {
            true => name.to_owned(),
            false => format!("{}{name}", self.network.chantypes.chars().next().unwrap_or('#')),
        };
        if name.chars().count() < 2 || name.contains([' ', ',', '\u{7}', '\r', '\n', '\0']) {
            return Err(Refusal(format!("{name} cannot be the name of a room")));
        }
        let key = key.filter(|key| !key.is_empty());
        if key.is_some_and(|key| key.contains([' ', ',', '\r', '\n', '\0']) || key.starts_with(':'))
        {
            return Err(Refusal::new("a room's key holds no space or comma"));
        }
        let id = self.open_room(&name, Kind::Channel).ok_or_else(too_many)?;
        match key {
            Some(key) => drop(self.keys.insert(id, key.into())),
            None if self.room(id).is_some_and(|room| room.presence == Presence::In) => {
                return Ok(id);
            }
            None => {}
        }
        let key = self.keys.get(&id).cloned();
        if let Some(room) = self.room_mut(id)
            && room.presence == Presence::Out
        {
            room.presence = Presence::Joining;
            self.event(Event::Room(id));
        }
        if self.registration.stage == Stage::In {
            self.send("JOIN", |line| match &key {
                Some(key) => line.param(&name).param(key),
                None => line.param(&name),
            });
        }
        Ok(id)
    }

    /// Leaves a room, which stays in the model.
    pub fn part(&mut self, room: RoomId, words: &str, _now: Now) -> Result<(), Refusal> {
        let Some(target) = self.room(room) else { return Err(gone()) };
        let (name, presence) = (Arc::clone(&target.name), target.presence);
        if target.kind != Kind::Channel {
            return Err(Refusal::new("only rooms can be left; /close ends a conversation"));
        }
        if presence == Presence::Out {
            return Err(Refusal(format!("you are not in {name}")));
        }
        if self.registration.stage == Stage::In {
            self.send("PART", |line| {
                let line = line.param(&name);
                if words.is_empty() { line } else { line.text(words) }
            });
        }
        if presence == Presence::Joining || self.registration.stage != Stage::In {
            self.left(room);
        }
        Ok(())
    }

    /// Leaves a room, if we are in it, and takes it out of the model.
    pub fn close(&mut self, room: RoomId, now: Now) -> Result<(), Refusal> {
        let Some(target) = self.room(room) else { return Err(gone()) };
        if target.kind == Kind::Server {
            return Err(Refusal::new("the server's room stays"));
        }
        let name = Arc::clone(&target.name);
        if target.kind == Kind::Channel && target.presence != Presence::Out {
            self.part(room, "", now)?;
        }
        self.clear_people(room);
        self.flow_closed(room, now);
        self.rooms.retain(|other| other.id != room);
        self.keys.remove(&room);
        self.forget_if_alone(&name);
        self.event(Event::Closed(room));
        Ok(())
    }

    /// Opens the conversation with somebody.
    pub fn open(&mut self, nick: &str, now: Now) -> Result<RoomId, Refusal> {
        if nick.is_empty() || nick.contains([' ', ',', '!', '@', '\r', '\n', '\0', ':']) {
            return Err(Refusal(format!("{nick:?} cannot be somebody's name")));
        }
        if self.network.is_room(nick) {
            return self.join(nick, None, now);
        }
        self.open_private(nick, now).ok_or_else(too_many)
    }

    /// The conversation with somebody, made if there is none. `None` if there are too many rooms.
    pub(crate) fn open_private(&mut self, nick: &str, now: Now) -> Option<RoomId> {
        if let Some(id) = self.find_room(nick) {
            return Some(id);
        }
        let id = self.open_room(nick, Kind::Private)?;
        self.add_person(nick);
        if self.registration.stage == Stage::In {
            self.flow_joined(id, now);
        }
        Some(id)
    }
}

fn too_many() -> Refusal {
    Refusal::new("there are too many rooms; /close one first")
}

fn gone() -> Refusal {
    Refusal::new("this room is closed")
}
