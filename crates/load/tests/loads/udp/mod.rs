//! Loads on UDP servers.

mod servers;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use callbox_load::udp::{Calls, UdpLoad};
use callbox_load::{Control, LoadError, Outcome, Plan};
use callbox_measure::SECOND;
use callbox_measure::payload::{Check, Payload};
use callbox_measure::plan::{Rate, Shape, Stretch};
use callbox_measure::report::{Buffers, Ended};

use crate::{LONG, PATIENT, all_is_well, closed, lost_after, open, run, run_until};

const CLOSED: Shape = closed(3, 40);

/// A load of a tenth of a second without a warm-up, with all calls.
fn load(address: SocketAddr, shape: Shape, sizes: &str, check: Check) -> UdpLoad {
    let payload = Payload::datagrams(1, sizes.parse().unwrap(), check).unwrap();
    UdpLoad {
        address,
        payload: Arc::new(payload),
        plan: Plan {
            shape,
            stretch: Stretch { warmup: 0, duration: SECOND / 10 },
            lost_after: LONG,
            threads: 1,
            seed: 0,
            buffers: None,
        },
        calls: Calls::default(),
    }
}

/// Each request had its right reply, and no byte came that was not sent.
#[track_caller]
fn assert_flawless(outcome: &Outcome) {
    let counts = all_is_well(outcome);
    assert!(counts.bytes_received <= counts.bytes_sent, "{counts:?}");
}

#[test]
fn every_reply_of_an_echo_server_is_right_and_counted() {
    let mut load = load(servers::echo(), CLOSED, "64", Check::Echo);
    load.plan.stretch.warmup = SECOND / 50;
    load.plan.threads = 2;
    let outcome = run_until(20_000, &load);
    assert_flawless(&outcome);
    let counts = outcome.step.counts;
    assert!(counts.replies > 0);
    assert_eq!(counts.bytes_received, 64 * counts.replies);
}

#[test]
fn a_closed_loop_sends_nothing_after_its_end() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let address = servers::server(move |_, datagram, send| {
        counter.fetch_add(1, Ordering::Relaxed);
        send(datagram);
    });
    let outcome = run(&load(address, CLOSED, "64", Check::Echo));
    assert_flawless(&outcome);
    assert_eq!(outcome.ended, Ended::Complete);
    // The answer to this one says that the server has seen all that was sent before.
    let last = UdpSocket::bind("127.0.0.1:0").unwrap();
    last.send_to(b"?", address).unwrap();
    last.recv(&mut [0; 10]).unwrap();
    assert_eq!(outcome.step.counts.requests + 1, seen.load(Ordering::Relaxed) as u64);
}

#[test]
fn whichever_calls_are_switched_off_the_replies_are_right() {
    let address = servers::upper_in_runs();
    for which in 0..16 {
        let on = |bit: u32| which & (1 << bit) != 0;
        let mut load = load(address, CLOSED, "64:7,1400:1,20:3", Check::Upper);
        load.calls = Calls { recvmmsg: on(0), sendmmsg: on(1), gso: on(2), gro: on(3) };
        let outcome = run_until(2_000, &load);
        assert_flawless(&outcome);
        assert!(outcome.step.counts.replies >= 2_000);
    }
}

#[test]
fn the_longest_datagrams_come_back_as_well() {
    let shape = closed(1, 1);
    assert_flawless(&run_until(50, &load(servers::upper_in_runs(), shape, "65507", Check::Upper)));
}

#[test]
fn a_window_larger_than_what_one_call_takes_is_kept_full() {
    // Nothing is answered before the whole window has come; of what comes then, everything is.
    const WINDOW: usize = 100;
    let mut held: Vec<Vec<u8>> = Vec::new();
    let address = servers::server(move |number, datagram, send| match number {
        0..WINDOW => {
            held.push(datagram.to_vec());
            if held.len() == WINDOW {
                held.drain(..).for_each(|datagram| send(&datagram));
            }
        }
        _ => send(datagram),
    });
    let shape = closed(1, WINDOW);
    assert_flawless(&run_until(1_000, &load(address, shape, "16", Check::Echo)));
}

#[test]
fn an_open_loop_sends_exactly_what_is_due_and_nothing_before_its_time() {
    let shape = open(2_000, 3);
    for threads in [1, 2] {
        let mut load = load(servers::upper_in_runs(), shape, "64", Check::Upper);
        load.plan.stretch = Stretch { warmup: SECOND / 20, duration: SECOND / 4 };
        load.plan.threads = threads;
        let outcome = run(&load);
        assert_flawless(&outcome);
        let step = outcome.step;
        assert_eq!((outcome.ended, step.counts.requests), (Ended::Complete, 500));
        assert_eq!(step.counts.bytes_sent, step.counts.bytes_received);
        // The time from the intended moment to the sending is never less than nothing, so the sums say it of all.
        assert_eq!(step.slip.map(|slip| slip.count()), Some(500));
        let from_sent = step.latency_from_sent.unwrap();
        assert_eq!(from_sent.count(), 500);
        assert!(from_sent.mean() <= step.latency.mean());
    }
}

#[test]
fn what_a_server_drops_doubles_and_swaps_is_counted_to_the_exact_number() {
    // Of ten requests the fourth is dropped, the sixth answered twice, the eighth after the ninth, the tenth dropped: so
    // the last of all is, and the end is waited for.
    let mut held = Vec::new();
    let address = servers::server(move |number, datagram, send| match number % 10 {
        3 | 9 => {}
        5 => [datagram; 2].into_iter().for_each(send),
        7 => held = datagram.to_vec(),
        8 => [datagram, &held].into_iter().for_each(send),
        _ => send(datagram),
    });
    // Few enough that the buffers hold all of them, if somebody does not get to read for a while.
    let load = lost_after(PATIENT, load(address, open(1_500, 1), "64", Check::Echo));
    let counts = run(&load).step.counts;
    assert_eq!((counts.requests, counts.replies), (150, 120), "{counts:?}");
    assert_eq!((counts.lost.no_reply, counts.lost.total()), (30, 30), "{counts:?}");
    assert_eq!((counts.duplicated, counts.reordered), (15, 15), "{counts:?}");
    assert_eq!((counts.faults(), counts.late), (0, 0), "{counts:?}");
}

#[test]
fn wrong_replies_are_counted_and_nothing_else_is_wrong() {
    let address = servers::server(|number, datagram, send| match number % 4 {
        3 => send(&datagram.to_ascii_uppercase()),
        _ => send(datagram),
    });
    let shape = open(2_000, 1);
    let counts = run(&load(address, shape, "64", Check::Echo)).step.counts;
    assert_eq!((counts.requests, counts.replies, counts.wrong), (200, 150, 50), "{counts:?}");
}

#[test]
fn where_nobody_listens_the_run_fails_soon_and_tells_the_refusals() {
    let (_taken, address) = servers::nobody();
    let open = open(1_000, 3);
    for shape in [CLOSED, open] {
        let mut load = load(address, shape, "64", Check::Echo);
        load.plan.stretch = Stretch { warmup: LONG, duration: LONG };
        let outcome = run(&load);
        assert_eq!(outcome.ended, Ended::Failed);
        assert!(
            matches!(&outcome.error, Some(LoadError::Connect(error))
                if error.kind() == std::io::ErrorKind::ConnectionRefused),
            "{:?}",
            outcome.error
        );
        assert!(outcome.step.counts.refused > 0);
        assert_eq!(outcome.step.counts.replies, 0);
    }
}

#[test]
fn a_server_that_goes_away_costs_the_requests_that_it_refuses() {
    // What a machine that stood still sends all at once may have come before the server was gone.
    let mut runs = std::iter::repeat_with(|| {
        let mut load = load(servers::soon_gone(10), open(20_000, 1), "64", Check::Echo);
        load.plan.stretch.duration = SECOND / 5;
        load.plan.lost_after = SECOND / 5;
        let outcome = run(&load);
        let counts = outcome.step.counts;
        assert_eq!((outcome.ended, counts.requests), (Ended::Complete, 4_000));
        assert!(counts.replies <= 10, "{counts:?}");
        assert_eq!(counts.replies + counts.lost.total() + counts.late, 4_000, "{counts:?}");
        counts
    });
    assert!(runs.by_ref().take(10).any(|counts| counts.refused > 0), "{:?}", runs.next());
}

#[test]
fn what_no_generator_could_send_is_given_up_and_does_not_prolong_the_run() {
    let shape = Shape::Open { rate: Rate::MAX, connections: 1 };
    let mut load = load(servers::echo(), shape, "64", Check::Echo);
    load.plan.stretch.duration = SECOND / 20;
    load.plan.lost_after = SECOND / 20;
    let step = run(&load).step;
    let sent = step.slip.as_ref().map_or(0, |slip| slip.count());
    assert_eq!(step.counts.requests, 5_000_000);
    assert!(sent < step.counts.requests && step.request_rate() < 50_000_000.0, "{sent} sent");
    assert_eq!(step.throughput.map(|it| it.requests <= sent), Some(true));
}

#[test]
fn a_closed_loop_goes_on_after_its_whole_window_was_lost() {
    // The first two windows are dropped, all else is answered.
    let address = servers::server(|number, datagram, send| {
        if number >= 8 {
            send(datagram);
        }
    });
    let shape = closed(1, 4);
    let mut load = load(address, shape, "64", Check::Echo);
    load.plan.lost_after = SECOND / 20;
    let counts = run_until(1, &load).step.counts;
    assert!(counts.lost.no_reply >= 8, "{counts:?}");
    assert!(counts.replies > 0, "{counts:?}");
}

#[test]
fn a_run_that_is_stopped_withdraws_what_waits() {
    for shape in [CLOSED, open(500, 2)] {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut load = load(silent.local_addr().unwrap(), shape, "64", Check::Echo);
        load.plan.stretch.duration = LONG;
        let control = Control::new();
        let stopper = control.clone();
        let watch = thread::spawn(move || {
            silent.recv(&mut [0; 100]).unwrap();
            stopper.stop();
        });
        let outcome = load.run(&control).unwrap();
        watch.join().unwrap();
        let counts = outcome.step.counts;
        assert_eq!(outcome.ended, Ended::Interrupted);
        assert_eq!((counts.requests, counts.lost.total(), counts.pending), (0, 0, 0), "{counts:?}");
    }
}

#[test]
fn the_buffers_that_were_asked_for_are_reported_as_they_are() {
    let mut load = load(servers::echo(), CLOSED, "64", Check::Echo);
    load.plan.buffers = Some(65_536);
    let outcome = run(&load);
    assert_flawless(&outcome);
    let buffers = Buffers { asked: 65_536, send: 65_536, receive: 65_536 };
    assert_eq!(outcome.step.buffers, Some(buffers));
}

#[test]
fn ipv6_is_loaded_like_ipv4() {
    let Ok(socket) = UdpSocket::bind("[::1]:0") else { return };
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], peer);
        }
    });
    assert_flawless(&run_until(1_000, &load(address, CLOSED, "64", Check::Echo)));
}
