//! The loads of the comparison: each is one call of `callbox bench`, whose report is read back.
//!
//! The load is callbox's own, in a process of its own and on a processor of its own, so a server is
//! driven as a user would drive it, and each figure can be had again by typing the command.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callbox_measure::report::{Report, Step};

use super::peers::{Answer, Peer, Transport};
use super::server::Server;
use crate::shell::{program, typed};

/// One way of asking a server for exchanges.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) transport: Transport,
    pub(crate) what: &'static str,
    /// What follows `callbox bench udp|tcp ADDRESS`.
    pub(crate) options: &'static [&'static str],
}

/// The window of the first is half of what fills a receive buffer of Linux's default size (212,992
/// bytes, about 256 small datagrams): what is compared is work, and not what a kernel drops.
pub(crate) const LOADS: &[Load] = &[
    Load {
        name: "udp-window",
        transport: Transport::Udp,
        what: "8 sockets, each with 16 datagrams of 64 bytes on their way",
        options: &["--connections", "8", "--window", "16", "--size", "64"],
    },
    Load {
        name: "udp-plain",
        transport: Transport::Udp,
        what: "the same without segmentation: each datagram goes through the stack alone",
        options: &["--connections", "8", "--window", "16", "--size", "64", "--no-gso", "--no-gro"],
    },
    Load {
        name: "udp-pingpong",
        transport: Transport::Udp,
        what: "1 socket with 1 datagram of 64 bytes on its way",
        options: &["--connections", "1", "--window", "1", "--size", "64"],
    },
    Load {
        name: "tcp-16",
        transport: Transport::Tcp,
        what: "16 connections at a time; each sends 16 bytes, expects 16 bytes and an orderly end of file",
        options: &["--connections", "16", "--connect-each", "--size", "16"],
    },
    Load {
        name: "tcp-17",
        transport: Transport::Tcp,
        what: "the same with 17 bytes, of which the last is never asked for",
        options: &["--connections", "16", "--connect-each", "--size", "17"],
    },
];

/// What one load did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Right exchanges, and how many a second.
    pub(crate) good: u64,
    pub(crate) rate: f64,
    /// Replies that were wrong or belonged to nothing, and connections that broke.
    pub(crate) bad: u64,
    /// Requests that had no reply in time.
    pub(crate) lost: u64,
    /// Latencies in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time of the server, in seconds.
    pub(crate) processor: f64,
}

impl Outcome {
    /// What the figures of a step come to.
    fn of(step: &Step) -> Result<Self> {
        let micros = |of_hundred| step.latency.percentile(of_hundred) as f64 / 1e3;
        let used = step.server.context("the report does not say what the server used")?;
        Ok(Self {
            good: step.throughput().replies,
            rate: step.rate(),
            bad: step.counts.faults(),
            lost: step.counts.lost.total() + step.counts.late,
            p50: micros(50.0),
            p99: micros(99.0),
            processor: used.processor as f64 / 1e9,
        })
    }
}

impl Load {
    /// The command as it can be typed, for a server on port PORT.
    pub(crate) fn typed(&self, peer: &Peer) -> String {
        format!("callbox {}", self.words(peer, "PORT").join(" "))
    }

    /// Loads a server for a time, from one processor if one is named. The report goes to a file.
    pub(crate) fn run(
        &self,
        callbox: &str,
        peer: &Peer,
        server: &Server,
        time: Duration,
        core: Option<&str>,
        report: &Path,
    ) -> Result<Outcome> {
        let mut words = self.words(peer, &server.port().to_string());
        words.extend(timing(time));
        words.extend(reporting(server.id(), report));
        let report = bench(callbox, core, &words, report)?;
        report.main_step().context("the report has no figures").and_then(Outcome::of)
    }

    fn words(&self, peer: &Peer, port: &str) -> Vec<String> {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        // What a stream answers, the load finds out by asking once: every peer gives the same 16 bytes.
        let check: &[&str] = match (self.transport, peer.answer) {
            (Transport::Tcp, _) => &[],
            (Transport::Udp, Answer::Upper) => &["--check", "upper"],
            (Transport::Udp, Answer::Same) => &["--check", "echo"],
        };
        let address = format!("127.0.0.1:{port}");
        ["bench", transport, &address]
            .iter()
            .chain(self.options)
            .chain(check)
            .map(|it| (*it).to_owned())
            .collect()
    }
}

/// How long is measured, with a sixth more to warm up.
pub(crate) fn timing(time: Duration) -> [String; 4] {
    let millis = |time: Duration| format!("{}ms", time.as_millis().max(1));
    ["--duration".to_owned(), millis(time), "--warmup".to_owned(), millis(time / 6)]
}

/// Of which server more is told, and where to.
pub(crate) fn reporting(server: u32, report: &Path) -> [String; 5] {
    let report = report.to_string_lossy().into_owned();
    [
        "--server-pid".to_owned(),
        server.to_string(),
        "--json".to_owned(),
        report,
        "--quiet".to_owned(),
    ]
}

/// Runs `callbox` with these words, from one processor if one is named, and reads the report that it
/// wrote. A server that answers wrongly is a result, and no error.
pub(crate) fn bench(
    callbox: &str,
    core: Option<&str>,
    words: &[String],
    report: &Path,
) -> Result<Report> {
    let mut command = match core {
        Some(core) => program("taskset", &["-c", core, callbox]),
        None => program(callbox, &[]),
    };
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.output().with_context(|| format!("cannot start {}", typed(&command)))?;
    let file = fs::read(report).ok().filter(|_| matches!(output.status.code(), Some(0 | 1)));
    let Some(file) = file else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}\n{stderr}", typed(&command), output.status);
    };
    Report::from_json(&file).with_context(|| format!("{}", report.display()))
}

#[cfg(test)]
mod tests {
    use super::super::peers::PEERS;
    use super::*;

    #[test]
    fn every_load_has_a_peer_to_compare_with() {
        for load in LOADS {
            let peers = PEERS.iter().filter(|peer| peer.transport == load.transport);
            assert!(peers.count() >= 2, "{}", load.name);
        }
    }

    #[test]
    fn a_load_is_typed_with_the_check_that_its_peer_wants() {
        let echo = PEERS.iter().find(|peer| peer.answer == Answer::Same).expect("one that echoes");
        let expected =
            "callbox bench udp 127.0.0.1:PORT --connections 8 --window 16 --size 64 --check echo";
        assert_eq!(LOADS[0].typed(echo), expected);
    }
}
