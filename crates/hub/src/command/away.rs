//! AWAY.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::numeric as n;

use super::user::cut;
use crate::channel::ChannelId;
use crate::client::{Client, ClientId};
use crate::deliver::Tags;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// AWAY. Before registration only for who negotiated draft/pre-away, and then without a reply.
pub(crate) fn away(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let registered = turn.me().registered;
    if !registered && !turn.me().has(CapSet::PRE_AWAY) {
        return Err(Refusal::numeric(n::ERR_NOTREGISTERED, &[]));
    }
    let text = message.params.first().filter(|text| !text.is_empty());
    // `*` is for connections without a person (draft/pre-away): away, and nothing to say of it.
    let text = text.map(|text| cut(text, turn.hub.config.limits.away).into());
    let before = std::mem::replace(&mut turn.me_mut().away, text.clone());
    if !registered {
        return Ok(());
    }
    let (numeric, told) = match &text {
        Some(_) => (n::RPL_NOWAWAY, n::RPL_NOWAWAY.text),
        None => (n::RPL_UNAWAY, n::RPL_UNAWAY.text),
    };
    turn.numeric(numeric, &[], told);
    if before != text {
        turn.announce_away();
    }
    Ok(())
}

impl Turn<'_> {
    /// If I am away, tells so to those in `channel` whom `wanted` picks and who negotiated away-notify.
    pub(crate) fn tell_away_in(
        &mut self,
        channel: ChannelId,
        tags: &Tags<'_>,
        wanted: impl Fn(ClientId, &Client) -> bool,
    ) {
        let Some(away) = self.me().away.clone() else {
            return;
        };
        let mut body = Vec::new();
        Line::from_source(&mut body, &self.me().prefix, "AWAY").text(&away).end();
        self.send_to_channel(channel, tags, &body, |id, _, client| {
            client.has(CapSet::AWAY_NOTIFY) && wanted(id, client)
        });
    }

    /// Tells those who see me and negotiated away-notify whether I am away.
    pub(crate) fn announce_away(&mut self) {
        let stamp = self.stamp();
        let actor = self.actor();
        let mut body = Vec::new();
        let line = Line::from_source(&mut body, &actor.prefix, "AWAY");
        match self.me().away.clone() {
            Some(text) => line.text(&text).end(),
            None => line.end(),
        }
        self.tell_others_who_see_me(CapSet::AWAY_NOTIFY, &actor.tags(&stamp), &body);
    }
}
