//! Commands that say something.

use callbox_irc::capability::CapSet;

use super::{Ask, need, word};
use crate::contract::{Now, Origin};
use crate::line::{Line, What};
use crate::room::RoomId;
use crate::session::{Manner, Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

pub(super) fn say(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    session.say(room, need(rest, "say")?, &Manner::default(), now)?;
    Ok(None)
}

pub(super) fn me(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let manner = Manner { action: true, ..Manner::default() };
    session.say(room, need(rest, "me")?, &manner, now)?;
    Ok(None)
}

pub(super) fn msg(session: &mut Session, _: RoomId, rest: &str, now: Now) -> Done {
    let (name, text) = word(need(rest, "msg")?);
    let text = need(text, "msg")?;
    let room = target(session, name, now)?;
    session.say(room, text, &Manner::default(), now)?;
    Ok(None)
}

pub(super) fn query(session: &mut Session, _: RoomId, rest: &str, now: Now) -> Done {
    let (name, text) = word(need(rest, "query")?);
    let room = session.open(name, now)?;
    if !text.is_empty() {
        session.say(room, text, &Manner::default(), now)?;
    }
    Ok(Some(Ask::Show(room)))
}

pub(super) fn notice(session: &mut Session, _: RoomId, rest: &str, now: Now) -> Done {
    let (name, text) = word(need(rest, "notice")?);
    let text = need(text, "notice")?.replace(['\r', '\n'], " ");
    session.need_online()?;
    let room = target(session, name, now)?;
    session.send("NOTICE", |line| line.param(name).text(&text));
    // Where there is an echo, that is the line.
    if !session.network.caps.contains(CapSet::ECHO_MESSAGE) {
        let line = Line {
            from: session.nick.clone(),
            own: true,
            ..session.remark(What::Notice(text.into()), now)
        };
        session.push_line(room, line, Origin::Live, now);
    }
    Ok(None)
}

/// The room that is meant: one that there is, or the conversation with somebody.
fn target(session: &mut Session, name: &str, now: Now) -> Result<RoomId, Refusal> {
    if session.network.is_room(name) {
        let text = || Refusal(format!("you are not in {name}; /join {name} goes there"));
        return session.find_room(name).ok_or_else(text);
    }
    session.open(name, now)
}
