//! What is kept of a run: every sample, and a page that says by which commands, programs and machine
//! they came about. A figure without these is worth nothing a month later.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::load::{LOADS, Load, Outcome};
use super::peers::{BASE, COMPILER, Peer, Program};
use super::{LOAD_CORE, SERVER_CORE};
use crate::shell::{output_of, program, root};

/// The result of one load on one server.
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) peer: &'static str,
    pub(crate) load: &'static str,
    pub(crate) time: Duration,
    pub(crate) outcome: Outcome,
}

impl Sample {
    /// The server's processor time for one right exchange, in microseconds.
    fn cost(&self) -> f64 {
        self.outcome.processor * 1e6 / self.outcome.good as f64
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round, peer, load, outcome, .. } = self;
        let Outcome { rate, bad, lost, p50, p99, .. } = outcome;
        write!(
            f,
            "round {round}  {load:12}  {peer:10}  {rate:9.0}/s  p50 {p50:.0} us  p99 {p99:.0} us  "
        )?;
        write!(f, "bad {bad}  lost {lost}  server {} us each", figure(self.cost()))
    }
}

/// A whole run.
pub(crate) struct Record<'a> {
    pub(crate) command: String,
    pub(crate) pinned: bool,
    /// Those that were measured, each with where its program is.
    pub(crate) present: Vec<(&'static Peer, String)>,
    pub(crate) absent: Vec<&'static Peer>,
    pub(crate) samples: &'a [Sample],
}

impl Record<'_> {
    /// Writes the record to its folder, beside the reports of the loads.
    pub(crate) fn keep(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("raw.csv"), self.csv())?;
        fs::write(folder.join("README.md"), self.page(&today()?)?)?;
        Ok(())
    }

    fn csv(&self) -> String {
        let mut csv = String::from(
            "round,load,peer,seconds,good,rate,bad,lost,p50_us,p99_us,server_processor_seconds\n",
        );
        for sample in self.samples {
            let Sample { round, peer, load, time, outcome } = sample;
            let Outcome { good, rate, bad, lost, p50, p99, processor } = outcome;
            let time = time.as_secs_f64();
            let _ = writeln!(
                csv,
                "{round},{load},{peer},{time},{good},{rate:.1},{bad},{lost},{p50:.1},{p99:.1},{processor:.2}"
            );
        }
        csv
    }

    fn page(&self, date: &str) -> Result<String> {
        let mut page = format!("# callbox beside other programs, {date}\n\n");
        let _ = writeln!(page, "Command: `{}`  ", self.command);
        let _ = writeln!(page, "Commit: {}  ", commit());
        let _ = writeln!(page, "Machine: {}  ", machine());
        let _ = writeln!(
            page,
            "Processors: {}  ",
            match self.pinned {
                true => format!("load on core {LOAD_CORE}, server on core {SERVER_CORE}"),
                false => "load and server share all of them".to_owned(),
            }
        );
        page.push_str(
            "Samples: raw.csv; in reports/ what `callbox bench` wrote of callbox's own servers in the first round\n\n",
        );
        page.push_str(
            "Each round starts every server in turn. The rate is the median of the rounds, in right \
             exchanges a second; the ratio is to the Python server of the same run. The load is \
             `callbox bench` on one core, a closed loop: for a fast server the load is the limit, and \
             the server's processor time for one exchange tells more than the rate; the latencies, in \
             microseconds, are those under that full load. A request counts as lost after a second. Bad \
             replies were wrong, run together or twice, or ended in a reset. Processor time is counted \
             in hundredths of a second; that of processes which ended and which nobody waited for is \
             missing.\n",
        );
        for load in LOADS {
            let Load { name, what, .. } = load;
            let _ = write!(page, "\n## {name}\n\n{what}.\n\n{}", self.table(name));
            if let Some((ours, _)) =
                self.present.iter().find(|(peer, _)| peer.transport == load.transport)
            {
                let _ = write!(page, "\n```sh\n{}\n```\n", load.typed(ours));
            }
        }
        page.push_str("\n## The servers\n\n");
        for (peer, path) in &self.present {
            let version = match peer.program {
                Program::C(_) => version(COMPILER, &["--version"]),
                _ => version(path, peer.version),
            };
            let _ = writeln!(page, "- {} ({}): {}.", peer.name, peer.transport, peer.does);
            let _ = writeln!(page, "  {version}\n\n{}", commanded(peer));
        }
        if !self.absent.is_empty() {
            let names: Vec<String> =
                self.absent.iter().map(|p| format!("{} ({})", p.name, p.transport)).collect();
            let _ = writeln!(page, "Not installed, so not measured: {}.", names.join(", "));
        }
        Ok(page.trim_end().to_owned() + "\n")
    }

    /// One line a server, for one load.
    fn table(&self, load: &str) -> String {
        let of = |peer: &str| -> Vec<&Sample> {
            self.samples.iter().filter(|s| (s.load, s.peer) == (load, peer)).collect()
        };
        let of_median = |peer, value: fn(&Outcome) -> f64| {
            median(of(peer).iter().map(|sample| value(&sample.outcome)))
        };
        let rate = |peer| of_median(peer, |outcome| outcome.rate);
        let mut names: Vec<&str> =
            self.samples.iter().filter(|sample| sample.load == load).map(|s| s.peer).collect();
        names.sort_unstable();
        names.dedup();
        let mut table = String::from(
            "| server | exchanges/s | × Python | p50 | p99 | bad | lost | server µs each |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for name in names {
            let samples = of(name);
            let cost = median(samples.iter().map(|sample| sample.cost()));
            let bad: u64 = samples.iter().map(|sample| sample.outcome.bad).sum();
            let lost: u64 = samples.iter().map(|sample| sample.outcome.lost).sum();
            let (ratio, cost) = (figure(rate(name) / rate(BASE)), figure(cost));
            let own = rate(name);
            let (p50, p99) = (of_median(name, |it| it.p50), of_median(name, |it| it.p99));
            let _ = writeln!(
                table,
                "| {name} | {own:.0} | {ratio} | {p50:.0} | {p99:.0} | {bad} | {lost} | {cost} |"
            );
        }
        table
    }
}

/// A figure with two places; a dash where there was nothing to divide by.
pub(crate) fn figure(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "-".to_owned() }
}

/// The middle value; of an even number the mean of the two in the middle; NaN of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[half],
        _ => (values[half - 1] + values[half]) / 2.0,
    }
}

/// The date of the day, `2026-01-31`.
pub(crate) fn today() -> Result<String> {
    Ok(output_of(&mut program("date", &["+%F"]))?.trim().to_owned())
}

/// A folder of the date, the kind of machine and what was measured (`-chat`); earlier runs of the day are kept.
pub(crate) fn new_folder(date: &str, what: &str) -> Result<PathBuf> {
    let cores =
        fs::read_to_string("/proc/cpuinfo").map_or(0, |text| text.matches("processor\t").count());
    let name =
        format!("{date}-{}-{}-{cores}core{what}", std::env::consts::OS, std::env::consts::ARCH);
    let runs = root().join("bench/runs");
    fs::create_dir_all(&runs)?;
    let mut folder = runs.join(&name);
    let mut number = 2;
    while folder.exists() {
        folder = runs.join(format!("{name}-{number}"));
        number += 1;
    }
    fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    Ok(folder)
}

/// How a server was started, as a block.
fn commanded(peer: &Peer) -> String {
    let mut block = match peer.program {
        Program::C(name) => {
            format!("  ```sh\n  {COMPILER} -O2 -o {name} bench/servers/{name}.c\n  ./{name}")
        }
        other => format!("  ```sh\n  {}", other.name()),
    };
    for arg in peer.args {
        let arg = arg.trim();
        let plain = arg.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c));
        let arg = if plain { arg.to_owned() } else { format!("'{}'", arg.replace('\'', r"'\''")) };
        block.push(' ');
        block.push_str(&arg.replace('\n', "\n  "));
    }
    block + "\n  ```\n"
}

/// The line in which a program tells its version.
pub(crate) fn version(path: &str, args: &[&str]) -> String {
    let Ok(output) = program(path, args).output() else { return "version not told".to_owned() };
    // ncat tells it on standard error.
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let line = text.lines().find(|line| line.chars().any(|c| c.is_ascii_digit()));
    line.unwrap_or("version not told").trim().to_owned()
}

pub(crate) fn commit() -> String {
    let Ok(commit) = output_of(&mut program("git", &["rev-parse", "--short", "HEAD"])) else {
        return "not known".to_owned();
    };
    let changed =
        output_of(&mut program("git", &["status", "--porcelain", "--untracked-files=no"]));
    let changed = changed.is_ok_and(|changes| !changes.is_empty());
    format!("{}{}", commit.trim(), if changed { " with changes" } else { "" })
}

pub(crate) fn machine() -> String {
    let kernel = output_of(&mut program("uname", &["-srm"])).unwrap_or_default();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = cpuinfo.matches("processor\t").count();
    format!("{cores} × {}, {}", model.unwrap_or("unknown processor"), kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(peer: &'static str, good: u64) -> Sample {
        let time = Duration::from_secs(2);
        let outcome = Outcome {
            good,
            rate: good as f64 / 2.0,
            bad: 1,
            lost: 0,
            p50: 7.0,
            p99: 9.0,
            processor: 1.0,
        };
        Sample { round: 1, peer, load: "udp-window", time, outcome }
    }

    #[test]
    fn the_table_sets_the_medians_in_relation() {
        let samples = [300, 100, 200].map(|good| sample("callbox", good));
        let samples: Vec<Sample> = samples.into_iter().chain([sample("python", 50)]).collect();
        let (present, absent) = (Vec::new(), Vec::new());
        let command = String::new();
        let record = Record { command, pinned: false, present, absent, samples: &samples };
        let table = record.table("udp-window");
        assert!(table.contains("| callbox | 100 | 4.00 | 7 | 9 | 3 | 0 | 5000.00 |"), "{table}");
        assert_eq!(record.csv().lines().count(), 5);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }
}
