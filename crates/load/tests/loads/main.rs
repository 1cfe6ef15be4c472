//! Loads over each transport, on loopback, against servers that do what they should and servers that do not. Here stands
//! how a load is run so that nothing depends on how fast the machine is, and what is expected of every outcome.

mod stream;
mod udp;
mod unix_datagram;

use std::thread;

use callbox_load::stream::StreamLoad;
use callbox_load::udp::UdpLoad;
use callbox_load::unix_datagram::UnixDatagramLoad;
use callbox_load::{Control, LoadError, Outcome, Plan};
use callbox_measure::plan::{Rate, Shape};
use callbox_measure::report::{Counts, Ended, Step};
use callbox_measure::{Nanos, SECOND};

const MILLISECOND: Nanos = SECOND / 1000;

/// So long that no machine, however busy, takes a reply for lost that only comes late.
const LONG: Nanos = 60 * SECOND;

/// Longer than a machine stands still, where a test has to wait until requests are lost that nobody answers.
const PATIENT: Nanos = 8 * SECOND;

/// For how long at most a closed loop runs that is to show something.
const LONGEST: Nanos = 10 * SECOND;

/// A load over one transport.
trait Load: Clone + Sync {
    fn plan(&mut self) -> &mut Plan;
    fn begin(&self, control: &Control) -> Result<Outcome, LoadError>;
}

macro_rules! load {
    ($($load:ty),*) => {$(
        impl Load for $load {
            fn plan(&mut self) -> &mut Plan {
                &mut self.plan
            }

            fn begin(&self, control: &Control) -> Result<Outcome, LoadError> {
                self.run(control)
            }
        }
    )*};
}

load!(StreamLoad, UdpLoad, UnixDatagramLoad);

const fn closed(connections: usize, window: usize) -> Shape {
    Shape::Closed { connections, window }
}

fn open(rate: u64, connections: usize) -> Shape {
    Shape::Open { rate: Rate::per_second(rate), connections }
}

fn lost_after<L: Load>(lost_after: Nanos, mut load: L) -> L {
    load.plan().lost_after = lost_after;
    load
}

/// Runs it to its end, and sees it send something.
fn run(load: &impl Load) -> Outcome {
    run_until_shown(load, |step| step.counts.requests > 0)
}

/// Runs it to its end. What a closed loop is to show has to happen within its time, and a machine that stands still may take
/// all of that; so it is run again, for twice as long, until the figures show it. An open loop sends what it is to send
/// however late.
fn run_until_shown(load: &impl Load, shown: impl Fn(&Step) -> bool) -> Outcome {
    let mut load = load.clone();
    loop {
        let outcome = load.begin(&Control::new()).expect("a run");
        let Plan { shape, stretch, .. } = load.plan();
        let is_last = matches!(shape, Shape::Open { .. }) || stretch.duration >= LONGEST;
        if is_last || outcome.error.is_some() || shown(&outcome.step) {
            return outcome;
        }
        stretch.duration *= 2;
    }
}

/// Runs it for as long as it takes until so many replies have come; what is then still on its way is withdrawn.
fn run_until(replies: u64, load: &impl Load) -> Outcome {
    let (mut load, control) = (load.clone(), Control::new());
    // Only a test that fails lasts as long.
    load.plan().stretch.duration = 10 * LONG;
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while control.replies() < replies && !control.is_stopped() {
                thread::yield_now();
            }
            control.stop();
        });
        let outcome = load.begin(&control);
        control.stop();
        outcome.expect("a run")
    });
    assert_eq!(outcome.ended, Ended::Interrupted, "{:?}", outcome.error);
    outcome
}

/// Each request has had its right reply, and nothing else happened.
#[track_caller]
fn all_is_well(outcome: &Outcome) -> Counts {
    let counts = outcome.step.counts;
    assert!(outcome.error.is_none() && outcome.ended != Ended::Failed, "{:?}", outcome.error);
    assert!(counts.replies > 0, "{counts:?}");
    assert_eq!((counts.faults(), counts.replies), (0, counts.requests), "{counts:?}");
    assert_eq!((counts.lost.total(), counts.duplicated), (0, 0), "{counts:?}");
    assert_eq!(outcome.step.latency.count(), counts.replies);
    counts
}
