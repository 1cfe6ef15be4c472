//! The report as a file: JSON with a name and a version, so that a foreign or a newer file is told from a broken one.

use std::fmt::{self, Formatter};

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use super::{Report, Step, Warning};
use crate::plan::Rates;

/// What the field `format` says.
pub const FORMAT: &str = "callbox-bench";

/// What the field `version` says. A field that is added leaves it as it is, since readers pass over what they do not
/// know; a field that goes or that comes to mean something else makes it one more.
pub const VERSION: u32 = 1;

/// How long a file may be that is read: a climb of a hundred steps takes about 30 MB. A longer one is refused.
pub const MOST_BYTES: usize = 256 * 1024 * 1024;

/// Why a file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is longer than [`MOST_BYTES`].
    #[error("it is longer than {} MiB, which no report is", MOST_BYTES / 1024 / 1024)]
    TooLong,
    /// It is no JSON, or it was cut.
    #[error("it is not JSON: {0}")]
    NoJson(serde_json::Error),
    /// It is JSON, but no report of callbox bench.
    #[error("it is not a report of callbox bench: the field \"format\" does not say \"{FORMAT}\"")]
    Foreign,
    /// It was written by a newer callbox.
    #[error(
        "it is a report of version {0}, and this callbox reads up to version {VERSION}: use a newer callbox"
    )]
    Newer(u64),
    /// It says that it is a report, and is not like one.
    #[error("it is a report with a mistake in it: {0}")]
    Wrong(serde_json::Error),
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    report: &'a Report,
    warnings: Vec<WrittenWarning>,
}

/// A warning in words too, for whoever shows it.
#[derive(Serialize)]
struct WrittenWarning {
    #[serde(flatten)]
    warning: Warning,
    problem: String,
    advice: &'static str,
}

/// Read before anything else of the file.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Option<serde_json::Value>,
    #[serde(default)]
    version: Option<serde_json::Value>,
}

impl Report {
    /// The file, with a line break at its end.
    pub fn to_json(&self) -> String {
        let warnings = self.warnings().into_iter().map(|warning| WrittenWarning {
            problem: warning.problem(),
            advice: warning.advice(),
            warning,
        });
        let warnings = warnings.collect();
        let written = Written { format: FORMAT, version: VERSION, report: self, warnings };
        let json = serde_json::to_string_pretty(&written);
        json.expect("every map has text for keys, and no value fails") + "\n"
    }

    /// Reads such a file. What is not known is passed over.
    pub fn from_json(file: &[u8]) -> Result<Self, ReadError> {
        if file.len() > MOST_BYTES {
            return Err(ReadError::TooLong);
        }
        let head: Head = match serde_json::from_slice(file) {
            Ok(head) => head,
            Err(error) if error.is_data() => return Err(ReadError::Foreign),
            Err(error) => return Err(ReadError::NoJson(error)),
        };
        if head.format.is_none_or(|format| format != FORMAT) {
            return Err(ReadError::Foreign);
        }
        match head.version.and_then(|version| version.as_u64()) {
            Some(version) if version > u64::from(VERSION) => return Err(ReadError::Newer(version)),
            Some(1..) => {}
            _ => return Err(ReadError::Foreign),
        }
        serde_json::from_slice(file).map_err(ReadError::Wrong)
    }
}

/// Reads no more steps than a climb has: a step of a few hundred bytes in a file takes up to a megabyte here.
pub(super) fn read_steps<'de, D: Deserializer<'de>>(read: D) -> Result<Vec<Step>, D::Error> {
    read.deserialize_seq(Steps)
}

struct Steps;

impl<'de> Visitor<'de> for Steps {
    type Value = Vec<Step>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} steps", Rates::MAX_STEPS)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut read: A) -> Result<Self::Value, A::Error> {
        let mut steps = Vec::new();
        while let Some(step) = read.next_element()? {
            if steps.len() == Rates::MAX_STEPS {
                return Err(A::Error::invalid_length(steps.len() + 1, &self));
            }
            steps.push(step);
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Buffers, Knee, ServerUse, Throughput, sample};
    use super::*;
    use crate::figures::Latencies;

    #[test]
    fn what_is_written_is_read_again_whole() {
        let mut report = sample::report(5000);
        report.knee = Some(Knee { step: 0, rate: 1.5, rule: "by hand".into() });
        let step = &mut report.steps[0];
        step.offered = Some(500.25);
        step.slip = Some(Latencies::new());
        step.connect_time = Some(Latencies::new());
        step.came_in = Some(7);
        step.latency_from_sent = Some(step.latency.clone());
        step.buffers = Some(Buffers { asked: 3, send: 2, receive: 1 });
        step.throughput = Some(Throughput { requests: 7, replies: 20, unchecked: 5 });
        assert_eq!(step.rate(), 2.0);
        assert_eq!(Report::from_json(report.to_json().as_bytes()).unwrap(), report);
        let plain = sample::report(10);
        assert_eq!(Report::from_json(plain.to_json().as_bytes()).unwrap(), plain);
    }

    #[test]
    fn the_file_says_what_follows_from_the_rest_for_those_who_only_look() {
        let json: serde_json::Value =
            serde_json::from_str(&sample::report(5000).to_json()).unwrap();
        assert_eq!(json["format"], "callbox-bench");
        assert_eq!(json["version"], 1);
        assert_eq!(json["steps"][0]["reply_rate"], 500.0);
        assert_eq!(json["steps"][0]["latency"]["count"], 5000);
        let p50 = &json["steps"][0]["latency"]["percentiles_ns"]["p50"];
        assert!(p50.as_u64().unwrap().abs_diff(55_000) < 100, "{p50}");
        assert_eq!(json["steps"][0]["timeline"]["intervals"][0]["count"], 25);
        assert_eq!(json["warnings"][0]["warning"], "few_samples");
        assert_eq!(json["warnings"][0]["percentile"], "p99");
        assert!(json["warnings"][0]["advice"].is_string());
    }

    #[test]
    fn a_foreign_a_newer_and_a_broken_file_are_told_apart() {
        let said = |file: &str| Report::from_json(file.as_bytes()).unwrap_err().to_string();
        assert!(said("").starts_with("it is not JSON: EOF"), "{}", said(""));
        assert!(said("{\"format\":").contains("line 1 column"));
        for foreign in ["[]", "{}", "7", "{\"format\":\"iperf\",\"version\":1}", "{\"format\":3}"] {
            assert!(said(foreign).starts_with("it is not a report of callbox bench"), "{foreign}");
        }
        let newer = said("{\"format\":\"callbox-bench\",\"version\":2,\"steps\":7}");
        assert!(newer.contains("version 2") && newer.contains("newer callbox"), "{newer}");
        let wrong = said("{\"format\":\"callbox-bench\",\"version\":1}");
        assert!(wrong.contains("missing field"), "{wrong}");
    }

    #[test]
    fn every_field_is_described_in_the_document() {
        fn names(value: &serde_json::Value, found: &mut Vec<String>) {
            for (name, value) in value.as_object().into_iter().flatten() {
                // The options are named by the command line.
                if name != "options" {
                    names(value, found);
                }
                found.push(name.clone());
            }
            value.as_array().into_iter().flatten().for_each(|value| names(value, found));
        }
        let mut report = sample::report(100);
        report.knee = Some(Knee { step: 0, rate: 1.5, rule: "by hand".into() });
        report.steps[0].buffers = Some(Buffers { asked: 3, send: 2, receive: 1 });
        report.steps[0].server = Some(ServerUse::default());
        report.steps[0].throughput = Some(Throughput::default());
        report.steps[0].slip = Some(Latencies::new());
        let mut found = Vec::new();
        names(&serde_json::from_str(&report.to_json()).unwrap(), &mut found);
        let document = include_str!("../../../../docs/bench-json.md");
        for name in found {
            assert!(document.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let report = sample::report(10);
        let added = report.to_json().replacen('{', "{\"weather\": [1, {}],", 1);
        assert_eq!(Report::from_json(added.as_bytes()).unwrap(), report);
    }

    #[test]
    fn a_file_with_more_steps_than_a_climb_has_is_refused() {
        let mut report = sample::report(1);
        report.steps = vec![sample::step(0); Rates::MAX_STEPS];
        assert!(Report::from_json(report.to_json().as_bytes()).is_ok());
        report.steps.push(sample::step(0));
        let said = Report::from_json(report.to_json().as_bytes()).unwrap_err().to_string();
        assert!(said.contains("101, expected at most 100 steps"), "{said}");
    }

    #[test]
    fn a_file_that_was_tampered_with_is_refused_without_a_panic() {
        let json = sample::report(100).to_json();
        let zero = json.replace("\"interval_ns\": 50000000", "\"interval_ns\": 0");
        assert!(Report::from_json(zero.as_bytes()).unwrap_err().to_string().contains("no length"));
        let hdr = sample::report(100).steps[0].latency.encode();
        let cut = json.replace(&hdr, &hdr[..hdr.len() / 2 / 4 * 4]);
        let said = Report::from_json(cut.as_bytes()).unwrap_err().to_string();
        assert!(said.contains("no HdrHistogram"), "{said}");
    }
}
