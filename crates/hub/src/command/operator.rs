//! Commands of operators: OPER, KILL, REHASH, WALLOPS.

use callbox_irc::build::Line;
use callbox_irc::fold::Folded;
use callbox_irc::message::Message;
use callbox_irc::modes::UserModes;
use callbox_irc::numeric as n;

use super::user::cut;
use crate::client::ClientId;
use crate::contract::{Job, Reloaded, Secret};
use crate::pending::Then;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// OPER.
pub(crate) fn oper(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let [name, password] = [message.params[0], message.params[1]];
    let mine = turn.me().peer.fingerprint.as_deref();
    let known = turn.hub.config.operators.iter().find(|operator| &*operator.name == name);
    let known = known.filter(|operator| {
        operator.fingerprint.as_deref().is_none_or(|needed| Some(needed) == mine)
    });
    let Some(operator) = known else {
        return Err(Refusal::numeric(n::ERR_NOOPERHOST, &[]));
    };
    let hash = operator.password.clone();
    let address = turn.me().peer.address;
    let job = Job::CheckPassword { hash, password: Secret(password.into()), address };
    turn.start(job, Then::Oper(name.into()));
    Ok(())
}

/// KILL.
pub(crate) fn kill(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let [name, reason] = [message.params[0], message.params[1]];
    if callbox_irc::fold::same(name, &turn.hub.config.server_name) {
        return Err(Refusal::numeric(n::ERR_CANTKILLSERVER, &[]));
    }
    let Some(victim) = turn.hub.clients.user(&Folded::new(name)) else {
        return Err(Refusal::no_such_nick(name));
    };
    let by = turn.me().name().to_owned();
    let reason = cut(reason, turn.hub.config.limits.kick);
    let text = format!("Killed ({by} ({reason}))");
    let (stamp, actor) = (turn.stamp(), turn.actor());
    let nick = turn.client(victim).name().to_owned();
    let mut body = Vec::new();
    Line::from_source(&mut body, &actor.prefix, "KILL").param(&nick).text(reason).end();
    turn.send_to_all(&[victim], &actor.tags(&stamp), &body);
    if victim == turn.me {
        turn.close_by_kill(&text);
    } else {
        turn.acting_for(victim, |turn| turn.close_by_kill(&text));
    }
    Ok(())
}

/// REHASH.
pub(crate) fn rehash(turn: &mut Turn<'_>, _message: &Message<'_>) -> Outcome {
    turn.start(Job::Reload, Then::Rehash);
    Ok(())
}

/// WALLOPS.
pub(crate) fn wallops(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    if message.params[0].is_empty() {
        return Err(Refusal::need_more_params("WALLOPS"));
    }
    let stamp = turn.stamp();
    let actor = turn.actor();
    let mut body = Vec::new();
    Line::from_source(&mut body, &actor.prefix, "WALLOPS").text(message.params[0]).end();
    let wants = |client: &crate::client::Client| client.modes.contains(UserModes::WALLOPS);
    let told: Vec<ClientId> =
        turn.hub.clients.users().filter(|(_, client)| wants(client)).map(|(id, _)| id).collect();
    turn.send_to_all(&told, &actor.tags(&stamp), &body);
    Ok(())
}

impl Turn<'_> {
    /// Acts for another client, and then goes on for me.
    pub(crate) fn acting_for(&mut self, other: ClientId, act: impl FnOnce(&mut Self)) {
        let me = std::mem::replace(&mut self.me, other);
        let reply = std::mem::take(&mut self.reply);
        act(self);
        self.me = me;
        self.reply = reply;
    }

    /// Ends my connection. A user who is killed sees its own QUIT, as those who share a channel with it do.
    fn close_by_kill(&mut self, text: &str) {
        let actor = self.actor();
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "QUIT").text(text).end();
        self.send(&actor.unstamped_tags(), &body);
        self.close(text);
    }

    /// The operator's password was checked.
    pub(crate) fn oper_checked(&mut self, name: Box<str>, right: bool) -> Outcome {
        if !right {
            return Err(Refusal::numeric(n::ERR_PASSWDMISMATCH, &[]));
        }
        let host = self
            .hub
            .config
            .operators
            .iter()
            .find(|operator| operator.name == name)
            .and_then(|operator| operator.host.clone());
        let me = self.me_mut();
        me.operator = Some(name);
        me.modes.insert(UserModes::OPERATOR);
        let nick = me.name().to_owned();
        let actor = self.actor();
        self.numeric(n::RPL_YOUREOPER, &[], n::RPL_YOUREOPER.text);
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "MODE").param(&nick).param("+o").end();
        self.send(&actor.unstamped_tags(), &body);
        if let Some(host) = host {
            self.change_host(host);
        }
        Ok(())
    }

    /// The settings were read again.
    pub(crate) fn reloaded(&mut self, result: Result<Box<Reloaded>, Vec<String>>) -> Outcome {
        match result {
            Ok(reloaded) => {
                crate::reload::reload(self.hub, *reloaded, self.now, self.sink);
                self.numeric(n::RPL_REHASHING, &["configuration"], "The new settings hold");
            }
            Err(mistakes) => {
                let nick = self.me().name().to_owned();
                let mut say = |text: &str| {
                    self.reply("NOTICE", |line| line.param(&nick).text(text));
                };
                say("The configuration has mistakes; nothing was changed");
                mistakes.iter().for_each(|mistake| say(mistake));
            }
        }
        Ok(())
    }
}
