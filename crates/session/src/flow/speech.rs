//! What is said becomes a line of a room: once, counted if it was not read, and within what may be kept.

use std::hash::BuildHasher;
use std::sync::Arc;

use crate::contract::{Event, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, What};
use crate::room::{Kind, Older, RoomId};
use crate::session::Session;

/// The names that are kept to be shared by lines. More people than this have rarely spoken; at the cap those that no line
/// has any more go, and then all, which costs memory and nothing else.
const NAMES: usize = 8_192;

/// Who says something, to whom and how, as a line or the first line of a batch tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speech<'a> {
    /// The line with the tags.
    pub(super) heard: &'a Heard<'a>,
    /// To whom.
    pub(super) target: &'a str,
    /// Whether it is a notice.
    pub(super) notice: bool,
    /// The text, with `\n` if there are several lines.
    pub(super) text: &'a str,
}

/// How an action begins; it ends with the same control character.
const ACTION: &str = "\u{1}ACTION";

impl Speech<'_> {
    /// What is said. `None` if it is the request or the answer of a program (CTCP).
    pub(super) fn what(&self) -> Option<What> {
        let text = self.text;
        if let Some(rest) = text.strip_prefix(ACTION)
            && (rest.is_empty() || rest.starts_with([' ', '\u{1}']))
        {
            let words = rest.strip_prefix(' ').unwrap_or(rest);
            return Some(What::Did(words.strip_suffix('\u{1}').unwrap_or(words).into()));
        }
        if text.starts_with('\u{1}') {
            return None;
        }
        Some(if self.notice { What::Notice(text.into()) } else { What::Said(text.into()) })
    }
}

impl Session {
    /// PRIVMSG and NOTICE. Says whether it was something for people.
    pub(super) fn hear_said(&mut self, heard: &Heard<'_>, label: Option<u64>, now: Now) -> bool {
        if heard.count() < 2 {
            return true;
        }
        let notice = heard.command() == "NOTICE";
        let speech =
            Speech { heard, target: heard.param(0), notice, text: heard.message.params[1] };
        self.hear_speech(&speech, label, now)
    }

    /// Something said just now.
    pub(super) fn hear_speech(
        &mut self,
        speech: &Speech<'_>,
        label: Option<u64>,
        now: Now,
    ) -> bool {
        let Some(what) = speech.what() else { return false };
        // Lines of a batch come here without having been looked at.
        if self.is_ignored(speech.heard.nick) {
            return true;
        }
        let room = self.room_for(speech.heard, speech.target, now);
        let mut line = self.said(speech, what, room);
        self.stops_typing(room, speech.heard.nick);
        let edits = speech.heard.tag("+draft/edit");
        let sent = self.echoed(room, &line, edits.as_deref(), label);
        line.own |= sent.is_some();
        if let Some(edits) = edits.as_deref()
            && let Some(edited) = self.edit_line(room, edits, &line)
        {
            self.confirmed(room, sent, edited, now);
            return true;
        }
        let id = line.id;
        let known = line.msgid.clone();
        if self.push_line(room, line, Origin::Live, now) {
            self.confirmed(room, sent, id, now);
        } else if sent.is_some() {
            // It is there already: history was faster.
            let place = self.room(room).zip(known);
            let known = place.and_then(|(room, known)| Some(room.timeline.by_msgid(&known)?.id));
            self.confirmed(room, sent, known.unwrap_or(id), now);
        }
        true
    }

    /// Something said, as a line of `room`.
    pub(super) fn said(&mut self, speech: &Speech<'_>, what: What, room: RoomId) -> Line {
        let heard = speech.heard;
        let own = self.is_me(heard.nick);
        let mention = !own && self.is_mention(&what, room);
        let mut line = Line {
            id: self.next_line_id(),
            time: heard.time,
            msgid: heard.msgid.as_deref().map(Arc::from),
            from: self.name(heard.nick),
            account: heard.account.as_deref().map(|account| self.name(account)),
            sender: self.sender_of(heard),
            what,
            own,
            mention,
            extra: None,
        };
        // Few lines have more tags than those that each has.
        if heard.bot {
            line.extra_mut().bot = true;
        }
        if heard.message.tags.contains("reply=")
            && let Some(reply) = heard.tag("+draft/reply").or_else(|| heard.tag("+reply"))
            && !reply.is_empty()
        {
            line.extra_mut().reply_to = Some(reply.as_ref().into());
        }
        line
    }

    /// Adds a line to a room. Says whether it was new.
    pub(crate) fn push_line(
        &mut self,
        room: RoomId,
        line: Line,
        origin: Origin,
        _now: Now,
    ) -> bool {
        let (id, is_speech) = (line.id, line.what.is_speech());
        let (own, mention, time) = (line.own, line.mention, line.time);
        let Some(target) = self.room_mut(room) else { return false };
        let bytes = target.timeline.bytes();
        if !target.timeline.push(line) {
            return false;
        }
        let grown = target.timeline.bytes().saturating_sub(bytes);
        self.flow.bytes += grown;
        let inside = self.in_room(room);
        if std::mem::take(&mut inside.entering) {
            inside.first_live = Some(id);
        }
        if is_speech && !own {
            // Something else in the millisecond of the line that was read last is news all the same.
            self.count_unread(room, time.saturating_add(1), mention);
        }
        self.event(Event::Line { room, line: id, origin });
        self.keep_to_limits(room);
        true
    }

    /// Counts a line that somebody else said.
    pub(super) fn count_unread(
        &mut self,
        room: RoomId,
        time: crate::contract::Millis,
        mention: bool,
    ) {
        let Some(target) = self.room_mut(room) else { return };
        // What servers say is not said by anybody.
        if target.kind == Kind::Server || target.read.is_some_and(|read| time <= read) {
            return;
        }
        target.unread.lines += 1;
        target.unread.mentions += u32::from(mention);
        self.room_changed(room);
    }

    /// Drops the oldest lines beyond what may be kept.
    pub(super) fn keep_to_limits(&mut self, room: RoomId) {
        let limits = self.config.limits;
        let is_long = |len: usize| len > limits.lines.max(1);
        if self.room(room).is_some_and(|room| is_long(room.timeline.len())) {
            // Some more than that, so that not each line moves all others.
            self.drop_oldest(room, limits.lines - limits.lines / 64);
        }
        if self.flow.bytes <= limits.bytes {
            return;
        }
        self.flow.bytes = self.rooms.iter().map(|room| room.timeline.bytes()).sum();
        while self.flow.bytes > limits.bytes {
            let longest = self.rooms.iter().max_by_key(|room| room.timeline.bytes());
            let Some((id, len)) = longest.map(|room| (room.id, room.timeline.len())) else {
                return;
            };
            if len <= 1 {
                return;
            }
            self.drop_oldest(id, len - (len / 16).max(1));
        }
    }

    fn drop_oldest(&mut self, room: RoomId, most: usize) {
        let Some(target) = self.room_mut(room) else { return };
        let bytes = target.timeline.bytes();
        if !target.timeline.trim(most.max(1)) {
            return;
        }
        if target.older == Older::None && target.kind != Kind::Server {
            target.older = Older::Maybe;
        }
        let freed = bytes - target.timeline.bytes();
        self.flow.bytes = self.flow.bytes.saturating_sub(freed);
        self.in_room(room).oldest = None;
        self.room_changed(room);
    }

    /// A name that lines share.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some((known, ())) = self.flow.names.get_key_value(name) {
            return Arc::clone(known);
        }
        let names = &mut self.flow.names;
        if names.len() >= NAMES {
            names.retain(|name, ()| Arc::strong_count(name) > 1);
            if names.len() >= NAMES / 2 {
                names.clear();
            }
        }
        let shared = self.shared_name(name);
        self.flow.names.insert(Arc::clone(&shared), ());
        shared
    }

    /// What tells who sent `heard` from others of the same name.
    pub(crate) fn sender_of(&self, heard: &Heard<'_>) -> u32 {
        heard.user.zip(heard.host).map_or(0, |(user, host)| self.sender(user, host))
    }

    /// The same of somebody whom we know.
    pub(super) fn sender_of_person(&self, nick: &str) -> u32 {
        let person = self.person(nick);
        let address = person.and_then(|person| person.user.as_deref().zip(person.host.as_deref()));
        address.map_or(0, |(user, host)| self.sender(user, host))
    }

    fn sender(&self, user: &str, host: &str) -> u32 {
        let hash = self.flow.senders.hash_one((user, host));
        // 0 is for whom nothing is known of.
        ((hash >> 32) as u32).max(1)
    }

    /// Whether `what` names us; in a private conversation all does.
    pub(super) fn is_mention(&self, what: &What, room: RoomId) -> bool {
        if self.room(room).is_some_and(|room| room.kind == Kind::Private) {
            return what.is_speech();
        }
        what.text().is_some_and(|text| mentions(text, &self.nick))
    }
}

/// Whether `name` stands in `text` by itself: where neither the character before it nor the one after it makes it a part
/// of a longer word. Scripts that are written without spaces have no such words.
fn mentions(text: &str, name: &str) -> bool {
    let Some(first) = name.chars().next() else { return false };
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        if same_letter(c, first)
            && !before.is_some_and(|before| is_one_word(before, c))
            && let Some(rest) = strip_name(&text[at..], name)
        {
            let last = name.chars().next_back().unwrap_or(first);
            if !rest.chars().next().is_some_and(|next| is_one_word(last, next)) {
                return true;
            }
        }
        before = Some(c);
    }
    false
}

/// What follows `name` at the beginning of `text`, in whatever case.
fn strip_name<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    let is_it = name.chars().all(|c| rest.next().is_some_and(|other| same_letter(other, c)));
    is_it.then_some(rest.as_str())
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.eq_ignore_ascii_case(&b) || (!a.is_ascii() && a.to_lowercase().eq(b.to_lowercase()))
}

/// Whether two characters side by side belong to one word.
fn is_one_word(a: char, b: char) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || matches!(c, '\u{300}'..='\u{36f}');
    in_word(a) && in_word(b) && !is_unspaced(a) && !is_unspaced(b)
}

/// Whether `c` is of a script without spaces between words: Thai, Lao, Burmese, Khmer, Kana, Han.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_mentioned_where_it_is_a_word() {
        for text in
            ["bob", "Bob: hi", "hi, BOB!", "@bob", "bobby and bob", "(bob)", "bob's", "你好bob你好"]
        {
            assert!(mentions(text, "bob"), "{text}");
        }
        for text in ["", "bobby", "kebob", "bob1", "bo b", "bob_", "bobé", "bób"] {
            assert!(!mentions(text, "bob"), "{text}");
        }
    }

    #[test]
    fn names_of_any_script_are_found() {
        assert!(mentions("Привет, зоя!", "Зоя") && !mentions("зоями", "Зоя"));
        assert!(mentions("喂张三你在吗", "张三") && !mentions("张四", "张三"));
        assert!(mentions("ÉLISE?", "élise"));
        assert!(!mentions("anything", ""));
    }
}
