//! METADATA: facts about users and channels are read, set and watched (IRCv3 draft/metadata-2).

use callbox_irc::build::{Line, text_room};
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::Membership;
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::numeric as n;

use crate::metadata::{Owner, parse_key};
use crate::policy;
use crate::refusal::{Outcome, Refusal};
use crate::turn::Turn;

/// METADATA. Before registration only for who negotiated the capability, and only about oneself.
pub(crate) fn metadata(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    if !turn.me().registered && !turn.me().has(CapSet::METADATA) {
        return Err(Refusal::numeric(n::ERR_NOTREGISTERED, &[]));
    }
    let [target, subcommand, ref rest @ ..] = *message.params else {
        return Err(Refusal::need_more_params("METADATA"));
    };
    let owner = turn.owner(target)?;
    let upper = subcommand.to_ascii_uppercase();
    if rest.is_empty() && matches!(&*upper, "GET" | "SET" | "SUB" | "UNSUB") {
        return Err(Refusal::need_more_params("METADATA"));
    }
    if matches!(&*upper, "SUB" | "UNSUB" | "SUBS") && owner != Owner::User(turn.me) {
        return Err(invalid_target(target));
    }
    match &*upper {
        "GET" => turn.metadata_get(owner, rest),
        "LIST" => turn.metadata_list(owner),
        "SET" => {
            let value = rest.get(1).copied().filter(|value| !value.is_empty());
            return turn.metadata_set(owner, target, rest[0], value);
        }
        "CLEAR" => return turn.metadata_clear(owner, target),
        "SUB" => return turn.metadata_sub(rest),
        "UNSUB" => turn.metadata_unsub(rest),
        "SUBS" => turn.metadata_subs(),
        "SYNC" => turn.metadata_sync(owner),
        _ => {
            let text = "METADATA has no such subcommand";
            return Err(Refusal::fail("METADATA", "SUBCOMMAND_INVALID", &[subcommand], text));
        }
    }
    Ok(())
}

fn invalid_target(target: &str) -> Refusal {
    Refusal::fail("METADATA", "INVALID_TARGET", &[target], "There is no such user or channel")
}

fn invalid_key(key: &str) -> Refusal {
    let text = "A key is made of small letters, digits and _./-";
    Refusal::fail("METADATA", "KEY_INVALID", &[key], text)
}

fn no_permission(target: &str, key: &str) -> Refusal {
    let text = "You may not change this";
    Refusal::fail("METADATA", "KEY_NO_PERMISSION", &[target, key], text)
}

impl Turn<'_> {
    /// Whom `target` means: me, somebody else, or a channel that I may know of.
    fn owner(&self, target: &str) -> Result<Owner, Refusal> {
        let found = if target == "*" {
            Some(Owner::User(self.me))
        } else if !self.me().registered {
            None
        } else if ChannelName::is_meant(target) {
            let channel = self.hub.channels.named(target);
            channel.filter(|channel| self.sees_channel(*channel)).map(Owner::Channel)
        } else {
            self.hub.clients.user_named(target).map(Owner::User)
        };
        found.ok_or_else(|| invalid_target(target))
    }

    /// Whether I may change facts about `owner`: they are mine, or those of a channel that I moderate. Operators of the
    /// server may take away what offends.
    fn may_change_facts(&self, owner: Owner) -> bool {
        if self.me().operator.is_some() {
            return true;
        }
        match owner {
            Owner::User(id) => id == self.me,
            Owner::Channel(channel) => {
                let rights = self.my_membership(channel);
                rights.is_some_and(|rights| rights.is_at_least(Membership::OP))
                    || policy::is_founder(self.channel(channel), self.me())
            }
        }
    }

    fn metadata_get(&mut self, owner: Owner, keys: &[&str]) {
        let target = self.owner_name(owner).to_owned();
        let facts = self.hub.metadata_of(owner);
        let lines: Vec<_> = keys
            .iter()
            .map(|asked| match parse_key(asked) {
                Some(key) => self.key_value(&target, &key, facts.get(&key).map(|value| &**value)),
                None => self.key_invalid(asked),
            })
            .collect();
        self.send_batch(self.me, "metadata", &[&target], &lines);
    }

    fn metadata_list(&mut self, owner: Owner) {
        let target = self.owner_name(owner).to_owned();
        let facts = self.hub.metadata_of(owner);
        let lines: Vec<_> =
            facts.iter().map(|(key, value)| self.key_value(&target, key, Some(value))).collect();
        self.send_batch(self.me, "metadata", &[&target], &lines);
    }

    fn metadata_set(
        &mut self,
        owner: Owner,
        target: &str,
        asked: &str,
        value: Option<&str>,
    ) -> Outcome {
        let key = parse_key(asked).ok_or_else(|| invalid_key(asked))?;
        if !self.may_change_facts(owner) {
            return Err(no_permission(target, &key));
        }
        let limits = &self.hub.config.limits;
        if value.is_some_and(|value| value.len() > limits.metadata_value) {
            return Err(Refusal::fail("METADATA", "VALUE_INVALID", &[], "The value is too long"));
        }
        let facts = self.hub.metadata_of(owner);
        let before = facts.get(&key).map(|before| &**before);
        if value.is_none() && before.is_none() {
            let text = "The key is not set";
            return Err(Refusal::fail("METADATA", "KEY_NOT_SET", &[target, &key], text));
        }
        if value.is_some() && before.is_none() && facts.len() >= limits.metadata_keys {
            let text = "There are as many keys as there may be";
            return Err(Refusal::fail("METADATA", "LIMIT_REACHED", &[target], text));
        }
        if before != value {
            self.set_metadata(owner, &key, value);
        }
        let shown = self.owner_name(owner).to_owned();
        match value {
            Some(value) => self.numeric(n::RPL_KEYVALUE, &[&shown, &key, "*"], value),
            None => self.numeric(n::RPL_KEYNOTSET, &[&shown, &key], n::RPL_KEYNOTSET.text),
        }
        Ok(())
    }

    fn metadata_clear(&mut self, owner: Owner, target: &str) -> Outcome {
        if !self.may_change_facts(owner) {
            return Err(no_permission(target, "*"));
        }
        let shown = self.owner_name(owner).to_owned();
        let mut lines = Vec::new();
        for key in self.hub.metadata_of(owner).clone().into_keys() {
            self.set_metadata(owner, &key, None);
            lines.push(self.key_value(&shown, &key, None));
        }
        self.send_batch(self.me, "metadata", &[&shown], &lines);
        Ok(())
    }

    fn metadata_sub(&mut self, keys: &[&str]) -> Outcome {
        let most = self.hub.config.limits.metadata_subs;
        let (mut done, mut new, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
        let mut full = None;
        for asked in keys {
            let Some(key) = parse_key(asked) else {
                invalid.push(*asked);
                continue;
            };
            let subs = &mut self.me_mut().metadata_subs;
            if !subs.contains(&key) {
                if subs.len() >= most {
                    full = Some(key);
                    break;
                }
                subs.push(key.clone());
                new.push(key.clone());
            }
            if !done.contains(&key) {
                done.push(key);
            }
        }
        for line in self.key_lists(n::RPL_METADATASUBOK, &done) {
            self.send(&Default::default(), &line);
        }
        for asked in invalid {
            self.refuse(&invalid_key(asked));
        }
        if let Some(key) = full {
            let text = "You watch as many keys as you may";
            self.refuse(&Refusal::fail("METADATA", "TOO_MANY_SUBS", &[&key], text));
        }
        if self.me().registered && !new.is_empty() {
            self.send_visible_metadata(&new);
        }
        Ok(())
    }

    fn metadata_unsub(&mut self, keys: &[&str]) {
        let (mut done, mut invalid) = (Vec::new(), Vec::new());
        for asked in keys {
            match parse_key(asked) {
                Some(key) if !done.contains(&key) => {
                    self.me_mut().metadata_subs.retain(|sub| *sub != key);
                    done.push(key);
                }
                Some(_) => {}
                None => invalid.push(*asked),
            }
        }
        for line in self.key_lists(n::RPL_METADATAUNSUBOK, &done) {
            self.send(&Default::default(), &line);
        }
        for asked in invalid {
            self.refuse(&invalid_key(asked));
        }
    }

    fn metadata_subs(&mut self) {
        let lines = self.key_lists(n::RPL_METADATASUBS, &self.me().metadata_subs);
        self.send_batch(self.me, "metadata-subs", &[], &lines);
    }

    fn metadata_sync(&mut self, owner: Owner) {
        let target = self.owner_name(owner).to_owned();
        let keys = self.me().metadata_subs.clone();
        let mut lines = Vec::new();
        match owner {
            Owner::User(_) => self.facts(owner, Some(&keys), &mut lines),
            Owner::Channel(channel) => self.channel_facts(channel, &keys, &mut lines),
        }
        self.send_batch(self.me, "metadata", &[&target], &lines);
    }

    /// RPL_KEYVALUE, or RPL_KEYNOTSET.
    fn key_value(&self, target: &str, key: &str, value: Option<&str>) -> Vec<u8> {
        let mut body = Vec::new();
        let server = &self.hub.config.server_name;
        let numeric = if value.is_some() { n::RPL_KEYVALUE } else { n::RPL_KEYNOTSET };
        let line = Line::from_source(&mut body, server, numeric.code_text());
        let line = line.params([self.me().name(), target, key]);
        match value {
            Some(value) => line.param("*").text(value).end(),
            None => line.text(numeric.text).end(),
        }
        body
    }

    fn key_invalid(&self, key: &str) -> Vec<u8> {
        let mut body = Vec::new();
        let line = Line::from_source(&mut body, &self.hub.config.server_name, "FAIL");
        line.params(["METADATA", "KEY_INVALID", key]).text("This cannot be a key").end();
        body
    }

    /// `keys` as the parameters of `numeric`, in as many lines as it takes.
    fn key_lists(&self, numeric: n::Numeric, keys: &[Box<str>]) -> Vec<Vec<u8>> {
        let server = &self.hub.config.server_name;
        let nick = self.me().name();
        let room = text_room(server, numeric.code_text(), &[nick]);
        let mut lines: Vec<String> = Vec::new();
        for key in keys {
            match lines.last_mut() {
                Some(line) if line.len() + 1 + key.len() <= room => {
                    line.push(' ');
                    line.push_str(key);
                }
                _ => lines.push(key.to_string()),
            }
        }
        let body = |line: String| {
            let mut body = Vec::new();
            let out = Line::from_source(&mut body, server, numeric.code_text()).param(nick);
            out.params(line.split(' ')).end();
            body
        };
        lines.into_iter().map(body).collect()
    }
}
