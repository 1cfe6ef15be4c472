//! Moves what stands in the database's log into the database, on a thread of its own: a checkpoint waits for the disk, and
//! the writer is not to wait with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use rusqlite::Connection;

/// Pages of the log (64 MiB) from which on the writer makes a checkpoint itself. While it writes, the log can be read to
/// its end but not begun anew, so that under load without a pause it would grow for ever.
const LONG_LOG: i64 = 16_384;

/// Makes a checkpoint whenever `asked` says so, and ends with it.
pub(super) fn run(connection: Connection, asked: Receiver<()>, log_is_long: Arc<AtomicBool>) {
    for () in asked {
        // An error is none of ours: the writer meets it too, and tells.
        if make(&connection).is_ok_and(|pages| pages > LONG_LOG) {
            log_is_long.store(true, Ordering::Relaxed);
        }
    }
}

/// Makes a checkpoint that waits for nobody, and gives the length of the log in pages.
pub(super) fn make(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row((), |row| row.get::<_, i64>(1))
}
