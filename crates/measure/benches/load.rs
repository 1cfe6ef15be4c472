//! What the generator spends on a request beside the kernel: it is paid for each, some hundred thousand times a second.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use callbox_measure::lane::Lane;
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::Rate;
use callbox_measure::replies::{Framing, Replies};
use callbox_measure::schedule::Schedule;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Eight sockets with a window of 32, as the load that servers are measured with.
const LANES: usize = 8;
const WINDOW: usize = 32;

fn datagrams(c: &mut Criterion) {
    let mut group = c.benchmark_group("request and reply");
    group.throughput(Throughput::Elements((LANES * WINDOW) as u64));
    for sizes in ["64", "1400", "64:7,1400:1"] {
        let mix = sizes.parse().expect("a mix");
        let payload = Arc::new(Payload::datagrams(1, mix, Check::Upper).expect("a payload"));
        let lane = |number| Lane::new(payload.clone(), number, WINDOW);
        let mut lanes: Vec<Lane> = (0..LANES as u16).map(lane).collect();
        let mut buffers = vec![[0_u8; 1400]; WINDOW];
        let mut now = 0;
        group.bench_function(format!("datagrams of {sizes}"), |b| {
            b.iter(|| {
                for lane in &mut lanes {
                    let mut lengths = [0; WINDOW];
                    for (ahead, buffer) in buffers.iter_mut().enumerate() {
                        lengths[ahead] = lane.write(ahead as u64, buffer);
                    }
                    now += 1000;
                    for (buffer, length) in buffers.iter_mut().zip(lengths) {
                        lane.sent(now, now);
                        // The server's part; it is measured along.
                        buffer[..length].make_ascii_uppercase();
                    }
                    for (buffer, length) in buffers.iter().zip(lengths) {
                        black_box(lane.handle_datagram(&buffer[..length], now + 50));
                    }
                    lane.ledger_mut().expire(now, 1_000_000);
                }
            });
        });
        assert_eq!(lanes[0].ledger().counts().answered, lanes[0].ledger().counts().requests);
    }
    group.finish();
}

fn stream(c: &mut Criterion) {
    let mut group = c.benchmark_group("request and reply");
    group.throughput(Throughput::Elements(WINDOW as u64));
    let payload = Payload::stream(1, "64".parse().expect("a size"), Check::Echo);
    let mut lane = Lane::new(Arc::new(payload), 0, WINDOW);
    let mut replies = Replies::new(Framing::Line, 0);
    let mut buffer = [0; 64 * WINDOW];
    group.bench_function("a stream of 64", |b| {
        b.iter(|| {
            for message in buffer.chunks_exact_mut(64) {
                lane.write(0, message);
                lane.sent(0, 0);
            }
            replies.handle(&mut lane, &buffer, 50, |answer| {
                black_box(answer);
            });
        });
    });
    group.finish();
}

fn schedule(c: &mut Criterion) {
    let mut schedule = Schedule::share(Rate::per_second(333_333), 0, 1, 3);
    c.bench_function("an intended time", |b| b.iter(|| black_box(schedule.take())));
}

criterion_group! {
    name = benches;
    // A second each is plenty for functions of nanoseconds.
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = datagrams, stream, schedule
}
criterion_main!(benches);
