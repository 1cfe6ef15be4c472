//! The threads of a run: made ready one by one, begun together, joined into one outcome.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use callbox_measure::Nanos;
use callbox_measure::figures::{Latencies, Timeline};
use callbox_measure::report::{Buffers, Counts, Ended, Step, Throughput};

use crate::clock::Clock;
use crate::control::Control;
use crate::outcome::{LoadError, Outcome};
use crate::plan::Plan;
use crate::record::Part;
use crate::worker::{Orders, Worker, drive};

/// How long after all threads are ready the run begins, so that each is there in time.
const HEAD_START: Duration = Duration::from_millis(1);

/// How often it is looked whether a run that is watched was stopped.
const LOOKS: Duration = Duration::from_millis(20);

/// Runs a plan. `prepare` makes the worker of one thread, on that thread: it opens sockets and connects. The run begins
/// when all are ready.
///
/// # Errors
///
/// What kept a worker from getting ready, or a thread from starting.
pub fn run<W: Worker>(
    plan: &Plan,
    control: &Control,
    prepare: impl Fn(usize) -> Result<W, LoadError> + Sync,
) -> Result<Outcome, LoadError> {
    let crew = plan.crew();
    thread::scope(|scope| {
        let (ready, are_ready) = mpsc::channel();
        let mut begins = Vec::new();
        let mut threads = Vec::new();
        for index in 0..crew {
            let (begin, begins_at) = mpsc::channel::<Instant>();
            begins.push(begin);
            let (ready, prepare, control) = (ready.clone(), &prepare, control.clone());
            let name = format!("load-{index}");
            let body = move || {
                let mut worker = match prepare(index) {
                    Ok(worker) => worker,
                    Err(error) => {
                        // Nobody listens once another has failed.
                        let _ = ready.send(Err(error));
                        return None;
                    }
                };
                let _ = ready.send(Ok(()));
                drop(ready);
                let begin = begins_at.recv().ok()?;
                // The clock stands still until then: what was sent before would seem to come back faster than it did.
                thread::sleep(begin.saturating_duration_since(Instant::now()));
                let clock = Clock::since(begin);
                let name = format!("load-{index}");
                Some(drive(&mut worker, &Orders { plan: *plan, index, clock, control, name }))
            };
            let started = thread::Builder::new().name(name).spawn_scoped(scope, body);
            threads.push(started.map_err(LoadError::system("cannot start a thread"))?);
        }
        drop(ready);
        // An error drops the ends that the ready ones wait at, and they end as well.
        for told in are_ready {
            told?;
        }
        let begin = Instant::now() + HEAD_START;
        control.begins(begin);
        for at in begins {
            let _ = at.send(begin);
        }
        let over = || control.is_stopped() || threads.iter().all(|thread| thread.is_finished());
        let server = control.watched().and_then(|server| {
            let look_at = |moment: Nanos| {
                let at = begin + Duration::from_nanos(moment);
                while !over() && Instant::now() < at {
                    thread::sleep(at.saturating_duration_since(Instant::now()).min(LOOKS));
                }
                server.look()
            };
            let before = look_at(plan.stretch.begin());
            Some(server.between(before?, look_at(plan.stretch.end())?))
        });
        let mut sum = Sum::new(plan);
        sum.step.server = server;
        for thread in threads {
            match thread.join() {
                Ok(Some((part, stopped, error))) => sum.add(part, stopped, error),
                Ok(None) => {}
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(sum.into_outcome())
    })
}

/// What all threads came to.
struct Sum {
    step: Step,
    stopped: bool,
    error: Option<LoadError>,
}

impl Sum {
    fn new(plan: &Plan) -> Self {
        let step = Step {
            offered: None,
            warmup: plan.stretch.warmup,
            duration: 0,
            counts: Counts::default(),
            throughput: Some(Throughput::default()),
            latency: Latencies::new(),
            latency_from_sent: None,
            connect_time: None,
            came_in: None,
            slip: None,
            timeline: Timeline::new(plan.stretch.begin(), plan.stretch.duration.max(1)),
            threads: Vec::new(),
            server: None,
            buffers: None,
            stolen: None,
        };
        Self { step, stopped: false, error: None }
    }

    fn add(&mut self, part: Part, stopped: bool, error: Option<LoadError>) {
        let step = &mut self.step;
        step.duration = step.duration.max(part.counted);
        step.counts.add(&part.counts);
        step.throughput.get_or_insert_default().add(part.throughput);
        step.latency.merge(&part.latency);
        merge(&mut step.latency_from_sent, part.latency_from_sent);
        merge(&mut step.connect_time, part.connect_time);
        step.came_in = step.came_in.max(part.came_in);
        merge(&mut step.slip, part.slip);
        step.timeline.merge(&part.timeline);
        step.threads.extend(part.thread);
        step.buffers = smaller(step.buffers, part.buffers);
        self.stopped |= stopped;
        self.error = self.error.take().or(error);
    }

    fn into_outcome(self) -> Outcome {
        let Self { step, stopped, error } = self;
        // One that is stopped while it waits for the last replies has had its time, but not all that came of it.
        let ended = match (&error, stopped) {
            (Some(_), _) => Ended::Failed,
            (None, true) => Ended::Interrupted,
            (None, false) => Ended::Complete,
        };
        Outcome { step, ended, error }
    }
}

fn merge(sum: &mut Option<Latencies>, more: Option<Latencies>) {
    match (sum, more) {
        (Some(sum), Some(more)) => sum.merge(&more),
        (sum @ None, more) => *sum = more,
        (Some(_), None) => {}
    }
}

fn smaller(one: Option<Buffers>, other: Option<Buffers>) -> Option<Buffers> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Buffers {
            asked: one.asked,
            send: one.send.min(other.send),
            receive: one.receive.min(other.receive),
        }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::Pacing;
    use crate::record::Record;
    use callbox_measure::ledger::Ledger;
    use callbox_measure::plan::{Rate, Shape, Stretch};

    const MILLISECOND: Nanos = 1_000_000;

    /// A server that is no other thread: what is sent is answered with the next turn.
    struct Inline {
        ledger: Ledger,
        answers: bool,
        /// Is stopped when nothing more is sent and replies are waited for.
        stops: Option<Control>,
    }

    impl Worker for Inline {
        fn turn(
            &mut self,
            until: Nanos,
            clock: Clock,
            pacing: &mut Pacing,
            record: &mut Record,
        ) -> Result<(), LoadError> {
            let now = clock.now();
            while self.answers && self.ledger.outstanding() > 0 {
                let answer = self.ledger.oldest_reply(now, true);
                record.answer(answer, now);
            }
            while self.ledger.room() > 0
                && let Some(intended) = pacing.take(now)
            {
                self.ledger.sent(intended, now);
                record.slip(intended, now);
            }
            if pacing.is_open() {
                thread::park_timeout(clock.until(until));
            }
            Ok(())
        }

        fn start_counting(&mut self) {
            self.ledger.start_counting();
        }

        fn stop_counting(&mut self) {
            self.ledger.stop_counting();
        }

        fn outstanding(&self) -> usize {
            // It is asked after the end alone.
            self.stops.iter().for_each(Control::stop);
            self.ledger.outstanding()
        }

        fn finish(&mut self, stopped: bool, record: &mut Record) {
            if stopped {
                self.ledger.withdraw_all();
            } else {
                self.ledger.give_up_all();
            }
            record.counts.add(&Counts::of(self.ledger.counts(), 0));
        }
    }

    fn plan(shape: Shape, duration: Nanos) -> Plan {
        let stretch = Stretch { warmup: 2 * MILLISECOND, duration };
        Plan { shape, stretch, lost_after: MILLISECOND, threads: 2, seed: 0, buffers: None }
    }

    fn inline(answers: bool) -> impl Fn(usize) -> Result<Inline, LoadError> {
        move |_| Ok(Inline { ledger: Ledger::new(8), answers, stops: None })
    }

    const CLOSED: Shape = Shape::Closed { connections: 2, window: 8 };

    #[test]
    fn every_request_of_a_closed_loop_has_its_reply_in_the_figures() {
        // One that a machine stood still for has sent nothing, and shows nothing.
        let mut runs = (1..12).map(|power| {
            let duration = MILLISECOND << power;
            let outcome = run(&plan(CLOSED, duration), &Control::new(), inline(true)).unwrap();
            assert_eq!((outcome.ended, outcome.step.duration), (Ended::Complete, duration));
            outcome.step
        });
        let step = runs.find(|step| step.counts.replies > 0).expect("replies");
        assert_eq!(step.counts.requests, step.counts.replies);
        assert_eq!(step.latency.count(), step.counts.replies);
        assert_eq!(
            step.timeline.intervals().iter().map(|it| it.count()).sum::<u64>(),
            step.counts.replies
        );
    }

    #[test]
    fn an_open_loop_sends_exactly_what_was_intended_however_late_its_threads_run() {
        let shape = Shape::Open { rate: Rate::per_second(10_000), connections: 2 };
        let outcome = run(&plan(shape, 20 * MILLISECOND), &Control::new(), inline(true)).unwrap();
        let step = outcome.step;
        assert_eq!((step.counts.requests, step.counts.replies), (200, 200));
        assert_eq!(step.slip.map(|slip| slip.count()), Some(200));
        assert_eq!(step.latency_from_sent.map(|it| it.count()), Some(200));
    }

    #[test]
    fn what_is_never_answered_is_lost() {
        let shape = Shape::Open { rate: Rate::per_second(1_000), connections: 2 };
        let outcome = run(&plan(shape, 5 * MILLISECOND), &Control::new(), inline(false)).unwrap();
        let counts = outcome.step.counts;
        assert_eq!((counts.requests, counts.lost.total()), (5, 5));
    }

    #[test]
    fn a_run_that_is_stopped_tells_what_it_measured_and_loses_nothing() {
        let control = Control::new();
        let stopper = control.clone();
        let watch = thread::spawn(move || {
            while stopper.replies() < 5_000 {
                thread::yield_now();
            }
            stopper.stop();
        });
        let outcome =
            run(&plan(CLOSED, 3600 * callbox_measure::SECOND), &control, inline(true)).unwrap();
        watch.join().unwrap();
        assert_eq!(outcome.ended, Ended::Interrupted);
        assert_eq!(outcome.step.counts.lost.total(), 0);
        assert_eq!(outcome.step.counts.requests, outcome.step.counts.replies);
    }

    #[test]
    fn one_that_is_stopped_while_it_waits_for_the_last_replies_is_not_complete() {
        let control = Control::new();
        let prepare =
            |_| Ok(Inline { ledger: Ledger::new(8), answers: false, stops: Some(control.clone()) });
        let plan = Plan { lost_after: 3600 * callbox_measure::SECOND, ..plan(CLOSED, MILLISECOND) };
        let outcome = run(&plan, &control, prepare).unwrap();
        assert_eq!((outcome.ended, outcome.step.duration), (Ended::Interrupted, MILLISECOND));
        assert_eq!(outcome.step.counts.lost.total(), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_server_uses_is_told_where_its_process_is_known() {
        let control = Control::new();
        control.watch(std::process::id());
        let outcome = run(&plan(CLOSED, 5 * MILLISECOND), &control, inline(true)).unwrap();
        let server = outcome.step.server.unwrap();
        assert!(server.pid == std::process::id() && server.memory > 0);
    }

    #[test]
    fn nothing_is_sent_before_the_clock_runs() {
        struct Early(Option<Nanos>);
        impl Worker for Early {
            fn turn(
                &mut self,
                _: Nanos,
                clock: Clock,
                _: &mut Pacing,
                record: &mut Record,
            ) -> Result<(), LoadError> {
                let first = *self.0.get_or_insert_with(|| clock.now());
                record.counts.refused = u64::from(first == 0);
                Ok(())
            }

            fn start_counting(&mut self) {}
            fn stop_counting(&mut self) {}
            fn outstanding(&self) -> usize {
                0
            }
            fn finish(&mut self, _: bool, _: &mut Record) {}
        }
        let outcome = run(&plan(CLOSED, MILLISECOND), &Control::new(), |_| Ok(Early(None)));
        assert_eq!(outcome.unwrap().step.counts.refused, 0);
    }

    #[test]
    fn one_thread_that_cannot_get_ready_ends_the_run_before_it_begins() {
        let outcome = run(&plan(CLOSED, MILLISECOND), &Control::new(), |index| match index {
            0 => inline(true)(0),
            _ => Err(LoadError::NoneLeft),
        });
        assert!(matches!(outcome, Err(LoadError::NoneLeft)));
    }
}
