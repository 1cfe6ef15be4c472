//! The guard: decides what a datagram's sender may be answered.
//!
//! A datagram's source address can be forged, so a server that answers anything can be set on a
//! third party, or on another server that answers anything, and the two then talk for ever
//! (CVE-2024-2169). The defence rests on one observation: **a loop feeds on datagrams that the
//! service returns unchanged.** A service that changes what it gets soon has nothing left to
//! change: raising `abc` gives `ABC`, and raising that gives `ABC` again. So an answer that differs
//! from its question passes without a look, and one that does not draws on a bucket of tokens that
//! belongs to this peer and these bytes. A client that sends different requests never meets the
//! limit, a health check that repeats one stays within the refill, and a datagram that goes round
//! runs its bucket dry in a fraction of a second; refused once, it has left the loop.
//!
//! A service whose answers are its own (chargen, qotd, daytime, time) answers anything, and what it
//! gets next may differ each time. There the bucket belongs to the peer alone.
//!
//! What the guard cannot tell: a foreign server that changes text back, say to small letters, or
//! that makes up its own, and has no guard. Against that stands the rate per address, which by
//! default is unlimited on loopback.
//!
//! Memory is two tables of fixed size, allocated when the guard is made. A thread has a guard of
//! its own; the kernel gives every datagram of one source and destination to the same socket, so a
//! loop stays with one guard.

mod buckets;
mod refused;

pub use refused::{Reason, Refused};

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::table::{ReplyKind, Service};
use buckets::{Buckets, Terms};

/// Answers a second that an address outside loopback gets unless told otherwise: more than a person
/// or a script over a network asks for, and at 64 bytes about 5 Mbit/s, too little to hurt whoever
/// owns a forged address.
pub const DEFAULT_OUTSIDE: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// Unchanged answers to one peer and one text before they are rationed. A person or a script may
/// well repeat itself a dozen times; thirty-two rounds of a loop are over in 2 ms on loopback.
pub const LOOP_BURST: u32 = 32;

/// Unchanged answers a second after that: twice what a health check needs that sends one text every
/// second. A loop so slow that it comes round less often than this goes on, and harms nobody.
pub const LOOP_REFILL: u32 = 2;

/// Answers of a generating service to one peer before they are rationed. Nobody reads the time 64
/// times in a row.
pub const GENERATED_BURST: u32 = 64;

/// Answers of a generating service a second after that.
pub const GENERATED_REFILL: u32 = 8;

/// The most bytes that a peer outside loopback is sent for each byte that it sent (RFC 9000,
/// section 8.1, has the same factor for peers whose address is not proven).
pub const MAX_AMPLIFICATION: usize = 3;

/// The first source port that a client is given; below it live services (RFC 6335, section 6).
const FIRST_CLIENT_PORT: u16 = 1024;

/// Exchanges that are remembered: 512 KiB. A loop on loopback comes round every 50 µs and even
/// 300,000 other requests a second leave it alone, since they displace each other.
const LOOP_KEYS: usize = 32_768;

/// After this long without another round a loop has ended. Across an ocean a round takes 0.3 s.
const LOOP_SETTLED_MS: u32 = 500;

/// Addresses whose rate is remembered: 256 KiB. An address seen beyond that has a full bucket, as a
/// new one has; forging many addresses thus gives each of them its rate and takes none from others,
/// nor does it wash out one that is over its rate, for the fullest bucket is given up first.
const RATE_KEYS: usize = 16_384;

/// A bucket of one second's answers is full again after a second.
const RATE_SETTLED_MS: u32 = 1_000;

/// What the operator allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Answers per second per address (of IPv6 per /64, since a host commonly has a whole one;
    /// ports do not count).
    pub max_rate: MaxRate,
    /// Answers source ports below 1024 too.
    pub any_port: bool,
}

/// A limit on answers per second and address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxRate {
    /// None on loopback, [`DEFAULT_OUTSIDE`] elsewhere.
    #[default]
    Default,
    /// None at all.
    Unlimited,
    /// So many, on loopback too.
    PerSecond(NonZeroU32),
}

/// Whether an answer may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It may.
    Yes,
    /// Its first bytes may, so many of them.
    Cut(usize),
    /// It may not.
    No,
}

/// The guard of one datagram service on one thread.
#[derive(Debug)]
pub struct Guard {
    any_port: bool,
    reply: ReplyKind,
    /// The service's answers can be longer than their questions.
    longer: bool,
    divisible: bool,
    own: Box<[SocketAddr]>,
    rate: Option<Rate>,
    loops: Buckets,
    /// Unknown to any peer, so that none can choose keys that meet in one place of a table.
    seed: SharedSeed,
    refused: Refused,
}

#[derive(Debug)]
struct Rate {
    on_loopback: bool,
    buckets: Buckets,
}

impl Guard {
    /// A guard for `service` on a server that answers on the addresses `own`.
    ///
    /// For a wildcard such as `0.0.0.0:3000` the caller adds the addresses of the machine's
    /// interfaces with that port; the loopback addresses are understood.
    pub fn new(policy: Policy, service: &Service, own: &[SocketAddr]) -> Self {
        let terms = match service.reply {
            ReplyKind::Generated => (GENERATED_BURST, GENERATED_REFILL),
            ReplyKind::Transform | ReplyKind::None => (LOOP_BURST, LOOP_REFILL),
        };
        let loop_keys = if service.reply == ReplyKind::None { 0 } else { LOOP_KEYS };
        Self {
            any_port: policy.any_port,
            reply: service.reply,
            longer: service.longer,
            divisible: service.divisible,
            own: own
                .iter()
                .map(|own| SocketAddr::new(own.ip().to_canonical(), own.port()))
                .collect(),
            rate: Rate::new(policy.max_rate),
            loops: Buckets::new(
                loop_keys,
                Terms { burst: terms.0, refill: terms.1, settled_after: LOOP_SETTLED_MS },
            ),
            seed: SharedSeed::from_u64(RandomState::new().hash_one(())),
            refused: Refused::default(),
        }
    }

    /// Before the service runs, once per run of `count` datagrams from `peer` (a run of one
    /// included): how many of them, from the first, may be shown to the service. The others are
    /// dropped.
    ///
    /// A service that never answers may see everything. For the rate each datagram admitted counts
    /// as an answer. `now` is the time since any fixed start.
    #[inline]
    pub fn admit(&mut self, now: Duration, peer: SocketAddr, count: usize) -> usize {
        if self.reply == ReplyKind::None {
            return count;
        }
        if peer.port() < FIRST_CLIENT_PORT && !self.any_port {
            self.refused.add(Reason::ReservedPort, count);
            return 0;
        }
        let address = peer.ip().to_canonical();
        if self.is_own(address, peer.port()) {
            self.refused.add(Reason::OwnAddress, count);
            return 0;
        }
        match &mut self.rate {
            Some(rate) if rate.on_loopback || !address.is_loopback() => {
                let admitted = rate.buckets.take(now, rate_key(&self.seed, address), count);
                self.refused.add(Reason::Rate, count - admitted);
                admitted
            }
            _ => count,
        }
    }

    /// After the service ran: may `answer` leave for `peer`, whose question had `request_len`
    /// bytes?
    ///
    /// `changed` is false when the answer is the question, byte for byte.
    #[inline]
    pub fn release(
        &mut self,
        now: Duration,
        peer: SocketAddr,
        request_len: usize,
        answer: &[u8],
        changed: bool,
    ) -> Release {
        let allowed = self.allowed_length(peer, request_len, answer.len());
        if allowed < answer.len() && (allowed == 0 || !self.divisible) {
            self.refused.add(Reason::Amplification, 1);
            return Release::No;
        }
        let key = match self.reply {
            ReplyKind::Transform if changed => return Release::Yes,
            ReplyKind::Transform => exchange_key(&self.seed, peer, answer),
            ReplyKind::Generated | ReplyKind::None => exchange_key(&self.seed, peer, &[]),
        };
        if self.loops.take(now, key, 1) == 0 {
            self.refused.add(Reason::Loop, 1);
            Release::No
        } else if allowed < answer.len() {
            Release::Cut(allowed)
        } else {
            Release::Yes
        }
    }

    /// What was refused since the guard was made.
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    fn is_own(&self, address: IpAddr, port: u16) -> bool {
        self.own.iter().any(|own| {
            let ip = own.ip();
            own.port() == port && (ip == address || ip.is_unspecified() && address.is_loopback())
        })
    }

    /// How much of an answer of `length` bytes `peer` may be sent.
    fn allowed_length(&self, peer: SocketAddr, request_len: usize, length: usize) -> usize {
        let bound = request_len.saturating_mul(MAX_AMPLIFICATION);
        if !self.longer || length <= bound || peer.ip().to_canonical().is_loopback() {
            length
        } else {
            bound
        }
    }
}

impl Rate {
    fn new(max_rate: MaxRate) -> Option<Self> {
        let (per_second, on_loopback) = match max_rate {
            MaxRate::Unlimited => return None,
            MaxRate::Default => (DEFAULT_OUTSIDE.get(), false),
            MaxRate::PerSecond(rate) => (rate.get(), true),
        };
        let terms = Terms { burst: per_second, refill: per_second, settled_after: RATE_SETTLED_MS };
        Some(Self { on_loopback, buckets: Buckets::new(RATE_KEYS, terms) })
    }
}

/// The hash of an address, or of the /64 that an IPv6 address is in.
fn rate_key(seed: &SharedSeed, address: IpAddr) -> u64 {
    let mut hasher = FoldHasher::with_seed(0, seed);
    match address {
        IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
        IpAddr::V6(address) => hasher.write_u64((address.to_bits() >> 64) as u64),
    }
    hasher.finish()
}

/// The hash of a peer and a text.
fn exchange_key(seed: &SharedSeed, peer: SocketAddr, text: &[u8]) -> u64 {
    let mut hasher = FoldHasher::with_seed(0, seed);
    match peer.ip().to_canonical() {
        IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
        IpAddr::V6(address) => hasher.write_u128(address.to_bits()),
    }
    hasher.write_u16(peer.port());
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests;
