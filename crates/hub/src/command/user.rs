//! USER.

use callbox_irc::message::Message;
use callbox_irc::names::UserName;
use callbox_irc::numeric as n;

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// USER.
pub(crate) fn user(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    if turn.me().registered || !turn.me().user.is_empty() {
        return Err(Refusal::numeric(n::ERR_ALREADYREGISTERED, &[]));
    }
    let limits = &turn.hub.config.limits;
    let name = UserName::parse(message.params[0], limits.user)
        .map_err(|_| Refusal::need_more_params("USER"))?;
    if message.params[3].is_empty() {
        return Err(Refusal::need_more_params("USER"));
    }
    let realname = cut(message.params[3], limits.realname).into();
    let me = turn.me_mut();
    // `~` says that nobody checked it, as everywhere on IRC where there is no ident.
    me.user = format!("~{}", name.as_str()).into();
    me.realname = realname;
    me.set_prefix();
    turn.try_register();
    Ok(())
}

/// At most `max` bytes of `text`, cut after a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
