//! A link against sockets of the test's own: what is bounded, what is given up, and what is said of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::*;

/// How long an event may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn target(address: &str, timeout: Duration) -> Target {
    Target { timeout, ..Target::new(address.parse().unwrap()) }
}

fn link(address: &str) -> (Link, Receiver<LinkEvent>) {
    link_within(address, DEADLINE)
}

fn link_within(address: &str, timeout: Duration) -> (Link, Receiver<LinkEvent>) {
    let (sender, events) = channel();
    let link = Link::spawn(target(address, timeout), move |event| drop(sender.send(event)));
    (link.unwrap(), events)
}

/// A link and the server's end of it.
fn pair() -> (Link, Receiver<LinkEvent>, TcpStream) {
    let (listener, address) = listener();
    let (link, events) = link(&address.to_string());
    let (peer, _) = listener.accept().unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE), Ok(LinkEvent::Connected(_))));
    (link, events, peer)
}

fn reason(events: &Receiver<LinkEvent>) -> CloseReason {
    loop {
        if let LinkEvent::Closed(reason) = events.recv_timeout(DEADLINE).unwrap() {
            return reason;
        }
    }
}

/// The next lines, `count` of them at least.
fn lines(events: &Receiver<LinkEvent>, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        match events.recv_timeout(DEADLINE).unwrap() {
            LinkEvent::Lines(lines) => all.extend(lines.iter().map(str::to_owned)),
            other => panic!("{other:?}"),
        }
    }
    all
}

#[test]
fn lines_come_as_they_are_however_they_are_cut() {
    let (_link, events, mut peer) = pair();
    peer.write_all("one\r\ntwo 你".as_bytes()).unwrap();
    assert_eq!(lines(&events, 1), ["one"]);
    peer.write_all("好\n\r\n".as_bytes()).unwrap();
    peer.write_all(b"\xffno text\r\nlast").unwrap();
    assert_eq!(lines(&events, 2), ["two 你好", "\u{fffd}no text"]);
    drop(peer);
    let reason = reason(&events);
    assert!(reason.may_pass() && reason.to_string().ends_with("closed the connection"), "{reason}");
}

#[test]
fn a_line_that_is_too_long_is_counted_and_left_out() {
    let (_link, events, mut peer) = pair();
    peer.write_all(&[&[b'x'; 20_000][..], b"\r\nshort\r\n"].concat()).unwrap();
    let (mut heard, mut too_long) = (Vec::new(), 0);
    while heard.is_empty() {
        let LinkEvent::Lines(lines) = events.recv_timeout(DEADLINE).unwrap() else { panic!() };
        too_long += lines.too_long();
        assert!(!lines.is_empty());
        heard.extend(lines.iter().map(str::to_owned));
    }
    assert_eq!((too_long, heard), (1, vec!["short".to_owned()]));
}

#[test]
fn who_does_not_drop_batches_slows_the_server_down_and_loses_nothing() {
    let (_link, events, mut peer) = pair();
    peer.set_nonblocking(true).unwrap();
    let line = format!("{}\r\n", "x".repeat(998));
    let (mut held, mut sent) = (Vec::new(), 0);
    // The server sends until nothing moves any more: the kernel's buffers are full, and so is the allowance.
    loop {
        match peer.write(&line.as_bytes()[sent % 1_000..]) {
            Ok(count) => sent += count,
            Err(_) => match events.recv_timeout(Duration::from_millis(500)) {
                Ok(event) => held.push(event),
                Err(RecvTimeoutError::Timeout) => break,
                Err(error) => panic!("{error}"),
            },
        }
        assert!(sent < 64 << 20, "the link takes in without end");
    }
    let batches = held.len();
    assert!((4..=16).contains(&batches), "{batches} batches are out");
    // Dropping them lets the rest through.
    let count = |event: &LinkEvent| match event {
        LinkEvent::Lines(lines) => {
            assert!(lines.iter().all(|line| line.len() == 998));
            lines.len()
        }
        other => panic!("{other:?}"),
    };
    let mut heard: usize = held.iter().map(count).sum();
    drop(held);
    while heard < sent / 1_000 {
        heard += count(&events.recv_timeout(DEADLINE).unwrap());
    }
}

#[test]
fn a_server_that_pings_and_never_reads_is_not_read_without_end() {
    let (listener, address) = listener();
    let (_link, _events) = link(&format!("ws://{address}/"));
    let (mut peer, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    write!(
        peer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .unwrap();
    let pings = [&[0x89, 125][..], &[b'x'; 125]].concat().repeat(1_000);
    // Nothing moves any more: the kernel's buffers are full, and so is the allowance.
    peer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut sent = 0;
    while let Ok(count) = peer.write(&pings[sent % pings.len()..]) {
        sent += count;
        assert!(sent < 64 << 20, "the link takes in without end");
    }
}

#[test]
fn what_waits_to_be_sent_is_bounded_and_nothing_is_taken_by_halves() {
    let (link, _events, mut peer) = pair();
    let line = [&[b'x'; 998][..], b"\r\n"].concat();
    let mut sent = 0;
    // The kernel's buffers take some megabytes before the queue fills.
    while link.send(&line) != Err(Full) {
        sent += line.len();
        assert!(sent < 256 << 20, "the queue has no end");
    }
    link.close();
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).unwrap();
    assert_eq!(heard.len(), sent);
    assert!(heard.chunks(1_000).all(|chunk| chunk == line));
}

#[test]
fn what_was_queued_before_there_was_a_connection_is_sent() {
    let (listener, address) = listener();
    let (link, events) = link(&address.to_string());
    link.send(b"NICK alice\r\n").unwrap();
    link.send(b"USER alice 0 * :alice\r\n").unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE), Ok(LinkEvent::Connected(_))));
    link.close();
    let mut heard = String::new();
    peer.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "NICK alice\r\nUSER alice 0 * :alice\r\n");
    peer.write_all(b"ERROR :bye\r\n").unwrap();
    assert_eq!(lines(&events, 1), ["ERROR :bye"]);
    drop(peer);
    assert!(reason(&events).is_closed());
}

#[test]
fn a_server_that_ignores_our_leave_is_left_nevertheless() {
    let (link, events, _peer) = pair();
    let begun = Instant::now();
    link.close();
    assert!(reason(&events).is_closed());
    assert!(begun.elapsed() >= Duration::from_secs(2), "it had a moment");
}

#[test]
fn dropping_a_link_ends_its_connection() {
    let (link, _events, mut peer) = pair();
    drop(link);
    assert_eq!(peer.read(&mut [0; 9]).unwrap(), 0);
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let (listener, address) = listener();
    for (scheme, said) in [("ircs", "TLS handshake did not end"), ("ws", "WebSocket handshake")] {
        let address = format!("{scheme}://{address}");
        // A machine that stands still may take all of a short time for connecting.
        let mut reasons = [(200, "200ms"), (10_000, "10s")].into_iter().map(|(time, shown)| {
            let (_link, events) = link_within(&address, Duration::from_millis(time));
            let _peer = listener.accept().unwrap();
            let reason = reason(&events);
            assert!(reason.to_string().contains(&format!("within {shown}")), "{reason}");
            assert!(reason.may_pass(), "{reason}");
            reason.to_string()
        });
        assert!(reasons.any(|reason| reason.contains(said)), "{said}");
    }
}

#[test]
fn an_attempt_can_be_given_up_while_it_is_under_way() {
    let (listener, address) = listener();
    for scheme in ["ircs", "ws"] {
        let (link, events) = link(&format!("{scheme}://{address}"));
        let (mut peer, _) = listener.accept().unwrap();
        link.close();
        assert!(reason(&events).is_closed());
        // Only what the layers said before is there.
        let _ = peer.read_to_end(&mut Vec::new());
    }
}

#[test]
fn a_server_that_speaks_something_else_is_told_apart() {
    for (scheme, answer, said) in [
        ("ircs", ":irc.example.org NOTICE * :hello\r\n", "does not speak TLS"),
        ("ircs", "", "closed the connection in the TLS handshake"),
        ("ws", ":irc.example.org NOTICE * :hello\r\n", "no web server"),
        ("ws", "HTTP/1.1 404 \x1b[2J\r\n\r\n", "no web server"),
        ("ws", "HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found to the request for /ws"),
        ("ws", "", "closed the connection in the WebSocket handshake"),
    ] {
        let (listener, address) = listener();
        let (_link, events) = link(&format!("{scheme}://{address}"));
        let (mut peer, _) = listener.accept().unwrap();
        // The request is read, so that the end is no reset.
        let _ = peer.read(&mut [0; 4_096]).unwrap();
        peer.write_all(answer.as_bytes()).unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        let reason = reason(&events);
        assert!(reason.to_string().contains(said), "{scheme} {answer:?}: {reason}");
        assert!(!reason.to_string().contains('\x1b'));
    }
}

#[test]
fn a_host_that_is_none_is_a_mistake_of_the_call() {
    let (_link, events) = link("nowhere.invalid");
    let reason = reason(&events);
    assert!(reason.is_usage(), "{reason}");
    assert!(reason.to_string().contains("'nowhere.invalid'"), "{reason}");
}

#[test]
fn a_hundred_thousand_lines_come_in_little_time() {
    const LINES: usize = 100_000;
    let line = "@time=2026-11-22T20:00:00.000Z;msgid=abcdefghijklmnop :alice!alice@host PRIVMSG #lobby :hello there\r\n";
    let lines = line.repeat(LINES);
    let mut times = std::iter::repeat_with(|| {
        let (_link, events, mut peer) = pair();
        let begun = Instant::now();
        let (mut count, mut batches) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| peer.write_all(lines.as_bytes()).unwrap());
            while count < LINES {
                let event = events.recv_timeout(DEADLINE).unwrap();
                let LinkEvent::Lines(lines) = event else { panic!("{event:?}") };
                count += lines.len();
                batches += 1;
            }
        });
        assert!(batches < LINES / 50, "{batches} batches");
        begun.elapsed()
    });
    // A hundredth of a second on a quiet machine; the client's whole allowance is two seconds, in which a machine that is
    // shared may stand still.
    let best = times.by_ref().take(5).find(|time| *time < Duration::from_secs(2));
    assert!(best.is_some(), "{:?}", times.next());
}
