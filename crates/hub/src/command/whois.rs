//! WHOIS and WHOWAS.

use callbox_irc::build::text_room;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::modes::UserModes;
use callbox_irc::numeric as n;
use callbox_irc::stamp;

use crate::client::ClientId;
use crate::metadata::Owner;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// The metadata that WHOIS shows: what a person reads. The rest is for METADATA LIST.
const SHOWN_KEYS: &[&str] = &["display-name", "homepage", "pronouns", "status"];

/// WHOIS. With two parameters the first one names the server to ask: this one, or that of somebody here.
pub(crate) fn whois(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let (server, asked) = match *message.params {
        [] => (None, ""),
        [asked] => (None, asked),
        [ref server, asked, ..] => (Some(server), asked),
    };
    let name = one_name(asked)?;
    turn.is_for_me(server)?;
    match turn.hub.clients.user_named(name) {
        Some(id) => turn.whois_user(id),
        None => turn.report(Err(Refusal::no_such_nick(name))),
    }
    // The end names what was asked, with the names that were passed over.
    turn.numeric(n::RPL_ENDOFWHOIS, &[asked], n::RPL_ENDOFWHOIS.text);
    Ok(())
}

/// WHOWAS.
pub(crate) fn whowas(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let asked = message.params.first().copied().unwrap_or_default();
    let name = one_name(asked)?;
    let count = message.params.get(1).and_then(|count| count.parse().ok());
    let most = turn.hub.config.limits.replies;
    let count = count.filter(|count| *count > 0).unwrap_or(most).min(most);
    let key = Folded::new(name);
    let known = turn.hub.whowas.iter().rev().filter(|was| was.key == key);
    let found: Vec<_> = known.take(count).cloned().collect();
    if found.is_empty() {
        turn.numeric(n::ERR_WASNOSUCHNICK, &[name], n::ERR_WASNOSUCHNICK.text);
    }
    let server = turn.hub.config.server_name.clone();
    for was in found {
        turn.numeric(n::RPL_WHOWASUSER, &[&was.nick, &was.user, &was.host, "*"], &was.realname);
        turn.numeric(n::RPL_WHOISSERVER, &[&was.nick, &server], &stamp::date_text(was.left));
        if let Some(account) = &was.account {
            turn.numeric(n::RPL_WHOISACCOUNT, &[&was.nick, account], "was logged in as");
        }
    }
    turn.numeric(n::RPL_ENDOFWHOWAS, &[asked], n::RPL_ENDOFWHOWAS.text);
    Ok(())
}

/// The name that is asked for: the first one, since TARGMAX allows no more.
fn one_name(asked: &str) -> Result<&str, Refusal> {
    let name = asked.split(',').next().unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::numeric(n::ERR_NONICKNAMEGIVEN, &[]));
    }
    Ok(name)
}

impl Turn<'_> {
    /// Everything about a user that I may know.
    fn whois_user(&mut self, id: ClientId) {
        let client = self.client(id);
        let nick = client.name().to_owned();
        let (user, host, realname) =
            (client.user.clone(), client.host.clone(), client.realname.clone());
        let (modes, away) = (client.modes, client.away.clone());
        let operator = client.operator.is_some();
        let account = client.account.clone();
        let fingerprint = client.peer.fingerprint.clone();
        let address = crate::cloak::address(client.peer.address);
        let idle = self.idle_seconds(client).to_string();
        let signon = (client.signon / 1000).to_string();
        let private = self.sees_address(id);
        let server = self.hub.config.server_name.clone();
        let description = self.hub.config.description.clone();

        self.numeric(n::RPL_WHOISUSER, &[&nick, &user, &host, "*"], &realname);
        self.whois_channels(id, &nick);
        self.numeric(n::RPL_WHOISSERVER, &[&nick, &server], &description);
        if let Some(text) = away {
            self.numeric(n::RPL_AWAY, &[&nick], &text);
        }
        if operator {
            self.numeric(n::RPL_WHOISOPERATOR, &[&nick], n::RPL_WHOISOPERATOR.text);
        }
        if private {
            if let Some(fingerprint) = fingerprint {
                let text = format!("has client certificate fingerprint {fingerprint}");
                self.numeric(n::RPL_WHOISCERTFP, &[&nick], &text);
            }
            self.numeric(n::RPL_WHOISACTUALLY, &[&nick, &address], n::RPL_WHOISACTUALLY.text);
            self.numeric(n::RPL_WHOISMODES, &[&nick], &format!("is using modes {modes}"));
        }
        if modes.contains(UserModes::SECURE) {
            self.numeric(n::RPL_WHOISSECURE, &[&nick], n::RPL_WHOISSECURE.text);
        }
        self.numeric(n::RPL_WHOISIDLE, &[&nick, &idle, &signon], n::RPL_WHOISIDLE.text);
        if let Some(account) = account {
            let text = n::RPL_WHOISACCOUNT.text;
            self.numeric(n::RPL_WHOISACCOUNT, &[&nick, account.as_str()], text);
        }
        if modes.contains(UserModes::BOT) {
            self.numeric(n::RPL_WHOISBOT, &[&nick], n::RPL_WHOISBOT.text);
        }
        let kept = self.hub.metadata_of(Owner::User(id));
        let shown: Vec<(&str, Box<str>)> =
            SHOWN_KEYS.iter().filter_map(|key| Some((*key, kept.get(*key)?.clone()))).collect();
        for (key, value) in shown {
            self.numeric(n::RPL_WHOISKEYVALUE, &[&nick, key, "*"], &value);
        }
    }

    /// RPL_WHOISCHANNELS: the channels that I may know of, in as many lines as it takes.
    fn whois_channels(&mut self, id: ClientId, nick: &str) {
        let server = &self.hub.config.server_name;
        let numeric = n::RPL_WHOISCHANNELS;
        let room = text_room(server, numeric.code_text(), &[self.me().name(), nick]);
        let mut lines = Vec::new();
        let mut line = String::new();
        for channel in self.client(id).channels.iter().filter(|c| self.sees_in(id, **c)) {
            let channel = self.channel(*channel);
            let signs = channel.members.get(id).map_or("", |rights| self.signs(rights));
            let name = channel.name.as_str();
            if !line.is_empty() && line.len() + 1 + signs.len() + name.len() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(signs);
            line.push_str(name);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        for line in lines {
            self.numeric(numeric, &[nick], &line);
        }
    }
}
