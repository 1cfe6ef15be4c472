mod counting;
mod hall;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use callbox_measure::plan::{Rate, Stretch};
use callbox_measure::report::{Buffers, Counts, Ended};
use callbox_measure::{Nanos, SECOND};

use socket2::{Domain, Socket, Type};

use super::*;
use hall::{Event, Hall, serve};

const MILLISECOND: Nanos = 1_000_000;

/// Longer than a machine stands still, where a test has to wait until deliveries are lost that never come.
const PATIENT: Nanos = 8 * SECOND;

/// A closed loop of five clients, two of whom talk, all of it counted.
fn load(address: SocketAddr) -> ChatLoad {
    ChatLoad {
        addresses: vec![address],
        crowd: Crowd::new(5, 1, 2).expect("a crowd"),
        size: 40,
        password: None,
        plan: Plan {
            shape: Shape::Closed { connections: 5, window: 3 },
            stretch: Stretch { warmup: 0, duration: 50 * MILLISECOND },
            lost_after: 60 * SECOND,
            threads: 1,
            seed: 7,
            buffers: None,
        },
    }
}

/// An open loop of exactly 100 lines with four listeners each.
fn hundred_lines(address: SocketAddr) -> ChatLoad {
    let shape = Shape::Open { rate: Rate::per_second(1000), connections: 5 };
    let stretch = Stretch { warmup: 0, duration: 100 * MILLISECOND };
    let load = load(address);
    ChatLoad { plan: Plan { shape, stretch, ..load.plan }, ..load }
}

/// The same without an end, to be stopped.
fn endless(address: SocketAddr) -> ChatLoad {
    let load = load(address);
    let stretch = Stretch { warmup: 0, duration: 3600 * SECOND };
    ChatLoad { plan: Plan { stretch, ..load.plan }, ..load }
}

fn run(load: &ChatLoad) -> Outcome {
    load.run(&Control::new()).expect("a crowd that came in")
}

/// Why a crowd did not come in.
fn refused(load: &ChatLoad, patience: Patience) -> String {
    load.run_with(patience, &Control::new()).expect_err("nobody let in").to_string()
}

/// Passes everything on.
fn faithful(hall: &mut Hall, event: Event<'_>) {
    if let Some((from, line)) = hall.welcome(&event) {
        hall.relay(from, line);
    }
}

fn sum(counts: &Counts) -> u64 {
    counts.replies + counts.wrong + counts.lost.total() + counts.late + counts.pending
}

/// Stops a run once it has had some replies.
fn stop_after(replies: u64, control: &Control) -> thread::JoinHandle<()> {
    let control = control.clone();
    thread::spawn(move || {
        while control.replies() < replies {
            thread::yield_now();
        }
        control.stop();
    })
}

#[test]
fn every_line_reaches_everybody_else_in_its_channel() {
    let mut load = endless(serve(faithful));
    load.crowd = Crowd::new(8, 3, 4).expect("a crowd");
    let control = Control::new();
    let stopper = stop_after(1000, &control);
    let outcome = load.run(&control).expect("a crowd that came in");
    stopper.join().expect("a stopper");
    let (step, counts) = (&outcome.step, &outcome.step.counts);
    assert!(outcome.error.is_none());
    // Channels have three, three and two members, and the last lines are on their way.
    assert!((counts.requests - 20..=2 * counts.requests).contains(&counts.replies), "{counts:?}");
    let expected = Counts {
        requests: counts.requests,
        expected: counts.replies,
        replies: counts.replies,
        bytes_sent: counts.bytes_sent,
        bytes_received: counts.bytes_received,
        ..Counts::default()
    };
    assert_eq!(*counts, expected);
    assert_eq!(step.latency.count(), counts.replies);
    let length = "PRIVMSG #b1234-0 :\r\n".len() as u64 + 40;
    assert_eq!(counts.bytes_sent, counts.requests * length);
    assert!(counts.bytes_received > counts.replies * length);
}

#[test]
fn an_open_loop_says_each_line_that_is_due_and_records_each_delivery() {
    let step = run(&hundred_lines(serve(faithful))).step;
    assert_eq!((step.counts.requests, step.counts.expected, step.counts.replies), (100, 400, 400));
    assert_eq!((step.latency.count(), step.slip.map(|slip| slip.count())), (400, Some(100)));
    assert_eq!(step.latency_from_sent.map(|it| it.count()), Some(400));
}

#[test]
fn a_crowd_s_sockets_have_the_buffers_that_were_asked_for() {
    let mut load = hundred_lines(serve(faithful));
    assert_eq!(run(&load).step.buffers, None);
    load.addresses = vec![serve(faithful)];
    load.plan.buffers = Some(16_384);
    let buffers = run(&load).step.buffers;
    assert_eq!(buffers, Some(Buffers { asked: 16_384, send: 16_384, receive: 16_384 }));
}

#[test]
fn what_the_warm_up_says_counts_for_nothing() {
    let mut load = hundred_lines(serve(faithful));
    load.plan.stretch.warmup = 30 * MILLISECOND;
    let counts = run(&load).step.counts;
    assert_eq!((counts.requests, counts.expected, counts.replies), (100, 400, 400));
}

/// What a server has done to deliveries.
#[derive(Clone, Debug, Default, PartialEq)]
struct Done {
    dropped: u64,
    doubled: u64,
    swapped: u64,
    altered: u64,
    forged: u64,
}

#[test]
fn what_a_server_drops_doubles_swaps_alters_and_invents_is_counted_exactly() {
    let done = Arc::new(Mutex::new(Done::default()));
    let (does, mut count) = (Arc::clone(&done), 0_u64);
    // By talker and listener: what comes after the next line.
    let mut held = HashMap::<(usize, usize), String>::new();
    let address = serve(move |hall, event| {
        if matches!(event, Event::Quiet) {
            // There was no next line: nothing was swapped.
            held.drain().for_each(|((_, to), line)| hall.tell(to, &line));
        }
        let Some((from, line)) = hall.welcome(&event) else { return };
        let mut done = does.lock().expect("the lock");
        for to in hall.others(from) {
            count += 1;
            let relayed = hall.relayed(from, line);
            let before = held.remove(&(from, to));
            match count % 20 {
                3 => done.dropped += 1,
                7 => {
                    done.doubled += 1;
                    hall.tell(to, &relayed);
                    hall.tell(to, &relayed);
                }
                11 => {
                    done.altered += 1;
                    // The last letter becomes another.
                    let other = if relayed.ends_with('x') { 'y' } else { 'x' };
                    hall.tell(to, &format!("{}{other}", &relayed[..relayed.len() - 1]));
                }
                13 => {
                    done.forged += 1;
                    hall.tell(to, &relayed);
                    hall.tell(to, ":somebody!u@h PRIVMSG #b :hello");
                }
                17 if before.is_none() => drop(held.insert((from, to), relayed)),
                kind => {
                    hall.tell(to, &relayed);
                    done.swapped += u64::from(before.is_some());
                    if let Some(before) = before {
                        hall.tell(to, &before);
                    }
                    assert!(kind < 20);
                    continue;
                }
            }
            if let Some(before) = before {
                // What was to be swapped is only late.
                hall.tell(to, &before);
                done.swapped += u64::from(!matches!(count % 20, 3));
            }
        }
    });
    let mut load = hundred_lines(address);
    load.plan.lost_after = PATIENT;
    let outcome = run(&load);
    let (counts, done) = (outcome.step.counts, done.lock().expect("the lock").clone());
    assert_eq!((counts.requests, counts.expected, sum(&counts)), (100, 400, 400));
    let counted = Done {
        dropped: counts.lost.no_reply,
        doubled: counts.duplicated,
        swapped: counts.reordered,
        altered: counts.wrong,
        forged: counts.stray,
    };
    assert_eq!(counted, done);
    let expected = Done { dropped: 20, doubled: 20, altered: 20, forged: 20, ..done };
    assert_eq!(counted, expected);
    assert!(counted.swapped > 0 && counted.swapped <= 20, "{counted:?}");
    assert_eq!(outcome.step.latency.count(), counts.replies);
}

#[test]
fn a_line_under_another_name_or_in_another_channel_is_wrong() {
    for change in [(":b", ":c"), ("PRIVMSG #b", "PRIVMSG #c")] {
        let mut count = 0;
        let address = serve(move |hall, event| {
            let Some((from, line)) = hall.welcome(&event) else { return };
            count += 1;
            let relayed = hall.relayed(from, line);
            let changed = relayed.replacen(change.0, change.1, 1);
            assert_ne!(relayed, changed);
            for to in hall.others(from) {
                hall.tell(to, if count == 5 { &changed } else { &relayed });
            }
        });
        let counts = run(&hundred_lines(address)).step.counts;
        assert_eq!((counts.wrong, counts.replies, counts.stray), (4, 396, 0), "{change:?}");
    }
}

#[test]
fn a_line_may_be_cut_anywhere() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        let relayed = format!("{}\r\n", hall.relayed(from, line));
        for to in hall.others(from) {
            let (head, tail) = relayed.as_bytes().split_at(1 + count % (relayed.len() - 1));
            use std::io::Write;
            for part in [head, tail] {
                hall.guests[to].stream.write_all(part).expect("told");
            }
            count += 1;
        }
    });
    let counts = run(&hundred_lines(address)).step.counts;
    assert_eq!((counts.replies, counts.stray, counts.wrong), (400, 0, 0));
}

#[test]
fn a_line_without_an_end_is_not_kept_and_counts_as_one_that_nobody_said() {
    let mut is_sent = false;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        if !std::mem::replace(&mut is_sent, true) {
            hall.tell(4, &format!("@{} :x PRIVMSG #b :y", "t".repeat(100_000)));
        }
        hall.relay(from, line);
    });
    let counts = run(&hundred_lines(address)).step.counts;
    assert_eq!((counts.replies, counts.stray), (400, 1));
}

#[test]
fn a_closed_loop_goes_on_after_lines_that_are_lost() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        // The windows of both talkers.
        if count > 6 {
            hall.relay(from, line);
        }
    });
    let mut load = endless(address);
    load.plan.lost_after = 100 * MILLISECOND;
    let control = Control::new();
    let stopper = stop_after(100, &control);
    let outcome = load.run(&control).expect("a crowd that came in");
    stopper.join().expect("a stopper");
    let counts = outcome.step.counts;
    assert!(counts.lost.no_reply >= 24, "{counts:?}");
    assert_eq!((sum(&counts), counts.reordered), (counts.expected, 0));
}

#[test]
fn what_comes_after_its_line_was_given_up_is_late() {
    let mut held = None;
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        match count {
            1 => held = Some((from, line.to_owned())),
            _ => {
                if let Some((from, line)) = held.take() {
                    hall.relay(from, &line);
                }
                hall.relay(from, line);
            }
        }
    });
    let mut load = endless(address);
    load.crowd = Crowd::new(3, 1, 1).expect("a crowd");
    load.plan.shape = Shape::Closed { connections: 3, window: 1 };
    load.plan.lost_after = 100 * MILLISECOND;
    let control = Control::new();
    let stopper = stop_after(100, &control);
    let outcome = load.run(&control).expect("a crowd that came in");
    stopper.join().expect("a stopper");
    let counts = outcome.step.counts;
    assert!(counts.late >= 2, "{counts:?}");
    assert_eq!((sum(&counts), counts.duplicated, counts.stray), (counts.expected, 0, 0));
}

#[test]
fn the_latency_of_a_delivery_is_what_the_server_takes_for_it() {
    const DELAY: Duration = Duration::from_millis(5);
    let address = serve(|hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        thread::sleep(DELAY);
        hall.relay(from, line);
    });
    let mut load = hundred_lines(address);
    load.plan.shape = Shape::Open { rate: Rate::per_second(100), connections: 5 };
    let begin = Instant::now();
    let step = run(&load).step;
    // A histogram's figures are a thousandth off.
    let all = begin.elapsed().as_nanos() * 1001 / 1000;
    assert_eq!(step.counts.replies, 40);
    let (min, max) = (step.latency.min(), step.latency.max());
    assert!(min >= 5 * MILLISECOND && u128::from(max) <= all, "{min} to {max} of {all}");
}

#[test]
fn a_run_that_is_stopped_tells_what_it_measured_and_loses_nothing() {
    let control = Control::new();
    let stopper = stop_after(2000, &control);
    let outcome = endless(serve(faithful)).run(&control).expect("a crowd that came in");
    stopper.join().expect("a stopper");
    let counts = outcome.step.counts;
    assert_eq!((outcome.ended, outcome.error.is_none()), (Ended::Interrupted, true));
    assert!(counts.replies >= 2000);
    assert_eq!((counts.lost.total(), counts.expected), (0, counts.replies + counts.late));
}

#[test]
fn a_crowd_that_waits_to_be_let_in_can_be_stopped() {
    let control = Control::new();
    let stopper = control.clone();
    let address = serve(move |_, event| {
        if let Event::Line(..) = event {
            stopper.stop();
        }
    });
    assert!(matches!(load(address).run(&control), Err(LoadError::Stopped)));
}

#[test]
fn a_listener_who_is_gone_loses_what_was_on_its_way_and_the_others_go_on() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        if count == 20 {
            hall.throw_out(4);
        }
        hall.relay(from, line);
    });
    let outcome = run(&hundred_lines(address));
    let counts = outcome.step.counts;
    assert_eq!((outcome.ended, outcome.error.is_none()), (Ended::Complete, true));
    assert_eq!((counts.requests, counts.broken, sum(&counts)), (100, 1, counts.expected));
    assert!((300..=400).contains(&counts.expected), "{counts:?}");
}

#[test]
fn a_talker_who_is_gone_ends_the_run_with_the_server_s_last_words() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        if count == 20 {
            hall.tell(1, "ERROR :Closing link: \x1b[31mflood");
            hall.throw_out(1);
        }
        hall.relay(from, line);
    });
    let outcome = run(&endless(address));
    assert_eq!((outcome.ended, outcome.step.counts.broken), (Ended::Failed, 1));
    let error = outcome.error.expect("a reason").to_string();
    let words = "client 2 of 5, who talks: it says 'ERROR :Closing link: \\x1b[31mflood'";
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_server_that_refuses_a_line_is_quoted() {
    let mut count = 0;
    let address = serve(move |hall, event| {
        let Some((from, line)) = hall.welcome(&event) else { return };
        count += 1;
        match count {
            20 => hall.tell(from, ":irc.test 404 b #b :Cannot send to channel"),
            _ => hall.relay(from, line),
        }
    });
    let outcome = run(&endless(address));
    let error = outcome.error.expect("a reason").to_string();
    assert!(error.contains("':irc.test 404 b #b :Cannot send to channel'"), "{error}");
    assert_eq!(outcome.ended, Ended::Failed);
}

#[test]
fn a_server_that_does_not_let_a_client_in_is_quoted() {
    for words in ["ERROR :Closing link: too many connections", ":irc.test 465 * :You are banned"] {
        let address = serve(move |hall, event| match event {
            Event::Line(2, _) => {
                hall.tell(2, words);
                hall.throw_out(2);
            }
            event => drop(hall.welcome(&event)),
        });
        let error = refused(&load(address), Patience::default());
        let expected = format!("the server does not let client 3 of 5 in: it says '{words}'");
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.contains("limits on an address"), "{error}");
    }
}

#[test]
fn a_server_that_ends_a_connection_without_a_word_is_told_of() {
    let address = serve(|hall, event| match event {
        Event::Came(1) => hall.throw_out(1),
        event => drop(hall.welcome(&event)),
    });
    let error = refused(&load(address), Patience::default());
    assert!(error.contains("ended the connection of client 2 of 5"), "{error}");
}

#[test]
fn a_server_that_never_lets_anybody_in_is_given_up() {
    let patience = Patience { step: 100 * MILLISECOND, all: 10 * SECOND };
    let error = refused(&load(serve(|_, _| ())), patience);
    assert!(error.starts_with("0 of 5 clients were let in"), "{error}");
    // The four who can come in may need longer than that on a machine that stands still.
    let mut errors = (0..6).map(|power| {
        let address = serve(|hall, event| match event {
            Event::Line(3, line) if line.starts_with("JOIN") => {}
            event => drop(hall.welcome(&event)),
        });
        refused(&load(address), Patience { step: (SECOND / 4) << power, all: 60 * SECOND })
    });
    let told = |error: &String| error.starts_with("4 of 5 clients came into their channel");
    assert!(errors.any(|error| told(&error)), "{:?}", errors.next());
}

#[test]
fn a_server_that_nobody_runs_is_told_of_and_another_address_is_tried() {
    // A socket that does not listen keeps its port from others.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let nobody = taken.local_addr().expect("bound").as_socket().expect("of IP");
    let error = load(nobody).run(&Control::new()).expect_err("nobody is there");
    assert!(matches!(error, LoadError::Connect(_)), "{error}");
    let mut load = hundred_lines(serve(faithful));
    load.addresses.insert(0, nobody);
    assert_eq!(run(&load).step.counts.replies, 400);
}

#[test]
fn a_server_that_asks_for_a_password_and_a_sign_of_life_gets_both() {
    let pongs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&pongs);
    // Lines that are passed on when their talker has given a sign of life.
    let mut held = VecDeque::new();
    let address = serve(move |hall, event| match event {
        Event::Line(from, "PASS :open sesame") => hall.tell(from, "PING :cookie"),
        Event::Line(from, "PONG :cookie") => {
            // Only now is it let in.
            counted.fetch_add(1, Ordering::Relaxed);
            hall.welcome(&Event::Line(from, "USER again"));
        }
        Event::Line(_, line) if line.starts_with("USER") => {}
        Event::Line(from, line) if line.starts_with("PRIVMSG") => {
            hall.tell(from, "PING :still there?");
            held.push_back((from, line.to_owned()));
        }
        Event::Line(from, "PONG :still there?") => {
            counted.fetch_add(1, Ordering::Relaxed);
            let first = held.iter().position(|(talker, _)| *talker == from).expect("a line");
            let (_, line) = held.remove(first).expect("a line");
            hall.relay(from, &line);
        }
        event => drop(hall.welcome(&event)),
    });
    let mut load = hundred_lines(address);
    load.password = Some("open sesame".to_owned());
    assert_eq!(run(&load).step.counts.replies, 400);
    // One of each client who came in, and one for each line.
    assert_eq!(pongs.load(Ordering::Relaxed), 105);
}

#[test]
fn a_line_of_the_longest_and_one_of_the_shortest_text_are_checked() {
    for size in [ChatLoad::MIN_SIZE, ChatLoad::MAX_SIZE] {
        let load = ChatLoad { size, ..hundred_lines(serve(faithful)) };
        assert_eq!(run(&load).step.counts.replies, 400, "{size}");
    }
    for size in [0, ChatLoad::MIN_SIZE - 1, ChatLoad::MAX_SIZE + 1] {
        let load = ChatLoad { size, ..hundred_lines(serve(faithful)) };
        assert!(load.run(&Control::new()).is_err(), "{size}");
    }
}
