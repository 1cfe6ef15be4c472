//! What a report means for the exit status.

use callbox_measure::report::{Counts, Report};

use super::measure::Measured;
use super::target::{Target, cannot_measure};
use crate::messages::Failure;

/// Done if the run was made; losses alone are what was to be found out. A server that refused, or that answered wrongly,
/// is an error, with what to do about it.
pub fn verdict(measured: &Measured, target: &Target) -> Result<(), Failure> {
    if let Some(error) = &measured.error {
        return Err(cannot_measure(target, error));
    }
    let counts = total(&measured.report);
    if counts.faults() == 0 {
        return Ok(());
    }
    Err(Failure::network(format!("{}: {}", target.name, faults(&counts))))
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
        (counts.wrong, "wrong replies"),
        (counts.stray, "replies to nothing"),
        (counts.refused, "refusals"),
        (counts.connect_failed, "connections that could not be made"),
        (counts.broken, "connections that ended early"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}
