//! One line of a room: what was said, or what happened.

use std::sync::Arc;

use crate::contract::Millis;

/// A line's number, which is its own for as long as the session lives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LineId(pub u64);

/// A line.
///
/// Its texts are as the peer chose them: whoever shows one has to make its control characters harmless.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Its number.
    pub id: LineId,
    /// When, by the server's clock if it tells, otherwise when it came.
    pub time: Millis,
    /// The server's name for it (IRCv3 message-ids).
    pub msgid: Option<Arc<str>>,
    /// Who: a nickname, or the server's name.
    pub from: Arc<str>,
    /// The account of who, if the server told it.
    pub account: Option<Arc<str>>,
    /// What tells two people of one name apart where there is no account: a number made of user name and host by a secret of
    /// this session; 0 if they are not known.
    pub sender: u32,
    /// What.
    pub what: What,
    /// Whether we said or did it.
    pub own: bool,
    /// Whether it names us.
    pub mention: bool,
    /// What few lines have.
    pub extra: Option<Box<Extra>>,
}

/// What happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// Somebody said this. It may hold `\n` (draft/multiline).
    Said(Box<str>),
    /// Somebody does this (`/me`).
    Did(Box<str>),
    /// A notice: from a program, or the server.
    Notice(Box<str>),
    /// Somebody came.
    Joined,
    /// Somebody left the room, with these words.
    Left(Box<str>),
    /// Somebody left the network, with these words.
    Quit(Box<str>),
    /// Who was put out, and why.
    Kicked(Arc<str>, Box<str>),
    /// Somebody is called this now.
    Renamed(Arc<str>),
    /// The topic is this now.
    Topic(Box<str>),
    /// Modes were changed: `+o alice`.
    Mode(Box<str>),
    /// Who was invited where.
    Invited(Arc<str>, Box<str>),
    /// Something the server or the session has to say.
    Info(Box<str>),
    /// Something failed.
    Error(Box<str>),
}

impl What {
    /// Whether somebody speaks, as opposed to coming, going and the like.
    pub fn is_speech(&self) -> bool {
        matches!(self, Self::Said(_) | Self::Did(_) | Self::Notice(_))
    }

    /// Its words, if it has any.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Said(text)
            | Self::Did(text)
            | Self::Notice(text)
            | Self::Left(text)
            | Self::Quit(text)
            | Self::Kicked(_, text)
            | Self::Topic(text)
            | Self::Mode(text)
            | Self::Invited(_, text)
            | Self::Info(text)
            | Self::Error(text) => Some(text),
            Self::Joined | Self::Renamed(_) => None,
        }
    }
}

/// What few lines have.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Extra {
    /// The `msgid` that it answers (`+reply`).
    pub reply_to: Option<Arc<str>>,
    /// Reactions (`+draft/react`): the text, and who chose it, in the order in which they came.
    pub reactions: Vec<(Box<str>, Vec<Arc<str>>)>,
    /// Whether the text was replaced by its author.
    pub edited: bool,
    /// Who took it back, and why; the text is gone then.
    pub redacted: Option<(Arc<str>, Box<str>)>,
    /// Whether who said it is a program (IRCv3 bot mode).
    pub bot: bool,
}

impl Line {
    /// What few lines have, made if need be.
    pub fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The `msgid` that it answers.
    pub fn reply_to(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.reply_to.as_ref()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| {
            let reactions = extra.reactions.iter();
            size_of::<Extra>()
                + reactions.map(|(text, who)| 64 + text.len() + 16 * who.len()).sum::<usize>()
        });
        // Names are shared with the room; the number stands in an index too, and so does a msgid.
        size_of::<Self>()
            + 32
            + self.what.text().map_or(0, str::len)
            + self.msgid.as_ref().map_or(0, |msgid| 64 + msgid.len())
            + extra
    }
}
