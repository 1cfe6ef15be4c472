//! 100,000 lines of history, as a session takes them in: as pages of what was missed, as pages that somebody scrolls up to,
//! and as lines that come now. It says first how many bytes the model holds of them.

#[path = "../tests/common/served.rs"]
#[allow(dead_code, unreachable_pub, reason = "others use more of it, and from outside")]
mod served;

use std::hint::black_box;

use callbox_session::config::{Config, Limits};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use served::Served;

const LINES: usize = 100_000;

/// Answers the request under way with a page, and takes the next request.
fn give(served: &mut Served, page: &[String]) {
    served.feed(":irc.test BATCH +b chathistory #room");
    for line in page {
        served.feed(line);
    }
    served.feed(":irc.test BATCH -b");
}

/// Whoever was here before the first line, and comes back after the last one.
fn missed(mut served: Served, lines: &[String]) -> Served {
    let asked = served.asked();
    assert!(asked.iter().any(|line| line.contains("AFTER")), "{asked:?}");
    for page in lines.chunks(500) {
        give(&mut served, page);
    }
    give(&mut served, &[]);
    assert_eq!(served.session.room_named("#room").map(|room| room.catching_up), Some(false));
    served
}

fn away() -> Served {
    let config = Config { backlog: false, limits: limits(), ..Config::default() };
    let mut served = Served::new(config);
    served.feed("@time=2026-01-01T00:00:00.000Z;msgid=first :ann!a@b PRIVMSG #room :first");
    served.asked();
    served.lose();
    served.connect();
    served
}

fn scrolled(mut served: Served, lines: &[String]) -> Served {
    for page in lines.rchunks(200) {
        let (id, now) = (served.id(), served.now());
        if served.session.request_older(id, now).is_err() {
            break;
        }
        served.drain();
        give(&mut served, page);
    }
    served
}

fn live(mut served: Served, lines: &[String]) -> Served {
    for line in lines {
        served.feed(line);
    }
    served
}

/// Room for all of the lines, and some that tell of us.
fn limits() -> Limits {
    Limits { lines: LINES + 1_000, ..Limits::default() }
}

fn fresh() -> Served {
    Served::new(Config { backlog: false, limits: limits(), ..Config::default() })
}

fn replay(c: &mut Criterion) {
    let lines: Vec<String> = (0..LINES as u64).map(served::line).collect();
    let now: Vec<String> = lines.iter().map(|line| line.replacen("batch=b;", "", 1)).collect();
    let held = missed(away(), &lines);
    println!(
        "{} lines, {} bytes of model, {} bytes on the wire",
        held.room().timeline.len(),
        held.bytes(),
        lines.iter().map(|line| line.len() + 2).sum::<usize>()
    );
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(10);
    group.bench_function("missed", |b| {
        b.iter_batched(away, |served| black_box(missed(served, &lines)), BatchSize::PerIteration);
    });
    group.bench_function("scrolled", |b| {
        b.iter_batched(
            fresh,
            |served| black_box(scrolled(served, &lines)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("live", |b| {
        b.iter_batched(fresh, |served| black_box(live(served, &now)), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
