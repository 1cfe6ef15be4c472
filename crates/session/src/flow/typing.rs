//! Who types (IRCv3 client tag `typing`), both ways.

use std::sync::Arc;
use std::time::Duration;

use crate::contract::Now;
use crate::heard::Heard;
use crate::room::RoomId;
use crate::session::Session;

/// No two notices about a room within this time (specification of `+typing`).
const EVERY: Duration = Duration::from_secs(3);
/// How long somebody types, if they do not say so again.
const ACTIVE: Duration = Duration::from_secs(6);
/// How long somebody pauses.
const PAUSED: Duration = Duration::from_secs(30);
/// The most people in a room who are shown as typing. Further ones are not.
const TYPISTS: usize = 32;

/// Who types in a room.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// When who has stopped, unless they go on.
    until: Vec<(Arc<str>, Duration)>,
    /// What we told, and when.
    told: Option<(State, Duration)>,
    /// When we touched a key last.
    key: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Active,
    Paused,
}

/// What the person does.
impl Session {
    /// Tells the room whether somebody types here. It may be called at each key: what is sent is throttled.
    pub fn typing(&mut self, room: RoomId, is_typing: bool, now: Now) {
        if !self.is_online() || self.speakable(room).is_err() || !self.passes_tag("typing") {
            return;
        }
        let at = now.monotonic;
        let typing = &mut self.in_room(room).typing;
        if is_typing {
            typing.key = Some(at);
            if typing.told.is_none_or(|(_, told)| told + EVERY <= at) {
                typing.told = Some((State::Active, at));
                self.tell_typing(room, "active");
            }
            return;
        }
        typing.key = None;
        // Who hears nothing for six seconds knows it anyway.
        if typing.told.take().is_some_and(|(_, told)| told + EVERY <= at && at < told + ACTIVE) {
            self.tell_typing(room, "done");
        }
    }

    /// Something was said in the room: that says by itself that we type no more.
    pub(super) fn said_so(&mut self, room: RoomId) {
        let typing = &mut self.in_room(room).typing;
        (typing.told, typing.key) = (None, None);
    }

    fn tell_typing(&mut self, room: RoomId, state: &str) {
        let Some(name) = self.room(room).map(|room| Arc::clone(&room.name)) else { return };
        let tag = |tags: &mut callbox_irc::tags::TagWriter<'_>| {
            tags.tag("+typing", state);
        };
        self.send_tagged(tag, "TAGMSG", |line| line.param(&name));
    }
}

/// What comes.
impl Session {
    /// Somebody types, pauses or stops.
    pub(super) fn hear_typing(&mut self, heard: &Heard<'_>, state: &str, now: Now) {
        if self.is_me(heard.nick) {
            return;
        }
        let Some(room) = self.room_of_mark(heard) else { return };
        let lasts = match state {
            "active" => ACTIVE,
            "paused" => PAUSED,
            _ => {
                self.stops_typing(room, heard.nick);
                return;
            }
        };
        let who = self.name(heard.nick);
        let until = &mut self.in_room(room).typing.until;
        match until.iter().position(|(known, _)| *known == who) {
            Some(place) => until[place].1 = now.monotonic + lasts,
            None if until.len() < TYPISTS => until.push((who, now.monotonic + lasts)),
            None => return,
        }
        self.show_typing(room);
    }

    /// Somebody types no more.
    pub(super) fn stops_typing(&mut self, room: RoomId, nick: &str) {
        let Some(inside) = self.flow.rooms.get_mut(&room) else { return };
        let until = &mut inside.typing.until;
        if until.is_empty() {
            return;
        }
        until.retain(|(who, _)| **who != *nick);
        self.show_typing(room);
    }

    /// Nobody types any more, as far as we can hear.
    pub(super) fn forget_typing(&mut self) {
        for room in self.rooms.iter().map(|room| room.id).collect::<Vec<_>>() {
            self.forget_typists(room);
        }
    }

    /// The same of one room.
    pub(super) fn forget_typists(&mut self, room: RoomId) {
        if let Some(inside) = self.flow.rooms.get_mut(&room) {
            inside.typing = Typing::default();
            self.show_typing(room);
        }
    }

    /// Those who were silent for long type no more; and we pause if we touched no key.
    pub(super) fn typing_timeout(&mut self, now: Now) {
        let at = now.monotonic;
        for room in self.flow.rooms.keys().copied().collect::<Vec<_>>() {
            let typing = &mut self.in_room(room).typing;
            let before = typing.until.len();
            typing.until.retain(|(_, until)| *until > at);
            let ended = typing.until.len() != before;
            let pauses = typing.pauses_at().is_some_and(|moment| moment <= at);
            if pauses {
                typing.told = Some((State::Paused, at));
                typing.key = None;
            }
            if pauses && self.is_online() {
                self.tell_typing(room, "paused");
            }
            if ended {
                self.show_typing(room);
            }
        }
    }

    /// When somebody types no more.
    pub(super) fn typing_next(&self) -> Option<Duration> {
        let rooms = self.flow.rooms.values().map(|room| &room.typing);
        let ends = |typing: &Typing| {
            let silent = typing.until.iter().map(|(_, until)| *until);
            silent.chain(typing.pauses_at()).min()
        };
        rooms.filter_map(ends).min()
    }

    fn show_typing(&mut self, room: RoomId) {
        let typists = &self.in_room(room).typing.until;
        let typing: Vec<Arc<str>> = typists.iter().map(|(who, _)| Arc::clone(who)).collect();
        if let Some(target) = self.room_mut(room)
            && target.typing != typing
        {
            target.typing = typing;
            self.room_changed(room);
        }
    }
}

impl Typing {
    /// When we have paused, if no key is touched.
    fn pauses_at(&self) -> Option<Duration> {
        match self.told {
            Some((State::Active, told)) => Some((self.key? + ACTIVE).max(told + EVERY)),
            _ => None,
        }
    }
}
