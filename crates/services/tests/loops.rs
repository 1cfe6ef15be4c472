//! Servers set on each other by one forged datagram (CVE-2024-2169), and mirrors: both must end by
//! themselves.
//!
//! A network is simulated in which a datagram arrives 25 µs after it left, so that a loop makes
//! 20,000 rounds a second, as it does on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use callbox_services::{
    Answer, DatagramService, Guard, Policy, Reason, Release, Service, TABLE, UnixTime,
};

const FLIGHT: Duration = Duration::from_micros(25);
const SECOND: Duration = Duration::from_secs(1);

/// A service behind its guard, as the shell runs it.
struct Server {
    address: SocketAddr,
    service: Box<dyn DatagramService>,
    guard: Guard,
}

impl Server {
    fn new(service: &Service, address: &str) -> Option<Self> {
        let address = address.parse().unwrap();
        let guard = Guard::new(Policy::default(), service, &[address]);
        Some(Self { address, service: (service.datagram?)(), guard })
    }

    /// What goes back to `peer` for its datagram.
    fn answer(&mut self, now: Duration, peer: SocketAddr, question: &[u8]) -> Option<Vec<u8>> {
        if self.guard.admit(now, peer, 1) == 0 {
            return None;
        }
        let (mut datagram, mut reply) = (question.to_vec(), Vec::new());
        let unix = UnixTime(1_795_342_184 + now.as_secs());
        let (answer, changed) = match self.service.on_datagram(unix, &mut datagram, &mut reply) {
            Answer::Silence => return None,
            Answer::InPlace { changed } => (datagram, changed),
            Answer::Written => (reply, true),
        };
        match self.guard.release(now, peer, question.len(), &answer, changed) {
            Release::Yes => Some(answer),
            Release::Cut(length) => Some(answer[..length].to_vec()),
            Release::No => None,
        }
    }
}

/// Sends `forged` to `first` as if from `second` and returns how many datagrams followed and when
/// the last one did.
fn converse(first: &mut Server, second: &mut Server, forged: &[u8]) -> (u32, Duration) {
    let (mut now, mut count) = (Duration::ZERO, 0);
    let mut datagram = forged.to_vec();
    let (mut from, mut to) = (second, first);
    while now < 2 * SECOND {
        let Some(answer) = to.answer(now, from.address, &datagram) else { break };
        datagram = answer;
        count += 1;
        now += FLIGHT;
        (from, to) = (to, from);
    }
    (count, now)
}

fn datagram_services() -> impl Iterator<Item = &'static Service> {
    TABLE.iter().filter(|service| service.datagram.is_some())
}

const QUESTIONS: [&str; 5] = ["", "123", "sally", "straße ŉ ΐ", "你好"];

#[test]
fn any_two_servers_set_on_each_other_fall_silent_within_a_second() {
    let places = [
        ("127.0.0.1:3000", "127.0.0.1:3001"),
        ("[::1]:3000", "[::ffff:127.0.0.1]:3000"),
        ("192.0.2.1:3000", "198.51.100.1:3000"),
        ("[2001:db8::1]:3000", "[2001:db8::2]:3000"),
    ];
    let mut longest = 0;
    for (here, there) in places {
        for one in datagram_services() {
            for other in datagram_services() {
                for forged in QUESTIONS {
                    let mut one_server = Server::new(one, here).unwrap();
                    let mut other_server = Server::new(other, there).unwrap();
                    let (count, end) =
                        converse(&mut one_server, &mut other_server, forged.as_bytes());
                    let names = format!("{} and {} at {here}, {forged:?}", one.name, other.name);
                    assert!(end < SECOND, "{names}: not silent");
                    assert!(count <= 130, "{names}: {count} datagrams");
                    longest = longest.max(count);
                }
            }
        }
    }
    assert!(longest > 60, "the simulation does set them on each other: {longest}");
}

#[test]
fn a_server_set_on_itself_says_nothing() {
    for service in datagram_services() {
        let mut server = Server::new(service, "127.0.0.1:3000").unwrap();
        let own = server.address;
        assert_eq!(server.answer(Duration::ZERO, own, b"x"), None, "{}", service.name);
    }
}

#[test]
fn a_mirror_gets_a_bounded_number_of_answers() {
    for service in datagram_services() {
        for address in ["127.0.0.1:40000", "192.0.2.7:40000", "[2001:db8::7]:40000"] {
            for first in QUESTIONS {
                let mut server = Server::new(service, "203.0.113.1:3000").unwrap();
                let mirror = address.parse().unwrap();
                let mut datagram = first.as_bytes().to_vec();
                let mut count = 0;
                while let Some(answer) = server.answer(FLIGHT * 2 * count, mirror, &datagram) {
                    datagram = answer;
                    count += 1;
                    assert!(count <= 66, "{} to {address}", service.name);
                }
            }
        }
    }
}

#[test]
fn a_mirror_that_keeps_asking_gets_no_more_than_the_refill() {
    let mut server =
        Server::new(callbox_services::find("upper").unwrap(), "203.0.113.1:3000").unwrap();
    let mirror = "192.0.2.7:40000".parse().unwrap();
    let rounds = 10 * 2_000;
    let answered = (0..rounds)
        .filter(|round| server.answer(SECOND / 2_000 * *round, mirror, b"HELLO").is_some())
        .count();
    assert!((32..=52).contains(&answered), "{answered}");
    assert_eq!(server.guard.refused().of(Reason::Loop), u64::from(rounds) - answered as u64);
}
