//! What is kept of a run: every sample, and a page that says how they came about.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use super::passage::{Passage, Way};
use super::programs::{Carrier, End, NCAT, YARDSTICK};
use super::start::Start;
use super::{Plan, STARTS};
use crate::bench::record::{commit, figure, machine, median, version};

/// All samples, in the order in which they were taken.
#[derive(Default)]
pub(super) struct Run {
    /// Round, way and program.
    pub(super) passages: Vec<(u32, Way, &'static str, Passage)>,
    /// Round and program.
    pub(super) starts: Vec<(u32, &'static str, Start)>,
}

impl Run {
    pub(super) fn passages_csv(&self) -> String {
        let mut csv = String::from("round,way,program,seconds,send_processor,receive_processor\n");
        for (round, way, name, Passage { time, send, receive }) in &self.passages {
            let [time, send, receive] = [time, send, receive].map(Duration::as_secs_f64);
            let _ = writeln!(csv, "{round},{},{name},{time:.3},{send:.2},{receive:.2}", way.name());
        }
        csv
    }

    pub(super) fn starts_csv(&self) -> String {
        let mut csv = String::from("round,program,first_byte_ms,whole_ms\n");
        for (round, name, Start { first_byte, whole }) in &self.starts {
            let [first, whole] = [first_byte, whole].map(|time| time.as_secs_f64() * 1e3);
            let _ = writeln!(csv, "{round},{name},{first:.3},{whole:.3}");
        }
        csv
    }

    /// The median of what `of` gives for the passages of one program on one way; not a number if there is none.
    fn passage(&self, way: Way, name: &str, of: fn(&Passage) -> Duration) -> f64 {
        let chosen = self.passages.iter().filter(|(_, w, n, _)| (*w, *n) == (way, name));
        median(chosen.map(|(.., passage)| of(passage).as_secs_f64()))
    }

    fn start(&self, name: &str, of: fn(&Start) -> Duration) -> f64 {
        let chosen = self.starts.iter().filter(|(_, n, _)| *n == name);
        median(chosen.map(|(.., start)| of(start).as_secs_f64() * 1e3))
    }
}

/// What a run is told with.
pub(super) struct Page<'a> {
    pub(super) command: String,
    pub(super) date: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) present: Vec<&'static Carrier>,
    pub(super) absent: Vec<&'static Carrier>,
}

impl Page<'_> {
    pub(super) fn text(&self, run: &Run, callbox: &str) -> Result<String> {
        let Plan { rounds, gib } = self.plan;
        let mut text = format!("# Streams through netcats, {}\n\n", self.date);
        let _ = writeln!(text, "Command: `{}`  ", self.command);
        let _ = writeln!(text, "Commit: {}  ", commit());
        let _ = writeln!(text, "Machine: {}  ", machine());
        let _ = writeln!(text, "Samples: raw.csv, starts.csv\n");
        let _ = writeln!(
            text,
            "Each round starts every program in turn, and figures are medians of {rounds} rounds; they are for comparison \
             within the run. {gib} GiB of zeros in memory go over loopback TCP from one end of a program to its other end, \
             whose standard output is /dev/null. The time is from the start of the sender until both have ended. The \
             yardstick is sendfile or splice in a loop of blocking calls, and nothing else."
        );
        for way in Way::ALL {
            let _ = write!(text, "\n## {}\n\n{}", heading(way), self.table(run, way));
        }
        let _ = write!(text, "\n## Start\n\n{}", self.starts(run));
        text.push_str("\n## The programs\n\n");
        for carrier in &self.present {
            let path = carrier.path(callbox)?;
            let told = match carrier.name {
                YARDSTICK => "part of `cargo xtask`".to_owned(),
                _ => version(&path, carrier.version),
            };
            let words = |end| carrier.words(end, "PORT", false).join(" ");
            let _ = writeln!(text, "- {}: {told}.", carrier.name);
            let _ = writeln!(
                text,
                "  Receives with `{}`, sends with `{}`.",
                words(End::Receive),
                words(End::Send)
            );
        }
        if !self.absent.is_empty() {
            let names: Vec<&str> = self.absent.iter().map(|carrier| carrier.name).collect();
            let _ = writeln!(text, "\nNot installed, so not measured: {}.", names.join(", "));
        }
        Ok(text)
    }

    fn table(&self, run: &Run, way: Way) -> String {
        let rate = |name| gigabytes(self.plan.gib) / run.passage(way, name, |p| p.time);
        let processor = |name| run.passage(way, name, |p| p.send + p.receive);
        let mut table = String::from(
            "| program | GB/s | × ncat | × yardstick | processor s, send | receive | both, of ncat's |\n\
             |---|--:|--:|--:|--:|--:|--:|\n",
        );
        for name in self.present.iter().map(|carrier| carrier.name) {
            if !rate(name).is_finite() {
                continue;
            }
            let _ = writeln!(
                table,
                "| {name} | {} | {} | {} | {} | {} | {} |",
                figure(rate(name)),
                figure(rate(name) / rate(NCAT)),
                figure(rate(name) / rate(YARDSTICK)),
                figure(run.passage(way, name, |p| p.send)),
                figure(run.passage(way, name, |p| p.receive)),
                figure(processor(name) / processor(NCAT)),
            );
        }
        table
    }

    fn starts(&self, run: &Run) -> String {
        let mut table = format!(
            "A client finds one byte on its standard input: the time from before it is started until the byte is at the \
             far end, and until the client is gone. Medians of {} starts.\n\n\
             | program | first byte, ms | whole, ms | whole, of ncat's |\n|---|--:|--:|--:|\n",
            STARTS * self.plan.rounds
        );
        for name in self.present.iter().map(|carrier| carrier.name) {
            let (first, whole) = (run.start(name, |s| s.first_byte), run.start(name, |s| s.whole));
            if whole.is_finite() {
                let of_ncat = figure(whole / run.start(NCAT, |s| s.whole));
                let (first, whole) = (figure(first), figure(whole));
                let _ = writeln!(table, "| {name} | {first} | {whole} | {of_ncat} |");
            }
        }
        table
    }
}

const fn heading(way: Way) -> &'static str {
    match way {
        Way::File => "From a file",
        Way::Pipe => "From a pipe",
        Way::Tls => "TLS, from a file",
    }
}

/// 10⁹ bytes, as rates count.
pub(super) fn gigabytes(gib: u64) -> f64 {
    (gib << 30) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::programs::{CALLBOX, CARRIERS};
    use super::*;

    fn run() -> Run {
        let passage = |seconds| Passage {
            time: Duration::from_secs(seconds),
            send: Duration::from_secs(seconds),
            receive: Duration::from_secs(1),
        };
        let of = |name, seconds| (1, Way::File, name, passage(seconds));
        let start = |ms| Start {
            first_byte: Duration::from_millis(ms),
            whole: Duration::from_millis(2 * ms),
        };
        Run {
            passages: vec![of(CALLBOX, 1), of(NCAT, 9), of(YARDSTICK, 2)],
            starts: vec![(1, CALLBOX, start(1)), (1, NCAT, start(4))],
        }
    }

    #[test]
    fn the_tables_set_each_program_in_relation_to_ncat_and_the_yardstick() {
        let plan = Plan { rounds: 1, gib: 1 };
        let present = CARRIERS.iter().collect();
        let page =
            Page { command: String::new(), date: "", plan: &plan, present, absent: Vec::new() };
        let table = page.table(&run(), Way::File);
        assert!(
            table.contains("| callbox nc | 1.07 | 9.00 | 2.00 | 1.00 | 1.00 | 0.20 |"),
            "{table}"
        );
        assert!(!table.contains("socat"), "what was not measured is left out: {table}");
        let starts = page.starts(&run());
        assert!(starts.contains("| callbox nc | 1.00 | 2.00 | 0.25 |"), "{starts}");
    }

    #[test]
    fn every_sample_is_kept() {
        assert_eq!(run().passages_csv().lines().count(), 4);
        assert_eq!(run().starts_csv().lines().count(), 3);
    }
}
