//! One-way streams through netcats: `callbox nc` beside ncat, OpenBSD's nc and socat, and beside what the kernel can do.
//!
//! A figure counts as a ratio to another of the same run: machines differ and drift, so each round starts every program in
//! turn.

mod page;
mod passage;
mod programs;
mod start;
#[cfg(target_os = "linux")]
mod yardstick;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::record::{new_folder, today};
use crate::built::build_callbox;
use page::Run;
use passage::{Passage, Way};
use programs::{CARRIERS, Carrier};
use start::Start;

/// Where files are that take memory instead of a disk, so that no disk is measured.
const MEMORY: &str = "/dev/shm";

/// Clients that are started in a round, each alone.
const STARTS: u32 = 30;

struct Plan {
    rounds: u32,
    gib: u64,
}

pub(super) fn run(args: &[&str]) -> Result<()> {
    #[cfg(target_os = "linux")]
    if let ["yardstick", args @ ..] = args {
        return yardstick::run(args);
    }
    let plan = Plan::parse(args)?;
    let callbox = build_callbox()?;
    let (present, absent): (Vec<&Carrier>, Vec<&Carrier>) =
        CARRIERS.iter().partition(|carrier| carrier.is_here());
    let file = Zeros::new(plan.gib)?;
    let mut run = Run::default();
    for round in 1..=plan.rounds {
        for way in Way::ALL {
            for carrier in &present {
                if way == Way::Tls && !carrier.has_tls() {
                    continue;
                }
                let passage = passage::measure(carrier, way, &file.path(), &callbox)
                    .with_context(|| format!("{} from a {}", carrier.name, way.name()))?;
                let Passage { time, send, receive } = passage;
                println!(
                    "round {round}  {:4}  {:14}  {:6.2} GB/s  send {send:.2?}  receive {receive:.2?}",
                    way.name(),
                    carrier.name,
                    page::gigabytes(plan.gib) / time.as_secs_f64(),
                );
                run.passages.push((round, way, carrier.name, passage));
            }
        }
        // In turn here as well: a client takes no longer than the machine takes to change its mind.
        for _ in 0..STARTS {
            for carrier in present.iter().filter(|carrier| carrier.name != programs::YARDSTICK) {
                let start: Start = start::measure(carrier, &callbox)?;
                run.starts.push((round, carrier.name, start));
            }
        }
    }
    drop(file);
    let command = format!("cargo xtask bench stream {}", args.join(" ")).trim_end().to_owned();
    let date = today()?;
    let folder = new_folder(&date, "-stream")?;
    fs::write(folder.join("raw.csv"), run.passages_csv())?;
    fs::write(folder.join("starts.csv"), run.starts_csv())?;
    let page = page::Page { command, date: &date, plan: &plan, present, absent };
    fs::write(folder.join("README.md"), page.text(&run, &callbox)?)?;
    println!("kept in {}", folder.display());
    Ok(())
}

impl Plan {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut plan = Self { rounds: 5, gib: 4 };
        for pair in args.chunks(2) {
            match pair {
                ["--rounds", rounds] => plan.rounds = rounds.parse().context("--rounds")?,
                ["--gib", gib] => plan.gib = gib.parse().context("--gib")?,
                _ => bail!("usage: cargo xtask bench stream [--rounds N] [--gib N]"),
            }
        }
        ensure!(plan.rounds > 0 && plan.gib > 0, "a round and some bytes are needed");
        Ok(plan)
    }
}

/// A file of zeros in memory, which goes when this is dropped.
struct Zeros(PathBuf);

impl Zeros {
    fn new(gib: u64) -> Result<Self> {
        let path = PathBuf::from(format!("{MEMORY}/callbox-bench-{}", std::process::id()));
        let zeros = Self(path);
        let mut file =
            fs::File::create_new(&zeros.0).with_context(|| format!("{}", zeros.0.display()))?;
        // Written and not only made that long: a hole has no pages that could be handed over.
        io::copy(&mut io::repeat(0).take(gib << 30), &mut file)?;
        file.flush()?;
        Ok(zeros)
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_its_options() {
        let plan = Plan::parse(&["--rounds", "2", "--gib", "1"]).expect("a plan");
        assert_eq!((plan.rounds, plan.gib), (2, 1));
        for wrong in [&["--rounds"][..], &["--gib", "0"], &["x", "1"]] {
            assert!(Plan::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
