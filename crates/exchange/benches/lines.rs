//! What it costs to cut a stream into lines, where they lie whole in a piece and where they do not.

use std::time::Duration;

use callbox_exchange::{Line, Lines};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const STREAM: usize = 1 << 20;

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("lines");
    group.throughput(Throughput::Bytes(STREAM as u64));
    for length in [16, 80, 4096] {
        let line = [vec![b'x'; length - 1], vec![b'\n']].concat();
        let stream: Vec<u8> = line.iter().copied().cycle().take(STREAM).collect();
        for piece in [100, 1460, 64 << 10] {
            group.bench_function(format!("lines of {length} in pieces of {piece}"), |b| {
                b.iter(|| count(black_box(&stream), piece));
            });
        }
    }
    group.finish();
}

/// The bytes in all lines of the stream.
fn count(stream: &[u8], piece: usize) -> usize {
    let mut lines = Lines::new();
    let mut bytes = 0;
    for mut piece in stream.chunks(piece) {
        while let Some(line) = lines.handle_bytes(&mut piece) {
            if let Line::Whole(line) = line {
                bytes += line.len();
            }
        }
    }
    bytes
}

criterion_group! {
    name = benches;
    // A second each is plenty for functions of nanoseconds.
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = lines
}
criterion_main!(benches);
