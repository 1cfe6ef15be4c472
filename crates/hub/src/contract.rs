//! What passes between the hub and the program around it.
//!
//! The hub is called with a connection, a line of it and the time. What follows from that it gives to a [`Sink`]: lines
//! for connections, [`Record`]s for the store, and [`Job`]s for whatever takes longer than a line of chat may take
//! (reading history, checking a password). A job's [`Answer`] is handed back when it is there; until then the hub takes
//! no further line of that connection, so that replies keep the order of their commands.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::Config;

/// A connection, as the program around the hub numbers it. The hub never looks inside.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnId(pub u64);

/// The time, on both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// For timeouts: since some moment, and never backwards.
    pub monotonic: Duration,
    /// For people: milliseconds since 1970-01-01T00:00:00Z. It may jump.
    pub wall: Millis,
}

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// From where, an IPv4 address mapped into IPv6 as plain IPv4.
    pub address: IpAddr,
    /// The port at that address.
    pub port: u16,
    /// Whether nobody on the way can read or change what is said: TLS, or a terminal of this machine.
    pub secure: bool,
    /// The SHA-256 of the client's TLS certificate in lower-case hexadecimal, if it showed one.
    pub fingerprint: Option<Box<str>>,
    /// Through which door.
    pub door: Door,
}

/// The ways in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    /// IRC lines over a stream.
    Irc,
    /// IRC lines as WebSocket messages.
    WebSocket,
    /// Bare text over a stream, spoken for by the plain door's machine.
    Plain,
    /// Bare text in datagrams, spoken for by the plain door's machine.
    Datagram,
    /// The person at the server's own terminal.
    Terminal,
}

/// Whether the hub takes the next line of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// Yes.
    Ready,
    /// Not before this time on the monotonic clock: the connection said more than its share.
    Until(Duration),
    /// Not before the answer to its job was handed in.
    Busy,
    /// Never again: it was closed.
    Closed,
}

/// Where the hub's outputs go. The calls come in the order in which things happened.
pub trait Sink {
    /// `line`, which ends with CR LF, goes to `to`, after what went to it before.
    fn line(&mut self, to: ConnId, line: &[u8]);
    /// What goes to `to` from now on, and nothing before it, waits until everything recorded so far is kept: the next
    /// line is a receipt.
    fn receipt(&mut self, to: ConnId);
    /// `record` is to be kept.
    fn record(&mut self, record: Record);
    /// `job` is to be done for `conn`, and its answer handed to `Hub::handle_answer`.
    ///
    /// Jobs see every record that came before them.
    fn job(&mut self, conn: ConnId, job: Job);
    /// `conn` is to be closed once what went to it is sent, or at the latest in a few seconds. The hub has forgotten it.
    fn close(&mut self, conn: ConnId);
}

/// What the store keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// Something was said or happened in a conversation.
    Event(Event),
    /// What `msgid` of `conversation` said is to be forgotten.
    Redact {
        /// The conversation's key.
        conversation: Box<str>,
        /// The message.
        msgid: Box<str>,
    },
    /// The conversation `from` is called `to` from now on, in read markers too; what `to` held until now is forgotten.
    RenameConversation {
        /// The old key.
        from: Box<str>,
        /// The new key.
        to: Box<str>,
    },
    /// All of `conversation` is to be forgotten.
    ForgetConversation {
        /// The conversation's key.
        conversation: Box<str>,
    },
    /// The state of a claimed channel, in place of what was kept of it before; or, without a founder, the mark of a
    /// channel that was closed, whose history goes with it.
    Channel(SavedChannel),
    /// The channel with this folded name is no longer claimed, or no longer there.
    DropChannel {
        /// The folded name.
        key: Box<str>,
    },
    /// How far `account` has read `conversation`.
    ReadMarker {
        /// The account's folded name.
        account: Box<str>,
        /// The target as the client names it, folded.
        target: Box<str>,
        /// The time of the last message read.
        read: Millis,
    },
    /// Metadata of an account or a claimed channel; `None` deletes it.
    Metadata {
        /// The folded name of the account, or of the channel with its `#`.
        owner: Box<str>,
        /// The key.
        key: Box<str>,
        /// The value.
        value: Option<Box<str>>,
    },
}

/// Something that was said or happened, as it is kept and shown again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The conversation: a channel's folded name, or for a private one `@` and its two sides, the lesser first, with a
    /// comma between: `@$ann,~17`. A side is `$` with an account's folded name, or `~` with what names a guest for as long
    /// as it is connected; it has no comma. Who talks to itself is both sides.
    pub conversation: Box<str>,
    /// Its id: unique for all time, and without spaces.
    pub msgid: Box<str>,
    /// When. Never less than that of the event recorded before.
    pub time: Millis,
    /// Who: `nick!user@host`.
    pub source: Box<str>,
    /// The account of who, if logged in.
    pub account: Option<Box<str>>,
    /// Whether who has the bot mode.
    pub bot: bool,
    /// The client-only tags as they stood on the wire (`+draft/reply=abc;+x`), without `@`; mostly empty.
    pub tags: Box<str>,
    /// `PRIVMSG`, `NOTICE`, `TAGMSG`, `JOIN`, `PART`, `QUIT`, `KICK`, `NICK`, `TOPIC`, `MODE`, `REDACT`, ….
    pub command: Box<str>,
    /// The parameters before the text: the target, a kicked nickname, …. What a guest said has one more, which is not
    /// shown: the guest's session, `~` and its id.
    pub params: Vec<Box<str>>,
    /// The last parameter, the text. A message of several lines (draft/multiline) has them all, with `\n` before a line
    /// that stands alone and `\r` before one that continues the line before it.
    pub text: Option<Box<str>>,
}

/// A claimed channel as it is kept.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedChannel {
    /// The folded name, by which it is found.
    pub key: Box<str>,
    /// The name as shown.
    pub name: Box<str>,
    /// The folded name of the founder's account; empty if nobody claimed it. Then only the name counts: after a restart
    /// its history is forgotten before somebody makes a channel of that name again.
    pub founder: Box<str>,
    /// When it was created.
    pub created: Millis,
    /// The topic, who set it and when.
    pub topic: Option<(Box<str>, Box<str>, Millis)>,
    /// The modes without lists, as `+ntk` and its parameters.
    pub modes: Vec<Box<str>>,
    /// The entries of the list modes: letter, mask, who set it, when.
    pub lists: Vec<(char, Box<str>, Box<str>, Millis)>,
}

/// What was kept from before, for a hub that starts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Saved {
    /// The accounts: folded name, name as shown.
    pub accounts: Vec<(Box<str>, Box<str>)>,
    /// The claimed channels.
    pub channels: Vec<SavedChannel>,
    /// How far each account has read: folded account, folded target, time.
    pub read_markers: Vec<(Box<str>, Box<str>, Millis)>,
    /// Metadata: owner, key, value.
    pub metadata: Vec<(Box<str>, Box<str>, Box<str>)>,
    /// The time of the last event kept, below which no new one may fall.
    pub last_event: Millis,
}

/// What was read again while the server runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reloaded {
    /// The settings.
    pub config: Config,
    /// The accounts: folded name, name as shown. The hub adds those that it does not know, which somebody made beside the
    /// server; one that is missing here may be one that was made a moment ago.
    pub accounts: Vec<(Box<str>, Box<str>)>,
}

impl From<Config> for Reloaded {
    fn from(config: Config) -> Self {
        Self { config, accounts: Vec::new() }
    }
}

/// What takes longer than a line may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Job {
    /// A page of history. Answered by [`Answer::History`].
    History(HistoryQuery),
    /// The conversations of which `owner` is a side, or which are in `channels`, with the time of what was last said
    /// (`PRIVMSG`, `NOTICE`), where that time is between `after` and `before`; the oldest first, at most `limit`. Answered
    /// by [`Answer::Targets`].
    Targets {
        /// The side that the asker is, as [`Event::conversation`] says how it is written.
        owner: Box<str>,
        /// Channels' conversation keys.
        channels: Vec<Box<str>>,
        /// Later than this.
        after: Millis,
        /// Earlier than this.
        before: Millis,
        /// At most so many.
        limit: usize,
    },
    /// One message. Answered by [`Answer::Found`].
    Find {
        /// The conversation's key.
        conversation: Box<str>,
        /// The message's id.
        msgid: Box<str>,
    },
    /// A step of SASL. Answered by [`Answer::Sasl`].
    Sasl(SaslStep),
    /// A new account. Answered by [`Answer::Registered`].
    Register {
        /// Its name as shown, valid as a nickname is.
        account: Box<str>,
        /// The folded name, by which it is found.
        key: Box<str>,
        /// The address for mail, as given.
        email: Option<Box<str>>,
        /// The password in clear.
        password: Secret,
        /// From where, for the limits on new accounts.
        address: IpAddr,
    },
    /// Whether `password` is the one of which `hash` (a PHC string) was made. Answered by [`Answer::Password`].
    CheckPassword {
        /// What the configuration holds.
        hash: Box<str>,
        /// What was said.
        password: Secret,
        /// From where, for the limits on guessing.
        address: IpAddr,
    },
    /// Read the configuration again. Answered by [`Answer::Reloaded`].
    Reload,
}

/// Text that is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(pub Box<str>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A page of a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HistoryQuery {
    /// The conversation's key.
    pub conversation: Box<str>,
    /// Which part.
    pub part: Part,
    /// At most so many events.
    pub limit: usize,
    /// Only what was said (`PRIVMSG`, `NOTICE`), or whatever happened.
    pub said_only: bool,
    /// Whether `TAGMSG` is wanted too.
    pub tagmsg: bool,
}

/// Which part of a conversation. Pages are given oldest first, whichever end they were counted from; the events that
/// bound a part do not belong to it, but for [`Part::Around`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// The last ones, but none at or before the bound.
    Latest(Option<Bound>),
    /// The last ones before the bound.
    Before(Bound),
    /// The first ones after the bound.
    After(Bound),
    /// Half of them before and half after the bound, with it.
    Around(Bound),
    /// Those between the two. Counted from the first bound: if it is the later one, the last ones before it.
    Between(Bound, Bound),
}

/// A place in a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bound {
    /// A moment.
    Time(Millis),
    /// A message.
    Msgid(Box<str>),
}

/// A step of a SASL exchange; there is at most one exchange at a time on a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SaslStep {
    /// The client chose a mechanism. Answered by an empty challenge, or by failure if there is no such mechanism.
    Start {
        /// `PLAIN`, `SCRAM-SHA-256` or `EXTERNAL`.
        mechanism: Box<str>,
        /// From where, for the limits on guessing.
        address: IpAddr,
        /// The client's certificate, for `EXTERNAL`.
        fingerprint: Option<Box<str>>,
    },
    /// What the client said, decoded.
    Response(Box<[u8]>),
    /// The client gave up, or went away.
    Abort,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The page, oldest first; or `None` if a bound names a message that is not kept.
    History(Option<Vec<Event>>),
    /// Conversation keys and the times of their last messages, oldest first.
    Targets(Vec<(Box<str>, Millis)>),
    /// The message, if it is kept.
    Found(Option<Event>),
    /// What SASL says.
    Sasl(SaslOutcome),
    /// The account's name as shown, or why there is none.
    Registered(Result<Box<str>, RegisterError>),
    /// Whether the password is right.
    Password(bool),
    /// The new settings, or what is wrong with them, one mistake a line.
    Reloaded(Result<Box<Reloaded>, Vec<String>>),
    /// It could not be done, for a reason that is the server's. What it was stands in the server's log.
    Failed,
}

/// What follows from a step of SASL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SaslOutcome {
    /// More is wanted; this is to be sent, encoded.
    Challenge(Box<[u8]>),
    /// Logged in. `last` is to be sent before, if the mechanism ends with a word of the server's.
    Success {
        /// The account's name as shown.
        account: Box<str>,
        /// The last challenge, which the client answers with an empty response.
        last: Option<Box<[u8]>>,
    },
    /// Not logged in.
    Failure,
    /// No such mechanism.
    NoMechanism,
    /// Too many tries from this address or for this account; come back later.
    Slowed,
}

/// Why there is no new account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegisterError {
    /// There is one with this name, or one that looks like it.
    Exists,
    /// The password has fewer characters than this.
    TooShort(usize),
    /// The password is too long, or holds what a password may not.
    BadPassword,
    /// Too many new accounts from this address, or too many at a time.
    Slowed,
}
