//! INVITE.

use std::time::Duration;

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::{ChannelFlags, Membership};
use callbox_irc::numeric as n;

use crate::channel::Channel;
use crate::client::{Client, Invitation};
use crate::deliver::Tags;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// How long an invitation holds: until the next day, for it opens every door of the channel.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Invitations that one client may have; the oldest goes for a new one, since others send them unasked.
const INVITATIONS_MAX: usize = 32;

/// INVITE. Alone it lists my invitations.
pub(crate) fn invite(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    match message.params[..] {
        [] => {
            turn.invitations();
            Ok(())
        }
        [_] => Err(Refusal::need_more_params("INVITE")),
        [nick, channel, ..] => turn.invite(nick, channel),
    }
}

impl Turn<'_> {
    /// RPL_INVITELIST and its end.
    fn invitations(&mut self) {
        for invitation in self.me().invited.clone() {
            if let Some(channel) = self.invites_into(&invitation) {
                let name = channel.name.as_str().to_owned();
                self.bare_numeric(n::RPL_INVITELIST, &[&name]);
            }
        }
        self.numeric(n::RPL_ENDOFINVITELIST, &[], n::RPL_ENDOFINVITELIST.text);
    }

    /// The channel of `invitation`, if both still are.
    fn invites_into(&self, invitation: &Invitation) -> Option<&Channel> {
        let channel = self.hub.channels.get(invitation.channel)?;
        let holds = channel.serial == invitation.serial && invitation.until > self.now.monotonic;
        holds.then_some(channel)
    }

    /// Any member may invite, but into a channel with `+i` only those who moderate it. An invitation by one of them opens
    /// the channel, whatever its modes; that of another member is a message and no more.
    fn invite(&mut self, nick: &str, name: &str) -> Outcome {
        let channel = self.my_channel(name)?;
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        let (serial, closed) = (room.serial, room.flags.contains(ChannelFlags::INVITE_ONLY));
        let Some(client) = self.hub.clients.user_named(nick) else {
            return Err(Refusal::no_such_nick(nick));
        };
        let mine = self.my_membership(channel).unwrap_or_default();
        let moderates = mine.is_at_least(Membership::HALFOP);
        if closed && !moderates {
            return Err(Refusal::not_channel_operator(&name));
        }
        let nick = self.client(client).name().to_owned();
        if self.channel(channel).members.contains(client) {
            return Err(Refusal::numeric(n::ERR_USERONCHANNEL, &[&nick, &name]));
        }
        self.may_write_to(client)?;

        let now = self.now.monotonic;
        let mut invited = std::mem::take(&mut self.hub.clients.at_mut(client).invited);
        let opened = invited.iter().any(|i| i.serial == serial && i.opens && i.until > now);
        invited.retain(|old| self.invites_into(old).is_some() && old.serial != serial);
        if invited.len() >= INVITATIONS_MAX {
            invited.remove(0);
        }
        let opens = moderates || opened;
        invited.push(Invitation { channel, serial, until: now + LIFETIME, opens });
        self.hub.clients.at_mut(client).invited = invited;

        self.bare_numeric(n::RPL_INVITING, &[&nick, &name]);
        if let Some(away) = self.client(client).away.clone() {
            self.numeric(n::RPL_AWAY, &[&nick], &away);
        }
        let stamp = self.stamp();
        let actor = self.actor();
        let tags = Tags { msgid: None, ..actor.tags(&stamp) };
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "INVITE").param(&nick).param(&name).end();
        self.send_to(client, &tags, &body);
        // IRCv3 invite-notify leaves open who is told: those who could have invited.
        let me = self.me;
        self.send_to_channel(channel, &tags, &body, |id, rank, member: &Client| {
            id != me
                && member.has(CapSet::INVITE_NOTIFY)
                && (!closed || rank.is_at_least(Membership::HALFOP))
        });
        Ok(())
    }
}
