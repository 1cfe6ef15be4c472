//! What is said: own lines on their way, lines that come, and history.
//!
//! | module | what it is for |
//! |---|---|
//! | `split` | what is typed, cut into messages that fit |
//! | `outbox` | own lines: waiting, sent in turn, sent again |
//! | `receipt` | what became of an own line: echo, label, or PONG |
//! | `doubt` | own lines of a connection that broke |
//! | `speech` | what is said becomes a line of a room |
//! | `marks` | what changes a line later: edits, reactions, redactions |
//! | `batch` | lines that belong together, gathered |
//! | `history`, `page` | what was said before: asked for, and put in its place |
//! | `reading` | how far somebody has read |
//! | `typing` | who types |

mod batch;
mod doubt;
mod history;
mod marks;
mod outbox;
mod page;
mod reading;
mod receipt;
mod speech;
mod split;
mod typing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::HashMap;
use crate::contract::{Event, Now, Status};
use crate::heard::Heard;
use crate::line::LineId;
use crate::room::RoomId;
use crate::session::Session;

/// What of a session belongs to lines.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    outbox: outbox::Outbox,
    batches: batch::Batches,
    history: history::History,
    /// What is known of rooms besides what is shown.
    rooms: HashMap<RoomId, InRoom>,
    /// Names that lines share.
    names: HashMap<Arc<str>, ()>,
    /// What [`Line::sender`](crate::line::Line::sender) is made with.
    senders: foldhash::quality::RandomState,
    /// The bytes of all lines, or a few more.
    bytes: usize,
    /// The number of the next own line, label or token.
    next: u64,
}

/// What is known of a room besides what is shown.
#[derive(Debug, Default)]
struct InRoom {
    /// What is missing, the oldest first.
    gaps: VecDeque<page::Gap>,
    /// What is to be asked for.
    wants: history::Wants,
    /// The first line since we came in: what was missed stands before it.
    first_live: Option<LineId>,
    /// Whether the next line is that one.
    entering: bool,
    /// The oldest message of the history that we know of, shown or not.
    oldest: Option<page::Bound>,
    /// Whether a private conversation was taken up since we are online.
    entered: bool,
    /// When we look again whether they are gone for whom doubts wait, and until when they wait.
    left_behind: Option<(Duration, Duration)>,
    typing: typing::Typing,
    reading: reading::Reading,
}

/// What the rest of the session calls.
impl Session {
    /// We are registered; the rooms are being joined.
    pub(crate) fn flow_online(&mut self, now: Now) {
        self.ask_for_private_history(now);
        self.send_waiting(now);
    }

    /// The connection is gone.
    pub(crate) fn flow_offline(&mut self, now: Now) {
        self.flow.batches = batch::Batches::default();
        self.drop_requests(now);
        self.doubt_sent();
        self.forget_typing();
        for room in self.flow.rooms.values_mut() {
            room.first_live = None;
            room.entering = false;
        }
    }

    /// We are in this room now: a channel that was joined, or a private conversation that was opened.
    pub(crate) fn flow_joined(&mut self, room: RoomId, now: Now) {
        self.enter_history(room, now);
        self.send_waiting(now);
    }

    /// We are in this room no longer, or were not let in.
    pub(crate) fn flow_left(&mut self, room: RoomId) {
        self.fail_waiting(room);
        self.forget_typists(room);
    }

    /// A line that is said, or belongs to an open batch. Says whether it was taken.
    pub(crate) fn flow_heard(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        if heard.command().eq_ignore_ascii_case("BATCH") {
            return self.hear_batch(heard, now);
        }
        if let Some(batch) = &heard.batch
            && self.flow.batches.gathers(batch)
        {
            self.gather(batch, heard);
            return true;
        }
        if heard.batch.is_none() {
            self.note_clock(heard, now);
        }
        let label = self.label_of(heard);
        match heard.command() {
            "PRIVMSG" | "NOTICE" => self.hear_said(heard, label, now),
            "TAGMSG" => {
                self.hear_tagmsg(heard, now);
                true
            }
            "REDACT" => {
                self.hear_redact(heard);
                true
            }
            "MARKREAD" => {
                self.hear_markread(heard);
                true
            }
            "ACK" => self.hear_ack(label, now),
            _ => false,
        }
    }

    /// A numeric error or FAIL. Says whether it belongs to an own line or a request for history.
    pub(crate) fn flow_refused(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        let label = self.label_of(heard);
        self.history_refused(heard, label, now) || self.line_refused(heard, label, now)
    }

    /// A PONG with this token.
    pub(crate) fn flow_pong(&mut self, token: &str, now: Now) {
        self.hear_pong(token, now);
    }

    /// It is late enough for whatever waits.
    pub(crate) fn flow_timeout(&mut self, now: Now) {
        self.history_timeout(now);
        self.receipt_timeout(now);
        self.doubt_timeout(now);
        self.typing_timeout(now);
        self.reading_timeout(now);
        self.send_waiting(now);
    }

    /// When `flow_timeout` is to be called.
    pub(crate) fn flow_next(&self) -> Option<Duration> {
        let moments = [
            self.flow.outbox.next(),
            self.flow.history.next(),
            self.doubt_next(),
            self.typing_next(),
            self.reading_next(),
        ];
        moments.into_iter().flatten().min()
    }

    /// A room is about to leave the model.
    pub(crate) fn flow_closed(&mut self, room: RoomId, now: Now) {
        self.flow.rooms.remove(&room);
        self.flow.outbox.forget(room);
        self.flow.history.forget(room);
        // Its request may have been what another room waited for.
        self.ask_more(now);
    }
}

/// What the parts of it share.
impl Session {
    fn is_online(&self) -> bool {
        self.status == Status::Online
    }

    /// What is known of a room besides what is shown.
    fn in_room(&mut self, room: RoomId) -> &mut InRoom {
        self.flow.rooms.entry(room).or_default()
    }

    fn next_number(&mut self) -> u64 {
        self.flow.next += 1;
        self.flow.next
    }

    fn room_changed(&mut self, room: RoomId) {
        self.event(Event::Room(room));
    }
}
