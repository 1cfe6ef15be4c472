//! What is said: own lines on their way, lines that come, and history.

use std::time::Duration;

use crate::contract::{Event, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, LineId};
use crate::room::{OutId, RoomId};
use crate::session::{Manner, Refusal, Session};

/// What of a session belongs to lines.
#[derive(Debug, Default)]
pub(crate) struct Flow {}

/// What the rest of the session calls.
impl Session {
    /// We are registered; the rooms are being joined.
    pub(crate) fn flow_online(&mut self, now: Now) {
        let _ = now;
    }

    /// The connection is gone.
    pub(crate) fn flow_offline(&mut self, now: Now) {
        let _ = now;
    }

    /// We are in this room now: a channel that was joined, or a private conversation that was opened.
    pub(crate) fn flow_joined(&mut self, room: RoomId, now: Now) {
        let _ = (room, now);
    }

    /// A line that is said, or belongs to an open batch. Says whether it was taken.
    pub(crate) fn flow_heard(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        let _ = (heard, now);
        false
    }

    /// A numeric error or FAIL. Says whether it belongs to an own line or a request for history.
    pub(crate) fn flow_refused(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        let _ = (heard, now);
        false
    }

    /// A PONG with this token.
    pub(crate) fn flow_pong(&mut self, token: &str, now: Now) {
        let _ = (token, now);
    }

    /// It is late enough for whatever waits.
    pub(crate) fn flow_timeout(&mut self, now: Now) {
        let _ = now;
    }

    /// When `flow_timeout` is to be called.
    pub(crate) fn flow_next(&self) -> Option<Duration> {
        None
    }

    /// A room is about to leave the model.
    pub(crate) fn flow_closed(&mut self, room: RoomId) {
        let _ = room;
    }

    /// Adds a line to a room. Says whether it was new.
    pub(crate) fn push_line(&mut self, room: RoomId, line: Line, origin: Origin, now: Now) -> bool {
        let _ = now;
        let id = line.id;
        let Some(target) = self.room_mut(room) else { return false };
        if !target.timeline.push(line) {
            return false;
        }
        self.event(Event::Line { room, line: id, origin });
        true
    }
}

/// What the person wants to say, and of lines.
#[expect(clippy::todo, reason = "laid out, not yet written")]
#[expect(unused_variables, reason = "laid out, not yet written")]
impl Session {
    /// Says `text` in a room. Each of its lines is a message; where the server takes messages of several lines, all are
    /// one. What is too long for a line is split between characters. It is sent now, or as soon as we are online and in the
    /// room.
    ///
    /// Returns the numbers of the own lines, which are in [`Room::outbox`](crate::room::Room::outbox) until the server has
    /// them.
    ///
    /// # Errors
    ///
    /// The room is the server's or gone, the text is empty, or too much waits already.
    pub fn say(
        &mut self,
        room: RoomId,
        text: &str,
        manner: &Manner,
        now: Now,
    ) -> Result<Vec<OutId>, Refusal> {
        todo!()
    }

    /// How many messages [`say`](Self::say) would make of `text`.
    pub fn count_messages(&self, room: RoomId, text: &str) -> usize {
        todo!()
    }

    /// Sends an own line that failed again, at the end.
    pub fn send_again(&mut self, room: RoomId, line: OutId, now: Now) -> Result<(), Refusal> {
        todo!()
    }

    /// Forgets an own line that was not sent or has failed.
    pub fn discard(&mut self, room: RoomId, line: OutId) -> Result<(), Refusal> {
        todo!()
    }

    /// Replaces the text of an own line.
    pub fn edit(
        &mut self,
        room: RoomId,
        line: LineId,
        text: &str,
        now: Now,
    ) -> Result<OutId, Refusal> {
        todo!()
    }

    /// Takes a line back (draft/message-redaction).
    pub fn redact(
        &mut self,
        room: RoomId,
        line: LineId,
        reason: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// Reacts to a line, or takes the same reaction back.
    pub fn react(
        &mut self,
        room: RoomId,
        line: LineId,
        reaction: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        todo!()
    }

    /// Tells the room whether somebody types here. It may be called at each key: what is sent is throttled.
    pub fn typing(&mut self, room: RoomId, is_typing: bool, now: Now) {
        todo!()
    }

    /// All that is in the room was read. The server is told.
    pub fn mark_read(&mut self, room: RoomId, now: Now) {
        todo!()
    }

    /// Asks for a page of lines before the first one that is loaded; [`Room::older`](crate::room::Room::older) says how
    /// that goes.
    pub fn request_older(&mut self, room: RoomId, now: Now) -> Result<(), Refusal> {
        todo!()
    }
}
