//! callbox beside the programs one would otherwise use, in one run on one machine.
//!
//! The figures are for comparison within a run: each round starts every server in turn, so that
//! drift of the machine hits all of them alike. The load comes from plain blocking sockets in a few
//! threads, one call a datagram, and is itself the limit for a fast server; that is why the server's
//! processor time for one exchange is kept too.

mod chat;
mod irc_load;
mod latency;
mod peers;
mod process;
mod record;
mod screen;
mod server;
mod stream;
mod tcp_load;
mod udp_load;

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, find_program, program, succeed, works};
use peers::{PEERS, Peer, Transport};
use record::{Record, Sample};
use server::Server;

/// The processor that loads are sent from, and the one that servers run on.
const LOAD_CORE: &str = "0";
const SERVER_CORE: &str = "1";

/// What one load did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Exchanges whose reply was right.
    pub(crate) good: u64,
    /// Replies that were wrong, short, run together, late, or ended in a reset.
    pub(crate) bad: u64,
    /// Requests that nothing answered within a tenth of a second.
    pub(crate) lost: u64,
}

/// One way of asking a server for exchanges.
struct Load {
    name: &'static str,
    transport: Transport,
    what: &'static str,
    run: fn(&Peer, u16, Duration) -> Outcome,
}

/// The window is half of what fills a receive buffer of Linux's default size (212,992 bytes, about 256
/// small datagrams): what is compared is work, and not what a kernel drops.
const LOADS: &[Load] = &[
    Load {
        name: "udp-window",
        transport: Transport::Udp,
        what: "8 sockets, each with 16 datagrams of 64 bytes on their way",
        run: |peer, port, time| udp_load::run(8, 16, 64, peer.answer, port, time),
    },
    Load {
        name: "udp-pingpong",
        transport: Transport::Udp,
        what: "1 socket with 1 datagram of 64 bytes on its way",
        run: |peer, port, time| udp_load::run(1, 1, 64, peer.answer, port, time),
    },
    Load {
        name: "tcp-16",
        transport: Transport::Tcp,
        what: "16 connections at a time; each sends the 16 bytes `Greetings, serve`, expects 16 bytes and an orderly end of file",
        run: |_, port, time| tcp_load::run(16, b"Greetings, serve", port, time),
    },
    Load {
        name: "tcp-17",
        transport: Transport::Tcp,
        what: "the same with the 17 bytes `Greetings, server`, of which the last is never asked for",
        run: |_, port, time| tcp_load::run(16, b"Greetings, server", port, time),
    },
];

/// Runs every peer that is installed under every load that suits it, and keeps what came out.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    if let ["chat", args @ ..] = args {
        return chat::run(args);
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
    let (present, absent): (Vec<&Peer>, Vec<&Peer>) =
        PEERS.iter().partition(|peer| find_program(peer.program).is_some() || peer.is_ours());
    let mut samples = Vec::new();
    for round in 1..=plan.rounds {
        for peer in &present {
            for load in LOADS.iter().filter(|load| load.transport == peer.transport) {
                let sample = measure(peer, load, round, plan.time, &callbox, pinned);
                let sample =
                    sample.with_context(|| format!("{} under {}", peer.name, load.name))?;
                println!("{sample}");
                samples.push(sample);
            }
        }
    }
    let command = format!("cargo xtask bench {}", args.join(" ")).trim_end().to_owned();
    let record = Record { command, pinned, present, absent, callbox: &callbox, samples: &samples };
    let folder = record.keep()?;
    println!("kept in {}", folder.display());
    Ok(())
}

/// One load on one freshly started server.
fn measure(
    peer: &'static Peer,
    load: &Load,
    round: u32,
    time: Duration,
    callbox: &str,
    pinned: bool,
) -> Result<Sample> {
    let server = Server::start(peer, callbox, pinned.then_some(SERVER_CORE))?;
    let before = server.processor_time()?;
    let outcome = (load.run)(peer, server.port(), time);
    let processor_time = server.processor_time()?.saturating_sub(before);
    Ok(Sample { round, peer: peer.name, load: load.name, time, outcome, processor_time })
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

/// Builds callbox for release: beside the folder that this program runs from.
pub(crate) fn build_callbox() -> Result<String> {
    succeed(&mut cargo(&["build", "--release", "--package", "callbox"]))?;
    let own = std::env::current_exe().context("where this program is")?;
    let target = own.parent().and_then(|folder| folder.parent()).context("a target folder")?;
    let binary = target.join("release/callbox");
    if !binary.is_file() {
        bail!("{} is not there after the build", binary.display());
    }
    Ok(binary.to_string_lossy().into_owned())
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

    #[test]
    fn every_load_has_a_peer_to_compare_with() {
        for load in LOADS {
            let peers = PEERS.iter().filter(|peer| peer.transport == load.transport);
            assert!(peers.count() >= 2, "{}", load.name);
        }
    }
}
