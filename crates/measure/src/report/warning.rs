//! What makes a run's figures worth less than they look, and what to do about it.

use std::fmt::{self, Display, Formatter};

use callbox_exchange::Bare;
use serde::{Deserialize, Serialize};

use super::{Report, Step, ThreadUse};
use crate::figures::PERCENTILES;
use crate::figures::show::{Bytes, Count, Share, Span};
use crate::{Nanos, SECOND};

/// From this share of its time on, a thread of the generator is what limits the run.
const SATURATED: f64 = 0.95;

/// In less than this a thread's processor time tells nothing: systems count it in ticks of some milliseconds.
const MANY_TICKS: Nanos = SECOND / 10;

/// As many samples as have to lie above a percentile: of a hundred, chance moves it by about a tenth.
pub const ENOUGH_SAMPLES: u64 = 100;

/// The share of the median latency that a clock may be wrong by.
const COARSE: f64 = 0.01;

/// The share of the processors' time that may be stolen. One in a thousand is one slow request in a thousand, p99.9.
const STOLEN: f64 = 0.001;

/// How late half of the requests of an open loop may be sent.
const SLIPPED: Nanos = 50_000;

/// A reason to trust figures less.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
pub enum Warning {
    /// A thread of the generator was busy all the time, so the figures may be its own and not the server's.
    GeneratorSaturated {
        /// Which one.
        thread: String,
        /// The share of its time in which it had a processor.
        share: f64,
    },
    /// Too few samples stand behind percentiles.
    FewSamples {
        /// The first percentile that this is true of; it is of all after it.
        percentile: String,
        /// How many latencies lie above it.
        samples: u64,
    },
    /// The kernel gave smaller buffers than were asked for.
    SmallBuffers {
        /// What was asked for, in bytes.
        asked: u64,
        /// The smaller of the two that were given, in bytes.
        given: u64,
    },
    /// The clock does not tell such short latencies apart.
    CoarseClock {
        /// Its resolution.
        #[serde(rename = "resolution_ns")]
        resolution: Nanos,
        /// The median latency.
        #[serde(rename = "median_ns")]
        median: Nanos,
    },
    /// The machine under this virtual one took processor time away.
    Stolen {
        /// Its share of all processors' time.
        share: f64,
    },
    /// The generator did not keep the times of an open loop.
    Slipped {
        /// How late half of the requests were.
        #[serde(rename = "median_ns")]
        median: Nanos,
    },
}

impl Warning {
    /// What is wrong.
    pub fn problem(&self) -> String {
        match self {
            Self::GeneratorSaturated { thread, share } => format!(
                "thread {} of the generator was busy for {} of its time: it may have been what limited the rate",
                Bare(thread.as_bytes()),
                Share(*share)
            ),
            Self::FewSamples { percentile, samples } => {
                let samples = match samples {
                    0 => "no sample lies".to_owned(),
                    1 => "only 1 sample lies".to_owned(),
                    samples => format!("only {} samples lie", Count(*samples)),
                };
                let percentile = Bare(percentile.as_bytes());
                format!("{samples} above {percentile}: it, and any further one, is chance")
            }
            Self::SmallBuffers { asked, given } => format!(
                "the sockets' buffers hold {}, where {} was asked for",
                Bytes(*given as f64),
                Bytes(*asked as f64)
            ),
            Self::CoarseClock { resolution, median } => format!(
                "the clock tells apart no less than {}, and half of the latencies are below {}",
                Span(*resolution),
                Span(*median)
            ),
            Self::Stolen { share } => format!(
                "the machine under this virtual one took {} of the processors' time away",
                Share(*share)
            ),
            Self::Slipped { median } => {
                format!("half of what was sent went out {} late or later", Span(*median))
            }
        }
    }

    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::GeneratorSaturated { .. } => {
                "use more threads, or a second machine, or offer less"
            }
            Self::FewSamples { .. } => "measure for longer, or leave that percentile out",
            Self::SmallBuffers { .. } => {
                "raise net.core.rmem_max and net.core.wmem_max, or read losses as this machine's"
            }
            Self::CoarseClock { .. } => "choose another clock source, or measure longer exchanges",
            Self::Stolen { .. } => "measure again in a quieter hour, or on a machine of your own",
            Self::Slipped { .. } => {
                "offer less, use more threads, or leave a processor to the generator"
            }
        }
    }
}

/// One line: what is wrong, and what to do.
impl Display for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem(), self.advice())
    }
}

impl Report {
    /// Everything that makes these figures worth less, each once, the worst step of each standing for all.
    pub fn warnings(&self) -> Vec<Warning> {
        let cores = self.machine.cores.max(1);
        let resolution = self.machine.clock.resolution;
        let found = [
            worst(&self.steps, saturated, |share| *share)
                .map(|(thread, share)| Warning::GeneratorSaturated { thread, share }),
            self.main_step().and_then(few_samples),
            self.steps.iter().find_map(small_buffers),
            self.steps.iter().find_map(|step| coarse_clock(step, resolution)),
            worst(&self.steps, |step| stolen(step, cores).map(|share| ((), share)), |share| *share)
                .map(|((), share)| Warning::Stolen { share }),
            worst(&self.steps, slipped, |median| *median as f64)
                .map(|((), median)| Warning::Slipped { median }),
        ];
        found.into_iter().flatten().collect()
    }
}

/// Of what was found in the steps, that which is worst.
fn worst<T, V>(
    steps: &[Step],
    find: impl Fn(&Step) -> Option<(T, V)>,
    badness: impl Fn(&V) -> f64,
) -> Option<(T, V)> {
    let found = steps.iter().filter_map(find);
    found.max_by(|(_, a), (_, b)| badness(a).total_cmp(&badness(b)))
}

fn saturated(step: &Step) -> Option<(String, f64)> {
    let told = |thread: &&ThreadUse| !thread.spins && thread.elapsed >= MANY_TICKS;
    let shares = step.threads.iter().filter(told);
    let busy = shares.map(|thread| (thread.name.clone(), thread.share()));
    let busiest = busy.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (busiest.1 >= SATURATED).then_some(busiest)
}

/// Where nothing came back there is no percentile to doubt.
fn few_samples(step: &Step) -> Option<Warning> {
    if step.latency.is_empty() {
        return None;
    }
    let percentiles = PERCENTILES.iter();
    let mut samples = percentiles.map(|p| (p.name, step.latency.samples_above(p.of_hundred)));
    let (percentile, samples) = samples.find(|(_, samples)| *samples < ENOUGH_SAMPLES)?;
    Some(Warning::FewSamples { percentile: percentile.to_owned(), samples })
}

fn small_buffers(step: &Step) -> Option<Warning> {
    let buffers = step.buffers?;
    let (asked, given) = (buffers.asked, buffers.send.min(buffers.receive));
    (given < asked).then_some(Warning::SmallBuffers { asked, given })
}

fn coarse_clock(step: &Step, resolution: Nanos) -> Option<Warning> {
    let median = step.latency.percentile(50.0);
    let is_coarse = !step.latency.is_empty() && resolution as f64 > median as f64 * COARSE;
    is_coarse.then_some(Warning::CoarseClock { resolution, median })
}

fn stolen(step: &Step, cores: u32) -> Option<f64> {
    let time = step.duration.saturating_add(step.warmup).saturating_mul(u64::from(cores));
    let share = step.stolen? as f64 / time.max(1) as f64;
    (share >= STOLEN).then_some(share)
}

fn slipped(step: &Step) -> Option<((), Nanos)> {
    let median = step.slip.as_ref()?.percentile(50.0);
    (median > SLIPPED).then_some(((), median))
}

#[cfg(test)]
mod tests {
    use super::super::Buffers;
    use super::*;
    use crate::figures::Latencies;
    use crate::report::sample;

    #[test]
    fn a_quiet_run_with_many_samples_warns_of_nothing() {
        assert_eq!(sample::report(2_000_000).warnings(), []);
    }

    #[test]
    fn each_thing_that_disturbed_a_run_is_told_with_advice() {
        let mut report = sample::report(2_000_000);
        report.machine.clock.resolution = 1_000_000;
        let step = &mut report.steps[0];
        let (user, system, elapsed) = (6 * SECOND, 39 * SECOND / 10, 10 * SECOND);
        let thread =
            ThreadUse { name: "load\u{1b}[2J".into(), user, system, elapsed, spins: false };
        step.threads.push(thread);
        step.buffers = Some(Buffers { asked: 8_388_608, send: 8_388_608, receive: 425_984 });
        step.stolen = Some(SECOND);
        let mut slip = Latencies::new();
        slip.record(70_000);
        step.slip = Some(slip);
        let told: Vec<_> = report.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 5, "{told:#?}");
        assert!(told[0].starts_with("thread load\\x1b[2J of the generator was busy for 99.0 %"));
        assert!(told[1].starts_with("the sockets' buffers hold 426 kB, where 8.39 MB was asked"));
        assert!(told[2].starts_with("the clock tells apart no less than 1.00 ms"));
        assert!(told[3].contains("took 4.55 % of"), "{}", told[3]);
        assert!(told[4].starts_with("half of what was sent went out 70.0 µs late"));
        assert!(told.iter().all(|text| text.contains("; ")));
    }

    #[test]
    fn percentiles_with_fewer_than_a_hundred_samples_are_named() {
        let first = |replies| match &sample::report(replies).warnings()[..] {
            [Warning::FewSamples { percentile, samples }] => (percentile.clone(), *samples),
            other => panic!("{other:?}"),
        };
        assert_eq!(first(999_999), ("p99.99".into(), 99));
        assert_eq!(first(20_000), ("p99.9".into(), 20));
        assert_eq!(first(1), ("p50".into(), 0));
    }

    #[test]
    fn a_run_without_a_reply_has_no_percentile_to_doubt() {
        assert_eq!(sample::report(0).warnings(), []);
    }

    #[test]
    fn few_samples_are_counted_in_words_that_fit() {
        let said = |replies| sample::report(replies).warnings()[0].to_string();
        assert!(said(1).starts_with("no sample lies above p50: "));
        assert!(said(2).starts_with("only 1 sample lies above p50: "));
        assert!(said(20_000).starts_with("only 20 samples lie above p99.9: "));
    }

    #[test]
    fn of_a_run_of_few_ticks_it_is_not_said_how_busy_the_generator_was() {
        let mut report = sample::report(2_000_000);
        let (user, elapsed) = (4_000_000, 1_000_000);
        let thread = ThreadUse { name: "load-0".into(), user, system: 0, elapsed, spins: false };
        assert_eq!(thread.share(), 1.0);
        report.steps[0].threads = vec![thread];
        assert_eq!(report.warnings(), []);
    }

    #[test]
    fn a_thread_that_looks_for_replies_all_the_time_is_not_called_saturated() {
        let mut report = sample::report(2_000_000);
        let (user, elapsed) = (10 * SECOND, 10 * SECOND);
        report.steps[0].threads =
            vec![ThreadUse { name: "load-1".into(), user, system: 0, elapsed, spins: true }];
        assert_eq!(report.warnings(), []);
    }
}
