//! The guard's rules one by one; whole loops are simulated in `tests/loops.rs`.

use super::*;
use crate::table::find;
use proptest::prelude::*;

const OUTSIDE: &str = "192.0.2.7:40000";
const LOOPBACK: &str = "127.0.0.1:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn guard(service: &str, policy: Policy) -> Guard {
    Guard::new(policy, find(service).unwrap(), &[address("127.0.0.1:3000")])
}

fn per_second(rate: u32) -> Policy {
    Policy { max_rate: MaxRate::PerSecond(rate.try_into().unwrap()), any_port: false }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How many of `count` unchanged answers with the same bytes leave.
fn released(guard: &mut Guard, now: Duration, peer: &str, bytes: &[u8], count: usize) -> usize {
    let peer = address(peer);
    (0..count)
        .filter(|_| guard.release(now, peer, bytes.len(), bytes, false) == Release::Yes)
        .count()
}

#[test]
fn source_ports_below_1024_are_answered_only_if_any_port_is_allowed() {
    let mut strict = guard("upper", Policy::default());
    let mut lax = guard("upper", Policy { any_port: true, ..Policy::default() });
    for (port, admitted) in [(0, 0), (7, 0), (1023, 0), (1024, 3), (65535, 3)] {
        let peer = SocketAddr::new(address(OUTSIDE).ip(), port);
        assert_eq!(strict.admit(ms(0), peer, 3), admitted, "port {port}");
        assert_eq!(lax.admit(ms(0), peer, 3), 3, "port {port}");
    }
    assert_eq!(strict.refused().of(Reason::ReservedPort), 9);
}

#[test]
fn a_request_from_the_servers_own_address_is_never_answered() {
    let policy = Policy { any_port: true, ..Policy::default() };
    let mut one = guard("echo", policy);
    for own in ["127.0.0.1:3000", "[::ffff:127.0.0.1]:3000"] {
        assert_eq!(one.admit(ms(0), address(own), 2), 0);
    }
    assert_eq!(one.admit(ms(0), address("127.0.0.1:3001"), 2), 2);
    assert_eq!(one.admit(ms(0), address("127.0.0.2:3000"), 2), 2);
    assert_eq!(one.refused().of(Reason::OwnAddress), 4);

    let mut any = Guard::new(policy, find("echo").unwrap(), &[address("[::]:3000")]);
    for own in ["127.0.0.1:3000", "[::1]:3000", "[::ffff:127.8.8.8]:3000"] {
        assert_eq!(any.admit(ms(0), address(own), 2), 0);
    }
    assert_eq!(any.admit(ms(0), address("192.0.2.7:3000"), 2), 2);
}

#[test]
fn a_service_that_never_answers_sees_everything() {
    let mut guard = guard("discard", per_second(1));
    assert_eq!(guard.admit(ms(0), address("192.0.2.7:7"), 500), 500);
    assert_eq!(guard.admit(ms(0), address("127.0.0.1:3000"), 500), 500);
}

#[test]
fn an_unchanged_text_is_answered_32_times_and_then_twice_a_second() {
    let mut guard = guard("echo", Policy::default());
    assert_eq!(released(&mut guard, ms(0), LOOPBACK, b"ping", 100), 32);
    assert_eq!(released(&mut guard, ms(1_000), LOOPBACK, b"ping", 100), 2);
    assert_eq!(guard.refused().of(Reason::Loop), 166);
    assert_eq!(released(&mut guard, ms(1_000), LOOPBACK, b"pong", 100), 32, "other bytes");
    assert_eq!(released(&mut guard, ms(1_000), "127.0.0.1:40001", b"ping", 100), 32, "other port");
    assert_eq!(released(&mut guard, ms(1_000), "127.0.0.2:40000", b"ping", 100), 32, "other peer");
}

#[test]
fn a_health_check_that_repeats_one_text_every_second_is_served_for_ever() {
    let mut guard = guard("echo", Policy::default());
    for second in 0..100_000 {
        assert_eq!(released(&mut guard, ms(1_000 * second), OUTSIDE, b"alive?", 1), 1);
    }
}

#[test]
fn a_changed_answer_is_never_held_back_by_the_loop_rule() {
    let mut guard = guard("upper", Policy::default());
    for _ in 0..10_000 {
        assert_eq!(guard.release(ms(0), address(LOOPBACK), 3, b"ABC", true), Release::Yes);
    }
}

#[test]
fn a_generating_service_answers_a_peer_64_times_and_then_eight_times_a_second() {
    let mut guard = guard("qotd", Policy::default());
    let mut count = |now, peer: &str| {
        (0..200u8)
            .filter(|n| guard.release(now, address(peer), 1, &[*n; 3], true) == Release::Yes)
            .count()
    };
    assert_eq!(count(ms(0), LOOPBACK), 64);
    assert_eq!(count(ms(0), "127.0.0.1:40001"), 64);
    assert_eq!(count(ms(1_000), LOOPBACK), 8);
}

#[test]
fn three_hundred_thousand_different_requests_a_second_are_all_answered() {
    for peer in [LOOPBACK, "[::ffff:127.0.0.1]:40000", "[::1]:40000"] {
        let peer = address(peer);
        let mut guard = guard("echo", Policy::default());
        for number in 0..600_000u32 {
            let now = Duration::from_nanos(u64::from(number) * 1_000_000_000 / 300_000);
            let text = number.to_be_bytes();
            assert_eq!(guard.admit(now, peer, 1), 1);
            assert_eq!(guard.release(now, peer, 4, &text, false), Release::Yes, "{number}");
        }
        assert_eq!(guard.refused().total(), 0);
    }
}

#[test]
fn a_flood_of_other_requests_does_not_keep_a_loop_alive() {
    // 300,000 different requests a second pass while one datagram goes round 20,000 times a second.
    let mut guard = guard("echo", Policy::default());
    let (client, mirror) = (address(LOOPBACK), address("127.0.0.1:50000"));
    let mut number = 0u64;
    for round in 0..20_000u64 {
        let now = Duration::from_micros(50 * round);
        for _ in 0..15 {
            number += 1;
            assert_eq!(guard.release(now, client, 8, &number.to_be_bytes(), false), Release::Yes);
        }
        if guard.release(now, mirror, 4, b"loop", false) == Release::No {
            assert!(round < 200, "the loop lived for {round} rounds");
            return;
        }
    }
    panic!("the loop never ran dry");
}

/// Starts so many loops that share 300,000 rounds a second, and returns the seconds until the last
/// one ends.
fn loops_until_silence(loops: u32) -> u64 {
    let mut guard = guard("echo", Policy::default());
    let peer = address(LOOPBACK);
    let mut alive: Vec<u32> = (0..loops).collect();
    let mut now = Duration::ZERO;
    while !alive.is_empty() && now < Duration::from_secs(300) {
        alive.retain(|text| {
            now += Duration::from_nanos(3_333);
            guard.release(now, peer, 4, &text.to_be_bytes(), false) == Release::Yes
        });
    }
    assert!(alive.is_empty(), "{} of {loops} loops live", alive.len());
    now.as_secs()
}

#[test]
fn thousands_of_loops_at_once_end_within_seconds() {
    // More than two sockets with the default receive buffer hold at once, twice over.
    assert!(loops_until_silence(1_000) < 1);
    assert!(loops_until_silence(10_000) < 3);
}

#[test]
fn more_loops_than_there_are_places_still_end() {
    let seconds = loops_until_silence(2 * LOOP_KEYS as u32);
    assert!(seconds < 60, "{seconds} s");
}

#[test]
fn the_default_rate_holds_outside_loopback_and_per_address_not_per_port() {
    let mut guard = guard("upper", Policy::default());
    assert_eq!(guard.admit(ms(0), address(LOOPBACK), 1_000_000), 1_000_000);
    assert_eq!(guard.admit(ms(0), address("[::1]:40000"), 1_000_000), 1_000_000);
    assert_eq!(guard.admit(ms(0), address(OUTSIDE), 6_000), 6_000);
    assert_eq!(guard.admit(ms(0), address("192.0.2.7:40001"), 6_000), 4_000);
    assert_eq!(guard.admit(ms(0), address("192.0.2.8:40000"), 6_000), 6_000);
    assert_eq!(guard.admit(ms(500), address(OUTSIDE), 10_000), 5_000);
    assert_eq!(guard.admit(ms(9_500), address(OUTSIDE), 50_000), 10_000);
    assert_eq!(guard.refused().of(Reason::Rate), 2_000 + 5_000 + 40_000);
}

#[test]
fn addresses_of_one_ipv6_64_share_a_rate() {
    let mut guard = guard("upper", per_second(10));
    assert_eq!(guard.admit(ms(0), address("[2001:db8:1:2::1]:4000"), 8), 8);
    assert_eq!(guard.admit(ms(0), address("[2001:db8:1:2:ffff::9]:4000"), 8), 2);
    assert_eq!(guard.admit(ms(0), address("[2001:db8:1:3::1]:4000"), 8), 8);
}

#[test]
fn a_rate_that_was_asked_for_holds_on_loopback_and_unlimited_nowhere() {
    let mut limited = guard("upper", per_second(5));
    assert_eq!(limited.admit(ms(0), address(LOOPBACK), 9), 5);
    assert_eq!(limited.admit(ms(0), address("[::ffff:127.0.0.1]:1999"), 9), 0, "one address");
    let policy = Policy { max_rate: MaxRate::Unlimited, any_port: false };
    assert_eq!(guard("upper", policy).admit(ms(0), address(OUTSIDE), 1_000_000), 1_000_000);
}

#[test]
fn a_crowd_of_forged_addresses_does_not_wash_out_one_that_is_over_its_rate() {
    let mut guard = guard("upper", per_second(100));
    assert_eq!(guard.admit(ms(0), address(OUTSIDE), 200), 100);
    for forged in 0..500_000u32 {
        let peer = SocketAddr::new(IpAddr::V4((0x0a00_0000 + forged).into()), 5_000);
        assert_eq!(guard.admit(ms(0), peer, 1), 1, "a new address is answered");
    }
    assert_eq!(guard.admit(ms(0), address(OUTSIDE), 200), 0);
}

#[test]
fn outside_loopback_nobody_is_sent_more_than_three_times_what_he_sent() {
    let answer = |service: &str, peer: &str, request_len, answer_len| {
        guard(service, Policy::default()).release(
            ms(0),
            address(peer),
            request_len,
            &vec![b'x'; answer_len],
            true,
        )
    };
    for service in ["qotd", "daytime", "time"] {
        assert_eq!(answer(service, OUTSIDE, 10, 30), Release::Yes);
        assert_eq!(answer(service, OUTSIDE, 10, 31), Release::No, "half an answer is a wrong one");
        assert_eq!(answer(service, OUTSIDE, 0, 4), Release::No);
    }
    assert_eq!(answer("chargen", OUTSIDE, 10, 444), Release::Cut(30));
    assert_eq!(answer("chargen", OUTSIDE, 148, 444), Release::Yes);
    assert_eq!(answer("chargen", OUTSIDE, 0, 444), Release::No);
    for peer in [LOOPBACK, "[::1]:40000", "[::ffff:127.0.0.1]:40000"] {
        assert_eq!(answer("chargen", peer, 0, 444), Release::Yes);
    }
    assert_eq!(answer("chargen", "[::ffff:192.0.2.7]:40000", 10, 444), Release::Cut(30));
}

#[test]
fn what_is_refused_for_its_length_costs_no_token() {
    let mut guard = guard("time", Policy::default());
    for _ in 0..1_000 {
        assert_eq!(guard.release(ms(0), address(OUTSIDE), 0, &[0; 4], true), Release::No);
    }
    assert_eq!(guard.release(ms(0), address(OUTSIDE), 2, &[0; 4], true), Release::Yes);
    assert_eq!(guard.refused().of(Reason::Amplification), 1_000);
}

#[test]
fn two_guards_do_not_share_a_seed() {
    let key = |guard: &Guard| exchange_key(&guard.seed, address(LOOPBACK), b"text");
    let policy = Policy::default();
    assert_ne!(key(&guard("echo", policy)), key(&guard("echo", policy)));
}

proptest! {
    #[test]
    fn no_peer_outside_loopback_is_sent_more_than_its_share_whatever_it_does(
        service in prop::sample::select(vec!["chargen", "qotd", "daytime", "time", "echo"]),
        events in prop::collection::vec(
            (0..300u64, 0..200usize, 0..600usize, any::<bool>()),
            0..100,
        ),
    ) {
        let mut guard = guard(service, Policy::default());
        let generated = find(service).unwrap().reply == ReplyKind::Generated;
        let (mut now, mut answers) = (0, 0u64);
        for (pause, request_len, answer_len, changed) in events {
            now += pause;
            let answer_len = if service == "echo" { request_len } else { answer_len };
            let answer = vec![0; answer_len];
            let release =
                guard.release(ms(now), address(OUTSIDE), request_len, &answer, changed);
            let sent = match release {
                Release::Yes => answer_len,
                Release::Cut(length) => {
                    prop_assert!(0 < length && length < answer_len);
                    length
                }
                Release::No => continue,
            };
            prop_assert!(sent <= 3 * request_len);
            answers += 1;
            if generated {
                prop_assert!(answers * 1_000 <= 64_000 + now * 8);
            }
        }
    }
}
