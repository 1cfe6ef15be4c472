//! Own lines of a connection that broke: nobody knows whether the server has them.
//!
//! Once the gap is filled from history, those that are found there are confirmed, and what is not there was not said: it is
//! sent again, in its place. While the server still takes the old connection for alive, it may yet say what it had read of
//! it; so as long as somebody of our old name is in the room we wait, for a while, and hear whether they say it.
//!
//! Where there is no history nobody can tell, and the person decides.

use std::time::Duration;

use super::outbox::{Phase, Sent, is_since};
use super::receipt::is_said;
use crate::contract::Now;
use crate::line::Line;
use crate::room::{Delivery, Kind, OutId, RoomId};
use crate::session::Session;

/// How long we wait for whom a broken connection left behind. What a server had read of it, and was too patient to say at
/// once, it says within seconds; the name itself may stay for minutes.
const LEFT_BEHIND: Duration = Duration::from_secs(20);

/// How often we look whether they are gone.
const LOOK: Duration = Duration::from_secs(1);

const BROKE: &str = "The connection broke before the server confirmed it";

impl Session {
    /// The connection is gone: what was sent on it is in doubt.
    pub(super) fn doubt_sent(&mut self) {
        let mut doubted = Vec::new();
        for own in &mut self.flow.outbox.queue {
            if let Phase::Sent(sent) = &own.phase {
                own.phase = Phase::Doubt(Sent { label: None, probe: None, ..sent.clone() });
                doubted.push((own.room, own.id));
            }
        }
        for (room, id) in doubted {
            self.set_state(room, id, Delivery::Waiting);
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
                && self.network.casemapping.same(&sent.nick, &line.from)
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
        if !complete || self.is_private_under_another_name(room) {
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

    /// Whether somebody is in the room under the name that we had when we sent what is in doubt.
    fn is_left_behind(&self, room: RoomId) -> bool {
        let Some(target) = self.room(room) else { return false };
        self.flow.outbox.queue.iter().any(|own| match &own.phase {
            Phase::Doubt(sent) if own.room == room && !self.is_me(&sent.nick) => {
                target.people.contains_key(&*self.network.casemapping.fold(&sent.nick))
            }
            _ => false,
        })
    }

    /// Whether a private conversation was held under another name, so that nobody can tell who hears us now as what.
    fn is_private_under_another_name(&self, room: RoomId) -> bool {
        self.room(room).is_some_and(|room| room.kind == Kind::Private)
            && self.flow.outbox.queue.iter().any(|own| match &own.phase {
                Phase::Doubt(sent) => own.room == room && !self.is_me(&sent.nick),
                _ => false,
            })
    }
}
