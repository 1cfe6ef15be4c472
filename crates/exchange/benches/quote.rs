//! What it costs to show a peer's bytes: it is paid for each line of a server's log.

use std::time::Duration;

use callbox_exchange::Quoted;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write;
use std::hint::black_box;

fn quote(c: &mut Criterion) {
    let noise: Vec<u8> =
        (0..1400_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let inputs: [(&str, Vec<u8>); 5] = [
        ("a word", b"sally".to_vec()),
        ("1400 bytes of ASCII", vec![b'a'; 1400]),
        ("1400 bytes of Chinese", "你好".repeat(234).into_bytes()),
        ("1400 bytes with an escape in ten", b"a line...\n".repeat(140)),
        ("1400 bytes of noise", noise),
    ];
    let mut group = c.benchmark_group("quote");
    for (name, bytes) in &inputs {
        let mut out = String::with_capacity(8 * bytes.len() + 2);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(*name, |b| {
            b.iter(|| {
                out.clear();
                write!(out, "{}", Quoted(black_box(bytes))).expect("a string takes anything");
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // A second each is plenty for functions of nanoseconds.
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = quote
}
criterion_main!(benches);
