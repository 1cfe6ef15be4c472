//! NICK.

use callbox_irc::build::Line;
use callbox_irc::message::Message;
use callbox_irc::names::Nick;
use callbox_irc::numeric as n;

use crate::client::ClientId;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;
use crate::whowas::Whowas;

/// Nicknames that nobody may have: they are names of services, and `*` in words.
const RESERVED: &[&str] = &["chanserv", "nickserv", "server", "services"];

/// NICK.
pub(crate) fn nick(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let Some(asked) = message.params.first().filter(|name| !name.is_empty()) else {
        return Err(Refusal::numeric(n::ERR_NONICKNAMEGIVEN, &[]));
    };
    let nick = Nick::parse(asked, turn.hub.config.limits.nick)
        .map_err(|_| Refusal::numeric(n::ERR_ERRONEUSNICKNAME, &[asked]))?;
    turn.may_have(&nick)?;
    if turn.me().nick.as_ref().is_some_and(|old| old.as_str() == nick.as_str()) {
        return Ok(());
    }
    turn.take_from_stranger(&nick);
    if turn.me().registered {
        turn.change_nick(nick);
    } else {
        let me = turn.me;
        turn.hub.clients.rename(me, nick);
        turn.try_register();
    }
    Ok(())
}

impl Turn<'_> {
    /// Whether I may have this nickname.
    pub(crate) fn may_have(&self, nick: &Nick) -> Outcome {
        let name = nick.as_str();
        let clients = &self.hub.clients;
        if RESERVED.contains(&&**nick.key()) {
            return Err(Refusal::told(n::ERR_ERRONEUSNICKNAME, &[name], "This name is reserved"));
        }
        if clients.user(nick.key()).is_some_and(|holder| holder != self.me) {
            return Err(Refusal::numeric(n::ERR_NICKNAMEINUSE, &[name]));
        }
        // A name may be an account's and no nickname of anybody present. Then it is kept for the account, and so is what
        // looks like it.
        let mine = self.me().account.as_ref().map(|account| account.key());
        let owns = |holder: ClientId| {
            let account = self.client(holder).account.as_ref();
            account.is_some_and(|account| account.key() == nick.key())
        };
        if mine != Some(nick.key()) && clients.holder(nick.key()).is_some_and(owns) {
            let text = "Somebody who is coming in has logged in by this name";
            return Err(Refusal::told(n::ERR_NICKNAMEINUSE, &[name], text));
        }
        if clients.looks_taken(nick.key(), self.me) {
            let text = "This nickname looks like one that is in use";
            return Err(Refusal::told(n::ERR_NICKNAMEINUSE, &[name], text));
        }
        let logging_in = !self.me().registered && self.me().negotiation.open;
        if !self.hub.config.accounts.reserve_nicks || logging_in || mine == Some(nick.key()) {
            return Ok(());
        }
        let text = if self.hub.accounts.contains_key(nick.key()) {
            "This nickname belongs to an account; log in to it first"
        } else if self.hub.account_looks.is_taken(nick.key(), mine) {
            "This nickname looks like one that belongs to an account"
        } else {
            return Ok(());
        };
        Err(Refusal::told(n::ERR_NICKNAMEINUSE, &[name], text))
    }

    /// Takes this nickname from a connection that asked for it and has not come in, and tells it so: it can ask for
    /// another. Else a connection that broke on its way in, or that somebody keeps for it, would hold the name for all of
    /// the time that coming in may take.
    fn take_from_stranger(&mut self, nick: &Nick) {
        let holder = self.hub.clients.holder(nick.key()).filter(|holder| *holder != self.me);
        let Some(holder) = holder.filter(|holder| !self.client(*holder).registered) else {
            return;
        };
        self.hub.clients.unname(holder);
        let text = n::ERR_NICKNAMEINUSE.text;
        self.acting_for(holder, |turn| {
            turn.numeric(n::ERR_NICKNAMEINUSE, &[nick.as_str()], text);
        });
    }

    /// Gives me, a user, another nickname, and tells everybody who sees me.
    pub(crate) fn change_nick(&mut self, nick: Nick) {
        let me = self.me;
        let stamp = self.stamp();
        let actor = self.actor();
        let moved = self.me().nick.as_ref().map(Nick::key) != Some(nick.key());
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "NICK").text(nick.as_str()).end();
        let mut told = self.peers_of(me);
        told.push(me);
        self.send_to_all(&told, &actor.tags(&stamp), &body);
        for channel in self.me().channels.clone() {
            let conversation = crate::history::channel_key(self.channel(channel));
            self.record(&conversation, &stamp, "NICK", &[], Some(nick.as_str()), "");
        }
        if moved {
            self.announce_offline();
            if let Some(was) = Whowas::of(self.me(), self.now.wall) {
                let limit = self.hub.config.limits.whowas;
                self.hub.remember(was, limit);
            }
        }
        self.hub.clients.rename(me, nick);
        if moved {
            self.announce_online();
        }
    }
}
