//! What a password may be, and its hashes.
//!
//! Passwords are brought into one form before they are hashed, RFC 8265's OpaqueString, so that `é` typed on one
//! machine is `é` typed on another. RFC 5802 names SASLprep, its predecessor. The two differ in that SASLprep also
//! replaces compatibility characters (`ﬁ` by `fi`); the IRC clients that know SCRAM prepare nothing, and what people
//! type is left alone by OpaqueString far more often, so with it more of them get in.

use std::time::{SystemTime, UNIX_EPOCH};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use zeroize::Zeroizing;

use super::account::{AccountRow, ScramKeys};
use super::sasl::scram;
use super::settings::{AuthSettings, Hashing};

/// The longest password in bytes. It bounds the work of preparing one; no hash gets stronger by more.
pub(super) const MAX_BYTES: usize = 300;

/// Bytes of salt (RFC 9106, section 3.1, recommends 16).
const SALT: usize = 16;

/// The most memory, in KiB, that a hash may ask for: 1 GiB. A hash with a slip in its `m=` must not take the server
/// down.
const MAX_MEMORY_KIB: u32 = 1 << 20;

/// The most passes that a hash may ask for, for the same reason.
const MAX_PASSES: u32 = 100;

/// Why there is no hash.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than the settings ask for.
    #[error("the password is shorter than {0} characters")]
    TooShort(usize),
    /// More bytes than are worth hashing.
    #[error("the password is longer than {0} bytes")]
    TooLong(usize),
    /// A character that nobody can be relied on to type again: control characters and the like.
    #[error("the password holds a character that a password may not hold")]
    Forbidden,
    /// The server's fault; the text says what.
    #[error("the password cannot be hashed: {0}")]
    Hashing(String),
}

/// The argon2id hash of a new password, as a PHC string for the configuration file.
///
/// # Errors
///
/// The password is refused, or the settings' costs are.
pub fn hash_password(password: &str, settings: &AuthSettings) -> Result<String, PasswordError> {
    let prepared = prepare_new(password, settings)?;
    hash(&prepared, settings.hashing)
}

/// A password in the form that is hashed; `None` if it cannot be anybody's.
pub(super) fn prepare(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > MAX_BYTES {
        return None;
    }
    let prepared = OpaqueString::enforce(password).ok()?;
    Some(Zeroizing::new(prepared.into_owned()))
}

/// The same for a password that somebody wants from now on.
pub(super) fn prepare_new(
    password: &str,
    settings: &AuthSettings,
) -> Result<Zeroizing<String>, PasswordError> {
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong(MAX_BYTES));
    }
    if password.chars().count() < settings.password_min.max(1) {
        return Err(PasswordError::TooShort(settings.password_min.max(1)));
    }
    prepare(password).ok_or(PasswordError::Forbidden)
}

/// Whether `prepared` is what `hash` was made of. Takes as long as the hash says.
///
/// # Errors
///
/// `hash` is no PHC string of argon2, or asks for too much. The text shows nothing of it.
pub(super) fn verify(prepared: &str, hash: &str) -> Result<bool, String> {
    let hash = PasswordHash::new(hash).map_err(|_| "not a PHC string".to_owned())?;
    let params = Params::try_from(&hash).map_err(|_| "not argon2's parameters".to_owned())?;
    if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES {
        return Err("it asks for more memory or passes than is sensible".into());
    }
    // Compares in constant time: `password_hash::phc::Output`.
    match Argon2::default().verify_password(prepared.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes as long as [`verify`] does for an account made with the same settings, so that time does not tell which
/// accounts there are.
pub(super) fn verify_nothing(prepared: &str, hashing: Hashing) -> Result<(), String> {
    hash_with_salt(prepared, &[0; SALT], hashing).map(drop)
}

/// A new account's row. Takes one argon2id and one PBKDF2.
pub(super) fn new_row(
    key: &str,
    name: &str,
    prepared: &str,
    settings: &AuthSettings,
) -> Result<AccountRow, PasswordError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(AccountRow {
        key: key.into(),
        name: name.into(),
        password: hash(prepared, settings.hashing)?,
        scram: Some(scram_keys(prepared, settings)?),
        email: None,
        fingerprints: Vec::new(),
        created: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The argon2id hash of a prepared password, with a fresh salt.
pub(super) fn hash(prepared: &str, hashing: Hashing) -> Result<String, PasswordError> {
    let hash = hash_with_salt(prepared, &salt()?, hashing).map_err(PasswordError::Hashing)?;
    Ok(hash.to_string())
}

/// The SCRAM keys of a prepared password, with a fresh salt.
pub(super) fn scram_keys(
    prepared: &str,
    settings: &AuthSettings,
) -> Result<ScramKeys, PasswordError> {
    Ok(scram::derive_keys(prepared, &salt()?, settings.iterations()))
}

fn salt() -> Result<[u8; SALT], PasswordError> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| PasswordError::Hashing(error.to_string()))?;
    Ok(salt)
}

fn hash_with_salt(prepared: &str, salt: &[u8], hashing: Hashing) -> Result<PasswordHash, String> {
    let Hashing { memory_kib, passes, lanes } = hashing;
    let params = Params::new(memory_kib, passes, lanes, None).map_err(|error| error.to_string())?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(prepared.as_bytes(), salt)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::quick_settings;

    #[test]
    fn the_default_costs_are_in_the_hash() {
        let settings = AuthSettings::default();
        let hash = hash_password("correct horse", &settings).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", &hash).unwrap());
        assert!(!verify("correct house", &hash).unwrap());
    }

    #[test]
    fn the_same_password_never_has_the_same_hash() {
        let settings = quick_settings();
        let [a, b] = [(); 2].map(|()| hash_password("correct horse", &settings).unwrap());
        assert_ne!(a, b);
    }

    #[test]
    fn a_hash_that_another_program_made_is_understood() {
        // From the tests of the reference program (phc-winner-argon2, src/test.c).
        let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
            $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify("password", hash).unwrap());
        assert!(!verify("passwore", hash).unwrap());
    }

    #[test]
    fn accents_written_in_two_ways_are_one_password() {
        let settings = quick_settings();
        let hash = hash_password("caf\u{e9} cr\u{e8}me", &settings).unwrap();
        let typed = prepare("cafe\u{301} cre\u{300}me").unwrap();
        assert!(verify(&typed, &hash).unwrap());
    }

    #[test]
    fn lengths_are_counted_in_characters_below_and_in_bytes_above() {
        let settings = quick_settings();
        assert_eq!(hash_password("四四四四四四四", &settings), Err(PasswordError::TooShort(8)));
        assert!(hash_password("四四四四四四四四", &settings).is_ok());
        assert!(hash_password(&"x".repeat(300), &settings).is_ok());
        assert_eq!(hash_password(&"x".repeat(301), &settings), Err(PasswordError::TooLong(300)));
    }

    #[test]
    fn a_password_with_a_control_character_is_refused() {
        let settings = quick_settings();
        assert_eq!(hash_password("correct\nhorse", &settings), Err(PasswordError::Forbidden));
    }

    #[test]
    fn an_absurd_or_broken_hash_is_an_error_that_shows_nothing_of_it() {
        for hash in [
            "",
            "secret",
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=1,r=8,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let error = verify("password", hash).unwrap_err();
            assert!(!error.contains("c29t") && !error.contains("secret"), "{error}");
        }
    }
}
