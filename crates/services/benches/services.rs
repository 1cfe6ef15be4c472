//! What the pure part of a datagram's way costs: raising text, and the guard's two looks at it.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use callbox_services::upper::upper_in_place;
use callbox_services::{Guard, MAX_DATAGRAM, Policy, find};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn upper(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upper");
    let sizes = [64, 1_400, MAX_DATAGRAM];
    let scripts = [
        ("ascii", "hello, sally; "),
        ("chinese", "你好，世界 "),
        ("german", "straße, höflich "),
        ("same length", "wäre, höflich "),
    ];
    for (script, sentence) in scripts {
        for size in sizes {
            let repeated = sentence.repeat(size / sentence.len() + 1);
            let text = &repeated.as_bytes()[..repeated.floor_char_boundary(size)];
            group.throughput(Throughput::Bytes(text.len() as u64));
            let mut datagram = text.to_vec();
            let mut reply = Vec::with_capacity(MAX_DATAGRAM);
            // The text is copied in anew each time, as the kernel does it.
            group.bench_function(BenchmarkId::new(script, size), |bencher| {
                bencher.iter(|| {
                    reply.clear();
                    datagram.copy_from_slice(text);
                    upper_in_place(black_box(&mut datagram), &mut reply)
                });
            });
        }
    }
    group.finish();
}

fn guard(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    let now = Duration::from_secs(1_000);
    let own: [SocketAddr; 1] = ["127.0.0.1:3000".parse().unwrap()];
    let loopback: SocketAddr = "127.0.0.1:40000".parse().unwrap();
    let outside: SocketAddr = "192.0.2.7:40000".parse().unwrap();
    let make = || Guard::new(Policy::default(), find("upper").unwrap(), &own);
    for (name, peer, changed, size) in [
        ("loopback, changed", loopback, true, 64),
        ("outside, changed", outside, true, 64),
        ("loopback, unchanged, 64 bytes", loopback, false, 64),
        ("loopback, unchanged, 1400 bytes", loopback, false, 1_400),
    ] {
        let (mut guard, mut text, mut number) = (make(), vec![0u8; size], 0u64);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                text[..8].copy_from_slice(&number.to_be_bytes());
                let admitted = guard.admit(black_box(now), black_box(peer), 1);
                (admitted, guard.release(now, peer, size, &text, changed))
            });
        });
    }
    group.bench_function("new", |bencher| {
        bencher.iter_batched(|| (), |()| make(), BatchSize::SmallInput)
    });
    group.finish();
}

criterion_group! {
    name = benches;
    // A second each is plenty for functions of nanoseconds.
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = upper, guard
}
criterion_main!(benches);
