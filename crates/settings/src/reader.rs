//! Walks the document and gathers mistakes, each with its place in the file.
//!
//! What may stand in a table is said by a list of [`Key`]s: its name, the kind of value with its range, and the field
//! that it sets. So an unknown key is found where a known one is read, and what a key takes is said in one place.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use callbox_exchange::Quoted;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::units::{duration, show_duration, show_size, size};
use crate::{Mistake, Vocabulary};

/// A key that may stand in a section.
pub struct Key<T: 'static> {
    /// The section.
    pub section: &'static str,
    /// The key as it is written.
    pub name: &'static str,
    /// What it takes, and what it sets in `T`.
    pub kind: Kind<T>,
}

/// What a key takes, and the field that it sets.
pub enum Kind<T: 'static> {
    /// `true` or `false`.
    Flag(fn(&mut T) -> &mut bool),
    /// A whole number.
    Count(RangeInclusive<usize>, fn(&mut T) -> &mut usize),
    /// A whole number.
    Rate(RangeInclusive<u32>, fn(&mut T) -> &mut u32),
    /// A whole number.
    Port(RangeInclusive<u16>, fn(&mut T) -> &mut u16),
    /// A whole number, or this word for `None`.
    CountOr(&'static str, RangeInclusive<usize>, fn(&mut T) -> &mut Option<usize>),
    /// A text such as `64KiB`, or a whole number of bytes.
    Size(RangeInclusive<usize>, fn(&mut T) -> &mut usize),
    /// A text such as `10m`; the range is in seconds.
    Time(RangeInclusive<u64>, fn(&mut T) -> &mut Duration),
    /// The same, or this word for `None`.
    TimeOr(&'static str, RangeInclusive<u64>, fn(&mut T) -> &mut Option<Duration>),
    /// A text, checked and set by the function; its error ends a sentence that begins with the key.
    Text(fn(&mut T, &str) -> Result<(), String>),
    /// At most so many texts, which take the place of those that `T` has: the first function takes those away, the
    /// second adds one.
    Texts(usize, fn(&mut T), fn(&mut T, &str) -> Result<(), String>),
}

/// Where each key stands that was read from a table: its name and the place of its value, in bytes.
pub type Places = Vec<(&'static str, usize)>;

/// The mistakes of one file.
pub struct Reader<'t> {
    path: Arc<str>,
    text: &'t str,
    vocabulary: &'t Vocabulary,
    /// Where each line begins.
    lines: Vec<usize>,
    mistakes: Vec<Mistake>,
    /// How many of the mistakes, the first ones, are of syntax.
    syntax: usize,
    /// Sections with a key that is unknown or not set as it should be.
    wrong: HashSet<&'static str>,
}

impl<'t> Reader<'t> {
    /// For the `text` of a file that mistakes call `path`.
    pub fn new(text: &'t str, path: &str, vocabulary: &'t Vocabulary) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let lines = lines.collect();
        Self {
            path: path.into(),
            text,
            vocabulary,
            lines,
            mistakes: Vec::new(),
            syntax: 0,
            wrong: HashSet::new(),
        }
    }

    /// Notes what is no TOML, before all else.
    pub fn syntax(&mut self, errors: &[toml::de::Error]) {
        for error in errors {
            self.mistake(error.span().map_or(0, |span| span.start), error.message());
        }
        self.syntax = self.mistakes.len();
    }

    /// Whether parts of the document may be missing, so that nothing follows from what is not there.
    pub fn has_holes(&self) -> bool {
        self.syntax > 0
    }

    /// Notes a mistake at a place in the text, in bytes.
    pub fn mistake(&mut self, at: usize, message: impl Into<String>) {
        let at = at.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or("");
        let column = before.chars().count() + 1;
        self.mistakes.push(Mistake {
            path: self.path.clone(),
            line,
            column,
            message: message.into(),
        });
    }

    /// Whether a key of `section` is not as it was meant, so that the section may seem to contradict itself.
    pub fn is_wrong(&self, section: &str) -> bool {
        self.wrong.contains(section)
    }

    /// All mistakes, in the order of the file. On a line that is no TOML only that is told: the rest follows from it.
    pub fn finish(mut self) -> Vec<Mistake> {
        let mut others = self.mistakes.split_off(self.syntax.min(self.mistakes.len()));
        let broken: HashSet<usize> = self.mistakes.iter().map(|mistake| mistake.line).collect();
        others.retain(|mistake| !broken.contains(&mistake.line));
        self.mistakes.append(&mut others);
        self.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        self.mistakes
    }

    /// Notes that there is no section, or no key above all sections, of this name.
    pub fn unknown_section(&mut self, name: &Spanned<DeString<'_>>, value: &DeValue<'_>) {
        let said = self.vocabulary.unknown_section(name.get_ref(), has_sections(value));
        self.mistake(name.span().start, said);
    }

    /// Reads a table, of which every key has to be among `keys` of `section`.
    pub fn table<T>(
        &mut self,
        section: &'static str,
        table: &DeTable<'_>,
        keys: &[Key<T>],
        target: &mut T,
    ) -> Places {
        let mut places = Places::new();
        for (name, value) in table {
            let text: &str = name.get_ref();
            let (at, result) =
                match keys.iter().find(|key| key.section == section && key.name == text) {
                    Some(key) => {
                        let at = value.span().start;
                        places.push((key.name, at));
                        let set = key.kind.set(value.get_ref(), target);
                        (at, set.map_err(|message| format!("{text} {message}")))
                    }
                    None => (name.span().start, Err(self.vocabulary.unknown_key(section, text))),
                };
            if let Err(message) = result {
                self.wrong.insert(section);
                self.mistake(at, message);
            }
        }
        places
    }

    /// A value that has to be a table: `[server]`, or `server = { … }`.
    pub fn expect_table<'v, 'i>(
        &mut self,
        section: &str,
        value: &'v Spanned<DeValue<'i>>,
    ) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let form = if value.get_ref().is_array() {
                format!("is written [{section}], with one pair of brackets, and stands once")
            } else {
                format!("is a section: write [{section}] and its keys below")
            };
            self.mistake(value.span().start, format!("{section} {form}"));
        }
        table
    }

    /// A value that has to be tables: `[[listen]]`, any number of times. They come with their places.
    pub fn expect_tables<'v, 'i>(
        &mut self,
        section: &str,
        value: &'v Spanned<DeValue<'i>>,
    ) -> Vec<(usize, &'v DeTable<'i>)> {
        let Some(array) = value.get_ref().as_array() else {
            self.mistake(
                value.span().start,
                format!(
                    "{section} is written [[{section}]], with two pairs of brackets, once for each"
                ),
            );
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in array {
            match item.get_ref().as_table() {
                Some(table) => tables.push((item.span().start, table)),
                None => self.mistake(
                    item.span().start,
                    format!("{section} holds sections: write [[{section}]] and its keys below"),
                ),
            }
        }
        tables
    }
}

impl<T> Kind<T> {
    /// Sets the field. An error ends a sentence that begins with the key, and the field is as it was.
    fn set(&self, value: &DeValue<'_>, target: &mut T) -> Result<(), String> {
        match self {
            Self::Flag(field) => {
                let flag = value.as_bool();
                *field(target) =
                    flag.ok_or_else(|| wants("true or false, without quotes", value))?;
            }
            Self::Count(range, field) => *field(target) = whole(range, "", value)?,
            Self::Rate(range, field) => *field(target) = whole(range, "", value)?,
            Self::Port(range, field) => *field(target) = whole(range, "", value)?,
            Self::CountOr(word, range, field) => {
                *field(target) = match value.as_str() {
                    Some(text) if text == *word => None,
                    _ => Some(whole(range, &format!(", or \"{word}\""), value)?),
                };
            }
            Self::Size(range, field) => *field(target) = bytes(range, value)?,
            Self::Time(range, field) => *field(target) = time(range, "", value)?,
            Self::TimeOr(word, range, field) => {
                *field(target) = match value.as_str() {
                    Some(text) if text == *word => None,
                    _ => Some(time(range, &format!(", or \"{word}\""), value)?),
                };
            }
            Self::Text(set) => {
                // What stands there may be a password, so only its kind is said.
                let form = || format!("takes a text in quotes, not {}", kind(value));
                let text = value.as_str().ok_or_else(form)?;
                set(target, text)?;
            }
            Self::Texts(most, clear, add) => {
                let form = || wants("a list of texts, such as [\"one\", \"two\"]", value);
                let items = value.as_array().ok_or_else(form)?;
                if items.len() > *most {
                    return Err(format!("takes at most {most} texts, not {}", items.len()));
                }
                clear(target);
                for (index, item) in items.iter().enumerate() {
                    let text = item.get_ref().as_str().ok_or_else(form)?;
                    add(target, text).map_err(|error| match items.len() {
                        1 => error,
                        _ => format!("(number {}) {error}", index + 1),
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn whole<N>(range: &RangeInclusive<N>, or: &str, value: &DeValue<'_>) -> Result<N, String>
where
    N: Copy + PartialOrd + TryFrom<i128> + std::fmt::Display,
{
    let (least, most) = (range.start(), range.end());
    let wanted = || wants(&format!("a whole number from {least} to {most}{or}"), value);
    let number = integer(value).ok_or_else(wanted)?;
    N::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(wanted)
}

fn bytes(range: &RangeInclusive<usize>, value: &DeValue<'_>) -> Result<usize, String> {
    let number = match value.as_str() {
        Some(text) => size(text),
        None => integer(value).and_then(|number| usize::try_from(number).ok()),
    };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = (show_size(*range.start()), show_size(*range.end()));
        wants(&format!("a size from {least} to {most}, in B, KiB, MiB or GiB"), value)
    })
}

fn time(range: &RangeInclusive<u64>, or: &str, value: &DeValue<'_>) -> Result<Duration, String> {
    let time = value.as_str().and_then(duration);
    time.filter(|time| range.contains(&time.as_secs())).ok_or_else(|| {
        let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
        wants(&format!("a time from {least} to {most} (s, m, h, d or w){or}"), value)
    })
}

/// The number, if it is an integer that anybody could mean.
fn integer(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// `takes a whole number from 1 to 9, not 'ten'`. Only for keys where no password can stand.
fn wants(form: &str, value: &DeValue<'_>) -> String {
    /// Enough to know it again.
    const SHOWN: usize = 40;
    let found = match value {
        DeValue::String(text) => Quoted(text.as_bytes()).cut(SHOWN).to_string(),
        DeValue::Integer(number) => cut(number.to_string(), SHOWN),
        DeValue::Float(number) => cut(number.to_string(), SHOWN),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => kind(value).into(),
    };
    format!("takes {form}, not {found}")
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// Digits and signs, not too many of them.
fn cut(mut number: String, most: usize) -> String {
    if number.len() > most {
        number.truncate(most);
        number.push('…');
    }
    number
}

/// Whether a value at the top is a section and not a key that stands before the first one.
fn has_sections(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(_) => true,
        DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
        _ => false,
    }
}
