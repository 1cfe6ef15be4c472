//! Reads the file.

use std::path::Path;

use callbox_settings::{LoadError, MAX_FILE, shown, text};

use super::{Settings, parse_in};

/// The largest file of a message of the day, in bytes: all its lines at their longest.
pub(super) const MAX_MOTD: usize = 256 << 10;

/// Reads and checks the file of settings at `path`. Relative paths within it are taken from its folder.
///
/// # Errors
///
/// That of the file, or all mistakes in it; a file with mistakes is refused whole.
pub fn load(path: &Path) -> Result<Settings, LoadError> {
    let text = text(path, MAX_FILE).map_err(LoadError::File)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    parse_in(&text, &shown(path), folder).map_err(LoadError::Mistakes)
}
