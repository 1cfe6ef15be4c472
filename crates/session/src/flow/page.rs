//! A page of history, put in its place: lines that are new among those that are known, changes to lines where they belong,
//! and own lines that were in doubt recognised.

use std::sync::Arc;

use super::batch::{Lines, joined};
use super::marks::Mark;
use super::speech::Speech;
use crate::HashMap;
use crate::contract::{Event, Millis, Now, Origin};
use crate::heard::Heard;
use crate::line::{Line, LineId};
use crate::room::{Room, RoomId};
use crate::session::Session;

/// A place in a conversation on the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bound {
    pub(super) msgid: Option<Arc<str>>,
    pub(super) time: Millis,
}

/// What is missing in a room.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// What is known last before it.
    pub(super) after: Bound,
    /// The line that comes after it.
    pub(super) before: Option<LineId>,
    /// Whether nothing between the two can be passed over: the server knew the message by which we asked.
    pub(super) is_sure: bool,
    /// How often it was asked for in vain.
    pub(super) tries: u32,
}

/// A page, taken apart.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// New lines and known ones, in the server's order.
    lines: Vec<Line>,
    /// What changes lines, in the server's order.
    marks: Vec<Mark>,
    /// Which lines are edits: by place, the msgid of what they replace.
    edits: Vec<(usize, Arc<str>)>,
    /// How many messages there were.
    pub(super) count: usize,
    /// The first and the last of them.
    pub(super) first: Option<Bound>,
    pub(super) last: Option<Bound>,
}

impl Session {
    /// Takes a page for `room` apart.
    pub(super) fn read_page(&mut self, room: RoomId, lines: &Lines, now: Now) -> Page {
        let mut page = Page::default();
        // Messages of several lines, by their batch: the line that opens it, and those in it.
        let mut open: HashMap<Box<str>, (Heard<'_>, Vec<Heard<'_>>)> = HashMap::default();
        for heard in lines.iter().skip(1).filter_map(|line| Heard::parse(line, now)) {
            if heard.command().eq_ignore_ascii_case("BATCH") {
                if let Some(reference) = heard.param(0).strip_prefix('+') {
                    open.insert(reference.into(), (heard, Vec::new()));
                } else if let Some(reference) = heard.param(0).strip_prefix('-')
                    && let Some((first, inside)) = open.remove(reference)
                    && first.param(1) == "draft/multiline"
                {
                    page.note(&first);
                    let text = joined(inside.into_iter());
                    let target = first.param(2);
                    let speech = Speech { heard: &first, target, notice: false, text: &text };
                    self.read_speech(room, &speech, &mut page);
                }
                continue;
            }
            if let Some(batch) = heard.batch.as_deref()
                && let Some((_, inside)) = open.get_mut(batch)
            {
                inside.push(heard);
                continue;
            }
            page.note(&heard);
            match heard.command() {
                "PRIVMSG" | "NOTICE" if heard.count() >= 2 => {
                    let notice = heard.command() == "NOTICE";
                    let text = heard.message.params[1];
                    let speech = Speech { heard: &heard, target: heard.param(0), notice, text };
                    self.read_speech(room, &speech, &mut page);
                }
                "TAGMSG" | "REDACT" => page.marks.extend(self.mark_of(&heard)),
                _ => page.lines.extend(self.event_line(&heard)),
            }
        }
        page
    }

    fn read_speech(&mut self, room: RoomId, speech: &Speech<'_>, page: &mut Page) {
        let Some(what) = speech.what() else { return };
        if self.is_ignored(speech.heard.nick) {
            return;
        }
        if let Some(edits) = speech.heard.tag("+draft/edit") {
            page.edits.push((page.lines.len(), edits.as_ref().into()));
        }
        let line = self.said(speech, what, room);
        page.lines.push(line);
    }

    /// Puts a page in its place, and returns how many lines were new. `since` is as in `doubted`.
    pub(super) fn merge_page(
        &mut self,
        room: RoomId,
        page: &mut Page,
        before: Option<LineId>,
        origin: Origin,
        since: Option<i64>,
        now: Now,
    ) -> usize {
        let found = self.recognise(room, page, since);
        self.take_edits(room, page);
        let others: Vec<(LineId, Millis, bool)> = {
            let said = page.lines.iter().filter(|line| line.what.is_speech() && !line.own);
            said.map(|line| (line.id, line.time, line.mention)).collect()
        };
        let lines = std::mem::take(&mut page.lines);
        let Some(target) = self.room_mut(room) else { return 0 };
        let bytes = target.timeline.bytes();
        let added = target.timeline.merge(lines, before);
        let grown = target.timeline.bytes().saturating_sub(bytes);
        let is_marked = target.read.is_some();
        self.flow.bytes += grown;
        let mut others = others.into_iter().peekable();
        for &line in &added {
            self.event(Event::Line { room, line, origin });
            // Both are in the order of the page, and so of their numbers.
            while others.next_if(|(id, ..)| *id < line).is_some() {}
            if let Some((_, time, mention)) = others.next_if(|(id, ..)| *id == line)
                && (origin == Origin::Missed || is_marked)
            {
                self.count_unread(room, time, mention);
            }
        }
        for mark in std::mem::take(&mut page.marks) {
            self.apply(room, mark);
        }
        for (sent, line) in found {
            self.confirmed(room, Some(sent), line, now);
        }
        self.keep_to_limits(room);
        added.len()
    }

    /// Own lines in doubt that are among the new lines of a page.
    fn recognise(
        &mut self,
        room: RoomId,
        page: &mut Page,
        since: Option<i64>,
    ) -> Vec<(crate::room::OutId, LineId)> {
        let mut found = Vec::new();
        if !self.has_doubts(room) {
            return found;
        }
        for (index, line) in page.lines.iter_mut().enumerate() {
            let target = self.room(room);
            let is_known = |msgid: &Arc<str>| target.is_some_and(|t| t.timeline.contains(msgid));
            if !line.what.is_speech() || line.msgid.as_ref().is_some_and(is_known) {
                continue;
            }
            let edits = page.edits.iter().find(|(place, _)| *place == index);
            let edits = edits.map(|(_, msgid)| &**msgid);
            if let Some(sent) = self.doubted(room, line, edits, since) {
                line.own = true;
                // An edit is known by the line that it changes.
                let edited = edits.and_then(|msgid| target?.timeline.by_msgid(msgid));
                let id = edited.map_or(line.id, |edited| edited.id);
                // It is in doubt no more, so that the same words again are another line.
                self.flow.outbox.queue.retain(|own| own.id != sent);
                found.push((sent, id));
            }
        }
        found
    }

    /// Takes those lines out of a page that replace the text of others that are known.
    fn take_edits(&mut self, room: RoomId, page: &mut Page) {
        if page.edits.is_empty() {
            return;
        }
        let mut places: HashMap<Arc<str>, usize> = HashMap::default();
        for (place, line) in page.lines.iter().enumerate() {
            places.extend(line.msgid.clone().map(|msgid| (msgid, place)));
        }
        let mut taken = Vec::new();
        for (place, msgid) in std::mem::take(&mut page.edits) {
            let edited = match places.get(&msgid) {
                Some(edited) => page.lines.get(*edited),
                None => self.room(room).and_then(|room| room.timeline.by_msgid(&msgid)),
            };
            let line = &page.lines[place];
            if edited.is_some_and(|edited| super::marks::may_edit(edited, line)) {
                page.marks.push(Mark::Edit { msgid, by: Box::new(line.clone()) });
                taken.push(place);
            }
        }
        // Edits came after reactions and redactions of the same page: what was taken back stays so.
        let mut place = 0;
        page.lines.retain(|_| {
            place += 1;
            taken.binary_search(&(place - 1)).is_err()
        });
    }
}

impl Page {
    /// Whether the page has a line that stands in `room` at or behind the place `end`.
    pub(super) fn reaches(&self, room: &Room, end: usize) -> bool {
        let place = |line: &Line| room.timeline.position(line.msgid.as_deref()?);
        self.lines.iter().rev().any(|line| place(line).is_some_and(|place| place >= end))
    }

    /// Counts a message.
    fn note(&mut self, heard: &Heard<'_>) {
        self.count += 1;
        let bound = Bound { msgid: heard.msgid.as_deref().map(Arc::from), time: heard.time };
        if self.first.is_none() {
            self.first = Some(bound.clone());
        }
        self.last = Some(bound);
    }
}
