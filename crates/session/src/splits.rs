//! Netsplits and netjoins (IRCv3 netsplit and netjoin batches): hundreds leave or come at once, in one line a room.

use crate::contract::Now;
use crate::heard::Heard;
use crate::room::RoomId;
use crate::session::Session;

/// A batch of people who leave or come because two servers parted or met.
#[derive(Debug)]
pub(crate) struct Split {
    reference: Box<str>,
    is_join: bool,
    /// The two servers, if the batch names them.
    servers: Box<str>,
    /// Who, by room. Of each room the first are kept by name.
    rooms: Vec<(RoomId, Vec<Box<str>>, usize)>,
}

/// The most open batches of this kind. Lines of further ones are shown one by one.
const MOST: usize = 16;

/// How many are named in the line of a room; the rest are counted.
const NAMED: usize = 10;

impl Session {
    /// Takes the beginning and the end of such a batch. Says whether it was one.
    pub(crate) fn handle_split(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        if heard.command() != "BATCH" {
            return false;
        }
        let Some(reference) = heard.param(0).strip_prefix('+') else {
            let reference = heard.param(0).trim_start_matches('-');
            let place = self.splits.iter().position(|split| *split.reference == *reference);
            let Some(place) = place else { return false };
            let split = self.splits.remove(place);
            self.tell_split(split, now);
            return true;
        };
        let is_join = match heard.param(1) {
            "netsplit" => false,
            "netjoin" => true,
            _ => return false,
        };
        if self.splits.len() < MOST {
            let servers = heard.message.params.get(2..).unwrap_or_default().join(" and ");
            self.splits.push(Split {
                reference: reference.into(),
                is_join,
                servers: servers.into(),
                rooms: Vec::new(),
            });
        }
        true
    }

    /// Counts a line of such a batch, which gets no line of its own.
    pub(crate) fn counts_in_split(&mut self, room: RoomId, heard: &Heard<'_>) -> bool {
        let Some(reference) = heard.batch.as_deref() else { return false };
        let split = self.splits.iter_mut().find(|split| *split.reference == *reference);
        let Some(split) = split else { return false };
        let place = match split.rooms.iter().position(|(id, ..)| *id == room) {
            Some(place) => place,
            None => {
                split.rooms.push((room, Vec::new(), 0));
                split.rooms.len() - 1
            }
        };
        let (_, named, count) = &mut split.rooms[place];
        if named.len() < NAMED {
            named.push(heard.nick.into());
        }
        *count += 1;
        true
    }

    fn tell_split(&mut self, split: Split, now: Now) {
        let verb = if split.is_join { "came back" } else { "left" };
        for (room, named, count) in split.rooms {
            let names = named.join(", ");
            let more = match count - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let why = match (&*split.servers, split.is_join) {
                ("", _) => String::new(),
                (servers, false) => format!(": {servers} lost each other"),
                (servers, true) => format!(": {servers} found each other again"),
            };
            self.info(room, format!("{names}{more} {verb}{why}"), now);
        }
    }
}
