//! The database: its tables, its versions, and how it is opened.
//!
//! **Events** are clustered by conversation, kind and place, so a page of history is read from neighbouring rows of one
//! B-tree, whichever kinds are wanted and wherever the page lies. The place (see [`row`](super::row)) holds the time. A
//! second index leads from a msgid to its place. Two B-trees are all that an event is written to.
//!
//! **Conversations** hold what would otherwise have to be counted: the place of the newest event, the time of the last
//! message, how many events there are. A forgotten conversation loses its key at once and its events little by little.
//!
//! **Sides** lead from a person to the private conversations it is a side of, ordered by their last message.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// The database's name in its folder.
const DATABASE: &str = "chat.db";

/// The file whose lock says that a server uses the folder. The kernel drops the lock with the process.
const LOCK: &str = "chat.lock";

/// "call", by which a database is told from other programs'.
const APPLICATION_ID: i32 = 0x6361_6c6c;

/// How long a connection waits for another's transaction. The longest are those of a slow disk.
const BUSY: Duration = Duration::from_secs(10);

/// Prepared statements that a connection keeps: more than there are in this module.
const STATEMENTS: usize = 64;

/// What is done to a database of version 0, 1, … to make it one of the next.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    key TEXT UNIQUE,
    top INTEGER NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL
);
CREATE TABLE sides (
    side TEXT NOT NULL,
    last INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    PRIMARY KEY (side, last, conversation)
) WITHOUT ROWID;
CREATE TABLE events (
    conversation INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    place INTEGER NOT NULL,
    msgid TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT,
    bot INTEGER NOT NULL,
    tags TEXT,
    command NOT NULL,
    params TEXT,
    text TEXT,
    PRIMARY KEY (conversation, kind, place)
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_msgid ON events (msgid, conversation);
CREATE TABLE clock (last_event INTEGER NOT NULL);
INSERT INTO clock VALUES (0);
CREATE TABLE channels (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    founder TEXT NOT NULL,
    created INTEGER NOT NULL,
    topic TEXT,
    modes TEXT,
    lists TEXT
) WITHOUT ROWID;
CREATE TABLE read_markers (
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (account, target)
) WITHOUT ROWID;
CREATE TABLE metadata (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    scram_salt BLOB,
    scram_iterations INTEGER,
    scram_stored_key BLOB,
    scram_server_key BLOB,
    email TEXT,
    created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE fingerprints (
    fingerprint TEXT PRIMARY KEY,
    account TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX fingerprints_account ON fingerprints (account);
",
    "
CREATE INDEX read_markers_target ON read_markers (target);
",
];

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server has the folder.
    #[error("{} is in use by another server; stop that one or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    /// The folder or a file in it cannot be made or opened.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no database in the folder.
    #[error("there is no chat in {}: it holds no {DATABASE}", .0.display())]
    Missing(PathBuf),
    /// The database was made by a later version.
    #[error(
        "{} was made by a newer callbox (its format is {found}, this one knows up to {known}); \
         use the newer one or choose another folder with --data",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its format.
        found: i64,
        /// The latest version that is known.
        known: i64,
    },
    /// The file is another program's.
    #[error("{} is another program's database; choose another folder with --data", .0.display())]
    Foreign(PathBuf),
    /// The database is damaged.
    #[error(
        "{} is damaged ({source}); move it away and start again, or put back a copy of it. \
         `sqlite3 chat.db .recover` may save what can be read",
        path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Anything else that SQLite objects to.
    #[error("cannot use {}: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl StoreError {
    /// What SQLite said of `path`, as one of the errors above.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, source }
            }
            _ => Self::Database { path, source },
        }
    }
}

/// How often the disk is asked to confirm.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sync {
    /// At checkpoints. A server that is killed loses nothing; a machine that loses its power may lose the last seconds.
    #[default]
    Normal,
    /// At each transaction. Not even loss of power loses what was kept.
    Full,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Writing, and nothing else while it does.
    Write(Sync),
    /// Reading.
    Read,
}

/// Makes `folder` (and those above it) for its owner's eyes only, unless it is there.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| StoreError::Folder { path: folder.to_owned(), source })
}

/// Takes `folder` for this server. The lock is held as long as the file is open.
pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| StoreError::Folder { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::Folder { path, source }),
    }
}

/// Makes the database of `folder` if there is none, and opens it.
pub(super) fn create(folder: &Path, access: Access) -> Result<Connection, StoreError> {
    let path = folder.join(DATABASE);
    // SQLite would make it readable for others; the files beside it take over the mode of this one.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| StoreError::Folder { path, source })?;
    open(folder, access)
}

/// Opens the database of `folder`, which must be there, and brings it to this version's format.
pub(super) fn open(folder: &Path, access: Access) -> Result<Connection, StoreError> {
    let path = folder.join(DATABASE);
    if !fs::exists(&path).map_err(|source| StoreError::Folder { path: path.clone(), source })? {
        return Err(StoreError::Missing(folder.to_owned()));
    }
    // A reader, too, must be able to recover what a killed server left, so it is held back by `query_only` alone.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(&path, flags)
        .map_err(|source| StoreError::of(&path, source))
        .and_then(|mut connection| {
            prepare(&mut connection, access, &path)?;
            Ok(connection)
        })
}

/// A database that lives as long as the connection.
pub(super) fn in_memory() -> Result<Connection, StoreError> {
    let path = Path::new("memory");
    let mut connection =
        Connection::open_in_memory().map_err(|source| StoreError::of(path, source))?;
    prepare(&mut connection, Access::Write(Sync::Normal), path)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection, access: Access, path: &Path) -> Result<(), StoreError> {
    let of = |source| StoreError::of(path, source);
    connection.busy_timeout(BUSY).map_err(of)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Looked at first, so that nothing is done to a file that is not ours.
    check(connection, path)?;
    // 16 MiB of pages at the most: the inner pages of a database of some gigabytes.
    // The file of the log is cut down to 64 MiB after it was longer.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = OFF; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(of)?;
    migrate(connection).map_err(of)?;
    match access {
        Access::Write(Sync::Normal) => connection.execute_batch("PRAGMA synchronous = NORMAL"),
        Access::Write(Sync::Full) => connection.execute_batch("PRAGMA synchronous = FULL"),
        Access::Read => connection.execute_batch("PRAGMA query_only = ON"),
    }
    .map_err(of)
}

/// Whether the database is ours, or still empty, and not of a later version.
fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let of = |source| StoreError::of(path, source);
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).map_err(of);
    let found = number("PRAGMA user_version")?;
    let known = MIGRATIONS.len() as i64;
    if number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(());
    }
    if number("PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Runs the migrations that are missing, all in one transaction, so that a kill leaves the database as it was.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = |connection: &Connection| {
        let version =
            connection.query_row("PRAGMA user_version", (), |row| row.get::<_, u32>(0))?;
        Ok::<_, rusqlite::Error>(version as usize)
    };
    if version(connection)? >= MIGRATIONS.len() {
        return Ok(());
    }
    let behavior = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behavior)?;
    // Read again: another process may have been faster.
    for migration in MIGRATIONS.iter().skip(version(&transaction)?) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}
