//! The configuration file: read, checked, printed.
//!
//! The file is TOML, all of it optional. [`default_file`] is the operator's manual: every key with its default and
//! its reason. A file is taken whole or not at all: [`load()`] and [`parse`] give [`Settings`] in which everything is
//! checked, or every mistake with its line, so that an operator mends a file once and not once for each mistake.
//!
//! | module | what it is for |
//! |---|---|
//! | `model` | the settings as the server uses them |
//! | `keys` | the table of keys: what each takes, and what it sets |
//! | `values` | durations, sizes, names, hashes |
//! | `check` | what contradicts itself |
//! | `load` | the file |
//!
//! What is the same in every such file, from syntax to suggestions, is `callbox-settings`.

mod check;
mod keys;
mod load;
mod model;
mod network;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use callbox_settings::{FileError, LoadError, MAX_FILE, Mistake};
pub use load::load;
pub use model::{
    Connections, Data, Listener, ListenerTls, PasswordWork, Plain, Settings, Sync, Tls, Web,
};
pub use network::{Network, NetworkError};

use callbox_settings::Reader;
use check::Seen;
use keys::{Draft, OperatorDraft};

/// The file that `callbox chat config` prints: every default with its reason. It reads as [`Settings::default`].
pub fn default_file() -> &'static str {
    include_str!("default.toml")
}

/// The settings that `text` makes, with the default for whatever it does not say. `path` names the file in mistakes,
/// and its folder is where relative paths start. No file is touched but the one that `motd-file` names.
///
/// # Errors
///
/// All mistakes, at least one, in the order of the file.
pub fn parse(text: &str, path: &str) -> Result<Settings, Vec<Mistake>> {
    parse_in(text, path, Path::new(path).parent().unwrap_or_else(|| Path::new("")))
}

/// The same, for a path whose name is no text, or is not to be shown as it is.
fn parse_in(text: &str, shown: &str, folder: &Path) -> Result<Settings, Vec<Mistake>> {
    let vocabulary = keys::vocabulary();
    let mut reader = Reader::new(text, shown, &vocabulary);
    let (document, errors) = DeTable::parse_recoverable(text);
    reader.syntax(&errors);
    let (draft, seen) = read(document.get_ref(), &mut reader);
    let settings = (!reader.has_holes()).then(|| check::finish(draft, &seen, folder, &mut reader));
    let mistakes = reader.finish();
    settings.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

/// Reads every section.
fn read(document: &DeTable<'_>, reader: &mut Reader<'_>) -> (Draft, Seen) {
    let (mut draft, mut seen) = (Draft::default(), Seen::default());
    for (name, value) in document {
        let text: &str = name.get_ref();
        match keys::SECTIONS.iter().copied().find(|section| *section == text) {
            Some("listen") => read_listeners(value, reader, &mut draft, &mut seen),
            Some("operator") => read_operators(value, reader, &mut draft),
            Some(section) => {
                if let Some(table) = reader.expect_table(section, value) {
                    let places = reader.table(section, table, keys::KEYS, &mut draft);
                    seen.keys.extend(places.into_iter().map(|(key, at)| (section, key, at)));
                }
            }
            None => reader.unknown_section(name, value.get_ref()),
        }
    }
    (draft, seen)
}

/// The listeners of the file take the place of the default one.
fn read_listeners(
    value: &Spanned<DeValue<'_>>,
    reader: &mut Reader<'_>,
    draft: &mut Draft,
    seen: &mut Seen,
) {
    let tables = reader.expect_tables("listen", value);
    if tables.is_empty() {
        return;
    }
    draft.settings.listen.clear();
    for (at, table) in tables {
        let mut listener = Listener::default();
        reader.table("listen", table, keys::LISTEN, &mut listener);
        draft.settings.listen.push(listener);
        seen.listeners.push(at);
    }
}

fn read_operators(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>, draft: &mut Draft) {
    for (at, table) in reader.expect_tables("operator", value) {
        let mut operator = OperatorDraft::default();
        let places = reader.table("operator", table, keys::OPERATOR, &mut operator);
        let has = |key: &str| places.iter().any(|(name, _)| *name == key);
        match operator.finish() {
            Ok(operator) => {
                let operators = &mut draft.settings.hub.operators;
                if operators.iter().any(|other| other.name == operator.name) {
                    let name = callbox_exchange::Quoted(operator.name.as_bytes());
                    reader.mistake(
                        at,
                        format!("there is an earlier [[operator]] with the name {name}"),
                    );
                }
                operators.push(operator);
            }
            // A key that is there but wrong has been spoken of.
            Err(_) if reader.has_holes() || (has("name") && has("password")) => {}
            Err(missing) => reader.mistake(at, format!("this [[operator]] lacks {missing}")),
        }
    }
}
