//! Servers: sockets around a service.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process;

use callbox_net::address::BindAddress;
use callbox_net::{interfaces, signal};

use crate::messages::{self, Exit, Failure};

mod conversation;
pub mod datagram;
pub mod stream;
pub mod udp;
pub mod unix;

/// A place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    address: SocketAddr,
    /// `[::]` takes IPv4 too.
    dual_stack: bool,
}

/// Listens at every place that was asked for, with `bind`, and gives all that was made.
fn listen_at<T>(
    binds: &[BindAddress],
    port: u16,
    mut bind: impl FnMut(Place) -> io::Result<Vec<T>>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for wanted in binds {
        match wanted {
            BindAddress::Any => all.extend(bind_any(port, &mut bind)?),
            _ => {
                for address in addresses(wanted, port)? {
                    let place = Place { address, dual_stack: false };
                    all.extend(bind(place).map_err(|e| messages::cannot_listen(address, &e))?);
                }
            }
        }
    }
    Ok(all)
}

/// One dual-stack socket for all addresses; where the system has no IPv6, one for all of IPv4.
fn bind_any<T>(
    port: u16,
    bind: &mut impl FnMut(Place) -> io::Result<Vec<T>>,
) -> Result<Vec<T>, Failure> {
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match bind(Place { address: v6, dual_stack: true }) {
        Ok(made) => Ok(made),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
            ) =>
        {
            Err(messages::cannot_listen(format_args!("*:{port}"), &error))
        }
        Err(_) => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            let place = Place { address: v4, dual_stack: false };
            bind(place).map_err(|e| messages::cannot_listen(format_args!("*:{port}"), &e))
        }
    }
}

fn addresses(wanted: &BindAddress, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let name = match wanted {
        BindAddress::Address(ip) => return Ok(vec![SocketAddr::from((*ip, port))]),
        BindAddress::Any => return Ok(Vec::new()),
        BindAddress::Interface(name) => name,
    };
    let found = interfaces::addresses_of(name).map_err(|e| {
        Failure::usage(format!("cannot list the interfaces: {}", messages::Reason(&e)))
    })?;
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "cannot listen at {name}: no interface of this name has an address; give an address, * for all, or one of {}",
            interface_names().join(", ")
        )));
    }
    let with_port = |mut address: SocketAddr| {
        address.set_port(port);
        address
    };
    Ok(found.into_iter().map(with_port).collect())
}

fn interface_names() -> Vec<String> {
    let mut names: Vec<_> =
        interfaces::addresses().unwrap_or_default().into_iter().map(|i| i.interface).collect();
    names.sort_unstable();
    names.dedup();
    names
}

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

/// The first SIGINT or SIGTERM lets the server finish what it has begun, the second ends it.
fn stop_on_signal(stop: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    signal::on_interrupt(stop, || process::exit(Exit::Interrupted as i32)).map_err(|e| {
        Failure::network(format!("cannot listen for signals: {}", messages::Reason(&e)))
    })
}
