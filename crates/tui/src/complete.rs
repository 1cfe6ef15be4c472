//! Completion by Tab: names of people who spoke lately first, rooms, commands.

use std::collections::HashSet;

use callbox_session::Session;
use callbox_session::commands::{Completes, TABLE, find};
use callbox_session::room::{Kind, Room};

use crate::people::speakers;

/// A completion under way: the same key goes on to the next.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    /// Where the word begins.
    pub(crate) start: usize,
    /// What is put in its place, in turn; the last is the word itself.
    options: Vec<String>,
    at: usize,
    /// What the editor holds if nothing else was typed since.
    pub(crate) text: String,
}

/// The most that is offered: more nobody walks through.
const MOST: usize = 200;

impl Completion {
    /// What the word before the cursor can be completed to; `None` if to nothing.
    pub(crate) fn of(session: &Session, room: &Room, text: &str, cursor: usize) -> Option<Self> {
        let before = text.get(..cursor)?;
        let start = before.rfind([' ', '\n']).map_or(0, |at| at + 1);
        let word = &before[start..];
        let mut options = options(session, room, before, start, word);
        options.truncate(MOST);
        if options.is_empty() {
            return None;
        }
        options.push(word.to_owned());
        Some(Self { start, options, at: 0, text: String::new() })
    }

    /// What stands there now.
    pub(crate) fn shown(&self) -> &str {
        &self.options[self.at]
    }

    /// Goes on to the next, or back.
    pub(crate) fn step(&mut self, is_back: bool) {
        let count = self.options.len();
        self.at = if is_back { self.at + count - 1 } else { self.at + 1 } % count;
    }
}

fn options(session: &Session, room: &Room, before: &str, start: usize, word: &str) -> Vec<String> {
    let begins = |name: &str| {
        let fold = |text: &str| session.network().casemapping.fold(text).into_owned();
        fold(name).starts_with(&fold(word))
    };
    if let Some(command) = before.strip_prefix('/') {
        if start == 0 {
            let word = word.trim_start_matches('/').to_ascii_lowercase();
            let names = TABLE.iter().map(|command| command.name);
            return names
                .filter(|name| name.starts_with(&word))
                .map(|name| format!("/{name} "))
                .collect();
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        let completes = find(name).map(|row| row.completes);
        // Only the first parameter is what the table says.
        if !rest.contains(' ') {
            match completes {
                Some(Completes::Command) => {
                    let names = TABLE.iter().map(|command| command.name);
                    return names
                        .filter(|name| name.starts_with(word))
                        .map(|name| format!("{name} "))
                        .collect();
                }
                Some(Completes::Room) => return rooms(session, begins),
                Some(Completes::Nick) => return people(session, room, begins, " "),
                _ => {}
            }
        }
    }
    if word.chars().next().is_some_and(|first| session.network().chantypes.contains(first)) {
        return rooms(session, begins);
    }
    people(session, room, begins, if start == 0 { ": " } else { " " })
}

fn rooms(session: &Session, begins: impl Fn(&str) -> bool) -> Vec<String> {
    let rooms = session.rooms().iter().filter(|room| room.kind == Kind::Channel);
    rooms.filter(|room| begins(&room.name)).map(|room| format!("{} ", room.name)).collect()
}

fn people(session: &Session, room: &Room, begins: impl Fn(&str) -> bool, end: &str) -> Vec<String> {
    let here: HashSet<&str> = room.people().map(|member| &*member.nick).collect();
    let is_here = |nick: &str| room.kind != Kind::Channel || here.contains(nick);
    let speakers = speakers(room);
    let recent: HashSet<&str> = speakers.iter().map(|nick| &**nick).collect();
    let names = speakers.iter().map(|nick| &**nick).filter(|nick| begins(nick) && is_here(nick));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    let partner = (room.kind == Kind::Private).then_some(&*room.name);
    let others = here.iter().copied().chain(partner);
    let is_other = |nick: &&str| begins(nick) && *nick != session.nick() && !recent.contains(nick);
    let mut others: Vec<String> = others.filter(is_other).map(str::to_owned).collect();
    others.sort_by_cached_key(|nick| session.network().casemapping.fold(nick).into_owned());
    names.append(&mut others);
    names.into_iter().map(|name| name + end).collect()
}
