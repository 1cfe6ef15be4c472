//! The rules one by one; what they add up to is shown on a simulated path in `tests/bad_path.rs`.

use super::*;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn reply(bytes: &[u8]) -> Action {
    Action::Done(Outcome::Reply(bytes.to_vec()))
}

/// When everything happens where the moment does not matter.
const NOW: Duration = Duration::from_secs(100);

/// Asks `request` from a socket that must not be exchanged, and sends it.
fn send(ask: &mut Ask, request: &[u8]) {
    ask.ask(request);
    assert_eq!(ask.poll(NOW), Action::Send);
}

/// Asks `request` from a socket that must be exchanged first, and sends it.
fn renew_and_send(ask: &mut Ask, request: &[u8]) {
    ask.ask(request);
    assert_eq!(ask.poll(NOW), Action::Renew);
    assert_eq!(ask.poll(NOW), Action::Send);
}

fn answer(ask: &mut Ask, bytes: &[u8]) {
    ask.handle_reply(bytes);
    assert_eq!(ask.poll(NOW), reply(bytes));
    assert_eq!(ask.poll(NOW), Action::Idle);
}

#[test]
fn on_a_good_path_one_socket_serves_all_lines() {
    let mut ask = Ask::new(Backoff::default(), 0);
    assert_eq!(ask.poll(NOW), Action::Idle);
    for line in 0..MAX_LINES_A_SOCKET {
        let line = format!("line {line}");
        send(&mut ask, line.as_bytes());
        assert_eq!(ask.poll(NOW), Action::Wait(NOW + at(1.0)));
        answer(&mut ask, line.to_uppercase().as_bytes());
    }
    renew_and_send(&mut ask, b"one more than is remembered of one socket");
}

#[test]
fn a_reply_that_does_not_come_is_asked_for_at_1_s_and_3_s_and_given_up_at_7_s() {
    for seed in 0..100 {
        let mut ask = Ask::new(Backoff::default(), seed);
        ask.ask(b"sally");
        let mut now = Duration::ZERO;
        for (latest, earliest) in [(1.0, 1.0), (3.2, 2.8), (7.6, 6.4)] {
            assert_eq!(ask.poll(now), Action::Send);
            let Action::Wait(until) = ask.poll(now) else { panic!("a wait") };
            ask.handle_timeout(until - Duration::from_nanos(1));
            assert_eq!(ask.poll(now), Action::Wait(until), "a timer that fires early is no harm");
            assert!(at(earliest) <= until && until <= at(latest), "{until:?}");
            ask.handle_timeout(until);
            now = until;
        }
        assert_eq!(ask.poll(now), Action::Done(Outcome::NoReply { tries: 3 }));
        assert_eq!(ask.poll(now), Action::Idle);
    }
}

#[test]
fn a_line_after_one_that_was_sent_twice_has_a_fresh_socket() {
    let mut ask = Ask::new(Backoff::default(), 0);
    send(&mut ask, b"one");
    ask.handle_timeout(NOW + at(1.0));
    assert_eq!(ask.poll(NOW), Action::Send);
    answer(&mut ask, b"ONE");
    ask.handle_reply(b"ONE");
    renew_and_send(&mut ask, b"two");
    answer(&mut ask, b"TWO");
    // The second ONE was the answer to the second try, and no sign of a path that doubles.
    send(&mut ask, b"three");
}

#[test]
fn a_line_after_one_that_was_given_up_or_refused_or_abandoned_has_a_fresh_socket() {
    let once = Backoff { tries: 1, ..Backoff::default() };
    let mut ask = Ask::new(once, 0);
    send(&mut ask, b"lost");
    ask.handle_timeout(NOW + at(1.0));
    assert_eq!(ask.poll(NOW), Action::Done(Outcome::NoReply { tries: 1 }));
    renew_and_send(&mut ask, b"refused");
    ask.handle_refused();
    assert_eq!(ask.poll(NOW), Action::Done(Outcome::Refused));
    renew_and_send(&mut ask, b"abandoned");
    renew_and_send(&mut ask, b"next");
    answer(&mut ask, b"NEXT");
}

#[test]
fn a_reply_heard_before_is_asked_for_again_from_a_fresh_socket() {
    let mut ask = Ask::new(Backoff::default(), 0);
    send(&mut ask, b"one");
    answer(&mut ask, b"ONE");
    send(&mut ask, b"two");
    ask.handle_reply(b"ONE");
    ask.handle_reply(b"TWO");
    assert_eq!(ask.poll(NOW), Action::Renew, "the old socket's word no longer counts");
    ask.handle_reply(b"ONE");
    assert_eq!(ask.poll(NOW), Action::Renew, "nothing was sent from this one yet");
    assert_eq!(ask.poll(NOW), Action::Send);
    assert_eq!(ask.poll(NOW), Action::Wait(NOW + at(1.0)), "it was no try lost");
    answer(&mut ask, b"TWO");
}

#[test]
fn a_server_that_says_the_same_to_everything_is_asked_twice_only_once() {
    let mut ask = Ask::new(Backoff::default(), 0);
    send(&mut ask, b"one");
    answer(&mut ask, b"ok");
    send(&mut ask, b"two");
    ask.handle_reply(b"ok");
    assert_eq!(ask.poll(NOW), Action::Renew);
    assert_eq!(ask.poll(NOW), Action::Send);
    answer(&mut ask, b"ok");
    for line in [b"three", b"four "] {
        renew_and_send(&mut ask, line);
        answer(&mut ask, b"ok");
    }
}

#[test]
fn the_same_line_twice_gets_the_same_reply_twice() {
    let mut ask = Ask::new(Backoff::default(), 0);
    send(&mut ask, b"again");
    answer(&mut ask, b"AGAIN");
    renew_and_send(&mut ask, b"again");
    answer(&mut ask, b"AGAIN");
    send(&mut ask, b"another");
}

#[test]
fn a_reply_that_nobody_waits_for_makes_the_socket_stale() {
    for early in [false, true] {
        let mut ask = Ask::new(Backoff::default(), 0);
        send(&mut ask, b"one");
        answer(&mut ask, b"ONE");
        if early {
            ask.handle_reply(b"one or the other");
            ask.ask(b"two");
        } else {
            ask.ask(b"two");
            ask.handle_reply(b"one or the other");
        }
        assert_eq!(ask.poll(NOW), Action::Renew);
        assert_eq!(ask.poll(NOW), Action::Send);
        answer(&mut ask, b"TWO");
        renew_and_send(&mut ask, b"three");
    }
}

#[test]
fn an_earlier_line_that_is_refused_late_does_not_fail_this_one() {
    for early in [false, true] {
        let mut ask = Ask::new(Backoff::default(), 0);
        send(&mut ask, b"one");
        answer(&mut ask, b"ONE");
        if early {
            ask.handle_refused();
            ask.ask(b"two");
        } else {
            ask.ask(b"two");
            ask.handle_refused();
        }
        assert_eq!(ask.poll(NOW), Action::Renew);
        assert_eq!(ask.poll(NOW), Action::Send);
        answer(&mut ask, b"TWO");
    }
}

#[test]
fn a_socket_a_line_never_asks_for_more_than_that() {
    let mut ask = Ask::new(Backoff::default(), 0).one_socket_a_line();
    send(&mut ask, b"the first socket is fresh as it is");
    answer(&mut ask, b"");
    renew_and_send(&mut ask, b"two");
    answer(&mut ask, b"");
}
