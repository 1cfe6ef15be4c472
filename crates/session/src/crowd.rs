//! The book of people: who is known, and in which rooms they are.
//!
//! A server could name people without end, so what it can make us keep has caps: on names, on people, on places in rooms.

use std::collections::HashSet;
use std::sync::Arc;

use crate::contract::Event;
use crate::heard::Heard;
use crate::people::{Member, Person};
use crate::room::{Kind, RoomId};
use crate::session::Session;

/// The most bytes of a name, user name, host or account. Servers allow some dozens; longer ones are not kept.
pub(crate) const NAME_MAX: usize = 256;

/// The most bytes of why somebody is away. The rest is cut off.
const AWAY_MAX: usize = 512;

/// People in all rooms together are at most this many times those in one, and places at most twice that: nobody is in
/// hundreds of rooms of tens of thousands. Who is over the cap is counted only.
const ROOMS_FULL: usize = 2;

impl Session {
    /// Adds somebody to a room, with the prefixes that they have there.
    pub(crate) fn add_member(&mut self, id: RoomId, nick: &str, prefixes: &str) {
        let key: Box<str> = self.network.casemapping.fold(nick).into();
        let limit = self.config.limits.people;
        let is_known = self.people.contains_key(&key);
        let has_place = nick.len() <= NAME_MAX
            && self.memberships < limit.saturating_mul(ROOMS_FULL * 2)
            && (is_known || self.people.len() < limit.saturating_mul(ROOMS_FULL));
        let prefixes = self.shared_prefixes(prefixes);
        let shared = self.known(nick).filter(|known| **known == *nick);
        let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) else { return };
        room.people_version += 1;
        if let Some(member) = room.people.get_mut(&key) {
            member.prefixes = prefixes;
            self.event(Event::Room(id));
            return;
        }
        room.people_count = room.people_count.saturating_add(1);
        if has_place && room.people.len() < limit {
            let nick = shared.unwrap_or_else(|| nick.into());
            room.people.insert(key.clone(), Member { nick: Arc::clone(&nick), prefixes });
            self.memberships += 1;
            let person = || Person { nick, ..Person::default() };
            self.people.entry(key).or_insert_with(person);
        }
        self.event(Event::Room(id));
    }

    /// Knows somebody with whom a conversation is open.
    pub(crate) fn add_person(&mut self, nick: &str) {
        let key = self.network.casemapping.fold(nick);
        let is_full = self.people.len() >= self.config.limits.people.saturating_mul(ROOMS_FULL);
        if nick.len() <= NAME_MAX && !is_full && !self.people.contains_key(&*key) {
            self.people.insert(key.into(), Person { nick: nick.into(), ..Person::default() });
        }
    }

    /// Takes somebody out of a room.
    pub(crate) fn remove_member(&mut self, id: RoomId, nick: &str) {
        let key = self.network.casemapping.fold(nick);
        let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) else { return };
        let was_there = room.people.remove(&*key).is_some();
        // Somebody who is not known by name was counted.
        if was_there || room.people_count > room.people.len() {
            room.people_count = room.people_count.saturating_sub(1);
            room.people_version += 1;
            self.memberships -= usize::from(was_there);
            self.event(Event::Room(id));
        }
    }

    /// Takes everybody out of a room.
    pub(crate) fn clear_people(&mut self, id: RoomId) {
        let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) else { return };
        let people = std::mem::take(&mut room.people);
        room.people_count = 0;
        room.people_version += 1;
        self.memberships -= people.len();
        for member in people.values() {
            self.forget_if_alone(&member.nick);
        }
    }

    /// Forgets somebody who shares no room with us and with whom no conversation is open.
    pub(crate) fn forget_if_alone(&mut self, nick: &str) {
        let key = self.network.casemapping.fold(nick);
        let is_here = |room: &crate::room::Room| {
            room.people.contains_key(&*key) || (room.kind == Kind::Private && *room.key == *key)
        };
        if !self.rooms.iter().any(is_here) {
            self.people.remove(&*key);
        }
    }

    /// The rooms in which somebody is known to be.
    pub(crate) fn rooms_with(&self, nick: &str) -> Vec<RoomId> {
        let key = self.network.casemapping.fold(nick);
        let rooms = self.rooms.iter().filter(|room| room.people.contains_key(&*key));
        rooms.map(|room| room.id).collect()
    }

    /// Somebody has another name.
    pub(crate) fn rename_person(&mut self, old: &str, new: &str) {
        let mapping = self.network.casemapping;
        let (old_key, new_key) = (mapping.fold(old), mapping.fold(new));
        let shared: Arc<str> = new.into();
        if let Some(mut person) = self.people.remove(&*old_key) {
            person.nick = Arc::clone(&shared);
            self.people.insert(new_key.clone().into(), person);
        }
        let mut changed = Vec::new();
        for room in &mut self.rooms {
            if let Some(mut member) = room.people.remove(&*old_key) {
                member.nick = Arc::clone(&shared);
                // Should the new name be there already, the server has lost count of one; so have we.
                if room.people.insert(new_key.clone().into(), member).is_some() {
                    self.memberships -= 1;
                    room.people_count = room.people_count.saturating_sub(1);
                }
                room.people_version += 1;
                changed.push(room.id);
            }
        }
        for id in changed {
            self.event(Event::Room(id));
        }
    }

    /// Changes what is known of somebody, if anything is.
    fn note(&mut self, nick: &str, change: impl FnOnce(&mut Person) -> bool) {
        let key = self.network.casemapping.fold(nick);
        let Some(person) = self.people.get_mut(&*key) else { return };
        if change(person) {
            for room in self.rooms_with(nick) {
                if let Some(room) = self.room_mut(room) {
                    room.people_version += 1;
                }
                self.event(Event::Room(room));
            }
        }
    }

    /// The user name and host that stand in a line's source, and what its tags tell.
    pub(crate) fn note_source(&mut self, heard: &Heard<'_>) {
        self.note_address(heard.nick, heard.user, heard.host);
        if let Some(account) = &heard.account {
            self.note_account(heard.nick, Some(account));
        }
        if heard.bot {
            self.note_bot(heard.nick, true);
        }
    }

    /// A user name and a host, as far as they are told.
    pub(crate) fn note_address(&mut self, nick: &str, user: Option<&str>, host: Option<&str>) {
        self.note(nick, |person| {
            let changed = user.is_some() && put(&mut person.user, user);
            (host.is_some() && put(&mut person.host, host)) || changed
        });
    }

    /// The account of somebody, or that they have none.
    pub(crate) fn note_account(&mut self, nick: &str, account: Option<&str>) {
        self.note(nick, |person| put(&mut person.account, account));
    }

    /// Why somebody is away, or that they are not.
    pub(crate) fn note_away(&mut self, nick: &str, why: Option<&str>) {
        let why = why.map(|why| &why[..why.floor_char_boundary(AWAY_MAX)]);
        self.note(nick, |person| {
            let changed = person.away.as_deref() != why;
            if changed {
                person.away = why.map(Arc::from);
            }
            changed
        });
    }

    /// Whether somebody is a program.
    pub(crate) fn note_bot(&mut self, nick: &str, bot: bool) {
        self.note(nick, |person| std::mem::replace(&mut person.bot, bot) != bot);
    }

    /// Prefixes, most of which many people have.
    fn shared_prefixes(&mut self, prefixes: &str) -> Arc<str> {
        /// There are some dozens of combinations at most, and hardly ever more than three in use.
        const MOST: usize = 64;
        if let Some(known) = self.prefixes_in_use.iter().find(|known| ***known == *prefixes) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = prefixes.into();
        if self.prefixes_in_use.len() < MOST {
            self.prefixes_in_use.push(Arc::clone(&shared));
        }
        shared
    }

    /// Gives somebody in a room a prefix, or takes it.
    pub(crate) fn set_prefix(&mut self, id: RoomId, nick: &str, sign: char, adding: bool) {
        let key = self.network.casemapping.fold(nick);
        let Some(room) = self.rooms.iter().find(|room| room.id == id) else { return };
        let Some(member) = room.people.get(&*key) else { return };
        let has = |s: char| if s == sign { adding } else { member.prefixes.contains(s) };
        let signs = self.network.prefixes.iter().map(|(_, sign)| *sign);
        let prefixes: String = signs.filter(|s| has(*s)).collect();
        let nick = Arc::clone(&member.nick);
        self.add_member(id, &nick, &prefixes);
    }

    /// Finds everything anew, as names are compared in another way.
    pub(crate) fn refold(&mut self) {
        let mapping = self.network.casemapping;
        let people = std::mem::take(&mut self.people);
        self.people = people.into_values().map(|p| (mapping.fold(&p.nick).into(), p)).collect();
        self.memberships = 0;
        for room in &mut self.rooms {
            if room.kind != Kind::Server {
                room.key = mapping.fold(&room.name).into();
            }
            let people = std::mem::take(&mut room.people);
            room.people = people.into_values().map(|m| (mapping.fold(&m.nick).into(), m)).collect();
            self.memberships += room.people.len();
        }
        // Whose name was also that of somebody else, and is not any more, may be nowhere now.
        let rooms = self.rooms.iter();
        let private = rooms.clone().filter(|room| room.kind == Kind::Private);
        let here: HashSet<&str> = rooms
            .flat_map(|room| room.people.keys().map(|key| &**key))
            .chain(private.map(|room| &*room.key))
            .collect();
        self.people.retain(|key, _| here.contains(&**key));
    }
}

/// Sets a name, unless it is too long. Says whether that changed anything.
fn put(place: &mut Option<Arc<str>>, name: Option<&str>) -> bool {
    let name = name.filter(|name| !name.is_empty() && name.len() <= NAME_MAX);
    let changed = place.as_deref() != name;
    if changed {
        *place = name.map(Arc::from);
    }
    changed
}
