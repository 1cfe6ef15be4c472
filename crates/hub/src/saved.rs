//! What is kept of channels, and taking up what was kept.

use callbox_irc::fold::Folded;
use callbox_irc::modes::{self, ChannelFlags, ChannelMode, ListMode};
use callbox_irc::names::{Channel as ChannelName, Key};

use crate::channel::{Channel, ChannelId, ListEntry, Topic};
use crate::contract::{Record, Saved, SavedChannel};
use crate::hub::Hub;
use crate::turn::Turn;

impl Hub {
    /// Takes up what was kept from before. What makes no sense any more is passed over.
    pub(crate) fn restore(&mut self, saved: Saved) {
        self.add_accounts(saved.accounts);
        for channel in &saved.channels {
            if channel.founder.is_empty() {
                self.forsaken.insert(Folded::new(&channel.key));
            } else if let Some(channel) = channel_of(channel) {
                self.channels.insert(channel);
            }
        }
        for (account, target, read) in saved.read_markers {
            self.read_markers.entry(account).or_default().insert(target, read);
        }
        for (owner, key, value) in saved.metadata {
            if !ChannelName::is_meant(&owner) {
                self.metadata.entry(owner).or_default().insert(key, value);
            } else if let Some(channel) = self.channels.named(&owner) {
                self.channels.at_mut(channel).metadata.insert(key, value);
            }
        }
    }
}

impl Hub {
    /// Adds accounts, each a folded name and the name as shown, but for those that it has.
    pub(crate) fn add_accounts(&mut self, accounts: Vec<(Box<str>, Box<str>)>) {
        for (key, name) in accounts {
            let key = Folded::new(&key);
            if !self.accounts.contains_key(&key) {
                self.account_looks.insert(&key);
                self.accounts.insert(key, name);
            }
        }
    }
}

impl Turn<'_> {
    /// To be called when the topic, the modes or the lists of `channel` changed: keeps what is to be kept.
    pub(crate) fn channel_changed(&mut self, channel: ChannelId) {
        let room = self.channel_mut(channel);
        let closes = room.is_closed() && !room.confidential;
        room.confidential |= closes;
        if closes || room.founder.is_some() {
            self.save_channel(channel);
        }
    }

    /// Keeps `channel` as it is: with all that belongs to it if it is claimed, or else the mark that it was closed.
    pub(crate) fn save_channel(&mut self, channel: ChannelId) {
        let saved = self.channel(channel).saved();
        self.sink.record(Record::Channel(saved));
    }
}

impl SavedChannel {
    /// What is left of it when nobody claims it any more: the mark that it was closed, if it was, so that what was said
    /// in it is forgotten before anybody else reads it.
    pub fn unclaimed(&self) -> Option<Self> {
        let closed = channel_of(self).is_some_and(|channel| channel.is_closed());
        closed.then(|| Self {
            key: self.key.clone(),
            name: self.name.clone(),
            created: self.created,
            ..Self::default()
        })
    }
}

impl Channel {
    /// What is kept of it.
    fn saved(&self) -> SavedChannel {
        let mut saved = SavedChannel {
            key: self.name.key().as_str().into(),
            name: self.name.as_str().into(),
            created: self.created,
            ..SavedChannel::default()
        };
        let Some(founder) = &self.founder else {
            return saved;
        };
        saved.founder = founder.as_str().into();
        saved.topic = self.topic.clone().map(|topic| (topic.text, topic.by, topic.at));
        saved.modes = self.mode_words(true).into_iter().map(String::into_boxed_str).collect();
        for list in ListMode::ALL {
            let entries = self.list(list).iter();
            saved.lists.extend(
                entries
                    .map(|entry| (list.letter(), entry.mask.clone(), entry.by.clone(), entry.at)),
            );
        }
        saved
    }
}

/// The channel that was kept. Its lengths are as they were allowed when they were set.
fn channel_of(saved: &SavedChannel) -> Option<Channel> {
    let name = ChannelName::parse(&saved.name, usize::MAX).ok()?;
    let mut channel = Channel::new(name, saved.created);
    channel.flags = ChannelFlags::CLAIMED;
    channel.founder = Some(Folded::new(&saved.founder));
    channel.topic = saved.topic.clone().map(|(text, by, at)| Topic { text, by, at });
    let words: Vec<&str> = saved.modes.iter().map(|word| &**word).collect();
    for change in modes::parse_channel_modes(&words).flatten() {
        match (change.mode, change.argument) {
            (ChannelMode::Flag(flag), _) => channel.flags.insert(flag),
            (ChannelMode::Key, Some(key)) => channel.key = Key::parse(key, usize::MAX).ok(),
            (ChannelMode::Limit, Some(limit)) => channel.limit = limit.parse().ok(),
            _ => {}
        }
    }
    for (letter, mask, by, at) in &saved.lists {
        if let Some(ChannelMode::List(list)) = modes::channel_mode(*letter).map(|row| row.mode) {
            channel.list_mut(list).push(ListEntry::new(mask, by, *at));
        }
    }
    channel.confidential = channel.is_closed();
    Some(channel)
}
