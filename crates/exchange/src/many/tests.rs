//! Who is owed a reply, who is a stranger, and that the books balance.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn many() -> Many {
    Many::new(Backoff::default(), false, 0)
}

/// Sends all there is to send, and returns how much that was.
fn transmit(many: &mut Many, now: Duration) -> usize {
    std::iter::from_fn(|| many.poll_transmit(now).map(|_| ())).count()
}

/// A request to `server` that has been sent at time zero.
fn sent(many: &mut Many, server: &str) -> RequestId {
    let id = many.send(address(server), "hello").unwrap();
    assert_eq!(transmit(many, Duration::ZERO), 1);
    id
}

#[test]
fn a_reply_from_a_server_that_was_asked_is_its_reply() {
    let mut many = many();
    let server = address("127.0.0.1:3000");
    let id = many.send(server, "hello").unwrap();
    let transmit = many.poll_transmit(Duration::ZERO).unwrap();
    assert_eq!(transmit, Transmit { id, to: server, message: b"hello", tries: 1 });
    assert_eq!(many.poll_timeout(), Some(SECOND));
    assert_eq!(many.handle_datagram(server), Heard::Reply { id, server });
    assert_eq!((many.outstanding(), many.poll_timeout()), (0, None));
    assert_eq!(many.poll_failure(), None);
}

#[test]
fn a_second_reply_to_one_request_is_a_strangers() {
    let mut many = many();
    let server = address("127.0.0.1:3000");
    let ids = [sent(&mut many, "127.0.0.1:3000"), sent(&mut many, "127.0.0.1:3000")];
    for id in ids {
        assert_eq!(many.handle_datagram(server), Heard::Reply { id, server }, "oldest first");
    }
    assert_eq!(many.handle_datagram(server), Heard::Stranger);
}

#[test]
fn another_address_or_port_is_a_stranger() {
    let mut many = many();
    sent(&mut many, "127.0.0.1:3000");
    assert_eq!(many.handle_datagram(address("127.0.0.1:3001")), Heard::Stranger);
    assert_eq!(many.handle_datagram(address("127.0.0.2:3000")), Heard::Stranger);
    assert_eq!(many.outstanding(), 1);
}

#[test]
fn a_server_asked_by_its_mapped_address_is_known_by_its_ipv4_address() {
    let mut many = many();
    let server = address("[::ffff:127.0.0.1]:3000");
    let id = sent(&mut many, "[::ffff:127.0.0.1]:3000");
    assert_eq!(many.handle_datagram(address("127.0.0.1:3000")), Heard::Reply { id, server });
}

#[test]
fn a_server_that_may_answer_from_any_port_is_matched_by_its_host() {
    let mut many = Many::new(Backoff::default(), true, 0);
    let server = address("127.0.0.1:3000");
    let id = sent(&mut many, "127.0.0.1:3000");
    assert_eq!(many.handle_datagram(address("127.0.0.2:4000")), Heard::Stranger);
    assert_eq!(many.handle_datagram(address("127.0.0.1:4000")), Heard::Reply { id, server });
    assert_eq!(many.handle_datagram(address("127.0.0.1:4000")), Heard::Stranger);
}

#[test]
fn what_was_not_sent_yet_cannot_be_answered() {
    let mut many = many();
    let server = address("127.0.0.1:3000");
    many.send(server, "hello").unwrap();
    assert_eq!(many.handle_datagram(server), Heard::Stranger);
    assert_eq!(many.handle_refused(server), 0);
    assert_eq!(transmit(&mut many, Duration::ZERO), 1);
}

#[test]
fn a_lost_request_is_sent_three_times_and_then_fails() {
    let mut many = many();
    let id = sent(&mut many, "127.0.0.1:3000");
    let server = address("127.0.0.1:3000");
    for (tries, earliest, latest) in [(2, 10, 10), (3, 28, 32), (4, 64, 76)] {
        let until = many.poll_timeout().unwrap();
        assert!(SECOND * earliest / 10 <= until && until <= SECOND * latest / 10, "{until:?}");
        many.handle_timeout(until - Duration::from_nanos(1));
        assert_eq!(many.poll_transmit(until), None, "a timer that fires early is no harm");
        many.handle_timeout(until);
        assert_eq!(
            many.poll_transmit(until).map(|again| again.tries),
            (tries < 4).then_some(tries)
        );
    }
    let reason = Reason::NoReply { tries: 3 };
    assert_eq!(many.poll_failure(), Some(Failure { id, server, reason }));
    assert_eq!(many.poll_failure(), None);
    assert_eq!(many.handle_datagram(server), Heard::Stranger, "it was given up");
}

#[test]
fn a_reply_stops_the_next_try_even_when_that_is_queued() {
    let mut many = many();
    sent(&mut many, "127.0.0.1:3000");
    many.handle_timeout(SECOND);
    assert_ne!(many.handle_datagram(address("127.0.0.1:3000")), Heard::Stranger);
    assert_eq!(many.poll_transmit(SECOND), None);
}

#[test]
fn a_refusal_fails_what_was_sent_to_that_port_and_nothing_else() {
    for from_any_port in [false, true] {
        let mut many = Many::new(Backoff::default(), from_any_port, 0);
        let first = sent(&mut many, "127.0.0.1:3000");
        sent(&mut many, "127.0.0.1:4000");
        let second = sent(&mut many, "127.0.0.1:3000");
        assert_eq!(many.handle_refused(address("[::ffff:127.0.0.1]:3000")), 2);
        for id in [first, second] {
            let failure = many.poll_failure().unwrap();
            assert_eq!((failure.id, failure.reason), (id, Reason::Refused));
        }
        assert_eq!(many.outstanding(), 1);
    }
}

#[test]
fn a_request_that_cannot_be_sent_is_withdrawn_without_a_trace() {
    let mut many = many();
    let id = sent(&mut many, "127.0.0.1:3000");
    assert!(many.withdraw(id));
    assert!(!many.withdraw(id));
    assert_eq!((many.poll_timeout(), many.poll_failure()), (None, None));
    assert_eq!(many.handle_datagram(address("127.0.0.1:3000")), Heard::Stranger);
}

#[test]
fn at_the_cap_no_more_is_taken_until_some_are_done_and_reported() {
    let mut many = many();
    let server = address("127.0.0.1:3000");
    for _ in 0..MAX_OUTSTANDING {
        many.send(server, "hello").unwrap();
    }
    assert!(many.is_full());
    assert_eq!(many.send(server, "hello"), Err(Full));
    assert_eq!(transmit(&mut many, Duration::ZERO), MAX_OUTSTANDING);
    assert_eq!(many.handle_refused(server), MAX_OUTSTANDING);
    assert!(many.is_full(), "failures that nobody has seen count too");
    many.poll_failure().unwrap();
    assert!(many.send(server, "hello").is_ok());
}

/// One thing that may happen; servers are numbered.
#[derive(Clone, Debug)]
enum Event {
    Send(u16),
    Transmit,
    Datagram(u16),
    Refused(u16),
    Sleep(u64),
    Withdraw(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u16..4).prop_map(Event::Send),
        Just(Event::Transmit),
        (0_u16..5).prop_map(Event::Datagram),
        (0_u16..5).prop_map(Event::Refused),
        (0_u64..3000).prop_map(Event::Sleep),
        (0_usize..20).prop_map(Event::Withdraw),
    ]
}

proptest! {
    /// Against a count kept by hand: no server answers oftener than it was asked, and each request
    /// ends once, by a reply, a failure or its withdrawal.
    #[test]
    fn the_books_balance_whatever_happens(
        events in proptest::collection::vec(event(), 0..80),
        from_any_port: bool,
    ) {
        let server = |number: u16| SocketAddr::from(([127, 0, 0, 1 + number as u8], 3000));
        let mut many = Many::new(Backoff::default(), from_any_port, 0);
        let mut now = Duration::ZERO;
        let mut open = BTreeMap::new();
        let mut seen = BTreeMap::new();
        let mut ids = Vec::new();
        for event in events {
            match event {
                Event::Send(to) => {
                    let id = many.send(server(to), "hello").unwrap();
                    ids.push(id);
                    open.insert(id, server(to));
                }
                Event::Transmit => while let Some(transmit) = many.poll_transmit(now) {
                    prop_assert_eq!(open[&transmit.id], transmit.to);
                    let tries = seen.entry(transmit.id).or_insert(0);
                    *tries += 1;
                    prop_assert_eq!(*tries, transmit.tries);
                },
                Event::Datagram(from) => {
                    let oldest = open.iter().find(|&(_, &to)| to == server(from)).map(|(&id, _)| id);
                    let expected = match oldest.filter(|id| seen.contains_key(id)) {
                        Some(id) => Heard::Reply { id, server: server(from) },
                        None => Heard::Stranger,
                    };
                    prop_assert_eq!(many.handle_datagram(server(from)), expected);
                    oldest.filter(|id| seen.contains_key(id)).map(|id| open.remove(&id));
                }
                Event::Refused(from) => {
                    let before = open.len();
                    open.retain(|id, to| *to != server(from) || !seen.contains_key(id));
                    prop_assert_eq!(many.handle_refused(server(from)), before - open.len());
                }
                Event::Sleep(millis) => {
                    now += Duration::from_millis(millis);
                    many.handle_timeout(now);
                    prop_assert!(many.poll_timeout().is_none_or(|until| until > now));
                }
                Event::Withdraw(which) => if let Some(id) = ids.get(which) {
                    prop_assert_eq!(many.withdraw(*id), open.remove(id).is_some());
                },
            }
            while let Some(failure) = many.poll_failure() {
                if let Reason::NoReply { tries } = failure.reason {
                    prop_assert_eq!(tries, seen[&failure.id]);
                    prop_assert_eq!(open.remove(&failure.id), Some(failure.server));
                }
            }
            prop_assert_eq!(many.outstanding(), open.len());
            prop_assert_eq!(many.owed.len(), open.len());
            prop_assert_eq!(many.unsent.len() + many.due.len(), open.len());
        }
    }
}
