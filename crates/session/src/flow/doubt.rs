//! Own lines of a connection that broke: nobody knows whether the server has them.
//!
//! Once the gap is filled from history, those that are found there are confirmed, and what is not there was not said: it is
//! sent again, in its place. While the server still takes the old connection for alive, it may yet say what it had read of
//! it; so as long as somebody of our old name is in the room we wait, for a while, and hear whether they say it.
//!
//! Where there is no history nobody can tell, and the person decides.

use std::sync::Arc;
use std::time::Duration;

use super::outbox::{Phase, Sent, is_since};
use super::receipt::is_said;
use crate::contract::Now;
use crate::line::Line;
use crate::room::{Delivery, Kind, OutId, Presence, Room, RoomId};
use crate::session::Session;

/// How long we wait for whom a broken connection left behind. What a server had read of it, and was too patient to say at
/// once, it says within seconds; the name itself may stay for minutes.
const LEFT_BEHIND: Duration = Duration::from_secs(20);

/// How often we look whether they are gone.
const LOOK: Duration = Duration::from_secs(1);

const BROKE: &str = "the connection broke before the server confirmed it";

impl Session {
    /// The connection is gone: what was sent on it is in doubt.
    pub(super) fn doubt_sent(&mut self) {
        let mut doubted = Vec::new();
        // A change of our name may have been on its way.
        let wished = self.nick_wish.as_deref().unwrap_or(&self.config.nick);
        let later: [Arc<str>; 2] = [Arc::clone(&self.nick), wished.into()];
        for own in &mut self.flow.outbox.queue {
            if let Phase::Sent(sent) = &own.phase {
                let mut sent = Sent { label: None, probe: None, ..sent.clone() };
                sent.nicks.extend_from_slice(&later);
                own.phase = Phase::Doubt(sent);
                doubted.push((own.room, own.id));
            }
        }
        for (room, id) in doubted {
            // Where we do not go back to nobody will tell us.
            let comes_back = |room: &Room| room.presence != Presence::Out;
            if self.room(room).is_some_and(comes_back) {
                self.set_state(room, id, Delivery::Waiting);
            } else {
                self.fail(room, id, BROKE);
            }
        }
        for room in self.flow.rooms.values_mut() {
            room.left_behind = None;
        }
        self.flow.outbox.pause();
    }

    /// Whether own lines of a room are in doubt.
    pub(super) fn has_doubts(&self, room: RoomId) -> bool {
        let doubted = |phase: &Phase| matches!(phase, Phase::Doubt(_));
        self.flow.outbox.queue.iter().any(|own| own.room == room && doubted(&own.phase))
    }

    /// The own line in doubt that `line` is. `since` says how far the server's clock is ahead of ours, where the line's time
    /// has to tell that it is no older one of the same words.
    pub(super) fn doubted(
        &self,
        room: RoomId,
        line: &Line,
        edits: Option<&str>,
        since: Option<i64>,
    ) -> Option<OutId> {
        let found = self.flow.outbox.queue.iter().find(|own| {
            let Phase::Doubt(sent) = &own.phase else { return false };
            own.room == room
                && self.is_by(sent, &line.from, line.sender)
                && since.is_none_or(|ahead| is_since(line.time, sent.at.wall, ahead))
                && self.own(room, own.id).is_some_and(|out| {
                    is_said(out, line) && self.edited_msgid(room, out.edits).as_deref() == edits
                })
        });
        found.map(|own| own.id)
    }

    /// What was missed in a room is there, or, if not `complete`, cannot be had: doubts end.
    pub(super) fn settle_doubts(&mut self, room: RoomId, complete: bool, now: Now) {
        if !self.has_doubts(room) {
            return;
        }
        if !complete || self.is_private_to_another(room) {
            for id in self.doubts(room) {
                self.fail(room, id, BROKE);
            }
            self.send_waiting(now);
        } else if self.is_left_behind(room) {
            let until = now.monotonic + LEFT_BEHIND;
            self.in_room(room).left_behind = Some((now.monotonic + LOOK, until));
        } else {
            self.send_doubted(room, now);
        }
    }

    /// Looks whether they are gone for whom we wait.
    pub(super) fn doubt_timeout(&mut self, now: Now) {
        let waiting = self.flow.rooms.iter().filter_map(|(id, room)| {
            let (look, until) = room.left_behind?;
            (look <= now.monotonic).then_some((*id, until))
        });
        for (room, until) in waiting.collect::<Vec<_>>() {
            if until > now.monotonic && self.is_left_behind(room) {
                self.in_room(room).left_behind = Some((now.monotonic + LOOK, until));
            } else {
                self.in_room(room).left_behind = None;
                self.send_doubted(room, now);
            }
        }
    }

    /// When to look.
    pub(super) fn doubt_next(&self) -> Option<Duration> {
        self.flow.rooms.values().filter_map(|room| Some(room.left_behind?.0)).min()
    }

    fn doubts(&self, room: RoomId) -> Vec<OutId> {
        let queue = self.flow.outbox.queue.iter().filter(|own| own.room == room);
        queue.filter(|own| matches!(own.phase, Phase::Doubt(_))).map(|own| own.id).collect()
    }

    /// What is in doubt was not said: it waits to be sent.
    fn send_doubted(&mut self, room: RoomId, now: Now) {
        for own in self.flow.outbox.queue.iter_mut().filter(|own| own.room == room) {
            if matches!(own.phase, Phase::Doubt(_)) {
                own.phase = Phase::Waiting;
            }
        }
        self.send_waiting(now);
    }

    /// Whether who is called `nick`, and is `sender`, is who we were when we sent something. Our name at that time is enough;
    /// under one that we may have had a moment later somebody else could be here.
    fn is_by(&self, sent: &Sent, nick: &str, sender: u32) -> bool {
        let mut nicks = sent.nicks.iter();
        let mapping = self.network.casemapping;
        nicks.next().is_some_and(|first| mapping.same(first, nick))
            || sender == sent.sender && nicks.any(|other| mapping.same(other, nick))
    }

    /// Whether somebody is in the room who is as we were when we sent what is in doubt.
    fn is_left_behind(&self, room: RoomId) -> bool {
        let Some(target) = self.room(room) else { return false };
        let is_here = |sent: &Sent| {
            let others = sent.nicks.iter().filter(|nick| !self.is_me(nick));
            others.into_iter().any(|nick| {
                target.people.contains_key(&*self.network.casemapping.fold(nick))
                    && self.is_by(sent, nick, self.sender_of_person(nick))
            })
        };
        let mut queue = self.flow.outbox.queue.iter().filter(|own| own.room == room);
        queue.any(|own| matches!(&own.phase, Phase::Doubt(sent) if is_here(sent)))
    }

    /// Whether a private conversation is one of somebody else now, as far as the server can tell: guests have a past only as
    /// long as their connection, and who has another name may have left one behind that still speaks.
    fn is_private_to_another(&self, room: RoomId) -> bool {
        let is_private = self.room(room).is_some_and(|room| room.kind == Kind::Private);
        let renamed = |sent: &Sent| sent.nicks.first().is_none_or(|nick| !self.is_me(nick));
        let mut queue = self.flow.outbox.queue.iter().filter(|own| own.room == room);
        is_private
            && (self.account.is_none()
                || queue.any(|own| matches!(&own.phase, Phase::Doubt(sent) if renamed(sent))))
    }
}
