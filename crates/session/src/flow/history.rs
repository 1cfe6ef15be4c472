//! What was said before (IRCv3 draft/chathistory): the last page of a room that we enter, older pages as somebody scrolls
//! up, and whatever was missed while we were away. Here is what is asked for, and when; `answers` has what comes of it.
//!
//! What was missed is a gap between the last line that was known and the line of our own coming. It is filled page by page
//! from its beginning until a page meets what is known, however often the connection breaks meanwhile: a gap stays until it
//! is filled. A room has one request under way at a time.

mod answers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callbox_irc::capability::CapSet;
use callbox_irc::stamp;

use super::page::{Bound, Gap};
use crate::contract::{Millis, Now};
use crate::heard::Heard;
use crate::line::{Line, LineId, What};
use crate::room::{Kind, Older, Presence, Room, RoomId};
use crate::session::{Refusal, Session};

/// The first page, which is waited for; what a screen shows, and some more.
const FIRST: u32 = 100;
/// A page that is scrolled up to.
const OLDER: u32 = 200;
/// A page of what was missed.
const MISSED: u32 = 500;
/// The size of a page where the server has no limit, or does not say it.
const UNSAID: u32 = 50;
/// Requests under way at a time: who comes back to a hundred rooms must not flood.
const AT_ONCE: usize = 4;
/// How long a server may take for a page. Then we do without it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often what was missed is asked for in vain, and how long we wait before that; each time longer.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(5);
/// How far back private conversations are looked for that began while nobody was here: a week.
const PRIVATE_AGE: Millis = 7 * 24 * 60 * 60 * 1_000;
/// How many such conversations are opened.
const PRIVATE_MOST: u32 = 50;
/// The most gaps in a room. More come of a connection that breaks again and again; then the two latest become one.
const GAPS: usize = 16;

/// Requests for history.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The rooms that want something, in the order in which they began to.
    waiting: VecDeque<RoomId>,
    asked: Vec<Asked>,
    /// Rooms that are asked for again, and when.
    later: Vec<(Duration, RoomId)>,
    /// How far the server's clock is ahead of ours.
    pub(super) ahead: i64,
    /// Up to when we were online, by the server's clock.
    online_until: Option<Millis>,
}

/// What a room wants of history, beside its gaps.
#[derive(Debug, Default)]
pub(super) struct Wants {
    first: bool,
    older: bool,
    /// Whether a request is under way.
    busy: bool,
}

/// A request under way.
#[derive(Debug)]
struct Asked {
    what: Ask,
    /// The label, where there are labels.
    label: Option<u64>,
    /// The folded name of the room, by which its page is known otherwise.
    target: Box<str>,
    /// How long it is waited for.
    until: Duration,
    /// Whether the place was named by a msgid.
    by_msgid: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ask {
    First(RoomId),
    Missed(RoomId),
    Older(RoomId),
    /// Which private conversations there are.
    Targets,
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// The server may not know the message by which we asked.
    Unknown,
    /// For a reason that may pass.
    Passing,
    /// For good.
    Final,
}

impl Ask {
    fn room(self) -> Option<RoomId> {
        match self {
            Self::First(room) | Self::Missed(room) | Self::Older(room) => Some(room),
            Self::Targets => None,
        }
    }
}

impl History {
    /// When a request has waited long enough.
    pub(super) fn next(&self) -> Option<Duration> {
        let asked = self.asked.iter().map(|asked| asked.until);
        asked.chain(self.later.iter().map(|(moment, _)| *moment)).min()
    }

    /// Forgets a room.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.waiting.retain(|waiting| *waiting != room);
        self.later.retain(|(_, later)| *later != room);
        self.asked.retain(|asked| asked.what.room() != Some(room));
    }
}

/// What the person wants.
impl Session {
    /// Asks for a page of lines before the first one that is loaded; [`Room::older`](crate::room::Room::older) says how
    /// that goes.
    ///
    /// # Errors
    ///
    /// There is no history, or no more of it, or as much is loaded as may be kept.
    pub fn request_older(&mut self, room: RoomId, now: Now) -> Result<(), Refusal> {
        let no = |text: &str| Err(Refusal(text.to_owned()));
        let Some(target) = self.room(room) else { return no("there is no such room") };
        match target.older {
            Older::Unavailable => return no("the server keeps no history"),
            Older::None => return no("there is nothing before that"),
            Older::Loading => return Ok(()),
            Older::Maybe => {}
        }
        if target.timeline.len() + OLDER as usize > self.config.limits.lines {
            return no("as many lines are loaded as may be kept");
        }
        if !self.is_online() || target.presence != Presence::In || !self.has_history() {
            return no("older lines can be fetched once you are in the room");
        }
        self.in_room(room).wants.older = true;
        self.set_older(room, Older::Loading);
        self.ask_for(room, now);
        Ok(())
    }
}

/// What is asked for.
impl Session {
    pub(super) fn has_history(&self) -> bool {
        self.has(CapSet::CHATHISTORY.union(CapSet::BATCH).union(CapSet::SERVER_TIME))
    }

    /// We came into a room: what was said before, or what we missed, is asked for.
    pub(super) fn enter_history(&mut self, room: RoomId, now: Now) {
        let has_history = self.has_history();
        let Some(target) = self.room_mut(room) else { return };
        if target.kind == Kind::Server {
            return;
        }
        if !has_history {
            target.older = Older::Unavailable;
            self.settle_doubts(room, false, now);
            return;
        }
        if target.older == Older::Unavailable {
            target.older = Older::Maybe;
        }
        let kind = target.kind;
        // A conversation is opened by whoever speaks first, and perhaps again by its window.
        if kind == Kind::Private {
            let inside = self.in_room(room);
            if inside.entered {
                return;
            }
            inside.entered = true;
        }
        let Some(target) = self.room(room) else { return };
        let joined = |line: &&Line| line.own && line.what == What::Joined;
        let here = target.timeline.last().filter(joined).map(|line| line.id);
        let end = target.timeline.len() - usize::from(here.is_some());
        let after = self.known_until(room, end);
        let doubts = self.has_doubts(room);
        let backlog = self.config.backlog;
        let inside = self.in_room(room);
        inside.first_live = here;
        inside.entering = here.is_none();
        match after {
            Some(after) => {
                if inside.gaps.len() >= GAPS {
                    inside.gaps.pop_back();
                }
                let is_sure = kind == Kind::Channel || after.msgid.is_some();
                inside.gaps.push_back(Gap { after, before: here, is_sure, tries: 0 });
            }
            None => inside.wants.first = backlog || doubts,
        }
        self.show_catching_up(room);
        self.ask_for(room, now);
    }

    /// The last thing in a room before the place `end` of which the server knows when it was.
    fn known_until(&self, room: RoomId, end: usize) -> Option<Bound> {
        let timeline = &self.room(room)?.timeline;
        (0..end).rev().find_map(|place| {
            let line = timeline.at(place)?;
            let is_known = line.msgid.is_some() && line.what.is_speech();
            let is_coming = line.own && line.what == What::Joined;
            (is_known || is_coming).then(|| Bound {
                msgid: line.msgid.clone(),
                // Without a msgid: others may have said something in the same millisecond.
                time: line.time.saturating_sub(u64::from(line.msgid.is_none())),
            })
        })
    }

    /// We are online: private conversations have no JOIN that would begin this.
    pub(super) fn ask_for_private_history(&mut self, now: Now) {
        let private = self.rooms.iter().filter(|room| room.kind == Kind::Private);
        for room in private.map(|room| room.id).collect::<Vec<_>>() {
            self.in_room(room).entered = false;
            self.enter_history(room, now);
        }
        let until = self.flow.history.online_until;
        if !self.has_history() || (until.is_none() && !self.config.backlog) {
            return;
        }
        let wall = now.wall.saturating_add_signed(self.flow.history.ahead);
        let after = until.unwrap_or_else(|| wall.saturating_sub(PRIVATE_AGE));
        // Clocks differ, and what is said now is said before tomorrow.
        let before = wall + 24 * 60 * 60 * 1_000;
        let time = |time: Millis| format!("timestamp={}", stamp::text(time));
        self.ask(Ask::Targets, "TARGETS", &time(after), &time(before), PRIVATE_MOST, now);
    }

    /// A room wants something: it is asked for when it is its turn.
    fn ask_for(&mut self, room: RoomId, now: Now) {
        let waiting = &mut self.flow.history.waiting;
        if !waiting.contains(&room) {
            waiting.push_back(room);
        }
        self.ask_more(now);
    }

    pub(super) fn ask_more(&mut self, now: Now) {
        while self.is_online()
            && self.flow.history.asked.len() < AT_ONCE
            && let Some(room) = self.flow.history.waiting.pop_front()
        {
            let inside = self.in_room(room);
            if inside.wants.busy {
                // It comes again once its answer is there.
                continue;
            }
            let gap = inside.gaps.front().map(|gap| gap.after.clone());
            let (first, older) = (inside.wants.first, inside.wants.older);
            let oldest = inside.oldest.clone();
            let here = |room: &&Room| room.presence == Presence::In;
            let Some(target) = self.room(room).filter(here) else { continue };
            let name = Arc::clone(&target.name);
            if let Some(after) = gap {
                self.ask(Ask::Missed(room), "AFTER", &name, &after.selector(), MISSED, now);
            } else if first {
                self.ask(Ask::First(room), "LATEST", &name, "*", FIRST, now);
            } else if older {
                let known = |line: &Line| {
                    line.msgid.clone().map(|id| Bound { msgid: Some(id), time: line.time })
                };
                let bound = oldest.or_else(|| target.timeline.iter().take(1_000).find_map(known));
                let bound = bound.or_else(|| {
                    target.timeline.at(0).map(|line| Bound { msgid: None, time: line.time })
                });
                match bound {
                    Some(bound) => {
                        let selector = bound.selector();
                        self.ask(Ask::Older(room), "BEFORE", &name, &selector, OLDER, now);
                    }
                    None => self.ask(Ask::Older(room), "LATEST", &name, "*", OLDER, now),
                }
            } else {
                continue;
            }
            self.in_room(room).wants.busy = true;
        }
    }

    fn ask(&mut self, what: Ask, how: &str, first: &str, second: &str, most: u32, now: Now) {
        let labels = CapSet::LABELED_RESPONSE.union(CapSet::BATCH);
        let label = self.has(labels).then(|| self.next_number());
        let most = match self.network.history {
            Some(0) => most,
            Some(limit) => most.min(limit),
            None => most.min(UNSAID),
        };
        let tag = |tags: &mut callbox_irc::tags::TagWriter<'_>| {
            if let Some(label) = label {
                tags.tag("label", &format!("h{label}"));
            }
        };
        self.send_tagged(tag, "CHATHISTORY", |line| {
            line.param(how).param(first).param(second).number(most.into())
        });
        let target = self.network.casemapping.fold(first).into();
        let (until, by_msgid) = (now.monotonic + PATIENCE, second.starts_with("msgid="));
        self.flow.history.asked.push(Asked { what, label, target, until, by_msgid });
    }
}

/// What both halves use.
impl Session {
    /// The clock of the server, by a line that it sent just now.
    pub(super) fn note_clock(&mut self, heard: &Heard<'_>, now: Now) {
        if heard.is_timed {
            let ahead = i128::from(heard.time) - i128::from(now.wall);
            self.flow.history.ahead = i64::try_from(ahead).unwrap_or(0);
            self.flow.history.online_until = Some(heard.time);
        }
    }

    fn take_asked(&mut self, which: impl Fn(&Asked) -> bool) -> Option<Asked> {
        let place = self.flow.history.asked.iter().position(which)?;
        Some(self.flow.history.asked.remove(place))
    }

    fn first_live(&self, room: RoomId) -> Option<LineId> {
        self.flow.rooms.get(&room)?.first_live
    }

    fn set_older(&mut self, room: RoomId, older: Older) {
        if let Some(target) = self.room_mut(room)
            && target.older != older
        {
            target.older = older;
            self.room_changed(room);
        }
    }

    fn show_catching_up(&mut self, room: RoomId) {
        let under_way = !self.in_room(room).gaps.is_empty();
        if let Some(target) = self.room_mut(room)
            && target.catching_up != under_way
        {
            target.catching_up = under_way;
            self.room_changed(room);
        }
    }
}

impl Bound {
    /// As CHATHISTORY names it.
    fn selector(&self) -> String {
        match &self.msgid {
            Some(msgid) => format!("msgid={msgid}"),
            None => format!("timestamp={}", stamp::text(self.time)),
        }
    }
}
