//! JOIN.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::modes::Membership;
use callbox_irc::names::{Channel as ChannelName, NameError};
use callbox_irc::numeric as n;

use crate::channel::{Channel, ChannelId};
use crate::contract::Record;
use crate::deliver::Tags;
use crate::policy;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// JOIN.
pub(crate) fn join(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    if message.params[0] == "0" {
        // RFC 1459: leaves everything.
        for channel in turn.me().channels.clone() {
            turn.part(channel, None);
        }
        return Ok(());
    }
    let mut keys = message.params.get(1).copied().unwrap_or_default().split(',');
    for name in message.params[0].split(',').filter(|name| !name.is_empty()) {
        let key = keys.next().filter(|key| !key.is_empty());
        let outcome = turn.join(name, key);
        turn.report(outcome);
    }
    Ok(())
}

impl Turn<'_> {
    /// Takes me into the channel `name`, which is made if it is new.
    pub(crate) fn join(&mut self, name: &str, key: Option<&str>) -> Outcome {
        let Some(channel) = self.hub.channels.named(name) else {
            return self.found(name);
        };
        if self.my_membership(channel).is_some() {
            return Ok(());
        }
        self.room_for_another(name)?;
        policy::can_join(self.channel(channel), self.me(), key, self.now.monotonic)?;
        self.enter(channel, self.rights_in(channel));
        Ok(())
    }

    /// With what rights I come into `channel`.
    ///
    /// Founders are operators of what they claimed. The lobby is the server's, whoever happens to be the first in it: its
    /// operators are those of the server.
    fn rights_in(&self, channel: ChannelId) -> Membership {
        let room = self.channel(channel);
        let is_operator = if self.is_lobby(room.name.key()) {
            self.me().operator.is_some()
        } else {
            policy::is_founder(room, self.me())
                || (room.members.is_empty() && room.founder.is_none())
        };
        if is_operator { Membership::OP } else { Membership::default() }
    }

    /// Whether this is the folded name of the lobby.
    pub(crate) fn is_lobby(&self, key: &str) -> bool {
        callbox_irc::fold::fold(&self.hub.config.lobby) == key
    }

    /// Makes the channel `name`, with me as its operator.
    fn found(&mut self, name: &str) -> Outcome {
        if !ChannelName::is_meant(name) {
            return Err(Refusal::no_such_channel(name));
        }
        let limits = &self.hub.config.limits;
        let parsed = ChannelName::parse(name, limits.channel).map_err(|error| match error {
            // With other settings it could be one.
            NameError::TooLong { .. } => Refusal::no_such_channel(name),
            _ => Refusal::numeric(n::ERR_BADCHANMASK, &[name]),
        })?;
        if self.hub.channels.len() >= limits.total_channels {
            let text = "There are too many channels on this server";
            return Err(Refusal::told(n::ERR_TOOMANYCHANNELS, &[name], text));
        }
        self.room_for_another(name)?;
        self.forget_forsaken(parsed.key());
        let channel = self.hub.channels.insert(Channel::new(parsed, self.now.wall));
        self.enter(channel, self.rights_in(channel));
        Ok(())
    }

    /// Forgets what was said in a closed channel called `key` that was there when the server ended.
    pub(crate) fn forget_forsaken(&mut self, key: &Folded) {
        if self.hub.forsaken.remove(key) {
            let key: Box<str> = key.as_str().into();
            self.sink.record(Record::ForgetConversation { conversation: key.clone() });
            self.sink.record(Record::DropChannel { key });
        }
    }

    fn room_for_another(&self, name: &str) -> Outcome {
        if self.me().channels.len() >= self.hub.config.limits.channels {
            return Err(Refusal::numeric(n::ERR_TOOMANYCHANNELS, &[name]));
        }
        Ok(())
    }

    /// Puts me into `channel`, and tells everybody in it and me.
    pub(crate) fn enter(&mut self, channel: ChannelId, rights: Membership) {
        let me = self.me;
        let stamp = self.stamp();
        let actor = self.actor();
        let serial = self.channel(channel).serial;
        let name = self.channel(channel).name.as_str().to_owned();
        self.channel_mut(channel).members.insert(me, rights);
        let client = self.me_mut();
        client.channels.push(channel);
        client.invited.retain(|invitation| invitation.serial != serial);

        let tags = actor.tags(&stamp);
        let account = actor.account.as_ref().map_or("*", |account| account.as_str());
        let [plain, extended] = self.join_lines(&name);
        let wants = |client: &crate::client::Client| client.has(CapSet::EXTENDED_JOIN);
        self.send_to_channel(channel, &tags, &plain, |_, _, client| !wants(client));
        self.send_to_channel(channel, &tags, &extended, |_, _, client| wants(client));
        if !rights.is_empty() {
            // Those inside see why the newcomer has rights. Whoever made the room sees it in NAMES.
            let mut mode = Vec::new();
            let nick = self.me().name();
            let server = &self.hub.config.server_name;
            Line::from_source(&mut mode, server, "MODE").param(&name).param("+o").param(nick).end();
            self.send_to_channel(channel, &Tags::default(), &mode, |id, _, _| id != me);
        }
        self.tell_away_in(channel, &Tags { msgid: None, ..tags }, |id, _| id != me);
        let conversation = crate::history::channel_key(self.channel(channel));
        let realname = self.me().realname.clone();
        self.record(&conversation, &stamp, "JOIN", &[&name, account], Some(&realname), "");

        self.ask_for_replay(channel, &stamp);
        self.greet(channel);
        self.exchange_metadata(channel);
    }

    /// What a newcomer is told of `channel`: how far it has read, the topic and who is in it.
    pub(crate) fn greet(&mut self, channel: ChannelId) {
        if self.me().has(CapSet::READ_MARKER) {
            let name = self.channel(channel).name.as_str().to_owned();
            self.tell_read_marker(&name);
        }
        if self.channel(channel).topic.is_some() {
            self.topic(channel);
        }
        if !self.me().has(CapSet::NO_IMPLICIT_NAMES) {
            self.names(channel);
        }
    }

    /// My JOIN of the channel `name`: the plain one, and the one of IRCv3 extended-join.
    pub(crate) fn join_lines(&self, name: &str) -> [Vec<u8>; 2] {
        let me = self.me();
        let account = me.account.as_ref().map_or("*", |account| account.as_str());
        let mut plain = Vec::new();
        Line::from_source(&mut plain, &me.prefix, "JOIN").param(name).end();
        let mut extended = Vec::new();
        Line::from_source(&mut extended, &me.prefix, "JOIN")
            .param(name)
            .param(account)
            .text(&me.realname)
            .end();
        [plain, extended]
    }

    /// RPL_TOPIC and RPL_TOPICWHOTIME, or RPL_NOTOPIC.
    pub(crate) fn topic(&mut self, channel: ChannelId) {
        let room = self.channel(channel);
        let name = room.name.as_str().to_owned();
        match room.topic.clone() {
            Some(topic) => {
                self.numeric(n::RPL_TOPIC, &[&name], &topic.text);
                let at = (topic.at / 1000).to_string();
                self.bare_numeric(n::RPL_TOPICWHOTIME, &[&name, &topic.by, &at]);
            }
            None => self.numeric(n::RPL_NOTOPIC, &[&name], n::RPL_NOTOPIC.text),
        }
    }
}
