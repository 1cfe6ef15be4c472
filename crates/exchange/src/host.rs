//! When two addresses are the same server.
//!
//! A dual-stack socket names an IPv4 peer `::ffff:192.0.2.1`, and the kernel fills in flow labels
//! and scopes that nobody typed. Compared as they are, such an address looks like a stranger's.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The one form of an address that may be compared: an IPv4-mapped IPv6 address becomes its IPv4
/// form, the flow label is dropped, and a scope is kept only where it tells links apart
/// (`fe80::/10`, RFC 4007, section 6).
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(ip) => {
            let scope = match address {
                SocketAddr::V6(v6) if ip.is_unicast_link_local() => v6.scope_id(),
                _ => 0,
            };
            SocketAddrV6::new(ip, address.port(), 0, scope).into()
        }
    }
}

/// Whether two addresses are the same host, whatever their ports: what `--from-any-port` asks.
pub fn same_host(a: SocketAddr, b: SocketAddr) -> bool {
    host_key(a) == host_key(b)
}

/// The canonical address with its port taken away: a key that all ports of one host share.
pub(crate) fn host_key(address: SocketAddr) -> SocketAddr {
    let mut key = canonical(address);
    key.set_port(0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_form() {
        assert_eq!(canonical(address("[::ffff:192.0.2.1]:3000")), address("192.0.2.1:3000"));
        assert_eq!(canonical(address("192.0.2.1:3000")), address("192.0.2.1:3000"));
        assert_eq!(canonical(address("[::1]:3000")), address("[::1]:3000"));
    }

    #[test]
    fn a_scope_counts_on_link_local_addresses_only() {
        assert_ne!(canonical(address("[fe80::1%1]:3000")), canonical(address("[fe80::1%2]:3000")));
        assert_eq!(canonical(address("[2001:db8::1%1]:3000")), address("[2001:db8::1]:3000"));
    }

    #[test]
    fn the_flow_label_does_not_count() {
        let labelled = SocketAddrV6::new("2001:db8::1".parse().unwrap(), 3000, 77, 0);
        assert_eq!(canonical(labelled.into()), address("[2001:db8::1]:3000"));
    }

    #[test]
    fn the_same_host_may_answer_from_another_port() {
        assert!(same_host(address("192.0.2.1:3000"), address("[::ffff:192.0.2.1]:4000")));
        assert!(!same_host(address("192.0.2.1:3000"), address("192.0.2.2:3000")));
        assert!(!same_host(address("[fe80::1%1]:3000"), address("[fe80::1%2]:3000")));
    }
}
