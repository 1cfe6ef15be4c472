//! `callbox bench` itself under measurement: whether it drives a server as hard as a load that does
//! nothing but ask, whether an open loop keeps its times, and whether its memory stays flat.
//!
//! The server and the other load are small programs in C (`bench/servers`), so that neither has more
//! to do than the kernel asks of it. Load and server have a processor each.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::load::bench;
use super::peers::{PEERS, Peer, Program};
use super::process::Process;
use super::record::{commit, figure, machine, median, new_folder, today};
use super::server::Server;
use super::{LOAD_CORE, SERVER_CORE, pin_to_load_core};
use crate::built::build_callbox;
use crate::shell::{output_of, program};

/// The shape that both loads have.
const SOCKETS: &str = "8";
const WINDOW: &str = "32";
const SIZE: &str = "64";

/// The rate at which an open loop's times are looked at.
const RATE: &str = "10000";

/// How long the two runs are whose memory is compared, in seconds, and how often it is looked at.
const SHORT: u32 = 4;
const LONG: u32 = 60;
const LOOKS: Duration = Duration::from_millis(50);

/// One round, in turn.
struct Round {
    /// Right replies a second.
    plain: f64,
    ours: f64,
    /// How much later than intended half of an open loop's requests were sent, in microseconds, with
    /// the server on the other processor, and with both on one.
    slip_apart: f64,
    slip_shared: f64,
}

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (rounds, seconds) = parse(args)?;
    let callbox = build_callbox()?;
    if !pin_to_load_core() {
        bail!("this needs two processors and taskset: one for the load, one for the server");
    }
    let peer = PEERS.iter().find(|peer| peer.name == "c-mmsg").context("the server in C")?;
    let need = |path: Option<String>| path.context("this needs a C compiler, as `cc`");
    let server = need(peer.program.path(&callbox)?)?;
    let plain = need(Program::C("udp_load").path(&callbox)?)?;
    let scratch =
        std::env::temp_dir().join(format!("callbox-generator-{}.json", std::process::id()));
    let generator = Generator {
        callbox: &callbox,
        server: &server,
        peer,
        plain: &plain,
        seconds,
        scratch: &scratch,
    };
    let mut all = Vec::new();
    for number in 1..=rounds {
        let round = generator.round()?;
        println!(
            "round {number}  C {:.0}/s  callbox {:.0}/s  ratio {}  sent late by {} µs, on one processor {} µs",
            round.plain,
            round.ours,
            figure(round.ours / round.plain),
            figure(round.slip_apart),
            figure(round.slip_shared),
        );
        all.push(round);
    }
    let memory = (generator.memory(SHORT)?, generator.memory(LONG)?);
    println!("most memory: {} KiB in {SHORT} s, {} KiB in {LONG} s", memory.0, memory.1);
    let _ = fs::remove_file(&scratch);
    let command = format!("cargo xtask bench generator {}", args.join(" ")).trim_end().to_owned();
    let date = today()?;
    let folder = new_folder(&date, "-generator")?;
    fs::write(folder.join("raw.csv"), csv(&all))?;
    fs::write(folder.join("README.md"), page(&command, &date, &all, memory))?;
    println!("kept in {}", folder.display());
    Ok(())
}

fn parse(args: &[&str]) -> Result<(u32, u32)> {
    let (mut rounds, mut seconds) = (5, 3);
    for pair in args.chunks(2) {
        match pair {
            ["--rounds", number] => rounds = number.parse().context("--rounds")?,
            ["--seconds", number] => seconds = number.parse().context("--seconds")?,
            _ => bail!("usage: cargo xtask bench generator [--rounds N] [--seconds S]"),
        }
    }
    if rounds == 0 || seconds == 0 {
        bail!("a round and a second are needed");
    }
    Ok((rounds, seconds))
}

struct Generator<'a> {
    callbox: &'a str,
    server: &'a str,
    peer: &'a Peer,
    plain: &'a str,
    seconds: u32,
    /// Where reports go, to be read at once.
    scratch: &'a Path,
}

impl Generator<'_> {
    fn round(&self) -> Result<Round> {
        let start = |core| Server::start(self.peer, self.server, Some(core));
        let server = start(SERVER_CORE)?;
        let plain = self.plain(server.port())?;
        let ours = self
            .report(&words(server.port(), &["--window", WINDOW], self.seconds, self.scratch))?
            .rate();
        let slip_apart = self.slip(server.port())?;
        drop(server);
        let slip_shared = self.slip(start(LOAD_CORE)?.port())?;
        Ok(Round { plain, ours, slip_apart, slip_shared })
    }

    /// The load in C: right replies a second.
    fn plain(&self, port: u16) -> Result<f64> {
        let (port, seconds) = (port.to_string(), self.seconds.to_string());
        let words = ["-c", LOAD_CORE, self.plain, &port, SOCKETS, WINDOW, SIZE, &seconds];
        let told = output_of(&mut program("taskset", &words))?;
        let numbers: Vec<f64> = told.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        match numbers[..] {
            // A pause of the machine makes some of them late, and late is lost.
            [right, 0.0, _, seconds] => Ok(right / seconds),
            _ => bail!("the load in C had wrong replies: {told}"),
        }
    }

    fn slip(&self, port: u16) -> Result<f64> {
        let step = self.report(&words(port, &["--rate", RATE], self.seconds, self.scratch))?;
        let slip = step.slip.context("an open loop tells how late it sent")?;
        Ok(slip.percentile(50.0) as f64 / 1e3)
    }

    fn report(&self, words: &[String]) -> Result<callbox_measure::report::Step> {
        let report = bench(self.callbox, Some(LOAD_CORE), words, self.scratch)?;
        let step = report.main_step().cloned().context("the report has no figures")?;
        match step.counts.faults() {
            0 => Ok(step),
            bad => bail!("{bad} replies were wrong"),
        }
    }

    /// The most resident memory that the generator had in a run of some seconds, in KiB.
    fn memory(&self, seconds: u32) -> Result<u64> {
        let server = Server::start(self.peer, self.server, Some(SERVER_CORE))?;
        let words = words(server.port(), &["--window", WINDOW], seconds, self.scratch);
        let mut command = program("taskset", &["-c", LOAD_CORE, self.callbox]);
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Process::spawn(&mut command)?;
        let mut most = 0;
        while process.ended()?.is_none() {
            // It may have ended since.
            most = most.max(process.resident_kib().unwrap_or(0));
            thread::sleep(LOOKS);
        }
        Ok(most)
    }
}

/// What follows `callbox`.
fn words(port: u16, shape: &[&str], seconds: u32, report: &Path) -> Vec<String> {
    let (address, seconds) = (format!("127.0.0.1:{port}"), format!("{seconds}s"));
    let report = report.to_string_lossy();
    let words = ["bench", "udp", &address, "--connections", SOCKETS, "--size", SIZE];
    let rest = ["--check", "upper", "--duration", &seconds, "--warmup", "100ms", "--quiet"];
    let report = ["--json", &report];
    let all = words.iter().chain(shape).chain(&rest).chain(&report);
    all.map(|word| (*word).to_owned()).collect()
}

fn csv(rounds: &[Round]) -> String {
    let mut csv =
        String::from("round,c_replies_per_s,callbox_replies_per_s,slip_apart_us,slip_shared_us\n");
    for (number, Round { plain, ours, slip_apart, slip_shared }) in (1..).zip(rounds) {
        let _ = writeln!(csv, "{number},{plain:.0},{ours:.0},{slip_apart:.2},{slip_shared:.2}");
    }
    csv
}

fn page(command: &str, date: &str, rounds: &[Round], (short, long): (u64, u64)) -> String {
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value));
    format!(
        "# The load generator, {date}\n\n\
         Command: `{command}`  \n\
         Commit: {}  \n\
         Machine: {}  \n\
         Processors: load on core {LOAD_CORE}, server on core {SERVER_CORE}  \n\
         Samples: raw.csv\n\n\
         The server is `bench/servers/udp.c mmsg`, started anew for each round. Both loads have {SOCKETS} sockets, each with \
         {WINDOW} datagrams of {SIZE} bytes on their way, and take turns. `bench/servers/udp_load.c` compares each reply with \
         one and the same text and keeps nothing; `callbox bench udp` numbers its requests, compares each reply with the text \
         of its own, and records each latency. Figures are medians of the rounds; the ratio is that of each round.\n\n\
         | | |\n|---|--:|\n\
         | replies a second, load in C | {:.0} |\n\
         | replies a second, `callbox bench udp` | {:.0} |\n\
         | ratio | {} |\n\
         | sent late by, median of an open loop at `--rate {RATE}` | {} µs |\n\
         | the same, server on the load's processor | {} µs |\n\
         | most resident memory in a run of {SHORT} s under full load | {short} KiB |\n\
         | in one of {LONG} s | {long} KiB |\n",
        commit(),
        machine(),
        of(|round| round.plain),
        of(|round| round.ours),
        figure(of(|round| round.ours / round.plain)),
        figure(of(|round| round.slip_apart)),
        figure(of(|round| round.slip_shared)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_the_median_of_the_rounds_ratios() {
        let round = |plain, ours| Round { plain, ours, slip_apart: 1.5, slip_shared: 20.0 };
        let rounds = [round(100.0, 90.0), round(200.0, 220.0), round(100.0, 100.0)];
        let page = page("command", "2026-01-01", &rounds, (5_000, 5_004));
        assert!(page.contains("| ratio | 1.00 |"), "{page}");
        assert!(page.contains("| in one of 60 s | 5004 KiB |"), "{page}");
        assert_eq!(csv(&rounds).lines().count(), 4);
    }

    #[test]
    fn rounds_and_seconds_are_read() {
        assert_eq!(parse(&["--rounds", "2"]).expect("options"), (2, 3));
        for wrong in [&["--rounds", "0"][..], &["--seconds"], &["x", "1"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
