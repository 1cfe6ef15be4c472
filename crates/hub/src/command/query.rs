//! Small questions about users: ISON, USERHOST.

use callbox_irc::message::Message;
use callbox_irc::numeric::{RPL_ISON, RPL_USERHOST};

use crate::refusal::Outcome;
use crate::turn::Turn;

/// Nicknames in one USERHOST (modern specification, "USERHOST message").
const USERHOST_MAX: usize = 5;

/// ISON.
pub(crate) fn ison(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let mut here = String::new();
    for name in message.params.iter().flat_map(|param| param.split(' ')) {
        if let Some(id) = turn.hub.clients.user_named(name) {
            if !here.is_empty() {
                here.push(' ');
            }
            here.push_str(turn.client(id).name());
        }
    }
    turn.numeric(RPL_ISON, &[], &here);
    Ok(())
}

/// USERHOST.
pub(crate) fn userhost(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let mut replies = Vec::new();
    for name in message.params.iter().take(USERHOST_MAX) {
        if let Some(id) = turn.hub.clients.user_named(name) {
            let client = turn.client(id);
            let operator = if client.operator.is_some() { "*" } else { "" };
            let away = if client.away.is_some() { '-' } else { '+' };
            let (user, host) = (&client.user, &client.host);
            replies.push(format!("{}{operator}={away}{user}@{host}", client.name()));
        }
    }
    turn.numeric(RPL_USERHOST, &[], &replies.join(" "));
    Ok(())
}
