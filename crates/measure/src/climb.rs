//! The knee of a climb: the highest rate that a server keeps up with, and what kept it from the next one.
//!
//! A step is kept up with if what was planned was sent in its time, the server answered nearly all of it, and its
//! latency was still near what it is without load. The knee is the highest such step. That is a rule one can check by
//! hand against the table. Looking for the point of strongest curvature instead (Satopää, Albrecht, Irwin and
//! Raghavan, "Finding a 'Kneedle' in a Haystack", 2011) depends on how far the climb goes and on how the curve is
//! smoothed, so two climbs of the same server would name two knees.

use crate::Nanos;
use crate::plan::Rate;

/// What one step of a climb came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// The rate that was planned.
    pub offered: Rate,
    /// Requests sent per second, by the clock: those that were sent after the end are not among them.
    pub sent: f64,
    /// Requests answered per second; in a chat, as many lines as the deliveries come to.
    pub achieved: f64,
    /// The 90th percentile of the latency from the intended time, if there was any reply.
    pub p90: Option<Nanos>,
}

/// The share of the planned rate that has to be sent, and of what was sent that has to be answered: what is missing
/// is then more than the ends of a step of a second could explain.
pub const KEPT_UP: f64 = 0.98;

/// By how much the 90th percentile may exceed the lowest of the climb. Not a higher one: load moves all of them alike, and
/// those above are moved by whatever else a machine does a few times a second.
///
/// In a queue with random arrivals and one server the percentiles of the time in it grow as 1 / (1 - load) (M/M/1;
/// Kleinrock, "Queueing Systems", volume 1, 1975, section 3.2), so ten times the latency means that nine tenths of what the
/// server can do are taken.
pub const LATENCY_GROWTH: f64 = 10.0;

/// Below this no growth is counted: it is within what a wake-up on a machine that also does other things takes.
pub const LATENCY_FLOOR: Nanos = 200_000;

/// How many steps in a row have to fail before there is no use in higher ones.
pub const FAILED_IN_A_ROW: usize = 2;

/// Why a server does not keep up with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Less could be sent in time: the generator could not, or the server took no more.
    Sending,
    /// Too few requests were answered.
    Answers,
    /// The latency had grown.
    Latency,
}

/// What a climb found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knee {
    /// The place of the highest step that was kept up with; none if that holds for no step.
    pub step: Option<usize>,
    /// What was wrong with the step above it; none if it was the last, so that the knee lies higher.
    pub limit: Option<Limit>,
    /// The lowest 90th percentile of the climb, with which the others were compared.
    pub base: Option<Nanos>,
}

impl Knee {
    /// The knee of the steps that were made, which go up.
    pub fn of(steps: &[StepResult]) -> Self {
        let base = base(steps);
        let step = steps.iter().rposition(|step| limit_of(step, base).is_none());
        let above = steps.get(step.map_or(0, |step| step + 1));
        Self { step, limit: above.and_then(|step| limit_of(step, base)), base }
    }

    /// The rule in words, for the report: what ended the climb and by which bounds.
    pub fn rule(&self) -> String {
        let growth = LATENCY_GROWTH;
        let share = KEPT_UP * 100.0;
        let rate = if self.step.is_some() { "next" } else { "lowest" };
        match (self.step, self.limit) {
            (None, None) => "no step was made".to_owned(),
            (Some(_), None) => {
                "the server kept up with every step; its knee lies higher".to_owned()
            }
            (_, Some(Limit::Sending)) => {
                format!(
                    "less than {share} % of the {rate} rate was sent in time: the generator fell behind, or the server took no more"
                )
            }
            (_, Some(Limit::Answers)) => {
                format!("less than {share} % of what was sent at the {rate} rate came back")
            }
            (_, Some(Limit::Latency)) => {
                format!(
                    "at the {rate} rate p90 was more than {growth} times the lowest p90 of the climb"
                )
            }
        }
    }
}

/// Whether a climb can end, as the last steps have all failed.
pub fn is_over(steps: &[StepResult]) -> bool {
    let base = base(steps);
    steps.len() > FAILED_IN_A_ROW
        && steps[steps.len() - FAILED_IN_A_ROW..].iter().all(|step| limit_of(step, base).is_some())
}

fn base(steps: &[StepResult]) -> Option<Nanos> {
    steps.iter().filter_map(|step| step.p90).min()
}

/// What is wrong with a step, if anything. Fewer requests than planned come first: they explain the rest.
fn limit_of(step: &StepResult, base: Option<Nanos>) -> Option<Limit> {
    let highest = base.map_or(0.0, |base| LATENCY_GROWTH * base as f64).max(LATENCY_FLOOR as f64);
    if step.sent < KEPT_UP * step.offered.as_f64() {
        Some(Limit::Sending)
    } else if step.p90.is_none() || step.achieved < KEPT_UP * step.sent {
        Some(Limit::Answers)
    } else {
        step.p90.is_some_and(|p90| p90 as f64 > highest).then_some(Limit::Latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of which everything was sent, answered at a rate, with a p90 in microseconds.
    fn step(offered: u64, achieved: f64, p90: u64) -> StepResult {
        let sent = offered as f64;
        let offered = Rate::per_second(offered);
        StepResult { offered, sent, achieved, p90: Some(p90 * 1000) }
    }

    fn found(steps: &[StepResult]) -> (Option<usize>, Option<Limit>) {
        let knee = Knee::of(steps);
        (knee.step, knee.limit)
    }

    #[test]
    fn the_knee_is_the_last_step_before_the_latency_grows() {
        let steps = [
            step(1000, 1000.0, 50),
            step(2000, 2000.0, 60),
            step(4000, 4000.0, 499),
            step(8000, 8000.0, 501),
        ];
        assert_eq!(found(&steps), (Some(2), Some(Limit::Latency)));
        assert_eq!(Knee::of(&steps).base, Some(50_000));
        assert!(Knee::of(&steps).rule().contains("p90 was more than 10 times the lowest"));
    }

    #[test]
    fn it_is_the_last_step_that_is_answered() {
        let steps = [step(1000, 1000.0, 50), step(2000, 1961.0, 60), step(4000, 3900.0, 90)];
        assert_eq!(found(&steps), (Some(1), Some(Limit::Answers)));
        assert!(Knee::of(&steps).rule().contains("less than 98 %"));
    }

    #[test]
    fn where_less_is_sent_than_planned_that_comes_first() {
        let mut steps = [step(1000, 1000.0, 50), step(2000, 1500.0, 9000)];
        steps[1].sent = 1500.0;
        assert_eq!(found(&steps), (Some(0), Some(Limit::Sending)));
        assert!(Knee::of(&steps).rule().contains("was sent in time"));
    }

    #[test]
    fn one_disturbed_step_is_not_the_knee() {
        let steps = [step(1000, 1000.0, 50), step(2000, 2000.0, 9000), step(4000, 4000.0, 55)];
        assert_eq!(found(&steps), (Some(2), None));
        assert!(!is_over(&steps));
        assert!(Knee::of(&steps).rule().contains("lies higher"));
    }

    #[test]
    fn a_server_that_never_keeps_up_has_no_knee() {
        let mut steps = [step(1000, 100.0, 50), step(2000, 100.0, 60)];
        assert_eq!(found(&steps), (None, Some(Limit::Answers)));
        steps.iter_mut().for_each(|step| step.p90 = None);
        assert_eq!(found(&steps), (None, Some(Limit::Answers)));
        assert_eq!(found(&[]), (None, None));
        assert_eq!(Knee::of(&[]).rule(), "no step was made");
    }

    #[test]
    fn microseconds_more_are_no_growth() {
        let steps = [step(1000, 1000.0, 5), step(2000, 2000.0, 199), step(4000, 4000.0, 201)];
        assert_eq!(found(&steps), (Some(1), Some(Limit::Latency)));
    }

    #[test]
    fn a_climb_ends_when_two_steps_in_a_row_have_failed() {
        let steps = [step(1000, 1000.0, 50), step(2000, 900.0, 50), step(4000, 900.0, 50)];
        assert_eq!([1, 2, 3].map(|made| is_over(&steps[..made])), [false, false, true]);
    }
}
