//! Two sides with a bad network between them.

use super::*;
use crate::tls::another;

/// Two sides, simulated time, and a network that loses and reorders by a fixed pattern.
struct World {
    sides: [Conversation; 2],
    now: Instant,
    /// Each so-manyth datagram is lost; 0 loses none.
    loses: usize,
    sent: usize,
    heard: [Vec<Vec<u8>>; 2],
}

impl World {
    fn new(trust: Trust, host: &str, loses: usize) -> Self {
        let now = Instant::now();
        let settings = Settings { trust, ..Settings::default() };
        let client = Conversation::client(&settings, host, now).unwrap();
        let server = Conversation::server(&Identity::make().unwrap(), now).unwrap();
        Self { sides: [client, server], now, loses, sent: 0, heard: Default::default() }
    }

    /// Until nothing more is on its way.
    fn exchange(&mut self) {
        loop {
            let mut quiet = true;
            for from in [0, 1] {
                let mut batch = Vec::new();
                while let Some(datagram) = self.sides[from].poll_datagram() {
                    self.sent += 1;
                    if self.loses == 0 || !self.sent.is_multiple_of(self.loses) {
                        batch.push(datagram);
                    }
                }
                quiet &= batch.is_empty();
                // The last first.
                for datagram in batch.into_iter().rev() {
                    self.sides[1 - from].handle_datagram(&datagram, self.now);
                }
                while let Some(message) = self.sides[1 - from].poll_message() {
                    self.heard[1 - from].push(message);
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Lets time pass until both are established, or one gives up.
    fn meet(&mut self) {
        for _ in 0..1_000 {
            self.exchange();
            let is_over = |side: &Conversation| side.is_established() || side.failure().is_some();
            if self.sides.iter().all(is_over) || self.sides[0].failure().is_some() {
                return;
            }
            self.now += Duration::from_millis(100);
            for side in &mut self.sides {
                if side.poll_timeout().is_some_and(|at| at <= self.now) {
                    side.handle_timeout(self.now);
                }
            }
        }
        panic!("it never ended");
    }
}

#[test]
fn messages_are_kept_and_an_end_is_heard() {
    let mut world = World::new(Trust::Anyone, "localhost", 0);
    world.meet();
    assert!(world.sides.iter().all(Conversation::is_established));
    let long = vec![7; MESSAGE_MAX];
    for message in [&b"one"[..], b"", &long] {
        world.sides[0].send(message);
        world.sides[1].send(message);
        world.exchange();
    }
    assert_eq!(world.heard[0].len(), world.heard[1].len());
    assert!(world.heard[1].contains(&b"one".to_vec()) && world.heard[1].contains(&long));
    assert_eq!(world.sides[0].peer().unwrap().subject, "CN=localhost");
    world.sides[0].close();
    world.exchange();
    assert!(world.sides[1].has_ended());
}

#[test]
fn a_handshake_comes_through_a_network_that_loses_and_reorders() {
    for loses in [3, 4, 5, 7] {
        let mut world = World::new(Trust::Anyone, "localhost", loses);
        world.meet();
        let failures: Vec<_> = world.sides.iter().map(Conversation::failure).collect();
        assert!(world.sides.iter().all(Conversation::is_established), "{loses}: {failures:?}");
    }
}

#[test]
fn a_certificate_is_checked_before_anything_is_said() {
    let mut world = World::new(another(), "localhost", 0);
    world.meet();
    let failure = world.sides[0].failure().unwrap().to_string();
    assert_eq!(failure, "its certificate was signed by nobody but itself");
    assert!(!world.sides[0].is_established());
    world.sides[0].send(b"secret");
    assert!(world.sides[0].poll_datagram().is_none());
}

#[test]
fn a_peer_that_answers_nothing_is_given_up_in_time() {
    let mut world = World::new(Trust::Anyone, "localhost", 1);
    world.meet();
    let failure = world.sides[0].failure().unwrap().to_string();
    assert_eq!(failure, "TLS with it failed: its handshake came to no end in time");
}

#[test]
fn nonsense_is_passed_over() {
    let mut world = World::new(Trust::Anyone, "localhost", 0);
    for nonsense in [&b""[..], b"hello", &[22, 254, 253, 0, 0], &[0xff; 1_500]] {
        for side in &mut world.sides {
            side.handle_datagram(nonsense, world.now);
        }
    }
    world.meet();
    assert!(world.sides.iter().all(Conversation::is_established));
}
