//! What a transport has to do, and the loop that every thread runs.

use callbox_measure::Nanos;
use callbox_measure::plan::Phase;
use callbox_measure::report::ThreadUse;
use callbox_net::usage::ProcessorTime;

use crate::clock::Clock;
use crate::control::Control;
use crate::outcome::LoadError;
use crate::pacing::Pacing;
use crate::plan::Plan;
use crate::record::{LOOKS_EVERY, Part, Record};

/// One thread's connections over one transport.
pub trait Worker {
    /// Takes in what has come, sends what may be sent, and waits for more of either, until `until` at most. It may come
    /// back earlier, and does so at once if there was something to do: the loop around it looks at the phase.
    ///
    /// `pacing` says what may be sent. After the end it gives nothing more, and replies are still taken in.
    fn turn(
        &mut self,
        until: Nanos,
        clock: Clock,
        pacing: &mut Pacing,
        record: &mut Record,
    ) -> Result<(), LoadError>;

    /// The warm-up is over: requests from now on count, from zero.
    fn start_counting(&mut self);

    /// Requests from now on do not count, those before still do. It is called before the first request, for the warm-up,
    /// and at the end.
    fn stop_counting(&mut self);

    /// How many requests that count wait for their reply.
    fn outstanding(&self) -> usize;

    /// The run is over: adds what its ledgers counted to the record. What still waits is lost, unless the run was
    /// stopped early: then nobody knows what would have become of it, and it is withdrawn.
    fn finish(&mut self, stopped: bool, record: &mut Record);

    /// Whether it looks for replies where it could sleep, and hardly ever does: its processor time says nothing then of how
    /// busy it is.
    fn spins(&self) -> bool {
        false
    }
}

/// What a thread is told: the plan, the clock and the handle of its run.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) plan: Plan,
    pub(crate) index: usize,
    pub(crate) clock: Clock,
    pub(crate) control: Control,
    pub(crate) name: String,
}

/// Runs one thread's part from the beginning to the end.
pub(crate) fn drive(worker: &mut impl Worker, orders: &Orders) -> (Part, bool, Option<LoadError>) {
    let Orders { plan, index, clock, control, name } = orders;
    let mut pacing = Pacing::new(plan.shape, plan.stretch, *index, plan.crew());
    let mut record = Record::new(plan.stretch, pacing.is_open(), control.clone());
    let mut meter = Meter::default();
    let mut phase = Phase::Warmup;
    worker.stop_counting();
    let ended = loop {
        let now = clock.now();
        let next = pacing.advance(now);
        record.enter(next);
        if phase == Phase::Warmup && next != Phase::Warmup {
            worker.start_counting();
            meter.begin(now);
        }
        if next == Phase::Over {
            worker.stop_counting();
            meter.end(now);
            break drain(worker, orders, &mut pacing, &mut record);
        }
        phase = next;
        if control.is_stopped() {
            meter.end(now);
            break Ok(true);
        }
        let until = pacing.next_moment().min(now.saturating_add(LOOKS_EVERY));
        if let Err(error) = worker.turn(until, *clock, &mut pacing, &mut record) {
            meter.end(clock.now());
            break Err(error);
        }
        record.tell_all();
    };
    let stopped = !matches!(ended, Ok(false));
    if stopped && phase == Phase::Warmup {
        // Nothing counts: the ledgers may hold what the warm-up sent.
        worker.start_counting();
    }
    worker.finish(stopped, &mut record);
    let counted = meter.counted(plan.stretch.begin(), plan.stretch.end());
    let part = record.into_part(counted, meter.used(name, worker.spins()));
    (part, stopped, ended.err())
}

/// Waits for the replies that are still to come. Gives whether it was stopped.
fn drain(
    worker: &mut impl Worker,
    orders: &Orders,
    pacing: &mut Pacing,
    record: &mut Record,
) -> Result<bool, LoadError> {
    let Orders { plan, clock, control, .. } = orders;
    let last = clock.now().saturating_add(plan.lost_after);
    while worker.outstanding() > 0 {
        let now = clock.now();
        if control.is_stopped() {
            return Ok(true);
        }
        if now >= last {
            break;
        }
        worker.turn(last.min(now.saturating_add(LOOKS_EVERY)), *clock, pacing, record)?;
    }
    Ok(false)
}

/// When counting began and ended, and what the thread used in between.
#[derive(Debug, Default)]
struct Meter {
    began: Option<(Nanos, Option<ProcessorTime>)>,
    ended: Option<(Nanos, Option<ProcessorTime>)>,
}

impl Meter {
    fn begin(&mut self, now: Nanos) {
        self.began = Some((now, ProcessorTime::of_this_thread()));
    }

    fn end(&mut self, now: Nanos) {
        self.ended = Some((now, ProcessorTime::of_this_thread()));
    }

    /// How long was counted: the plan's time, or what of it had passed when it was ended.
    fn counted(&self, begin: Nanos, end: Nanos) -> Nanos {
        match (&self.began, &self.ended) {
            (Some(_), Some((ended, _))) => (*ended).min(end).saturating_sub(begin),
            _ => 0,
        }
    }

    fn used(&self, name: &str, spins: bool) -> Option<ThreadUse> {
        let (began, ended) = (self.began?, self.ended?);
        let (before, after) = (began.1?, ended.1?);
        Some(ThreadUse {
            name: name.to_owned(),
            user: after.user.saturating_sub(before.user),
            system: after.system.saturating_sub(before.system),
            elapsed: ended.0.saturating_sub(began.0),
            spins,
        })
    }
}
