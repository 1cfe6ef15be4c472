//! callbox beside the programs one would otherwise use, in one run on one machine.
//!
//! The figures are for comparison within a run: each round starts every server in turn, so that
//! drift of the machine hits all of them alike. The load is `callbox bench` itself. For a fast server
//! it is the limit; that is why the server's processor time for one exchange is kept too.

mod chat;
mod generator;
mod load;
mod peers;
mod process;
mod record;
mod screen;
mod server;
mod stream;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::built::build_callbox;
use crate::shell::{program, works};
use load::{LOADS, Load};
use peers::{PEERS, Peer, Program};
use record::{Record, Sample, new_folder, today};
use server::Server;

/// The processor that loads are sent from, and the one that servers run on.
const LOAD_CORE: &str = "0";
const SERVER_CORE: &str = "1";

/// Runs every peer that is installed under every load that suits it, and keeps what came out.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    if let ["chat", args @ ..] = args {
        return chat::run(args);
    }
    if let ["generator", args @ ..] = args {
        return generator::run(args);
    }
    if let ["screen", args @ ..] = args {
        return screen::run(args);
    }
    if let ["stream", args @ ..] = args {
        return stream::run(args);
    }
    let plan = Plan::parse(args)?;
    let callbox = build_callbox()?;
    let pinned = pin_to_load_core();
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for peer in PEERS {
        match peer.program.path(&callbox)? {
            Some(path) => present.push((peer, path)),
            None => absent.push(peer),
        }
    }
    let folder = new_folder(&today()?, "")?;
    let reports = folder.join("reports");
    fs::create_dir(&reports)?;
    let scratch = std::env::temp_dir().join(format!("callbox-bench-{}.json", std::process::id()));
    let mut samples = Vec::new();
    for round in 1..=plan.rounds {
        for (peer, path) in &present {
            for load in LOADS.iter().filter(|load| load.transport == peer.transport) {
                let is_kept = round == 1 && peer.program == Program::Ours;
                let report = match is_kept {
                    true => reports.join(format!("{}.json", load.name)),
                    false => scratch.clone(),
                };
                let sample = measure(peer, path, load, plan.time, &callbox, pinned, &report);
                let sample =
                    sample.with_context(|| format!("{} under {}", peer.name, load.name))?;
                let sample = Sample { round, ..sample };
                println!("{sample}");
                samples.push(sample);
            }
        }
    }
    let _ = fs::remove_file(&scratch);
    let command = format!("cargo xtask bench {}", args.join(" ")).trim_end().to_owned();
    let record = Record { command, pinned, present, absent, samples: &samples };
    record.keep(&folder)?;
    println!("kept in {}", folder.display());
    Ok(())
}

/// One load on one freshly started server.
fn measure(
    peer: &'static Peer,
    path: &str,
    load: &Load,
    time: Duration,
    callbox: &str,
    pinned: bool,
    report: &Path,
) -> Result<Sample> {
    let server = Server::start(peer, path, pinned.then_some(SERVER_CORE))?;
    let core = pinned.then_some(LOAD_CORE);
    let outcome = load.run(callbox, peer, &server, time, core, report)?;
    Ok(Sample { round: 0, peer: peer.name, load: load.name, time, outcome })
}

struct Plan {
    rounds: u32,
    time: Duration,
}

impl Plan {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut plan = Self { rounds: 3, time: Duration::from_secs(2) };
        for pair in args.chunks(2) {
            match pair {
                ["--rounds", rounds] => plan.rounds = rounds.parse().context("--rounds")?,
                ["--seconds", seconds] => {
                    let seconds = seconds.parse().context("--seconds")?;
                    plan.time = Duration::try_from_secs_f64(seconds).context("--seconds")?;
                }
                _ => bail!("usage: cargo xtask bench [--rounds N] [--seconds S]"),
            }
        }
        if plan.rounds == 0 || plan.time.is_zero() {
            bail!("a round and some time are needed");
        }
        Ok(plan)
    }
}

/// Moves this process, and the threads it is yet to start, to the load's processor. False where there
/// is no `taskset` or no second processor: servers and load then share what there is.
fn pin_to_load_core() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let enough = cores >= 2 && works(&mut program("taskset", &["-c", SERVER_CORE, "true"]));
    enough && pin_to(LOAD_CORE)
}

/// Moves this process to these processors, as `taskset` names them; false where that is not possible.
fn pin_to(cores: &str) -> bool {
    let own = std::process::id().to_string();
    works(&mut program("taskset", &["-a", "-c", "-p", cores, &own]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_its_options() {
        let plan = Plan::parse(&["--rounds", "5", "--seconds", "0.5"]).expect("a plan");
        assert_eq!((plan.rounds, plan.time), (5, Duration::from_millis(500)));
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--seconds", "-1"], &["x", "1"]] {
            assert!(Plan::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
