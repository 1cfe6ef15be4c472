//! What a server finds when it starts, and how a claimed channel lies in a row.

use callbox_hub::contract::{Millis, Saved, SavedChannel};
use rusqlite::{Connection, Row, params};

use super::keeper::signed;
use super::row::{pack, unpack};

/// The accounts: folded name, name as shown.
pub(super) fn accounts(connection: &Connection) -> rusqlite::Result<Vec<(Box<str>, Box<str>)>> {
    all(connection, "SELECT key, name FROM accounts", |row| Ok((row.get(0)?, row.get(1)?)))
}

/// All that the hub holds in memory of what was kept.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Saved> {
    // A server that ran while an account was deleted went on to keep its channels. Whole or not at all: between the end
    // of a claim and its mark, a closed room would be open.
    let transaction = connection.unchecked_transaction()?;
    end_claims_of_nobody(&transaction)?;
    transaction.commit()?;
    Ok(Saved {
        accounts: accounts(connection)?,
        channels: channels(connection, "")?,
        read_markers: all(connection, "SELECT account, target, read FROM read_markers", |row| {
            Ok((row.get(0)?, row.get(1)?, millis(row.get(2)?)))
        })?,
        metadata: all(connection, "SELECT owner, key, value FROM metadata", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?,
        last_event: connection
            .query_row("SELECT last_event FROM clock", (), |row| row.get(0).map(millis))?,
    })
}

/// Ends the claims of accounts that are no more, so that none falls to whoever takes such a name next.
pub(super) fn end_claims_of_nobody(connection: &Connection) -> rusqlite::Result<()> {
    let of_nobody = "WHERE founder <> '' AND founder NOT IN (SELECT key FROM accounts)";
    for claimed in channels(connection, of_nobody)? {
        for sql in ["DELETE FROM channels WHERE key = ?1", "DELETE FROM metadata WHERE owner = ?1"]
        {
            connection.prepare_cached(sql)?.execute([&claimed.key])?;
        }
        if let Some(mark) = claimed.unclaimed() {
            save_channel(connection, &mark)?;
        }
    }
    Ok(())
}

/// Puts a claimed channel in the place of what was kept of it.
pub(super) fn save_channel(
    connection: &Connection,
    channel: &SavedChannel,
) -> rusqlite::Result<()> {
    let topic = channel
        .topic
        .as_ref()
        .and_then(|(text, setter, time)| pack([&**text, &**setter, &*time.to_string()]));
    let mut lists: Vec<Box<str>> = Vec::with_capacity(4 * channel.lists.len());
    for (letter, mask, setter, time) in &channel.lists {
        let (letter, time) = (letter.to_string().into(), time.to_string().into());
        lists.extend([letter, mask.clone(), setter.clone(), time]);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO channels VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            channel.key,
            channel.name,
            channel.founder,
            signed(channel.created),
            topic,
            pack(channel.modes.iter().map(|mode| &**mode)),
            pack(lists.iter().map(|part| &**part)),
        ])
        .map(drop)
}

/// The channels of which `condition` holds, a clause of SQL.
fn channels(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<SavedChannel>> {
    let columns = "key, name, founder, created, topic, modes, lists";
    all(connection, &format!("SELECT {columns} FROM channels {condition}"), channel)
}

/// All rows of a query.
fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map((), read)?.collect()
}

fn channel(row: &Row<'_>) -> rusqlite::Result<SavedChannel> {
    let packed = |index| -> rusqlite::Result<Vec<Box<str>>> {
        Ok(unpack(row.get_ref(index)?.as_str_or_null()?))
    };
    Ok(SavedChannel {
        key: row.get(0)?,
        name: row.get(1)?,
        founder: row.get(2)?,
        created: millis(row.get(3)?),
        topic: match packed(4)?.as_slice() {
            [text, setter, time] => Some((text.clone(), setter.clone(), parsed(time))),
            _ => None,
        },
        modes: packed(5)?,
        lists: packed(6)?
            .chunks_exact(4)
            .filter_map(|entry| match entry {
                [letter, mask, setter, time] => {
                    Some((letter.chars().next()?, mask.clone(), setter.clone(), parsed(time)))
                }
                _ => None,
            })
            .collect(),
    })
}

fn millis(number: i64) -> Millis {
    number.max(0) as Millis
}

fn parsed(number: &str) -> Millis {
    number.parse().unwrap_or_default()
}
