//! `--pair`: two servers in turn, each started for its run alone, and what the difference between them is worth.
//!
//! One after the other and not side by side, since they would take the processors from each other; and in turn, since a
//! machine changes with time (clock rates, other work) and a change would count for one of them alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use callbox_load::Control;
use callbox_load::probe::{self, Presence};
use callbox_measure::figures::show::{PerSecond, Span};
use callbox_measure::report::{Ended, Report};

use super::compare::{self, Side};
use super::served::{Served, interrupted};
use super::target::cannot_measure;
use super::{Files, Measured, Options, Progress, Target, end_on_signal, measure, verdict};
use crate::cli::{OutputArgs, PairArgs};
use crate::messages::{self, Failure, Reason};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a datagram waits for its answer or refusal; one that is neither shows a server that is silent but there.
const DATAGRAM: Duration = Duration::from_millis(250);

/// How long to wait between two looks.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// Runs the two servers in turn, measures each, and compares them.
pub fn run(
    commands: &[String],
    args: &PairArgs,
    options: &Options,
    output: &OutputArgs,
    target: &Target,
) -> Result<(), Failure> {
    let rounds = args.rounds.unwrap_or(PairArgs::DEFAULT_ROUNDS);
    let mut sides: Vec<_> =
        commands.iter().map(|name| Side { name: name.clone(), reports: Vec::new() }).collect();
    let runs = (1..=rounds).flat_map(|round| ["a", "b"].map(|letter| (round, letter)));
    let runs: Vec<_> = runs
        .map(|(round, letter)| Ok((round, letter, Files::of(&named(output, letter, round)?)?)))
        .collect::<Result<_, Failure>>()?;
    let control = Control::new();
    end_on_signal(&control)?;
    let mut fault = None;
    for (round, letter, files) in runs {
        let side = &mut sides[usize::from(letter == "b")];
        let letter = letter.to_uppercase();
        let name = format!("server {letter} ({})", side.name);
        let progress = Progress::start(&control, output.quiet);
        let measured = one_run(&side.name, &name, options, target, &control, &progress);
        progress.finish();
        if control.is_stopped() {
            break;
        }
        let (measured, verdict) = measured?;
        files.write(&measured.report)?;
        if !output.quiet {
            let figures = figures(&measured.report);
            messages::status(format_args!("{letter}, run {round} of {rounds}: {figures}"));
        }
        if let Err(failure) = verdict {
            let text = failure.message().unwrap_or("it failed").to_owned();
            fault.get_or_insert_with(|| Failure::network(format!("{name}, run {round}: {text}")));
        }
        if measured.report.ended != Ended::Complete {
            return Err(fault.unwrap_or_else(interrupted));
        }
        side.reports.push(measured.report);
    }
    let both = sides.iter().map(|side| side.reports.len()).min().unwrap_or(0);
    if both == 0 {
        return Err(interrupted());
    }
    sides.iter_mut().for_each(|side| side.reports.truncate(both));
    compare::print(&sides[0], &sides[1])?;
    fault.map_or(Ok(()), Err)
}

/// One server's run, from its start to its end: what was measured, and what that means.
fn one_run(
    command: &str,
    name: &str,
    options: &Options,
    target: &Target,
    control: &Control,
    progress: &Progress,
) -> Result<(Measured, Result<(), Failure>), Failure> {
    let presence = |time| {
        probe::presence(&target.place, time, control)
            .map_err(|error| cannot_measure(target, &error))
    };
    if let Presence::There = presence(DATAGRAM)? {
        return Err(Failure::usage(format!(
            "somebody answers at {} before {name} is started: end that, or choose another address",
            target.name
        )));
    }
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    let mut served = Served::start(shell, name)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match presence(DATAGRAM)? {
            Presence::There | Presence::Silent => break,
            Presence::Nobody(_) if served.has_ended() => {
                return Err(Failure::usage(served.failed("ended before it answered")));
            }
            Presence::Nobody(error) if Instant::now() >= end => {
                let time = PATIENCE.as_secs();
                let (reason, place) = (Reason(&error), &target.name);
                let problem = format!("does not answer at {place} after {time} s: {reason}");
                return Err(Failure::usage(served.failed(&problem)));
            }
            Presence::Nobody(_) => thread::sleep(LOOKS_EVERY),
        }
    }
    control.watch(served.id());
    let measured = measure(options, target, control, progress);
    if !control.is_stopped() && served.has_ended_in(&measured) {
        return Err(Failure::network(served.failed("ended while it was measured")));
    }
    // What is wrong with its replies it is asked itself.
    let verdict = measured.as_ref().map_or(Ok(()), |it| verdict::verdict(it, options, target));
    served.end();
    Ok((measured?, verdict))
}

/// A run in one line.
fn figures(report: &Report) -> String {
    let Some(step) = report.main_step() else { return "nothing".to_owned() };
    let rate = PerSecond(step.rate());
    match step.latency.is_empty() {
        true => format!("{rate}"),
        false => {
            let [p50, p99] = [50.0, 99.0].map(|of| Span(step.latency.percentile(of)));
            format!("{rate}, p50 {p50}, p99 {p99}")
        }
    }
}

/// The files of one run: `report.json` becomes `report.a1.json`.
fn named(output: &OutputArgs, letter: &str, round: usize) -> Result<OutputArgs, Failure> {
    let is_output = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if is_output(&output.json) || is_output(&output.html) {
        return Err(Failure::usage(
            "standard output takes one report, and --pair makes several: give the name of a file",
        ));
    }
    let of_run = |path: &Option<PathBuf>| path.as_deref().map(|path| marked(path, letter, round));
    Ok(OutputArgs { json: of_run(&output.json), html: of_run(&output.html), ..output.clone() })
}

fn marked(path: &Path, letter: &str, round: usize) -> PathBuf {
    let mut name: OsString = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{letter}{round}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_run_are_named_after_it() {
        let name = |path: &str| marked(Path::new(path), "b", 2).display().to_string();
        assert_eq!(name("report.json"), "report.b2.json");
        assert_eq!(name("out/report"), "out/report.b2");
        assert_eq!(name("out.d/re.port.html"), "out.d/re.port.b2.html");
    }
}
