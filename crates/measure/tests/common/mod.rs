//! Files of reports that anybody may have written: one of ours with some of its values changed. The fuzz target
//! `bench_report` uses this too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callbox_measure::SECOND;
use callbox_measure::compare::compare;
use callbox_measure::figures::{Latencies, Timeline};
use callbox_measure::picture::{self, Picture};
use callbox_measure::report::{
    Buffers, Clock, Counts, Ended, Kind, Knee, Machine, Report, ServerUse, Step, Table, ThreadUse,
    Throughput,
};
use serde_json::{Map, Value};

/// A change of a file: which value, what becomes of it, and two things that this is made of.
pub type Change = (u16, u8, u64, Vec<u8>);

/// A climb of two steps in which nothing is left out, as JSON.
pub fn ours() -> Value {
    let report = Report {
        callbox: "0.1.0".into(),
        kind: Kind::Tcp,
        address: "127.0.0.1:3000".into(),
        command: vec!["callbox".into(), "bench".into()],
        options: [("size".to_owned(), "64".to_owned())].into(),
        seed: 1,
        began: "2026-11-23T03:40:00Z".into(),
        ended: Ended::Complete,
        machine: Machine {
            cores: 2,
            clock: Clock { source: None, resolution: 20 },
            ..Machine::default()
        },
        steps: (0..2).map(step).collect(),
        knee: Some(Knee { step: 1, rate: 200.0, rule: "by hand".into() }),
    };
    serde_json::from_str(&report.to_json()).expect("what was just written is JSON")
}

fn step(at: u64) -> Step {
    let mut latency = Latencies::new();
    let duration = SECOND / 250;
    let mut timeline = Timeline::new(at * SECOND, duration);
    for reply in 0..100 {
        latency.record(1000 * reply);
        timeline.record(at * SECOND + reply * duration / 100, 1000 * reply);
    }
    let thread = ThreadUse { name: "load-0".into(), elapsed: SECOND, ..ThreadUse::default() };
    Step {
        offered: Some(100.0 * (at + 1) as f64),
        warmup: 0,
        duration,
        counts: Counts { requests: 100, expected: 100, replies: 100, ..Counts::default() },
        throughput: Some(Throughput { requests: 100, replies: 100, unchecked: 7 }),
        latency_from_sent: Some(latency.clone()),
        connect_time: Some(latency.clone()),
        came_in: Some(SECOND),
        slip: Some(latency.clone()),
        latency,
        timeline,
        threads: vec![thread],
        server: Some(ServerUse::default()),
        buffers: Some(Buffers::default()),
        stolen: Some(0),
    }
}

/// Changes one value of the file, whichever stands at that place.
pub fn change(file: &mut Value, (place, what, number, bytes): &Change) {
    let count = count(file);
    let copied = at(file, *number as usize % count).cloned();
    let Some(value) = at(file, usize::from(*place) % count) else { return };
    let text = || Value::from(String::from_utf8_lossy(bytes));
    match what % 9 {
        0 => *value = Value::from(*number),
        1 => *value = Value::from(f64::from_bits(*number)),
        2 => *value = Value::from(number.cast_signed()),
        3 => *value = text(),
        4 => *value = Value::from(histogram(*number, bytes)),
        5 => *value = Value::Null,
        6 => *value = copied.unwrap_or_default(),
        7 => match value {
            Value::Array(values) => values.extend(copied),
            Value::Object(values) => drop(values.insert(text().to_string(), Value::Null)),
            _ => *value = Value::Array(Vec::new()),
        },
        _ => match value {
            Value::Array(values) => drop(values.pop()),
            Value::Object(values) => {
                *values = values.clone().into_iter().skip(1).collect::<Map<_, _>>()
            }
            _ => *value = Value::from(*number >> 32),
        },
    }
}

/// A histogram with these counts, in its encoding.
fn histogram(number: u64, counts: &[u8]) -> String {
    let digits = 2 + (number & 1) as u32;
    let mut bytes = Vec::new();
    for word in [0x1c84_9313, counts.len() as u32, 0, digits] {
        bytes.extend(word.to_be_bytes());
    }
    for bound in [1, 3600 * SECOND] {
        bytes.extend(bound.to_be_bytes());
    }
    bytes.extend(1_f64.to_be_bytes());
    bytes.extend(counts);
    STANDARD.encode(bytes)
}

/// How many values a value holds, itself among them.
pub fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

/// One of these by its place.
fn at(value: &mut Value, place: usize) -> Option<&mut Value> {
    fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Value::Array(values) => values.iter_mut().find_map(|value| find(value, left)),
            Value::Object(values) => values.values_mut().find_map(|value| find(value, left)),
            _ => None,
        }
    }
    find(value, &mut { place })
}

/// Reads a file and shows what was read in every way. Whether it could be read.
pub fn show(file: &[u8]) -> bool {
    let Ok(report) = Report::from_json(file) else { return false };
    let again = Report::from_json(report.to_json().as_bytes());
    assert!(again.is_ok(), "what was read is written so that it can be read: {again:?}");
    for width in [0, 1000] {
        assert!(Table { report: &report, width }.to_string().ends_with('\n'));
    }
    // The page has the other pictures, and this one only of a climb.
    assert!(picture::page(&report).ends_with("</html>\n"));
    assert!(picture::svg(&report, Picture::Load).ends_with("</svg>\n"));
    let reports = [report];
    if let Ok(found) = compare(&reports, &reports, 1) {
        assert!(found.to_string().ends_with(".\n"));
    }
    true
}
