//! The check that crates marked "no I/O" pull in no runtime, libc or socket crate.
//!
//! A crate is marked by `io = "none"` under `[package.metadata.callbox]` in its Cargo.toml. What such
//! a crate's own code may not call stands in its clippy.toml; this check is about what it depends on,
//! which a new feature of a dependency can change without a line of ours.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, output_of, root};

/// What no marked crate may have in its tree: runtimes, the kernel's interface, sockets, terminals,
/// and our own crates that do I/O.
const IMPURE: &[&str] = &[
    "async-std",
    "callbox",
    "callbox-net",
    "callbox-testkit",
    "crossterm",
    "libc",
    "mio",
    "nix",
    "polling",
    "rustix",
    "rustyline",
    "signal-hook",
    "signal-hook-registry",
    "smol",
    "socket2",
    "tokio",
    "winapi",
    "windows-sys",
];

/// Checks every marked crate; an error too if none is marked, for then nothing was checked.
pub(crate) fn run() -> Result<()> {
    let marked = marked_crates()?;
    if marked.is_empty() {
        bail!("no crate is marked with `io = \"none\"`: there is nothing to check");
    }
    for name in &marked {
        let tree = tree_of(name)?;
        let impure = impure_in(&tree);
        if !impure.is_empty() {
            bail!(
                "{name} is marked `io = \"none\"` but pulls in {}; to see how: cargo tree -e normal -p {name} -i {}",
                impure.join(", "),
                impure[0]
            );
        }
        println!("    {name}: {} crates in its tree, none of them does I/O", names_in(&tree).len());
    }
    Ok(())
}

/// The names of the crates in `crates/` that are marked.
fn marked_crates() -> Result<Vec<String>> {
    let folder = root().join("crates");
    let mut marked = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let manifest = entry?.path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        if value_in(&text, "package.metadata.callbox", "io") == Some("none") {
            let name = value_in(&text, "package", "name");
            marked.push(name.with_context(|| format!("{}: no name", manifest.display()))?.into());
        }
    }
    marked.sort();
    Ok(marked)
}

/// Everything that is linked into a program with this crate, on any platform and with all its
/// features: one `name version` a line, some of them more than once.
fn tree_of(name: &str) -> Result<String> {
    let what = ["tree", "--package", name, "--edges", "normal,no-proc-macro", "--target", "all"];
    let how = ["--all-features", "--prefix", "none", "--format", "{p}"];
    output_of(cargo(&what).args(how))
}

/// The impure crates of a tree, each once.
fn impure_in(tree: &str) -> Vec<&str> {
    names_in(tree).into_iter().filter(|name| IMPURE.contains(name)).collect()
}

/// The names of a tree, sorted, each once.
fn names_in(tree: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The string a key has in a table of a TOML text as this project writes it: one key a line.
fn value_in<'a>(text: &'a str, table: &str, key: &str) -> Option<&'a str> {
    let header = format!("[{table}]");
    let lines = text.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let mut entries = lines.take_while(|line| !line.starts_with('['));
    entries.find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_crate_deep_in_the_tree_is_found() {
        let tree =
            "callbox-services v0.1.0 (/x)\nfoldhash v0.2.0\nlibc v0.2.1\nmio v1.0.0\nlibc v0.2.1\n";
        assert_eq!(impure_in(tree), ["libc", "mio"]);
    }

    #[test]
    fn names_that_only_begin_alike_are_pure() {
        let tree = "callbox-services v0.1.0 (/x)\nlibcrux v1.0.0\nthiserror v2.0.21\n";
        assert_eq!(impure_in(tree), [""; 0]);
    }

    #[test]
    fn the_mark_is_read_from_its_own_table() {
        let marked = "[package]\nname = \"a\"\n\n[package.metadata.callbox]\nio = \"none\"\n";
        assert_eq!(value_in(marked, "package.metadata.callbox", "io"), Some("none"));
        assert_eq!(value_in(marked, "package", "name"), Some("a"));
        let elsewhere = "[package.metadata.callbox]\n[package.metadata.other]\nio = \"none\"\n";
        assert_eq!(value_in(elsewhere, "package.metadata.callbox", "io"), None);
    }
}
