//! An account as it is kept, and what keeps it.

use std::fmt;

use callbox_irc::names::Account;

/// One account.
#[derive(Clone, Eq, PartialEq)]
pub struct AccountRow {
    /// The folded name, by which it is found.
    pub key: String,
    /// The name as shown.
    pub name: String,
    /// The password's argon2id hash, as a PHC string.
    pub password: String,
    /// What SCRAM-SHA-256 needs, made of the same password.
    pub scram: Option<ScramKeys>,
    /// The address for mail, as given.
    pub email: Option<String>,
    /// SHA-256 of the TLS certificates that log in without a password, in lower-case hexadecimal.
    pub fingerprints: Vec<String>,
    /// When it was made: milliseconds since 1970.
    pub created: u64,
}

/// What a server keeps for SCRAM-SHA-256 (RFC 5802, section 3). With these one can check a password, and pretend to be
/// this server, but not log in.
#[derive(Clone, Eq, PartialEq)]
pub struct ScramKeys {
    /// Random bytes.
    pub salt: Vec<u8>,
    /// PBKDF2's rounds.
    pub iterations: u32,
    /// H(ClientKey).
    pub stored_key: [u8; 32],
    /// With what the server proves that it knows the account.
    pub server_key: [u8; 32],
}

/// What keeps accounts. Its calls may wait for a disk; errors are texts for the person who runs the server.
pub trait AccountStore: Send + Sync {
    /// The account with this folded name.
    fn account(&self, key: &str) -> Result<Option<AccountRow>, String>;
    /// The account that has this certificate.
    fn account_by_fingerprint(&self, fingerprint: &str) -> Result<Option<AccountRow>, String>;
    /// Keeps a new account. `false`: there is one with this key already, and nothing was changed.
    fn insert_account(&self, row: AccountRow) -> Result<bool, String>;
    /// Keeps `row` in place of the account with its key. `false`: there is none.
    fn update_account(&self, row: AccountRow) -> Result<bool, String>;
    /// Forgets an account. `false`: there is none.
    fn remove_account(&self, key: &str) -> Result<bool, String>;
}

/// The folded form of an account's name, or `None` if it cannot be one.
pub fn fold_account(name: &str) -> Option<String> {
    // The length was looked at when the account was made.
    Account::parse(name, name.len()).ok().map(|account| account.key().to_string())
}

/// Without the hash and the address for mail.
impl fmt::Debug for AccountRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRow")
            .field("key", &self.key)
            .field("name", &self.name)
            .field("fingerprints", &self.fingerprints)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// Without the keys.
impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}
