//! What a report means for the exit status.

use std::io;

use callbox_load::{Control, LoadError, probe};
use callbox_measure::figures::show::Count;
use callbox_measure::payload::Check;
use callbox_measure::report::{Counts, Report};
use callbox_services::FAREWELL;

use super::measure::Measured;
use super::options::{Load, Options};
use super::target::{Target, cannot_measure};
use crate::messages::Failure;

/// Done if the run was made; losses alone are what was to be found out. A server that refused, or that answered wrongly,
/// is an error, with what to do about it.
pub fn verdict(measured: &Measured, options: &Options, target: &Target) -> Result<(), Failure> {
    if let Some(error) = &measured.error {
        return Err(cannot_measure(target, error));
    }
    let counts = total(&measured.report);
    if counts.faults() == 0 {
        return Ok(());
    }
    if counts.replies == 0 && counts.refused == counts.faults() {
        let refused = io::ErrorKind::ConnectionRefused.into();
        return Err(cannot_measure(target, &LoadError::Connect(refused)));
    }
    let advice = advice(&counts, options, target).map(|advice| format!("; {advice}"));
    let advice = advice.unwrap_or_default();
    Err(Failure::network(format!("{}: {}{advice}", target.name, faults(&counts))))
}

/// The counts of all steps.
fn total(report: &Report) -> Counts {
    let mut sum = Counts::default();
    report.steps.iter().for_each(|step| sum.add(&step.counts));
    sum
}

/// What went wrong, each thing with its number.
fn faults(counts: &Counts) -> String {
    let told = [
        // A reply whose number cannot be read belongs to no request, and is wrong all the more.
        (counts.wrong.saturating_add(counts.stray), "wrong reply", "wrong replies"),
        (counts.refused, "refusal", "refusals"),
        (
            counts.connect_failed,
            "connection that could not be made",
            "connections that could not be made",
        ),
        (counts.broken, "connection that broke", "connections that broke"),
    ];
    let told = told.iter().filter(|(count, ..)| *count > 0);
    let told = told.map(|(count, one, many)| {
        format!("{} {}", Count(*count), if *count == 1 { one } else { many })
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What to do, if the server turns out to do something else than was said of it.
fn advice(counts: &Counts, options: &Options, target: &Target) -> Option<String> {
    let asked = options.messages()?.check?;
    let is_stream = matches!(options.load, Load::Stream { connect_each: false, .. });
    let found = probe::probe(&target.place, &[FAREWELL], &Control::new()).ok()?;
    if is_stream && found.connect_each && counts.broken > 0 {
        return Some("the server answers one request a connection: give --connect-each".to_owned());
    }
    if asked == found.check {
        return None;
    }
    Some(match found.check {
        Check::Upper => "the server answers in capitals: give --check upper".to_owned(),
        Check::Echo => "the server gives requests back unchanged: give --check echo".to_owned(),
        Check::Fixed(_) => "the server always says the same: leave --check out".to_owned(),
        Check::None => {
            format!("the server does not answer as --check {asked} wants it: give --check none")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_with_its_numbers() {
        let mut counts = Counts { wrong: 3000, stray: 2, broken: 1, ..Counts::default() };
        assert_eq!(faults(&counts), "3,002 wrong replies, 1 connection that broke");
        counts = Counts { refused: 1, connect_failed: 2, ..Counts::default() };
        assert_eq!(faults(&counts), "1 refusal, 2 connections that could not be made");
    }
}
