//! The built program, and where cargo builds.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use crate::shell::{cargo, output_of, succeed};

/// Builds callbox for release; gives the program's path.
pub(crate) fn build_callbox() -> Result<String> {
    succeed(&mut cargo(&["build", "--release", "--package", "callbox"]))?;
    let binary = target_folder()?.join("release/callbox");
    if !binary.is_file() {
        bail!("{} is not there after the build", binary.display());
    }
    let binary = binary.into_os_string().into_string();
    binary.map_err(|path| anyhow!("the path {} is not UTF-8", path.display()))
}

/// Where cargo builds: settings of all kinds can name it, so cargo is asked.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = output_of(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let folder =
        metadata.split("\"target_directory\":\"").nth(1).and_then(|rest| rest.split('"').next());
    folder.map(PathBuf::from).context("cargo metadata names no target_directory")
}
