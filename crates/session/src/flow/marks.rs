//! What changes a line later: its author's new text, reactions of others, and that it was taken back.
//!
//! All of them name the line by its msgid. What names a line that is not loaded has no effect: with the line, if it is
//! fetched later, the server gives what became of it.

use std::sync::Arc;

use callbox_irc::capability::CapSet;

use crate::contract::{Event, Now};
use crate::heard::Heard;
use crate::line::{Line, LineId, What};
use crate::room::{Kind, RoomId};
use crate::session::{Refusal, Session};

/// The most different reactions to a line, how long one may be, and how many people may have chosen one. At the caps
/// further ones are not kept.
const REACTIONS: usize = 40;
const REACTION_BYTES: usize = 64;
const REACTORS: usize = 500;

/// A change of a line.
#[derive(Debug)]
pub(super) enum Mark {
    /// Its author says this instead.
    Edit { msgid: Arc<str>, by: Box<Line> },
    /// Somebody reacts to it, or takes that back.
    React { msgid: Arc<str>, text: Box<str>, who: Arc<str>, back: bool },
    /// Somebody took it back.
    Redact { msgid: Arc<str>, who: Arc<str>, reason: Box<str> },
}

/// What the person wants.
impl Session {
    /// Takes a line back (draft/message-redaction).
    ///
    /// # Errors
    ///
    /// The server cannot do that, has no name for the line, or is not there.
    pub fn redact(
        &mut self,
        room: RoomId,
        line: LineId,
        reason: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let _ = now;
        let target = self.speakable(room)?;
        let msgid = super::outbox::msgid_of(target, line)?;
        let name = Arc::clone(&target.name);
        self.needs(CapSet::MESSAGE_REDACTION, "this server takes nothing back")?;
        self.send("REDACT", |line| {
            let line = line.param(&name).param(&msgid);
            if reason.is_empty() { line } else { line.text(reason) }
        });
        Ok(())
    }

    /// Reacts to a line, or takes the same reaction back.
    ///
    /// # Errors
    ///
    /// The server cannot do that, has no name for the line, or is not there; or it is no reaction.
    pub fn react(
        &mut self,
        room: RoomId,
        line: LineId,
        reaction: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let _ = now;
        let target = self.speakable(room)?;
        let msgid = super::outbox::msgid_of(target, line)?;
        let name = Arc::clone(&target.name);
        let reaction = reaction.trim();
        if reaction.is_empty() || reaction.len() > REACTION_BYTES {
            return Err(Refusal("a reaction is a word or an emoji".to_owned()));
        }
        let reactions = target.timeline.by_id(line).and_then(|line| line.extra.as_ref());
        let back = reactions.is_some_and(|extra| {
            let same = |(text, _): &&(Box<str>, Vec<Arc<str>>)| **text == *reaction;
            let chosen = extra.reactions.iter().find(same);
            chosen.is_some_and(|(_, who)| who.iter().any(|who| self.is_me(who)))
        });
        self.needs(CapSet::MESSAGE_TAGS, "this server passes no reactions on")?;
        let key = if back { "draft/unreact" } else { "draft/react" };
        if !self.passes_tag(key) || !self.passes_tag("draft/reply") {
            return Err(Refusal("this server passes no reactions on".to_owned()));
        }
        let tag = |tags: &mut callbox_irc::tags::TagWriter<'_>| {
            tags.tag(&format!("+{key}"), reaction).tag("+draft/reply", &msgid);
        };
        self.send_tagged(tag, "TAGMSG", |line| line.param(&name));
        if !self.has(CapSet::ECHO_MESSAGE) {
            let who = Arc::clone(&self.nick);
            self.apply(room, Mark::React { msgid, text: reaction.into(), who, back });
        }
        Ok(())
    }

    fn needs(&self, cap: CapSet, otherwise: &str) -> Result<(), Refusal> {
        if !self.is_online() {
            return Err(Refusal("there is no connection".to_owned()));
        }
        if self.has(cap) { Ok(()) } else { Err(Refusal(otherwise.to_owned())) }
    }

    /// Whether the server passes a client-only tag on (CLIENTTAGDENY).
    pub(super) fn passes_tag(&self, name: &str) -> bool {
        let mut passes = self.has(CapSet::MESSAGE_TAGS);
        for entry in self.network.tag_deny.split(',') {
            match entry.strip_prefix('-') {
                Some(exempt) if exempt == name => passes = self.has(CapSet::MESSAGE_TAGS),
                None if entry == "*" || entry == name => passes = false,
                _ => {}
            }
        }
        passes
    }
}

/// What comes.
impl Session {
    /// TAGMSG: a reaction, or somebody types.
    pub(super) fn hear_tagmsg(&mut self, heard: &Heard<'_>, now: Now) {
        if let Some(state) = heard.tag("+typing").or_else(|| heard.tag("+draft/typing")) {
            self.hear_typing(heard, &state, now);
        }
        if let Some(mark) = self.mark_of(heard)
            && let Some(room) = self.room_of_mark(heard)
        {
            self.apply(room, mark);
        }
    }

    /// REDACT.
    pub(super) fn hear_redact(&mut self, heard: &Heard<'_>) {
        if let Some(mark) = self.mark_of(heard)
            && let Some(room) = self.room_of_mark(heard)
        {
            self.apply(room, mark);
        }
    }

    /// What a TAGMSG or REDACT does to a line.
    pub(super) fn mark_of(&mut self, heard: &Heard<'_>) -> Option<Mark> {
        let who = self.name(heard.nick);
        if heard.command().eq_ignore_ascii_case("REDACT") {
            let msgid = Some(heard.param(1)).filter(|msgid| !msgid.is_empty())?.into();
            return Some(Mark::Redact { msgid, who, reason: heard.param(2).into() });
        }
        let (text, back) = match heard.tag("+draft/react").or_else(|| heard.tag("+react")) {
            Some(text) => (text, false),
            None => (heard.tag("+draft/unreact").or_else(|| heard.tag("+unreact"))?, true),
        };
        let msgid = heard.tag("+draft/reply").or_else(|| heard.tag("+reply"))?.as_ref().into();
        Some(Mark::React { msgid, text: text.as_ref().into(), who, back })
    }

    /// The room for something that is no line, which opens none.
    pub(super) fn room_of_mark(&self, heard: &Heard<'_>) -> Option<RoomId> {
        let target = self.channel_in(heard.param(0));
        if self.network.is_room(target) {
            return self.find_room(target);
        }
        let other = if self.is_me(heard.nick) { target } else { heard.nick };
        self.find_room(other).or_else(|| self.find_room(target))
    }

    /// Changes a line. Says whether there is one.
    pub(super) fn apply(&mut self, room: RoomId, mark: Mark) -> bool {
        match mark {
            Mark::Edit { msgid, by } => self.edit_line(room, &msgid, &by).is_some(),
            Mark::React { msgid, text, who, back } => {
                self.change_line(room, &msgid, |line| react(line, text, who, back)).is_some()
            }
            Mark::Redact { msgid, who, reason } => {
                let changed = self.change_line(room, &msgid, |line| {
                    line.what = match &line.what {
                        What::Did(_) => What::Did("".into()),
                        What::Notice(_) => What::Notice("".into()),
                        _ => What::Said("".into()),
                    };
                    let extra = line.extra_mut();
                    extra.reactions = Vec::new();
                    extra.redacted = Some((who, reason));
                });
                changed.is_some()
            }
        }
    }

    /// Replaces the text of the line `msgid` by that of `by`, if the same person said both. Gives the line.
    pub(super) fn edit_line(&mut self, room: RoomId, msgid: &str, by: &Line) -> Option<LineId> {
        let edited = self.room(room)?.timeline.by_msgid(msgid)?;
        if !may_edit(edited, by) {
            return None;
        }
        self.change_line(room, msgid, |line| {
            // What was taken back stays so.
            if line.extra.as_ref().is_none_or(|extra| extra.redacted.is_none()) {
                line.what = by.what.clone();
                line.extra_mut().edited = true;
            }
        })
    }

    /// Replaces the text of an own line whose edit does not come back.
    pub(super) fn replace_text(&mut self, room: RoomId, line: LineId, what: What) {
        let Some(place) = self.room(room).and_then(|room| room.timeline.position_of(line)) else {
            return;
        };
        self.change_at(room, place, |line| {
            line.what = what;
            line.extra_mut().edited = true;
        });
    }

    /// The msgid of the line that an own line replaces.
    pub(super) fn edited_msgid(&self, room: RoomId, line: Option<LineId>) -> Option<Arc<str>> {
        self.room(room)?.timeline.by_id(line?)?.msgid.clone()
    }

    fn change_line(
        &mut self,
        room: RoomId,
        msgid: &str,
        change: impl FnOnce(&mut Line),
    ) -> Option<LineId> {
        let target = self.room(room).filter(|room| room.kind != Kind::Server)?;
        let place = target.timeline.position(msgid)?;
        self.change_at(room, place, change)
    }

    fn change_at(
        &mut self,
        room: RoomId,
        place: usize,
        change: impl FnOnce(&mut Line),
    ) -> Option<LineId> {
        let target = self.room_mut(room)?;
        let line = target.timeline.at(place)?.id;
        let bytes = target.timeline.bytes();
        target.timeline.change(place, change);
        let grown = target.timeline.bytes().saturating_sub(bytes);
        self.flow.bytes += grown;
        self.event(Event::Changed { room, line });
        self.keep_to_limits(room);
        Some(line)
    }
}

/// Whether whoever said `by` may replace the text of `edited`: the same account, or where there is none, the same nickname,
/// user name and host.
pub(super) fn may_edit(edited: &Line, by: &Line) -> bool {
    let same_person = match (&edited.account, &by.account) {
        (Some(one), Some(other)) => one == other,
        (None, None) => edited.sender != 0 && edited.sender == by.sender && edited.from == by.from,
        _ => false,
    };
    same_person && edited.what.is_speech() && by.what.is_speech()
}

fn react(line: &mut Line, text: Box<str>, who: Arc<str>, back: bool) {
    if text.is_empty() || text.len() > REACTION_BYTES {
        return;
    }
    if back && line.extra.is_none() {
        return;
    }
    let reactions = &mut line.extra_mut().reactions;
    let place = reactions.iter().position(|(known, _)| *known == text);
    match (place, back) {
        (Some(place), true) => {
            reactions[place].1.retain(|known| *known != who);
            if reactions[place].1.is_empty() {
                reactions.remove(place);
            }
        }
        (Some(place), false) => {
            let people = &mut reactions[place].1;
            if people.len() < REACTORS && !people.contains(&who) {
                people.push(who);
            }
        }
        (None, false) if reactions.len() < REACTIONS => reactions.push((text, vec![who])),
        (None, _) => {}
    }
}
