//! Connections that carry requests for as long as the run lasts.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use callbox_load::stream::{StreamLoad, Target};
use callbox_load::{LoadError, Plan};
use callbox_measure::payload::Check;
use callbox_measure::plan::Stretch;
use callbox_measure::replies::Framing;
use callbox_measure::report::{Counts, Ended};

use super::{adds_up, at, load, servers, shaped, sized};
use crate::{MILLISECOND, all_is_well, closed, lost_after, open, run, run_until, run_until_shown};

#[test]
fn every_request_has_its_reply_and_every_byte_is_counted() {
    for (connections, window) in [(1, 1), (1, 32), (5, 3)] {
        let load = shaped(closed(connections, window), load(servers::echo(), Check::Echo));
        let counts = all_is_well(&run(&load));
        assert_eq!(
            (counts.bytes_sent, counts.bytes_received),
            (counts.requests * 64, counts.requests * 64)
        );
    }
}

#[test]
fn a_warm_up_and_more_threads_change_nothing_but_what_counts() {
    let load = shaped(closed(5, 3), load(servers::echo(), Check::Echo));
    let stretch = Stretch { warmup: 20 * MILLISECOND, duration: 50 * MILLISECOND };
    let outcome = run(&StreamLoad { plan: Plan { stretch, threads: 2, ..load.plan }, ..load });
    let counts = all_is_well(&outcome);
    assert_eq!(counts.bytes_sent, counts.requests * 64);
    assert_eq!((outcome.ended, outcome.step.threads.len()), (Ended::Complete, 2));
    assert!(outcome.step.connect_time.is_none() && outcome.step.latency_from_sent.is_none());
}

#[test]
fn replies_in_capitals_and_odd_pieces_are_put_together() {
    let address = servers::serve(|mut stream| {
        stream.set_nodelay(true)?;
        let mut buffer = [0; 1000];
        let mut cut = 1;
        loop {
            let length = match stream.read(&mut buffer)? {
                0 => return Ok(()),
                length => length,
            };
            buffer.make_ascii_uppercase();
            let mut rest = &buffer[..length];
            while !rest.is_empty() {
                cut = (cut * 7 + 3) % 101 + 1;
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                stream.write_all(piece)?;
                rest = later;
            }
        }
    });
    let load = sized("1:1,16:2,17:1,64:3,1400:1", Check::Upper, load(address, Check::Upper));
    all_is_well(&run(&shaped(closed(2, 8), load)));
}

#[test]
fn requests_longer_than_any_buffer_arrive_whole() {
    let load = sized(
        "1000000:1,64:3",
        Check::Upper,
        load(
            servers::serve(|stream| servers::answers(stream, <[u8]>::make_ascii_uppercase)),
            Check::Upper,
        ),
    );
    all_is_well(&run_until(40, &shaped(closed(1, 4), load)));
}

#[test]
fn wrong_replies_are_counted_to_the_exact_number() {
    let spoiled = Arc::new(AtomicU64::new(0));
    let count = spoiled.clone();
    let address = servers::lines(move |writer, number, line| {
        if number % 10 == 3 {
            line[20] ^= 1;
            count.fetch_add(1, Ordering::Relaxed);
        }
        writer.write_all(line)
    });
    // A hundred lines, at least fifty of them on one connection.
    let counts = adds_up(&run(&shaped(open(2_000, 2), load(address, Check::Echo))));
    assert_eq!((counts.wrong, counts.lost.total()), (spoiled.load(Ordering::Relaxed), 0));
    assert!(counts.wrong > 0 && counts.replies > counts.wrong);
}

#[test]
fn what_nobody_asked_for_is_stray() {
    let address = servers::lines(|writer, number, line| {
        writer.write_all(line)?;
        // With one request at a time nothing is asked for at this moment.
        if number == 0 { writer.write_all(line) } else { Ok(()) }
    });
    // It may come when nothing is read any more.
    let load = load(address, Check::Echo);
    let counts = adds_up(&run_until_shown(&load, |step| step.counts.faults() > 0));
    assert!(counts.stray == 1 || counts.wrong > 0, "{counts:?}");
    assert!(counts.faults() > 0);
}

#[test]
fn connections_that_end_are_broken_and_made_again() {
    let address = servers::lines(|writer, number, line| match number {
        0..5 => writer.write_all(line),
        // In the middle of a reply.
        _ => {
            writer.write_all(&line[..30])?;
            writer.shutdown(Shutdown::Both)
        }
    });
    // That they were made again is to be seen as well.
    let load = shaped(closed(2, 2), load(address, Check::Echo));
    let outcome = run_until_shown(&load, |step| step.connect_time.is_some());
    let counts = adds_up(&outcome);
    assert!(counts.broken > 0 && counts.replies > counts.broken, "{counts:?}");
    assert!(counts.wrong <= counts.broken && counts.lost.total() <= counts.broken * 2);
    assert!(outcome.step.connect_time.is_some_and(|times| times.count() > 0));
    assert_eq!((counts.refused, counts.connect_failed), (0, 0));
}

#[test]
fn connections_that_are_reset_are_broken_and_what_they_said_before_counts() {
    // What comes behind the first line is not read, so to close is to reset.
    let address = servers::serve(|mut stream| {
        let mut line = [0; 64];
        stream.read_exact(&mut line)?;
        stream.write_all(&line)?;
        stream.peek(&mut [0]).map(drop)
    });
    let load = shaped(closed(1, 4), load(address, Check::Echo));
    let all = |counts: &Counts| counts.broken > 0 && counts.replies > 0 && counts.lost.total() > 0;
    let counts = adds_up(&run_until_shown(&load, |step| all(&step.counts)));
    assert!(all(&counts), "{counts:?}");
    assert_eq!(counts.wrong, 0);
}

#[test]
fn a_server_that_ends_every_connection_at_once_is_not_run_down() {
    let accepted = Arc::new(AtomicU64::new(0));
    let count = accepted.clone();
    let address = servers::serve(move |stream| {
        count.fetch_add(1, Ordering::Relaxed);
        drop(stream);
        Ok(())
    });
    let outcome = run(&load(address, Check::Echo));
    let counts = adds_up(&outcome);
    assert!(counts.broken > 0 && counts.replies == 0, "{counts:?}");
    // Pauses of 1, 2, 4 ms and so on fit into 50 ms five times.
    assert!((1..20).contains(&accepted.load(Ordering::Relaxed)), "{accepted:?}");
}

#[test]
fn replies_that_come_too_late_are_late_and_not_taken_for_others() {
    // Each line is answered when the next one has come, which is sent when the first was given up.
    let address = {
        let (give, take) = mpsc::channel::<Vec<u8>>();
        let (give, take) = (give, Arc::new(std::sync::Mutex::new(take)));
        servers::lines(move |writer, number, line| {
            give.send(line.to_vec()).map_err(io::Error::other)?;
            if number == 0 {
                return Ok(());
            }
            let before = take.lock().expect("a line").recv().map_err(io::Error::other)?;
            writer.write_all(&before)
        })
    };
    let load = lost_after(5 * MILLISECOND, load(address, Check::Echo));
    let counts = adds_up(&run_until_shown(&load, |step| step.counts.late > 0));
    assert!(counts.late > 0, "{counts:?}");
    assert_eq!((counts.replies, counts.faults()), (0, 0));
}

#[test]
fn unchecked_replies_end_with_a_line_or_after_a_length() {
    for framing in [Framing::Line, Framing::Length(5)] {
        let address = servers::lines(|writer, _, _| writer.write_all(b"fine\n"));
        let load = StreamLoad { framing, ..load(address, Check::None) };
        let counts = all_is_well(&run(&shaped(closed(2, 3), load)));
        assert_eq!(counts.bytes_received, counts.requests * 5);
    }
}

#[test]
fn a_thousand_connections_are_carried_by_one_thread() {
    let load = load(servers::echo(), Check::Echo);
    all_is_well(&run_until(5_000, &shaped(closed(1000, 1), load)));
}

#[test]
fn an_open_loop_spreads_its_requests_over_its_connections() {
    let counts: Arc<Vec<AtomicU64>> = Arc::new((0..4).map(|_| AtomicU64::new(0)).collect());
    let next = Arc::new(AtomicU64::new(0));
    let (all, number) = (counts.clone(), next);
    let address = servers::serve(move |stream| {
        let mine = number.fetch_add(1, Ordering::Relaxed) as usize;
        servers::answers(stream, |bytes| {
            all[mine].fetch_add(bytes.len() as u64, Ordering::Relaxed);
        })
    });
    let sent = all_is_well(&run(&shaped(open(2_000, 4), load(address, Check::Echo)))).requests;
    assert_eq!(sent, 100);
    let counts: Vec<_> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(counts.iter().sum::<u64>(), sent * 64);
    // One after the other, and as many of those that have piled up on each as on the others.
    assert!(counts.iter().all(|count| (15 * 64..=40 * 64).contains(count)), "{counts:?}");
}

#[test]
fn unix_sockets_carry_the_same() {
    let path = std::env::temp_dir().join(format!("callbox-load-held.{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || servers::answers(stream?, <[u8]>::make_ascii_uppercase));
        }
    });
    for connect_each in [false, true] {
        let load = at(Target::Unix(path.clone()), Check::Upper);
        all_is_well(&run(&shaped(closed(3, 3), StreamLoad { connect_each, ..load })));
    }
    std::fs::remove_file(&path).expect("a socket");
    let load = at(Target::Unix(path), Check::Upper);
    let error = load.run(&callbox_load::Control::new()).expect_err("nobody is there");
    assert!(matches!(error, LoadError::Connect(_)), "{error:?}");
}
