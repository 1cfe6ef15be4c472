//! Promises of the event loops, on real sockets.

mod toy;

use callbox_hub::config::Config;
use callbox_hub::contract::{Answer, Door, Peer};
use mio::Events;
use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::time::Duration;

use super::{Entrance, Machine, Settings, Told};
use toy::{start, start_beside, threads};

#[test]
fn everybody_hears_everything_in_one_order_whatever_thread_they_are_on() {
    for veiled in [false, true] {
        let server = start(threads(3), veiled);
        let mut clients: Vec<_> = (0..6).map(|_| server.client()).collect();
        for (n, client) in clients.iter_mut().enumerate() {
            let lines: String = (0..200).map(|k| format!("{n} {k}\n")).collect();
            client.send(lines.as_bytes());
        }
        let heard: Vec<Vec<String>> =
            clients.iter_mut().map(|client| (0..1200).map(|_| client.hear()).collect()).collect();
        for n in 0..6 {
            let numbers = heard[0].iter().filter_map(|line| line.strip_prefix(&format!("{n} ")));
            assert!(numbers.eq((0..200).map(|k| k.to_string()).collect::<Vec<_>>().iter()));
        }
        assert!(heard.iter().all(|one| *one == heard[0]));
    }
}

#[test]
fn a_reader_that_stops_reading_is_dropped_and_the_others_hear_everything() {
    let own = Settings { send_queue: 256 << 10, ..threads(2) };
    // No memory for all together, so that the fair share counts.
    let short = Settings { send_queue: 1 << 30, send_queues: 0, ..threads(2) };
    for (settings, veiled) in [(own.clone(), false), (own, true), (short, false)] {
        let server = start(settings, veiled);
        let mut stuck = server.client();
        let mut speaker = server.client();
        let mut listener = server.client();
        let text = "x".repeat(8000);
        let mut n = 0;
        // What the kernel takes for the one that is stuck is the kernel's choice; it is dropped at last.
        let dropped = loop {
            speaker.say(&format!("{n} {text}"));
            let line = speaker.hear();
            if line.starts_with("gone") {
                break line;
            }
            assert!(line.starts_with(&format!("{n} ")));
            assert!(listener.hear().starts_with(&format!("{n} ")));
            n += 1;
        };
        assert_eq!(dropped, "gone: SendQ exceeded");
        assert_eq!(listener.hear(), dropped);
        let notice = server.notice();
        assert!(notice.starts_with("SendQueue"), "{notice}");
        // It has had what the kernel held for it, up to a cut.
        let mut last = None;
        while let Ok(line) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stuck.hear()))
        {
            if line.is_empty() {
                break;
            }
            last = Some(line);
        }
        assert!(last.is_some());
    }
}

#[test]
fn half_lines_of_hundreds_of_connections_become_whole_ones() {
    let server = start(threads(2), false);
    let mut watcher = server.client();
    let mut others: Vec<_> = (0..300).map(|_| server.stranger()).collect();
    for (n, other) in others.iter_mut().enumerate() {
        other.send(format!("{n:03} ha").as_bytes());
    }
    others.iter_mut().for_each(|other| other.send(b"lf\n"));
    let mut heard: Vec<_> = (0..300).map(|_| watcher.hear()).collect();
    heard.sort();
    assert_eq!(heard, (0..300).map(|n| format!("{n:03} half")).collect::<Vec<_>>());
}

#[test]
fn more_lines_than_a_turn_takes_all_come_through() {
    for veiled in [false, true] {
        let server = start(threads(1), veiled);
        let mut client = server.client();
        let lines: String = (0..5000).map(|n| format!("alone {n}\n")).collect();
        client.send(lines.as_bytes());
        (0..5000).for_each(|n| assert_eq!(client.hear(), format!("alone {n}")));
    }
}

#[test]
fn a_receipt_is_not_sent_before_its_record_is_kept() {
    let server = start(threads(1), false);
    let mut sender = server.client();
    let mut other = server.client();
    sender.say("keep this");
    let (ticket, _) = server.submission();
    // The sender is before the other in the room, so its queue would have been sent first.
    other.say("meanwhile");
    assert_eq!(other.hear(), "meanwhile");
    assert!(sender.hears_nothing());
    server.handle.kept(ticket);
    assert_eq!(sender.hear(), "keep this");
    assert_eq!(sender.hear(), "meanwhile");
    sender.say("after");
    assert_eq!(sender.hear(), "after");
}

#[test]
fn what_could_not_be_kept_is_not_confirmed() {
    for count in [1, 2] {
        let server = start(threads(count), false);
        let mut other = server.client();
        let mut sender = server.client();
        sender.say("alone before");
        sender.say("keep this");
        let (ticket, _) = server.submission();
        server.handle.lost(ticket);
        server.handle.kept(ticket + 1);
        assert_eq!(sender.hear(), "alone before");
        assert_eq!(sender.hear(), "ERROR :Closing link: what you said could not be kept");
        assert_eq!(sender.hear(), "");
        assert_eq!(other.hear(), "gone: Not kept");
    }
}

#[test]
fn the_next_line_waits_for_the_answer() {
    let server = start(threads(2), false);
    let mut client = server.client();
    client.say("ask\nalone next");
    let (_, jobs) = server.submission();
    let mut other = server.client();
    other.say("alone first");
    assert_eq!(other.hear(), "alone first");
    assert!(client.hears_nothing());
    server.handle.answer(jobs[0], Answer::Failed);
    assert_eq!(client.hear(), "answered");
    assert_eq!(client.hear(), "alone next");
}

#[test]
fn who_speaks_too_fast_is_heard_later() {
    for veiled in [false, true] {
        let server = start(threads(1), veiled);
        let mut client = server.client();
        let start = std::time::Instant::now();
        client.say("wait\nalone late");
        assert_eq!(client.hear(), "alone late");
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}

#[test]
fn a_panic_ends_one_connection_only() {
    let server = start(threads(1), false);
    let mut unlucky = server.client();
    let mut other = server.client();
    unlucky.say("panic\nalone never");
    assert_eq!(unlucky.hear(), "ERROR :Closing link: internal error");
    assert_eq!(unlucky.hear(), "");
    assert_eq!(other.hear(), "gone: Internal error");
    other.say("still here");
    assert_eq!(other.hear(), "still here");
    assert!(server.notice().starts_with("Panicked"));
}

#[test]
fn the_last_words_arrive_although_the_peer_goes_on_sending() {
    for veiled in [false, true] {
        let server = start(threads(1), veiled);
        let mut client = server.client();
        client.send(b"quit\n");
        client.send("alone too late\n".repeat(5000).as_bytes());
        assert_eq!(client.hear(), "bye");
        if veiled {
            assert_eq!(client.hear(), "finished");
        }
        assert_eq!(client.hear(), "");
        // A socket that was closed would have answered the first of these with a reset.
        for _ in 0..5 {
            client.send("alone and much too late\n".repeat(1000).as_bytes());
        }
    }
}

#[test]
fn who_closes_one_direction_still_hears_the_answers() {
    let server = start(threads(1), false);
    let mut other = server.client();
    let mut client = server.client();
    client.say("alone last");
    client.finish();
    assert_eq!(client.hear(), "alone last");
    assert_eq!(client.hear(), "");
    assert_eq!(other.hear(), "gone: Connection closed");
}

#[test]
fn one_too_many_is_told_so() {
    let server = start(Settings { connections: 2, ..threads(2) }, false);
    let first = server.client();
    let _second = server.client();
    let mut third = server.stranger();
    assert_eq!(third.hear(), "ERROR :Closing link: the server is full");
    assert_eq!(third.hear(), "");
    assert!(server.notice().starts_with("Full"));
    drop(first);
    // When the place is free again is not told, so it is tried.
    loop {
        if server.stranger().is_welcome() {
            break;
        }
    }
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let open_within = Duration::from_millis(30);
    let server = start(Settings { open_within, ..threads(1) }, false);
    let mut client = server.client();
    let mut silent = server.stranger();
    assert_eq!(silent.hear(), "");
    client.say("alone stays");
    assert_eq!(client.hear(), "alone stays");
}

#[test]
fn new_settings_reach_the_hub() {
    let server = start(threads(2), false);
    let mut client = server.client();
    let config = Config { network: "other".into(), ..Config::default() };
    server.handle.reload(Box::new(config.into()));
    assert_eq!(client.hear(), "reloaded: other");
}

#[test]
fn stopping_says_goodbye_and_sends_what_waits() {
    let mut server = start(threads(2), false);
    let mut clients = [server.client(), server.client()];
    clients[0].say("keep this");
    let (ticket, _) = server.submission();
    server.handle.stop();
    server.handle.kept(ticket);
    assert_eq!(clients[0].hear(), "keep this");
    for client in &mut clients {
        assert_eq!(client.hear(), "ERROR :Closing link: the server stops");
        assert_eq!(client.hear(), "");
        client.finish();
    }
    server.wait().unwrap();
    assert_eq!(server.flushed.try_recv(), Ok(()));
}

#[test]
fn a_thread_of_its_own_meets_the_others_at_the_entrance() {
    let (here, is_there) = mpsc::channel();
    let beside = move |mut entrance: Entrance<'_, toy::Toy, toy::ToyDoors>| {
        let conn = entrance.conn(7, 1);
        let address = Ipv4Addr::LOCALHOST.into();
        let (secure, fingerprint, door) = (false, None, Door::Datagram);
        let peer = Peer { address, port: 9, secure, fingerprint, door };
        entrance.tick(|hub, now, sink| hub.connect(conn, peer, now, sink));
        here.send(()).unwrap();
        let mut events = Events::with_capacity(1);
        while entrance.wait(&mut events, None)? {
            let mut heard = Vec::new();
            entrance.hear(|told| {
                let Told::Line(to, line) = told else { return };
                assert_eq!(to, conn);
                heard.push(line.to_vec());
            });
            entrance.tick(|hub, now, sink| {
                for line in heard.iter().filter(|line| line.starts_with(b"question")) {
                    let answer = line.trim_ascii().repeat(2);
                    hub.handle_line(conn, &answer, now, sink);
                }
            });
        }
        Ok(())
    };
    let mut server = start_beside(threads(2), false, Some(beside));
    let mut client = server.client();
    is_there.recv().unwrap();
    client.say("question");
    assert_eq!(client.hear(), "question");
    assert_eq!(client.hear(), "questionquestion");
    server.handle.stop();
    server.handle.stop();
    server.wait().unwrap();
}

/// A server whose entrance lets `lines` of one connection in, and tells what that connection is told.
fn entrance_saying(lines: &'static [&'static str]) -> (toy::Running, mpsc::Receiver<String>) {
    let (tell, told_here) = mpsc::channel();
    let beside = move |mut entrance: Entrance<'_, toy::Toy, toy::ToyDoors>| {
        let conn = entrance.conn(7, 1);
        let address = Ipv4Addr::LOCALHOST.into();
        let (secure, fingerprint, door) = (false, None, Door::Datagram);
        let peer = Peer { address, port: 9, secure, fingerprint, door };
        entrance.tick(|hub, now, sink| {
            hub.connect(conn, peer, now, sink);
            for line in lines {
                hub.handle_line(conn, line.as_bytes(), now, sink);
            }
        });
        let mut events = Events::with_capacity(1);
        loop {
            entrance.hear(|told| {
                let text = match told {
                    Told::Line(_, line) => String::from_utf8_lossy(line.trim_ascii()).into_owned(),
                    Told::Close(_) => "close".to_owned(),
                    Told::Lost(_) => "lost".to_owned(),
                    Told::Answer(..) => "answer".to_owned(),
                };
                let _ = tell.send(text);
            });
            if !entrance.wait(&mut events, None)? {
                return Ok(());
            }
        }
    };
    (start_beside(threads(1), false, Some(beside)), told_here)
}

#[test]
fn at_the_entrance_too_a_receipt_and_the_end_wait_until_the_record_is_kept() {
    let (server, told) = entrance_saying(&["alone before", "keep this", "quit"]);
    let (ticket, _) = server.submission();
    assert_eq!(told.recv_timeout(toy::PATIENCE).unwrap(), "alone before");
    // What was free came in one go with that line; somebody else is served meanwhile.
    let mut other = server.client();
    other.say("meanwhile");
    assert_eq!(other.hear(), "meanwhile");
    assert!(told.try_recv().is_err());
    server.handle.kept(ticket);
    for line in ["keep this", "bye", "close"] {
        assert_eq!(told.recv_timeout(toy::PATIENCE).unwrap(), line);
    }
}

#[test]
fn at_the_entrance_too_what_could_not_be_kept_is_not_confirmed() {
    let (server, told) = entrance_saying(&["keep this"]);
    let (ticket, _) = server.submission();
    server.handle.lost(ticket);
    server.handle.kept(ticket + 1);
    assert_eq!(told.recv_timeout(toy::PATIENCE).unwrap(), "lost");
    drop(server);
    assert!(told.recv().is_err(), "and no more than that");
}

#[test]
fn hundreds_who_leave_at_once_are_all_told_of() {
    let server = start(threads(2), false);
    let mut watcher = server.client();
    let others: Vec<_> = (0..400).map(|_| server.client()).collect();
    drop(others);
    for _ in 0..400 {
        let line = watcher.hear();
        assert!(line.starts_with("gone: Connection"), "{line}");
    }
    watcher.say("alone at last");
    assert_eq!(watcher.hear(), "alone at last");
}

#[test]
fn an_answer_for_who_is_gone_reaches_nobody_else() {
    let server = start(threads(1), false);
    let mut gone = server.client();
    gone.say("keep this\nask");
    let (ticket, mut jobs) = server.submission();
    while jobs.is_empty() {
        jobs = server.submission().1;
    }
    server.handle.lost(ticket);
    while !gone.hear().is_empty() {}
    drop(gone);
    // Once the first has its answer, the end of who is gone has been seen; the second comes into its place.
    let _first = server.client();
    let mut second = server.client();
    server.handle.answer(jobs[0], Answer::Failed);
    for _ in 0..2 {
        second.say("alone here");
        assert_eq!(second.hear(), "alone here");
    }
}
