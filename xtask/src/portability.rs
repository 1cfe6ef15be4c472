//! What other Unix systems run in place of Linux's own calls: compiled and tested here, and checked for those systems where
//! their standard library is installed.

use anyhow::Result;

use crate::shell::{cargo, output_of, program, succeed, works};

/// Leaves out the calls that only Linux has.
const PLAIN: &[&str] = &["-p", "callbox-net", "--features", "portable"];

/// The crates that call the system and need no C compiler, since one for another system is seldom there.
const CRATES: &[&str] = &["-p", "callbox-net", "-p", "callbox-testkit"];

/// Systems that are checked where `rustup target add` has brought their standard library.
const SYSTEMS: &[&str] = &["x86_64-unknown-freebsd", "aarch64-apple-darwin"];

/// Tests `net` without Linux's own calls, and checks what can be checked for other systems.
pub(crate) fn run() -> Result<()> {
    let clippy = [&["clippy"], PLAIN, &["--all-targets", "--", "-D", "warnings"]].concat();
    succeed(&mut cargo(&clippy))?;
    // A process for each test where it can be had, as for all other tests.
    let test: &[&str] = match works(&mut cargo(&["nextest", "--version"])) {
        true => &["nextest", "run"],
        false => &["test", "--tests"],
    };
    succeed(&mut cargo(&[test, PLAIN].concat()))?;
    let installed = output_of(&mut program("rustup", &["target", "list", "--installed"]));
    let installed = installed.unwrap_or_default();
    for system in SYSTEMS {
        if installed.lines().any(|line| line.trim() == *system) {
            succeed(&mut cargo(&[&["check", "--target", system], CRATES].concat()))?;
        } else {
            println!("    {system} is left out: rustup target add {system}");
        }
    }
    Ok(())
}
