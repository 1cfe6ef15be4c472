//! Loads on servers of streams.

mod each;
mod held;
mod servers;

use std::net::SocketAddr;
use std::thread;

use callbox_load::stream::{StreamLoad, Target};
use callbox_load::{Control, LoadError, Outcome, Plan};
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Shape, Stretch};
use callbox_measure::replies::Framing;
use callbox_measure::report::{Counts, Ended};

use crate::{LONG, MILLISECOND, all_is_well, closed, lost_after, open, run, run_until};

/// One connection with one request at a time of 64 bytes, for 50 ms.
fn load(address: SocketAddr, check: Check) -> StreamLoad {
    at(Target::Tcp(vec![address]), check)
}

fn at(target: Target, check: Check) -> StreamLoad {
    StreamLoad {
        target,
        payload: Payload::stream(1, "64".parse().expect("a size"), check).into(),
        framing: Framing::Line,
        connect_each: false,
        plan: Plan {
            shape: Shape::Closed { connections: 1, window: 1 },
            stretch: Stretch { warmup: 0, duration: 50 * MILLISECOND },
            lost_after: LONG,
            threads: 1,
            seed: 1,
            buffers: None,
        },
    }
}

/// The same with a connection for each request, at a server that says goodbye.
fn greeting(address: SocketAddr) -> StreamLoad {
    let payload =
        Payload::stream(1, "16".parse().expect("a size"), Check::Fixed(servers::FAREWELL));
    StreamLoad {
        payload: payload.into(),
        framing: Framing::Connection,
        connect_each: true,
        ..load(address, Check::None)
    }
}

fn sized(sizes: &str, check: Check, load: StreamLoad) -> StreamLoad {
    StreamLoad { payload: Payload::stream(1, sizes.parse().expect("sizes"), check).into(), ..load }
}

fn shaped(shape: Shape, load: StreamLoad) -> StreamLoad {
    StreamLoad { plan: Plan { shape, ..load.plan }, ..load }
}

/// Every request that was expected to have a reply is accounted for.
#[track_caller]
fn adds_up(outcome: &Outcome) -> Counts {
    let counts = outcome.step.counts;
    let settled =
        counts.replies + counts.wrong + counts.lost.total() + counts.late + counts.pending;
    assert_eq!((counts.requests, counts.pending), (settled, 0), "{counts:?}");
    counts
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_run_begins() {
    for connect_each in [false, true] {
        let (_taken, address) = servers::nobody();
        let load = StreamLoad { connect_each, ..load(address, Check::Echo) };
        let error = load.run(&Control::new()).expect_err("nobody is there");
        assert!(
            matches!(&error, LoadError::Connect(error)
            if error.kind() == std::io::ErrorKind::ConnectionRefused),
            "{error:?}"
        );
    }
}

#[test]
fn of_several_addresses_the_one_that_answers_is_measured() {
    for connect_each in [false, true] {
        let (_taken, nobody) = servers::nobody();
        let target = Target::Tcp(vec![nobody, servers::echo()]);
        all_is_well(&run(&StreamLoad { target, connect_each, ..load(nobody, Check::Echo) }));
    }
}

#[test]
fn a_run_is_stopped_while_none_of_several_addresses_answers() {
    let (one, other) = (servers::full(), servers::full());
    let target = Target::Tcp(vec![one.address, other.address]);
    for connect_each in [false, true] {
        let load =
            StreamLoad { target: target.clone(), connect_each, ..load(one.address, Check::Echo) };
        let control = Control::new();
        let error = thread::scope(|scope| {
            scope.spawn(|| control.stop());
            load.run(&control).expect_err("nobody answers")
        });
        assert!(matches!(error, LoadError::Stopped), "{error:?}");
    }
}

#[test]
fn an_open_loop_sends_exactly_what_was_intended() {
    for connect_each in [false, true] {
        let load = StreamLoad { connect_each, ..load(servers::echo(), Check::Echo) };
        let outcome = run(&shaped(open(2_000, 50), load));
        assert_eq!(all_is_well(&outcome).requests, 100);
        let step = &outcome.step;
        assert_eq!(step.slip.as_ref().map(|it| it.count()), Some(100));
        assert_eq!(step.latency_from_sent.as_ref().map(|it| it.count()), Some(100));
    }
}

#[test]
fn the_buffers_that_were_asked_for_are_reported_as_they_are() {
    for connect_each in [false, true] {
        let load = StreamLoad { connect_each, ..load(servers::echo(), Check::Echo) };
        let load = StreamLoad { plan: Plan { buffers: Some(16_384), ..load.plan }, ..load };
        let outcome = run(&load);
        all_is_well(&outcome);
        let buffers = outcome.step.buffers.expect("buffers");
        assert_eq!((buffers.asked, buffers.send, buffers.receive), (16_384, 16_384, 16_384));
    }
}

#[test]
fn a_run_that_is_stopped_loses_nothing() {
    for connect_each in [false, true] {
        let load = StreamLoad { connect_each, ..load(servers::echo(), Check::Echo) };
        all_is_well(&run_until(500, &shaped(closed(4, 4), load)));
    }
}

#[test]
fn what_never_answers_is_lost_and_the_run_ends_all_the_same() {
    for (connect_each, shape) in [
        (false, closed(2, 3)),
        (true, closed(2, 1)),
        (false, open(1_000, 2)),
        (true, open(1_000, 2)),
    ] {
        let address = servers::serve(|stream| servers::answers(Deaf(stream), |_| {}));
        let load = StreamLoad { connect_each, ..load(address, Check::Echo) };
        let counts = adds_up(&run(&lost_after(30 * MILLISECOND, shaped(shape, load))));
        assert!(counts.requests > 0);
        assert_eq!((counts.lost.total(), counts.faults()), (counts.requests, 0));
        if matches!(shape, Shape::Open { .. }) {
            assert_eq!(counts.requests, 50);
        }
    }
}

/// Reads, and writes nothing.
struct Deaf(std::net::TcpStream);

impl std::io::Read for Deaf {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl std::io::Write for Deaf {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_never_reads_holds_up_no_run() {
    for (connect_each, shape) in [
        (false, closed(1, 8)),
        (true, closed(2, 1)),
        (false, open(1_000, 1)),
        (true, open(1_000, 2)),
    ] {
        let address = servers::serve(|_stream| {
            loop {
                // The connection stays, and nobody looks at it.
                thread::park();
            }
        });
        let load = sized("1000000", Check::Echo, load(address, Check::Echo));
        let load = StreamLoad { connect_each, ..load };
        let counts = adds_up(&run(&lost_after(30 * MILLISECOND, shaped(shape, load))));
        assert!(counts.requests > 0);
        assert_eq!((counts.replies, counts.lost.total()), (0, counts.requests));
        if matches!(shape, Shape::Open { .. }) {
            assert_eq!(counts.requests, 50);
        }
    }
}

#[test]
fn when_nobody_listens_any_more_that_is_counted_and_the_run_fails_after_a_while() {
    for connect_each in [false, true] {
        // One connection is accepted that tries the server, and two that carry requests.
        let address = servers::limited(if connect_each { 3 } else { 2 });
        let load = StreamLoad { connect_each, ..load(address, Check::Echo) };
        let stretch = Stretch { warmup: 0, duration: LONG };
        let load = StreamLoad {
            plan: Plan { stretch, lost_after: 200 * MILLISECOND, ..load.plan },
            ..load
        };
        let outcome = run(&load);
        let counts = adds_up(&outcome);
        assert!(outcome.ended == Ended::Failed && counts.replies <= 2, "{counts:?}");
        assert!(matches!(outcome.error, Some(LoadError::NoneLeft)), "{:?}", outcome.error);
        // With pauses of 1, 2, 4 ms and so on between them there are few.
        assert!((1..50).contains(&counts.refused), "{counts:?}");
    }
}
