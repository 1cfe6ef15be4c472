use proptest::prelude::*;

use super::*;

const TIMEOUT: Nanos = 1000;

fn first(latency: Nanos) -> Answer {
    Answer::First { from_intended: latency, from_sent: latency }
}

/// A ledger that has sent `count` requests, at 0, 1, 2, ...
fn having_sent(count: u64, limit: usize) -> Ledger {
    let mut ledger = Ledger::new(limit);
    for at in 0..count {
        ledger.sent(at, at);
    }
    ledger
}

#[test]
fn the_latency_counts_from_the_intended_time_and_the_wait_is_told_apart() {
    let mut ledger = Ledger::new(4);
    ledger.sent(100, 250);
    let answer = ledger.reply(0, 300);
    assert_eq!(answer, Answer::First { from_intended: 200, from_sent: 50 });
}

#[test]
fn what_was_kept_back_is_sent_when_it_leaves_even_after_others_took_its_place() {
    let mut ledger = having_sent(2, 2);
    ledger.left(0, 30);
    assert_eq!(ledger.reply(0, 40), Answer::First { from_intended: 40, from_sent: 10 });
    for at in 2..20 {
        ledger.sent(at, at);
        ledger.reply(at, at);
    }
    ledger.left(1, 50);
    ledger.left(20, 50);
    assert_eq!(ledger.oldest_sent(), Some(50));
    assert_eq!(ledger.reply(1, 61), Answer::First { from_intended: 60, from_sent: 11 });
}

#[test]
fn a_second_reply_is_counted_apart() {
    let mut ledger = having_sent(2, 4);
    assert_eq!(ledger.reply(0, 10), first(10));
    assert_eq!(ledger.reply(0, 11), Answer::Again);
    assert_eq!(ledger.reply(0, 12), Answer::Again);
    assert_eq!(ledger.outstanding(), 1);
    let expected = Counts { requests: 2, answered: 1, duplicated: 2, ..Counts::default() };
    assert_eq!(ledger.counts(), &expected);
}

#[test]
fn replies_in_another_order_are_counted_by_those_that_came_too_late() {
    let mut ledger = having_sent(4, 4);
    for seq in [1, 0, 3, 2] {
        ledger.reply(seq, 10);
    }
    assert_eq!((ledger.counts().answered, ledger.counts().reordered), (4, 2));
}

#[test]
fn what_waits_too_long_is_lost_until_its_reply_comes_late() {
    let mut ledger = having_sent(3, 4);
    ledger.reply(1, 10);
    assert_eq!(ledger.oldest_sent(), Some(0));
    assert_eq!(ledger.expire(TIMEOUT - 1, TIMEOUT), 0);
    assert_eq!(ledger.expire(TIMEOUT, TIMEOUT), 1);
    assert_eq!(ledger.oldest_sent(), Some(2));
    assert_eq!((ledger.counts().lost, ledger.counts().late), (1, 0));
    assert_eq!(ledger.reply(0, TIMEOUT + 1), Answer::Late);
    assert_eq!(ledger.reply(0, TIMEOUT + 2), Answer::Again);
    assert_eq!((ledger.counts().lost, ledger.counts().late), (0, 1));
}

#[test]
fn a_request_that_all_others_overtake_is_still_known() {
    let mut ledger = having_sent(1, 2);
    for at in 1..100 {
        ledger.sent(at, at);
        assert_eq!(ledger.reply(at, at + 1), first(1));
    }
    assert_eq!((ledger.outstanding(), ledger.oldest_waiting()), (1, Some(0)));
    assert_eq!(ledger.reply(0, 500), first(500));
    assert_eq!(ledger.reply(0, 501), Answer::Again);
    assert_eq!(ledger.counts().reordered, 1);
}

#[test]
fn a_late_reply_is_known_long_after() {
    let mut ledger = having_sent(2, 2);
    ledger.expire(TIMEOUT + 1, TIMEOUT);
    for at in 2..100 {
        ledger.sent(at, at);
        ledger.reply(at, at);
    }
    assert_eq!(ledger.reply(0, 5000), Answer::Late);
    assert_eq!(ledger.reply(1, 5000), Answer::Late);
    assert_eq!(ledger.reply(1, 5000), Answer::Again);
    assert_eq!(ledger.reply(2, 5000), Answer::Again);
}

#[test]
fn a_number_that_was_never_sent_is_nobodys() {
    let mut ledger = having_sent(1, 4);
    assert_eq!(ledger.reply(1, 10), Answer::Stray);
    assert_eq!(ledger.reply(u64::MAX, 10), Answer::Stray);
    assert_eq!((ledger.counts().stray, ledger.outstanding()), (2, 1));
    assert_eq!(Ledger::new(0).oldest_reply(0, true), Answer::Stray);
}

#[test]
fn a_wrong_reply_settles_its_request_and_gives_no_latency() {
    let mut ledger = having_sent(1, 4);
    assert_eq!(ledger.wrong_reply(0, 10), Answer::Wrong);
    assert_eq!((ledger.counts().wrong, ledger.counts().answered, ledger.outstanding()), (1, 0, 0));
    assert_eq!(ledger.reply(0, 11), Answer::Again);
}

#[test]
fn replies_without_a_number_go_to_the_oldest_request() {
    let mut ledger = having_sent(2, 4);
    assert_eq!(ledger.oldest_reply(10, true), first(10));
    assert_eq!(ledger.oldest_reply(10, false), Answer::Wrong);
    assert_eq!(ledger.oldest_reply(10, true), Answer::Stray);
}

#[test]
fn the_warm_up_counts_for_nothing() {
    let mut ledger = Ledger::new(8);
    ledger.stop_counting();
    (0..3).for_each(|at| ledger.sent(at, at));
    assert_eq!(ledger.reply(0, 10), Answer::Uncounted);
    ledger.not_sent();
    assert_eq!(ledger.counts(), &Counts::default());
    ledger.start_counting();
    ledger.sent(20, 20);
    assert_eq!(ledger.reply(1, 30), Answer::Uncounted);
    assert_eq!(ledger.reply(1, 30), Answer::Ignored);
    assert_eq!(ledger.expire(2 + TIMEOUT, TIMEOUT), 1);
    assert_eq!(ledger.reply(2, 3000), Answer::Ignored);
    assert_eq!(ledger.reply(3, 3000), first(2980));
    assert_eq!(ledger.counts(), &Counts { requests: 1, answered: 1, ..Counts::default() });
}

#[test]
fn after_the_end_the_last_replies_still_count_and_new_requests_do_not() {
    let mut ledger = having_sent(2, 8);
    ledger.stop_counting();
    ledger.sent(5, 5);
    ledger.not_sent();
    assert_eq!(ledger.reply(2, 9), Answer::Uncounted);
    assert_eq!(ledger.reply(1, 9), first(8));
    assert_eq!(ledger.give_up_all(), 1);
    let expected = Counts { requests: 2, answered: 1, lost: 1, ..Counts::default() };
    assert_eq!(ledger.counts(), &expected);
}

#[test]
fn a_run_that_is_ended_by_hand_does_not_count_what_was_on_its_way() {
    let mut ledger = having_sent(1, 8);
    ledger.start_counting();
    for at in 1..40 {
        ledger.sent(at, at);
        if at > 2 {
            ledger.reply(at, at);
        }
    }
    ledger.withdraw_all();
    assert_eq!((ledger.counts().requests, ledger.counts().answered), (37, 37));
    assert_eq!((ledger.outstanding(), ledger.oldest_waiting()), (0, None));
}

#[test]
fn without_room_the_oldest_gives_way() {
    let mut ledger = having_sent(5, 4);
    assert_eq!((ledger.room(), ledger.outstanding(), ledger.counts().lost), (0, 4, 1));
    assert_eq!(ledger.give_up_all(), 4);
    assert_eq!(ledger.counts().lost, 5);
}

#[test]
fn what_could_not_be_sent_is_lost_at_the_sender() {
    let mut ledger = having_sent(1, 4);
    ledger.not_sent();
    assert_eq!((ledger.next_seq(), ledger.outstanding()), (1, 1));
    assert_eq!((ledger.counts().requests, ledger.counts().losses(0).sender_no_buffers), (2, 1));
}

/// What may happen to a ledger.
#[derive(Clone, Debug)]
enum Event {
    Send,
    Reply { back: u64, right: bool },
    Oldest,
    Expire,
    StartCounting,
    StopCounting,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => Just(Event::Send),
        5 => (0..40_u64, prop::bool::weighted(0.9))
            .prop_map(|(back, right)| Event::Reply { back, right }),
        1 => Just(Event::Oldest),
        1 => Just(Event::Expire),
    ];
    let event = prop_oneof![
        60 => event,
        1 => Just(Event::StartCounting),
        1 => Just(Event::StopCounting),
    ];
    proptest::collection::vec(event, 0..600)
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Waiting,
    Done,
    GivenUp,
}

proptest! {
    /// Against the simplest record that there is, which keeps everything and searches it.
    #[test]
    fn a_ledger_counts_as_one_that_forgets_nothing(events in events(), limit in 1..20_usize) {
        let mut ledger = Ledger::new(limit);
        let mut all: Vec<(Nanos, Fate)> = Vec::new();
        let (mut counted, mut highest) = (0..usize::MAX, None);
        let mut expected = Counts::default();
        for (now, event) in events.into_iter().enumerate() {
            let now = now as Nanos;
            let count = |seq: usize| u64::from(counted.contains(&seq));
            match event {
                Event::Send if ledger.room() == 0 => {}
                Event::Send => {
                    prop_assert_eq!(ledger.next_seq(), all.len() as u64);
                    ledger.sent(now, now);
                    all.push((now, Fate::Waiting));
                    expected.requests += count(all.len() - 1);
                }
                Event::Reply { back, right } => {
                    let seq = ledger.next_seq().wrapping_sub(back);
                    let place = usize::try_from(seq).unwrap_or(usize::MAX);
                    let answer = match right {
                        true => ledger.reply(seq, now),
                        false => ledger.wrong_reply(seq, now),
                    };
                    let Some((sent, fate)) = all.get_mut(place) else {
                        prop_assert_eq!(answer, Answer::Stray);
                        expected.stray += 1;
                        continue;
                    };
                    let outcome = match *fate {
                        Fate::GivenUp => {
                            expected.late += count(place);
                            expected.lost -= count(place);
                            Answer::Late
                        }
                        Fate::Done => {
                            expected.duplicated += count(place);
                            Answer::Again
                        }
                        Fate::Waiting if count(place) == 0 && right => Answer::Uncounted,
                        Fate::Waiting if count(place) == 0 => Answer::Ignored,
                        Fate::Waiting => {
                            expected.reordered += u64::from(highest > Some(place));
                            highest = highest.max(Some(place));
                            expected.answered += u64::from(right);
                            expected.wrong += u64::from(!right);
                            if right { first(now - *sent) } else { Answer::Wrong }
                        }
                    };
                    *fate = Fate::Done;
                    let is_told = count(place) == 1 || outcome == Answer::Uncounted;
                    prop_assert_eq!(answer, if is_told { outcome } else { Answer::Ignored });
                }
                Event::Oldest => {
                    let oldest = all.iter().position(|request| request.1 == Fate::Waiting);
                    prop_assert_eq!(ledger.oldest_waiting(), oldest.map(|seq| seq as u64));
                }
                Event::Expire => {
                    let mut lost = 0;
                    for (seq, (sent, fate)) in all.iter_mut().enumerate() {
                        if *fate == Fate::Waiting && *sent + 50 <= now {
                            *fate = Fate::GivenUp;
                            expected.lost += count(seq);
                            lost += 1;
                        }
                    }
                    prop_assert_eq!(ledger.expire(now, 50), lost);
                }
                Event::StartCounting => {
                    ledger.start_counting();
                    counted = all.len()..usize::MAX;
                    (highest, expected) = (None, Counts::default());
                }
                Event::StopCounting => {
                    ledger.stop_counting();
                    counted.end = counted.end.min(all.len());
                }
            }
            let waiting = all.iter().filter(|request| request.1 == Fate::Waiting).count();
            prop_assert_eq!(ledger.outstanding(), waiting);
            prop_assert_eq!(ledger.counts(), &expected);
        }
        let settles = |(seq, request): (usize, &(Nanos, Fate))| {
            counted.contains(&seq) && request.1 != Fate::Waiting
        };
        let all_settled = all.iter().enumerate().filter(|&request| settles(request)).count() as u64;
        let settled = expected.answered + expected.wrong + expected.lost + expected.late;
        prop_assert_eq!(settled, all_settled);
    }
}
