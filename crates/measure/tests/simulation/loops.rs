//! What the open loop sees that the closed loop does not.

use callbox_measure::SECOND;
use callbox_measure::figures::Latencies;
use callbox_measure::plan::{Rate, Shape, Stretch};

use super::world::{MICRO, MILLI, Measured, Run, Server, faithful, seconds};

fn measured(shape: Shape, server: Server) -> Measured {
    let run = Run { shape, stretch: seconds(10), lost_after: SECOND, server, relay: &faithful };
    run.make()
}

const STALLING: Server = Server { work: 20 * MICRO, stall: 200 * MILLI };

fn open(rate: u64) -> Shape {
    Shape::Open { rate: Rate::per_second(rate), connections: 8 }
}

#[test]
fn the_latency_of_a_server_with_a_known_delay_comes_back_exactly() {
    for shape in [open(1000), Shape::Closed { connections: 1, window: 1 }] {
        let measured = measured(shape, Server { work: 700 * MICRO, stall: 0 });
        assert!(measured.latencies.len() > 5000);
        assert!(measured.latencies.iter().all(|&latency| latency == 700 * MICRO));
    }
}

#[test]
fn an_open_loop_reports_a_stall_of_200_ms_in_p99_and_a_closed_one_alone_does_not() {
    let open = measured(open(1000), STALLING);
    // A fifth of the intended times lie in a stall; one request in twenty waits 150 ms or more.
    assert!(open.percentile(50.0) < MILLI, "{}", open.percentile(50.0));
    assert!((145 * MILLI..155 * MILLI).contains(&open.percentile(95.0)));
    assert!((185 * MILLI..=201 * MILLI).contains(&open.percentile(99.0)));

    let closed = measured(Shape::Closed { connections: 1, window: 1 }, STALLING);
    assert_eq!(closed.percentile(99.0), 20 * MICRO);
    assert_eq!(closed.latencies.last(), Some(&(200 * MILLI + 20 * MICRO)));
}

#[test]
fn what_is_kept_of_the_latencies_says_the_same_within_its_precision() {
    for server in [Server { work: 723_456, stall: 0 }, STALLING] {
        let measured = measured(open(1000), server);
        let mut kept = Latencies::new();
        measured.latencies.iter().for_each(|&latency| kept.record(latency));
        // Ten requests each second wait equally long; these ranks lie in the middle of such a group.
        for percent in [50.05, 90.05, 99.05, 99.95] {
            let (kept, exact) = (kept.percentile(percent), measured.percentile(percent));
            assert!(kept.abs_diff(exact) * 1000 <= exact, "p{percent}: {kept}, and was {exact}");
        }
    }
}

#[test]
fn a_stall_moves_no_intended_time_and_loses_no_request() {
    let measured = measured(open(10_000), STALLING);
    assert_eq!((measured.counts.requests, measured.counts.answered), (100_000, 100_000));
    assert_eq!(measured.waits.last(), Some(&0));
}

#[test]
fn a_server_that_does_half_of_the_rate_shows_it_in_every_latency_after() {
    let server = Server { work: 2 * MILLI, stall: 0 };
    let (shape, stretch) = (open(1000), seconds(2));
    let run = Run { shape, stretch, lost_after: 10 * SECOND, server, relay: &faithful };
    let measured = run.make();
    assert_eq!((measured.counts.requests, measured.counts.answered), (2000, 2000));
    // Request k is meant for k ms and answered at 2 (k + 1) ms.
    assert_eq!(measured.percentile(50.0), 1001 * MILLI);
    assert_eq!(measured.latencies.last(), Some(&(2001 * MILLI)));
}

#[test]
fn what_is_sent_in_the_warm_up_does_not_count() {
    let stretch = Stretch { warmup: SECOND, duration: 2 * SECOND };
    let server = Server { work: 20 * MICRO, stall: 0 };
    for shape in [open(1000), Shape::Closed { connections: 1, window: 1 }] {
        let run = Run { shape, stretch, lost_after: SECOND, server, relay: &faithful };
        let measured = run.make();
        let expected = if shape == open(1000) { 2000 } else { 100_000 };
        assert_eq!(measured.counts.requests, expected);
        assert_eq!(measured.latencies.len() as u64, expected);
    }
}

#[test]
fn the_same_run_is_the_same_again() {
    let shape = Shape::Closed { connections: 3, window: 5 };
    let (one, two) = (measured(shape, STALLING), measured(shape, STALLING));
    assert_eq!((one.counts, one.latencies), (two.counts, two.latencies));
}
