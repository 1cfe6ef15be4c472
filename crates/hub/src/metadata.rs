//! Metadata (IRCv3 draft/metadata-2): where the facts about users and channels stand, and who is told of them.
//!
//! The facts of who is logged in belong to the account: all its connections have the same, and they are kept. A guest's
//! end with the connection. A channel's are kept if the channel is claimed.

use std::collections::BTreeMap;

use callbox_irc::build::{Line, text_room};
use callbox_irc::capability::CapSet;
use callbox_irc::numeric::RPL_METADATASYNCLATER;

use crate::channel::ChannelId;
use crate::client::{Client, ClientId};
use crate::contract::Record;
use crate::deliver::Tags;
use crate::hub::Hub;
use crate::turn::Turn;

/// Bytes of a key: little enough that with the longest names and value a line is not cut.
pub(crate) const KEY_MAX: usize = 32;

/// Members of a channel whose facts go out at once when somebody joins or subscribes. Whoever is in a larger one is told
/// to ask later, so that a thousand people who come back at once do not each set off thousands of lines.
const SYNC_MEMBERS: usize = 200;

/// Seconds after which to ask: time enough for a client to join its other channels.
const SYNC_AFTER: &str = "4";

/// Facts: values by key.
pub(crate) type Facts = BTreeMap<Box<str>, Box<str>>;

static NONE: Facts = Facts::new();

/// Whom or what facts are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// A user, or a connection that is not registered yet.
    User(ClientId),
    /// A channel.
    Channel(ChannelId),
}

/// The key as it is compared, if it is one: small letters, digits and `_./-`; capitals become small.
pub(crate) fn parse_key(key: &str) -> Option<Box<str>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let good = !key.is_empty() && key.len() <= KEY_MAX && key.bytes().all(allowed);
    good.then(|| key.to_ascii_lowercase().into())
}

impl Client {
    /// Whether it gets changes of `key`.
    fn watches(&self, key: &str) -> bool {
        self.has(CapSet::METADATA) && self.metadata_subs.iter().any(|sub| **sub == *key)
    }
}

impl Hub {
    /// What is said about `owner`.
    pub(crate) fn metadata_of(&self, owner: Owner) -> &Facts {
        match owner {
            Owner::Channel(channel) => &self.channels.at(channel).metadata,
            Owner::User(id) => match &self.clients.at(id).account {
                Some(account) => self.metadata.get(account.key().as_str()).unwrap_or(&NONE),
                None => &self.clients.at(id).metadata,
            },
        }
    }

    /// Sets or deletes a fact about `owner`. Returns under which name the change is to be kept, if it is.
    fn change_metadata(
        &mut self,
        owner: Owner,
        key: &str,
        value: Option<&str>,
    ) -> Option<Box<str>> {
        let (facts, keeper): (&mut Facts, Option<Box<str>>) = match owner {
            Owner::Channel(channel) => {
                let channel = self.channels.at_mut(channel);
                let keeper = channel.founder.as_ref().map(|_| channel.name.key().as_str().into());
                (&mut channel.metadata, keeper)
            }
            Owner::User(id) => match self.clients.at(id).account.clone() {
                Some(account) => {
                    let name: Box<str> = account.key().as_str().into();
                    (self.metadata.entry(name.clone()).or_default(), Some(name))
                }
                None => (&mut self.clients.at_mut(id).metadata, None),
            },
        };
        match value {
            Some(value) => facts.insert(key.into(), value.into()),
            None => facts.remove(key),
        };
        keeper
    }
}

impl Turn<'_> {
    /// The name under which `owner` goes: `*` for a connection without one.
    pub(crate) fn owner_name(&self, owner: Owner) -> &str {
        match owner {
            Owner::User(id) if !self.client(id).registered => "*",
            Owner::User(id) => self.client(id).name(),
            Owner::Channel(channel) => self.channel(channel).name.as_str(),
        }
    }

    /// Sets or deletes a fact about `owner`, keeps it, and tells those who watch.
    pub(crate) fn set_metadata(&mut self, owner: Owner, key: &str, value: Option<&str>) {
        if let Some(keeper) = self.hub.change_metadata(owner, key, value) {
            let value = value.map(Into::into);
            self.sink.record(Record::Metadata { owner: keeper, key: key.into(), value });
        }
        self.announce_metadata(owner, key, value);
        for other in self.same_account(owner) {
            self.announce_metadata(Owner::User(other), key, value);
        }
    }

    /// The other users who are logged in to the account of `owner`: what is said about one is said about all.
    fn same_account(&self, owner: Owner) -> Vec<ClientId> {
        let Owner::User(id) = owner else { return Vec::new() };
        let Some(account) = &self.client(id).account else { return Vec::new() };
        let has_it = |client: &Client| {
            client.account.as_ref().is_some_and(|other| other.key() == account.key())
        };
        let users = self.hub.clients.users();
        users.filter(|(other, client)| *other != id && has_it(client)).map(|(id, _)| id).collect()
    }

    /// Tells those who watch `key` of `owner`, but for me, that I changed it.
    fn announce_metadata(&mut self, owner: Owner, key: &str, value: Option<&str>) {
        let mut told = match owner {
            Owner::Channel(channel) => {
                self.channel(channel).members.iter().map(|(id, _)| id).collect()
            }
            Owner::User(id) if !self.client(id).registered => return,
            Owner::User(id) => self.everybody_who_sees(id),
        };
        told.retain(|id| *id != self.me && self.client(*id).watches(key));
        if told.is_empty() {
            return;
        }
        let target = self.owner_name(owner);
        let actor = self.actor();
        let needed = value.map_or(0, str::len);
        // Long names may leave too little room. Then it is the server that says it.
        let fits = text_room(&actor.prefix, "METADATA", &[target, key, "*"]) >= needed;
        let source = if fits { &*actor.prefix } else { &*self.hub.config.server_name };
        let body = fact(source, target, key, value);
        let stamp = self.stamp();
        self.send_to_all(&told, &actor.tags(&stamp), &body);
    }

    /// Those who share a channel with `id` or watch it by MONITOR, each once, and `id` itself.
    fn everybody_who_sees(&mut self, id: ClientId) -> Vec<ClientId> {
        let mut all = self.peers_of(id);
        all.push(id);
        let mark = self.client(id).mark;
        let nick = self.client(id).nick.as_ref().map(callbox_irc::names::Nick::key);
        if let Some(watchers) = nick.and_then(|nick| self.hub.monitors.get(nick)) {
            // `peers_of` has marked whom it found.
            all.extend(watchers.iter().copied().filter(|w| self.client(*w).mark != mark));
        }
        all
    }

    /// The facts about `owner` whose keys are among `keys`, as lines; all, if `keys` is `None`.
    pub(crate) fn facts(&self, owner: Owner, keys: Option<&[Box<str>]>, lines: &mut Vec<Vec<u8>>) {
        let (server, target) = (&self.hub.config.server_name, self.owner_name(owner));
        for (key, value) in self.hub.metadata_of(owner) {
            if keys.is_none_or(|keys| keys.contains(key)) {
                lines.push(fact(server, target, key, Some(value)));
            }
        }
    }

    /// The same about `channel` and everybody in it, as far as a reply may be long.
    pub(crate) fn channel_facts(
        &self,
        channel: ChannelId,
        keys: &[Box<str>],
        lines: &mut Vec<Vec<u8>>,
    ) {
        let most = self.hub.config.limits.replies;
        self.facts(Owner::Channel(channel), Some(keys), lines);
        for (id, _) in self.channel(channel).members.iter() {
            if lines.len() >= most {
                return;
            }
            if self.sees_in(id, channel) {
                self.facts(Owner::User(id), Some(keys), lines);
            }
        }
    }

    /// `lines` to `to` as a batch of the type `kind` with the parameters `params`; one after the other to a client that
    /// knows no batches. To me it is a reply.
    pub(crate) fn send_batch(
        &mut self,
        to: ClientId,
        kind: &str,
        params: &[&str],
        lines: &[Vec<u8>],
    ) {
        let reply = to == self.me;
        if !self.client(to).has(CapSet::BATCH) {
            for line in lines {
                if reply {
                    self.send(&Tags::default(), line);
                } else {
                    self.send_to(to, &Tags::default(), line);
                }
            }
            return;
        }
        let id = self.hub.ids.next();
        let server = self.hub.config.server_name.clone();
        let (mut open, mut close) = (Vec::new(), Vec::new());
        let start = Line::from_source(&mut open, &server, "BATCH").param(&format!("+{id}"));
        start.param(kind).params(params.iter().copied()).end();
        Line::from_source(&mut close, &server, "BATCH").param(&format!("-{id}")).end();
        let inside = Tags { batch: Some(&id), ..Tags::default() };
        if !reply {
            self.send_to(to, &Tags::default(), &open);
            lines.iter().for_each(|line| self.send_to(to, &inside, line));
            self.send_to(to, &Tags::default(), &close);
            return;
        }
        self.send(&Tags::default(), &open);
        lines.iter().for_each(|line| self.send_batched(&inside, line));
        self.send_batched(&Tags::default(), &close);
    }

    /// All facts about me, to me: when I come in, and when I ask for the capability later.
    pub(crate) fn send_my_metadata(&mut self) {
        if !self.me().has(CapSet::METADATA) {
            return;
        }
        let me = self.me;
        let mut lines = Vec::new();
        self.facts(Owner::User(me), None, &mut lines);
        let nick = self.me().name().to_owned();
        self.send_batch(me, "metadata", &[&nick], &lines);
    }

    /// I have come into `channel`: I am told of it and of those in it, and they of me.
    pub(crate) fn exchange_metadata(&mut self, channel: ChannelId) {
        let me = self.me;
        let keys = self.me().metadata_subs.clone();
        if !keys.is_empty() && self.me().has(CapSet::METADATA) {
            let name = self.channel(channel).name.as_str().to_owned();
            if self.channel(channel).members.len() > SYNC_MEMBERS {
                self.bare_numeric(RPL_METADATASYNCLATER, &[&name, SYNC_AFTER]);
            } else {
                let mut lines = Vec::new();
                self.channel_facts(channel, &keys, &mut lines);
                if !lines.is_empty() {
                    self.send_batch(me, "metadata", &[&name], &lines);
                }
            }
        }
        for (key, value) in self.hub.metadata_of(Owner::User(me)).clone() {
            let server = self.hub.config.server_name.clone();
            let body = fact(&server, self.me().name(), &key, Some(&value));
            self.send_to_channel(channel, &Tags::default(), &body, |id, _, client| {
                id != me && client.watches(&key)
            });
        }
    }

    /// I subscribed to `keys`: I am told what they are now for everybody whom I see.
    pub(crate) fn send_visible_metadata(&mut self, keys: &[Box<str>]) {
        let me = self.me;
        let most = self.hub.config.limits.replies;
        let mark = self.hub.next_mark();
        let mut lines = Vec::new();
        let mut later = Vec::new();
        let mut users: Vec<ClientId> = vec![me];
        for channel in self.me().channels.clone() {
            if self.channel(channel).members.len() > SYNC_MEMBERS {
                later.push(self.channel(channel).name.as_str().to_owned());
                continue;
            }
            self.facts(Owner::Channel(channel), Some(keys), &mut lines);
            users.extend(self.channel(channel).members.iter().map(|(id, _)| id));
        }
        let watched = self.me().monitoring.keys();
        users.extend(watched.filter_map(|nick| self.hub.clients.user(nick)));
        for id in users {
            let client = self.hub.clients.at_mut(id);
            if std::mem::replace(&mut client.mark, mark) != mark && lines.len() < most {
                self.facts(Owner::User(id), Some(keys), &mut lines);
            }
        }
        if !lines.is_empty() {
            self.send_batch(me, "metadata", &["*"], &lines);
        }
        for name in later {
            self.bare_numeric(RPL_METADATASYNCLATER, &[&name, SYNC_AFTER]);
        }
    }

    /// `watcher`, who watches `user` by MONITOR, is told of it.
    pub(crate) fn send_watched_metadata(&mut self, watcher: ClientId, user: ClientId) {
        let client = self.client(watcher);
        if !client.has(CapSet::METADATA) || client.metadata_subs.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        self.facts(Owner::User(user), Some(&client.metadata_subs), &mut lines);
        if !lines.is_empty() {
            let nick = self.client(user).name().to_owned();
            self.send_batch(watcher, "metadata", &[&nick], &lines);
        }
    }

    /// I have logged in; before, `before` was said about me. The account's facts are mine now, and what I said of myself
    /// as a guest is the account's.
    pub(crate) fn adopt_metadata(&mut self, before: &Facts) {
        let me = self.me;
        let owner = Owner::User(me);
        let most = self.hub.config.limits.metadata_keys;
        for (key, value) in std::mem::take(&mut self.me_mut().metadata) {
            let facts = self.hub.metadata_of(owner);
            let same = facts.get(&key) == Some(&value);
            if same || (facts.len() >= most && !facts.contains_key(&key)) {
                continue;
            }
            if let Some(owner) = self.hub.change_metadata(owner, &key, Some(&value)) {
                self.sink.record(Record::Metadata { owner, key, value: Some(value) });
            }
        }
        if !self.me().registered {
            return;
        }
        let now = self.hub.metadata_of(owner).clone();
        for key in before.keys().filter(|key| !now.contains_key(*key)) {
            self.announce_metadata(owner, key, None);
        }
        for (key, value) in now.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
            self.announce_metadata(owner, key, Some(value));
        }
        if now != *before {
            self.send_my_metadata();
        }
    }
}

/// The message METADATA: `value` is what `key` of `target` is, or it is gone.
fn fact(source: &str, target: &str, key: &str, value: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    let line = Line::from_source(&mut body, source, "METADATA").params([target, key, "*"]);
    match value {
        Some(value) => line.text(value).end(),
        None => line.end(),
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_small_letters_digits_and_a_few_signs() {
        assert_eq!(parse_key("Display-Name").as_deref(), Some("display-name"));
        assert_eq!(parse_key("chat.example/x_1").as_deref(), Some("chat.example/x_1"));
        for bad in ["", ":x", "a:b", "a b", "$url", "größe", "*", &"k".repeat(KEY_MAX + 1)] {
            assert_eq!(parse_key(bad), None, "{bad}");
        }
    }
}
