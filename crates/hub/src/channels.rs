//! All channels, and how one is found.

use crate::HashMap;
use callbox_irc::fold::Folded;
use slab::Slab;

use crate::channel::{Channel, ChannelId};

/// All channels.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    all: Slab<Channel>,
    by_name: HashMap<Folded, ChannelId>,
    /// How many there ever were.
    serial: u64,
}

impl Channels {
    pub(crate) fn insert(&mut self, mut channel: Channel) -> ChannelId {
        self.serial += 1;
        channel.serial = self.serial;
        let key = channel.name.key().clone();
        let id = ChannelId(self.all.insert(channel) as u32);
        self.by_name.insert(key, id);
        id
    }

    pub(crate) fn remove(&mut self, id: ChannelId) -> Option<Channel> {
        let channel = self.all.try_remove(id.0 as usize)?;
        self.by_name.remove(channel.name.key());
        Some(channel)
    }

    /// Gives `id` the name, which is free or its own in another spelling.
    pub(crate) fn rename(&mut self, id: ChannelId, name: callbox_irc::names::Channel) {
        let channel = &mut self.all[id.0 as usize];
        self.by_name.remove(channel.name.key());
        self.by_name.insert(name.key().clone(), id);
        channel.name = name;
    }

    pub(crate) fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.all.get(id.0 as usize)
    }

    /// The channel `id`, which exists: it came from a client's list or an index of this type a moment ago.
    pub(crate) fn at(&self, id: ChannelId) -> &Channel {
        &self.all[id.0 as usize]
    }

    pub(crate) fn at_mut(&mut self, id: ChannelId) -> &mut Channel {
        &mut self.all[id.0 as usize]
    }

    pub(crate) fn find(&self, key: &Folded) -> Option<ChannelId> {
        self.by_name.get(key).copied()
    }

    /// The channel with this name as somebody typed it.
    pub(crate) fn named(&self, name: &str) -> Option<ChannelId> {
        self.find(&Folded::new(name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        self.all.iter().map(|(id, channel)| (ChannelId(id as u32), channel))
    }

    /// How many names lead to a channel.
    #[cfg(feature = "check")]
    pub(crate) fn names(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}
