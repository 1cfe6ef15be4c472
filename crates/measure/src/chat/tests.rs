use proptest::prelude::*;

use super::*;

fn crowd(clients: usize, channels: usize, talkers: usize) -> Crowd {
    Crowd::new(clients, channels, talkers).expect("a crowd")
}

/// Three clients in one channel, two of whom talk, counting from the beginning.
fn three() -> Deliveries {
    let mut deliveries = Deliveries::new(crowd(3, 1, 2), 8);
    deliveries.start_counting();
    deliveries
}

fn first(latency: Nanos, complete: bool) -> Delivery {
    Delivery::First { from_intended: latency, from_sent: latency, complete }
}

#[test]
fn each_line_is_delivered_to_everyone_else_in_its_channel() {
    let mut deliveries = three();
    deliveries.said(0, 10, 10);
    assert_eq!(deliveries.heard(1, 0, 0, 15), first(5, false));
    assert_eq!(deliveries.counts().waiting(), 1);
    assert_eq!(deliveries.heard(2, 0, 0, 17), first(7, true));
    let expected = ChatCounts { lines: 1, expected: 2, delivered: 2, ..ChatCounts::default() };
    assert_eq!(*deliveries.counts(), expected);
}

#[test]
fn the_latency_counts_from_the_intended_time() {
    let mut deliveries = three();
    deliveries.said(0, 10, 30);
    let expected = Delivery::First { from_intended: 25, from_sent: 5, complete: false };
    assert_eq!(deliveries.heard(1, 0, 0, 35), expected);
}

#[test]
fn order_is_kept_by_each_talker_alone() {
    let mut deliveries = three();
    for talker in [0, 1, 0, 0] {
        deliveries.said(talker, 0, 0);
    }
    for (talker, seq) in [(0, 0), (0, 2), (1, 0), (0, 1)] {
        assert_eq!(deliveries.heard(2, talker, seq, 1), first(1, false));
    }
    assert_eq!((deliveries.counts().disordered, deliveries.counts().waiting()), (1, 4));
    assert_eq!(deliveries.heard(2, 0, 1, 1), Delivery::Again);
    assert_eq!(deliveries.counts().duplicated, 1);
}

#[test]
fn what_was_not_said_to_a_listener_is_stray() {
    let mut deliveries = Deliveries::new(crowd(4, 2, 2), 1);
    deliveries.start_counting();
    deliveries.said(0, 0, 0);
    for (listener, talker, seq) in
        [(1, 0, 0), (0, 0, 0), (2, 0, 1), (2, 1, 0), (2, 7, 0), (9, 0, 0)]
    {
        assert_eq!(deliveries.heard(listener, talker, seq, 1), Delivery::Stray);
    }
    assert_eq!(deliveries.heard(2, 0, 0, 1), first(1, true));
    assert_eq!(deliveries.counts().stray, 6);
}

#[test]
fn a_wrong_delivery_is_no_right_one_and_does_not_hold_up_its_talker() {
    let mut deliveries = three();
    deliveries.said(0, 0, 0);
    assert_eq!(deliveries.heard_wrong(1, 0, 0), Delivery::Wrong { complete: false });
    assert_eq!(deliveries.heard(1, 0, 0, 1), Delivery::Again);
    assert_eq!(deliveries.heard_wrong(2, 0, 0), Delivery::Wrong { complete: true });
    assert_eq!(deliveries.heard_wrong(2, 0, 1), Delivery::Stray);
    let counts = deliveries.counts();
    assert_eq!((counts.wrong, counts.duplicated, counts.stray, counts.waiting()), (2, 1, 1, 0));
}

#[test]
fn the_warm_up_and_the_time_after_the_end_count_for_nothing() {
    let mut deliveries = Deliveries::new(crowd(2, 1, 1), 4);
    deliveries.said(0, 0, 0);
    deliveries.start_counting();
    assert_eq!(deliveries.heard(1, 0, 0, 5), Delivery::Uncounted { complete: true });
    deliveries.said(0, 6, 6);
    deliveries.stop_counting();
    deliveries.said(0, 7, 7);
    assert_eq!(deliveries.heard(1, 0, 1, 8), first(2, true));
    assert_eq!(deliveries.heard_wrong(1, 0, 2), Delivery::Uncounted { complete: true });
    let expected = ChatCounts { lines: 1, expected: 1, delivered: 1, ..ChatCounts::default() };
    assert_eq!(*deliveries.counts(), expected);
}

#[test]
fn a_talker_has_room_until_its_limit_waits_and_again_with_each_line_that_all_have() {
    let mut deliveries = Deliveries::new(crowd(2, 1, 1), 2);
    for at in 0..2 {
        assert!(deliveries.has_room(0));
        deliveries.said(0, at, at);
    }
    assert!(!deliveries.has_room(0));
    // The second is done; that the first is not takes one place, and not both.
    deliveries.heard(1, 0, 1, 2);
    for seq in 2..100 {
        assert!(deliveries.has_room(0));
        deliveries.said(0, seq, seq);
        assert!(!deliveries.has_room(0));
        deliveries.heard(1, 0, seq, seq);
    }
}

#[test]
fn a_line_that_waits_too_long_is_given_up_and_what_comes_then_is_late() {
    let mut deliveries = three();
    for at in [0, 10, 20] {
        deliveries.said(0, at, at);
    }
    deliveries.heard(1, 0, 0, 1);
    assert_eq!(deliveries.expire(109, 100), 1);
    assert_eq!(deliveries.expire(109, 100), 0);
    assert_eq!((deliveries.counts().lost, deliveries.counts().waiting()), (1, 4));
    assert_eq!(deliveries.heard(2, 0, 0, 110), Delivery::Late);
    assert_eq!(deliveries.heard(2, 0, 0, 110), Delivery::Again);
    assert_eq!(deliveries.expire(110, 100), 1);
    assert_eq!(deliveries.heard(2, 0, 2, 111), first(91, false));
    assert_eq!(deliveries.give_up_all(), 1);
    let expected = ChatCounts {
        lines: 3,
        expected: 6,
        delivered: 2,
        lost: 3,
        late: 1,
        duplicated: 1,
        ..ChatCounts::default()
    };
    assert_eq!(*deliveries.counts(), expected);
}

#[test]
fn a_run_that_is_ended_by_hand_expects_nothing_more() {
    let mut deliveries = three();
    deliveries.said(0, 0, 0);
    deliveries.said(1, 0, 0);
    deliveries.heard(1, 0, 0, 1);
    deliveries.withdraw_all();
    let counts = deliveries.counts();
    assert_eq!((counts.expected, counts.delivered, counts.waiting()), (1, 1, 0));
}

#[test]
fn who_is_gone_has_lost_what_was_on_its_way_and_nobody_waits_for_them() {
    let mut deliveries = three();
    for at in 0..3 {
        deliveries.said(0, at, at);
    }
    deliveries.heard(1, 0, 0, 3);
    deliveries.heard(1, 0, 1, 3);
    deliveries.heard(2, 0, 0, 3);
    deliveries.leave(2);
    deliveries.leave(2);
    // Line 1 is done without them, line 2 waits for client 1 alone.
    assert_eq!((deliveries.counts().lost, deliveries.counts().waiting()), (2, 1));
    assert_eq!(deliveries.heard(1, 0, 2, 4), first(2, true));
    deliveries.said(0, 5, 5);
    assert_eq!(deliveries.heard(1, 0, 3, 6), first(1, true));
    assert_eq!((deliveries.counts().expected, deliveries.counts().lost), (7, 2));
    assert_eq!((deliveries.audience(0), deliveries.audience(1)), (1, 1));
    deliveries.leave(1);
    assert_eq!((deliveries.audience(0), deliveries.has_room(0)), (0, false));
    deliveries.said(0, 7, 7);
    assert_eq!((deliveries.counts().waiting(), deliveries.counts().expected), (0, 7));
}

#[test]
fn lines_too_old_to_be_known_are_told_as_such() {
    let mut deliveries = Deliveries::new(crowd(3, 1, 2), 65_536);
    deliveries.start_counting();
    for at in 0..70_000 {
        deliveries.said(0, at, at);
    }
    assert_eq!(deliveries.heard(1, 0, 0, 70_000), Delivery::Forgotten);
    assert_eq!(deliveries.heard(1, 0, 69_999, 70_000), first(1, false));
    assert_eq!(deliveries.heard(1, 0, 60_000, 70_000), Delivery::Forgotten);
    let counts = deliveries.counts();
    assert_eq!((counts.lost, counts.waiting()), (2 * (70_000 - 65_536), 2 * 65_536 - 1));
}

/// Something that happens to a crowd of four in two channels, three of whom talk.
#[derive(Clone, Debug)]
enum Event {
    Said(usize),
    Heard(usize, usize, u64),
    HeardWrong(usize, usize, u64),
    Leave(usize),
    Expire(Nanos),
    Withdraw,
    Count,
}

fn event() -> impl Strategy<Value = Event> {
    let line = (0..5_usize, 0..4_usize, 0..20_u64);
    prop_oneof![
        8 => (0..3_usize).prop_map(Event::Said),
        20 => line.clone().prop_map(|(listener, talker, seq)| Event::Heard(listener, talker, seq)),
        3 => line.prop_map(|(listener, talker, seq)| Event::HeardWrong(listener, talker, seq)),
        1 => (0..4_usize).prop_map(Event::Leave),
        2 => (0..50_u64).prop_map(Event::Expire),
        1 => Just(Event::Withdraw),
        1 => Just(Event::Count),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_each_expected_delivery_is_counted_once(
        events in proptest::collection::vec(event(), 1..200)
    ) {
        let mut deliveries = Deliveries::new(crowd(4, 2, 3), 4);
        deliveries.start_counting();
        let mut right = 0;
        for (now, event) in (0..).zip(events) {
            match event {
                Event::Said(talker) => deliveries.said(talker, now, now),
                Event::Heard(listener, talker, seq) => {
                    let delivery = deliveries.heard(listener, talker, seq, now);
                    right += u64::from(matches!(delivery, Delivery::First { .. }));
                }
                Event::HeardWrong(listener, talker, seq) => {
                    deliveries.heard_wrong(listener, talker, seq);
                }
                Event::Leave(client) => deliveries.leave(client),
                Event::Expire(timeout) => drop(deliveries.expire(now, timeout)),
                Event::Withdraw => deliveries.withdraw_all(),
                Event::Count => {
                    deliveries.start_counting();
                    right = 0;
                }
            }
            let counts = *deliveries.counts();
            let settled = counts.delivered + counts.wrong + counts.lost + counts.late;
            prop_assert!(settled <= counts.expected, "{counts:?}");
            prop_assert_eq!(counts.delivered, right);
        }
        deliveries.give_up_all();
        prop_assert_eq!(deliveries.counts().waiting(), 0);
    }

    #[test]
    fn with_everything_delivered_in_order_nothing_is_missing(
        channels in 1..10_usize, looks in 0..20_usize, counts in 0..20_usize, talks: prop::sample::Index
    ) {
        let checked = 2 * channels + looks;
        let clients = checked + counts;
        let talkers = 1 + talks.index(clients);
        let crowd = Crowd::partly_checked(clients, channels, talkers, checked).expect("a crowd");
        let mut deliveries = Deliveries::new(crowd, 1);
        deliveries.start_counting();
        for (talker, seq) in (0..2).flat_map(|seq| (0..talkers).map(move |talker| (talker, seq))) {
            prop_assert!(deliveries.has_room(talker));
            deliveries.said(talker, 0, 0);
            let hears = |&client: &usize| {
                client != talker && crowd.channel_of(client) == crowd.channel_of(talker)
            };
            let mut heard = 0;
            for listener in (0..checked).filter(hears) {
                heard += 1;
                let complete = heard == deliveries.audience(talker);
                prop_assert_eq!(deliveries.heard(listener, talker, seq, 3), first(3, complete));
            }
            prop_assert_eq!(heard, deliveries.audience(talker));
        }
        // Of who is not looked at, nothing is known: neither that they hear nor that they leave.
        for client in checked..clients {
            deliveries.leave(client);
        }
        let counts = deliveries.counts();
        prop_assert_eq!((counts.waiting(), counts.disordered, counts.wrong), (0, 0, 0));
        prop_assert_eq!(counts.lines, 2 * talkers as u64);
    }
}
