//! What comes of requests for history: pages, targets, refusals, and silence.

use super::{AGAIN, Ask, Asked, Fault, TRIES, Wants};
use crate::contract::{Now, Origin};
use crate::flow::batch::Lines;
use crate::flow::page::{Bound, Page};
use crate::heard::Heard;
use crate::room::{Kind, Older, Presence, RoomId};
use crate::session::Session;

/// What comes.
impl Session {
    /// A page of history, asked for or not.
    pub(in crate::flow) fn hear_page(
        &mut self,
        first: &Heard<'_>,
        lines: &Lines,
        label: Option<u64>,
        now: Now,
    ) {
        let target = first.param(2);
        let key = self.network.casemapping.fold(target).into_owned();
        let asked = self.take_asked(|asked| match label {
            Some(label) => asked.label == Some(label),
            None => asked.label.is_none() && *asked.target == *key,
        });
        let Some(asked) = asked else {
            self.play_back(target, lines, label, now);
            return;
        };
        let Some(room) = asked.what.room().filter(|room| self.room(*room).is_some()) else {
            return;
        };
        let mut page = self.read_page(room, lines, now);
        match asked.what {
            _ if lines.is_cut => return self.request_failed(&asked, Fault::Final, now),
            Ask::First(_) => self.hear_first(room, &mut page, now),
            Ask::Missed(_) => self.hear_missed(room, &mut page, now),
            Ask::Older(_) => self.hear_older(room, &mut page, now),
            Ask::Targets => {}
        }
        self.in_room(room).wants.busy = false;
        self.ask_for(room, now);
    }

    fn hear_first(&mut self, room: RoomId, page: &mut Page, now: Now) {
        let before = self.first_live(room);
        let ahead = self.flow.history.ahead;
        self.merge_page(room, page, before, Origin::Older, Some(ahead), now);
        let inside = self.in_room(room);
        inside.wants.first = false;
        inside.oldest = page.first.take();
        self.set_older(room, if page.count == 0 { Older::None } else { Older::Maybe });
        self.settle_doubts(room, true, now);
    }

    fn hear_missed(&mut self, room: RoomId, page: &mut Page, now: Now) {
        let Some(gap) = self.in_room(room).gaps.front().cloned() else { return };
        let before = gap.before.or_else(|| self.first_live(room));
        // A line that is known and stands behind the gap ends it.
        let end = self.room(room).zip(before).and_then(|(room, id)| room.timeline.position_of(id));
        let last = page.last.clone();
        let meets = self.room(room).zip(end).is_some_and(|(room, end)| page.reaches(room, end));
        self.merge_page(room, page, before, Origin::Missed, None, now);
        let inside = self.in_room(room);
        let stuck = last.as_ref().is_none_or(|last| *last == gap.after);
        if !meets && !stuck {
            if let (Some(front), Some(last)) = (inside.gaps.front_mut(), last) {
                front.after = last;
            }
            return;
        }
        inside.gaps.pop_front();
        if inside.gaps.is_empty() {
            self.show_catching_up(room);
            self.settle_doubts(room, gap.is_sure, now);
        }
    }

    fn hear_older(&mut self, room: RoomId, page: &mut Page, now: Now) {
        let before = self.room(room).and_then(|room| Some(room.timeline.at(0)?.id));
        let first = page.first.take();
        self.merge_page(room, page, before, Origin::Older, None, now);
        let inside = self.in_room(room);
        inside.wants.older = false;
        // A page that brings nothing new is the last one.
        let ends = first.is_none() || first == inside.oldest;
        if first.is_some() {
            inside.oldest = first;
        }
        self.set_older(room, if ends { Older::None } else { Older::Maybe });
    }

    /// A page that nobody asked for: a bouncer's, or a server's that shows what was said before to whom joins.
    fn play_back(&mut self, target: &str, lines: &Lines, label: Option<u64>, now: Now) {
        let channel = self.channel_in(target);
        let room = match self.find_room(channel) {
            Some(room) => room,
            None if self.network.is_room(channel) || channel.is_empty() => return,
            // It was asked for, and the conversation was closed meanwhile.
            None if label.is_some() => return,
            None => {
                let Some(room) = self.open_private(channel, now) else { return };
                room
            }
        };
        let mut page = self.read_page(room, lines, now);
        self.merge_page(room, &mut page, None, Origin::Missed, None, now);
    }

    /// The private conversations in which something was said.
    pub(in crate::flow) fn hear_targets(&mut self, lines: &Lines, label: Option<u64>, now: Now) {
        self.take_asked(|asked| asked.what == Ask::Targets && asked.label == label);
        for heard in lines.iter().skip(1).filter_map(|line| Heard::parse(line, now)) {
            let name = heard.param(1);
            let is_target = heard.command().eq_ignore_ascii_case("CHATHISTORY")
                && heard.param(0).eq_ignore_ascii_case("TARGETS");
            if !is_target || name.is_empty() || self.network.is_room(name) {
                continue;
            }
            if self.find_room(name).is_none()
                && let Some(room) = self.open_private(name, now)
            {
                // Also where no first pages are wanted: this is what was missed.
                self.in_room(room).wants.first = true;
                self.ask_for(room, now);
            }
        }
        self.ask_more(now);
    }

    /// An answer without a page.
    pub(in crate::flow) fn history_answered(&mut self, label: u64, now: Now) -> bool {
        let Some(asked) = self.take_asked(|asked| asked.label == Some(label)) else { return false };
        self.request_failed(&asked, Fault::Final, now);
        true
    }

    /// A refusal. Says whether it was one of a request for history.
    pub(in crate::flow) fn history_refused(
        &mut self,
        heard: &Heard<'_>,
        label: Option<u64>,
        now: Now,
    ) -> bool {
        let is_ours = heard.command().eq_ignore_ascii_case("FAIL")
            && heard.param(0).eq_ignore_ascii_case("CHATHISTORY")
            || heard.numeric() == Some(421) && heard.param(1).eq_ignore_ascii_case("CHATHISTORY");
        let asked = match label {
            Some(label) => self.take_asked(|asked| asked.label == Some(label)),
            None if is_ours => {
                let mapping = self.network.casemapping;
                let params: Vec<String> = heard
                    .message
                    .params
                    .iter()
                    .map(|param| mapping.fold(param).into_owned())
                    .collect();
                let named = |asked: &Asked| params.iter().any(|param| **param == *asked.target);
                self.take_asked(named).or_else(|| self.take_asked(|_| true))
            }
            None => None,
        };
        let Some(asked) = asked else { return is_ours };
        let fault = match heard.param(1) {
            "INVALID_TARGET" => Fault::Final,
            _ if asked.by_msgid => Fault::Unknown,
            _ => Fault::Passing,
        };
        self.request_failed(&asked, fault, now);
        true
    }

    /// Requests that nobody answers are given up.
    pub(in crate::flow) fn history_timeout(&mut self, now: Now) {
        while let Some(asked) = self.take_asked(|asked| asked.until <= now.monotonic) {
            self.request_failed(&asked, Fault::Final, now);
        }
        let due: Vec<_> = {
            let later = self.flow.history.later.iter();
            later.filter(|(moment, _)| *moment <= now.monotonic).map(|(_, room)| *room).collect()
        };
        self.flow.history.later.retain(|(moment, _)| *moment > now.monotonic);
        for room in due {
            self.ask_for(room, now);
        }
    }

    /// The connection is gone, and with it all requests.
    pub(in crate::flow) fn drop_requests(&mut self, now: Now) {
        self.flow.history.asked.clear();
        self.flow.history.waiting.clear();
        self.flow.history.later.clear();
        let wall = now.wall.saturating_add_signed(self.flow.history.ahead);
        if self.flow.history.online_until.is_some() || self.rooms.len() > 1 {
            self.flow.history.online_until = Some(wall);
        }
        for room in self.flow.rooms.values_mut() {
            room.wants = Wants::default();
        }
        let rooms: Vec<RoomId> = self.rooms.iter().map(|room| room.id).collect();
        for room in rooms {
            if self.room(room).is_some_and(|room| room.older == Older::Loading) {
                self.set_older(room, Older::Maybe);
            }
            if self.room(room).is_some_and(|room| room.catching_up)
                && let Some(target) = self.room_mut(room)
            {
                target.catching_up = false;
                self.room_changed(room);
            }
        }
    }

    /// What was asked for does not come. A message that the server knows no more is replaced by its time.
    fn request_failed(&mut self, asked: &Asked, fault: Fault, now: Now) {
        let Some(room) = asked.what.room() else { return };
        let Some(target) = self.room(room) else { return };
        let (kind, presence) = (target.kind, target.presence);
        let inside = self.in_room(room);
        inside.wants.busy = false;
        match asked.what {
            Ask::Targets => {}
            Ask::First(_) => {
                inside.wants.first = false;
                self.settle_doubts(room, false, now);
            }
            // Who was put out comes back, or not; what is missing is missing until then.
            Ask::Missed(_) if presence != Presence::In => return,
            Ask::Missed(_) => {
                let Some(gap) = inside.gaps.front_mut() else { return };
                gap.tries += 1;
                match fault {
                    Fault::Unknown => {
                        gap.after.msgid = None;
                        gap.is_sure &= kind == Kind::Channel;
                        // Others may have said something in the same millisecond.
                        gap.after.time = gap.after.time.saturating_sub(1);
                    }
                    Fault::Passing if gap.tries < TRIES => {
                        let moment = now.monotonic + AGAIN * gap.tries;
                        self.flow.history.later.push((moment, room));
                        return;
                    }
                    Fault::Passing | Fault::Final => {
                        inside.gaps.clear();
                        self.show_catching_up(room);
                        self.settle_doubts(room, false, now);
                    }
                }
            }
            Ask::Older(_) => {
                if fault == Fault::Unknown {
                    let time = self.room(room).and_then(|room| Some(room.timeline.at(0)?.time));
                    self.in_room(room).oldest = time.map(|time| Bound { msgid: None, time });
                } else {
                    inside.wants.older = false;
                    let older = if fault == Fault::Passing { Older::Maybe } else { Older::None };
                    self.set_older(room, older);
                }
            }
        }
        self.ask_for(room, now);
    }
}
