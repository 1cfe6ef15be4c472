//! TOPIC.

use callbox_irc::build::{Line, split_text};
use callbox_irc::message::Message;
use callbox_irc::modes::{ChannelFlags, Membership};

use crate::channel::{ChannelId, Topic};
use crate::policy;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// TOPIC. Whoever may know of a channel may ask for its topic, which LIST shows as well.
pub(crate) fn topic(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let name = message.params[0];
    let Some(channel) = turn.hub.channels.named(name) else {
        return Err(Refusal::no_such_channel(name));
    };
    if let Some(text) = message.params.get(1) {
        return turn.set_topic(channel, text);
    }
    if !turn.sees_channel(channel) {
        return Err(Refusal::not_on_channel(turn.channel(channel).name.as_str()));
    }
    turn.topic(channel);
    Ok(())
}

impl Turn<'_> {
    /// Sets the topic of `channel`, or clears it if `text` is empty.
    ///
    /// With `+t` that is for operators and half-operators. Without it for whoever may speak: a topic is something said.
    fn set_topic(&mut self, channel: ChannelId, text: &str) -> Outcome {
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        let Some(mine) = self.my_membership(channel) else {
            return Err(Refusal::not_on_channel(&name));
        };
        if !room.flags.contains(ChannelFlags::PROTECTED_TOPIC) {
            policy::can_speak(room, self.me(), Some(mine))?;
        } else if !mine.is_at_least(Membership::HALFOP) {
            return Err(Refusal::not_channel_operator(&name));
        }
        let text = split_text(text, self.hub.config.limits.topic).next().unwrap_or_default();
        let stamp = self.stamp();
        let actor = self.actor();
        let topic = Topic { text: text.into(), by: (*actor.prefix).into(), at: stamp.time };
        self.channel_mut(channel).topic = Some(topic).filter(|_| !text.is_empty());
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "TOPIC").param(&name).text(text).end();
        self.send_to_channel(channel, &actor.tags(&stamp), &body, |_, _, _| true);
        let conversation = crate::history::channel_key(self.channel(channel));
        self.record(&conversation, &stamp, "TOPIC", &[&name], Some(text), "");
        self.channel_changed(channel);
        Ok(())
    }
}
