//! A server and clients with a bad network between them.

use std::time::Duration;

use super::*;
use crate::tls::{Identity, Trust, another};

/// A server, a client, simulated time, and a network that loses each so-manyth datagram.
struct World {
    ends: [Endpoint; 2],
    now: Instant,
    loses: usize,
    sent: usize,
    id: [Option<Id>; 2],
    heard: [Vec<u8>; 2],
    ended: [bool; 2],
}

const ADDRESSES: [&str; 2] = ["192.0.2.1:4433", "192.0.2.2:4433"];

fn settings(protocols: &[&str]) -> ServerSettings {
    let protocols = protocols.iter().map(|name| (*name).to_owned()).collect();
    ServerSettings { identity: Identity::make().unwrap(), ciphers: None, protocols }
}

impl World {
    fn new(trust: Trust, loses: usize, protocols: [&[&str]; 2]) -> Self {
        let now = Instant::now();
        let server = Endpoint::server(&settings(protocols[1])).unwrap();
        let mut client = Endpoint::client();
        let offered: Vec<_> = protocols[0].iter().map(|name| (*name).to_owned()).collect();
        let settings = Settings { trust, ..Settings::default() };
        let peer = ADDRESSES[1].parse().unwrap();
        let id = client.connect(&settings, "localhost", &offered, peer, now).unwrap();
        Self {
            ends: [client, server],
            now,
            loses,
            sent: 0,
            id: [Some(id), None],
            heard: Default::default(),
            ended: [false; 2],
        }
    }

    fn exchange(&mut self) {
        let mut datagram = Vec::new();
        loop {
            let mut quiet = true;
            for from in [0, 1] {
                while let Some(to) = self.ends[from].poll_transmit(self.now, &mut datagram) {
                    quiet = false;
                    self.sent += 1;
                    assert_eq!(to.to_string(), ADDRESSES[1 - from]);
                    if self.loses == 0 || !self.sent.is_multiple_of(self.loses) {
                        let source = ADDRESSES[from].parse().unwrap();
                        self.ends[1 - from].handle_datagram(source, &datagram, self.now);
                    }
                }
                if self.id[1].is_none() {
                    self.id[1] = self.ends[1].poll_arrival();
                }
                self.hear(from);
            }
            if quiet {
                return;
            }
        }
    }

    fn hear(&mut self, side: usize) {
        let Some(id) = self.id[side] else { return };
        let mut buffer = [0; 5_000];
        while !self.ended[side] {
            match self.ends[side].read(id, &mut buffer) {
                Ok(Read::Text(count)) => self.heard[side].extend_from_slice(&buffer[..count]),
                Ok(Read::Ended) => self.ended[side] = true,
                Ok(Read::Nothing) | Err(_) => return,
            }
        }
    }

    /// Lets time pass until it is so.
    fn until(&mut self, done: impl Fn(&mut Self) -> bool) {
        for _ in 0..20_000 {
            self.exchange();
            if done(self) {
                return;
            }
            self.now += Duration::from_millis(5);
            for end in &mut self.ends {
                if end.poll_timeout().is_some_and(|at| at <= self.now) {
                    end.handle_timeout(self.now);
                }
            }
        }
        panic!("it never happened");
    }

    fn meet(&mut self) {
        self.until(|world| {
            [0, 1]
                .into_iter()
                .all(|side| world.id[side].is_some_and(|id| world.ends[side].is_established(id)))
        });
    }

    fn say(&mut self, from: usize, mut text: &[u8]) {
        let id = self.id[from].unwrap();
        while !text.is_empty() {
            let count = self.ends[from].write(id, text).unwrap();
            text = &text[count..];
            if count == 0 {
                let mut tries = 0;
                self.exchange();
                self.now += Duration::from_millis(5);
                for end in &mut self.ends {
                    end.handle_timeout(self.now);
                }
                tries += 1;
                assert!(tries < 10_000);
            }
        }
    }
}

#[test]
fn text_goes_both_ways_through_any_network_whoever_speaks_first() {
    let text: Vec<u8> = (0..200_000_u32).map(|n| (n >> 3) as u8).collect();
    for loses in [0, 7] {
        for order in [&[0][..], &[1], &[0, 1], &[1, 0]] {
            let mut world = World::new(Trust::Anyone, loses, [&[], &[]]);
            world.meet();
            for from in order {
                world.say(*from, &text);
                let id = world.id[*from].unwrap();
                world.ends[*from].finish(id);
            }
            for from in [0, 1].into_iter().filter(|from| !order.contains(from)) {
                let length = text.len();
                world.until(|world| world.heard[from].len() == length && world.ended[from]);
                // The other answers when it has heard the end.
                world.say(from, b"thanks");
                let id = world.id[from].unwrap();
                world.ends[from].finish(id);
            }
            world.until(|world| world.ended == [true, true]);
            for to in [0, 1] {
                let wanted: &[u8] = if order.contains(&(1 - to)) { &text } else { b"thanks" };
                assert!(world.heard[to] == wanted, "{order:?} {loses}");
            }
            let ids = world.id;
            world.until(|world| {
                [0, 1].into_iter().all(|side| world.ends[side].is_acknowledged(ids[side].unwrap()))
            });
            for side in [0, 1] {
                let now = world.now;
                world.ends[side].drop_connection(ids[side].unwrap(), now);
            }
            world.id = [None, Some(ids[1].unwrap())];
            world.until(|world| world.ends.iter().all(Endpoint::is_idle));
        }
    }
}

#[test]
fn what_was_agreed_on_can_be_told() {
    let mut world = World::new(Trust::Anyone, 0, [&["a", "b"], &["b"]]);
    world.meet();
    let id = world.id[0].unwrap();
    assert_eq!(world.ends[0].protocol(id), Some(b"b".to_vec()));
    assert_eq!(world.ends[0].certificate(id).unwrap().subject, "CN=localhost");
    let mut world = World::new(Trust::Anyone, 0, [&[], &[]]);
    world.meet();
    assert_eq!(world.ends[1].protocol(world.id[1].unwrap()), Some(PROTOCOL.as_bytes().to_vec()));
}

#[test]
fn each_fault_of_the_handshake_has_its_words() {
    for (trust, protocols, loses, said) in [
        (another(), [&[][..], &[]], 0, "its certificate was signed by nobody but itself"),
        (Trust::Anyone, [&["a"][..], &["b"]], 0, "it refused the TLS handshake: "),
        (Trust::Anyone, [&[][..], &[]], 1, "TLS with it failed: nobody answered its handshake"),
    ] {
        let mut world = World::new(trust, loses, protocols);
        let id = world.id[0].unwrap();
        world.until(|world| world.ends[0].check(id).is_err());
        let error = world.ends[0].check(id).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_connection_that_is_closed_before_its_end_was_cut() {
    let mut world = World::new(Trust::Anyone, 0, [&[], &[]]);
    world.meet();
    world.say(0, b"half");
    let (id, now) = (world.id[0].unwrap(), world.now);
    world.until(|world| world.heard[1] == b"half");
    world.ends[0].drop_connection(id, now);
    let other = world.id[1].unwrap();
    world.id[0] = None;
    world.until(|world| world.ends[1].check(other) == Err(TlsError::Cut));
}

#[test]
fn a_peer_that_reads_nothing_is_not_written_to_without_end() {
    let mut world = World::new(Trust::Anyone, 0, [&[], &[]]);
    world.meet();
    let id = world.id[0].unwrap();
    let reader = world.id[1].take();
    let mut taken = 0;
    for _ in 0..2_000 {
        taken += world.ends[0].write(id, &[0; 10_000]).unwrap();
        world.now += Duration::from_millis(1);
        for end in &mut world.ends {
            end.handle_timeout(world.now);
        }
        world.exchange();
        world.id[1] = None;
    }
    assert!(taken <= 4 << 20, "{taken}");
    world.id[1] = reader;
    world.until(|world| world.heard[1].len() == taken);
}

#[test]
fn nonsense_and_strangers_above_the_cap_are_not_kept() {
    let now = Instant::now();
    let mut server = Endpoint::server(&settings(&[])).unwrap();
    let mut datagram = Vec::new();
    for nonsense in [&b""[..], b"hello", &[0xff; 1_200], &[0xc0, 0, 0, 0, 1, 0, 0, 0]] {
        server.handle_datagram("192.0.2.1:1".parse().unwrap(), nonsense, now);
    }
    for port in 1..=2 * ARRIVALS as u16 {
        let mut client = Endpoint::client();
        let settings = Settings { trust: Trust::Anyone, ..Settings::default() };
        client.connect(&settings, "x", &[], "192.0.2.2:1".parse().unwrap(), now).unwrap();
        client.poll_transmit(now, &mut datagram).unwrap();
        server.handle_datagram(SocketAddr::new([192, 0, 2, 1].into(), port), &datagram, now);
    }
    assert_eq!(std::iter::from_fn(|| server.poll_arrival()).count(), ARRIVALS);
}

#[test]
fn a_connection_that_is_over_is_not_taken_for_the_next_one() {
    let mut world = World::new(Trust::Anyone, 0, [&[], &[]]);
    world.meet();
    let (first, now) = (world.id[0].unwrap(), world.now);
    world.ends[0].drop_connection(first, now);
    let other = world.id[1].unwrap();
    world.id[0] = None;
    world.until(|world| world.ends[0].is_idle());
    // The server's end of it is over too, but somebody still holds it.
    world.now += Duration::from_secs(60);
    world.ends[1].handle_timeout(world.now);
    world.exchange();
    let settings = Settings { trust: Trust::Anyone, ..Settings::default() };
    let (peer, now) = (ADDRESSES[1].parse().unwrap(), world.now);
    let second = world.ends[0].connect(&settings, "localhost", &[], peer, now).unwrap();
    world.id = [Some(second), None];
    world.meet();
    assert_ne!(world.id[1], Some(other));
    assert_eq!(world.ends[1].check(other), Err(TlsError::Cut));
    assert_eq!(world.ends[1].check(world.id[1].unwrap()), Ok(()));
    // Once nobody holds it, it is gone.
    world.ends[1].drop_connection(other, now);
    world.exchange();
    assert_eq!(world.ends[1].conversations.len(), 1);
}
