//! How many connections there may be: in all, from one address, and before their door is known.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Settings;
use crate::settings::Network;

/// Counts the connections of all threads.
#[derive(Debug)]
pub(super) struct Admission {
    connections: usize,
    unopened: usize,
    per_address: usize,
    /// Who is counted among all, and by no other limit.
    exempt: Vec<Network>,
    open: AtomicUsize,
    sniffing: AtomicUsize,
    /// Those with connections, and how many: never more entries than connections. The exempt are not among them.
    addresses: Mutex<HashMap<IpAddr, usize, foldhash::quality::RandomState>>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// There are as many as there may be.
    Full,
    /// There are as many from this address as there may be.
    Address,
}

impl Admission {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            connections: settings.connections,
            unopened: settings.unopened,
            per_address: settings.per_address,
            exempt: settings.exempt.clone(),
            open: AtomicUsize::new(0),
            sniffing: AtomicUsize::new(0),
            addresses: Mutex::default(),
        }
    }

    /// How many there may be in all.
    pub(super) const fn connections(&self) -> usize {
        self.connections
    }

    /// Lets `peer` in, for as long as the permit is kept.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<Permit, Refusal> {
        let address = peer.ip().to_canonical();
        let exempt = self.exempt.iter().any(|network| network.contains(address));
        let counted = (!exempt).then(|| network(address));
        // Only one thread accepts, so what is free when it looks stays free until it takes it.
        let full = self.open.load(Ordering::Relaxed) >= self.connections;
        if full || (!exempt && self.sniffing.load(Ordering::Relaxed) >= self.unopened) {
            return Err(Refusal::Full);
        }
        if let Some(address) = counted {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let count = addresses.entry(address).or_insert(0);
            if *count >= self.per_address {
                return Err(Refusal::Address);
            }
            *count += 1;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        if !exempt {
            self.sniffing.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Permit { admission: Arc::clone(self), counted, sniffing: !exempt })
    }
}

/// What counts as one address: of IPv6 the 64 bits that one household or machine is given to choose the rest from
/// (RFC 6177 section 2).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// The right to be connected.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    counted: Option<IpAddr>,
    /// Whether it is counted among those whose door is not known.
    sniffing: bool,
}

impl Permit {
    /// The door is known.
    pub(super) fn opened(&mut self) {
        if std::mem::take(&mut self.sniffing) {
            self.admission.sniffing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.opened();
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.counted else { return };
        let mut addresses = self.admission.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, unopened: usize, per_address: usize) -> Arc<Admission> {
        let limits = Settings { connections, unopened, per_address, ..Settings::default() };
        Arc::new(Admission::new(&limits))
    }

    fn admit(admission: &Arc<Admission>, peer: &str) -> Result<Permit, Refusal> {
        admission.admit(peer.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_limit_and_loopback_has_none() {
        let admission = admission(100, 100, 2);
        let first = admit(&admission, "192.0.2.1:1").unwrap();
        let _second = admit(&admission, "[::ffff:192.0.2.1]:2").unwrap();
        assert_eq!(admit(&admission, "192.0.2.1:3").err(), Some(Refusal::Address));
        let _other = admit(&admission, "192.0.2.2:3").unwrap();
        let _loopback: Vec<_> = (1..9).map(|_| admit(&admission, "127.0.0.1:1").unwrap()).collect();
        drop(first);
        assert!(admit(&admission, "192.0.2.1:3").is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let admission = admission(100, 100, 1);
        let _first = admit(&admission, "[2001:db8::1]:1").unwrap();
        assert_eq!(admit(&admission, "[2001:db8::2]:1").err(), Some(Refusal::Address));
        assert!(admit(&admission, "[2001:db8:0:1::2]:1").is_ok());
    }

    #[test]
    fn what_is_open_makes_room_for_what_is_not() {
        let admission = admission(3, 1, 100);
        let mut first = admit(&admission, "192.0.2.1:1").unwrap();
        assert_eq!(admit(&admission, "192.0.2.1:1").err(), Some(Refusal::Full));
        first.opened();
        let mut second = admit(&admission, "192.0.2.1:1").unwrap();
        second.opened();
        let _third = admit(&admission, "192.0.2.1:1").unwrap();
        assert_eq!(admit(&admission, "192.0.2.1:1").err(), Some(Refusal::Full));
    }

    #[test]
    fn who_is_exempt_counts_among_all_and_nowhere_else() {
        let exempt = vec!["192.0.2.0/24".parse().unwrap()];
        let limits =
            Settings { connections: 4, unopened: 1, per_address: 1, exempt, ..Settings::default() };
        let admission = Arc::new(Admission::new(&limits));
        let _stranger = admit(&admission, "203.0.113.1:1").unwrap();
        let _known: Vec<_> = (1..4).map(|_| admit(&admission, "192.0.2.7:1").unwrap()).collect();
        assert_eq!(admit(&admission, "192.0.2.7:1").err(), Some(Refusal::Full));
        // Loopback is so by default alone.
        let none = Settings { unopened: 1, exempt: Vec::new(), ..Settings::default() };
        let admission = Arc::new(Admission::new(&none));
        let _first = admit(&admission, "127.0.0.1:1").unwrap();
        assert_eq!(admit(&admission, "127.0.0.1:1").err(), Some(Refusal::Full));
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let admission = admission(3, 3, 3);
        drop(admit(&admission, "192.0.2.1:1").unwrap());
        assert!(admission.addresses.lock().unwrap().is_empty());
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
    }
}
