//! WHO, with the fields of WHOX.

use callbox_irc::fold::{fold, fold_text};
use callbox_irc::mask;
use callbox_irc::message::Message;
use callbox_irc::modes::UserModes;
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::numeric::{RPL_ENDOFWHO, RPL_WHOREPLY, RPL_WHOSPCRPL};

use crate::channel::ChannelId;
use crate::client::{Client, ClientId};
use crate::refusal::Outcome;
use crate::turn::Turn;

/// The fields of WHOX in the order in which they are sent: token, channel, user name, address, host, server, nickname,
/// flags, hops, idle seconds, account, rank, real name.
const FIELDS: &str = "tcuihsnfdlaor";

/// Bytes of a mask. Each user is held against it several times, so that it is kept short; names are not longer.
const MASK_MAX: usize = 128;

/// What is sent in place of an address that is nobody's business (IRCv3 WHOX).
const NO_ADDRESS: &str = "255.255.255.255";

/// WHO.
pub(crate) fn who(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let mask = message.params.first().copied().filter(|mask| !mask.is_empty()).unwrap_or("*");
    let query = Query::parse(message.params.get(1).copied().unwrap_or_default());
    for (user, channel) in turn.whom(mask, &query) {
        turn.who_reply(user, channel, &query);
    }
    turn.numeric(RPL_ENDOFWHO, &[mask], RPL_ENDOFWHO.text);
    Ok(())
}

/// The second parameter: flags, and after a `%` the fields of WHOX.
#[derive(Debug, Default)]
struct Query<'a> {
    /// Only operators (`o`).
    operators: bool,
    /// What the mask is held against: any of `nuhisra`, and everything if there is none.
    against: &'a str,
    /// The fields that are wanted; without WHOX none.
    fields: Option<&'a str>,
    /// What the field `t` sends back.
    token: &'a str,
}

impl<'a> Query<'a> {
    fn parse(text: &'a str) -> Self {
        let (flags, wanted) = match text.split_once('%') {
            Some((flags, wanted)) => (flags, Some(wanted)),
            None => (text, None),
        };
        let (fields, token) = match wanted.and_then(|wanted| wanted.split_once(',')) {
            Some((fields, token)) => (Some(fields), token),
            None => (wanted, ""),
        };
        let is_token = matches!(token.len(), 1..=3) && token.bytes().all(|b| b.is_ascii_digit());
        Self {
            operators: flags.contains('o'),
            against: if flags.contains(['n', 'u', 'h', 'i', 's', 'r', 'a']) { flags } else { "" },
            fields,
            token: if is_token { token } else { "0" },
        }
    }

    fn wants(&self, client: &Client) -> bool {
        !self.operators || client.operator.is_some()
    }

    fn holds_against(&self, field: char) -> bool {
        self.against.is_empty() || self.against.contains(field)
    }
}

impl Turn<'_> {
    /// The users whom `mask` means, each with the channel to name. There are no more than a reply may have lines.
    fn whom(&self, mask: &str, query: &Query<'_>) -> Vec<(ClientId, Option<ChannelId>)> {
        let most = self.hub.config.limits.replies;
        if ChannelName::is_meant(mask) {
            let seen = self.hub.channels.named(mask).filter(|channel| self.sees_channel(*channel));
            let Some(channel) = seen else {
                return Vec::new();
            };
            let members = self.channel(channel).members.iter().map(|(id, _)| id);
            let wanted =
                |id: &ClientId| self.sees_in(*id, channel) && query.wants(self.client(*id));
            return members.filter(wanted).take(most).map(|id| (id, Some(channel))).collect();
        }
        // Who knows the nickname sees the user, whether it hides or not.
        if query.holds_against('n')
            && let Some(id) = self.hub.clients.user_named(mask)
        {
            let wanted = query.wants(self.client(id));
            return wanted.then(|| (id, self.channel_of(id))).into_iter().collect();
        }
        let pattern = fold_text(mask);
        if pattern.len() > MASK_MAX {
            return Vec::new();
        }
        let all = matches!(&*pattern, "*" | "0");
        let users = self.hub.clients.users();
        users
            .filter(|(_, client)| query.wants(client))
            .filter(|(id, client)| all || self.is_meant(&pattern, *id, client, query))
            .filter(|(id, _)| self.is_visible(*id))
            .take(most)
            .map(|(id, _)| (id, self.channel_of(id)))
            .collect()
    }

    /// Whether the folded `pattern` is for `client`.
    fn is_meant(&self, pattern: &str, id: ClientId, client: &Client, query: &Query<'_>) -> bool {
        let is = |field: char, text: &str| {
            query.holds_against(field) && mask::matches(pattern, &fold(text))
        };
        let account = client.account.as_ref().map(|account| &**account.key());
        is('n', client.name())
            || is('u', &client.user)
            || is('h', &client.host)
            || is('r', &client.realname)
            || account.is_some_and(|account| is('a', account))
            || is('s', &self.hub.config.server_name)
            || (query.against.is_empty() && mask::matches(pattern, &fold(&client.prefix)))
            || (self.sees_address(id) && is('i', &crate::cloak::address(client.peer.address)))
    }

    /// A channel to name beside the user `id`: one that I am in too, or else one that I may know of.
    fn channel_of(&self, id: ClientId) -> Option<ChannelId> {
        let channels = &self.client(id).channels;
        let shared = channels.iter().find(|channel| self.my_membership(**channel).is_some());
        shared.or_else(|| channels.iter().find(|channel| self.sees_in(id, **channel))).copied()
    }

    fn who_reply(&mut self, id: ClientId, channel: Option<ChannelId>, query: &Query<'_>) {
        let client = self.client(id);
        let shown = channel.map_or("*", |channel| self.channel(channel).name.as_str()).to_owned();
        let flags = self.who_flags(id, channel);
        let (user, host) = (client.user.clone(), client.host.clone());
        let (nick, realname) = (client.name().to_owned(), client.realname.clone());
        let server = self.hub.config.server_name.clone();
        let Some(fields) = query.fields else {
            let params = [&*shown, &*user, &*host, &*server, &*nick, &*flags];
            self.numeric(RPL_WHOREPLY, &params, &format!("0 {realname}"));
            return;
        };
        let address = if self.sees_address(id) {
            crate::cloak::address(client.peer.address)
        } else {
            NO_ADDRESS.to_owned()
        };
        let idle = self.idle_seconds(client).to_string();
        let account = client.account.as_ref().map_or("0", |account| account.as_str()).to_owned();
        let wanted = || FIELDS.chars().filter(|field| fields.contains(*field));
        if wanted().next().is_none() {
            return;
        }
        self.numeric_line(RPL_WHOSPCRPL, |line| {
            wanted().fold(line, |line, field| match field {
                't' => line.param(query.token),
                'c' => line.param(&shown),
                'u' => line.param(&user),
                'i' => line.param(&address),
                'h' => line.param(&host),
                's' => line.param(&server),
                'n' => line.param(&nick),
                'f' => line.param(&flags),
                'd' => line.param("0"),
                'l' => line.param(&idle),
                'a' => line.param(&account),
                // Ranks among operators of a channel, which there are none of here.
                'o' => line.param("n/a"),
                _ => line.text(&realname),
            })
        });
    }

    /// `H` here or `G` gone, `*` an operator, the signs in `channel`, then modes: `B` a bot, `r` logged in.
    fn who_flags(&self, id: ClientId, channel: Option<ChannelId>) -> String {
        let client = self.client(id);
        let mut flags = String::from(if client.away.is_some() { "G" } else { "H" });
        if client.operator.is_some() {
            flags.push('*');
        }
        if let Some(rights) = channel.and_then(|channel| self.channel(channel).members.get(id)) {
            flags.push_str(self.signs(rights));
        }
        for (mode, letter) in [(UserModes::BOT, 'B'), (UserModes::REGISTERED, 'r')] {
            if client.modes.contains(mode) {
                flags.push(letter);
            }
        }
        flags
    }

    /// For how long `client` has said nothing to anybody.
    pub(crate) fn idle_seconds(&self, client: &Client) -> u64 {
        self.now.monotonic.saturating_sub(client.active).as_secs()
    }
}
