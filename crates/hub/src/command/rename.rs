//! RENAME (IRCv3 draft/channel-rename).

use std::time::Duration;

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::Membership;
use callbox_irc::names::Channel as ChannelName;

use crate::channel::ChannelId;
use crate::contract::{Event, HistoryQuery, Job, Part, Record};
use crate::pending::Then;
use crate::policy;
use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;

/// How long a channel keeps its name at least. Each change costs everybody in it a burst of lines.
const PAUSE: Duration = Duration::from_secs(60);

/// The most members whose clients do not know RENAME. Each of them gets the names of all, so the cost goes with the square.
const FALLBACK_MAX: usize = 500;

/// What is to be renamed, as it was asked for.
#[derive(Debug)]
pub(crate) struct Renaming {
    old: Box<str>,
    new: Box<str>,
    reason: Box<str>,
}

/// RENAME: for operators of the channel, and if it is claimed for its founder.
///
/// What was said under the new name, in a channel that all have left, would be gone. So the store is asked for it first.
pub(crate) fn rename(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let asked = Renaming {
        old: message.params[0].into(),
        new: message.params[1].into(),
        reason: message.params.get(2).copied().unwrap_or_default().into(),
    };
    let (channel, name) = turn.may_rename(&asked)?;
    let moves = turn.channel(channel).name.key() != name.key();
    if moves && turn.hub.config.history.enabled && !turn.hub.forsaken.contains(name.key()) {
        let query = HistoryQuery {
            conversation: name.key().as_str().into(),
            part: Part::Latest(None),
            limit: 1,
            said_only: true,
            tagmsg: false,
        };
        turn.start(Job::History(query), Then::Rename(Box::new(asked)));
        return Ok(());
    }
    turn.rename(channel, name, &asked.reason);
    Ok(())
}

impl Renaming {
    /// Says that it is not done.
    pub(crate) fn refuse(&self, text: &'static str) -> Refusal {
        Refusal::fail("RENAME", "CANNOT_RENAME", &[clip(&self.old), clip(&self.new)], text)
    }
}

impl Turn<'_> {
    /// What was said last under the new name is known.
    pub(crate) fn rename_unless_used(&mut self, asked: &Renaming, last: Option<&Event>) -> Outcome {
        // Meanwhile everything may have changed.
        let (channel, name) = self.may_rename(asked)?;
        if last.is_some() {
            return Err(asked.refuse("What was said in a channel of this name would be lost"));
        }
        self.rename(channel, name, &asked.reason);
        Ok(())
    }

    /// The channel, and the name that it may have.
    fn may_rename(&self, asked: &Renaming) -> Result<(ChannelId, ChannelName), Refusal> {
        let Renaming { old, new, .. } = asked;
        let channel = self.my_channel(old)?;
        let mine = self.my_membership(channel).unwrap_or_default();
        let room = self.channel(channel);
        if !mine.is_at_least(Membership::OP) {
            return Err(Refusal::not_channel_operator(room.name.as_str()));
        }
        let refuse = |text| Err(asked.refuse(text));
        if room.founder.is_some() && !policy::is_founder(room, self.me()) {
            return refuse("Only its founder may rename a claimed channel");
        }
        let Ok(name) = ChannelName::parse(new, self.hub.config.limits.channel) else {
            return refuse("This is no name of a channel");
        };
        if self.is_lobby(room.name.key()) || self.is_lobby(name.key()) {
            return refuse("The lobby keeps its name");
        }
        if self.hub.channels.find(name.key()).is_some_and(|other| other != channel) {
            let text = "There is a channel of this name";
            return Err(Refusal::fail(
                "RENAME",
                "CHANNEL_NAME_IN_USE",
                &[clip(old), clip(new)],
                text,
            ));
        }
        if room.renamed.is_some_and(|at| at + PAUSE > self.now.monotonic) {
            return refuse("It was renamed a moment ago");
        }
        let others = room.members.iter();
        let unaware =
            others.filter(|(id, _)| !self.client(*id).has(CapSet::CHANNEL_RENAME)).count();
        if unaware > FALLBACK_MAX {
            return refuse("Too many in it have clients that do not know of renaming");
        }
        Ok((channel, name))
    }

    fn rename(&mut self, channel: ChannelId, name: ChannelName, reason: &str) {
        let now = self.now.monotonic;
        let old = self.channel(channel).name.clone();
        let shown = name.as_str().to_owned();
        if old.key() != name.key() {
            self.move_kept(channel, &old, &name);
        }
        self.hub.channels.rename(channel, name);
        self.channel_mut(channel).renamed = Some(now);
        let room = self.channel(channel);
        if room.founder.is_some() || room.confidential {
            self.save_channel(channel);
        }

        let actor = self.actor();
        let stamp = self.stamp();
        let mut body = Vec::new();
        Line::from_source(&mut body, &actor.prefix, "RENAME")
            .param(old.as_str())
            .param(&shown)
            .text(reason)
            .end();
        let aware = |client: &crate::client::Client| client.has(CapSet::CHANNEL_RENAME);
        self.send_to_channel(channel, &actor.tags(&stamp), &body, |_, _, client| aware(client));
        // To a client that folds as CASEMAPPING says, a name in other capitals is the same name.
        if old.as_str().eq_ignore_ascii_case(&shown) {
            return;
        }
        let members: Vec<_> = self.channel(channel).members.iter().map(|(id, _)| id).collect();
        let me = self.me;
        for member in members.into_iter().filter(|id| *id != me) {
            if !aware(self.client(member)) {
                self.acting_for(member, |turn| turn.move_over(channel, &old, reason));
            }
        }
        if !aware(self.me()) {
            self.move_over(channel, &old, reason);
        }
    }

    /// What the store has of `channel` belongs to the new name from now on.
    fn move_kept(&mut self, channel: ChannelId, old: &ChannelName, new: &ChannelName) {
        let [from, to] = [old, new].map(|name| Box::<str>::from(name.key().as_str()));
        if self.hub.forsaken.remove(new.key()) {
            self.sink.record(Record::DropChannel { key: to.clone() });
        }
        self.sink.record(Record::RenameConversation { from: from.clone(), to: to.clone() });
        self.hub.move_read_markers(&from, &to);
        let room = self.hub.channels.at(channel);
        if room.founder.is_some() || room.confidential {
            self.sink.record(Record::DropChannel { key: from.clone() });
        }
        if room.founder.is_some() {
            for (key, value) in &room.metadata {
                for (owner, value) in [(&from, None), (&to, Some(value.clone()))] {
                    let (owner, key) = (owner.clone(), key.clone());
                    self.sink.record(Record::Metadata { owner, key, value });
                }
            }
        }
    }

    /// Tells me, whose client does not know RENAME, as if I left `old` and came into `channel`.
    fn move_over(&mut self, channel: ChannelId, old: &ChannelName, reason: &str) {
        let actor = self.actor();
        let stamp = self.stamp();
        let tags = crate::deliver::Tags { msgid: None, ..actor.tags(&stamp) };
        let mut part = Vec::new();
        let line = Line::from_source(&mut part, &actor.prefix, "PART").param(old.as_str());
        if reason.is_empty() {
            line.end()
        } else {
            line.text(reason).end()
        }
        self.send(&tags, &part);
        let name = self.channel(channel).name.as_str().to_owned();
        let [plain, extended] = self.join_lines(&name);
        let join = if self.me().has(CapSet::EXTENDED_JOIN) { extended } else { plain };
        self.send(&tags, &join);
        self.greet(channel);
    }
}
