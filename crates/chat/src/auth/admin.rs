//! What the command line does to accounts, on the store itself and without threads: each call takes as long as its
//! hashes do.

use super::account::{AccountRow, AccountStore, fold_account};
use super::password::{PasswordError, hash, new_row, prepare_new, scram_keys};
use super::settings::AuthSettings;

/// Hexadecimal digits of a SHA-256.
const FINGERPRINT: usize = 64;

/// Certificates that one account may have: one for each device of somebody with many. The store goes through them.
const MAX_FINGERPRINTS: usize = 32;

/// Why nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdminError {
    /// No account can have this name.
    #[error("this cannot be an account's name")]
    BadName,
    /// There is one already.
    #[error("there is an account with this name already")]
    Exists,
    /// There is none.
    #[error("there is no account with this name")]
    Unknown,
    /// The password is refused.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Not 64 hexadecimal digits, with or without colons.
    #[error("a certificate's fingerprint is a SHA-256: 64 hexadecimal digits")]
    BadFingerprint,
    /// A certificate speaks for one account only.
    #[error("the certificate belongs to the account {0}")]
    FingerprintTaken(String),
    /// The account has none like it.
    #[error("the account has no such certificate")]
    NoFingerprint,
    /// More certificates than one account may have.
    #[error("the account has {0} certificates already")]
    TooManyFingerprints(usize),
    /// The store failed.
    #[error("the store of accounts: {0}")]
    Store(String),
}

/// Makes an account. Whether `name` is also a valid nickname is the caller's to say.
///
/// # Errors
///
/// The name or the password is refused, there is such an account, or the store fails.
pub fn add_account(
    store: &dyn AccountStore,
    name: &str,
    password: &str,
    settings: &AuthSettings,
) -> Result<(), AdminError> {
    let key = fold_account(name).ok_or(AdminError::BadName)?;
    let prepared = prepare_new(password, settings)?;
    let row = new_row(&key, name, &prepared, settings)?;
    if store.insert_account(row).map_err(AdminError::Store)? {
        Ok(())
    } else {
        Err(AdminError::Exists)
    }
}

/// Gives an account another password. Who is logged in stays so.
///
/// # Errors
///
/// There is no such account, the password is refused, or the store fails.
pub fn set_password(
    store: &dyn AccountStore,
    name: &str,
    password: &str,
    settings: &AuthSettings,
) -> Result<(), AdminError> {
    let mut row = find(store, name)?;
    let prepared = prepare_new(password, settings)?;
    row.password = hash(&prepared, settings.hashing)?;
    row.scram = Some(scram_keys(&prepared, settings)?);
    update(store, row)
}

/// Forgets an account.
///
/// # Errors
///
/// There is no such account, or the store fails.
pub fn remove(store: &dyn AccountStore, name: &str) -> Result<(), AdminError> {
    let key = fold_account(name).ok_or(AdminError::BadName)?;
    if store.remove_account(&key).map_err(AdminError::Store)? {
        Ok(())
    } else {
        Err(AdminError::Unknown)
    }
}

/// Lets a TLS certificate log in to an account. `fingerprint` is its SHA-256 in hexadecimal, as tools print it.
///
/// # Errors
///
/// There is no such account, it is no fingerprint or another account's, or the store fails.
pub fn add_fingerprint(
    store: &dyn AccountStore,
    name: &str,
    fingerprint: &str,
) -> Result<(), AdminError> {
    let fingerprint = parse_fingerprint(fingerprint)?;
    let mut row = find(store, name)?;
    if let Some(owner) = store.account_by_fingerprint(&fingerprint).map_err(AdminError::Store)? {
        return if owner.key == row.key {
            Ok(())
        } else {
            Err(AdminError::FingerprintTaken(owner.name))
        };
    }
    if row.fingerprints.len() >= MAX_FINGERPRINTS {
        return Err(AdminError::TooManyFingerprints(row.fingerprints.len()));
    }
    row.fingerprints.push(fingerprint);
    update(store, row)
}

/// Lets a certificate log in no longer.
///
/// # Errors
///
/// There is no such account, it has no such certificate, or the store fails.
pub fn remove_fingerprint(
    store: &dyn AccountStore,
    name: &str,
    fingerprint: &str,
) -> Result<(), AdminError> {
    let fingerprint = parse_fingerprint(fingerprint)?;
    let mut row = find(store, name)?;
    let before = row.fingerprints.len();
    row.fingerprints.retain(|other| *other != fingerprint);
    if row.fingerprints.len() == before {
        return Err(AdminError::NoFingerprint);
    }
    update(store, row)
}

fn find(store: &dyn AccountStore, name: &str) -> Result<AccountRow, AdminError> {
    let key = fold_account(name).ok_or(AdminError::BadName)?;
    store.account(&key).map_err(AdminError::Store)?.ok_or(AdminError::Unknown)
}

fn update(store: &dyn AccountStore, row: AccountRow) -> Result<(), AdminError> {
    if store.update_account(row).map_err(AdminError::Store)? {
        Ok(())
    } else {
        Err(AdminError::Unknown)
    }
}

/// The form that is kept: lower case, no colons.
fn parse_fingerprint(text: &str) -> Result<String, AdminError> {
    let digits: String =
        text.chars().filter(|&c| c != ':').map(|c| c.to_ascii_lowercase()).collect();
    let right = digits.len() == FINGERPRINT && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then_some(digits).ok_or(AdminError::BadFingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::password::verify;
    use crate::auth::testing::{MemoryStore, quick_settings};

    const AS_OPENSSL_PRINTS_IT: &str = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:\
        AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89";

    #[test]
    fn an_account_is_made_once_and_found_however_it_is_written() {
        let (store, settings) = (MemoryStore::default(), quick_settings());
        add_account(&store, "Sally", "correct horse", &settings).unwrap();
        let again = add_account(&store, "SALLY", "correct horse", &settings);
        assert_eq!(again, Err(AdminError::Exists));
        let row = store.account("sally").unwrap().unwrap();
        assert_eq!((row.key.as_str(), row.name.as_str()), ("sally", "Sally"));
        assert!(row.created > 1_700_000_000_000, "milliseconds since 1970");
    }

    #[test]
    fn a_new_password_replaces_the_old_one_for_every_mechanism() {
        let (store, settings) = (MemoryStore::default(), quick_settings());
        add_account(&store, "Sally", "correct horse", &settings).unwrap();
        let before = store.account("sally").unwrap().unwrap();
        set_password(&store, "sally", "battery staple", &settings).unwrap();
        let after = store.account("sally").unwrap().unwrap();
        assert!(verify("battery staple", &after.password).unwrap());
        assert!(!verify("correct horse", &after.password).unwrap());
        assert!(before.scram != after.scram);
        assert_eq!(
            set_password(&store, "sally", "short", &settings),
            Err(AdminError::Password(PasswordError::TooShort(8)))
        );
    }

    #[test]
    fn a_certificate_belongs_to_one_account() {
        let (store, settings) = (MemoryStore::default(), quick_settings());
        for name in ["Sally", "Bob"] {
            add_account(&store, name, "correct horse", &settings).unwrap();
        }
        add_fingerprint(&store, "sally", AS_OPENSSL_PRINTS_IT).unwrap();
        add_fingerprint(&store, "sally", AS_OPENSSL_PRINTS_IT).unwrap();
        assert_eq!(
            add_fingerprint(&store, "bob", AS_OPENSSL_PRINTS_IT),
            Err(AdminError::FingerprintTaken("Sally".into()))
        );
        let kept = AS_OPENSSL_PRINTS_IT.replace(':', "").to_lowercase();
        assert_eq!(store.account("sally").unwrap().unwrap().fingerprints, [kept]);
        remove_fingerprint(&store, "sally", AS_OPENSSL_PRINTS_IT).unwrap();
        add_fingerprint(&store, "bob", AS_OPENSSL_PRINTS_IT).unwrap();
        for wrong in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            let refused = add_fingerprint(&store, "bob", wrong);
            assert_eq!(refused, Err(AdminError::BadFingerprint), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_what_never_was_is_said_to_be_unknown() {
        let (store, settings) = (MemoryStore::default(), quick_settings());
        add_account(&store, "Sally", "correct horse", &settings).unwrap();
        remove(&store, "SALLY").unwrap();
        assert_eq!(remove(&store, "sally"), Err(AdminError::Unknown));
        let changed = set_password(&store, "sally", "battery staple", &settings);
        assert_eq!(changed, Err(AdminError::Unknown));
        assert_eq!(remove(&store, "two words"), Err(AdminError::BadName));
    }
}
