//! The connection itself: PASS, PING, PONG, QUIT.

use callbox_irc::message::Message;
use callbox_irc::numeric::{ERR_ALREADYREGISTERED, ERR_NOORIGIN};

use crate::contract::Secret;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// PASS.
pub(crate) fn pass(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    if turn.me().registered {
        return Err(Refusal::numeric(ERR_ALREADYREGISTERED, &[]));
    }
    turn.me_mut().negotiation.password = Some(Secret(message.params[0].into()));
    Ok(())
}

/// PING.
pub(crate) fn ping(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let token = message.params[0];
    if token.is_empty() {
        return Err(Refusal::numeric(ERR_NOORIGIN, &[]));
    }
    let server = turn.hub.config.server_name.clone();
    turn.reply("PONG", |line| line.param(&server).text(token));
    Ok(())
}

/// PONG. That something was heard is all it is for.
pub(crate) fn pong(_turn: &mut Turn<'_>, _message: &Message<'_>) -> Outcome {
    Err(Refusal::Silent)
}

/// QUIT.
pub(crate) fn quit(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    // The prefix tells a reason that a user gave from one that the server gives, also where it is empty.
    let text = message.params.first().copied().unwrap_or_default();
    turn.close(&format!("Quit: {text}"));
    Ok(())
}
