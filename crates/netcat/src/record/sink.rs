//! A file in which something is recorded, which may fail without ending what is recorded.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// How much is held back before it is written, if nobody asks for it earlier.
const HELD: usize = 64 * 1024;

/// A file of records cannot be opened.
#[derive(Debug, Error)]
#[error("cannot open {}: {why}", path.display())]
pub struct OpenError {
    path: PathBuf,
    why: String,
}

#[derive(Debug)]
pub(super) struct Sink {
    path: PathBuf,
    /// None once writing has failed.
    file: Option<File>,
    held: Vec<u8>,
}

impl Sink {
    /// Opens a file, which is emptied unless it is to be appended to.
    pub(super) fn open(path: &Path, append: bool) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(append).write(true).truncate(!append).open(path);
        let file = file.map_err(|error| OpenError::new(path, reason(&error)))?;
        Ok(Self { path: path.to_owned(), file: Some(file), held: Vec::new() })
    }

    /// Opens a file that begins with `header`. What it is appended to must begin with the same.
    pub(super) fn with_header(path: &Path, append: bool, header: &[u8]) -> Result<Self, OpenError> {
        let mut there = Vec::new();
        if append && path.is_file() {
            let begun = File::open(path)
                .and_then(|file| file.take(header.len() as u64).read_to_end(&mut there));
            begun.map_err(|error| OpenError::new(path, reason(&error)))?;
        }
        if !there.is_empty() && there != header {
            let why = "it is no capture of this program's kind that could be appended to";
            return Err(OpenError::new(path, why.to_owned()));
        }
        let mut sink = Self::open(path, append)?;
        if there.is_empty() {
            sink.held.extend_from_slice(header);
        }
        Ok(sink)
    }

    /// Has something appended; nothing once writing has failed.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<String> {
        self.file.as_ref()?;
        write(&mut self.held);
        if self.held.len() < HELD { None } else { self.flush() }
    }

    /// Writes what is held back. Gives a warning if that fails, once.
    pub(super) fn flush(&mut self) -> Option<String> {
        let file = self.file.as_mut()?;
        if self.held.is_empty() {
            return None;
        }
        let written = file.write_all(&self.held);
        self.held.clear();
        let error = written.err()?;
        self.file = None;
        self.held = Vec::new();
        let (path, why) = (self.path.display(), reason(&error));
        Some(format!("cannot write to {path}: {why}; nothing more is recorded there"))
    }

    pub(super) fn has_failed(&self) -> bool {
        self.file.is_none()
    }
}

impl OpenError {
    fn new(path: &Path, why: String) -> Self {
        Self { path: path.to_owned(), why }
    }
}

/// An error of the system in its words, without its number.
fn reason(error: &io::Error) -> String {
    let mut words = error.to_string();
    if let Some(number) = words.find(" (os error ") {
        words.truncate(number);
    }
    words
}
