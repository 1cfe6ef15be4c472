//! Answers jobs: pages of history, conversations, single messages.
//!
//! A page is a walk along the index of each wanted kind, merged by place, so it costs what its events cost, wherever it
//! lies and however many events of other kinds lie between.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use callbox_hub::contract::{Answer, Bound, ConnId, Event, HistoryQuery, Job, Millis, Part};
use rusqlite::{Connection, OptionalExtension, params};

use super::Done;
use super::keeper::{locate, signed};
use super::queue::WayBack;
use super::row::{self, Kind, first_place, place_after};

/// What the reader's thread is given.
#[derive(Debug)]
pub(super) enum Task {
    /// Answer this.
    Job(ConnId, Job),
    /// Tell what was lost.
    TellLost,
}

/// Answers tasks until there are no more.
pub(super) fn run(connection: &Connection, tasks: &Receiver<Task>, way_back: &Arc<WayBack>) {
    let mut in_trouble = false;
    for task in tasks {
        let Task::Job(conn, job) = task else {
            way_back.tell_lost();
            continue;
        };
        let answer = answer(connection, &job);
        if let Err(error) = &answer
            && !in_trouble
        {
            way_back.tell(Done::Trouble(format!("cannot read history: {error}")));
        }
        in_trouble = answer.is_err();
        way_back.tell(Done::Answer(conn, answer.unwrap_or(Answer::Failed)));
    }
}

/// Answers a job of the store's. Others it does not know.
pub(super) fn answer(connection: &Connection, job: &Job) -> rusqlite::Result<Answer> {
    // One transaction, so that nothing changes between its questions.
    let transaction = connection.unchecked_transaction()?;
    let answer = match job {
        Job::History(query) => Answer::History(history(connection, query)?),
        Job::Targets { owner, channels, after, before, limit } => Answer::Targets(targets(
            connection,
            owner,
            channels,
            (signed(*after), signed(*before)),
            *limit,
        )?),
        Job::Find { conversation, msgid } => Answer::Found(find(connection, conversation, msgid)?),
        _ => Answer::Failed,
    };
    transaction.finish()?;
    Ok(answer)
}

/// From which end of a span events are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum From {
    /// The first ones.
    Start,
    /// The last ones.
    End,
}

fn history(connection: &Connection, query: &HistoryQuery) -> rusqlite::Result<Option<Vec<Event>>> {
    let id = conversation(connection, &query.conversation)?;
    // The places that a bound takes up; the page lies before or after all of them.
    let places = |bound: &Bound| -> rusqlite::Result<Option<(i64, i64)>> {
        match bound {
            Bound::Time(time) => Ok(Some((first_place(*time), place_after(*time)))),
            Bound::Msgid(msgid) => {
                let Some(id) = id else { return Ok(None) };
                Ok(locate(connection, id, msgid)?.map(|(_, place)| (place, place + 1)))
            }
        }
    };
    let page = |places, from, limit| -> rusqlite::Result<Vec<Event>> {
        let Some(id) = id else { return Ok(Vec::new()) };
        let kinds: &[Kind] = match (query.said_only, query.tagmsg) {
            (true, false) => &[Kind::Said],
            (true, true) => &[Kind::Said, Kind::Tags],
            (false, false) => &[Kind::Said, Kind::Other],
            (false, true) => &Kind::ALL,
        };
        let page = page(connection, (id, &query.conversation), kinds, places, from, limit)?;
        Ok(page.into_iter().map(|(_, event)| event).collect())
    };
    const ALL: (i64, i64) = (0, i64::MAX);
    let limit = query.limit;
    let (first, second) = match &query.part {
        Part::Latest(None) => return page(ALL, From::End, limit).map(Some),
        Part::Latest(Some(bound))
        | Part::Before(bound)
        | Part::After(bound)
        | Part::Around(bound) => (places(bound)?, None),
        Part::Between(one, other) => {
            let Some(other) = places(other)? else { return Ok(None) };
            (places(one)?, Some(other))
        }
    };
    let Some((start, end)) = first else { return Ok(None) };
    match (&query.part, second) {
        (Part::Latest(_), _) => page((end, ALL.1), From::End, limit),
        (Part::Before(_), _) => page((ALL.0, start), From::End, limit),
        (Part::After(_), _) => page((end, ALL.1), From::Start, limit),
        (_, Some((other_start, _))) if start <= other_start => {
            page((end, other_start), From::Start, limit)
        }
        (_, Some((_, other_end))) => page((other_end, start), From::End, limit),
        (Part::Around(_) | Part::Between(..), None) => {
            let half = limit / 2;
            let mut around = page((ALL.0, start), From::End, half)?;
            around.extend(page((start, ALL.1), From::Start, limit - half)?);
            Ok(around)
        }
    }
    .map(Some)
}

/// The private conversations of a side in a span of time, the oldest first.
const PRIVATE_TARGETS: &str =
    "SELECT key, sides.last FROM sides JOIN conversations ON id = conversation
     WHERE side = ?1 AND sides.last > ?2 AND sides.last < ?3 ORDER BY sides.last LIMIT ?4";

/// When something was last said in a conversation.
const LAST: &str = "SELECT last FROM conversations WHERE key = ?1";

/// The id of a conversation.
const CONVERSATION: &str = "SELECT id FROM conversations WHERE key = ?1";

/// The event at a place.
const EVENT: &str = concat!(
    "SELECT ",
    row::event_columns!(),
    " FROM events WHERE conversation = ?1 AND kind = ?2 AND place = ?3"
);

/// A statement for each kind and direction, so that all of a page's can be open at once, and cached.
fn page_sql(kind: Kind, from: From) -> &'static str {
    macro_rules! select {
        ($kind:literal, $order:literal) => {
            concat!(
                "SELECT ",
                row::event_columns!(),
                " FROM events WHERE conversation = ?1 AND kind = ",
                $kind,
                " AND place >= ?2 AND place < ?3 ORDER BY place ",
                $order,
                " LIMIT ?4"
            )
        };
    }
    match (kind, from) {
        (Kind::Said, From::Start) => select!("0", "ASC"),
        (Kind::Said, From::End) => select!("0", "DESC"),
        (Kind::Tags, From::Start) => select!("1", "ASC"),
        (Kind::Tags, From::End) => select!("1", "DESC"),
        (Kind::Other, From::Start) => select!("2", "ASC"),
        (Kind::Other, From::End) => select!("2", "DESC"),
    }
}

/// At most `limit` events of `kinds` with their places, from the places `start..end` of a conversation, which is named by
/// its id and key. They are given oldest first, from whichever end they were counted.
pub(super) fn page(
    connection: &Connection,
    (id, key): (i64, &str),
    kinds: &[Kind],
    (start, end): (i64, i64),
    from: From,
    limit: usize,
) -> rusqlite::Result<Vec<(i64, Event)>> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statements = kinds
        .iter()
        .map(|&kind| connection.prepare_cached(page_sql(kind, from)))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut walks = Vec::with_capacity(kinds.len());
    for statement in &mut statements {
        let mut rows =
            statement.query_and_then(params![id, start, end, most], |row| row::event(key, row))?;
        if let Some(head) = rows.next().transpose()? {
            walks.push((head, rows));
        }
    }
    let mut page = Vec::new();
    while page.len() < limit {
        let place = |walk: &(&(i64, Event), usize)| walk.0.0;
        let heads = walks.iter().enumerate().map(|(index, (head, _))| (head, index));
        let nearest = match from {
            From::Start => heads.min_by_key(place),
            From::End => heads.max_by_key(place),
        };
        let Some((_, index)) = nearest else { break };
        match walks[index].1.next().transpose()? {
            Some(next) => page.push(std::mem::replace(&mut walks[index].0, next)),
            None => page.push(walks.swap_remove(index).0),
        }
    }
    if from == From::End {
        page.reverse();
    }
    Ok(page)
}

/// The id of a conversation.
pub(super) fn conversation(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(CONVERSATION)?.query_row([key], |row| row.get(0)).optional()
}

fn targets(
    connection: &Connection,
    owner: &str,
    channels: &[Box<str>],
    (after, before): (i64, i64),
    limit: usize,
) -> rusqlite::Result<Vec<(Box<str>, Millis)>> {
    // A conversation in which nothing was said has the time 0.
    let after = after.max(0);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut private = connection.prepare_cached(PRIVATE_TARGETS)?;
    let mut targets = private
        .query_map(params![owner, after, before, most], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?))
        })?
        .collect::<rusqlite::Result<Vec<(Box<str>, i64)>>>()?;
    let mut channel = connection.prepare_cached(LAST)?;
    for key in channels {
        let last = channel.query_row([key], |row| row.get(0)).optional()?;
        if let Some(last) = last
            && last > after
            && last < before
        {
            targets.push((key.clone(), last));
        }
    }
    targets.sort_by_key(|(_, last)| *last);
    targets.truncate(limit);
    Ok(targets.into_iter().map(|(key, last)| (key, last as Millis)).collect())
}

fn find(connection: &Connection, key: &str, msgid: &str) -> rusqlite::Result<Option<Event>> {
    let Some(id) = conversation(connection, key)? else { return Ok(None) };
    let Some((kind, place)) = locate(connection, id, msgid)? else { return Ok(None) };
    connection
        .prepare_cached(EVENT)?
        .query_row([id, kind, place], |row| Ok(row::event(key, row)?.1))
        .optional()
}

#[cfg(test)]
mod tests {
    use super::super::keeper::LOCATE;
    use super::super::schema;
    use super::*;

    /// How SQLite goes about `sql`, step by step.
    fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.raw_query().mapped(|row| row.get("detail"));
        steps.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn every_question_is_answered_from_an_index_and_in_its_order() {
        let connection = schema::in_memory().unwrap();
        for kind in Kind::ALL {
            for from in [From::Start, From::End] {
                assert_eq!(
                    plan(&connection, page_sql(kind, from)),
                    [
                        "SEARCH events USING PRIMARY KEY (conversation=? AND kind=? AND place>? AND place<?)"
                    ]
                );
            }
        }
        assert_eq!(
            plan(&connection, PRIVATE_TARGETS),
            [
                "SEARCH sides USING PRIMARY KEY (side=? AND last>? AND last<?)",
                "SEARCH conversations USING INTEGER PRIMARY KEY (rowid=?)",
            ]
        );
        for sql in [LAST, CONVERSATION] {
            let steps = plan(&connection, sql);
            assert!(
                matches!(&steps[..], [step] if step.starts_with("SEARCH conversations USING")
                    && step.ends_with("INDEX sqlite_autoindex_conversations_1 (key=?)")),
                "{steps:?}"
            );
        }
        assert_eq!(
            plan(&connection, EVENT),
            ["SEARCH events USING PRIMARY KEY (conversation=? AND kind=? AND place=?)"]
        );
        assert_eq!(
            plan(&connection, LOCATE),
            ["SEARCH events USING COVERING INDEX events_msgid (msgid=? AND conversation=?)"]
        );
    }
}
