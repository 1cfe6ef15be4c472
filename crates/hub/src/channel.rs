//! A channel: who is in it, its modes and lists, its topic.

use std::time::Duration;

use callbox_irc::fold::Folded;
use callbox_irc::modes::{ChannelFlags, ListMode, Membership};
use callbox_irc::names::{Channel as ChannelName, Key};

use crate::client::ClientId;
use crate::contract::Millis;

/// A channel's place in the hub. It may be used again after the channel has gone.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ChannelId(pub(crate) u32);

/// A channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    /// Sets it apart from all channels that had its place or its name before. Given by `Channels::insert`.
    pub(crate) serial: u64,
    pub(crate) created: Millis,
    /// Who is in it, and with what rights. The hub keeps this and [`crate::client::Client::channels`] in agreement.
    pub(crate) members: Members,
    pub(crate) flags: ChannelFlags,
    pub(crate) key: Option<Key>,
    pub(crate) limit: Option<u32>,
    pub(crate) topic: Option<Topic>,
    pub(crate) bans: Vec<ListEntry>,
    pub(crate) excepts: Vec<ListEntry>,
    pub(crate) invites: Vec<ListEntry>,
    /// The account that claimed it, which is what makes it stay when the last one leaves.
    pub(crate) founder: Option<Folded>,
    pub(crate) metadata: std::collections::BTreeMap<Box<str>, Box<str>>,
    /// Whether it was ever [closed](Self::is_closed). What was said then is forgotten with the channel, even if somebody
    /// opened it again before the end.
    pub(crate) confidential: bool,
    /// When it was given another name, on the monotonic clock.
    pub(crate) renamed: Option<Duration>,
}

/// What a channel is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Topic {
    pub(crate) text: Box<str>,
    /// Who set it: `nick!user@host`.
    pub(crate) by: Box<str>,
    pub(crate) at: Millis,
}

/// A mask in one of a channel's lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListEntry {
    /// As it was set.
    pub(crate) mask: Box<str>,
    /// Folded, for comparison.
    pub(crate) folded: Box<str>,
    pub(crate) by: Box<str>,
    pub(crate) at: Millis,
}

impl Channel {
    pub(crate) fn new(name: ChannelName, created: Millis) -> Self {
        Self {
            name,
            serial: 0,
            created,
            members: Members::default(),
            // What people expect of a room: only those inside speak, and only its operators change the topic.
            flags: ChannelFlags::NO_EXTERNAL.union(ChannelFlags::PROTECTED_TOPIC),
            key: None,
            limit: None,
            topic: None,
            bans: Vec::new(),
            excepts: Vec::new(),
            invites: Vec::new(),
            founder: None,
            metadata: std::collections::BTreeMap::new(),
            confidential: false,
            renamed: None,
        }
    }

    /// Whether only some may come in. What was said in such a room is for them alone.
    pub(crate) fn is_closed(&self) -> bool {
        self.key.is_some()
            || self.flags.intersects(ChannelFlags::INVITE_ONLY.union(ChannelFlags::REGISTERED_ONLY))
    }

    pub(crate) const fn list(&self, list: ListMode) -> &Vec<ListEntry> {
        match list {
            ListMode::Ban => &self.bans,
            ListMode::Except => &self.excepts,
            ListMode::Invex => &self.invites,
        }
    }

    pub(crate) const fn list_mut(&mut self, list: ListMode) -> &mut Vec<ListEntry> {
        match list {
            ListMode::Ban => &mut self.bans,
            ListMode::Except => &mut self.excepts,
            ListMode::Invex => &mut self.invites,
        }
    }

    /// The modes that are no lists: `+ntkl`, then the arguments. The key is `*` unless `with_key`.
    pub(crate) fn mode_words(&self, with_key: bool) -> Vec<String> {
        let mut words = vec![self.flags.to_string()];
        if let Some(key) = &self.key {
            words[0].push('k');
            words.push(if with_key { key.as_str() } else { "*" }.to_owned());
        }
        if let Some(limit) = self.limit {
            words[0].push('l');
            words.push(limit.to_string());
        }
        words
    }
}

impl ListEntry {
    /// The entry for `mask`, as `callbox_irc::mask::normalise` gave it.
    pub(crate) fn new(mask: &str, by: &str, at: Millis) -> Self {
        let folded = callbox_irc::fold::fold_text(mask).into_boxed_str();
        Self { mask: mask.into(), folded, by: by.into(), at }
    }
}

/// The members of a channel, in the order of their ids, so that one is found by halving.
#[derive(Debug, Default)]
pub(crate) struct Members(Vec<(ClientId, Membership)>);

impl Members {
    /// The rights of `client`, if it is a member.
    pub(crate) fn get(&self, client: ClientId) -> Option<Membership> {
        self.place(client).ok().map(|place| self.0[place].1)
    }

    pub(crate) fn get_mut(&mut self, client: ClientId) -> Option<&mut Membership> {
        let place = self.place(client).ok()?;
        Some(&mut self.0[place].1)
    }

    pub(crate) fn contains(&self, client: ClientId) -> bool {
        self.place(client).is_ok()
    }

    /// Adds `client`, or changes its rights.
    pub(crate) fn insert(&mut self, client: ClientId, membership: Membership) {
        match self.place(client) {
            Ok(place) => self.0[place].1 = membership,
            Err(place) => self.0.insert(place, (client, membership)),
        }
    }

    pub(crate) fn remove(&mut self, client: ClientId) -> Option<Membership> {
        let place = self.place(client).ok()?;
        Some(self.0.remove(place).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClientId, Membership)> + '_ {
        self.0.iter().copied()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, client: ClientId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&client, |(id, _)| *id)
    }
}
