//! The chat beside other IRC servers, and what it costs alone: fan-out, a crowd that comes in, memory,
//! a second processor, and pages of a long history.
//!
//! Servers run in turn, on one processor, with the load on another; what a server did with its
//! processor time tells more than the rate where the load is the limit.

mod client;
mod pages;
mod record;
mod servers;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{LOAD_CORE, SERVER_CORE, load, pin_to_load_core};
use crate::built::build_callbox;
use crate::shell::{output_of, program, works};
use client::Client;
use record::{Figures, Record, Sample};
use servers::{IrcServer, Running, SERVERS, Start};

const TALKERS: usize = 4;
const WINDOW: usize = 8;
const TEXT_BYTES: usize = 64;

/// Where the load is to take little: the clients that check what they get, and the window, which is
/// wide because a message is done when those few have it.
const CHECKED: usize = 8;
const WIDE_WINDOW: usize = 128;

/// How long is measured where the crowd is only to come in.
const SILENCE: Duration = Duration::from_millis(1);

/// Clients that only sit there knock so many at a time: the queue of connections that a server has not accepted is short.
const AT_A_TIME: usize = 64;

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// So many in one room, of whom four talk.
    Fanout(usize),
    /// So many come into one room.
    Join(usize),
    /// So many are there and do nothing.
    Idle(usize),
    /// The fan-out with one processor for the server, and a load that looks at little.
    OneCore(usize),
    /// The same with all processors and two threads for the server; the load takes a part of one.
    TwoCores(usize),
}

impl Measure {
    fn name(self) -> String {
        let (Self::Fanout(n)
        | Self::Join(n)
        | Self::Idle(n)
        | Self::OneCore(n)
        | Self::TwoCores(n)) = self;
        let kind = match self {
            Self::Fanout(_) => "fan-out",
            Self::Join(_) => "join",
            Self::Idle(_) => "idle",
            Self::OneCore(_) => "one-core",
            Self::TwoCores(_) => "two-cores",
        };
        format!("{kind}-{n}")
    }
}

/// Every server runs these in each round, but the last two: what a second processor gives is asked
/// of callbox alone, for the others have one thread.
const MEASURES: &[Measure] = &[
    Measure::Fanout(100),
    Measure::Fanout(FACTOR_CLIENTS),
    Measure::Join(1_500),
    Measure::Idle(2_000),
    Measure::OneCore(FACTOR_CLIENTS),
    Measure::TwoCores(FACTOR_CLIENTS),
];

/// The fan-out by which one processor and two are compared.
const FACTOR_CLIENTS: usize = 500;

/// Runs every server that is installed under every load, and keeps what came out.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let plan = Plan::parse(args)?;
    let callbox = build_callbox()?;
    raise_file_limit();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pinned = pin_to_load_core();
    let bench = Bench { plan: &plan, callbox: &callbox, pinned, cores };
    let (present, absent): (Vec<&IrcServer>, Vec<&IrcServer>) =
        SERVERS.iter().partition(|server| server.path(&callbox).is_some());
    let mut samples = Vec::new();
    for round in 1..=plan.rounds {
        for &measure in MEASURES {
            let alone = matches!(measure, Measure::OneCore(_) | Measure::TwoCores(_));
            for server in present.iter().filter(|server| server.is_ours() || !alone) {
                // Who did not get to the end once would take all of the limit again.
                let failed = |s: &Sample| s.server == server.name && s.result.is_err();
                if samples.iter().any(|s: &Sample| failed(s) && s.measure == measure.name()) {
                    continue;
                }
                let result = bench.measure(server, measure);
                let result = result.map_err(|error| format!("{error:#}"));
                let sample = Sample { round, measure: measure.name(), server: server.name, result };
                println!("{sample}");
                samples.push(sample);
            }
        }
    }
    let pages = if plan.lines > 0 {
        pages::measure(&callbox, &bench.start(), plan.lines)?
    } else {
        Vec::new()
    };
    let command = format!("cargo xtask bench chat {}", args.join(" ")).trim_end().to_owned();
    let record = Record {
        command,
        pinned,
        callbox: &callbox,
        present,
        absent,
        samples: &samples,
        lines: plan.lines,
        pages: &pages,
    };
    let folder = record.keep()?;
    println!("kept in {}", folder.display());
    Ok(())
}

struct Bench<'a> {
    plan: &'a Plan,
    callbox: &'a str,
    pinned: bool,
    cores: usize,
}

impl Bench<'_> {
    /// How servers are started, but for the measure of a second processor.
    fn start(&self) -> Start<'static> {
        Start { cores: self.pinned.then_some(SERVER_CORE), args: &[] }
    }

    /// One measure on one freshly started server.
    fn measure(&self, server: &IrcServer, measure: Measure) -> Result<Figures> {
        match measure {
            Measure::Fanout(clients) => self.load(server, self.start(), Crowd::all(clients)),
            Measure::Join(clients) => self.load(server, self.start(), Crowd::silent(clients)),
            Measure::Idle(clients) => self.idle(server, clients),
            Measure::OneCore(clients) => self.on_cores(server, SERVER_CORE, "1", clients),
            Measure::TwoCores(clients) => {
                let all = format!("0-{}", self.cores.saturating_sub(1));
                self.on_cores(server, &all, "2", clients)
            }
        }
    }

    /// What a crowd in one room makes of a server.
    fn load(&self, server: &IrcServer, start: Start<'_>, crowd: Crowd) -> Result<Figures> {
        let running = Running::start(server, self.callbox, start)?;
        let kib_before = running.process().resident_kib()?;
        let report =
            std::env::temp_dir().join(format!("callbox-bench-chat-{}.json", std::process::id()));
        let mut words = crowd.words(&running.port().to_string());
        let time = if crowd.talks { self.plan.time } else { SILENCE };
        words.extend(load::timing(time));
        words.extend(load::reporting(running.process().id(), &report));
        let measured = load::bench(self.callbox, self.pinned.then_some(LOAD_CORE), &words, &report);
        let _ = fs::remove_file(&report);
        let measured = measured?;
        let step = measured.main_step().context("the report has no figures")?;
        let came_in = step.came_in.context("the report does not say when all had come in")?;
        if !crowd.talks {
            return Ok(Figures { join_seconds: came_in as f64 / 1e9, ..Figures::default() });
        }
        let used = step.server.context("the report does not say what the server used")?;
        let counts = &step.counts;
        Ok(Figures {
            seconds: step.duration as f64 / 1e9,
            deliveries: step.throughput().came(),
            bad: counts.faults() + counts.duplicated + counts.reordered,
            p50_us: step.latency.percentile(50.0) / 1000,
            p99_us: step.latency.percentile(99.0) / 1000,
            join_seconds: 0.0,
            processor_seconds: used.processor as f64 / 1e9,
            kib_before,
            kib: used.memory / 1024,
        })
    }

    /// The fan-out by which one processor and two are compared.
    fn on_cores(
        &self,
        server: &IrcServer,
        cores: &str,
        threads: &str,
        clients: usize,
    ) -> Result<Figures> {
        if !self.pinned {
            bail!("there is no second processor, or no taskset");
        }
        let start = Start { cores: Some(cores), args: &["--threads", threads] };
        self.load(server, start, Crowd::partly_checked(clients))
    }

    fn idle(&self, server: &IrcServer, clients: usize) -> Result<Figures> {
        let running = Running::start(server, self.callbox, self.start())?;
        let kib_before = running.process().resident_kib()?;
        let mut crowd: Vec<Client> = Vec::with_capacity(clients);
        while crowd.len() < clients {
            let first = crowd.len();
            for number in first..clients.min(first + AT_A_TIME) {
                crowd.push(Client::knock_as_one_of_many(running.port(), &format!("b{number}"))?);
            }
            crowd[first..].iter_mut().try_for_each(Client::come_in)?;
        }
        crowd.iter_mut().try_for_each(Client::settle)?;
        let kib = running.process().resident_kib()?;
        Ok(Figures { kib_before, kib, ..Figures::default() })
    }
}

/// Who is in the room, and how much is said there.
#[derive(Clone, Copy, Debug)]
struct Crowd {
    clients: usize,
    window: usize,
    /// Those who check what they hear; the others count it.
    checked: usize,
    talks: bool,
}

impl Crowd {
    /// Everybody checks each delivery.
    fn all(clients: usize) -> Self {
        Self { clients, window: WINDOW, checked: clients, talks: true }
    }

    /// Everybody comes in, and next to nothing is said.
    fn silent(clients: usize) -> Self {
        Self { talks: false, ..Self::all(clients) }
    }

    /// A few check, so that the load takes little.
    fn partly_checked(clients: usize) -> Self {
        Self { clients, window: WIDE_WINDOW, checked: CHECKED, talks: true }
    }

    /// What follows `callbox`.
    fn words(self, port: &str) -> Vec<String> {
        let Self { clients, window, checked, talks } = self;
        let mut words = format!("bench chat 127.0.0.1:{port} --clients {clients} --channels 1");
        if talks {
            words += &format!(" --talkers {TALKERS} --window {window} --size {TEXT_BYTES}");
        }
        if checked < clients {
            words += &format!(" --checked {checked}");
        }
        words.split(' ').map(str::to_owned).collect()
    }
}

/// The crowd and its server need a file for each client: as many as the system lets us have.
fn raise_file_limit() {
    let own = std::process::id().to_string();
    let limit = |which: &str| {
        output_of(&mut program(
            "prlimit",
            &["--pid", &own, "--nofile", "--noheadings", "-o", which],
        ))
    };
    if let Ok(hard) = limit("HARD") {
        let all = format!("--nofile={0}:{0}", hard.trim());
        works(&mut program("prlimit", &["--pid", &own, &all]));
    }
}

struct Plan {
    rounds: u32,
    time: Duration,
    /// Lines of history that pages are read from.
    lines: u64,
}

impl Plan {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut plan = Self { rounds: 3, time: Duration::from_secs(3), lines: 1_000_000 };
        for pair in args.chunks(2) {
            match pair {
                ["--rounds", rounds] => plan.rounds = rounds.parse().context("--rounds")?,
                ["--seconds", seconds] => {
                    let seconds = seconds.parse().context("--seconds")?;
                    plan.time = Duration::try_from_secs_f64(seconds).context("--seconds")?;
                }
                ["--lines", lines] => plan.lines = lines.parse().context("--lines")?,
                _ => bail!("usage: cargo xtask bench chat [--rounds N] [--seconds S] [--lines N]"),
            }
        }
        if plan.rounds == 0 || plan.time.is_zero() {
            bail!("a round and some time are needed");
        }
        if (1..pages::LEAST_LINES).contains(&plan.lines) {
            bail!("pages need {} lines of history, or none are asked for", pages::LEAST_LINES);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servers::CALLBOX;

    #[test]
    fn a_plan_is_read_from_its_options() {
        let args = ["--rounds", "5", "--seconds", "0.5", "--lines", "1000"];
        let plan = Plan::parse(&args).expect("a plan");
        assert_eq!((plan.rounds, plan.time, plan.lines), (5, Duration::from_millis(500), 1_000));
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--lines", "7"], &["x", "1"]] {
            assert!(Plan::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn ours_and_the_one_to_relate_to_are_among_the_servers() {
        for name in [CALLBOX.name, servers::BASE] {
            assert!(SERVERS.iter().any(|server| server.name == name), "{name}");
        }
    }
}
