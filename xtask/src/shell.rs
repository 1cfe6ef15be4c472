//! Start other programs from the repository's root, and say exactly what failed if one does.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The repository's root. Cargo says at run time where it is; what was compiled in could be another
/// clone's that shares the target folder.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = xtask.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// The cargo that runs this program, with arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// A program of the system, with arguments.
pub(crate) fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// Runs a command on our own streams; an error unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", typed(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", typed(command));
    }
    Ok(())
}

/// Runs a command for its standard output; an error, with its standard error, unless it succeeds.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", typed(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}\n{stderr}", typed(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{}: not UTF-8", typed(command)))
}

/// Whether a command can be started and succeeds; its output goes nowhere.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Where a program is: on `PATH`, or in the system folders that an ordinary user's `PATH` lacks.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The command as one would type it.
pub(crate) fn typed(command: &Command) -> String {
    let path = command.get_program();
    let program = Path::new(path).file_name().unwrap_or(path);
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
