//! Who may join, speak and change what. Pure questions; the commands act on the answers.

use std::time::Duration;

use callbox_irc::mask;
use callbox_irc::modes::{ChannelFlags, Membership};
use callbox_irc::numeric as n;

use crate::channel::{Channel, ListEntry};
use crate::client::Client;
use crate::refusal::{Outcome, Refusal};

/// Whether `client` may come into `channel` at `now`, on the monotonic clock, with the key that it gave.
///
/// A founder always may. So may who was invited by somebody that moderates the channel: that overrides the modes
/// `i k l R` and bans, as whoever invited could have taken each of them away. Operators of the server may not more than
/// others: who runs a server need not be in every room.
pub(crate) fn can_join(
    channel: &Channel,
    client: &Client,
    key: Option<&str>,
    now: Duration,
) -> Outcome {
    let name = channel.name.as_str();
    let invited = client.invited.iter().any(|invitation| {
        invitation.serial == channel.serial && invitation.opens && invitation.until > now
    });
    if invited || is_founder(channel, client) {
        return Ok(());
    }
    if channel.flags.contains(ChannelFlags::REGISTERED_ONLY) && client.account.is_none() {
        return Err(Refusal::numeric(n::ERR_NEEDREGGEDNICK, &[name]));
    }
    if let Some(wanted) = &channel.key
        && !key.is_some_and(|key| wanted.opens(key))
    {
        return Err(Refusal::numeric(n::ERR_BADCHANNELKEY, &[name]));
    }
    if channel.flags.contains(ChannelFlags::INVITE_ONLY) && !matches_any(&channel.invites, client) {
        return Err(Refusal::numeric(n::ERR_INVITEONLYCHAN, &[name]));
    }
    if is_banned(channel, client) {
        return Err(Refusal::numeric(n::ERR_BANNEDFROMCHAN, &[name]));
    }
    if channel.limit.is_some_and(|limit| channel.members.len() >= limit as usize) {
        return Err(Refusal::numeric(n::ERR_CHANNELISFULL, &[name]));
    }
    Ok(())
}

/// Whether `client`, with its rights in `channel` if it is a member, may say something there.
pub(crate) fn can_speak(
    channel: &Channel,
    client: &Client,
    membership: Option<Membership>,
) -> Outcome {
    let refused = || Refusal::numeric(n::ERR_CANNOTSENDTOCHAN, &[channel.name.as_str()]);
    if membership.is_none() && channel.flags.contains(ChannelFlags::NO_EXTERNAL) {
        return Err(refused());
    }
    if membership.is_some_and(|rights| !rights.is_empty()) {
        return Ok(());
    }
    if channel.flags.contains(ChannelFlags::MODERATED) {
        return Err(refused());
    }
    if channel.flags.contains(ChannelFlags::REGISTERED_SPEAK) && client.account.is_none() {
        return Err(refused());
    }
    if is_banned(channel, client) || is_muted(channel, client) {
        return Err(refused());
    }
    Ok(())
}

/// Whether `client` claimed `channel`.
pub(crate) fn is_founder(channel: &Channel, client: &Client) -> bool {
    let account = client.account.as_ref().map(|account| account.key());
    channel.founder.is_some() && channel.founder.as_ref() == account
}

/// Whether a ban of `channel` holds for `client`, and no exception.
pub(crate) fn is_banned(channel: &Channel, client: &Client) -> bool {
    matches_any(&channel.bans, client) && !matches_any(&channel.excepts, client)
}

/// Whether a mute of `channel` holds for `client`, and no exception, be it of bans or of mutes.
pub(crate) fn is_muted(channel: &Channel, client: &Client) -> bool {
    matches_some(&channel.bans, client, true)
        && !matches_some(&channel.excepts, client, true)
        && !matches_any(&channel.excepts, client)
}

/// Whether an entry of `list` holds for `client`. A mute keeps nobody out.
pub(crate) fn matches_any(list: &[ListEntry], client: &Client) -> bool {
    matches_some(list, client, false)
}

fn matches_some(list: &[ListEntry], client: &Client, mutes: bool) -> bool {
    if list.is_empty() {
        return false;
    }
    // Who bans an address means it, even where others see a name made of it.
    let [shown, real] = &client.masked;
    let account = client.account.as_ref().map(|account| &**account.key());
    list.iter().filter_map(|entry| mask::parse_ban(&entry.folded)).any(|ban| {
        ban.is_mute() == mutes && (ban.matches(shown, account) || ban.matches(real, account))
    })
}
