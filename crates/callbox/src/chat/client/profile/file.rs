//! The client's configuration file: profiles, keys, and the screen.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use callbox_settings::{Key, Kind, LoadError, MAX_FILE, Mistake, Reader, Vocabulary, shown, text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::address;
use crate::chat::client::address::ChatAddress;
use crate::cli::{LoginArgs, TlsClientArgs, room};
use crate::messages::{self, Exit, Failure};

use Kind::{Flag, Text, Texts};

/// The most rooms that a profile joins.
const MAX_ROOMS: usize = 100;

/// The most keys that one act may have.
const MAX_KEYS: usize = 16;

/// The most profiles, and the most keys set. A file with more was not written by hand, nor for this.
const MAX_NAMED: usize = 1_000;

/// The file that `--print-config` prints: every key that may stand there, none of them set.
pub fn default_file() -> &'static str {
    include_str!("client.toml")
}

/// What stands in the file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The profiles by their names.
    pub profiles: BTreeMap<String, Profile>,
    /// What is to be done at which keys: the act and its keys. Which acts and keys there are is
    /// known to the screen.
    pub keys: Vec<(String, Vec<String>)>,
    /// The file, and the line at which the keys begin in it, for mistakes in them.
    pub keys_at: Option<(PathBuf, usize)>,
    /// The screen.
    pub screen: Screen,
}

/// Where to chat, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// The server.
    pub address: Option<ChatAddress>,
    /// The name to talk under.
    pub name: Option<String>,
    /// Rooms to join.
    pub join: Vec<String>,
    /// The account.
    pub login: LoginArgs,
    /// TLS.
    pub tls: TlsClientArgs,
}

impl Profile {
    pub(super) fn wants_tls(&self) -> bool {
        self.tls.is_wanted()
    }
}

/// What the screen is to be like. Each word is one of those that the key takes; `None` leaves it to the program.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// `en` or `zh`.
    pub language: Option<&'static str>,
    /// `none`, `16`, `256` or `full`.
    pub colours: Option<&'static str>,
    /// `dark` or `light`.
    pub background: Option<&'static str>,
    /// `off`, `bell` or `desktop`.
    pub alert: Option<&'static str>,
    /// Whether others are not told that we type.
    pub no_typing: bool,
}

const PROFILE: &[Key<Profile>] = &[
    key("profile", "address", Text(|p, text| set(&mut p.address, address(text)))),
    key("profile", "name", Text(|p, text| set(&mut p.name, word(text)))),
    key(
        "profile",
        "join",
        Texts(MAX_ROOMS, |p| p.join.clear(), |p, text| room(text).map(|room| p.join.push(room))),
    ),
    key("profile", "account", Text(|p, text| set(&mut p.login.account, word(text)))),
    key("profile", "password-file", Text(|p, text| set(&mut p.login.password_file, path(text)))),
    key("profile", "password-env", Text(|p, text| set(&mut p.login.password_env, word(text)))),
    key("profile", "password-ask", Flag(|p| &mut p.login.password)),
    key("profile", "tls", Flag(|p| &mut p.tls.tls)),
    key("profile", "tls-ca", Text(|p, text| set(&mut p.tls.tls_ca, path(text)))),
    key(
        "profile",
        "tls-fingerprint",
        Text(|p, text| {
            set(
                &mut p.tls.tls_fingerprint,
                text.parse().map_err(|error| format!("is wrong: {error}")),
            )
        }),
    ),
    key("profile", "tls-cert", Text(|p, text| set(&mut p.tls.tls_cert, path(text)))),
    key("profile", "tls-key", Text(|p, text| set(&mut p.tls.tls_key, path(text)))),
];

const SCREEN: &[Key<Screen>] = &[
    key("screen", "language", Text(|s, text| one_of(&mut s.language, &["en", "zh"], text))),
    key(
        "screen",
        "colours",
        Text(|s, text| one_of(&mut s.colours, &["none", "16", "256", "full"], text)),
    ),
    key(
        "screen",
        "background",
        Text(|s, text| one_of(&mut s.background, &["dark", "light"], text)),
    ),
    key("screen", "alert", Text(|s, text| one_of(&mut s.alert, &["off", "bell", "desktop"], text))),
    key("screen", "no-typing", Flag(|s| &mut s.no_typing)),
];

fn vocabulary() -> Vocabulary {
    let profile = PROFILE.iter().map(|key| (key.section, key.name));
    let screen = SCREEN.iter().map(|key| (key.section, key.name));
    Vocabulary {
        sections: &["profile", "screen", "keys"],
        repeated: &[],
        named: &["profile"],
        keys: profile.chain(screen).collect(),
    }
}

/// What stands in the file at `path`.
///
/// # Errors
///
/// If it cannot be read or has mistakes, all of which are said.
pub fn load(path: &Path) -> Result<Config, Failure> {
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let read = text(path, MAX_FILE).map_err(LoadError::File);
    let parsed = read
        .and_then(|text| parse(&text, &shown(path), folder).map_err(LoadError::Mistakes))
        .map_err(|error| {
            for line in error.lines() {
                messages::error(messages::visible(&line));
            }
            Failure::said(Exit::Usage)
        });
    parsed.map(|mut config| {
        config.keys_at = config.keys_at.map(|(_, line)| (path.to_owned(), line));
        config
    })
}

/// What stands in `text`. Mistakes call the file `name`; relative paths are taken from `folder`.
///
/// # Errors
///
/// All mistakes, at least one, in the order of the file.
pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Config, Vec<Mistake>> {
    let vocabulary = vocabulary();
    let mut reader = Reader::new(text, name, &vocabulary);
    let (document, errors) = DeTable::parse_recoverable(text);
    reader.syntax(&errors);
    let mut config = Config::default();
    for (name, value) in document.get_ref() {
        let section: &str = name.get_ref();
        match section {
            "profile" => read_profiles(value, &mut reader, folder, &mut config),
            "screen" => {
                if let Some(table) = reader.expect_table("screen", value) {
                    reader.table("screen", table, SCREEN, &mut config.screen);
                }
            }
            "keys" => {
                let line = text[..name.span().start.min(text.len())].matches('\n').count() + 1;
                config.keys_at = Some((PathBuf::new(), line));
                read_keys(value, &mut reader, &mut config);
            }
            _ => reader.unknown_section(name, value.get_ref()),
        }
    }
    let mistakes = reader.finish();
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

fn read_profiles(
    value: &Spanned<DeValue<'_>>,
    reader: &mut Reader<'_>,
    folder: &Path,
    config: &mut Config,
) {
    let Some(table) = reader.expect_table("profile.NAME", value) else { return };
    for (name, value) in table {
        let text: &str = name.get_ref();
        let at = name.span().start;
        let Some(table) = value.get_ref().as_table() else {
            reader
                .mistake(at, format!("a profile has a name: write [profile.NAME] above '{text}'"));
            continue;
        };
        if config.profiles.len() == MAX_NAMED {
            reader.mistake(at, format!("there are more than {MAX_NAMED} profiles"));
            return;
        }
        let mut profile = Profile::default();
        let places = reader.table("profile", table, PROFILE, &mut profile);
        let place = |key: &str| places.iter().find(|(name, _)| *name == key).map(|(_, at)| *at);
        let mut not_both = |one: &str, other: &str| {
            if let (Some(one_at), Some(other_at)) = (place(one), place(other)) {
                let said = format!("{one} and {other} exclude each other; leave one of them out");
                reader.mistake(one_at.max(other_at), said);
            }
        };
        not_both("password-file", "password-env");
        not_both("password-file", "password-ask");
        not_both("password-env", "password-ask");
        not_both("tls-ca", "tls-fingerprint");
        let (cert, key) = (place("tls-cert"), place("tls-key"));
        if let (Some(at), None) | (None, Some(at)) = (cert, key) {
            reader.mistake(at, "tls-cert and tls-key belong together; give both");
        }
        for path in [
            &mut profile.login.password_file,
            &mut profile.tls.tls_ca,
            &mut profile.tls.tls_cert,
            &mut profile.tls.tls_key,
        ] {
            *path = path.take().map(|path| absolute(&path, folder));
        }
        config.profiles.insert(text.to_owned(), profile);
    }
}

fn read_keys(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>, config: &mut Config) {
    let Some(table) = reader.expect_table("keys", value) else { return };
    for (name, value) in table {
        let keys = match value.get_ref() {
            DeValue::String(key) => Some(vec![key.to_string()]),
            DeValue::Array(keys) if keys.len() <= MAX_KEYS => {
                let text = |key: &Spanned<DeValue<'_>>| key.get_ref().as_str().map(str::to_owned);
                keys.iter().map(text).collect()
            }
            _ => None,
        };
        let act: &str = name.get_ref();
        match keys {
            Some(keys) if config.keys.len() < MAX_NAMED => config.keys.push((act.to_owned(), keys)),
            Some(_) => return,
            None => {
                let said = format!(
                    "'{act}' takes a key such as \"ctrl-n\", or a list of at most {MAX_KEYS}"
                );
                reader.mistake(value.span().start, said);
            }
        }
    }
}

/// A path from the file: `~/` is the home folder, as it is in a shell, and what is relative starts at the file.
fn absolute(path: &Path, folder: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => folder.join(path),
    }
}

/// The longest name, in bytes. No server has longer ones.
const MAX_WORD: usize = 200;

fn word(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.len() > MAX_WORD || text.contains(odd) {
        return Err("has to be one word".to_owned());
    }
    Ok(text.to_owned())
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("has to be a path".to_owned()) } else { Ok(text.into()) }
}

fn one_of(
    field: &mut Option<&'static str>,
    words: &[&'static str],
    text: &str,
) -> Result<(), String> {
    let known = words.iter().find(|word| **word == text);
    *field = Some(known.ok_or_else(|| format!("has to be one of {}", words.join(", ")))?);
    Ok(())
}

fn set<V>(field: &mut Option<V>, value: Result<V, String>) -> Result<(), String> {
    *field = Some(value?);
    Ok(())
}

const fn key<T>(section: &'static str, name: &'static str, kind: Kind<T>) -> Key<T> {
    Key { section, name, kind }
}
