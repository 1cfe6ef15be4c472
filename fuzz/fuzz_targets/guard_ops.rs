//! The guard under any sequence of datagrams and pauses: it lets out no more than its rates and factors allow, and it
//! counts what it refuses.

#![no_main]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use callbox_services::guard::{
    GENERATED_BURST, GENERATED_REFILL, LOOP_BURST, LOOP_REFILL, MAX_AMPLIFICATION,
};
use callbox_services::{Guard, MaxRate, Policy, Release, ReplyKind, TABLE};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

/// Few of them, so that no bucket is ever given up for want of room and the bounds hold exactly.
const HOSTS: [&str; 4] = ["192.0.2.7", "198.51.100.9", "2001:db8::1", "127.0.0.1"];
const OWN: &str = "127.0.0.1:3000";

#[derive(Arbitrary, Debug)]
enum Op {
    Admit { host: u8, port: u16, count: u8 },
    Release { host: u8, asked: u8, answer: u8, changed: bool },
    Elapse(u16),
}

#[derive(Arbitrary, Debug)]
struct Input {
    service: u8,
    max_rate: Option<NonZeroU32>,
    any_port: bool,
    ops: Vec<Op>,
}

fuzz_target!(|input: Input| {
    let service = &TABLE[usize::from(input.service) % TABLE.len()];
    let max_rate = input.max_rate.map_or(MaxRate::Default, MaxRate::PerSecond);
    let policy = Policy { max_rate, any_port: input.any_port };
    let own: SocketAddr = OWN.parse().expect("an address");
    let mut guard = Guard::new(policy, service, &[own]);
    let mut now = Duration::ZERO;
    let mut admitted: BTreeMap<IpAddr, u64> = BTreeMap::new();
    let mut same: BTreeMap<(SocketAddr, usize), u64> = BTreeMap::new();
    for op in input.ops {
        let before = guard.refused().total();
        match op {
            Op::Elapse(ms) => now += Duration::from_millis(ms.into()),
            Op::Admit { host, port, count } => {
                let (peer, count) = (peer(host, port), usize::from(count));
                let n = guard.admit(now, peer, count);
                assert!(n <= count);
                assert_eq!(guard.refused().total() - before, (count - n) as u64);
                if service.reply == ReplyKind::None {
                    continue;
                }
                if peer == own || port < 1024 && !policy.any_port {
                    assert_eq!(n, 0);
                }
                let so_far = admitted.entry(peer.ip()).or_default();
                *so_far += n as u64;
                if let Some(rate) = input.max_rate {
                    assert!(*so_far <= at_most(rate.get(), rate.get(), now));
                }
            }
            Op::Release { host, asked, answer, changed } => {
                let peer = peer(host, 40_000);
                let asked = usize::from(asked);
                // Four lengths, for the same reason as four hosts.
                let answer = &[b'x'; 256][..usize::from(answer & 3) * 60];
                let bound = asked * MAX_AMPLIFICATION;
                let free = peer.ip().is_loopback() || !service.longer;
                let verdict = guard.release(now, peer, asked, answer, changed);
                let refused = guard.refused().total() - before;
                assert_eq!(refused, u64::from(verdict == Release::No));
                match verdict {
                    Release::Yes => assert!(free || answer.len() <= bound),
                    Release::Cut(length) => {
                        assert!(service.divisible && !free);
                        assert!(length == bound && length < answer.len());
                    }
                    Release::No => continue,
                }
                let (key, burst, refill) = match service.reply {
                    ReplyKind::Transform if changed => continue,
                    ReplyKind::Transform => (answer.len(), LOOP_BURST, LOOP_REFILL),
                    ReplyKind::Generated => (0, GENERATED_BURST, GENERATED_REFILL),
                    ReplyKind::None => (0, LOOP_BURST, LOOP_REFILL),
                };
                let so_far = same.entry((peer, key)).or_default();
                *so_far += 1;
                assert!(*so_far <= at_most(burst, refill, now));
            }
        }
    }
});

fn peer(host: u8, port: u16) -> SocketAddr {
    let host = HOSTS[usize::from(host) % HOSTS.len()];
    SocketAddr::new(host.parse().expect("an address"), port)
}

/// What a bucket can have given since the beginning.
fn at_most(burst: u32, refill: u32, now: Duration) -> u64 {
    let back = u128::from(refill) * now.as_millis() / 1_000;
    u64::from(burst) + u64::try_from(back).unwrap_or(u64::MAX)
}
