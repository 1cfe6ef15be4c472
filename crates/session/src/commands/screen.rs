//! Commands that are the screen's matter: what is shown, and which line is meant.

use super::{Ask, LineWish, find, need};
use crate::contract::Now;
use crate::room::RoomId;
use crate::session::{Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

pub(super) fn clear(_: &mut Session, _: RoomId, _: &str, _: Now) -> Done {
    Ok(Some(Ask::Clear))
}

pub(super) fn keys(_: &mut Session, _: RoomId, _: &str, _: Now) -> Done {
    Ok(Some(Ask::Keys))
}

pub(super) fn help(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    let name = rest.trim().trim_start_matches('/');
    if name.is_empty() {
        return Ok(Some(Ask::Help(None)));
    }
    match find(name) {
        Some(command) => Ok(Some(Ask::Help(Some(command.name)))),
        None => Err(Refusal(format!("there is no /{name}; /help lists what there is"))),
    }
}

pub(super) fn search(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    Ok(Some(Ask::Search(need(rest, "search")?.trim().into())))
}

pub(super) fn reply(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    Ok(Some(Ask::ToLine(LineWish::Reply, need(rest, "reply")?.into())))
}

pub(super) fn react(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    Ok(Some(Ask::ToLine(LineWish::React, need(rest, "react")?.trim().into())))
}

pub(super) fn redact(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    Ok(Some(Ask::ToLine(LineWish::Redact, rest.trim().into())))
}

pub(super) fn edit(_: &mut Session, _: RoomId, rest: &str, _: Now) -> Done {
    Ok(Some(Ask::ToLine(LineWish::Edit, need(rest, "edit")?.into())))
}

pub(super) fn resend(_: &mut Session, _: RoomId, _: &str, _: Now) -> Done {
    Ok(Some(Ask::ToLine(LineWish::SendAgain, "".into())))
}
