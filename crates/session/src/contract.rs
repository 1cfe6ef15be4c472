//! What passes between a session and the program around it.
//!
//! The program connects, reads and writes, and keeps the time; the session decides. After each call of a `handle_*` or of
//! a wish (say, join, …) the program takes [`Action`]s until there are none, then [`Event`]s, and calls
//! `Session::handle_timeout` once the moment of `Session::poll_timeout` has come.

use std::time::Duration;

use crate::line::LineId;
use crate::room::RoomId;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// The time, on both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// For timeouts: since some moment, and never backwards.
    pub monotonic: Duration,
    /// For people. It may jump.
    pub wall: Millis,
}

/// What the program has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Connect; then call `handle_connected`, or `handle_disconnected` with what failed.
    Connect,
    /// Send these bytes: whole lines, each with its CR LF.
    Send(Vec<u8>),
    /// Send what was given so far, close the connection, and call `handle_disconnected`.
    Close,
}

/// How the connection stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    /// Under way: dialling, then introducing oneself.
    Connecting,
    /// Registered: rooms are joined and lines flow.
    Online,
    /// The connection was lost or refused, for this reason; the next try comes at `retry` on the monotonic clock.
    Waiting {
        /// What happened, for people.
        reason: Box<str>,
        /// When it is tried again.
        retry: Duration,
    },
    /// It is over, and nothing more is tried.
    Ended(End),
}

/// Why a session is over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// The person left.
    Quit,
    /// The server refuses this person for good (a password, a ban), in these words.
    Refused(Box<str>),
    /// The connection was lost for this reason, and `Config::reconnect` says not to try again.
    Lost(Box<str>),
}

/// What changed, for whoever shows, prints or rings. All of it can be read from the model as well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// `Session::status` has another value.
    Status,
    /// Our name is another one, or our account.
    Nick,
    /// There is a new room in the model.
    Opened(RoomId),
    /// The room is gone from the model.
    Closed(RoomId),
    /// The room's topic, people, modes, unread count, typing people or history state changed.
    Room(RoomId),
    /// A line was added to the room's timeline.
    Line {
        /// Where.
        room: RoomId,
        /// Which.
        line: LineId,
        /// When it was said, seen from here.
        origin: Origin,
    },
    /// A line that was there changed: a reaction, an edit, a redaction.
    Changed {
        /// Where.
        room: RoomId,
        /// Which.
        line: LineId,
    },
    /// The state of an own line in `Room::outbox` changed, or it left the outbox because it is in the timeline now.
    Outbox(RoomId),
    /// An own line does not fit any more, and has become several: what was typed is there once all have a receipt.
    Divided {
        /// Where.
        room: RoomId,
        /// As which own line it was said; its beginning still is that one.
        sent: crate::room::OutId,
        /// The rest, in order.
        more: Vec<crate::room::OutId>,
    },
    /// An own line has reached the server, for certain.
    Receipt {
        /// Where.
        room: RoomId,
        /// As which own line.
        sent: crate::room::OutId,
        /// The line in the timeline.
        line: LineId,
    },
    /// An own line has not: the server refused it in these words, or nobody can tell.
    Undelivered {
        /// Where.
        room: RoomId,
        /// Which.
        sent: crate::room::OutId,
        /// Why, for people.
        reason: Box<str>,
    },
}

/// When a line was said, seen from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Just now.
    Live,
    /// While we were away: it fills a gap up to now.
    Missed,
    /// Before what was loaded: it was asked for.
    Older,
}
