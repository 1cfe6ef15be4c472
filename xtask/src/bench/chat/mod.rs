//! The chat beside other IRC servers, and what it costs alone: fan-out, a crowd that comes in, memory,
//! a second processor, and pages of a long history.
//!
//! Servers run in turn, on one processor, with the load on another; what a server did with its
//! processor time tells more than the rate where the load is the limit.

mod pages;
mod record;
mod servers;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::irc_load::{Crowd, Talk};
use super::{LOAD_CORE, SERVER_CORE, load, pin_to_load_core};
use crate::build::build_callbox;
use crate::shell::{output_of, program, works};
use record::{Figures, Record, Sample};
use servers::{IrcServer, Running, SERVERS, Start};

const TALKERS: usize = 4;
const WINDOW: usize = 8;
const TEXT_BYTES: usize = 64;

/// Where the load is to take little: the clients that check what they get, and the window, which is
/// wide because a message is done when those few have it.
const LISTENERS: usize = 8;
const WIDE_WINDOW: usize = 128;

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
            Measure::Fanout(clients) => self.fan_out(server, clients),
            Measure::Join(clients) => {
                let running = Running::start(server, self.callbox, self.start())?;
                let start = Instant::now();
                Crowd::connect(running.port(), clients)?.join()?;
                Ok(Figures { join_seconds: start.elapsed().as_secs_f64(), ..Figures::default() })
            }
            Measure::Idle(clients) => self.idle(server, clients),
            Measure::OneCore(clients) => self.fan_out_wide(server, SERVER_CORE, "1", clients),
            Measure::TwoCores(clients) => {
                let all = format!("0-{}", self.cores.saturating_sub(1));
                self.fan_out_wide(server, &all, "2", clients)
            }
        }
    }

    /// Everybody in one room, each delivery checked.
    fn fan_out(&self, server: &IrcServer, clients: usize) -> Result<Figures> {
        let running = Running::start(server, self.callbox, self.start())?;
        let kib_before = running.process().resident_kib()?;
        let report =
            std::env::temp_dir().join(format!("callbox-bench-chat-{}.json", std::process::id()));
        let mut words = fan_out_words(&running.port().to_string(), clients);
        let duration = format!("{}ms", self.plan.time.as_millis().max(1));
        // A sixth more to warm up.
        let warmup = format!("{}ms", (self.plan.time / 6).as_millis().max(1));
        let (pid, file) = (running.process().id().to_string(), report.to_string_lossy());
        let rest = ["--duration", &duration, "--warmup", &warmup, "--server-pid", &pid];
        words.extend(rest.into_iter().chain(["--json", &file, "--quiet"]).map(str::to_owned));
        let measured = load::bench(self.callbox, self.pinned.then_some(LOAD_CORE), &words, &report);
        let _ = fs::remove_file(&report);
        let measured = measured?;
        let step = measured.main_step().context("the report has no figures")?;
        let used = step.server.context("the report does not say what the server used")?;
        let counts = &step.counts;
        Ok(Figures {
            seconds: step.duration as f64 / 1e9,
            deliveries: counts.replies,
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
    fn fan_out_wide(
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
        let running = Running::start(server, self.callbox, start)?;
        let process = running.process();
        let mut crowd = Crowd::connect(running.port(), clients)?;
        crowd.join()?;
        let kib_before = process.resident_kib()?;
        crowd.spare_all_but(LISTENERS)?;
        let (window, size) = (WIDE_WINDOW, TEXT_BYTES);
        let talk = Talk { talkers: TALKERS, window, size, messages: u64::MAX };
        crowd.talk(talk)?;
        // A sixth more to warm up.
        crowd.pump_for(self.plan.time / 6)?;
        let processor_before = process.processor_time()?;
        crowd.count();
        let start = Instant::now();
        crowd.pump_for(self.plan.time)?;
        let seconds = start.elapsed().as_secs_f64();
        let processor_time = process.processor_time()?.saturating_sub(processor_before);
        let tally = crowd.tally();
        Ok(Figures {
            seconds,
            deliveries: tally.latencies.total() + tally.unchecked,
            bad: tally.bad,
            p50_us: tally.latencies.quantile(0.5),
            p99_us: tally.latencies.quantile(0.99),
            join_seconds: 0.0,
            processor_seconds: processor_time.as_secs_f64(),
            kib_before,
            kib: process.resident_kib()?,
        })
    }

    fn idle(&self, server: &IrcServer, clients: usize) -> Result<Figures> {
        let running = Running::start(server, self.callbox, self.start())?;
        let kib_before = running.process().resident_kib()?;
        let mut crowd = Crowd::connect(running.port(), clients)?;
        crowd.settle()?;
        let kib = running.process().resident_kib()?;
        Ok(Figures { kib_before, kib, ..Figures::default() })
    }
}

/// What follows `callbox` for a crowd in one room.
fn fan_out_words(port: &str, clients: usize) -> Vec<String> {
    let (clients, talkers) = (clients.to_string(), TALKERS.to_string());
    let (window, size) = (WINDOW.to_string(), TEXT_BYTES.to_string());
    let address = format!("127.0.0.1:{port}");
    let words = ["bench", "chat", &address, "--clients", &clients, "--channels", "1"];
    let rest = ["--talkers", &talkers, "--window", &window, "--size", &size];
    words.into_iter().chain(rest).map(str::to_owned).collect()
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
