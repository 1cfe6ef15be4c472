//! What CI runs, what the README's test command runs, generated text, and the comparison with other
//! programs. A contributor types the same commands as CI does; that is why they live in the project
//! and not in a CI service's own language.

#![forbid(unsafe_code)]

mod bench;
mod built;
mod ci;
mod r#gen;
mod install;
mod pictures;
mod portability;
mod purity;
mod shell;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Usage: cargo xtask COMMAND

  ci                 all that CI checks, in CI's order; the tests come last
  test [-- ARGS]     install what the tests need and run all of them, with cargo-nextest
                     where it is installed, else with cargo test; ARGS go to the runner,
                     and the documentation's examples are then left out
  purity             check that crates marked `io = \"none\"` pull in nothing that does I/O
  portability        test what other Unix systems run in place of Linux's own calls, and check
                     the crates that need no C for those whose standard library is installed
  gen [--check]      write the generated text in the documents; --check only compares
  install [--prefix DIR] [--nc]
                     build a release and install it with its manuals and completions, under
                     ~/.local unless told; --nc also under the names of nc and ncat
  bench [--rounds N] [--seconds S]
                     run callbox and the installed peers (Python, socat, ncat) in turn and
                     keep commands, versions, machine and samples under bench/runs/
  bench chat [--rounds N] [--seconds S] [--lines N]
                     the same for the chat, beside InspIRCd and ngircd; pages are read from a
                     history of N lines, a million unless told
  bench screen [--rounds N]
                     the terminal client on a terminal: keys, history and memory
  bench stream [--rounds N] [--gib N]
                     callbox nc beside ncat, OpenBSD's nc, socat and what the kernel can do:
                     N GiB one way over TCP, from a file, from a pipe and over TLS; and how soon
                     a client's first byte is there
  pictures           take the README's pictures, of the terminal and of the page

ci, test, purity, portability and gen --check end with exit code 1 when something is wrong.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    match args {
        [] | ["help" | "--help" | "-h"] => print!("{HELP}"),
        ["ci"] => ci::run()?,
        ["test"] => test::run(&[])?,
        ["test", "--", args @ ..] => test::run(args)?,
        ["purity"] => purity::run()?,
        ["portability"] => portability::run()?,
        ["gen"] => r#gen::run(r#gen::Mode::Write)?,
        ["gen", "--check"] => r#gen::run(r#gen::Mode::Check)?,
        ["install", args @ ..] => install(args)?,
        ["bench", args @ ..] => bench::run(args)?,
        ["pictures"] => pictures::run()?,
        _ => bail!("no such command: {}\n\n{HELP}", args.join(" ")),
    }
    Ok(())
}

/// Reads the options of `install`.
fn install(args: &[&str]) -> Result<()> {
    let mut prefix = None;
    let mut with_nc = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (*arg, prefix.is_none()) {
            ("--nc", _) => with_nc = true,
            ("--prefix", true) => prefix = args.next().map(|prefix| (*prefix).to_owned()),
            (other, _) => bail!("no such option of install: {other}\n\n{HELP}"),
        }
    }
    let home = || std::env::var("HOME").map(|home| format!("{home}/.local"));
    let prefix = match prefix {
        Some(prefix) => prefix,
        None => {
            home().map_err(|_| anyhow::anyhow!("HOME is not set: say where with --prefix DIR"))?
        }
    };
    install::run(&prefix, with_nc)
}
