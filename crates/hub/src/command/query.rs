//! Small questions about users: ISON, USERHOST.

use callbox_irc::build::text_room;
use callbox_irc::message::Message;
use callbox_irc::numeric::{Numeric, RPL_ISON, RPL_USERHOST};

use crate::refusal::Outcome;
use crate::turn::Turn;

/// Nicknames in one USERHOST (modern specification, "USERHOST message").
const USERHOST_MAX: usize = 5;

/// ISON.
pub(crate) fn ison(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let names = message.params.iter().flat_map(|param| param.split(' '));
    let here = names.filter_map(|name| turn.hub.clients.user_named(name));
    let here: Vec<String> = here.map(|id| turn.client(id).name().to_owned()).collect();
    // Clients wait for one reply. What has no room in it is left out: half a name would be another one.
    let line = turn.lines_of(RPL_ISON, &here).into_iter().next().unwrap_or_default();
    turn.numeric(RPL_ISON, &[], &line);
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
    let lines = turn.lines_of(RPL_USERHOST, &replies);
    if lines.is_empty() {
        turn.numeric(RPL_USERHOST, &[], "");
    }
    for line in lines {
        turn.numeric(RPL_USERHOST, &[], &line);
    }
    Ok(())
}

impl Turn<'_> {
    /// `words`, joined by spaces into as many texts for `numeric` as it takes.
    fn lines_of(&self, numeric: Numeric, words: &[String]) -> Vec<String> {
        let room =
            text_room(&self.hub.config.server_name, numeric.code_text(), &[self.me().name()]);
        let mut lines: Vec<String> = Vec::new();
        for word in words {
            match lines.last_mut() {
                Some(line) if line.len() + 1 + word.len() <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.clone()),
            }
        }
        lines
    }
}
