//! Writes records. What it knows of the conversations that are being talked in it holds in memory, so that an event
//! costs one insertion; their rows are written once a transaction.

use std::collections::{HashMap, HashSet};

use callbox_hub::contract::{Event, Record};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::Ticket;
use super::queue::Queued;
use super::row::{self, Command, Kind, first_place, pack, place_after, sides, time_of};
use super::saved::save_channel;

/// Conversations held in memory, about 200 bytes each. Beyond that all are let go after the transaction.
const MAX_CACHED: usize = 32_768;

/// The writing connection and what it knows.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) connection: Connection,
    by_key: HashMap<Box<str>, usize>,
    cached: Vec<Conversation>,
    /// Those of `cached` whose rows are to be written.
    changed: Vec<usize>,
    /// The time of the newest event, and whether that is to be written.
    last_event: (i64, bool),
    /// SQLite's count of the transactions of other connections.
    data_version: i64,
    /// The most events that a conversation may have.
    max_events: i64,
    /// What retention has to look at, filled by each transaction: conversations with too many events.
    pub(super) overfull: HashSet<i64>,
    /// Whether there are conversations without a key.
    pub(super) forgotten: bool,
    /// Events written, ever.
    pub(super) written: u64,
}

#[derive(Debug)]
struct Conversation {
    id: i64,
    key: Box<str>,
    /// The place of the newest event there ever was.
    top: i64,
    /// The time of the last message, 0 for none, as it is and as the row has it.
    last: i64,
    written_last: i64,
    count: i64,
    changed: bool,
}

impl Keeper {
    /// A keeper that writes to `connection`. A conversation with more than `max_events` is marked as overfull.
    pub(super) fn new(connection: Connection, max_events: Option<u64>) -> Self {
        Self {
            connection,
            by_key: HashMap::new(),
            cached: Vec::new(),
            changed: Vec::new(),
            last_event: (0, false),
            data_version: 0,
            max_events: max_events.map_or(i64::MAX, |max| i64::try_from(max).unwrap_or(i64::MAX)),
            overfull: HashSet::new(),
            // There may be some that the server before did not finish with.
            forgotten: true,
            written: 0,
        }
    }

    /// Writes all records of `batches` in one transaction. Either all is kept when this returns, but for the records of
    /// the tickets that it gives, or nothing is and there is an error.
    pub(super) fn keep(&mut self, batches: &[Queued]) -> rusqlite::Result<Vec<Ticket>> {
        self.transaction(|keeper| {
            let mut refused = Vec::new();
            for queued in batches {
                for record in &queued.batch.records {
                    match keeper.apply(record) {
                        Err(error) if is_about_the_record(&error) => refused.push(queued.ticket),
                        other => other?,
                    }
                }
            }
            refused.dedup();
            keeper.write_changed()?;
            Ok(refused)
        })
    }

    /// Runs `work` in a transaction of its own, after which memory and database agree.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.run("BEGIN IMMEDIATE")?;
        let done = self.forget_if_others_wrote().and_then(|()| work(self));
        let done = done.and_then(|done| self.run("COMMIT").map(|()| done));
        if done.is_err() {
            // It fails if SQLite rolled back by itself.
            self.run("ROLLBACK").ok();
            self.clear();
        } else if self.cached.len() > MAX_CACHED {
            self.clear();
        }
        done
    }

    /// Lets go of what is known of the conversation `key`.
    pub(super) fn evict(&mut self, key: &str) {
        // Its place in the list stays empty until the next `clear`.
        self.by_key.remove(key);
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(()).map(drop)
    }

    fn clear(&mut self) {
        self.by_key.clear();
        self.cached.clear();
        self.changed.clear();
        self.last_event = (0, false);
    }

    /// Deleting an account deletes conversations, and that may be done by another process.
    fn forget_if_others_wrote(&mut self) -> rusqlite::Result<()> {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row((), |row| row.get::<_, i64>(0))?;
        if version != std::mem::replace(&mut self.data_version, version) {
            self.clear();
            self.forgotten = true;
        }
        Ok(())
    }

    fn apply(&mut self, record: &Record) -> rusqlite::Result<()> {
        match record {
            Record::Event(event) => self.insert(event),
            Record::Redact { conversation, msgid } => self.redact(conversation, msgid),
            Record::RenameConversation { from, to } => self.rename(from, to),
            Record::ForgetConversation { conversation } => self.forget(conversation),
            Record::Channel(channel) => save_channel(&self.connection, channel),
            Record::DropChannel { key } => self
                .connection
                .prepare_cached("DELETE FROM channels WHERE key = ?1")?
                .execute([key])
                .map(drop),
            Record::ReadMarker { account, target, read } => self
                .connection
                .prepare_cached("INSERT OR REPLACE INTO read_markers VALUES (?1, ?2, ?3)")?
                .execute(params![account, target, signed(*read)])
                .map(drop),
            Record::Metadata { owner, key, value: Some(value) } => self
                .connection
                .prepare_cached("INSERT OR REPLACE INTO metadata VALUES (?1, ?2, ?3)")?
                .execute([owner, key, value])
                .map(drop),
            Record::Metadata { owner, key, value: None } => self
                .connection
                .prepare_cached("DELETE FROM metadata WHERE owner = ?1 AND key = ?2")?
                .execute([owner, key])
                .map(drop),
        }
    }

    fn insert(&mut self, event: &Event) -> rusqlite::Result<()> {
        let index = match self.find(&event.conversation)? {
            Some(index) => index,
            None => self.begin(&event.conversation)?,
        };
        let kind = Kind::of(&event.command);
        let place = self.next_place(index, event)?;
        let inserted = self
            .connection
            .prepare_cached(concat!(
                "INSERT OR IGNORE INTO events (conversation, kind, ",
                row::event_columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            ))?
            .execute(params![
                self.cached[index].id,
                kind as i64,
                place,
                event.msgid,
                event.source,
                event.account,
                event.bot,
                Some(&event.tags).filter(|tags| !tags.is_empty()),
                Command(&event.command),
                pack(event.params.iter().map(|param| &**param)),
                event.text,
            ])?;
        if inserted == 0 {
            // A msgid that is there already names what is there already.
            return Ok(());
        }
        let time = time_of(place) as i64;
        let conversation = &mut self.cached[index];
        conversation.count += 1;
        conversation.top = conversation.top.max(place);
        if kind == Kind::Said {
            conversation.last = conversation.last.max(time);
        }
        if time > self.last_event.0 {
            self.last_event = (time, true);
        }
        self.written += 1;
        self.mark_changed(index);
        Ok(())
    }

    /// The place after all others of the event's millisecond.
    fn next_place(&self, index: usize, event: &Event) -> rusqlite::Result<i64> {
        let conversation = &self.cached[index];
        let first = first_place(event.time);
        if first > conversation.top {
            return Ok(first);
        }
        if time_of(conversation.top) == time_of(first) {
            return Ok(conversation.top + 1);
        }
        // A clock that went back. The contract excludes it, a database from elsewhere does not.
        let mut place = first;
        let mut newest = self.connection.prepare_cached(
            "SELECT max(place) FROM events
             WHERE conversation = ?1 AND kind = ?2 AND place >= ?3 AND place < ?4",
        )?;
        for kind in Kind::ALL {
            let span = params![conversation.id, kind as i64, first, place_after(event.time)];
            let taken = newest.query_row(span, |row| row.get::<_, Option<i64>>(0))?;
            place = place.max(taken.map_or(first, |taken| taken + 1));
        }
        Ok(place)
    }

    /// The index in `cached` of a conversation, if there is one with this key.
    fn find(&mut self, key: &str) -> rusqlite::Result<Option<usize>> {
        if let Some(&index) = self.by_key.get(key) {
            return Ok(Some(index));
        }
        let found = self
            .connection
            .prepare_cached("SELECT id, top, last, count FROM conversations WHERE key = ?1")?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        Ok(found.map(|(id, top, last, count)| self.hold(key, id, top, last, count)))
    }

    fn begin(&mut self, key: &str) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(
                "INSERT INTO conversations (key, top, last, count) VALUES (?1, -1, 0, 0)",
            )?
            .execute([key])?;
        let id = self.connection.last_insert_rowid();
        self.add_sides(id, key, 0)?;
        Ok(self.hold(key, id, -1, 0, 0))
    }

    fn hold(&mut self, key: &str, id: i64, top: i64, last: i64, count: i64) -> usize {
        let key: Box<str> = key.into();
        let index = self.cached.len();
        self.by_key.insert(key.clone(), index);
        let written_last = last;
        self.cached.push(Conversation { id, key, top, last, written_last, count, changed: false });
        index
    }

    fn mark_changed(&mut self, index: usize) {
        if !std::mem::replace(&mut self.cached[index].changed, true) {
            self.changed.push(index);
        }
    }

    fn write_changed(&mut self) -> rusqlite::Result<()> {
        for index in std::mem::take(&mut self.changed) {
            self.write(index)?;
        }
        if let (time, true) = self.last_event {
            self.connection
                .prepare_cached("UPDATE clock SET last_event = max(last_event, ?1)")?
                .execute([time])?;
            self.last_event.1 = false;
        }
        Ok(())
    }

    /// Writes the row of a conversation, if it changed.
    fn write(&mut self, index: usize) -> rusqlite::Result<()> {
        let conversation = &mut self.cached[index];
        if !std::mem::take(&mut conversation.changed) {
            return Ok(());
        }
        let &mut Conversation { id, top, last, count, .. } = conversation;
        self.connection
            .prepare_cached(
                "UPDATE conversations SET top = ?2, last = ?3, count = ?4 WHERE id = ?1",
            )?
            .execute([id, top, last, count])?;
        let before = std::mem::replace(&mut conversation.written_last, last);
        move_sides(&self.connection, id, &conversation.key, before, last)?;
        if count > self.max_events {
            self.overfull.insert(id);
        }
        Ok(())
    }

    fn redact(&mut self, key: &str, msgid: &str) -> rusqlite::Result<()> {
        let Some(index) = self.find(key)? else { return Ok(()) };
        let id = self.cached[index].id;
        let Some((kind, place)) = locate(&self.connection, id, msgid)? else { return Ok(()) };
        self.connection
            .prepare_cached(
                "DELETE FROM events WHERE conversation = ?1 AND kind = ?2 AND place = ?3",
            )?
            .execute([id, kind, place])?;
        if kind == Kind::Said as i64 {
            self.cached[index].last = last_said(&self.connection, id)?;
        }
        self.cached[index].count -= 1;
        self.mark_changed(index);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> rusqlite::Result<()> {
        if from == to {
            return Ok(());
        }
        self.forget(to)?;
        self.connection
            .prepare_cached("DELETE FROM read_markers WHERE target = ?1")?
            .execute([to])?;
        self.connection
            .prepare_cached("UPDATE read_markers SET target = ?2 WHERE target = ?1")?
            .execute([from, to])?;
        let Some(index) = self.find(from)? else { return Ok(()) };
        self.write(index)?;
        let Conversation { id, last, .. } = self.cached[index];
        remove_sides(&self.connection, id, from, last)?;
        self.connection
            .prepare_cached("UPDATE conversations SET key = ?2 WHERE id = ?1")?
            .execute(params![id, to])?;
        self.add_sides(id, to, last)?;
        self.by_key.remove(from);
        self.by_key.insert(to.into(), index);
        self.cached[index].key = to.into();
        Ok(())
    }

    /// Takes the key from a conversation. Its events are deleted later, since they may be many.
    fn forget(&mut self, key: &str) -> rusqlite::Result<()> {
        let Some(index) = self.find(key)? else { return Ok(()) };
        self.write(index)?;
        let Conversation { id, last, .. } = self.cached[index];
        remove_sides(&self.connection, id, key, last)?;
        self.connection
            .prepare_cached("UPDATE conversations SET key = NULL WHERE id = ?1")?
            .execute([id])?;
        self.by_key.remove(key);
        self.forgotten = true;
        Ok(())
    }

    fn add_sides(&self, id: i64, key: &str, last: i64) -> rusqlite::Result<()> {
        for side in sides(key) {
            self.connection
                .prepare_cached("INSERT INTO sides (side, last, conversation) VALUES (?1, ?2, ?3)")?
                .execute(params![side, last, id])?;
        }
        Ok(())
    }
}

/// A number that is written as SQLite has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where a message lies.
pub(super) const LOCATE: &str =
    "SELECT kind, place FROM events WHERE msgid = ?1 AND conversation = ?2";

/// The kind and the place of a message.
pub(super) fn locate(
    connection: &Connection,
    id: i64,
    msgid: &str,
) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(LOCATE)?
        .query_row(params![msgid, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// The time of the last message of a conversation, 0 for none.
pub(super) fn last_said(connection: &Connection, id: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT max(place) FROM events WHERE conversation = ?1 AND kind = 0")?
        .query_row([id], |row| row.get::<_, Option<i64>>(0))
        .map(|place| place.map_or(0, |place| time_of(place) as i64))
}

/// Puts a conversation where it belongs in the lists of its sides, after its last message's time became another.
pub(super) fn move_sides(
    connection: &Connection,
    id: i64,
    key: &str,
    before: i64,
    last: i64,
) -> rusqlite::Result<()> {
    if before == last {
        return Ok(());
    }
    for side in sides(key) {
        connection
            .prepare_cached(
                "UPDATE sides SET last = ?3 WHERE side = ?1 AND last = ?2 AND conversation = ?4",
            )?
            .execute(params![side, before, last, id])?;
    }
    Ok(())
}

/// Takes a conversation off the lists of its sides.
pub(super) fn remove_sides(
    connection: &Connection,
    id: i64,
    key: &str,
    last: i64,
) -> rusqlite::Result<()> {
    for side in sides(key) {
        connection
            .prepare_cached(
                "DELETE FROM sides WHERE side = ?1 AND last = ?2 AND conversation = ?3",
            )?
            .execute(params![side, last, id])?;
    }
    Ok(())
}

/// Whether trying again with the same record would fail again for ever.
fn is_about_the_record(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    matches!(error.sqlite_error_code(), Some(TooBig | ConstraintViolation | TypeMismatch))
}
