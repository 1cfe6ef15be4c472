//! How far somebody has read (IRCv3 draft/read-marker): told to the server, and taken over from it.

use std::sync::Arc;
use std::time::Duration;

use callbox_irc::capability::CapSet;
use callbox_irc::stamp;

use crate::contract::{Millis, Now};
use crate::heard::Heard;
use crate::room::{Kind, RoomId, Unread};
use crate::session::Session;

/// How often a room's marker is told at most: somebody who reads along moves it with each line.
const EVERY: Duration = Duration::from_secs(3);

/// What was told of a room's marker.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// A marker that is to be told, and when.
    due: Option<Duration>,
    /// When it was told last.
    told_at: Option<Duration>,
    /// What the server knows.
    told: Millis,
}

impl Session {
    /// All that is in the room was read. The server is told.
    pub fn mark_read(&mut self, room: RoomId, now: Now) {
        let Some(target) = self.room_mut(room) else { return };
        let unread = std::mem::take(&mut target.unread);
        // Lines of our own have no place in the server's order.
        let told = target.timeline.iter().rev().take(100).find(|line| line.msgid.is_some());
        let last = told.or_else(|| target.timeline.last()).map(|line| line.time);
        let moved = last.is_some_and(|last| target.read.is_none_or(|read| read < last));
        if moved {
            target.read = last;
        }
        let kind = target.kind;
        if moved || unread != Unread::default() {
            self.room_changed(room);
        }
        if moved && kind != Kind::Server && self.has(CapSet::READ_MARKER) {
            let reading = &mut self.in_room(room).reading;
            let soonest = reading.told_at.map_or(now.monotonic, |at| at + EVERY);
            reading.due.get_or_insert_with(|| soonest.max(now.monotonic));
            self.reading_timeout(now);
        }
    }

    /// Tells markers that are due.
    pub(super) fn reading_timeout(&mut self, now: Now) {
        if !self.is_online() {
            return;
        }
        let due =
            self.flow.rooms.iter().filter(|(_, inside)| {
                inside.reading.due.is_some_and(|moment| moment <= now.monotonic)
            });
        for room in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            let read = self.room(room).and_then(|room| room.read);
            let name = self.room(room).map(|room| Arc::clone(&room.name));
            let reading = &mut self.in_room(room).reading;
            reading.due = None;
            let (Some(read), Some(name)) = (read, name) else { continue };
            if read <= reading.told {
                continue;
            }
            reading.told = read;
            reading.told_at = Some(now.monotonic);
            let stamp = format!("timestamp={}", stamp::text(read));
            self.send("MARKREAD", |line| line.param(&name).param(&stamp));
        }
    }

    /// When a marker is due.
    pub(super) fn reading_next(&self) -> Option<Duration> {
        if !self.is_online() {
            return None;
        }
        self.flow.rooms.values().filter_map(|room| room.reading.due).min()
    }

    /// MARKREAD: how far we have read, perhaps elsewhere.
    pub(super) fn hear_markread(&mut self, heard: &Heard<'_>) {
        let Some(room) = self.find_room(heard.param(0)) else { return };
        let read = heard.param(1).strip_prefix("timestamp=").and_then(stamp::parse);
        let Some(read) = read else { return };
        let reading = &mut self.in_room(room).reading;
        reading.told = reading.told.max(read);
        let Some(target) = self.room_mut(room) else { return };
        if target.read.is_some_and(|known| known >= read) {
            return;
        }
        target.read = Some(read);
        let mut unread = Unread::default();
        let first = target.timeline.first_after(read);
        for line in (first..target.timeline.len()).filter_map(|place| target.timeline.at(place)) {
            if line.what.is_speech() && !line.own && line.time > read {
                unread.lines += 1;
                unread.mentions += u32::from(line.mention);
            }
        }
        target.unread = unread;
        self.room_changed(room);
    }
}
