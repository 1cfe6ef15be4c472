//! Commands that come and go: rooms, and the network.

use super::{Ask, need, word};
use crate::contract::{Now, Status};
use crate::room::RoomId;
use crate::session::{Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

pub(super) fn join(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (names, keys) = word(need(rest, "join")?);
    let mut keys = word(keys).0.split(',');
    let mut shown = None;
    for name in names.split(',').filter(|name| !name.is_empty()) {
        session.asks(room, now);
        shown = Some(session.join(name, keys.next(), now)?);
    }
    Ok(shown.map(Ask::Show))
}

pub(super) fn part(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (name, words) = word(rest);
    match session.find_room(name).filter(|_| session.network.is_room(name)) {
        Some(other) => session.part(other, words, now)?,
        None => session.part(room, rest, now)?,
    }
    Ok(None)
}

pub(super) fn close(session: &mut Session, room: RoomId, _: &str, now: Now) -> Done {
    session.close(room, now)?;
    Ok(None)
}

pub(super) fn quit(session: &mut Session, _: RoomId, rest: &str, now: Now) -> Done {
    session.quit(rest, now);
    Ok(None)
}

pub(super) fn reconnect(session: &mut Session, _: RoomId, _: &str, now: Now) -> Done {
    match session.status {
        Status::Ended(_) => Err(Refusal::new("the session is over")),
        _ => {
            session.connect_now(now);
            session.reconnect();
            Ok(None)
        }
    }
}
