//! What is heard, as the tool writes it: lines for people, or one JSON object a line.

use std::fmt::{self, Display, Write};

use callbox_exchange::{Bare, Json};
use callbox_irc::stamp;
use callbox_session::contract::Origin;
use callbox_session::line::{Line, What};
use callbox_session::room::Room;

/// A line as a person reads it: `#dev <sally> hello`, once for each of its lines.
pub(super) struct Text<'a>(pub(super) &'a Room, pub(super) &'a Line);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(room, line) = self;
        let room = Bare(room.name.as_bytes());
        let nick = Bare(line.from.as_bytes());
        let shown = |text: &str| Bare(text.as_bytes()).to_string();
        let because = |text: &str| match text {
            "" => String::new(),
            text => format!(" ({})", shown(text)),
        };
        match &line.what {
            What::Said(text) => each(f, text, |text| format!("{room} <{nick}> {text}")),
            What::Notice(text) => each(f, text, |text| format!("{room} -{nick}- {text}")),
            What::Did(text) => each(f, text, |text| format!("{room} * {nick} {text}")),
            What::Joined => write!(f, "{room} {nick} has joined"),
            What::Left(words) => write!(f, "{room} {nick} has left{}", because(words)),
            What::Quit(words) => write!(f, "{room} {nick} has gone{}", because(words)),
            What::Kicked(who, words) => {
                write!(f, "{room} {nick} has put out {}{}", shown(who), because(words))
            }
            What::Renamed(to) => write!(f, "{room} {nick} is now {}", shown(to)),
            What::Topic(text) => write!(f, "{room} {nick} has set the topic: {}", shown(text)),
            What::Mode(change) => write!(f, "{room} {nick} has set {}", shown(change)),
            What::Invited(who, to) => {
                write!(f, "{room} {nick} has invited {} to {}", shown(who), shown(to))
            }
            What::Info(text) | What::Error(text) => write!(f, "{room} {}", shown(text)),
        }
    }
}

/// Writes each line of a message of several. What a peer chose is made harmless before.
fn each(f: &mut fmt::Formatter<'_>, text: &str, write: impl Fn(&str) -> String) -> fmt::Result {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            f.write_char('\n')?;
        }
        f.write_str(&write(&Bare(line.as_bytes()).to_string()))?;
    }
    Ok(())
}

/// A line as an object: what stands in it is told in the help of `--json`.
pub(super) struct Object<'a> {
    pub(super) room: &'a Room,
    pub(super) line: &'a Line,
    /// `None` if it was there and has changed.
    pub(super) origin: Option<Origin>,
}

impl Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room, line, origin } = self;
        let kind = match (&line.what, origin) {
            (_, None) => "changed",
            (What::Said(_), _) => "said",
            (What::Did(_), _) => "did",
            (What::Notice(_), _) => "notice",
            (What::Joined, _) => "joined",
            (What::Left(_), _) => "left",
            (What::Quit(_), _) => "quit",
            (What::Kicked(..), _) => "kicked",
            (What::Renamed(_), _) => "renamed",
            (What::Topic(_), _) => "topic",
            (What::Mode(_), _) => "mode",
            (What::Invited(..), _) => "invited",
            (What::Info(_), _) => "info",
            (What::Error(_), _) => "error",
        };
        let mut object = Members::open(f)?;
        object.text("time", &stamp::text(line.time))?;
        object.text("room", &room.name)?;
        object.text("kind", kind)?;
        object.text("from", &line.from)?;
        object.maybe("account", line.account.as_deref())?;
        match &line.what {
            What::Kicked(who, _) | What::Renamed(who) | What::Invited(who, _) => {
                object.text("who", who)?;
            }
            _ => {}
        }
        object.maybe("text", line.what.text())?;
        object.maybe("msgid", line.msgid.as_deref())?;
        if let Some(extra) = &line.extra {
            object.maybe("reply_to", extra.reply_to.as_deref())?;
            if let Some((by, reason)) = &extra.redacted {
                object.text("redacted_by", by)?;
                object.text("redacted_because", reason)?;
            }
            if !extra.reactions.is_empty() {
                object.reactions(&extra.reactions)?;
            }
            object.flag("edited", extra.edited)?;
            object.flag("bot", extra.bot)?;
        }
        object.flag("own", line.own)?;
        object.flag("missed", *origin == Some(Origin::Missed))?;
        object.close()
    }
}

/// The members of an object, one after the other.
struct Members<'f, 'a>(&'f mut fmt::Formatter<'a>, &'static str);

impl<'f, 'a> Members<'f, 'a> {
    fn open(f: &'f mut fmt::Formatter<'a>) -> Result<Self, fmt::Error> {
        f.write_char('{')?;
        Ok(Self(f, ""))
    }

    fn text(&mut self, name: &str, value: &str) -> fmt::Result {
        write!(self.0, "{}\"{name}\":{}", std::mem::replace(&mut self.1, ","), Json(value))
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.text(name, value))
    }

    fn flag(&mut self, name: &str, holds: bool) -> fmt::Result {
        match holds {
            true => write!(self.0, "{}\"{name}\":true", std::mem::replace(&mut self.1, ",")),
            false => Ok(()),
        }
    }

    fn reactions<N: AsRef<str>>(&mut self, reactions: &[(Box<str>, Vec<N>)]) -> fmt::Result {
        write!(self.0, "{}\"reactions\":{{", std::mem::replace(&mut self.1, ","))?;
        for (index, (reaction, who)) in reactions.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(self.0, "{comma}{}:[", Json(reaction))?;
            for (index, nick) in who.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(self.0, "{comma}{}", Json(nick.as_ref()))?;
            }
            self.0.write_char(']')?;
        }
        self.0.write_char('}')
    }

    fn close(self) -> fmt::Result {
        self.0.write_char('}')
    }
}
