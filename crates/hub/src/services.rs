//! ChanServ: with whom people claim channels.
//!
//! No command of IRC claims a channel, so everywhere people say it to a program of this name, and clients and their users
//! know how. This one is no client: what is said to it comes here, and its answers are notices.
//!
//! A claimed channel (`+r`) stays when it is empty, and over restarts, with its topic, its modes and its lists. Its
//! founder, an account, comes in as operator and past every ban. Only the founder or an operator of the server may
//! drop the claim.

use callbox_irc::build::Line;
use callbox_irc::fold;
use callbox_irc::modes::{ChannelFlags, Membership};
use callbox_irc::stamp;

use crate::channel::ChannelId;
use crate::contract::Record;
use crate::deliver::Tags;
use crate::policy;
use crate::turn::Turn;

/// Its nickname, which nobody else can have.
pub(crate) const NAME: &str = "ChanServ";

/// Channels that one account may claim. Each is kept for good, so nobody gets to hoard them.
pub(crate) const CLAIMS_MAX: usize = 20;

/// Whether `target` is ChanServ.
pub(crate) fn is_meant(target: &str) -> bool {
    fold::same(target, NAME)
}

/// What a request comes to, in a sentence.
type Said = Result<String, String>;

impl Turn<'_> {
    /// I said `text` to ChanServ.
    pub(crate) fn ask_service(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let command = words.next().unwrap_or_default().to_ascii_uppercase();
        let name = words.next();
        let said = match (command.as_str(), name) {
            ("REGISTER", Some(name)) => self.claim(name),
            ("DROP", Some(name)) => self.drop_claim(name),
            ("INFO", Some(name)) => self.describe(name),
            ("INFO", None) => self.my_claims(),
            ("REGISTER" | "DROP", None) => Err(format!("Name a channel: {command} #room")),
            ("HELP", _) => {
                for line in HELP {
                    self.service_says(line);
                }
                return;
            }
            _ => Err("I know REGISTER, DROP, INFO and HELP".into()),
        };
        let (Ok(text) | Err(text)) = said;
        self.service_says(&text);
    }

    /// Makes me the founder of `name`.
    fn claim(&mut self, name: &str) -> Said {
        let Some(account) = self.me().account.as_ref().map(|account| account.key().clone()) else {
            return Err("Log in first: only an account can claim a channel".into());
        };
        let channel = self.hub.channels.named(name);
        let rights = channel.and_then(|channel| Some((channel, self.my_membership(channel)?)));
        let Some((channel, rights)) = rights else {
            return Err("You are not in such a channel".into());
        };
        let room = self.channel(channel);
        let name = room.name.clone();
        if room.founder.is_some() {
            return Err(format!("{name} is claimed already"));
        }
        if self.is_lobby(name.key()) {
            return Err(format!("{name} is the server's"));
        }
        if !rights.is_at_least(Membership::OP) {
            return Err(format!("Only an operator of {name} can claim it"));
        }
        let mine = |founder: &fold::Folded| *founder == account;
        let claims = self.hub.channels.iter().filter(|(_, c)| c.founder.as_ref().is_some_and(mine));
        if claims.count() >= CLAIMS_MAX {
            return Err(format!("You have claimed {CLAIMS_MAX} channels, which is the most"));
        }
        let room = self.channel_mut(channel);
        room.founder = Some(account);
        room.flags.insert(ChannelFlags::CLAIMED);
        self.service_sets(channel, "+r");
        self.save_channel(channel);
        for (key, value) in self.channel(channel).metadata.clone() {
            let owner = name.key().as_str().into();
            self.sink.record(Record::Metadata { owner, key, value: Some(value) });
        }
        Ok(format!("{name} is yours. It stays with its topic and modes when everybody leaves"))
    }

    /// Ends the claim of `name`, and the channel itself if nobody is in it.
    fn drop_claim(&mut self, name: &str) -> Said {
        let channel = self.claimed(name)?;
        let room = self.channel(channel);
        let name = room.name.clone();
        if !policy::is_founder(room, self.me()) && self.me().operator.is_none() {
            return Err(format!("Only its founder can drop {name}"));
        }
        let owner: Box<str> = name.key().as_str().into();
        for key in room.metadata.clone().into_keys() {
            self.sink.record(Record::Metadata { owner: owner.clone(), key, value: None });
        }
        self.sink.record(Record::DropChannel { key: owner });
        let room = self.channel_mut(channel);
        room.founder = None;
        room.flags.remove(ChannelFlags::CLAIMED);
        if room.confidential {
            self.save_channel(channel);
        }
        self.service_sets(channel, "-r");
        self.remove_if_deserted(channel);
        Ok(format!("{name} is nobody's any more"))
    }

    /// Whose `name` is.
    fn describe(&mut self, name: &str) -> Said {
        let channel = self.claimed(name)?;
        let room = self.channel(channel);
        let founder = room.founder.clone();
        let founder = founder.as_ref().map(|key| (key, self.hub.accounts.get(key)));
        let shown = founder.map_or("", |(key, name)| name.map_or(key.as_str(), |name| name));
        let created = stamp::date_text(room.created);
        Ok(format!("{} belongs to {shown} and was made {created}", room.name))
    }

    /// Which channels are mine.
    fn my_claims(&mut self) -> Said {
        let channels = self.hub.channels.iter();
        let mine: Vec<&str> = channels
            .filter(|(_, channel)| policy::is_founder(channel, self.me()))
            .map(|(_, channel)| channel.name.as_str())
            .collect();
        if mine.is_empty() {
            return Ok("You have claimed no channel".into());
        }
        // A name has 64 bytes by default, so of many long ones the last are cut.
        Ok(format!("You have claimed {}: {}", mine.len(), mine.join(" ")))
    }

    /// The claimed channel `name`, if I may know of it.
    fn claimed(&self, name: &str) -> Result<ChannelId, String> {
        let channel = self.hub.channels.named(name).filter(|channel| {
            let room = self.channel(*channel);
            let known = self.sees_channel(*channel)
                || policy::is_founder(room, self.me())
                || self.me().operator.is_some();
            room.founder.is_some() && known
        });
        channel.ok_or_else(|| "Nobody has claimed such a channel".into())
    }

    /// A mode that ChanServ changes, told to everybody in `channel`.
    fn service_sets(&mut self, channel: ChannelId, modes: &str) {
        let mut body = Vec::new();
        let name = self.channel(channel).name.as_str();
        Line::from_source(&mut body, &self.service(), "MODE").param(name).param(modes).end();
        self.send_to_channel(channel, &Tags::default(), &body, |_, _, _| true);
    }

    /// A notice to me.
    fn service_says(&mut self, text: &str) {
        let mut body = Vec::new();
        Line::from_source(&mut body, &self.service(), "NOTICE")
            .param(self.me().name())
            .text(text)
            .end();
        self.send(&Tags::default(), &body);
    }

    /// ChanServ as a source.
    fn service(&self) -> String {
        format!("{NAME}!services@{}", self.hub.config.server_name)
    }
}

const HELP: &[&str] = &[
    "REGISTER #room - claims a channel that you are operator of. It stays when it is empty",
    "DROP #room - gives it up",
    "INFO [#room] - says whose it is, or which are yours",
];
