//! All that CI checks, one step after the other. The tests are the last step, so that the last line
//! of the output is the test runner's own summary.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::built::build_callbox;
use crate::shell::{cargo, succeed, works};
use crate::{r#gen, portability, purity, test};

/// How long the tour may take: nobody waits for more before they have seen anything work.
const TOUR_LIMIT: Duration = Duration::from_secs(3);

/// How often the tour may be tried: shared machines stand still now and then, for seconds at worst.
const TOUR_TRIES: u32 = 3;

/// When a tour that does not end is stopped.
const TOUR_KILL: Duration = Duration::from_secs(30);

/// How often the tour is looked at: well below what the limit is told apart by.
const TOUR_LOOK: Duration = Duration::from_millis(5);

struct Step {
    name: &'static str,
    /// The command that does the same by hand.
    by_hand: &'static str,
    run: fn() -> Result<()>,
}

/// The quick ones first: what fails most often should fail soonest.
const STEPS: &[Step] = &[
    Step { name: "format", by_hand: "cargo fmt --all -- --check", run: format },
    Step {
        name: "clippy",
        by_hand: "cargo clippy --workspace --all-targets -- -D warnings",
        run: clippy,
    },
    Step {
        name: "documentation",
        by_hand: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items",
        run: documentation,
    },
    Step { name: "purity", by_hand: "cargo xtask purity", run: purity::run },
    Step {
        name: "generated text",
        by_hand: "cargo xtask gen --check",
        run: || r#gen::run(r#gen::Mode::Check),
    },
    Step { name: "portability", by_hand: "cargo xtask portability", run: portability::run },
    Step { name: "dependencies", by_hand: "cargo deny check", run: dependencies },
    Step { name: "tour", by_hand: "cargo run --release -- tour", run: tour },
    Step { name: "tests", by_hand: "cargo xtask test", run: || test::run(&[]) },
];

/// Runs the steps up to the first that fails.
pub(crate) fn run() -> Result<()> {
    for (number, step) in STEPS.iter().enumerate() {
        println!("\n==> {}/{} {}: {}", number + 1, STEPS.len(), step.name, step.by_hand);
        let start = Instant::now();
        (step.run)().map_err(|error| {
            let (name, by_hand) = (step.name, step.by_hand);
            anyhow!("step \"{name}\" failed: {error:#}\nto run it by hand: {by_hand}")
        })?;
        if number + 1 < STEPS.len() {
            println!("    {} done in {:.1} s", step.name, start.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

fn format() -> Result<()> {
    succeed(&mut cargo(&["fmt", "--all", "--", "--check"]))
}

fn clippy() -> Result<()> {
    succeed(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    let args = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    succeed(cargo(&args).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Licences, sources and advisories, where cargo-deny is installed.
fn dependencies() -> Result<()> {
    if !works(&mut cargo(&["deny", "--version"])) {
        println!("    skipped: cargo-deny is not installed (cargo install cargo-deny)");
        return Ok(());
    }
    succeed(&mut cargo(&["deny", "check"]))
}

/// The README's first command. Its time is that of the program, without what cargo looks through first; once that is known
/// to end, the command is run as it is typed.
fn tour() -> Result<()> {
    let callbox = build_callbox()?;
    let is_in_time = || -> Result<bool> {
        let taken = timed_tour(&callbox)?;
        println!("    the tour took {:.2} s", taken.as_secs_f64());
        Ok(taken <= TOUR_LIMIT)
    };
    let mut tried = 1;
    while !is_in_time()? {
        if tried == TOUR_TRIES {
            bail!("the tour took longer than {TOUR_LIMIT:?}, {TOUR_TRIES} times");
        }
        tried += 1;
    }
    succeed(&mut cargo(&["run", "--release", "--", "tour"]))
}

/// How long one tour takes.
fn timed_tour(callbox: &str) -> Result<Duration> {
    let mut command = Command::new(callbox);
    command.arg("tour").stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().context("cannot start the tour")?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > TOUR_KILL {
            child.kill()?;
            child.wait()?;
            bail!("the tour had not ended after {TOUR_KILL:?}");
        }
        thread::sleep(TOUR_LOOK);
    };
    if !status.success() {
        bail!("the tour ended with {status}");
    }
    Ok(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_are_the_last_step() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("tests"));
    }
}
