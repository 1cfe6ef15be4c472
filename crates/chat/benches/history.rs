//! What a page of 100 costs out of a store of 1,000,000 events, by each form that clients ask in, and what an event costs to
//! keep. A page is measured as an event loop sees it: from handing over the job to the answer, threads included.
//!
//! The store has one room with 600,000 events, in which one in a thousand is a `TAGMSG` and one in eleven a `JOIN`, and 400
//! others with 1,000 each, all mixed with each other in time.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use callbox_chat::store::{Batch, Done, Place, Store, StoreSettings, Ticket};
use callbox_hub::contract::{
    Answer, Bound, ConnId, Event, HistoryQuery, Job, Millis, Part, Record,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const EVENTS: u64 = 1_000_000;
const ROOM: &str = "#room";
const START: Millis = 1_795_354_994_000;

/// A tick's worth of records under load.
const TICK: u64 = 500;

fn time(number: u64) -> Millis {
    START + number * 7
}

/// The `number`th event, in the big room or one of the others.
fn event(number: u64, room: bool) -> Event {
    let command = match number {
        number if number % 1_000 == 3 => "TAGMSG",
        number if number % 11 == 7 => "JOIN",
        _ => "PRIVMSG",
    };
    let other = number / 10 % 400;
    let private = format!("@$friend{other},$me");
    let conversation = match (room, other) {
        (true, _) => ROOM.into(),
        (false, 0..200) => format!("#room{other}").into(),
        (false, _) => private.into(),
    };
    Event {
        conversation,
        msgid: format!("{:013x}-{:06x}", time(number), number).into(),
        time: time(number),
        source: format!("nick{other}!user@{other:x}.example.net").into(),
        account: Some(format!("nick{other}").into()),
        bot: false,
        tags: "".into(),
        command: command.into(),
        params: vec![ROOM.into()],
        text: (command == "PRIVMSG")
            .then(|| "a line of sixty-four bytes, as people in rooms say all day long.".into()),
    }
}

fn wait(told: &Receiver<Done>, wanted: impl Fn(&Done) -> bool) -> Done {
    told.iter().find(wanted).expect("the store tells it")
}

fn fill(store: &Store, told: &Receiver<Done>) {
    let start = Instant::now();
    // A tick ends before the one after the next begins, as with talkers that wait for their echo.
    let (mut kept, mut before) = (Ticket(0), Ticket(0));
    let mut wait_for = |ticket| {
        while kept < ticket {
            if let Done::Kept(now) = told.recv().expect("the store tells it") {
                kept = now;
            }
        }
    };
    for tick in 0..EVENTS / TICK {
        let numbers = tick * TICK..(tick + 1) * TICK;
        let records = numbers.map(|number| Record::Event(event(number, number % 10 < 6)));
        let ticket = store.submit(Batch { records: records.collect(), jobs: Vec::new() });
        wait_for(std::mem::replace(&mut before, ticket));
    }
    wait_for(before);
    let rate = EVENTS as f64 / start.elapsed().as_secs_f64();
    eprintln!("{EVENTS} events in ticks of {TICK}: {rate:.0} a second, making them included");
}

fn history(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("callbox-bench-{}", std::process::id()));
    let (tell, told) = channel();
    let notify = move |done| drop(tell.send(done));
    let (store, _) = Store::open(Place::Folder(folder.clone()), StoreSettings::default(), notify)
        .expect("a folder for temporary files");
    fill(&store, &told);
    let bytes = std::fs::metadata(folder.join("chat.db")).map_or(0, |file| file.len());
    eprintln!("{} bytes an event on disk", bytes / EVENTS);

    let ask = |job: &Job| {
        let jobs = vec![(ConnId(1), job.clone())];
        store.submit(Batch { records: Vec::new(), jobs });
        wait(&told, |done| matches!(done, Done::Answer(..)))
    };
    // Somewhere in the middle, and something said.
    let middle = Bound::Time(time(EVENTS / 2));
    let msgid = |number| Bound::Msgid(event(number, true).msgid);
    let (early, late) = (msgid(400_001), msgid(600_001));
    let forms = [
        ("LATEST", Part::Latest(None)),
        ("LATEST after msgid", Part::Latest(Some(early.clone()))),
        ("BEFORE time", Part::Before(middle.clone())),
        ("BEFORE msgid", Part::Before(late.clone())),
        ("AFTER time", Part::After(middle.clone())),
        ("AFTER msgid", Part::After(early.clone())),
        ("AROUND time", Part::Around(middle.clone())),
        ("AROUND msgid", Part::Around(early.clone())),
        ("BETWEEN times", Part::Between(Bound::Time(time(9)), middle)),
        ("BETWEEN msgids", Part::Between(early.clone(), late.clone())),
        ("BETWEEN msgids backwards", Part::Between(late, early)),
    ];
    let mut group = criterion.benchmark_group("a page of 100");
    for (filter, said_only, tagmsg) in
        [("said", true, false), ("said and tags", true, true), ("everything", false, true)]
    {
        for (form, part) in &forms {
            let (conversation, part) = (ROOM.into(), part.clone());
            let query = HistoryQuery { conversation, part, limit: 100, said_only, tagmsg };
            let job = Job::History(query);
            let full = |answer: &Done| matches!(answer, Done::Answer(_, Answer::History(Some(page))) if page.len() == 100);
            assert!(full(&ask(&job)), "{form} gives a full page");
            group.bench_function(format!("{form}, {filter}"), |b| b.iter(|| black_box(ask(&job))));
        }
    }
    group.finish();

    let targets = Job::Targets {
        owner: "$me".into(),
        channels: (0..100).map(|room| format!("#room{room}").into()).collect(),
        after: START,
        before: Millis::MAX,
        limit: 100,
    };
    let full =
        |answer: &Done| matches!(answer, Done::Answer(_, Answer::Targets(all)) if all.len() == 100);
    assert!(full(&ask(&targets)), "TARGETS gives a full page");
    criterion.bench_function("TARGETS, 200 private and 100 rooms", |b| {
        b.iter(|| black_box(ask(&targets)));
    });
    let find = Job::Find { conversation: ROOM.into(), msgid: event(500_001, true).msgid };
    criterion.bench_function("one message by msgid", |b| b.iter(|| black_box(ask(&find))));

    let mut group = criterion.benchmark_group("keep");
    let mut number = EVENTS;
    for size in [1, 100, 1_000] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("a tick of {size}"), |b| {
            b.iter(|| {
                let records =
                    (number..number + size).map(|number| Record::Event(event(number, true)));
                let ticket = store.submit(Batch { records: records.collect(), jobs: Vec::new() });
                number += size;
                wait(&told, |done| matches!(done, Done::Kept(kept) if *kept >= ticket))
            });
        });
    }
    group.finish();
    drop(store);
    std::fs::remove_dir_all(folder).ok();
}

criterion_group! {
    name = benches;
    // A second each is plenty for what takes less than a millisecond.
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = history
}
criterion_main!(benches);
