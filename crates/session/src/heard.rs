//! A line from the server, with what every reader of it asks for: who, when, and its tags.

use std::borrow::Cow;

use callbox_irc::message::Message;
use callbox_irc::{stamp, tags};

use crate::contract::{Millis, Now};

/// A line from the server, parsed. All is lent from the line.
#[derive(Clone, Debug)]
pub(crate) struct Heard<'a> {
    /// The line as it came, for whoever has to keep it: parsing it again gives the same.
    pub(crate) line: &'a str,
    /// Its parts.
    pub(crate) message: Message<'a>,
    /// The nickname of who sent it, or the server's name; empty if there is no source.
    pub(crate) nick: &'a str,
    /// The user name in the source.
    pub(crate) user: Option<&'a str>,
    /// The host in the source.
    pub(crate) host: Option<&'a str>,
    /// When it was sent, by the server's clock if it tells (server-time), otherwise when it came.
    pub(crate) time: Millis,
    /// Whether the server told the time.
    pub(crate) is_timed: bool,
    /// The server's name for it (message-ids).
    pub(crate) msgid: Option<Cow<'a, str>>,
    /// The account of who sent it (account-tag). `None` also where the server does not tell.
    pub(crate) account: Option<Cow<'a, str>>,
    /// Which of our lines it answers (labeled-response).
    pub(crate) label: Option<Cow<'a, str>>,
    /// The open batch to which it belongs.
    pub(crate) batch: Option<Cow<'a, str>>,
    /// Whether who sent it is a program (bot mode).
    pub(crate) bot: bool,
}

impl<'a> Heard<'a> {
    /// Parses a line without its ending. `None` if it is no message.
    pub(crate) fn parse(line: &'a str, now: Now) -> Option<Self> {
        let message = Message::parse(line).ok()?;
        let source = message.source.unwrap_or_default();
        let (name, host) = split(source, '@');
        let (nick, user) = split(name, '!');
        let mut heard = Self {
            line,
            nick,
            user,
            host,
            time: now.wall,
            is_timed: false,
            msgid: None,
            account: None,
            label: None,
            batch: None,
            bot: false,
            message,
        };
        for (key, value) in tags::parse(heard.message.tags) {
            match key {
                "time" => {
                    if let Some(time) = stamp::parse(&value) {
                        (heard.time, heard.is_timed) = (time, true);
                    }
                }
                "msgid" => heard.msgid = some(value),
                "account" => heard.account = some(value).filter(|account| account != "*"),
                "label" => heard.label = some(value),
                "batch" => heard.batch = some(value),
                "bot" | "draft/bot" => heard.bot = true,
                _ => {}
            }
        }
        Some(heard)
    }

    /// The command, or the three digits of a numeric.
    pub(crate) fn command(&self) -> &'a str {
        self.message.command
    }

    /// A parameter; empty if there are not so many.
    pub(crate) fn param(&self, index: usize) -> &'a str {
        self.message.params.get(index).copied().unwrap_or_default()
    }

    /// The last parameter; empty if there is none.
    pub(crate) fn last(&self) -> &'a str {
        self.message.params.last().copied().unwrap_or_default()
    }

    /// The words of a QUIT. Servers put `Quit: ` before those of the one who leaves, also where there are none.
    pub(crate) fn parting(&self) -> &'a str {
        match self.param(0) {
            "Quit:" | "Quit: " => "",
            words => words,
        }
    }

    /// How many parameters there are.
    pub(crate) fn count(&self) -> usize {
        self.message.params.len()
    }

    /// The number of a numeric.
    pub(crate) fn numeric(&self) -> Option<u16> {
        let digits = self.message.command;
        let is_numeric = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_numeric.then(|| digits.parse().ok()).flatten()
    }

    /// A tag's unescaped value.
    pub(crate) fn tag(&self, key: &str) -> Option<Cow<'a, str>> {
        self.message.tag(key)
    }

    /// Whether a server sent it, and not a person: people have a user name and a host, or at least no dot.
    pub(crate) fn is_from_server(&self) -> bool {
        self.user.is_none() && (self.nick.is_empty() || self.nick.contains('.'))
    }
}

fn some(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    Some(value).filter(|value| !value.is_empty())
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after).filter(|after| !after.is_empty())),
        None => (text, None),
    }
}
