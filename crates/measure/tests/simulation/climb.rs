//! A climb up to a server with a known limit finds it.

use callbox_measure::SECOND;
use callbox_measure::climb::{Knee, Limit, StepResult, is_over};
use callbox_measure::plan::{Rate, Rates, Shape};

use super::world::{MICRO, Run, Server, faithful, seconds};

/// Runs one step of a climb.
fn step(offered: Rate, server: Server) -> StepResult {
    let shape = Shape::Open { rate: offered, connections: 4 };
    let run = Run { shape, stretch: seconds(1), lost_after: SECOND, server, relay: &faithful };
    let measured = run.make();
    StepResult {
        offered,
        sent: measured.counts.requests as f64,
        achieved: measured.counts.answered as f64,
        p90: (!measured.latencies.is_empty()).then(|| measured.percentile(90.0)),
    }
}

#[test]
fn the_knee_of_a_server_that_answers_20_000_a_second_is_the_last_step_below() {
    let server = Server { work: 50 * MICRO, stall: 0 };
    let climb: Rates = "1k..64k".parse().expect("a climb");
    let mut steps = Vec::new();
    for rate in climb.steps(13) {
        steps.push(step(rate, server));
        if is_over(&steps) {
            break;
        }
    }
    let knee = Knee::of(&steps);
    let place = knee.step.expect("a knee");
    assert_eq!(steps[place].offered, Rate::per_second(16_000));
    assert_eq!(knee.limit, Some(Limit::Latency), "{}", knee.rule());
    assert_eq!(steps.len(), place + 3, "the climb ended two steps above its knee");
}
