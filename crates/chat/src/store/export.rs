//! Writes a conversation out, for people or for programs.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::Path;

use callbox_exchange::{Bare, Json};
use callbox_hub::contract::Event;
use callbox_irc::stamp;

use super::reader::{From, conversation, page};
use super::row::Kind;
use super::schema::{self, Access, StoreError};

/// Events that are read at a time. Between two reads nothing is held, so that an export does not keep a running server's
/// log from beginning anew.
const PAGE: usize = 512;

/// How it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// A JSON object a line, with all that is kept.
    JsonLines,
    /// A line a line, as a person would read it: `2026-11-22T13:43:14.123Z <sally> hello`.
    Text,
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such conversation.
    #[error("nothing is kept of {}", Bare(.0.as_bytes()))]
    Unknown(Box<str>),
    /// The database does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is written to takes no more.
    #[error(transparent)]
    Output(io::Error),
}

/// Writes all of the conversation with the key `key` to `out`, oldest first, and gives the number of events. The store in
/// `folder` may be in use.
///
/// It is read piece by piece, and takes as much memory for a million lines as for a thousand.
pub fn export(
    folder: &Path,
    key: &str,
    out: &mut dyn Write,
    format: Format,
) -> Result<u64, ExportError> {
    let connection = schema::open(folder, Access::Read)?;
    let of = |error| StoreError::of(folder, error);
    let id = conversation(&connection, key).map_err(of)?;
    let id = id.ok_or_else(|| ExportError::Unknown(key.into()))?;
    let (mut start, mut count) = (0, 0);
    loop {
        let places = (start, i64::MAX);
        let events =
            page(&connection, (id, key), &Kind::ALL, places, From::Start, PAGE).map_err(of)?;
        let Some((last, _)) = events.last() else { return Ok(count) };
        start = last + 1;
        for (_, event) in &events {
            match format {
                Format::JsonLines => writeln!(out, "{}", JsonLine(event)),
                Format::Text => write!(out, "{}", TextLines(event)),
            }
            .map_err(ExportError::Output)?;
            count += 1;
        }
    }
}

/// An event as a JSON object.
struct JsonLine<'a>(&'a Event);

impl Display for JsonLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.0;
        write!(f, "{{\"time\":\"{}\",\"msgid\":{}", stamp::text(event.time), Json(&event.msgid))?;
        write!(f, ",\"source\":{}", Json(&event.source))?;
        if let Some(account) = &event.account {
            write!(f, ",\"account\":{}", Json(account))?;
        }
        if event.bot {
            f.write_str(",\"bot\":true")?;
        }
        if !event.tags.is_empty() {
            write!(f, ",\"tags\":{}", Json(&event.tags))?;
        }
        write!(f, ",\"command\":{},\"params\":[", Json(&event.command))?;
        for (index, param) in event.shown_params().iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "," }, Json(param))?;
        }
        f.write_str("]")?;
        if let Some(text) = &event.text {
            write!(f, ",\"text\":{}", Json(text))?;
        }
        f.write_str("}")
    }
}

/// An event as a person would read it; several lines for a message of several.
struct TextLines<'a>(&'a Event);

impl Display for TextLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.0;
        let time = stamp::text(event.time);
        let nick = event.source.split('!').next().unwrap_or_default();
        let nick = Bare(nick.as_bytes());
        // A line that continues the one before it stands on the same line.
        let text = event.text.as_deref().unwrap_or_default().replace('\r', "");
        let action = text.strip_prefix("\u{1}ACTION ");
        match (&*event.command, action) {
            ("PRIVMSG", Some(action)) => {
                let action = action.strip_suffix('\u{1}').unwrap_or(action);
                writeln!(f, "{time} * {nick} {}", Bare(action.as_bytes()))
            }
            ("PRIVMSG", None) => text
                .split('\n')
                .try_for_each(|line| writeln!(f, "{time} <{nick}> {}", Bare(line.as_bytes()))),
            ("NOTICE", _) => text
                .split('\n')
                .try_for_each(|line| writeln!(f, "{time} -{nick}- {}", Bare(line.as_bytes()))),
            (command, _) => {
                write!(f, "{time} {nick} {}", Bare(command.as_bytes()))?;
                for param in event.shown_params() {
                    write!(f, " {}", Bare(param.as_bytes()))?;
                }
                if !text.is_empty() {
                    write!(f, " :{}", Bare(text.as_bytes()))?;
                }
                writeln!(f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(command: &str, text: &str) -> Event {
        Event {
            conversation: "#room".into(),
            msgid: "m1".into(),
            time: 1_795_354_994_123,
            source: "sally!s@host".into(),
            account: Some("sally".into()),
            bot: true,
            tags: "+draft/reply=a".into(),
            command: command.into(),
            params: vec!["#Room".into(), "bob".into()],
            text: Some(text.into()),
        }
    }

    #[test]
    fn a_json_line_holds_all_that_is_kept() {
        assert_eq!(
            JsonLine(&event("KICK", "out")).to_string(),
            "{\"time\":\"2026-11-22T13:43:14.123Z\",\"msgid\":\"m1\",\"source\":\"sally!s@host\",\
             \"account\":\"sally\",\"bot\":true,\"tags\":\"+draft/reply=a\",\"command\":\"KICK\",\
             \"params\":[\"#Room\",\"bob\"],\"text\":\"out\"}"
        );
    }

    #[test]
    fn the_session_of_a_guest_is_written_nowhere() {
        let mut event = event("TAGMSG", "");
        event.params = vec!["#room".into(), "~06h08bg0".into()];
        assert!(JsonLine(&event).to_string().contains("\"params\":[\"#room\"],"));
        assert!(TextLines(&event).to_string().ends_with(" sally TAGMSG #room\n"));
    }

    #[test]
    fn text_reads_as_a_chat_does() {
        let line = |command, text| {
            TextLines(&event(command, text)).to_string().replace("2026-11-22T13:43:14.123Z", "T")
        };
        assert_eq!(line("PRIVMSG", "hello"), "T <sally> hello\n");
        assert_eq!(line("NOTICE", "hello"), "T -sally- hello\n");
        assert_eq!(line("PRIVMSG", "\u{1}ACTION waves\u{1}"), "T * sally waves\n");
        assert_eq!(line("PRIVMSG", "a\n\nb\rc"), "T <sally> a\nT <sally> \nT <sally> bc\n");
        assert_eq!(line("KICK", "out"), "T sally KICK #Room bob :out\n");
        assert_eq!(line("PRIVMSG", "\u{1b}[2J"), "T <sally> \\x1b[2J\n");
    }
}
