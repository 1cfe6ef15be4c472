//! Rooms of the model: which there are, which one a line is for, and how they come and go.

use std::sync::Arc;

use crate::HashMap;
use crate::contract::{Event, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, LineId, What};
use crate::room::{Kind, Older, Presence, Room, RoomId, Unread};
use crate::session::Session;
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
    pub(crate) fn room_for(&mut self, heard: &Heard<'_>, target: &str) -> RoomId {
        let channel = self.channel_in(target);
        if self.network.is_room(channel) {
            return self.find_room(channel).unwrap_or_else(|| self.server_room());
        }
        if heard.is_from_server() {
            return self.server_room();
        }
        let other = if self.is_me(heard.nick) { target } else { heard.nick };
        self.open_room(other, Kind::Private).unwrap_or_else(|| self.server_room())
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

    /// Something that the session has to say in a room.
    pub(crate) fn info(&mut self, room: RoomId, text: impl Into<Box<str>>, now: Now) {
        self.remark(room, What::Info(text.into()), now);
    }

    /// Something that failed.
    pub(crate) fn error(&mut self, room: RoomId, text: impl Into<Box<str>>, now: Now) {
        self.remark(room, What::Error(text.into()), now);
    }

    fn remark(&mut self, room: RoomId, what: What, now: Now) {
        let line = Line {
            id: self.next_line_id(),
            time: now.wall,
            msgid: None,
            from: self.network.name.as_str().into(),
            account: None,
            what,
            own: false,
            mention: false,
            extra: None,
        };
        self.push_line(room, line, Origin::Live, now);
    }

    /// A line of an event (JOIN, PART, …) as it stands in history. The model stays as it is.
    pub(crate) fn event_line(&mut self, heard: &Heard<'_>) -> Option<Line> {
        let what = match heard.command() {
            "JOIN" => What::Joined,
            "PART" => What::Left(heard.param(1).into()),
            "QUIT" => What::Quit(heard.param(0).into()),
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
