//! What I may see of others: users who hide, rooms that are secret, addresses.

use callbox_irc::capability::CapSet;
use callbox_irc::modes::{ChannelFlags, Membership, UserModes};

use crate::channel::ChannelId;
use crate::client::ClientId;
use crate::turn::Turn;

impl Turn<'_> {
    /// Whether a list of users may hold `other` for me: it does not hide, or I share a channel with it, or I am an
    /// operator.
    pub(crate) fn is_visible(&self, other: ClientId) -> bool {
        other == self.me
            || !self.client(other).modes.contains(UserModes::INVISIBLE)
            || self.me().operator.is_some()
            || self.shares_channel(other)
    }

    /// Whether I may know that `other` is in `channel`.
    pub(crate) fn sees_in(&self, other: ClientId, channel: ChannelId) -> bool {
        self.my_membership(channel).is_some()
            || !self.channel(channel).flags.contains(ChannelFlags::SECRET)
                && !self.client(other).modes.contains(UserModes::INVISIBLE)
    }

    /// Whether I may know from which address `other` comes.
    pub(crate) fn sees_address(&self, other: ClientId) -> bool {
        other == self.me || self.me().operator.is_some()
    }

    /// The signs of a member, as I asked for them: all, or the highest.
    pub(crate) fn signs(&self, membership: Membership) -> &'static str {
        if self.me().has(CapSet::MULTI_PREFIX) {
            membership.prefixes()
        } else {
            membership.highest_prefix()
        }
    }

    fn shares_channel(&self, other: ClientId) -> bool {
        self.me().channels.iter().any(|channel| self.channel(*channel).members.contains(other))
    }
}
