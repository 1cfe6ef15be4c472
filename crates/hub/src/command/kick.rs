//! KICK.

use callbox_irc::build::{Line, split_text};
use callbox_irc::message::Message;
use callbox_irc::modes::Membership;
use callbox_irc::numeric as n;

use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// KICK: one channel and some nicknames, or as many channels as nicknames (modern specification, "KICK message").
pub(crate) fn kick(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let words = |list: &str| list.split(',').filter(|word| !word.is_empty()).count();
    let (channels, nicks) = (words(message.params[0]), words(message.params[1]));
    if nicks == 0 || (channels != 1 && channels != nicks) {
        return Err(Refusal::need_more_params("KICK"));
    }
    let given = message.params.get(2).copied().unwrap_or_default();
    let reason = split_text(given, turn.hub.config.limits.kick).next();
    let reason = reason.unwrap_or_else(|| turn.me().name()).to_owned();
    let channels = message.params[0].split(',').filter(|name| !name.is_empty()).cycle();
    let nicks = message.params[1].split(',').filter(|nick| !nick.is_empty());
    for (channel, nick) in channels.zip(nicks) {
        let outcome = turn.kick(channel, nick, &reason);
        turn.report(outcome);
    }
    Ok(())
}

impl Turn<'_> {
    /// Puts `nick` out of `channel`. Half-operators may not do so to operators.
    fn kick(&mut self, channel: &str, nick: &str, reason: &str) -> Outcome {
        let channel = self.my_channel(channel)?;
        let name = self.channel(channel).name.as_str().to_owned();
        let mine = self.my_membership(channel).unwrap_or_default();
        if !mine.is_at_least(Membership::HALFOP) {
            return Err(Refusal::not_channel_operator(&name));
        }
        let Some(client) = self.hub.clients.user_named(nick) else {
            return Err(Refusal::no_such_nick(nick));
        };
        let nick = self.client(client).name().to_owned();
        let Some(theirs) = self.channel(channel).members.get(client) else {
            return Err(Refusal::numeric(n::ERR_USERNOTINCHANNEL, &[&nick, &name]));
        };
        if !mine.is_at_least(theirs) {
            let text = "You may not put out somebody of a higher rank";
            return Err(Refusal::told(n::ERR_CHANOPRIVSNEEDED, &[&name], text));
        }
        let stamp = self.stamp();
        let actor = self.actor();
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "KICK")
            .param(&name)
            .param(&nick)
            .text(reason)
            .end();
        self.send_to_channel(channel, &actor.tags(&stamp), &body, |_, _, _| true);
        let conversation = crate::history::channel_key(self.channel(channel));
        self.record(&conversation, &stamp, "KICK", &[&name, &nick], Some(reason), "");
        self.hub.clients.at_mut(client).channels.retain(|id| *id != channel);
        self.remove_member(channel, client);
        Ok(())
    }
}
