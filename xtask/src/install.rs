//! Puts the program where a user finds it: the binary, `nc` and `ncat` if they are wanted, the manuals and the shells'
//! completions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::built::build_callbox;
use crate::shell::output_of;

/// Manuals: the argument of `callbox manual`, and the page's name.
const MANUALS: &[(&str, &str)] = &[("callbox", "callbox.1"), ("callbox-nc", "callbox-nc.1")];

/// A shell, the folder where it looks for completions, and the name of a command's file there.
type Shell = (&'static str, &'static str, fn(&str) -> String);

/// Who gets completions.
const SHELLS: &[Shell] = &[
    ("bash", "share/bash-completion/completions", str::to_owned),
    ("zsh", "share/zsh/site-functions", |command| format!("_{command}")),
    ("fish", "share/fish/vendor_completions.d", |command| format!("{command}.fish")),
];

/// Builds a release and installs it under `prefix`; `with_nc` also under the names of nc and ncat.
pub(crate) fn run(prefix: &str, with_nc: bool) -> Result<()> {
    let prefix = std::path::absolute(prefix)?;
    let built = build_callbox()?;
    let bin = folder(&prefix, "bin")?;
    let program = bin.join("callbox");
    // A program that runs cannot be written to, but its file can be replaced.
    let new = bin.join(".callbox-new");
    fs::copy(&built, &new).with_context(|| format!("cannot copy {built} to {}", new.display()))?;
    fs::rename(&new, &program)?;
    println!("{}", program.display());

    let manuals = folder(&prefix, "share/man/man1")?;
    for (command, page) in MANUALS {
        write(&manuals.join(page), &output_of(Command::new(&program).args(["manual", command]))?)?;
    }
    let mut commands = vec!["callbox"];
    if with_nc {
        for name in ["nc", "ncat"] {
            link(&bin.join(name))?;
            write(&manuals.join(format!("{name}.1")), ".so man1/callbox-nc.1\n")?;
            commands.push(name);
        }
    }
    for (shell, path, file) in SHELLS {
        let completions = folder(&prefix, path)?;
        for command in &commands {
            let script = output_of(Command::new(&program).args(["completions", shell, command]))?;
            write(&completions.join(file(command)), &script)?;
        }
    }
    Ok(())
}

fn folder(prefix: &Path, path: &str) -> Result<PathBuf> {
    let folder = prefix.join(path);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// A name of the program beside it. What is somebody else's file stays.
fn link(path: &Path) -> Result<()> {
    match fs::read_link(path) {
        Ok(target) if target == Path::new("callbox") => return Ok(()),
        Ok(_) => bail!(
            "{} is a link to another program; remove it first, or leave out --nc",
            path.display()
        ),
        Err(_) if path.exists() => {
            bail!("{} is another program; remove it first, or leave out --nc", path.display())
        }
        Err(_) => symlink("callbox", path)?,
    }
    println!("{}", path.display());
    Ok(())
}
