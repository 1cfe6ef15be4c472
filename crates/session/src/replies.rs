//! Numerics and standard replies: those that change the model, and the rest as lines for people.

use callbox_irc::stamp;

use crate::contract::{Event, Now};
use crate::heard::Heard;
use crate::line::What;
use crate::registration::Stage;
use crate::room::{Presence, RoomId, Topic};
use crate::session::Session;

impl Session {
    /// A numeric.
    pub(crate) fn handle_numeric(&mut self, code: u16, heard: &Heard<'_>, now: Now) {
        let introducing = self.registration.stage == Stage::Introducing;
        match code {
            1 => {
                self.handle_welcome(heard, now);
                let room = self.server_room();
                self.tell_in(room, heard, now);
            }
            2 | 3 | 250..=255 | 265 | 266 | 372 | 375 => self.tell_welcome(heard, now),
            4 => self.handle_my_info(heard),
            5 => self.handle_isupport(heard),
            376 | 422 => self.welcome_is_over(now),
            301 => self.handle_away_reply(heard, now),
            311 | 318 => {
                self.in_whois = code == 311;
                self.tell(heard, now);
            }
            305 | 306 => {
                let away = (code == 306).then(|| self.away_wish.clone().unwrap_or_default());
                self.note_away(&self.nick.clone(), away.as_deref());
                self.tell(heard, now);
            }
            324 if self.is_ours_alone(heard, now) => {}
            329 if self.is_ours_alone(heard, now) => {}
            331..=333 if self.our_room(heard.param(1)).is_some() => self.note_topic(code, heard),
            352 => {
                if !self.handle_who(heard) {
                    self.tell(heard, now);
                }
            }
            354 => {
                if !self.handle_whox(heard) {
                    self.tell(heard, now);
                }
            }
            315 => self.handle_who_end(heard),
            353 if self.our_room(heard.param(2)).is_some() => self.handle_names(heard),
            366 => self.handle_names_end(heard),
            321..=323 => {
                let room = self.server_room();
                self.tell_in(room, heard, now);
            }
            432 | 433 | 436 | 437 if introducing => self.try_another_name(code),
            // We tried to get our own name back by ourselves, which is no news.
            432 | 433 | 436 if self.nick_wish.is_none() => {}
            432 | 433 | 436 => {
                self.nick_wish = None;
                self.tell(heard, now);
            }
            403 | 405 | 407 | 437 | 470 | 471 | 473..=477 | 479 | 480 | 489 | 520
                if self.is_joining(heard.param(1)) =>
            {
                self.join_refused(heard, now);
            }
            442 => self.not_there(heard, now),
            // A server without capabilities does not know CAP.
            421 | 451 if introducing => {}
            463..=466 if introducing => self.refused(heard.last()),
            900..=908 => self.handle_login_numeric(code, heard, now),
            _ => self.tell(heard, now),
        }
    }

    /// FAIL, WARN and NOTE (standard-replies).
    pub(crate) fn handle_standard_reply(&mut self, heard: &Heard<'_>, now: Now) {
        if heard.param(1) == "ACCOUNT_REQUIRED" && self.registration.stage == Stage::Introducing {
            self.refused(heard.last());
            return;
        }
        let room = self.room_of_reply(heard, now);
        if heard.command() == "FAIL" {
            if self.is_joining(heard.param(2)) && heard.param(0) == "JOIN" {
                self.join_refused(heard, now);
                return;
            }
            self.error(room, heard.last(), now);
        } else {
            self.info(room, heard.last(), now);
        }
    }

    /// WALLOPS: to all who want to hear it.
    pub(crate) fn handle_wallops(&mut self, heard: &Heard<'_>, now: Now) {
        let room = self.server_room();
        self.push_event(room, heard, What::Notice(heard.last().into()), now);
    }

    /// 301: somebody is away to whom we spoke, which is said once and not at each line; or of whom we asked.
    fn handle_away_reply(&mut self, heard: &Heard<'_>, now: Now) {
        /// The last few are remembered; a line too many does no harm.
        const REMEMBERED: usize = 32;
        let (nick, why) = (heard.param(1), heard.last());
        self.note_away(nick, Some(why));
        let mut room = self.asked_room(now);
        if !self.in_whois {
            if self.away_told.iter().any(|(who, text)| **who == *nick && **text == *why) {
                return;
            }
            if self.away_told.len() >= REMEMBERED {
                self.away_told.pop_front();
            }
            self.away_told.push_back((nick.into(), why.into()));
            room = self.find_room(nick).unwrap_or(room);
        }
        self.info(room, format!("{nick} is away: {why}"), now);
    }

    /// 331, 332, 333: the topic as it stands.
    fn note_topic(&mut self, code: u16, heard: &Heard<'_>) {
        let Some(id) = self.find_room(heard.param(1)) else { return };
        let Some(room) = self.room_mut(id) else { return };
        match code {
            331 => room.topic = None,
            332 => room.topic = Some(Topic { text: heard.last().into(), by: None, at: None }),
            _ => {
                if let Some(topic) = &mut room.topic {
                    let by = heard.param(2).split('!').next().unwrap_or_default();
                    topic.by = Some(by.into());
                    let seconds: Option<u64> = heard.param(3).parse().ok();
                    topic.at = seconds.and_then(|seconds| seconds.checked_mul(1000));
                }
            }
        }
        self.event(Event::Room(id));
    }

    /// Whether we wait to be let into this room.
    fn is_joining(&self, name: &str) -> bool {
        self.room_named(name).is_some_and(|room| room.presence == Presence::Joining)
    }

    /// We are not let in, and do not try again by ourselves.
    fn join_refused(&mut self, heard: &Heard<'_>, now: Now) {
        let name = if heard.command() == "FAIL" { heard.param(2) } else { heard.param(1) };
        let Some(id) = self.find_room(name) else { return };
        self.left(id);
        match heard.numeric() {
            // Sent on to another room: the JOIN that follows opens that.
            Some(470) if heard.count() > 3 => {
                self.error(id, format!("{} ({})", heard.last(), heard.param(2)), now);
            }
            _ => self.error(id, heard.last(), now),
        }
    }

    /// 442: we are not in this room, whatever we thought.
    fn not_there(&mut self, heard: &Heard<'_>, now: Now) {
        if let Some(id) = self.find_room(heard.param(1))
            && self.room(id).is_some_and(|room| room.presence == Presence::In)
        {
            self.left(id);
        }
        self.tell(heard, now);
    }

    /// Whether this answers nothing that the person asked.
    fn is_ours_alone(&self, heard: &Heard<'_>, now: Now) -> bool {
        self.find_room(heard.param(1)).is_some() && self.asked_room(now) == self.server_room()
    }

    /// A line of the welcome: shown once, and again when the person asks for it.
    fn tell_welcome(&mut self, heard: &Heard<'_>, now: Now) {
        if !self.registration.was_welcome || self.registration.stage == Stage::In {
            self.tell(heard, now);
        }
    }

    /// Shows a reply where it belongs.
    pub(crate) fn tell(&mut self, heard: &Heard<'_>, now: Now) {
        let room = self.room_of_reply(heard, now);
        self.tell_in(room, heard, now);
    }

    fn tell_in(&mut self, room: RoomId, heard: &Heard<'_>, now: Now) {
        let code = heard.numeric().unwrap_or_default();
        let Some(text) = words(code, heard) else { return };
        if matches!(code, 400..=599 | 696 | 723) {
            self.error(room, text, now);
        } else {
            self.info(room, text, now);
        }
    }

    /// Where a reply is shown: where a command was typed just now, in the room that it names, in the server's.
    fn room_of_reply(&self, heard: &Heard<'_>, now: Now) -> RoomId {
        let asked = self.asked_room(now);
        if asked != self.server_room() {
            return asked;
        }
        let params = heard.message.params.get(1..).unwrap_or_default();
        params.iter().find_map(|param| self.find_room(param)).unwrap_or(asked)
    }
}

/// A reply in words. `None` for those that only end a list.
fn words(code: u16, heard: &Heard<'_>) -> Option<String> {
    let p = |index| heard.param(index);
    let text = match code {
        318 | 323 | 337 | 347 | 349 | 368 | 369 | 374 => return None,
        1 | 265 | 266 => heard.last().to_owned(),
        221 => format!("Your modes are {}", p(2).trim_start_matches('*').to_owned() + p(1)),
        311 | 314 => {
            let is = if code == 311 { "is" } else { "was" };
            format!("{} {is} {}@{} ({})", p(1), p(2), p(3), heard.last())
        }
        312 => format!("{} is at {} ({})", p(1), p(2), heard.last()),
        317 => match (p(2).parse::<u64>(), p(3).parse::<u64>()) {
            (Ok(idle), Ok(since)) => format!(
                "{} has been silent for {}, and is here since {}",
                p(1),
                length(idle),
                stamp::date_text(since.saturating_mul(1000)),
            ),
            _ => plain(heard),
        },
        319 => format!("{} is in {}", p(1), heard.last().trim_end()),
        321 => "Rooms, with how many people are there, and topics:".to_owned(),
        322 => format!("{} {} {}", p(1), p(2), heard.last()).trim_end().to_owned(),
        324 => format!("{} has the modes {}", p(1), heard.message.params.get(2..)?.join(" ")),
        329 => format!("{} is there since {}", p(1), stamp::date_text(seconds(p(2)))),
        330 => format!("{} is logged in as {}", p(1), p(2)),
        332 => format!("The topic of {} is: {}", p(1), heard.last()),
        341 => format!("{} is invited into {}", p(1), p(2)),
        346 | 348 | 367 => {
            let list = match code {
                346 => "invited",
                348 => "excepted from bans",
                _ => "banned",
            };
            match (p(3), p(4)) {
                ("", _) => format!("{}: {} is {list}", p(1), p(2)),
                (by, "") => format!("{}: {} is {list}, by {by}", p(1), p(2)),
                (by, at) => {
                    let date = stamp::date_text(seconds(at));
                    format!("{}: {} is {list}, by {by} on {date}", p(1), p(2))
                }
            }
        }
        _ => plain(heard),
    };
    Some(text)
}

/// The parameters after our name, in one line.
fn plain(heard: &Heard<'_>) -> String {
    let params = heard.message.params.get(1..).unwrap_or_default();
    match params.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, middle)) if matches!(heard.numeric(), Some(400..=599 | 696 | 723)) => {
            format!("{}: {last}", middle.join(" "))
        }
        _ => params.join(" "),
    }
}

fn seconds(text: &str) -> u64 {
    text.parse::<u64>().unwrap_or_default().saturating_mul(1000)
}

/// A length of time for people.
fn length(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}
