//! Something said: to whom it goes, who may say it, and how everybody gets it in the way that their client understands.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::fold::Folded;
use callbox_irc::modes::{ChannelFlags, Membership, UserModes};
use callbox_irc::names::Channel as ChannelName;
use callbox_irc::numeric as n;
use callbox_irc::tags;

use crate::channel::ChannelId;
use crate::client::{Client, ClientId};
use crate::deliver::Tags;
use crate::history;
use crate::ids::Stamp;
use crate::policy;
use crate::refusal::{Outcome, Refusal};
use crate::services;
use crate::turn::{Actor, Turn};

/// Something that somebody says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Utterance<'a> {
    /// `PRIVMSG`, `NOTICE` or `TAGMSG`.
    pub(crate) command: &'static str,
    /// The lines: none for TAGMSG, mostly one, several for a message of draft/multiline.
    pub(crate) lines: &'a [Piece<'a>],
    /// The client-only tags, as they stand on the wire.
    pub(crate) tags: &'a str,
}

/// A line of something said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// Whether it continues the line before it (draft/multiline-concat).
    pub(crate) continues: bool,
}

/// To whom something is said.
#[derive(Clone, Debug)]
enum Destination {
    Room {
        channel: ChannelId,
        /// Only members of at least this rank get it (STATUSMSG); all, if it is empty.
        rank: Membership,
        shown: String,
    },
    User {
        client: ClientId,
        shown: String,
    },
}

impl Destination {
    fn shown(&self) -> &str {
        match self {
            Self::Room { shown, .. } | Self::User { shown, .. } => shown,
        }
    }
}

impl Turn<'_> {
    /// Says `what` to `target`, a channel, a channel with a rank before it, or a nickname.
    pub(crate) fn say(&mut self, target: &str, what: &Utterance<'_>) -> Outcome {
        let to = match self.destination(target) {
            Err(_) if services::is_meant(target) => return self.say_to_service(what),
            to => to?,
        };
        self.may_say(&to, what)?;
        let stamp = self.stamp();
        let actor = self.actor();
        self.keep(&to, what, &stamp);
        if matches!(to, Destination::User { client, .. } if client == self.me) {
            // To who talks to itself, what it hears looks like the echo, so it is as good as one.
            let conn = self.me().conn;
            self.sink.receipt(conn);
        }
        self.pass_on(&to, what, &actor, &stamp);
        if self.me().has(CapSet::ECHO_MESSAGE) {
            self.receipt();
            self.echo(to.shown(), what, &actor, &stamp);
        }
        if let Destination::User { client, .. } = to
            && what.command == "PRIVMSG"
            && let Some(away) = self.client(client).away.clone()
        {
            let nick = self.client(client).name().to_owned();
            self.numeric(n::RPL_AWAY, &[&nick], &away);
        }
        Ok(())
    }

    fn destination(&self, target: &str) -> Result<Destination, Refusal> {
        let mut name = target;
        let mut rank = Membership::default();
        while let Some(sign) = name.chars().next().and_then(Membership::of_prefix) {
            // Of several signs the lowest counts: `@+#room` is for all who have a voice or more.
            if rank.is_empty() || !sign.is_at_least(rank) {
                rank = sign;
            }
            name = &name[1..];
        }
        if ChannelName::is_meant(name) {
            let Some(channel) = self.hub.channels.named(name) else {
                return Err(Refusal::no_such_channel(target));
            };
            // One sign, as many clients look behind no more than one for the channel.
            let shown = format!("{}{}", rank.highest_prefix(), self.channel(channel).name);
            return Ok(Destination::Room { channel, rank, shown });
        }
        let Some(client) = self.hub.clients.user(&Folded::new(target)) else {
            return Err(Refusal::no_such_nick(target));
        };
        let shown = self.client(client).name().to_owned();
        Ok(Destination::User { client, shown })
    }

    fn may_say(&self, to: &Destination, what: &Utterance<'_>) -> Outcome {
        match to {
            Destination::Room { channel, .. } => {
                let room = self.channel(*channel);
                policy::can_speak(room, self.me(), self.my_membership(*channel))?;
                if room.flags.contains(ChannelFlags::NO_CTCP) && what.is_ctcp() {
                    let text = "Cannot send CTCP to channel (+C)";
                    return Err(Refusal::told(
                        n::ERR_CANNOTSENDTOCHAN,
                        &[room.name.as_str()],
                        text,
                    ));
                }
                Ok(())
            }
            Destination::User { client, .. } => self.may_write_to(*client),
        }
    }

    /// Whether I may send something to `client` alone.
    pub(crate) fn may_write_to(&self, client: ClientId) -> Outcome {
        let them = self.client(client);
        let me = self.me();
        if them.modes.contains(UserModes::REGISTERED_ONLY)
            && me.account.is_none()
            && me.operator.is_none()
            && client != self.me
        {
            let text = "Only people who are logged in may write to this user";
            return Err(Refusal::told(n::ERR_NEEDREGGEDNICK, &[them.name()], text));
        }
        Ok(())
    }

    /// To ChanServ, which reads one line, keeps nothing and answers no notice.
    fn say_to_service(&mut self, what: &Utterance<'_>) -> Outcome {
        if self.me().has(CapSet::ECHO_MESSAGE) {
            let stamp = self.stamp();
            let actor = self.actor();
            self.echo(services::NAME, what, &actor, &stamp);
        }
        if let ("PRIVMSG", Some(line)) = (what.command, what.lines.first()) {
            self.ask_service(line.text);
        }
        Ok(())
    }

    /// To everybody but me.
    fn pass_on(&mut self, to: &Destination, what: &Utterance<'_>, actor: &Actor, stamp: &Stamp) {
        let me = self.me;
        match to {
            Destination::User { client, shown } => self.give(*client, shown, what, actor, stamp),
            Destination::Room { channel, rank, shown } => {
                let rank = *rank;
                let heard = move |id: ClientId, membership: Membership| {
                    id != me && (rank.is_empty() || membership.is_at_least(rank))
                };
                let first = Tags { client: what.tags, ..actor.tags(stamp) };
                if let [] | [_] = what.lines {
                    let text = what.lines.first().map(|line| line.text);
                    let body = what.body(&actor.prefix, shown, text);
                    self.send_to_channel(*channel, &first, &body, |id, membership, client| {
                        heard(id, membership) && what.reaches(client)
                    });
                    return;
                }
                for (multi, batch) in [(false, None), (true, Some(self.hub.ids.next()))] {
                    let wants = |id, membership, client: &Client| {
                        heard(id, membership) && what.reaches(client) && multi == multiline(client)
                    };
                    for (tags, body) in what.pieces(&actor.prefix, shown, first, &batch) {
                        self.send_to_channel(*channel, &tags, &body, wants);
                    }
                }
            }
        }
    }

    /// To one client, which may be me: what I hear of myself has no label (IRCv3 labeled-response).
    fn give(
        &mut self,
        to: ClientId,
        shown: &str,
        what: &Utterance<'_>,
        actor: &Actor,
        stamp: &Stamp,
    ) {
        let client = self.client(to);
        if !what.reaches(client) {
            return;
        }
        let batch = (what.lines.len() > 1 && multiline(client)).then(|| self.hub.ids.next());
        let first = Tags { client: what.tags, ..actor.tags(stamp) };
        for (tags, body) in what.pieces(&actor.prefix, shown, first, &batch) {
            self.send_to(to, &tags, &body);
        }
    }

    /// Back to me, as a part of the reply.
    fn echo(&mut self, shown: &str, what: &Utterance<'_>, actor: &Actor, stamp: &Stamp) {
        if !what.reaches(self.me()) {
            return;
        }
        let several = what.lines.len() > 1 && multiline(self.me());
        let batch = several.then(|| self.hub.ids.next());
        let first = Tags { client: what.tags, ..actor.tags(stamp) };
        let pieces = what.pieces(&actor.prefix, shown, first, &batch);
        for (index, (tags, body)) in pieces.iter().enumerate() {
            self.send_within(batch.as_deref().filter(|_| index > 0), tags, body);
        }
    }

    /// Records it.
    fn keep(&mut self, to: &Destination, what: &Utterance<'_>, stamp: &Stamp) {
        if what.is_fleeting() {
            return;
        }
        let conversation = match to {
            Destination::Room { channel, rank, .. } => {
                if !rank.is_empty() {
                    // Said to some of the room only: what all of it may read later is not the place for it.
                    return;
                }
                history::channel_key(self.channel(*channel))
            }
            Destination::User { client, .. } => {
                history::private_key(&self.me().side(), &self.client(*client).side())
            }
        };
        let text = (what.command != "TAGMSG").then(|| history::join(what.lines));
        let params = [to.shown()];
        self.record_said(&conversation, stamp, what.command, &params, text.as_deref(), what.tags);
    }

    /// What goes to me from now on waits until everything recorded so far is kept.
    pub(crate) fn receipt(&mut self) {
        if self.reply.is_labelled() {
            self.reply.hold_receipt();
        } else {
            let conn = self.me().conn;
            self.sink.receipt(conn);
        }
    }
}

/// Whether `client` gets messages of several lines as one batch.
pub(crate) fn multiline(client: &Client) -> bool {
    client.has(CapSet::MULTILINE.union(CapSet::BATCH))
}

impl Utterance<'_> {
    /// Whether it is a request or reply of a program, and no action of a person.
    pub(crate) fn is_ctcp(&self) -> bool {
        let first = self.lines.first().map_or("", |line| line.text);
        first.strip_prefix('\u{1}').is_some_and(|rest| !rest.starts_with("ACTION"))
    }

    /// Whether a client can make anything of it.
    fn reaches(&self, client: &Client) -> bool {
        self.command != "TAGMSG" || client.has(CapSet::MESSAGE_TAGS)
    }

    /// Whether it is worth nothing a moment later: a typing notice.
    fn is_fleeting(&self) -> bool {
        self.command == "TAGMSG"
            && tags::parse(self.tags).all(|(key, _)| matches!(key, "+typing" | "+draft/typing"))
    }

    fn body(&self, source: &str, target: &str, text: Option<&str>) -> Vec<u8> {
        let mut body = Vec::new();
        let line = Line::from_source(&mut body, source, self.command).param(target);
        match text {
            Some(text) => line.text(text).end(),
            None => line.end(),
        }
        body
    }

    /// The lines on the wire with their tags: in a batch called `batch`, or for clients that know no such batch. `first`
    /// are the tags of the message as a whole; a batch named there holds all of it.
    pub(crate) fn pieces<'t>(
        &self,
        source: &str,
        target: &str,
        first: Tags<'t>,
        batch: &'t Option<Box<str>>,
    ) -> Vec<(Tags<'t>, Vec<u8>)> {
        let Some(batch) = batch else {
            if self.lines.is_empty() {
                return vec![(first, self.body(source, target, None))];
            }
            // Only the first line has the id (draft/multiline, "Fallback"), but what the rest of the tags say holds for
            // all: a reply is one to its last line. An empty line would be none.
            let lines = self.lines.iter().filter(|line| !line.text.is_empty());
            return lines
                .enumerate()
                .map(|(index, line)| {
                    let tags = if index == 0 { first } else { Tags { msgid: None, ..first } };
                    (tags, self.body(source, target, Some(line.text)))
                })
                .collect();
        };
        let mut pieces = Vec::with_capacity(self.lines.len() + 2);
        let mut open = Vec::new();
        Line::from_source(&mut open, source, "BATCH")
            .param(&format!("+{batch}"))
            .param("draft/multiline")
            .param(target)
            .end();
        pieces.push((first, open));
        for line in self.lines {
            let client = if line.continues { "draft/multiline-concat" } else { "" };
            // The batch has the time of all of them.
            let tags = Tags { untimed: true, client, batch: Some(batch), ..Tags::default() };
            pieces.push((tags, self.body(source, target, Some(line.text))));
        }
        let mut close = Vec::new();
        Line::from_source(&mut close, source, "BATCH").param(&format!("-{batch}")).end();
        pieces.push((Tags { time: first.time, batch: first.batch, ..Tags::default() }, close));
        pieces
    }
}
