//! A connection for each request.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use callbox_load::stream::{StreamLoad, Target};
use callbox_measure::payload::Check;
use callbox_measure::replies::Framing;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{adds_up, at, greeting, load, servers, shaped, sized};
use crate::{MILLISECOND, all_is_well, closed, lost_after, open, run, run_until, run_until_shown};

fn each(load: StreamLoad) -> StreamLoad {
    StreamLoad { connect_each: true, ..load }
}

#[test]
fn connecting_and_the_exchange_are_told_apart() {
    for shape in [closed(4, 1), open(1_000, 10)] {
        let outcome = run(&shaped(shape, greeting(servers::greeting(servers::FAREWELL))));
        let counts = all_is_well(&outcome);
        assert_eq!(
            (counts.bytes_sent, counts.bytes_received),
            (counts.requests * 16, counts.requests * 16)
        );
        let step = &outcome.step;
        let (connect, sent) =
            (step.connect_time.as_ref().unwrap(), step.latency_from_sent.as_ref().unwrap());
        assert_eq!((connect.count(), sent.count()), (counts.requests, counts.requests));
        let median = |it: &callbox_measure::figures::Latencies| it.percentile(50.0);
        assert!(median(&step.latency) >= median(sent) && median(&step.latency) >= median(connect));
    }
}

#[test]
fn each_connection_carries_one_request_and_ends_in_order() {
    let (heard, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (lines, ends) = (heard.clone(), ended.clone());
    let address = servers::serve(move |mut stream| {
        let mut line = [0; 64];
        if stream.read_exact(&mut line).is_err() {
            // The connection that tried the server.
            return Ok(());
        }
        lines.fetch_add(1, Ordering::Relaxed);
        stream.write_all(&line)?;
        // A reset would be an error.
        if stream.read(&mut line)? == 0 {
            ends.fetch_add(1, Ordering::Release);
        }
        Ok(())
    });
    let counts = all_is_well(&run(&shaped(closed(3, 1), each(load(address, Check::Echo)))));
    assert_eq!(heard.load(Ordering::Relaxed), counts.requests);
    // Threads of the server see the last ends a moment later.
    while ended.load(Ordering::Acquire) < counts.requests {
        thread::yield_now();
    }
}

#[test]
fn a_reset_behind_a_right_reply_is_a_broken_connection() {
    let address = servers::serve(|mut stream| {
        // What is not read makes the close a reset.
        stream.read_exact(&mut [0; 15])?;
        stream.peek(&mut [0])?;
        stream.write_all(servers::FAREWELL)
    });
    let counts = adds_up(&run(&shaped(closed(2, 1), greeting(address))));
    assert!(counts.broken > 0, "{counts:?}");
    assert_eq!(
        (counts.broken, counts.replies + counts.lost.total()),
        (counts.requests, counts.requests)
    );
}

#[test]
fn a_reply_that_is_cut_off_is_wrong_and_none_at_all_is_lost() {
    for (words, wrong) in [(&b"Goodbye"[..], true), (b"", false)] {
        let counts = adds_up(&run(&greeting(servers::greeting(words))));
        assert!(counts.requests > 0);
        assert_eq!((counts.replies, counts.broken), (0, counts.requests));
        assert_eq!(counts.wrong, if wrong { counts.requests } else { 0 });
        assert_eq!(counts.lost.total(), if wrong { 0 } else { counts.requests });
    }
}

#[test]
fn what_follows_the_reply_is_stray() {
    let counts = run(&greeting(servers::greeting(b"Goodbye, client! And good luck."))).step.counts;
    assert_eq!((counts.replies, counts.broken), (counts.requests, 0));
    assert!((1..=counts.requests).contains(&counts.stray), "{counts:?}");
}

#[test]
fn who_goes_on_and_on_behind_the_reply_holds_up_no_run() {
    let address = servers::serve(|mut stream| {
        let mut line = [0; 64];
        stream.read_exact(&mut line)?;
        loop {
            stream.write_all(&line)?;
        }
    });
    let load = each(load(address, Check::Echo));
    let counts = adds_up(&run_until_shown(&load, |step| step.counts.stray > 0));
    assert_eq!(counts.replies, counts.requests);
    assert!(counts.replies > 0 && counts.stray > 0, "{counts:?}");
}

#[test]
fn one_that_keeps_the_connection_open_has_not_ended_it() {
    let address = servers::serve(|mut stream| {
        stream.read_exact(&mut [0; 16])?;
        stream.write_all(servers::FAREWELL)?;
        io::copy(&mut stream, &mut io::sink()).map(drop)
    });
    let load = lost_after(20 * MILLISECOND, greeting(address));
    let counts = adds_up(&run_until_shown(&load, |step| step.counts.replies > 0));
    assert!(counts.replies > 0, "{counts:?}");
    // A reply that a slow machine has too late is lost, and nobody waits for the end behind it.
    assert_eq!(
        (counts.broken, counts.lost.total()),
        (counts.replies, counts.requests - counts.replies)
    );
}

#[test]
fn an_unchecked_reply_ends_with_the_connection() {
    let address = servers::serve(|mut stream| {
        stream.read_exact(&mut [0; 64])?;
        stream.write_all(b"one ")?;
        stream.write_all(b"two")?;
        stream.shutdown(Shutdown::Write)
    });
    let load = StreamLoad { framing: Framing::Connection, ..each(load(address, Check::None)) };
    let counts = all_is_well(&run(&load));
    assert_eq!(counts.bytes_received, counts.requests * 7);
}

#[test]
fn long_requests_leave_in_pieces_and_come_back_whole() {
    let load = each(load(servers::echo(), Check::Echo));
    let load = shaped(closed(2, 1), sized("1000000", Check::Echo, load));
    all_is_well(&run_until(10, &load));
}

#[test]
fn a_server_that_breaks_one_exchange_in_ten_does_not_hold_up_the_others() {
    let number = Arc::new(AtomicU64::new(0));
    let address = servers::serve(move |mut stream| {
        let mut line = [0; 64];
        stream.read_exact(&mut line)?;
        if number.fetch_add(1, Ordering::Relaxed) % 10 == 3 {
            return Ok(());
        }
        stream.write_all(&line)
    });
    let load = shaped(closed(5, 1), each(load(address, Check::Echo)));
    let counts = run_until(1_000, &load).step.counts;
    assert!(counts.replies > counts.broken && counts.broken > 0, "{counts:?}");
    assert_eq!(counts.requests, counts.replies + counts.broken);
    assert_eq!(counts.lost.total(), counts.broken);
}

#[test]
fn a_thousand_connections_are_made_again_and_again_by_one_thread() {
    let load = greeting(servers::greeting(servers::FAREWELL));
    all_is_well(&run_until(3_000, &shaped(closed(1000, 1), load)));
}

#[test]
fn a_unix_socket_without_a_place_for_more_is_tried_again() {
    let path = std::env::temp_dir().join(format!("callbox-load-each.{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    // A backlog of one, and one connection after the other.
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
    socket.bind(&SockAddr::unix(&path).expect("a path")).expect("a place");
    socket.listen(1).expect("a backlog");
    let listener = UnixListener::from(OwnedFd::from(socket));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = servers::answers(stream?, |_| {});
        }
        io::Result::Ok(())
    });
    let load = each(at(Target::Unix(path.clone()), Check::Echo));
    all_is_well(&run_until(200, &shaped(closed(20, 1), load)));
    std::fs::remove_file(&path).expect("a socket");
}
