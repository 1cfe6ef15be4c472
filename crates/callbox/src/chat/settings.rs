//! The settings of the server, for the commands that work on what it keeps.

use std::path::PathBuf;

use callbox_chat::settings::{self, LoadError, Settings};

use super::folder;
use crate::cli::{ConfigArgs, DataArgs};
use crate::messages::{self, Exit, Failure};

/// The settings of the file that is named, or of the user's own; the defaults, if there is none.
pub(super) fn read(args: &ConfigArgs) -> Result<Settings, Failure> {
    load(file(args).as_ref()).map_err(|lines| mistakes(&lines))
}

/// The settings, and the folder that the server with these settings keeps its things in.
pub(super) fn read_with_folder(args: &DataArgs) -> Result<(Settings, PathBuf), Failure> {
    let settings = read(&args.config)?;
    if args.folder.data.is_none() && settings.data.ephemeral {
        return Err(Failure::usage(
            "the configuration file says that nothing is kept (ephemeral); name a folder with --data FOLDER",
        ));
    }
    let asked = args.folder.data.as_deref().or(settings.data.folder.as_deref());
    let folder = folder::data(asked)?;
    Ok((settings, folder))
}

/// The file with the settings, if there is one.
pub(super) fn file(args: &ConfigArgs) -> Option<PathBuf> {
    args.config.clone().or_else(folder::config)
}

/// What stands in `file`, or every mistake in it.
pub(super) fn load(file: Option<&PathBuf>) -> Result<Settings, Vec<String>> {
    file.map_or_else(
        || Ok(Settings::default()),
        |path| settings::load(path).map_err(|error: LoadError| error.lines()),
    )
}

/// Says every mistake, each on a line of its own.
pub(super) fn mistakes(lines: &[String]) -> Failure {
    for line in lines {
        messages::error(messages::visible(line));
    }
    Failure::said(Exit::Usage)
}
