//! Reports of runs that never were: ordinary ones, and the strangest that a picture has to bear.

use std::collections::BTreeMap;

use callbox_measure::figures::{Latencies, Timeline};
use callbox_measure::plan::random::Random;
use callbox_measure::report::{
    Buffers, Clock, Counts, Ended, Kind, Knee, Lost, Machine, Report, Step, ThreadUse,
};
use callbox_measure::{Nanos, SECOND};

/// Every sample, by a name that is good for a file.
pub(crate) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("closed", closed()),
        ("stall", stall()),
        ("climb", climb(12)),
        ("climb-50", climb(50)),
        ("chat", chat()),
        ("chat-climb", chat_climb()),
        ("nothing", nothing()),
        ("no-steps", report(Vec::new())),
        ("one-sample", one_sample()),
        ("extremes", extremes()),
        ("hostile", hostile()),
        ("long", long()),
    ]
}

/// An even run of ten seconds in a closed loop, a million and a half of replies.
pub(crate) fn closed() -> Report {
    let mut run = Run::new(0, 10 * SECOND, None);
    let mut chance = Random::new(1);
    for request in 0..1_500_000 {
        let at = request * 10 * SECOND / 1_500_000;
        run.reply(at, spread(&mut chance, 38_000));
    }
    run.step.counts.lost = Lost { not_sent: 0, receive_overflow: 12, no_reply: 3 };
    report(vec![run.end()])
}

/// An open loop against a server that stalls for 200 ms once a second.
pub(crate) fn stall() -> Report {
    let mut run = Run::new(0, 10 * SECOND, Some(10_000.0));
    let (mut chance, mut sent) = (Random::new(2), Latencies::new());
    for request in 0..100_000 {
        let at = request * 100_000;
        let phase = at % SECOND;
        let waits = (200_000_000_u64).saturating_sub(phase.wrapping_sub(700_000_000));
        let waits = if phase >= 700_000_000 { waits } else { 0 };
        let service = spread(&mut chance, 45_000);
        sent.record(service);
        run.reply(at + waits, service + waits);
        run.slip.record(900 + service / 40);
    }
    run.step.latency_from_sent = Some(sent);
    run.step.buffers = Some(Buffers { asked: 4_194_304, send: 4_194_304, receive: 425_984 });
    for at in [2_200_000_000, 2_300_000_000, 6_400_000_000] {
        (0..40).for_each(|_| run.step.timeline.record_error(at));
        run.step.counts.wrong += 40;
    }
    report(vec![run.end()])
}

/// A climb whose server keeps up with about 80,000 a second.
pub(crate) fn climb(count: u32) -> Report {
    let mut chance = Random::new(3);
    let mut steps = Vec::new();
    let mut begin = 0;
    let factor = 200_f64.powf(1.0 / f64::from(count - 1));
    for index in 0..count {
        let offered = 1000.0 * factor.powi(index as i32);
        let mut run = Run::new(begin, SECOND, Some(offered));
        let (load, answered) = (offered / 85_000.0, offered.min(84_000.0));
        let base = if load < 0.98 { 30_000.0 / (1.0 - load) } else { 4e6 * load };
        let replies = answered as u64;
        for request in 0..offered as u64 {
            run.slip.record(800 + request % 512);
        }
        for reply in 0..replies {
            run.reply(begin + reply * SECOND / replies, spread(&mut chance, base as u64));
        }
        run.step.counts.requests = offered as u64;
        run.step.counts.expected = offered as u64;
        run.step.counts.lost.no_reply = offered as u64 - replies.min(offered as u64);
        steps.push(run.end());
        begin += SECOND * 3 / 2;
    }
    let knee = steps.iter().rposition(|step| step.offered.unwrap() < 75_000.0).unwrap();
    let rate = steps[knee].offered.unwrap();
    let mut report = report(steps);
    let rule = "at the next rate p99 was more than 10 times the lowest p99 of the climb";
    report.knee = Some(Knee { step: knee, rate, rule: rule.into() });
    report
}

/// A chat of 50 in one channel, five of whom say two lines a second each.
pub(crate) fn chat() -> Report {
    in_chat(report(vec![talk(0, 10 * SECOND, 10, 1.0)]))
}

/// A climb of that chat: up to 1,000 lines a second, of which it delivers four fifths.
pub(crate) fn chat_climb() -> Report {
    let rates = [(100, 1.0), (320, 1.0), (1000, 0.8)];
    let steps = (0..).zip(rates).map(|(at, (rate, share))| talk(at * SECOND, SECOND, rate, share));
    let mut report = in_chat(report(steps.collect()));
    let rule = "less than 98 % of what was sent at the next rate came back";
    report.knee = Some(Knee { step: 1, rate: 320.0, rule: rule.into() });
    report
}

/// How many hear a line of the chat.
const READERS: u64 = 49;

fn talk(begin: Nanos, duration: Nanos, rate: u64, share: f64) -> Step {
    let mut run = Run::new(begin, duration, Some(rate as f64));
    let mut chance = Random::new(5);
    let lines = rate * duration / SECOND;
    for line in 0..lines {
        let at = begin + line * SECOND / rate;
        run.slip.record(30_000 + line);
        for _ in 0..(READERS as f64 * share) as u64 {
            let latency = spread(&mut chance, 400_000);
            run.reply(at + latency, latency);
        }
    }
    let mut connecting = Latencies::new();
    (0..=READERS).for_each(|_| connecting.record(spread(&mut chance, 90_000)));
    run.step.connect_time = Some(connecting);
    let counts = &mut run.step.counts;
    (counts.requests, counts.expected) = (lines, lines * READERS);
    counts.lost.no_reply = counts.expected - counts.replies;
    run.end()
}

fn in_chat(mut report: Report) -> Report {
    report.kind = Kind::Chat;
    report.address = "127.0.0.1:6667".into();
    let options = [("clients", "50"), ("channels", "1"), ("talkers", "5"), ("size", "64")];
    report.options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    report.command = ["callbox", "bench", "chat", "127.0.0.1:6667"].map(String::from).into();
    report
}

/// A server that never answered.
pub(crate) fn nothing() -> Report {
    let mut run = Run::new(0, 5 * SECOND, Some(1000.0));
    run.step.counts.requests = 5000;
    run.step.counts.expected = 5000;
    run.step.counts.lost.no_reply = 5000;
    let mut report = report(vec![run.end()]);
    report.ended = Ended::Failed;
    report
}

/// One request, one reply.
pub(crate) fn one_sample() -> Report {
    let mut run = Run::new(0, SECOND, None);
    run.reply(300_000_000, 41_234);
    report(vec![run.end()])
}

/// From a nanosecond to a minute.
pub(crate) fn extremes() -> Report {
    let mut run = Run::new(0, 60 * SECOND, None);
    let mut latency = 1;
    for reply in 0..40_000 {
        run.reply(reply * SECOND / 700, latency);
        latency = if latency >= 60 * SECOND { 1 } else { latency * 3 / 2 + 1 };
    }
    run.reply(60 * SECOND - 1, 60 * SECOND);
    report(vec![run.end()])
}

/// Names that would be markup if they were not escaped.
pub(crate) fn hostile() -> Report {
    let mut report = one_sample();
    let name = "<script>alert(\"1\")</script>&amp;'\u{1b}[31m\u{202e}";
    report.address = format!("[::1]:3000{name}");
    report.callbox = name.into();
    report.began = name.into();
    report.command.push(name.into());
    report.options.insert(name.into(), name.repeat(20));
    report.machine.processor = Some(name.into());
    report.steps[0].threads[0].name = name.into();
    report.steps[0].offered = Some(1e-300);
    report.knee = Some(Knee { step: 99, rate: 1e300, rule: name.into() });
    report
}

/// Three hours, with a pause in the middle.
pub(crate) fn long() -> Report {
    let mut run = Run::new(0, 3 * 3600 * SECOND, Some(20.0));
    let mut chance = Random::new(4);
    for reply in 0..3 * 3600 * 20 {
        let at = reply * SECOND / 20;
        if !(5000..6500).contains(&(at / SECOND)) {
            run.reply(at, spread(&mut chance, 800_000));
        }
    }
    report(vec![run.end()])
}

/// A latency of which most are near `middle` and a few are far above.
fn spread(chance: &mut Random, middle: u64) -> Nanos {
    let uniform = (chance.draw() >> 11) as f64 / (1_u64 << 53) as f64;
    let tail = (1.0 - uniform).powf(-0.35);
    (middle as f64 * (0.75 + 0.25 * tail + uniform * 0.15)) as u64
}

struct Run {
    step: Step,
    slip: Latencies,
    end: Nanos,
}

impl Run {
    fn new(begin: Nanos, duration: Nanos, offered: Option<f64>) -> Self {
        let thread = ThreadUse {
            name: "generator-0".into(),
            user: duration / 4,
            system: duration / 2,
            elapsed: duration,
            spins: false,
        };
        let step = Step {
            offered,
            warmup: SECOND / 2,
            duration,
            counts: Counts::default(),
            throughput: None,
            latency: Latencies::new(),
            latency_from_sent: None,
            connect_time: None,
            came_in: None,
            slip: None,
            timeline: Timeline::new(begin, duration),
            threads: vec![thread],
            server: None,
            buffers: None,
            stolen: None,
        };
        Self { step, slip: Latencies::new(), end: begin + duration }
    }

    fn reply(&mut self, at: Nanos, latency: Nanos) {
        self.step.latency.record(latency);
        self.step.timeline.record(at.min(self.end - 1), latency);
        self.step.counts.replies += 1;
        self.step.counts.requests += 1;
        self.step.counts.expected += 1;
        self.step.counts.bytes_sent += 64;
        self.step.counts.bytes_received += 64;
    }

    fn end(mut self) -> Step {
        self.step.timeline.close(self.end);
        self.step.slip = (!self.slip.is_empty()).then_some(self.slip);
        self.step
    }
}

fn report(steps: Vec<Step>) -> Report {
    let options = [("size", "64"), ("connections", "8"), ("window", "32"), ("duration", "10s")];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Report {
        callbox: "0.1.0".into(),
        kind: Kind::Udp,
        address: "127.0.0.1:3000".into(),
        command: ["callbox", "bench", "udp", "127.0.0.1:3000", "--connections", "8"]
            .map(String::from)
            .to_vec(),
        options: options.map(owned).into_iter().collect::<BTreeMap<_, _>>(),
        seed: 1,
        began: "2026-11-23T03:40:00Z".into(),
        ended: Ended::Complete,
        machine: Machine {
            os: "linux".into(),
            kernel: Some("6.12.48-cloud-amd64".into()),
            architecture: "x86_64".into(),
            processor: Some("AMD EPYC 7B13".into()),
            cores: 2,
            governor: None,
            memory: Some(8_321_499_136),
            virtualised: Some("kvm".into()),
            clock: Clock { source: Some("kvm-clock".into()), resolution: 20 },
        },
        steps,
        knee: None,
    }
}
