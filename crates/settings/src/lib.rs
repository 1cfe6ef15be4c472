//! Settings in a file of TOML: what may stand there is a table of keys, and all that is wrong is told at once, each mistake
//! with its line and what was probably meant.
//!
//! | module | what it is for |
//! |---|---|
//! | `reader` | from the parsed document to fields and mistakes, by a table of keys |
//! | `suggest` | what was probably meant |
//! | `units` | lengths of time and sizes |
//! | `file` | the file |
#![forbid(unsafe_code)]

mod file;
mod reader;
mod suggest;
pub mod units;

use std::fmt;
use std::sync::Arc;

pub use file::{FileError, LoadError, MAX_FILE, shown, text};
pub use reader::{Key, Kind, Places, Reader};

/// All that may stand in a file, for suggestions.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Every section, in the order of the file.
    pub sections: &'static [&'static str],
    /// Those that may stand any number of times: `[[listen]]`.
    pub repeated: &'static [&'static str],
    /// Those that hold sections with names of the user's: `[profile.home]`.
    pub named: &'static [&'static str],
    /// Every key, with its section.
    pub keys: Vec<(&'static str, &'static str)>,
}

/// Something wrong in the file. Shown as `chat.toml:12: what is wrong`, without the end of a line, and never with
/// the text of a password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The file, as it was named.
    pub path: Arc<str>,
    /// The line, counted from 1.
    pub line: usize,
    /// The character of that line at which what is wrong begins, counted from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
