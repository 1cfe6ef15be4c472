//! The people of a room in the order in which they are listed.

use std::sync::Arc;
use std::time::Duration;

use callbox_session::Session;
use callbox_session::people::Member;
use callbox_session::room::{Room, RoomId};

/// A sorted copy of a room's people, made anew when they change.
#[derive(Debug, Default)]
pub(crate) struct People {
    made: Option<(RoomId, u64, Duration)>,
    pub(crate) members: Vec<Member>,
}

/// Beyond so many people the list is sorted at most once in [`PAUSE`], since in such rooms somebody always comes or goes.
const MANY: usize = 1_000;
const PAUSE: Duration = Duration::from_secs(1);

impl People {
    /// Brings the list up to date.
    pub(crate) fn refresh(&mut self, session: &Session, room: &Room, now: Duration) {
        let is_fresh = self.made.is_some_and(|(id, version, at)| {
            let is_soon = self.members.len() > MANY && now < at + PAUSE;
            id == room.id && (version == room.people_version || is_soon)
        });
        if is_fresh {
            return;
        }
        let network = session.network();
        let rank = |member: &Member| {
            let highest = member.prefixes.chars().next();
            let place =
                highest.and_then(|c| network.prefixes.iter().position(|(_, sign)| *sign == c));
            place.unwrap_or(usize::MAX)
        };
        self.members.clear();
        self.members.extend(room.people().cloned());
        self.members.sort_by_cached_key(|member| {
            (rank(member), network.casemapping.fold(&member.nick).into_owned())
        });
        self.made = Some((room.id, room.people_version, now));
    }
}

/// Who spoke last in a room, the last first, each once.
pub(crate) fn speakers(room: &Room) -> Vec<Arc<str>> {
    /// So far back a name counts as that of somebody who takes part.
    const BACK: usize = 500;
    let mut names: Vec<Arc<str>> = Vec::new();
    for line in room.timeline.iter().rev().take(BACK) {
        if line.what.is_speech() && !line.own && !names.contains(&line.from) {
            names.push(Arc::clone(&line.from));
        }
    }
    names
}
