//! How an event lies in a row.
//!
//! Its **place** orders the events of a conversation: the time in milliseconds, and below it [`TIE_BITS`] bits that count
//! those of one millisecond. So the index that orders also finds a moment, and time and order need eight bytes together.
//!
//! Its **kind** stands before the place in the key, so that what was said is found without stepping over what was not.

use callbox_hub::contract::{Event, Millis};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

/// A million events in a millisecond; the one after them would be shown with the next millisecond.
const TIE_BITS: u32 = 20;

/// The last moment that a place can hold: in the year 2248. Later ones count as this one.
const LAST_MOMENT: Millis = (1 << (63 - TIE_BITS)) - 2;

/// The first place of the millisecond `time`.
pub(super) fn first_place(time: Millis) -> i64 {
    (time.min(LAST_MOMENT) << TIE_BITS) as i64
}

/// The first place after the millisecond `time`.
pub(super) fn place_after(time: Millis) -> i64 {
    ((time.min(LAST_MOMENT) + 1) << TIE_BITS) as i64
}

/// The time of a place.
pub(super) fn time_of(place: i64) -> Millis {
    (place >> TIE_BITS).max(0) as Millis
}

/// What history may be asked for with or without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// `PRIVMSG` and `NOTICE`.
    Said = 0,
    /// `TAGMSG`.
    Tags = 1,
    /// All else.
    Other = 2,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Said, Self::Tags, Self::Other];

    /// The kind of a command.
    pub(super) fn of(command: &str) -> Self {
        match command {
            "PRIVMSG" | "NOTICE" => Self::Said,
            "TAGMSG" => Self::Tags,
            _ => Self::Other,
        }
    }
}

/// The commands that are written as a number, their index. New ones go to the end.
const COMMANDS: &[&str] = &[
    "PRIVMSG", "NOTICE", "TAGMSG", "JOIN", "PART", "QUIT", "KICK", "NICK", "TOPIC", "MODE",
    "REDACT", "RENAME", "INVITE", "SETNAME", "CHGHOST",
];

/// A command as it is written: a known one as one byte, another as text.
pub(super) struct Command<'a>(pub(super) &'a str);

impl ToSql for Command<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match COMMANDS.iter().position(|&known| known == self.0) {
            Some(index) => ToSqlOutput::Owned((index as i64).into()),
            None => ToSqlOutput::Borrowed(self.0.into()),
        })
    }
}

fn command(value: ValueRef<'_>) -> Box<str> {
    let known = |index: i64| COMMANDS.get(usize::try_from(index).ok()?).copied();
    match value {
        ValueRef::Integer(index) => known(index).unwrap_or("UNKNOWN").into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        _ => "UNKNOWN".into(),
    }
}

/// The columns that [`event`] reads, in its order.
macro_rules! event_columns {
    () => {
        "place, msgid, source, account, bot, tags, command, params, text"
    };
}
pub(super) use event_columns;

/// The event of a row of `conversation`, and its place.
pub(super) fn event(conversation: &str, row: &Row<'_>) -> rusqlite::Result<(i64, Event)> {
    let place = row.get(0)?;
    let event = Event {
        conversation: conversation.into(),
        msgid: row.get(1)?,
        time: time_of(place),
        source: row.get(2)?,
        account: row.get(3)?,
        bot: row.get(4)?,
        tags: row.get::<_, Option<_>>(5)?.unwrap_or_default(),
        command: command(row.get_ref(6)?),
        params: unpack(row.get_ref(7)?.as_str_or_null()?),
        text: row.get(8)?,
    };
    Ok((place, event))
}

/// Several texts as one, with line feeds between; `None` for none at all. What comes off a line of IRC has no line feed,
/// but whatever has one comes back as it was.
pub(super) fn pack<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut packed: Option<String> = None;
    for part in parts {
        let all = match &mut packed {
            Some(all) => {
                all.push('\n');
                all
            }
            None => packed.insert(String::new()),
        };
        for piece in part.split_inclusive(['\n', '\\']) {
            match (piece.strip_suffix('\n'), piece.strip_suffix('\\')) {
                (Some(plain), _) => all.extend([plain, "\\n"]),
                (_, Some(plain)) => all.extend([plain, "\\\\"]),
                _ => all.push_str(piece),
            }
        }
    }
    packed
}

/// The texts of which [`pack`] made one.
pub(super) fn unpack(packed: Option<&str>) -> Vec<Box<str>> {
    let Some(packed) = packed else { return Vec::new() };
    packed.split('\n').map(unescape).collect()
}

fn unescape(part: &str) -> Box<str> {
    if !part.contains('\\') {
        return part.into();
    }
    let mut plain = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(char) = chars.next() {
        plain.push(match (char, char == '\\') {
            (_, true) if chars.next() == Some('n') => '\n',
            (char, _) => char,
        });
    }
    plain.into()
}

/// The sides of a private conversation: those between the commas of a key that begins with `@`.
pub(super) fn sides(key: &str) -> Vec<&str> {
    let mut sides: Vec<_> =
        key.strip_prefix('@').map(|sides| sides.split(',').collect()).unwrap_or_default();
    sides.dedup();
    sides
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_keeps_its_time_and_the_times_keep_their_order() {
        for time in [0, 1, 1_764_000_000_000, LAST_MOMENT] {
            assert_eq!(time_of(first_place(time)), time);
            assert_eq!(time_of(place_after(time) - 1), time);
        }
        assert!(
            first_place(Millis::MAX) > 0 && place_after(Millis::MAX) > first_place(Millis::MAX)
        );
    }

    #[test]
    fn the_sides_of_a_private_conversation_stand_in_its_key() {
        assert_eq!(sides("@$ann,~g-17"), ["$ann", "~g-17"]);
        assert_eq!(sides("@$ann,$ann"), ["$ann"]);
        assert_eq!(sides("#room,a"), [""; 0]);
    }

    proptest! {
        #[test]
        fn whatever_is_packed_comes_back(parts in proptest::collection::vec("[a\\\\\nn你]{0,6}", 0..5)) {
            let packed = pack(parts.iter().map(String::as_str));
            let unpacked: Vec<String> = unpack(packed.as_deref()).into_iter().map(Into::into).collect();
            prop_assert_eq!(unpacked, parts);
        }
    }
}
