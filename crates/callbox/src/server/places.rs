//! Where a server listens: what `--bind` and `-p` ask for, as the places that sockets are bound to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use callbox_net::address::BindAddress;
use callbox_net::interfaces;

use crate::messages::{self, Failure};

/// Ports that the system is asked to choose before one must be free at every place. Each is free at the first.
const CHOICES: usize = 16;

/// A place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// `[::]` takes IPv4 too.
    pub(crate) dual_stack: bool,
}

/// Listens at every place that was asked for, with `bind`, and gives all that was made. Where the system is to choose the
/// port, it chooses one for all: `port_of` tells which the first of them got.
pub(crate) fn listen_at<T>(
    binds: &[BindAddress],
    port: u16,
    mut bind: impl FnMut(Place) -> io::Result<Vec<T>>,
    port_of: impl Fn(&T) -> Option<u16>,
) -> Result<Vec<T>, Failure> {
    let places = places(binds)?;
    if let Some((covered, by)) = first_covered(&places) {
        return Err(messages::covered(covered.host(), by.host()));
    }
    let mut choices = 0;
    loop {
        choices += 1;
        match listen_once(&places, port, &mut bind, &port_of) {
            Ok(all) => return Ok(all),
            Err(Refusal::Chosen(..)) if choices < CHOICES => {}
            Err(Refusal::Chosen(place, chosen)) => return Err(messages::port_taken(place, chosen)),
            Err(Refusal::Asked(failure)) => return Err(failure),
        }
    }
}

/// Why not every place could be bound.
enum Refusal {
    /// The port that the system chose for the first place is in use at this one.
    Chosen(Place, u16),
    /// What was asked for cannot be had.
    Asked(Failure),
}

fn listen_once<T>(
    places: &[Place],
    port: u16,
    bind: &mut impl FnMut(Place) -> io::Result<Vec<T>>,
    port_of: &impl Fn(&T) -> Option<u16>,
) -> Result<Vec<T>, Refusal> {
    let mut all = Vec::new();
    let mut in_hand = port;
    for place in places {
        let place = place.at_port(in_hand);
        let made = bind_one(place, bind).map_err(|error| {
            if in_hand != port && error.kind() == io::ErrorKind::AddrInUse {
                Refusal::Chosen(place, in_hand)
            } else {
                Refusal::Asked(messages::cannot_listen(place, in_hand, &error))
            }
        })?;
        if in_hand == 0 {
            in_hand = made.first().and_then(port_of).unwrap_or(0);
        }
        all.extend(made);
    }
    Ok(all)
}

/// One dual-stack socket for all addresses; where the system has no IPv6, one for all of IPv4.
fn bind_one<T>(
    place: Place,
    bind: &mut impl FnMut(Place) -> io::Result<Vec<T>>,
) -> io::Result<Vec<T>> {
    match bind(place) {
        Err(error)
            if place.dual_stack
                && !matches!(
                    error.kind(),
                    io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
                ) =>
        {
            bind(Place::one((Ipv4Addr::UNSPECIFIED, place.address.port()).into()))
        }
        made => made,
    }
}

/// Each place once, with port 0.
fn places(binds: &[BindAddress]) -> Result<Vec<Place>, Failure> {
    let mut places = Vec::new();
    for wanted in binds {
        let meant = match wanted {
            BindAddress::Any => vec![Place::EVERYWHERE],
            BindAddress::Address(ip) => vec![Place::one((*ip, 0).into())],
            BindAddress::Interface(name) => {
                addresses_of(name)?.into_iter().map(Place::one).collect()
            }
        };
        for place in meant {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    Ok(places)
}

/// The first place that another of them takes in, and that other.
fn first_covered(places: &[Place]) -> Option<(Place, Place)> {
    let by = |covered: &Place| places.iter().find(|by| *by != covered && by.covers(covered));
    places.iter().find_map(|covered| by(covered).map(|by| (*covered, *by)))
}

fn addresses_of(name: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found = interfaces::addresses_of(name).map_err(|e| {
        Failure::usage(format!("cannot list the interfaces: {}", messages::Reason(&e)))
    })?;
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "cannot listen at {name}: no interface of this name has an address; give an address, * for all, or one of {}",
            interface_names().join(", ")
        )));
    }
    Ok(found)
}

fn interface_names() -> Vec<String> {
    let mut names: Vec<_> =
        interfaces::addresses().unwrap_or_default().into_iter().map(|i| i.interface).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Place {
    /// All of both families.
    const EVERYWHERE: Self =
        Self { address: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0), dual_stack: true };

    const fn one(address: SocketAddr) -> Self {
        Self { address, dual_stack: false }
    }

    fn at_port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Whether a socket there takes what is meant for `other` too.
    fn covers(&self, other: &Self) -> bool {
        let same_family = self.address.is_ipv4() == other.address.is_ipv4();
        self.dual_stack || (self.address.ip().is_unspecified() && same_family && !other.dual_stack)
    }

    /// The place without its port, as `--bind` takes it.
    fn host(&self) -> String {
        if self.dual_stack { "*".to_owned() } else { self.address.ip().to_string() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dual_stack { write!(f, "*:{}", self.address.port()) } else { self.address.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(binds: &[&str], port: u16, taken: Option<Place>) -> Result<Vec<Place>, String> {
        let binds: Vec<_> = binds.iter().map(|bind| bind.parse().unwrap()).collect();
        let bind = |place: Place| {
            if Some(place) == taken {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let port = if place.address.port() == 0 { 4000 } else { place.address.port() };
            Ok(vec![place.at_port(port)])
        };
        listen_at(&binds, port, bind, |place| Some(place.address.port()))
            .map_err(|failure| failure.message().unwrap().to_owned())
    }

    fn place(address: &str) -> Place {
        Place::one(address.parse().unwrap())
    }

    #[test]
    fn an_address_given_twice_is_listened_at_once() {
        let listening = listen(&["127.0.0.1", "::1", "[::1]", "127.0.0.1"], 3000, None);
        assert_eq!(listening, Ok(vec![place("127.0.0.1:3000"), place("[::1]:3000")]));
        let everywhere = Place::EVERYWHERE.at_port(3000);
        assert_eq!(listen(&["*", "*"], 3000, None), Ok(vec![everywhere]));
    }

    #[test]
    fn an_address_that_another_covers_is_refused_in_either_order() {
        for (covered, by) in [
            ("127.0.0.1", "*"),
            ("::1", "*"),
            ("0.0.0.0", "*"),
            ("127.0.0.1", "0.0.0.0"),
            ("::1", "::"),
        ] {
            for binds in [[covered, by], [by, covered]] {
                let error = listen(&binds, 3000, None).unwrap_err();
                assert!(
                    error.contains(&format!("at {covered} as well as at {by}: `{by}` covers it")),
                    "{error}"
                );
            }
        }
        for apart in [["0.0.0.0", "::"], ["0.0.0.0", "::1"], ["::", "127.0.0.1"]] {
            assert!(listen(&apart, 3000, None).is_ok(), "{apart:?}");
        }
    }

    #[test]
    fn the_port_that_the_system_chooses_is_the_same_everywhere() {
        let binds = ["127.0.0.1", "127.0.0.2"];
        let both = vec![place("127.0.0.1:4000"), place("127.0.0.2:4000")];
        assert_eq!(listen(&binds, 0, None), Ok(both));
        let error = listen(&binds, 0, Some(place("127.0.0.2:4000"))).unwrap_err();
        assert!(error.contains("127.0.0.2:4000: the system chose port 4000"), "{error}");
        let error = listen(&binds, 3000, Some(place("127.0.0.2:3000"))).unwrap_err();
        assert!(error.contains("it is in use; stop what listens there"), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_at_another_place_is_chosen_anew() {
        let chosen = std::cell::Cell::new(4000);
        let bind = |place: Place| {
            if place == self::place("127.0.0.2:4000") {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let port = match place.address.port() {
                0 => chosen.replace(chosen.get() + 1),
                asked => asked,
            };
            Ok(vec![place.at_port(port)])
        };
        let binds = ["127.0.0.1", "127.0.0.2"].map(|bind| bind.parse().unwrap());
        let listening = listen_at(&binds, 0, bind, |place| Some(place.address.port())).unwrap();
        assert_eq!(listening, [place("127.0.0.1:4001"), place("127.0.0.2:4001")]);
    }
}
