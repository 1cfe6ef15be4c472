//! Files of text, and why there are no settings in them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use callbox_exchange::Bare;
use thiserror::Error;

use crate::Mistake;

/// The largest file of settings, in bytes: a thousand long sections fit into it. What is larger is some other file, and is
/// refused before it fills the memory.
pub const MAX_FILE: usize = 1 << 20;

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{0}")]
    File(FileError),
    /// It has mistakes, at least one, in the order of the file. Shown one a line.
    #[error("{}", one_a_line(.0))]
    Mistakes(Vec<Mistake>),
}

impl LoadError {
    /// What is wrong, one mistake a line, as REHASH answers it.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::File(error) => vec![error.to_string()],
            Self::Mistakes(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Why a file gave no text.
#[derive(Debug, Error)]
pub enum FileError {
    /// It could not be opened or read.
    #[error("cannot read {}: {error}", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is larger than any such file is.
    #[error("{} is larger than {most} bytes, so it is some other file", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        most: usize,
    },
    /// It is not text in UTF-8.
    #[error("{}:{line}: the text is not UTF-8", shown(path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is not, counted from 1.
        line: usize,
    },
}

/// A path that cannot break the line it is shown in.
pub fn shown(path: &Path) -> String {
    Bare(path.as_os_str().as_encoded_bytes()).to_string()
}

/// The text of a file of at most `most` bytes.
///
/// # Errors
///
/// If it cannot be read, is larger, or is no text.
pub fn text(path: &Path, most: usize) -> Result<String, FileError> {
    let failed = |error| FileError::Read { path: path.into(), error };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(FileError::TooLarge { path: path.into(), most });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        FileError::NotUtf8 { path: path.into(), line }
    })
}

fn one_a_line(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
