//! The runs of a measurement, one or one for each rate, and the report that they make.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callbox_irc::stamp;
use callbox_load::chat::ChatLoad;
use callbox_load::probe::Place;
use callbox_load::stream::{self, StreamLoad};
use callbox_load::udp::UdpLoad;
use callbox_load::unix_datagram::UnixDatagramLoad;
use callbox_load::{Control, LoadError, Outcome, machine};
use callbox_measure::climb::{self, StepResult};
use callbox_measure::plan::Rate;
use callbox_measure::report::{Ended, Knee, Report, Step};
use callbox_net::limits;

use super::options::{Load, Options, Pace};
use super::target::{Exchange, Target, cannot_measure, settle};
use crate::messages::Failure;

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// The report, of at least one step.
    pub report: Report,
    /// What ended the last run before its time, if something failed.
    pub error: Option<LoadError>,
}

/// Hears how far a measurement is.
pub trait Watch {
    /// The server is asked what it does.
    fn asks(&self);

    /// The next run begins.
    fn begins(&self, stage: Stage);
}

/// Nobody wants to know.
impl Watch for () {
    fn asks(&self) {}

    fn begins(&self, _stage: Stage) {}
}

/// One run of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Which one, from 1.
    pub number: usize,
    /// Of how many at most.
    pub of: usize,
    /// The rate that is offered, if one is.
    pub rate: Option<Rate>,
    /// How long it takes, its warm-up with it.
    pub lasts: Duration,
}

/// Measures a server: one run, or one for each rate of a climb until the server no longer keeps up. Asks the server
/// first what it does, if the options do not say it.
///
/// # Errors
///
/// What kept anything from being measured. What fails later is told beside the report.
pub fn measure(
    options: &Options,
    target: &Target,
    control: &Control,
    watch: &dyn Watch,
) -> Result<Measured, Failure> {
    let began = SystemTime::now();
    let mut options = options.clone();
    make_room(&options)?;
    watch.asks();
    let exchange = match options.messages().cloned() {
        Some(messages) => Some(settle(&options, &messages, target, control)?),
        None => None,
    };
    if let Some(exchange) = &exchange {
        options.list("check", exchange.payload.check());
        if exchange.connect_each {
            options.connect_each()?;
            make_room(&options)?;
        }
    }
    let mut steps = Vec::new();
    let mut results = Vec::new();
    let (mut ended, mut error) = (Ended::Complete, None);
    let rates = options.rates();
    for (at, &rate) in rates.iter().enumerate() {
        let lasts = Duration::from_nanos(options.stretch.end());
        watch.begins(Stage { number: at + 1, of: rates.len(), rate, lasts });
        let outcome = run_once(&options, exchange.as_ref(), target, rate, control);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failed) if steps.is_empty() => return Err(cannot_measure(target, &failed)),
            Err(failed) => {
                let stopped = matches!(failed, LoadError::Stopped);
                ended = if stopped { Ended::Interrupted } else { Ended::Failed };
                error = (!stopped).then_some(failed);
                break;
            }
        };
        (ended, error) = (outcome.ended, outcome.error);
        if let Some(error) = error.take_if(|_| steps.is_empty() && is_nothing(&outcome.step)) {
            return Err(cannot_measure(target, &error));
        }
        // Of one that ended in its warm-up there is nothing to report.
        if outcome.step.duration > 0 {
            // One that was cut short says nothing of whether the server keeps up.
            let judged = rate.filter(|_| ended != Ended::Interrupted);
            results.extend(judged.map(|rate| result(rate, &outcome.step)));
            steps.push(outcome.step);
        }
        if ended != Ended::Complete || climb::is_over(&results) {
            break;
        }
    }
    if steps.is_empty() {
        return Err(cannot_measure(target, &LoadError::Stopped));
    }
    let is_climb = matches!(options.pace, Pace::Climb(_));
    let knee = if is_climb { knee(&results, ended) } else { None };
    let report = Report {
        callbox: env!("CARGO_PKG_VERSION").to_owned(),
        kind: options.kind(),
        address: target.name.clone(),
        command: options.command,
        options: options.listed,
        seed: options.seed,
        began: moment(began),
        ended,
        machine: machine::describe(),
        steps,
        knee,
    };
    Ok(Measured { report, error })
}

/// Whether nothing came of a run, but for refusals that its error tells: then there is nothing to report.
fn is_nothing(step: &Step) -> bool {
    step.duration == 0 || step.counts.replies == 0 && step.counts.refused == step.counts.faults()
}

/// Descriptors beside those of the connections: the streams, a few pollers, the pipes of signals.
const OTHER_FILES: usize = 64;

/// Sees to it that as many sockets can be opened as are asked for.
fn make_room(options: &Options) -> Result<(), Failure> {
    let limit = limits::raise_open_files();
    match options.connections().saturating_add(OTHER_FILES) <= limit {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "{} connections need more open files than the {limit} that this process may have: raise the hard limit (ulimit -Hn), or ask for fewer",
            options.connections()
        ))),
    }
}

/// Runs one load, and fills in what only its caller knows.
fn run_once(
    options: &Options,
    exchange: Option<&Exchange>,
    target: &Target,
    rate: Option<Rate>,
    control: &Control,
) -> Result<Outcome, LoadError> {
    let stolen_before = machine::stolen();
    let mut outcome = load(options, exchange, target, rate, control)?;
    outcome.step.offered = rate.map(Rate::as_f64);
    let stolen = machine::stolen().zip(stolen_before);
    outcome.step.stolen = stolen.map(|(after, before)| after.saturating_sub(before));
    Ok(outcome)
}

fn load(
    options: &Options,
    exchange: Option<&Exchange>,
    target: &Target,
    rate: Option<Rate>,
    control: &Control,
) -> Result<Outcome, LoadError> {
    let plan = options.plan(rate);
    let Some(exchange) = exchange else {
        return match (&options.load, &target.place) {
            (Load::Chat { crowd, size, password }, Place::Tcp(addresses)) => {
                let (addresses, crowd, size) = (addresses.clone(), *crowd, *size);
                let password = password.as_deref().cloned();
                ChatLoad { addresses, crowd, size, password, plan }.run(control)
            }
            _ => Err(mismatch()),
        };
    };
    let Exchange { payload, framing, connect_each, place } = exchange;
    let (payload, framing, connect_each) = (Arc::clone(payload), *framing, *connect_each);
    match (&options.load, place.clone()) {
        (Load::Udp { calls, .. }, Place::Udp(addresses)) => {
            let address = *addresses.first().ok_or_else(mismatch)?;
            UdpLoad { address, payload, plan, calls: *calls }.run(control)
        }
        (Load::Stream { .. }, Place::Tcp(addresses)) => {
            let target = stream::Target::Tcp(addresses);
            StreamLoad { target, payload, framing, connect_each, plan }.run(control)
        }
        (Load::Stream { .. }, Place::UnixStream(path)) => {
            let target = stream::Target::Unix(path);
            StreamLoad { target, payload, framing, connect_each, plan }.run(control)
        }
        (Load::UnixDatagram { .. }, Place::UnixDatagram(path)) => {
            UnixDatagramLoad { path, payload, plan }.run(control)
        }
        _ => Err(mismatch()),
    }
}

/// A load and a place of different kinds: a mistake of our own.
fn mismatch() -> LoadError {
    LoadError::Refused("this load cannot go there".to_owned())
}

/// What a step of a climb came to, as the climb judges it.
fn result(offered: Rate, step: &Step) -> StepResult {
    let p90 = (!step.latency.is_empty()).then(|| step.latency.percentile(90.0));
    let sent = step.request_rate();
    // Of what was sent near the end the reply may come after it.
    StepResult { offered, sent, achieved: sent * step.answered_share(), p90 }
}

fn knee(results: &[StepResult], ended: Ended) -> Option<Knee> {
    let found = climb::Knee::of(results);
    let step = found.step?;
    let rule = match (found.limit, ended) {
        (Some(_), _) | (None, Ended::Complete) => found.rule(),
        (None, Ended::Interrupted) => {
            "the server kept up until the climb was interrupted; its knee lies higher".to_owned()
        }
        (None, Ended::Failed) => "at the next rate the run failed".to_owned(),
    };
    Some(Knee { step, rate: results.get(step)?.offered.as_f64(), rule })
}

/// RFC 3339, in UTC.
fn moment(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    stamp::text(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_climb_went_no_further_is_told_as_it_was() {
        let step = |rate, achieved| {
            let offered = Rate::per_second(rate);
            StepResult { offered, sent: rate as f64, achieved, p90: Some(1000) }
        };
        let rule = |results: &[StepResult], ended| knee(results, ended).expect("a knee").rule;
        let kept_up = [step(100, 100.0), step(200, 200.0)];
        assert!(rule(&kept_up, Ended::Complete).contains("with every step"));
        assert!(rule(&kept_up, Ended::Interrupted).contains("until the climb was interrupted"));
        assert_eq!(rule(&kept_up, Ended::Failed), "at the next rate the run failed");
        let limited = [step(100, 100.0), step(200, 50.0)];
        assert_eq!(rule(&limited, Ended::Failed), rule(&limited, Ended::Complete));
    }
}
