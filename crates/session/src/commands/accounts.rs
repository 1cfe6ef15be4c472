//! Commands about who we are, and whom we do not listen to.

use super::{Ask, need, usage, word};
use crate::config::{Login, Secret};
use crate::contract::Now;
use crate::registration::Stage;
use crate::room::RoomId;
use crate::session::{Refusal, Session};

type Done = Result<Option<Ask>, Refusal>;

pub(super) fn nick(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let name = word(need(rest, "nick")?).0;
    if name.contains([',', '!', '@', ':', '\0']) || session.network.is_room(name) {
        return Err(Refusal(format!("{name} cannot be a name")));
    }
    if session.registration.stage == Stage::In {
        session.asks(room, now);
        session.nick_wish = Some(name.into());
        session.send("NICK", |line| line.param(name));
    } else {
        name.clone_into(&mut session.config.nick);
        session.set_nick(name);
    }
    Ok(None)
}

pub(super) fn login(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (first, second) = word(need(rest, "login")?);
    let (account, password) = match second {
        "" => (session.nick.to_string(), first),
        password => (first.to_owned(), password.trim_end()),
    };
    session.need_online()?;
    session.asks(room, now);
    let login = Login { account, password: Some(Secret(password.to_owned())) };
    session.log_in(login, true).map_err(Refusal)?;
    Ok(None)
}

pub(super) fn register(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (password, email) = word(need(rest, "register")?);
    session.need_online()?;
    session.asks(room, now);
    session.register_account(word(email).0, password)?;
    Ok(None)
}

pub(super) fn verify(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let (account, code) = word(need(rest, "verify")?);
    let code = word(code).0;
    if code.is_empty() {
        return Err(usage("verify"));
    }
    session.need_online()?;
    session.asks(room, now);
    session.send("VERIFY", |line| line.param(account).text(code));
    Ok(None)
}

pub(super) fn ignore(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let nick = word(rest).0;
    if nick.is_empty() {
        session.tell_ignored(room, now);
        return Ok(None);
    }
    session.ignore(nick)?;
    session.info(room, format!("What {nick} says is not shown any more"), now);
    Ok(None)
}

pub(super) fn unignore(session: &mut Session, room: RoomId, rest: &str, now: Now) -> Done {
    let nick = word(need(rest, "unignore")?).0;
    if !session.unignore(nick) {
        return Err(Refusal(format!("{nick} is not ignored")));
    }
    session.info(room, format!("What {nick} says is shown again"), now);
    Ok(None)
}
