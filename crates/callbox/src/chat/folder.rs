//! Where the chat keeps its things, by the XDG base directory specification.

use std::env;
use std::path::{Path, PathBuf};

use crate::messages::Failure;

/// The folder for history and accounts: the one that was asked for, or the user's own.
pub(super) fn data(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    let base = base("XDG_DATA_HOME", ".local/share").ok_or_else(|| {
        Failure::usage(
            "there is no home folder to keep the chat's data in; name one with --data FOLDER, or \
             use --ephemeral to keep nothing",
        )
    })?;
    Ok(base.join("callbox/chat"))
}

/// The user's own configuration file, if there is one.
pub(super) fn config() -> Option<PathBuf> {
    config_file("chat.toml").filter(|path| path.exists())
}

/// Where the user's own configuration file of this name is, or would be.
pub(super) fn config_file(name: &str) -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("callbox").join(name))
}

/// What `variable` names, or `otherwise` in the home folder. Relative paths do not count, as the specification has it.
fn base(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(otherwise)))
}
