//! Servers: sockets around a service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process;

use callbox_net::{interfaces, signal};

use crate::messages::{self, Exit, Failure};

mod conversation;
pub mod datagram;
pub(crate) mod places;
pub mod stream;
pub mod udp;
pub mod unix;

/// Every address under which a server that listens at `listening` can be reached, for the guard: nothing that claims to
/// come from there is answered.
fn own_addresses(listening: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut own = Vec::new();
    for address in listening {
        own.push(*address);
        if address.ip().is_unspecified() {
            let machine =
                interfaces::addresses().unwrap_or_default().into_iter().map(|i| i.address.ip());
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            own.extend(machine.chain(loopback).map(|ip| SocketAddr::from((ip, address.port()))));
        }
    }
    own
}

/// The first SIGINT, SIGTERM or SIGHUP lets the server finish what it has begun, the second ends it.
fn stop_on_signal(stop: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    signal::on_interrupt(stop, || process::exit(Exit::Interrupted as i32)).map_err(|e| {
        Failure::network(format!("cannot listen for signals: {}", messages::Reason(&e)))
    })
}
