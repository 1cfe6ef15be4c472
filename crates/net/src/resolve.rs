//! Names to addresses, by the system's resolver, which sorts them as RFC 6724 says.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::address::HostPort;

/// All addresses of `target`, with `default_port` where it names none. Asks the network, and may take its time.
///
/// Scoped addresses such as `fe80::1%eth0` are understood.
pub fn resolve(target: &HostPort, default_port: u16) -> io::Result<Vec<SocketAddr>> {
    let port = target.port.unwrap_or(default_port);
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in (target.host.as_str(), port).to_socket_addrs()? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<SocketAddr> {
        resolve(&text.parse().unwrap(), 3000).unwrap()
    }

    #[test]
    fn addresses_need_no_resolver() {
        assert_eq!(of("127.0.0.1"), ["127.0.0.1:3000".parse().unwrap()]);
        assert_eq!(of("[::1]:7"), ["[::1]:7".parse().unwrap()]);
    }

    #[test]
    fn localhost_is_this_machine() {
        assert!(of("localhost").iter().all(|a| a.ip().is_loopback() && a.port() == 3000));
    }

    #[test]
    fn a_name_that_cannot_exist_is_an_error() {
        // RFC 6761 section 6.4: names under .invalid never resolve.
        assert!(resolve(&"nowhere.invalid".parse().unwrap(), 3000).is_err());
    }
}
