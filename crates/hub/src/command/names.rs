//! NAMES.

use callbox_irc::build::text_room;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::{ChannelFlags, UserModes};
use callbox_irc::numeric::{RPL_ENDOFNAMES, RPL_NAMREPLY};

use crate::channel::ChannelId;
use crate::refusal::Outcome;
use crate::turn::Turn;

/// NAMES. What cannot be seen is answered like what is not there.
pub(crate) fn names(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    // One channel, as TARGMAX says: a line of names of big rooms could ask for any amount of answer.
    let asked = message.params.first().copied().unwrap_or_default();
    let Some(name) = asked.split(',').find(|name| !name.is_empty()) else {
        // All channels at once is more than anybody wants; the specification allows an empty answer.
        turn.numeric(RPL_ENDOFNAMES, &["*"], RPL_ENDOFNAMES.text);
        return Ok(());
    };
    let seen = turn.hub.channels.named(name).filter(|channel| turn.sees_channel(*channel));
    match seen {
        Some(channel) => turn.names(channel),
        None => turn.numeric(RPL_ENDOFNAMES, &[name], RPL_ENDOFNAMES.text),
    }
    Ok(())
}

impl Turn<'_> {
    /// Whether I may know that `channel` is there: it is not secret, or I am in it.
    pub(crate) fn sees_channel(&self, channel: ChannelId) -> bool {
        !self.channel(channel).flags.contains(ChannelFlags::SECRET)
            || self.my_membership(channel).is_some()
    }

    /// RPL_NAMREPLY in as many lines as are needed, and its end.
    pub(crate) fn names(&mut self, channel: ChannelId) {
        let me = self.me();
        let prefixes = me.has(CapSet::MULTI_PREFIX);
        let hosts = me.has(CapSet::USERHOST_IN_NAMES);
        let inside = self.my_membership(channel).is_some();
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        let symbol = if room.flags.contains(ChannelFlags::SECRET) { "@" } else { "=" };
        let server = &self.hub.config.server_name;
        let space = text_room(server, RPL_NAMREPLY.code_text(), &[me.name(), symbol, &name]);
        let mut lines = Vec::new();
        let mut line = String::new();
        for (id, membership) in room.members.iter() {
            let client = self.client(id);
            if !inside && client.modes.contains(UserModes::INVISIBLE) {
                continue;
            }
            let shown = if hosts { &*client.prefix } else { client.name() };
            if !line.is_empty() && line.len() + 4 + shown.len() > space {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            if prefixes {
                line.push_str(membership.prefixes());
            } else {
                line.push_str(membership.highest_prefix());
            }
            line.push_str(shown);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        for line in lines {
            self.numeric(RPL_NAMREPLY, &[symbol, &name], &line);
        }
        self.numeric(RPL_ENDOFNAMES, &[&name], RPL_ENDOFNAMES.text);
    }
}
