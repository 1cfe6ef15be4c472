//! Accounts: few, small and rarely written, so their calls wait for the disk, on whatever thread makes them.
//!
//! The connection is one of its own. So the command line uses the same calls while a server runs, and while none does.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callbox_hub::contract::Millis;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior, params};

use super::keeper::signed;
use super::saved::{self, end_claims_of_nobody};
use super::schema::{self, Access, StoreError, Sync};
use crate::auth::AccountStore;
pub use crate::auth::{AccountRow, ScramKeys};

/// Why an account is not written.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is one with this key.
    #[error("there is an account with this name already")]
    Exists,
    /// Another account has this certificate.
    #[error("the certificate {0} belongs to another account")]
    FingerprintTaken(Box<str>),
    /// The database does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account's folded name, by which it is found, and its name as shown.
pub(crate) type Name = (Box<str>, Box<str>);

/// The accounts of a store. Clones share one connection, which one call uses at a time.
#[derive(Clone, Debug)]
pub struct Accounts {
    shared: Arc<Mutex<Connection>>,
    path: Arc<PathBuf>,
}

impl Accounts {
    /// The accounts in `folder`, whether a server uses it or not. A folder that is not there is made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        schema::make_folder(folder)?;
        // What somebody was told that is done stays done without power, too: it is rare enough.
        Ok(Self::new(schema::create(folder, Access::Write(Sync::Full))?, folder))
    }

    /// The same, if a chat is kept in `folder`.
    pub fn open_kept(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(schema::open(folder, Access::Write(Sync::Full))?, folder))
    }

    /// Accounts that last as long as the program.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Ok(Self::new(schema::in_memory()?, Path::new("memory")))
    }

    fn new(connection: Connection, path: &Path) -> Self {
        Self { shared: Arc::new(Mutex::new(connection)), path: Arc::new(path.to_owned()) }
    }

    /// Adds an account.
    pub fn insert_account(&self, account: &AccountRow) -> Result<(), AccountError> {
        self.write(|connection| {
            const INSERT: &str =
                "INSERT OR IGNORE INTO accounts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            if !put(connection, INSERT, account)? {
                return Ok(Err(AccountError::Exists));
            }
            insert_fingerprints(connection, account)
        })
    }

    /// Puts `account` in the place of the one with its key, and gives whether there was one. If there was none, there is
    /// none now.
    pub fn update_account(&self, account: &AccountRow) -> Result<bool, AccountError> {
        self.write(|connection| {
            const UPDATE: &str = "UPDATE accounts SET name = ?2, password = ?3, scram_salt = ?4,
                 scram_iterations = ?5, scram_stored_key = ?6, scram_server_key = ?7,
                 email = ?8, created = ?9 WHERE key = ?1";
            if !put(connection, UPDATE, account)? {
                return Ok(Ok(false));
            }
            connection
                .prepare_cached("DELETE FROM fingerprints WHERE account = ?1")?
                .execute([&account.key])?;
            Ok(insert_fingerprints(connection, account)?.map(|()| true))
        })
    }

    /// Deletes an account, and gives whether there was one.
    ///
    /// With it goes all that whoever takes the name next would find: its private conversations (for the other side, too:
    /// they stand under the name), how far it had read, its metadata, its claims to channels.
    pub fn delete_account(&self, key: &str) -> Result<bool, AccountError> {
        self.write(|connection| {
            let deleted =
                connection.prepare_cached("DELETE FROM accounts WHERE key = ?1")?.execute([key])?;
            if deleted == 0 {
                return Ok(Ok(false));
            }
            for sql in [
                "DELETE FROM fingerprints WHERE account = ?1",
                "DELETE FROM read_markers WHERE account = ?1",
                "DELETE FROM metadata WHERE owner = ?1",
                // A running server deletes their events, or the next one does.
                "UPDATE conversations SET key = NULL
                 WHERE id IN (SELECT conversation FROM sides WHERE side = '$' || ?1)",
                "DELETE FROM sides WHERE EXISTS (
                     SELECT 1 FROM sides AS mine
                     WHERE mine.side = '$' || ?1 AND mine.conversation = sides.conversation)",
            ] {
                connection.prepare_cached(sql)?.execute([key])?;
            }
            end_claims_of_nobody(connection)?;
            Ok(Ok(true))
        })
    }

    /// The account with this key.
    pub fn account(&self, key: &str) -> Result<Option<AccountRow>, StoreError> {
        self.read(|connection| {
            select(connection, "WHERE key = ?1", [key]).map(|found| found.into_iter().next())
        })
    }

    /// The account that this certificate logs in.
    pub fn account_by_fingerprint(
        &self,
        fingerprint: &str,
    ) -> Result<Option<AccountRow>, StoreError> {
        let which = "WHERE key = (SELECT account FROM fingerprints WHERE fingerprint = ?1)";
        self.read(|connection| {
            select(connection, which, [fingerprint]).map(|found| found.into_iter().next())
        })
    }

    /// The keys of all accounts, with their names.
    pub(crate) fn names(&self) -> Result<Vec<Name>, StoreError> {
        self.read(saved::accounts)
    }

    /// All accounts, in the order of their keys.
    pub fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.read(|connection| select(connection, "ORDER BY key", ()))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.lock()).map_err(|error| StoreError::of(&self.path, error))
    }

    /// Does `work` in a transaction, which is undone if there is an error of either sort.
    fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        let of = |error| AccountError::Store(StoreError::of(&self.path, error));
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of)?;
        let done = work(&transaction).map_err(of)??;
        transaction.commit().map_err(of)?;
        Ok(done)
    }
}

/// Runs `sql`, whose parameters are the columns of `accounts` in their order, and gives whether it changed a row.
fn put(connection: &Connection, sql: &str, account: &AccountRow) -> rusqlite::Result<bool> {
    let scram = account.scram.as_ref();
    let changed = connection.prepare_cached(sql)?.execute(params![
        account.key,
        account.name,
        account.password,
        scram.map(|scram| &scram.salt),
        scram.map(|scram| scram.iterations),
        scram.map(|scram| scram.stored_key),
        scram.map(|scram| scram.server_key),
        account.email,
        signed(account.created),
    ])?;
    Ok(changed > 0)
}

fn insert_fingerprints(
    connection: &Connection,
    account: &AccountRow,
) -> rusqlite::Result<Result<(), AccountError>> {
    let mut insert = connection
        .prepare_cached("INSERT INTO fingerprints (fingerprint, account) VALUES (?1, ?2)")?;
    let mut fingerprints: Vec<_> = account.fingerprints.iter().collect();
    fingerprints.sort();
    fingerprints.dedup();
    for fingerprint in fingerprints {
        match insert.execute([fingerprint, &account.key]) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Ok(Err(AccountError::FingerprintTaken(fingerprint.as_str().into())));
            }
            other => other?,
        };
    }
    Ok(Ok(()))
}

fn select(
    connection: &Connection,
    which: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<AccountRow>> {
    let sql = format!(
        "SELECT key, name, password, scram_salt, scram_iterations, scram_stored_key,
         scram_server_key, email, created FROM accounts {which}"
    );
    let mut fingerprints = connection
        .prepare_cached("SELECT fingerprint FROM fingerprints WHERE account = ?1 ORDER BY 1")?;
    let mut rows = connection.prepare_cached(&sql)?;
    let accounts = rows.query_map(parameters, |row| {
        let key: String = row.get(0)?;
        let of_this = fingerprints.query_map([&key], |row| row.get(0))?;
        Ok(AccountRow {
            name: row.get(1)?,
            password: row.get(2)?,
            scram: scram(row)?,
            email: row.get(7)?,
            fingerprints: of_this.collect::<rusqlite::Result<_>>()?,
            created: row.get::<_, i64>(8)?.max(0) as Millis,
            key,
        })
    })?;
    accounts.collect()
}

fn scram(row: &Row<'_>) -> rusqlite::Result<Option<ScramKeys>> {
    let Some(salt) = row.get(3)? else { return Ok(None) };
    let (iterations, stored_key, server_key) = (row.get(4)?, row.get(5)?, row.get(6)?);
    Ok(Some(ScramKeys { salt, iterations, stored_key, server_key }))
}

impl AccountStore for Accounts {
    fn account(&self, key: &str) -> Result<Option<AccountRow>, String> {
        Self::account(self, key).map_err(|error| error.to_string())
    }

    fn account_by_fingerprint(&self, fingerprint: &str) -> Result<Option<AccountRow>, String> {
        Self::account_by_fingerprint(self, fingerprint).map_err(|error| error.to_string())
    }

    fn insert_account(&self, row: AccountRow) -> Result<bool, String> {
        match Self::insert_account(self, &row) {
            Ok(()) => Ok(true),
            Err(AccountError::Exists) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    fn update_account(&self, row: AccountRow) -> Result<bool, String> {
        Self::update_account(self, &row).map_err(|error| error.to_string())
    }

    fn remove_account(&self, key: &str) -> Result<bool, String> {
        self.delete_account(key).map_err(|error| error.to_string())
    }
}
