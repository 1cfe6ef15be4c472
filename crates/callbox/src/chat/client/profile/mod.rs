//! What the client is to do: flags, over a profile of its configuration file, over defaults.
//!
//! | module | what it is for |
//! |---|---|
//! | `file` | the configuration file, and the keys that may stand in it |
//! | `secret` | passwords: asked for, or from a file or a variable |

mod file;
mod secret;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use callbox_layers::tls::{Identity, PemError, Settings as TlsSettings, Trust};
use zeroize::Zeroizing;

pub use file::{Config, Profile, Screen, default_file, load, parse};
pub use secret::Source;

use super::address::{ChatAddress, Transport};
use super::link::Target;
use crate::cli::{ChatClientArgs, LoginArgs, TlsClientArgs};
use crate::messages::Failure;

/// The profile that is used if neither an address nor another profile is asked for.
pub const DEFAULT_PROFILE: &str = "default";

/// What the client is to do, with everything decided and nothing asked or connected yet.
#[derive(Debug)]
pub struct Choice {
    /// Whom to connect to, and how.
    pub target: Target,
    /// The name to talk under, if one was given.
    pub name: Option<String>,
    /// Rooms to join.
    pub join: Vec<String>,
    /// Which account to log in to, if to any.
    pub login: Option<Login>,
    /// What the file says of keys and of the screen.
    pub config: Config,
}

/// An account, and what proves that it is ours.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account, if one was given; otherwise it is called as the person is.
    pub account: Option<String>,
    /// Where the password is. `None` if the certificate of the target is proof enough (SASL EXTERNAL).
    pub password: Option<Source>,
}

impl Login {
    /// The password, which is asked for if that is its source. `None` if the certificate is proof enough.
    ///
    /// # Errors
    ///
    /// If it cannot be had.
    pub fn password(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        self.password.as_ref().map(Source::read).transpose()
    }
}

impl Choice {
    /// What these flags mean, with the configuration file that they name or, without one, the `usual` file if there is one.
    ///
    /// # Errors
    ///
    /// If a file is wrong or says what does not go together; all mistakes of the configuration file are said.
    pub fn of(args: &ChatClientArgs, usual: Option<PathBuf>) -> Result<Self, Failure> {
        let path = args.config.clone().or(usual);
        let mut config = path.as_deref().map_or_else(|| Ok(Config::default()), load)?;
        let profile = choose(&mut config, args, path.as_deref())?;
        let wants_tls = args.tls.is_wanted() || profile.wants_tls();
        let address = args.address.clone().or(profile.address).unwrap_or_default();
        let address = if wants_tls { address.with_tls().map_err(Failure::usage)? } else { address };
        let mut target = Target::new(address);
        target.timeout = args.connect_timeout.0;
        target.tls =
            tls_settings(&args.tls, &profile.tls).map_err(|e| Failure::usage(e.to_string()))?;
        let mut join =
            if args.person.join.is_empty() { profile.join } else { args.person.join.clone() };
        if let Some(room) = target.address.room.clone().filter(|room| !join.contains(room)) {
            join.insert(0, room);
        }
        let login = login(&args.login, profile.login, target.tls.identity.is_some())?;
        let name = args.person.name.clone().or(profile.name);
        let choice = Self { target, name, join, login, config };
        if choice.target.address.transport == Transport::Datagrams {
            choice.check_datagrams(args)?;
        }
        Ok(choice)
    }

    /// Datagrams carry lines and nothing else.
    fn check_datagrams(&self, args: &ChatClientArgs) -> Result<(), Failure> {
        let wrong = if args.person.name.is_some() {
            "a datagram carries no name; say /nick NAME to a chat of callbox's"
        } else if !args.person.join.is_empty() {
            "datagrams know no rooms; a chat of callbox's takes them to its lobby"
        } else if self.login.is_some() {
            "datagrams know no accounts"
        } else {
            return Ok(());
        };
        Err(Failure::usage(format!("{}: {wrong}", self.target.address)))
    }
}

/// The profile that is meant. The default one is for its own server alone: its account is not for whoever is called
/// instead.
fn choose(
    config: &mut Config,
    args: &ChatClientArgs,
    path: Option<&Path>,
) -> Result<Profile, Failure> {
    let Some(name) = &args.profile else {
        let own = config.profiles.remove(DEFAULT_PROFILE).filter(|_| args.address.is_none());
        return Ok(own.unwrap_or_default());
    };
    if let Some(profile) = config.profiles.remove(name) {
        return Ok(profile);
    }
    let file = path.map_or_else(
        || "there is no configuration file".to_owned(),
        |path| format!("{} has no [profile.{name}]", path.display()),
    );
    let names: Vec<_> = config.profiles.keys().map(String::as_str).collect();
    let has = match names.is_empty() {
        true => "--print-config shows how to write one".to_owned(),
        false => format!("it has {}", names.join(", ")),
    };
    Err(Failure::usage(format!("no profile '{name}': {file}; {has}")))
}

/// Flags over the profile's: whoever names a trust does not want another one beside it.
fn tls_settings(flags: &TlsClientArgs, profile: &TlsClientArgs) -> Result<TlsSettings, PemError> {
    let names_trust =
        |args: &TlsClientArgs| args.tls_ca.is_some() || args.tls_fingerprint.is_some();
    let trust = if names_trust(flags) { flags } else { profile };
    let shows = if flags.tls_cert.is_some() { flags } else { profile };
    Ok(TlsSettings {
        trust: match (&trust.tls_fingerprint, &trust.tls_ca) {
            (Some(fingerprint), _) => Trust::Fingerprint(*fingerprint),
            (None, Some(path)) => Trust::file(path)?,
            (None, None) => Trust::System,
        },
        identity: match (&shows.tls_cert, &shows.tls_key) {
            (Some(certificate), Some(key)) => Some(Identity::load(certificate, key)?),
            _ => None,
        },
        ciphers: None,
    })
}

/// Flags over the profile's, and whether anything proves the account to be ours.
fn login(
    flags: &LoginArgs,
    profile: LoginArgs,
    has_identity: bool,
) -> Result<Option<Login>, Failure> {
    let password = Source::of(flags).or_else(|| Source::of(&profile));
    let account = flags.account.clone().or(profile.account);
    if password.is_some() || has_identity {
        return Ok(Some(Login { account, password }));
    }
    match account {
        None => Ok(None),
        Some(account) => Err(Failure::usage(format!(
            "nothing proves that the account '{account}' is yours: give --password, --password-file FILE, \
             --password-env VARIABLE, or a certificate with --tls-cert and --tls-key"
        ))),
    }
}

/// Where the client's configuration file is, if there is one.
pub(super) fn usual_file() -> Option<PathBuf> {
    let path = crate::chat::folder::config_file("client.toml")?;
    path.exists().then_some(path)
}

/// An address as a profile has it.
fn address(text: &str) -> Result<ChatAddress, String> {
    text.parse()
}
