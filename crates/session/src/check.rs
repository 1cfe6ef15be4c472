//! What must hold of a session between any two calls, for the tests and the fuzz targets.
//!
//! Much of what the model knows it knows twice, and what a server can make it keep has caps. Both are held against the
//! plain and slow way of finding out.

use std::collections::HashSet;

use crate::contract::Status;
use crate::registration::Stage;
use crate::room::{Kind, Presence, Room};
use crate::session::Session;

impl Session {
    /// Panics if the session contradicts itself or keeps more than it may. To be called after a call, once its actions and
    /// events were taken.
    ///
    /// It looks at everybody and everything, so it is for tests alone: the feature `check` brings it in.
    pub fn check_invariants(&self) {
        let limits = &self.config.limits;
        assert!(self.rooms.len() <= limits.rooms.max(1), "{} rooms", self.rooms.len());
        assert!(self.rooms.first().is_some_and(|room| room.kind == Kind::Server));
        let ids: HashSet<_> = self.rooms.iter().map(|room| room.id).collect();
        assert_eq!(ids.len(), self.rooms.len(), "a number is of one room");
        let servers = self.rooms.iter().filter(|room| room.kind == Kind::Server).count();
        assert_eq!(servers, 1);
        for room in &self.rooms {
            self.check_room(room);
        }
        let places: usize = self.rooms.iter().map(|room| room.people.len()).sum();
        assert_eq!(self.memberships, places, "places are counted");
        assert!(places <= limits.people.saturating_mul(4));
        assert!(self.people.len() <= limits.people.saturating_mul(2), "{}", self.people.len());
        for (key, person) in &self.people {
            assert_eq!(**key, *self.network.casemapping.fold(&person.nick), "found by the name");
            let is_met = |room: &Room| {
                room.people.contains_key(key) || (room.kind == Kind::Private && room.key == *key)
            };
            assert!(self.rooms.iter().any(is_met), "{} is nowhere", person.nick);
        }
        let bytes: usize = self.rooms.iter().map(|room| room.timeline.bytes()).sum();
        // The last line of a room is never given up.
        let longest = self.rooms.iter().max_by_key(|room| room.timeline.bytes());
        let is_last = longest.is_some_and(|room| room.timeline.len() <= 1);
        assert!(bytes <= limits.bytes || is_last, "{bytes} bytes of lines");
        let waiting: usize = self.rooms.iter().map(|room| room.outbox.len()).sum();
        // One that waits is cut again into more if the server shows us under a longer name.
        assert!(waiting <= 2 * limits.outbox, "{waiting} own lines");
        assert!(self.keys.keys().all(|room| ids.contains(room)), "keys are of rooms");
        let open = self.connection.is_open;
        assert!(open || self.registration.stage == Stage::Off || self.actions.is_empty());
        if self.status == Status::Online && open {
            assert_eq!(self.registration.stage, Stage::In);
        }
    }

    fn check_room(&self, room: &Room) {
        let (limits, name) = (&self.config.limits, &room.name);
        assert!(room.people.len() <= limits.people, "{} in {name}", room.people.len());
        assert!(room.people_count >= room.people.len(), "{name} counts all");
        assert!(room.timeline.len() <= limits.lines, "{} lines in {name}", room.timeline.len());
        assert!(room.typing.len() <= limits.people, "{} type in {name}", room.typing.len());
        if room.kind == Kind::Server {
            assert!(room.people.is_empty() && room.outbox.is_empty());
        } else {
            assert_eq!(*room.key, *self.network.casemapping.fold(name), "found by the name");
        }
        if room.presence != Presence::In {
            assert!(room.people.is_empty(), "nobody is known to be where we are not: {name}");
        }
        for (key, member) in &room.people {
            assert_eq!(**key, *self.network.casemapping.fold(&member.nick), "found by the name");
            assert!(self.people.contains_key(key), "{} of {name} is known", member.nick);
            assert!(member.prefixes.chars().all(|c| !c.is_alphanumeric()), "{}", member.prefixes);
        }
    }
}
