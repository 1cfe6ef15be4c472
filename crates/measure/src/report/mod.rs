//! The report of a run: everything that was measured, and what makes the figures mean something.
//!
//! What is written as JSON is described field by field in `docs/bench-json.md`; [`json`] reads and writes it. A value
//! that follows from others is a method here, and is written beside them for those who read the file with another tool.

pub mod json;
mod machine;
#[cfg(test)]
pub(crate) mod sample;
mod step;
mod table;
mod warning;
mod words;

use std::collections::BTreeMap;

use callbox_exchange::Bare;
use serde::{Deserialize, Serialize};

pub use machine::{Clock, Machine};
pub use step::{Buffers, Counts, Lost, ServerUse, Step, ThreadUse, Throughput};
pub use table::Table;
pub use warning::{ENOUGH_SAMPLES, Warning};
pub use words::{Outcome, Sort, Words};

use crate::Nanos;
use crate::figures::show::{Elapsed, PerSecond};

/// What was measured, how, where, and what came of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The version of callbox that measured.
    pub callbox: String,
    /// What was talked over.
    pub kind: Kind,
    /// Whom it talked to, as it was typed.
    pub address: String,
    /// The command, word by word, as it was called.
    pub command: Vec<String>,
    /// Every option by its name without dashes and the value it had, those that were not typed too.
    pub options: BTreeMap<String, String>,
    /// What all chance came from: the same seed sends the same.
    pub seed: u64,
    /// When it began: RFC 3339, in UTC.
    pub began: String,
    /// How it ended.
    pub ended: Ended,
    /// Where it was measured.
    pub machine: Machine,
    /// What was measured: one step, or one for each rate of a climb, in their order.
    #[serde(deserialize_with = "json::read_steps")]
    pub steps: Vec<Step>,
    /// For a climb, the rate up to which the server keeps up, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knee: Option<Knee>,
}

/// What was talked over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Datagrams: a request and its reply.
    Udp,
    /// A stream.
    Tcp,
    /// A Unix socket.
    Unix,
    /// The chat: lines to rooms. A reply is a line's delivery to one member.
    Chat,
}

impl Kind {
    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
            Self::Chat => "chat",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// It ran for the time it was to.
    Complete,
    /// It was interrupted; what is reported was measured until then.
    Interrupted,
    /// The server refused, or every connection broke.
    Failed,
}

/// The highest rate that the server kept up with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Knee {
    /// Which of the steps it is, from 0.
    pub step: usize,
    /// The rate that was offered there, in requests a second.
    pub rate: f64,
    /// How it was found, in words.
    pub rule: String,
}

impl Report {
    /// The step that stands for the run: the only one, or that of the knee, or the last.
    pub fn main_step(&self) -> Option<&Step> {
        let knee = self.knee.as_ref().and_then(|knee| self.steps.get(knee.step));
        knee.or_else(|| self.steps.last())
    }

    /// What was measured, for how long, and how it ended, in a line.
    pub fn heading(&self) -> String {
        let (kind, address) = (self.kind.name(), Bare(self.address.as_bytes()));
        let load = match self.main_step().and_then(|step| step.offered) {
            _ if self.is_climb() => format!("{} rates", self.steps.len()),
            Some(offered) => format!("open loop at {}", PerSecond(offered)),
            None => "closed loop".to_owned(),
        };
        let ended = match self.ended {
            Ended::Complete => "",
            Ended::Interrupted => " (interrupted)",
            Ended::Failed => " (failed)",
        };
        format!("{kind} {address}, {}, {load}{ended}", Elapsed(self.duration()))
    }

    /// Whether the rate rose in steps.
    pub fn is_climb(&self) -> bool {
        self.steps.len() > 1
    }

    /// How long was measured, all steps together.
    pub fn duration(&self) -> Nanos {
        self.steps.iter().fold(0, |sum, step| sum.saturating_add(step.duration))
    }
}
