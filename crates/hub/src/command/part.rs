//! PART.

use callbox_irc::build::Line;
use callbox_irc::message::Message;

use crate::channel::ChannelId;
use crate::policy;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// PART.
pub(crate) fn part(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let reason = message.params.get(1).copied();
    for name in message.params[0].split(',').filter(|name| !name.is_empty()) {
        let outcome = turn.my_channel(name).map(|channel| turn.part(channel, reason));
        turn.report(outcome);
    }
    Ok(())
}

impl Turn<'_> {
    /// The channel `name`, in which I am.
    pub(crate) fn my_channel(&self, name: &str) -> Result<ChannelId, Refusal> {
        let Some(channel) = self.hub.channels.named(name) else {
            return Err(Refusal::no_such_channel(name));
        };
        if self.my_membership(channel).is_none() {
            return Err(Refusal::not_on_channel(self.channel(channel).name.as_str()));
        }
        Ok(channel)
    }

    /// Takes me out of `channel`, in which I am, and tells everybody in it.
    pub(crate) fn part(&mut self, channel: ChannelId, reason: Option<&str>) {
        let stamp = self.stamp();
        let actor = self.actor();
        let name = self.channel(channel).name.clone();
        // Who may not speak has no last word either.
        let may_speak =
            policy::can_speak(self.channel(channel), self.me(), self.my_membership(channel));
        let reason = reason.filter(|_| may_speak.is_ok());
        let mut body = Vec::new();
        let line = Line::from_source(&mut body, &actor.prefix, "PART").param(name.as_str());
        match reason {
            Some(reason) => line.text(reason).end(),
            None => line.end(),
        }
        self.send_to_channel(channel, &actor.tags(&stamp), &body, |_, _, _| true);
        let conversation = crate::history::channel_key(self.channel(channel));
        self.record(&conversation, &stamp, "PART", &[name.as_str()], reason, "");
        let me = self.me;
        self.me_mut().channels.retain(|id| *id != channel);
        self.remove_member(channel, me);
    }
}
