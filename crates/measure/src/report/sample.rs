//! Reports for tests.

use super::{Clock, Counts, Ended, Kind, Lost, Machine, Report, Step, ThreadUse};
use crate::SECOND;
use crate::figures::{Latencies, Timeline};

/// A run of ten seconds with so many replies: latencies of 10 to 100 µs, and one in a thousand of 5 ms.
pub(crate) fn report(replies: u64) -> Report {
    Report {
        callbox: "0.1.0".into(),
        kind: Kind::Udp,
        address: "127.0.0.1:3000".into(),
        command: ["callbox", "bench", "udp", "127.0.0.1:3000"].map(String::from).into(),
        options: [("size".to_owned(), "64".to_owned())].into(),
        seed: 7,
        began: "2026-11-23T03:48:00Z".into(),
        ended: Ended::Complete,
        machine: Machine {
            os: "linux".into(),
            kernel: Some("6.12.0".into()),
            architecture: "x86_64".into(),
            cores: 2,
            clock: Clock { source: Some("tsc".into()), resolution: 30 },
            ..Machine::default()
        },
        steps: vec![step(replies)],
        knee: None,
    }
}

/// What [`report`] has as its only step.
pub(crate) fn step(replies: u64) -> Step {
    let (warmup, duration) = (SECOND, 10 * SECOND);
    let mut latency = Latencies::new();
    let mut timeline = Timeline::new(0, duration);
    for reply in 0..replies {
        let spread = reply % 1000;
        let nanos = if spread == 999 { 5_000_000 } else { 10_000 + 90 * spread };
        latency.record(nanos);
        timeline
            .record((u128::from(reply) * u128::from(duration) / u128::from(replies)) as u64, nanos);
    }
    timeline.close(duration);
    let lost = Lost { not_sent: 12, receive_overflow: 30, no_reply: 3 };
    let expected = replies + lost.total() + 2;
    Step {
        offered: None,
        warmup,
        duration,
        counts: Counts {
            requests: expected,
            expected,
            replies,
            lost,
            late: 1,
            pending: 1,
            reordered: 3,
            bytes_sent: 64 * expected,
            bytes_received: 64 * replies,
            ..Counts::default()
        },
        throughput: None,
        latency,
        latency_from_sent: None,
        connect_time: None,
        came_in: None,
        slip: None,
        timeline,
        threads: vec![ThreadUse {
            name: "load-0".into(),
            user: 2 * SECOND,
            system: 6 * SECOND,
            elapsed: 10 * SECOND,
            spins: false,
        }],
        server: None,
        buffers: None,
        stolen: Some(0),
    }
}
