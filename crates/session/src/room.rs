//! A room of the model: a channel, a private conversation, or the one in which the server speaks.

use std::sync::Arc;

use crate::HashMap;
use crate::contract::Millis;
use crate::line::LineId;
use crate::people::Member;
use crate::timeline::Timeline;

/// A room's number, which is its own for as long as the session lives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomId(pub u32);

/// The number of an own line, from when it is typed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OutId(pub u64);

/// What kind of room it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Where the server and the session speak. There is one, and it is the first.
    Server,
    /// A channel.
    Channel,
    /// A conversation with one person.
    Private,
}

/// Whether we are in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// No: we left, were put out, or were not let in. It stays to be read.
    Out,
    /// We asked to be, or will as soon as we are online.
    Joining,
    /// Yes. A private conversation is always this.
    In,
}

/// What is known of the lines before the first one that is loaded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Older {
    /// There may be some, which can be asked for.
    Maybe,
    /// They were asked for.
    Loading,
    /// There are none.
    None,
    /// The server keeps no history.
    Unavailable,
}

/// A room.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// What kind it is.
    pub kind: Kind,
    /// Its name as shown: `#room`, a nickname, or the network's name.
    pub name: Arc<str>,
    /// Whether we are in it.
    pub presence: Presence,
    /// The topic, who set it and when, as far as known.
    pub topic: Option<Topic>,
    /// What was said and what happened, in the server's order.
    pub timeline: Timeline,
    /// Own lines that are not in the timeline yet, in the order in which they were typed. They are shown below it.
    pub outbox: Vec<Outgoing>,
    /// How much was not read.
    pub unread: Unread,
    /// Up to when it was read, as told by the server or by `Session::mark_read`. The line where reading stopped is drawn
    /// above the first line that others said later.
    pub read: Option<Millis>,
    /// What is known of older lines.
    pub older: Older,
    /// Whether lines that were missed are being fetched.
    pub catching_up: bool,
    /// Who is typing, by the name as shown; kept current by `Session::handle_timeout`.
    pub typing: Vec<Arc<str>>,
    /// Changes whenever `people` does.
    pub people_version: u64,
    /// How many are here, beyond those that are known by name too.
    pub people_count: usize,
    /// The folded name.
    pub(crate) key: Box<str>,
    /// Who is here, by folded nickname.
    pub(crate) people: HashMap<Box<str>, Member>,
}

/// A room's topic.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Topic {
    /// Its words.
    pub text: Box<str>,
    /// Who set it.
    pub by: Option<Box<str>>,
    /// When.
    pub at: Option<Millis>,
}

/// How much of a room was not read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unread {
    /// Lines that somebody else said.
    pub lines: u32,
    /// Those among them that name us; in a private conversation all.
    pub mentions: u32,
}

/// An own line on its way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outgoing {
    /// Its number.
    pub id: OutId,
    /// What is said, as one message would show it; with `\n` if it is one message of several lines.
    pub text: Box<str>,
    /// Whether it is a `/me`.
    pub action: bool,
    /// The `msgid` that it answers.
    pub reply_to: Option<Arc<str>>,
    /// The line whose text it replaces.
    pub edits: Option<LineId>,
    /// When it was typed.
    pub time: Millis,
    /// How far it came.
    pub state: Delivery,
}

/// How far an own line came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// It waits for the connection, the room, or its turn.
    Waiting,
    /// It was sent, and the server has not said that it has it.
    Sending,
    /// The server refused it, or nobody can tell what became of it; in these words. It can be sent again.
    Failed(Box<str>),
}

impl Room {
    /// Who is here, in no order.
    pub fn people(&self) -> impl Iterator<Item = &Member> {
        self.people.values()
    }
}
