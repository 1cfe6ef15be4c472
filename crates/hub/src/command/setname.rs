//! SETNAME (IRCv3).

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// SETNAME.
pub(crate) fn setname(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let name = message.params[0];
    if name.is_empty() || name.len() > turn.hub.config.limits.realname {
        let text = "A real name has something in it and is not too long";
        return Err(Refusal::fail("SETNAME", "INVALID_REALNAME", &[], text));
    }
    turn.me_mut().realname = name.into();
    let stamp = turn.stamp();
    let actor = turn.actor();
    let mut body = Vec::new();
    Line::from_source(&mut body, &actor.prefix, "SETNAME").text(name).end();
    turn.tell_those_who_see_me(CapSet::SETNAME, &actor.tags(&stamp), &body);
    Ok(())
}
