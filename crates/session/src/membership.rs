//! Who is where: people come, go and change their names.

use std::sync::Arc;

use crate::contract::{Event, Now, Origin};
use crate::crowd::NAME_MAX;
use crate::heard::Heard;
use crate::line::{Line, What};
use crate::room::{Kind, Presence, RoomId};
use crate::session::Session;

impl Session {
    /// JOIN.
    pub(crate) fn handle_join(&mut self, heard: &Heard<'_>, now: Now) {
        // Without extended-join there is one parameter, which old servers gave as a list.
        for name in heard.param(0).split(',').filter(|name| !name.is_empty()) {
            if self.is_me(heard.nick) {
                if self.network.is_room(name) {
                    self.we_joined(heard, name, now);
                }
                continue;
            }
            let Some(room) = self.our_room(name) else { continue };
            self.add_member(room, heard.nick, "");
            self.note_source(heard);
            if heard.count() >= 2 {
                self.note_account(heard.nick, Some(heard.param(1)).filter(|name| *name != "*"));
            }
            self.push_event(room, heard, What::Joined, now);
        }
    }

    fn we_joined(&mut self, heard: &Heard<'_>, name: &str, now: Now) {
        let Some(id) = self.open_room(name, Kind::Channel) else {
            // Somebody put us into one room too many.
            let name = name.to_owned();
            self.send("PART", |line| line.param(&name));
            return;
        };
        self.clear_people(id);
        if let Some(room) = self.room_mut(id) {
            room.presence = Presence::In;
            // In the spelling of the server.
            room.name = name.into();
        }
        self.add_member(id, heard.nick, "");
        self.note_source(heard);
        if heard.count() >= 2 {
            self.note_account(heard.nick, Some(heard.param(1)).filter(|name| *name != "*"));
        }
        self.event(Event::Room(id));
        self.push_event(id, heard, What::Joined, now);
        self.flow_joined(id, now);
    }

    /// PART.
    pub(crate) fn handle_part(&mut self, heard: &Heard<'_>, now: Now) {
        for name in heard.param(0).split(',') {
            let Some(room) = self.our_room(name) else { continue };
            self.push_event(room, heard, What::Left(heard.param(1).into()), now);
            self.gone(room, heard.nick);
        }
    }

    /// KICK.
    pub(crate) fn handle_kick(&mut self, heard: &Heard<'_>, now: Now) {
        let Some(room) = self.our_room(heard.param(0)) else { return };
        for who in heard.param(1).split(',').filter(|who| !who.is_empty()) {
            let what = What::Kicked(self.shared_name(who), heard.param(2).into());
            self.push_event(room, heard, what, now);
            self.gone(room, who);
        }
    }

    /// QUIT.
    pub(crate) fn handle_quit(&mut self, heard: &Heard<'_>, now: Now) {
        for room in self.rooms_with(heard.nick) {
            self.push_event(room, heard, What::Quit(heard.parting().into()), now);
            self.remove_member(room, heard.nick);
        }
        self.forget_if_alone(heard.nick);
        self.take_free_nick(heard.nick);
    }

    /// KILL: somebody with power ended our connection.
    pub(crate) fn handle_kill(&mut self, heard: &Heard<'_>, now: Now) {
        if self.is_me(heard.param(0)) {
            let text = format!("{} ended the connection: {}", heard.nick, heard.last());
            self.connection.reason.get_or_insert_with(|| text.as_str().into());
            let room = self.server_room();
            self.error(room, text, now);
        }
    }

    /// NICK.
    pub(crate) fn handle_nick(&mut self, heard: &Heard<'_>, now: Now) {
        let (old, new) = (heard.nick, heard.param(0));
        if new.is_empty() || new.len() > NAME_MAX {
            return;
        }
        let is_me = self.is_me(old);
        let mut rooms = self.rooms_with(old);
        self.rename_person(old, new);
        let private = self.rooms.iter().find(|room| {
            room.kind == Kind::Private && *room.key == *self.network.casemapping.fold(old)
        });
        // The conversation goes on under the new name, unless there is one of that name already.
        if let Some(id) = private.map(|room| room.id) {
            let key = self.network.casemapping.fold(new);
            if self.rooms.iter().all(|room| *room.key != *key || room.id == id) {
                let key = key.into();
                if let Some(room) = self.room_mut(id) {
                    room.name = new.into();
                    room.key = key;
                }
                rooms.push(id);
                self.event(Event::Room(id));
            }
        }
        let own = Line { own: is_me, ..self.line_of(heard, What::Renamed(self.shared_name(new))) };
        for room in rooms {
            let line = Line { id: self.next_line_id(), ..own.clone() };
            self.push_line(room, line, Origin::Live, now);
        }
        if is_me {
            self.set_nick(new);
            if self.nick_wish.take().is_some() {
                // The name that was asked for is also the one to come back with.
                new.clone_into(&mut self.config.nick);
            }
        } else {
            self.take_free_nick(old);
        }
    }

    /// TOPIC.
    pub(crate) fn handle_topic(&mut self, heard: &Heard<'_>, now: Now) {
        let Some(id) = self.our_room(heard.param(0)) else { return };
        let text: Box<str> = heard.param(1).into();
        if let Some(room) = self.room_mut(id) {
            room.topic = (!text.is_empty()).then(|| crate::room::Topic {
                text: text.clone(),
                by: Some(heard.nick.into()),
                at: Some(heard.time),
            });
        }
        self.event(Event::Room(id));
        self.push_event(id, heard, What::Topic(text), now);
    }

    /// INVITE.
    pub(crate) fn handle_invite(&mut self, heard: &Heard<'_>, now: Now) {
        if self.is_ignored(heard.nick) {
            return;
        }
        let (who, name) = (heard.param(0), heard.param(1));
        let room = match self.find_room(name) {
            Some(room) if !self.is_me(who) => room,
            _ => self.server_room(),
        };
        let what = What::Invited(self.shared_name(who), name.into());
        self.push_event(room, heard, what, now);
    }

    /// RENAME (draft/channel-rename).
    pub(crate) fn handle_rename(&mut self, heard: &Heard<'_>, now: Now) {
        let (old, new) = (heard.param(0), heard.param(1));
        let Some(id) = self.our_room(old) else { return };
        if !self.network.is_room(new) || self.find_room(new).is_some_and(|other| other != id) {
            return;
        }
        let key = self.network.casemapping.fold(new).into();
        if let Some(room) = self.room_mut(id) {
            room.name = new.into();
            room.key = key;
        }
        self.event(Event::Room(id));
        let mut text = format!("{} renamed the room from {old} to {new}", heard.nick);
        if !heard.param(2).is_empty() {
            text = format!("{text}: {}", heard.param(2));
        }
        self.info(id, text, now);
    }

    /// ACCOUNT (account-notify).
    pub(crate) fn handle_account(&mut self, heard: &Heard<'_>) {
        self.note_account(heard.nick, Some(heard.param(0)).filter(|name| *name != "*"));
    }

    /// CHGHOST: somebody has another user name or host.
    pub(crate) fn handle_chghost(&mut self, heard: &Heard<'_>) {
        self.note_address(heard.nick, Some(heard.param(0)), Some(heard.param(1)));
    }

    /// The channel of this name, if we are in it.
    pub(crate) fn our_room(&self, name: &str) -> Option<RoomId> {
        let room = self.room_named(name)?;
        (room.kind == Kind::Channel && room.presence == Presence::In).then_some(room.id)
    }

    /// Somebody is in the room no longer; if it is us, nobody is that we know of.
    fn gone(&mut self, room: RoomId, nick: &str) {
        if self.is_me(nick) {
            self.left(room);
        } else {
            self.remove_member(room, nick);
            self.forget_if_alone(nick);
        }
    }

    /// We are in a room no longer.
    pub(crate) fn left(&mut self, id: RoomId) {
        self.clear_people(id);
        if let Some(room) = self.room_mut(id) {
            room.presence = Presence::Out;
        }
        self.flow_left(id);
        self.event(Event::Room(id));
    }

    /// Adds a line of something that happened just now.
    pub(crate) fn push_event(&mut self, room: RoomId, heard: &Heard<'_>, what: What, now: Now) {
        if self.counts_in_split(room, heard) {
            return;
        }
        let line = self.line_of(heard, what);
        self.push_line(room, line, Origin::Live, now);
    }

    /// Takes our own name, if that is what is free now.
    fn take_free_nick(&mut self, free: &str) {
        if self.network.casemapping.same(free, &self.config.nick) {
            self.reclaim_nick();
        }
    }

    /// Somebody's name, shared with the model.
    pub(crate) fn known(&self, nick: &str) -> Option<Arc<str>> {
        self.person(nick).map(|person| Arc::clone(&person.nick))
    }
}
