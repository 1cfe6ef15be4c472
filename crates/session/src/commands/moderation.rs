//! Commands of who looks after a room.

use super::{Ask, need, usage, word};
use crate::contract::Now;
use crate::room::RoomId;
use crate::session::{Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

/// How many changes of modes one line holds: what RFC 1459 allows.
const CHANGES: usize = 3;

pub(super) fn op(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    change(session, room, rest, now, ("op", '+', 'o'))
}

pub(super) fn deop(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    change(session, room, rest, now, ("deop", '-', 'o'))
}

pub(super) fn voice(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    change(session, room, rest, now, ("voice", '+', 'v'))
}

pub(super) fn devoice(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    change(session, room, rest, now, ("devoice", '-', 'v'))
}

/// Gives a mode to each of several people, or takes it.
fn change(
    session: &mut Session,
    room: RoomId,
    rest: &str,
    now: Now,
    (name, sign, mode): (&str, char, char),
) -> Done {
    let channel = session.need_channel(room)?.name.clone();
    let nicks: Vec<&str> = need(rest, name)?.split_whitespace().collect();
    session.asks(room, now);
    for nicks in nicks.chunks(CHANGES) {
        let letters: String =
            std::iter::once(sign).chain(std::iter::repeat_n(mode, nicks.len())).collect();
        session.send("MODE", |line| {
            line.param(&channel).param(&letters).params(nicks.iter().copied())
        });
    }
    Ok(None)
}

pub(super) fn ban(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let channel = session.need_channel(room)?.name.clone();
    session.asks(room, now);
    let who = word(rest).0;
    if who.is_empty() {
        session.send("MODE", |line| line.param(&channel).param("+b"));
        return Ok(None);
    }
    let mask = mask_of(session, who);
    session.send("MODE", |line| line.param(&channel).param("+b").param(&mask));
    Ok(None)
}

pub(super) fn unban(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let channel = session.need_channel(room)?.name.clone();
    let mask = mask_of(session, word(need(rest, "unban")?).0);
    session.asks(room, now);
    session.send("MODE", |line| line.param(&channel).param("-b").param(&mask));
    Ok(None)
}

/// The mask that a ban takes: as it was typed, or for somebody's name their host, which changes less easily than a name.
fn mask_of(session: &Session, who: &str) -> String {
    if who.contains(['!', '@', '*', '?', '~', ':', '$']) {
        return who.to_owned();
    }
    match session.person(who).and_then(|person| person.host.as_ref()) {
        Some(host) => format!("*!*@{host}"),
        None => format!("{who}!*@*"),
    }
}

pub(super) fn kick(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let channel = session.need_channel(room)?.name.clone();
    let (nick, reason) = word(need(rest, "kick")?);
    session.asks(room, now);
    session.send("KICK", |line| {
        let line = line.param(&channel).param(nick);
        if reason.is_empty() { line } else { line.text(reason) }
    });
    Ok(None)
}

pub(super) fn invite(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (nick, rest) = word(need(rest, "invite")?);
    let channel = match word(rest).0 {
        "" => session.need_channel(room)?.name.to_string(),
        channel => channel.to_owned(),
    };
    session.need_online()?;
    session.asks(room, now);
    session.send("INVITE", |line| line.param(nick).param(&channel));
    Ok(None)
}

pub(super) fn mode(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    session.need_online()?;
    let (first, after) = word(rest);
    // `+nt` is about this room, `#other +nt` and `alice +i` are not.
    let (target, changes) = if first.is_empty() || first.starts_with(['+', '-']) {
        (session.need_channel(room).map_err(|_| usage("mode"))?.name.to_string(), rest)
    } else {
        (first.to_owned(), after)
    };
    session.asks(room, now);
    session.send("MODE", |line| line.param(&target).params(changes.split_whitespace()));
    Ok(None)
}
