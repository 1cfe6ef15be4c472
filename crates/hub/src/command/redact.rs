//! REDACT: a message is taken back (IRCv3 draft/message-redaction).
//!
//! Its author may do it for a day, from the same account or, as a guest, in the same session. Who keeps order in a
//! channel may do it there, and the server's operators everywhere that they may see. What was redacted is gone from
//! history; that it was, stays.

use callbox_irc::build::Line;
use callbox_irc::capability::CapSet;
use callbox_irc::message::Message;
use callbox_irc::modes::Membership;

use crate::channel::ChannelId;
use crate::client::ClientId;
use crate::contract::{Event, Job, Millis, Record};
use crate::history::{self, Conversation, With};
use crate::pending::Then;
use crate::policy;
use crate::refusal::{Outcome, Refusal, clip};
use crate::turn::Turn;

/// For how long authors may take their own words back: a day. What stood longer was read, and is part of what others
/// answered; after that it is for those who keep order.
const WINDOW: Millis = 24 * 60 * 60 * 1000;

/// [`WINDOW`] in seconds, as clients are told.
const WINDOW_SECONDS: &str = "86400";

/// No msgid of this server is longer.
const MSGID_MAX: usize = 64;

/// A message that is to be redacted, while it is looked for.
#[derive(Debug)]
pub(crate) struct Redaction {
    /// As the client named it.
    pub(crate) target: Box<str>,
    /// The conversation's key.
    pub(crate) conversation: Box<str>,
    pub(crate) msgid: Box<str>,
    pub(crate) reason: Option<Box<str>>,
}

/// REDACT.
pub(crate) fn redact(turn: &mut Turn<'_>, message: &Message<'_>) -> Outcome {
    let (target, msgid) = (message.params[0], message.params[1]);
    let conversation = turn.redactable(target)?;
    if !turn.hub.config.history.enabled || msgid.is_empty() || msgid.len() > MSGID_MAX {
        return Err(unknown(target, msgid));
    }
    let conversation: Box<str> = conversation.key.into();
    let reason = message.params.get(2).filter(|reason| !reason.is_empty());
    let asked = Redaction {
        target: target.into(),
        conversation: conversation.clone(),
        msgid: msgid.into(),
        reason: reason.map(|reason| Box::from(*reason)),
    };
    let job = Job::Find { conversation, msgid: msgid.into() };
    turn.start(job, Then::Redact(Box::new(asked)));
    Ok(())
}

fn unknown(target: &str, msgid: &str) -> Refusal {
    let context = [target, clip(msgid)];
    let text = "This message does not exist or is too old";
    Refusal::fail("REDACT", "UNKNOWN_MSGID", &context, text)
}

impl Turn<'_> {
    /// The conversation `target`, in which I may try: one that I may read, or as an operator any channel.
    fn redactable(&self, target: &str) -> Result<Conversation, Refusal> {
        if let Some(conversation) = self.conversation(target) {
            return Ok(conversation);
        }
        match self.hub.channels.named(target) {
            Some(channel) if self.me().operator.is_some() => {
                let key = history::channel_key(self.channel(channel));
                Ok(Conversation { key, with: With::Room(channel) })
            }
            _ => {
                let text = "You cannot delete messages from there";
                Err(Refusal::fail("REDACT", "INVALID_TARGET", &[clip(target)], text))
            }
        }
    }

    /// The message was looked for.
    pub(crate) fn redact_found(&mut self, asked: &Redaction, event: Option<Event>) -> Outcome {
        // What I may do is what I may do now: meanwhile I may have lost my rights, or the channel its name.
        let conversation = self.redactable(&asked.target)?;
        let floor = self.floor();
        let said = |event: &Event| matches!(&*event.command, "PRIVMSG" | "NOTICE" | "TAGMSG");
        let event = event
            .filter(|event| said(event) && event.time >= floor)
            .filter(|_| *conversation.key == *asked.conversation)
            .ok_or_else(|| unknown(&asked.target, &asked.msgid))?;
        self.may_redact(&conversation, &event, asked)?;
        self.redact(&conversation, asked);
        Ok(())
    }

    fn may_redact(&self, conversation: &Conversation, event: &Event, asked: &Redaction) -> Outcome {
        let me = self.me();
        if me.operator.is_some() {
            return Ok(());
        }
        if let With::Room(channel) = conversation.with {
            let rights = self.my_membership(channel).unwrap_or_default();
            if rights.is_at_least(Membership::HALFOP)
                || policy::is_founder(self.channel(channel), me)
            {
                return Ok(());
            }
        }
        if !history::is_author(me, event) {
            let text = "You are not authorised to delete this message";
            let context = [&*asked.target, &*asked.msgid];
            return Err(Refusal::fail("REDACT", "REDACT_FORBIDDEN", &context, text));
        }
        if self.now.wall.saturating_sub(event.time) > WINDOW {
            let text = "You can no longer delete this message";
            let context = [&*asked.target, &*asked.msgid, WINDOW_SECONDS];
            return Err(Refusal::fail("REDACT", "REDACT_WINDOW_EXPIRED", &context, text));
        }
        Ok(())
    }

    /// Takes the message away, and tells those who had it and whose clients know what that means.
    fn redact(&mut self, conversation: &Conversation, asked: &Redaction) {
        let stamp = self.stamp();
        let actor = self.actor();
        self.sink.record(Record::Redact {
            conversation: asked.conversation.clone(),
            msgid: asked.msgid.clone(),
        });
        let shown = match &conversation.with {
            With::Room(channel) => self.channel(*channel).name.to_string(),
            With::Person { name, .. } => name.clone(),
        };
        let params = [shown.as_str(), &asked.msgid];
        let reason = asked.reason.as_deref();
        self.record_said(&asked.conversation, &stamp, "REDACT", &params, reason, "");

        let mut body = Vec::new();
        let line = Line::from_source(&mut body, &actor.prefix, "REDACT").params(params);
        match reason {
            Some(reason) => line.text(reason).end(),
            None => line.end(),
        }
        let knows = |id: &ClientId| self.client(*id).has(CapSet::MESSAGE_REDACTION);
        let mut told: Vec<ClientId> = match &conversation.with {
            With::Room(channel) => self.members_of(*channel),
            With::Person { client, .. } => client.iter().copied().collect(),
        };
        // I am told as well, in the room or not: that is the answer.
        told.retain(|id| *id != self.me && knows(id));
        self.send_to_all(&told, &actor.tags(&stamp), &body);
        if self.me().has(CapSet::MESSAGE_REDACTION) {
            self.receipt();
            self.send(&actor.tags(&stamp), &body);
        }
    }

    fn members_of(&self, channel: ChannelId) -> Vec<ClientId> {
        self.channel(channel).members.iter().map(|(id, _)| id).collect()
    }
}
