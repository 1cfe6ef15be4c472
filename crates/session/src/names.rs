//! Lists of who is in a room: NAMES, and WHO for accounts and who is away.

use std::collections::VecDeque;

use crate::contract::Event;
use crate::heard::Heard;
use crate::room::{Kind, RoomId};
use crate::session::Session;

/// Who is asked for with WHO, one room after the other.
#[derive(Debug, Default)]
pub(crate) struct WhoQueue {
    waiting: VecDeque<RoomId>,
    /// The one whose answer is coming.
    asked: Option<RoomId>,
    /// Who was counted in the NAMES of the room for which they are coming.
    counted: usize,
}

/// Rooms with more people than this are not asked for with WHO: the answer would be long, and servers limit it.
const WHO_MAX: usize = 500;

/// What stands in our WHOX queries, and in their answers.
const TOKEN: &str = "703";

impl Session {
    /// 353: some of those in a room.
    pub(crate) fn handle_names(&mut self, heard: &Heard<'_>) {
        let Some(id) = self.our_room(heard.param(2)) else { return };
        for item in heard.last().split(' ').filter(|item| !item.is_empty()) {
            let is_sign = |c: char| self.network.prefixes.iter().any(|(_, sign)| *sign == c);
            let rest = item.trim_start_matches(is_sign);
            let prefixes = &item[..item.len() - rest.len()];
            let (name, host) = rest.split_once('@').map_or((rest, None), |(n, h)| (n, Some(h)));
            let (nick, user) = name.split_once('!').map_or((name, None), |(n, u)| (n, Some(u)));
            if nick.is_empty() {
                continue;
            }
            self.who.counted += 1;
            self.add_member(id, nick, prefixes);
            if user.is_some() {
                self.note_address(nick, user, host);
            }
        }
    }

    /// 366: that was everybody.
    pub(crate) fn handle_names_end(&mut self, heard: &Heard<'_>) {
        let counted = std::mem::take(&mut self.who.counted);
        let Some(id) = self.our_room(heard.param(1)) else { return };
        if let Some(room) = self.room_mut(id)
            && counted > 0
        {
            room.people_count = counted.max(room.people.len());
            room.people_version += 1;
        }
        self.event(Event::Room(id));
        let wants = self.room(id).is_some_and(|room| {
            room.kind == Kind::Channel && (2..=WHO_MAX).contains(&room.people_count)
        });
        if wants && !self.who.waiting.contains(&id) && self.who.asked != Some(id) {
            self.who.waiting.push_back(id);
            self.ask_who();
        }
    }

    /// Asks for the next room, if no answer is coming.
    fn ask_who(&mut self) {
        if self.who.asked.is_some() {
            return;
        }
        let Some(id) = self.who.waiting.pop_front() else { return };
        let Some(name) = self.room(id).map(|room| std::sync::Arc::clone(&room.name)) else {
            return self.ask_who();
        };
        self.who.asked = Some(id);
        let fields = format!("%tuhnfa,{TOKEN}");
        let has_whox = self.network.has_whox;
        self.send("WHO", |line| {
            let line = line.param(&name);
            if has_whox { line.param(&fields) } else { line }
        });
    }

    /// 352: somebody, in words. Says whether we had asked, as opposed to the person.
    pub(crate) fn handle_who(&mut self, heard: &Heard<'_>) -> bool {
        let nick = heard.param(5);
        self.note_address(nick, Some(heard.param(2)), Some(heard.param(3)));
        self.note_flags(nick, heard.param(6));
        self.who.asked.is_some_and(|id| self.find_room(heard.param(1)) == Some(id))
    }

    /// 354: somebody, in the fields that were asked for: token, user, host, nick, flags, account. Says whether it is ours.
    pub(crate) fn handle_whox(&mut self, heard: &Heard<'_>) -> bool {
        if heard.param(1) != TOKEN {
            return false;
        }
        let nick = heard.param(4);
        self.note_address(nick, Some(heard.param(2)), Some(heard.param(3)));
        self.note_flags(nick, heard.param(5));
        self.note_account(nick, Some(heard.param(6)).filter(|account| *account != "0"));
        true
    }

    /// `H` is here and `G` is gone; further letters are the server's.
    fn note_flags(&mut self, nick: &str, flags: &str) {
        let was_away = self.person(nick).is_some_and(|person| person.away.is_some());
        match flags.chars().next() {
            Some('G') if !was_away => self.note_away(nick, Some("")),
            Some('H') => self.note_away(nick, None),
            _ => {}
        }
        if let Some(bot) = self.network.bot_mode {
            self.note_bot(nick, flags.contains(bot));
        }
    }

    /// 315: that was everybody.
    pub(crate) fn handle_who_end(&mut self, heard: &Heard<'_>) {
        let ours = self.who.asked.is_some() && self.find_room(heard.param(1)) == self.who.asked;
        if ours {
            self.who.asked = None;
            self.ask_who();
        }
    }
}
