//! Forgets what is too old or too much, a slice at a time, so that nobody waits for it.
//!
//! There are three kinds of work. What was forgotten on purpose has lost its key and still has events. What grew over the
//! allowed number is found by the transaction in which it did. What grew too old is found by a sweep over all
//! conversations, which also finds whatever the other two missed when the server was killed or the settings changed.

use std::time::{Duration, Instant};

use callbox_hub::contract::Millis;
use rusqlite::{Connection, OptionalExtension, params};

use super::Done;
use super::keeper::{Keeper, last_said, move_sides, remove_sides};
use super::queue::WayBack;
use super::row::{Kind, first_place};

/// Events that a slice deletes: about 1 ms.
const SLICE: i64 = 256;

/// The most it deletes when so much is written that deleting has to keep up.
const LARGEST_SLICE: i64 = 4_096;

/// Conversations that a slice of the sweep looks at, three seeks each: less than 1 ms.
const SWEPT: usize = 64;

/// Between two slices while nothing else is to be done. So tidying takes a sixth of the writer's time at the most.
const PAUSE: Duration = Duration::from_millis(5);

/// Between two slices while there is other work.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Between two sweeps. What is to be forgotten after days may be so a minute later.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(60);

/// How much is kept, and how far tidying has come.
#[derive(Debug)]
pub(super) struct Retention {
    max_age: Option<Duration>,
    max_events: Option<i64>,
    /// The conversation that the sweep stands behind; `None` between sweeps.
    cursor: Option<i64>,
    next_sweep: Option<Instant>,
    last_slice: Option<Instant>,
    /// Of [`Keeper::written`], at the last slice.
    written: u64,
    in_trouble: bool,
}

impl Retention {
    /// Keeps what is younger than `max_age`, and the last `max_events` of each conversation.
    pub(super) fn new(max_age: Option<Duration>, max_events: Option<u64>) -> Self {
        Self {
            max_age,
            max_events: max_events.map(|max| i64::try_from(max).unwrap_or(i64::MAX)),
            // The first sweep is due at once.
            cursor: (max_age.is_some() || max_events.is_some()).then_some(0),
            next_sweep: None,
            last_slice: None,
            written: 0,
            in_trouble: false,
        }
    }

    /// How long the writer may wait for other work before it tidies; `None` if there is nothing to tidy.
    pub(super) fn patience(&self, keeper: &Keeper, now: Instant) -> Option<Duration> {
        if self.in_trouble {
            return Some(BETWEEN_SWEEPS);
        }
        if self.has_work(keeper) {
            return Some(PAUSE);
        }
        self.next_sweep.map(|at| at.saturating_duration_since(now))
    }

    /// Whether a slice is due although there is other work.
    pub(super) fn is_due_while_busy(&self, now: Instant) -> bool {
        self.last_slice.is_none_or(|last| now.duration_since(last) >= BUSY_PAUSE)
    }

    /// Does a slice, if there is anything to do, and tells if it cannot.
    pub(super) fn tidy(
        &mut self,
        keeper: &mut Keeper,
        now: Instant,
        wall: Millis,
        way_back: &WayBack,
    ) {
        self.last_slice = Some(now);
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.next_sweep = None;
            self.cursor = Some(0);
        }
        if !self.has_work(keeper) && !self.in_trouble {
            return;
        }
        let result = self.slice(keeper, wall);
        if let Err(error) = &result
            && !self.in_trouble
        {
            way_back.tell(Done::Trouble(format!("cannot delete old history: {error}")));
        }
        self.in_trouble = result.is_err();
        if self.cursor.is_none() && (self.max_age.is_some() || self.max_events.is_some()) {
            self.next_sweep.get_or_insert(now + BETWEEN_SWEEPS);
        }
    }

    /// Whether there is work for a slice.
    pub(super) fn has_work(&self, keeper: &Keeper) -> bool {
        keeper.forgotten || !keeper.overfull.is_empty() || self.cursor.is_some()
    }

    /// Does a slice of work, in one transaction.
    pub(super) fn slice(&mut self, keeper: &mut Keeper, wall: Millis) -> rusqlite::Result<()> {
        let written = keeper.written - std::mem::replace(&mut self.written, keeper.written);
        let budget = (SLICE + written as i64).min(LARGEST_SLICE);
        let cutoff = self.max_age.map_or(0, |age| {
            first_place(
                wall.saturating_sub(Millis::try_from(age.as_millis()).unwrap_or(Millis::MAX)),
            )
        });
        if keeper.forgotten {
            let done = keeper.transaction(|keeper| delete_forgotten(&keeper.connection, budget))?;
            // What others wrote meanwhile may have set it again, but then there is something left as well.
            keeper.forgotten = !done;
        } else if let Some(&id) = keeper.overfull.iter().next() {
            let done = keeper.transaction(|keeper| self.prune(keeper, id, cutoff, budget))?;
            if done {
                keeper.overfull.remove(&id);
            }
        } else if let Some(cursor) = self.cursor {
            self.cursor =
                keeper.transaction(|keeper| self.sweep(keeper, cursor, cutoff, budget))?;
        }
        Ok(())
    }

    /// Looks at the next conversations. Gives the one that it stands behind then, or `None` after the last.
    fn sweep(
        &self,
        keeper: &mut Keeper,
        mut cursor: i64,
        cutoff: i64,
        budget: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let next: Vec<i64> = keeper
            .connection
            .prepare_cached("SELECT id FROM conversations WHERE id > ?1 ORDER BY id LIMIT ?2")?
            .query_map(params![cursor, SWEPT as i64], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let last = next.len() < SWEPT;
        for id in next {
            if !self.prune(keeper, id, cutoff, budget)? {
                // There is more of this one; the budget is spent.
                return Ok(Some(cursor));
            }
            cursor = id;
        }
        Ok((!last).then_some(cursor))
    }

    /// Deletes the oldest events of a conversation, at most `budget`: those before `cutoff`, and those that are too many.
    /// Gives whether none of them is left.
    fn prune(
        &self,
        keeper: &mut Keeper,
        id: i64,
        cutoff: i64,
        budget: i64,
    ) -> rusqlite::Result<bool> {
        let found: Option<(Option<Box<str>>, i64, i64)> = keeper
            .connection
            .prepare_cached("SELECT key, last, count FROM conversations WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((Some(key), last, count)) = found else { return Ok(true) };
        let surplus = self.max_events.map_or(0, |max| count - max).clamp(0, budget);
        let (by_count, _) = oldest(&keeper.connection, id, i64::MAX, surplus)?;
        let (by_age, old) = oldest(&keeper.connection, id, cutoff, budget)?;
        let up_to = by_count.max(by_age);
        if up_to.is_none() && count > 0 {
            return Ok(true);
        }
        let count = count - delete_up_to(&keeper.connection, id, up_to)?;
        keeper.evict(&key);
        if count <= 0 {
            // Not one event is left, so nobody misses its name.
            remove_sides(&keeper.connection, id, &key, last)?;
            keeper
                .connection
                .prepare_cached("DELETE FROM conversations WHERE id = ?1")?
                .execute([id])?;
            return Ok(true);
        }
        let last_now = last_said(&keeper.connection, id)?;
        keeper
            .connection
            .prepare_cached("UPDATE conversations SET last = ?2, count = ?3 WHERE id = ?1")?
            .execute([id, last_now, count])?;
        move_sides(&keeper.connection, id, &key, last, last_now)?;
        Ok(old < budget && self.max_events.is_none_or(|max| count <= max))
    }
}

/// The place of the last of the `limit` oldest events before `end`, whatever their kinds, and how many those are.
fn oldest(
    connection: &Connection,
    id: i64,
    end: i64,
    limit: i64,
) -> rusqlite::Result<(Option<i64>, i64)> {
    connection
        .prepare_cached(
            "SELECT max(place), count(*) FROM (
                 SELECT * FROM (SELECT place FROM events
                     WHERE conversation = ?1 AND kind = 0 AND place < ?2 ORDER BY place LIMIT ?3)
                 UNION ALL
                 SELECT * FROM (SELECT place FROM events
                     WHERE conversation = ?1 AND kind = 1 AND place < ?2 ORDER BY place LIMIT ?3)
                 UNION ALL
                 SELECT * FROM (SELECT place FROM events
                     WHERE conversation = ?1 AND kind = 2 AND place < ?2 ORDER BY place LIMIT ?3)
                 ORDER BY 1 LIMIT ?3)",
        )?
        .query_row([id, end, limit], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Deletes the events of a conversation up to a place, with it, and gives how many those were.
fn delete_up_to(connection: &Connection, id: i64, up_to: Option<i64>) -> rusqlite::Result<i64> {
    let Some(up_to) = up_to else { return Ok(0) };
    let mut deleted = 0;
    for kind in Kind::ALL {
        deleted += connection
            .prepare_cached(
                "DELETE FROM events WHERE conversation = ?1 AND kind = ?2 AND place <= ?3",
            )?
            .execute(params![id, kind as i64, up_to])?;
    }
    Ok(deleted as i64)
}

/// Deletes at most `budget` events of a conversation that lost its key, and the conversation with the last of them. Gives
/// whether there is no such conversation.
fn delete_forgotten(connection: &Connection, budget: i64) -> rusqlite::Result<bool> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM conversations WHERE key IS NULL LIMIT 1")?
        .query_row((), |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(true) };
    let (up_to, count) = oldest(connection, id, i64::MAX, budget)?;
    delete_up_to(connection, id, up_to)?;
    if count < budget {
        connection.prepare_cached("DELETE FROM conversations WHERE id = ?1")?.execute([id])?;
    }
    Ok(false)
}
