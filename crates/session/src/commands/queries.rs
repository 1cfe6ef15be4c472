//! Commands that ask the server something, and being away.

use callbox_irc::tags::{self, TagWriter};

use super::{Ask, need, only_in_channels, usage, word};
use crate::contract::Now;
use crate::room::{Kind, RoomId};
use crate::session::{Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

/// How many names `/names` lists. A larger room has a list beside it to look at.
const NAMES: usize = 200;

pub(super) fn topic(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    if rest.trim().is_empty() {
        let channel = session.room(room).filter(|room| room.kind == Kind::Channel);
        let Some(channel) = channel else { return Err(only_in_channels()) };
        let topic = channel.topic.as_ref();
        let text = match topic {
            Some(topic) => match &topic.by {
                Some(by) => format!("The topic is: {} (by {by})", topic.text),
                None => format!("The topic is: {}", topic.text),
            },
            None => "There is no topic".to_owned(),
        };
        session.info(room, text, now);
        return Ok(None);
    }
    let name = session.need_channel(room)?.name.clone();
    session.asks(room, now);
    session.send("TOPIC", |line| line.param(&name).text(rest));
    Ok(None)
}

pub(super) fn names(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (name, _) = word(rest);
    let asked = if name.is_empty() { Some(room) } else { session.find_room(name) };
    let known = asked.and_then(|id| session.room(id)).filter(|room| room.people_count > 0);
    let Some(known) = known else {
        if name.is_empty() {
            return Err(usage("names"));
        }
        session.need_online()?;
        session.asks(room, now);
        session.send("NAMES", |line| line.param(name));
        return Ok(None);
    };
    let mut names: Vec<String> =
        known.people().map(|member| format!("{}{}", member.prefixes, member.nick)).collect();
    let count = known.people_count;
    names.sort_by_key(|name| name.to_lowercase());
    names.truncate(NAMES);
    let more = match count - names.len().min(count) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!("{count} in {}: {}{more}", known.name, names.join(" "));
    session.info(room, text, now);
    Ok(None)
}

pub(super) fn whois(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    session.need_online()?;
    let here = session.room(room).filter(|room| room.kind == Kind::Private);
    let nick = match (word(rest).0, here) {
        ("", Some(room)) => room.name.to_string(),
        ("", None) => return Err(usage("whois")),
        (nick, _) => nick.to_owned(),
    };
    session.asks(room, now);
    session.send("WHOIS", |line| line.param(&nick));
    Ok(None)
}

pub(super) fn list(session: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    session.need_online()?;
    session.send("LIST", |line| match rest.trim() {
        "" => line,
        rest => line.param(rest),
    });
    Ok(Some(Ask::Show(session.server_room())))
}

pub(super) fn away(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    session.need_online()?;
    session.asks(room, now);
    let words = if rest.trim().is_empty() { "away" } else { rest };
    session.away_wish = Some(words.into());
    session.send("AWAY", |line| line.text(words));
    Ok(None)
}

pub(super) fn back(session: &mut Session, room: RoomId, _: &str, now: Now) -> Done {
    session.need_online()?;
    session.asks(room, now);
    session.away_wish = None;
    session.send("AWAY", |line| line);
    Ok(None)
}

pub(super) fn raw(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let rest = need(rest, "raw")?;
    let (tags, rest) = match rest.strip_prefix('@') {
        Some(tagged) => word(tagged),
        None => ("", rest),
    };
    let (command, params) = word(rest);
    if command.is_empty() || tags.len() > tags::CLIENT_DATA_MAX {
        return Err(usage("raw"));
    }
    if !session.connection.is_open {
        return Err(Refusal::new("there is no connection to the server now"));
    }
    session.asks(room, now);
    let tag = |writer: &mut TagWriter<'_>| {
        writer.raw(tags);
    };
    session.send_tagged(tag, command, |line| {
        if params.is_empty() { line } else { line.raw_params(params) }
    });
    Ok(None)
}
