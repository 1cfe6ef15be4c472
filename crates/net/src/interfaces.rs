//! The addresses of this machine, by interface.

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ptr;

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface's name.
    pub interface: String,
    /// The address, with port 0; link-local IPv6 addresses carry their scope.
    pub address: SocketAddr,
}

/// Every address of every interface that is up.
pub fn addresses() -> io::Result<Vec<InterfaceAddress>> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: getifaddrs sets the pointer to a list that lives until freeifaddrs.
    if unsafe { libc::getifaddrs(&mut list) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut at = list;
    // SAFETY: the list is linked by `ifa_next` and ends with null; names are NUL-terminated strings; addresses are null
    // or sockaddrs of the length that their family says. Nothing of it is kept after freeifaddrs.
    unsafe {
        while let Some(entry) = at.as_ref() {
            if let Some(address) = inet(entry.ifa_addr) {
                let interface = CStr::from_ptr(entry.ifa_name).to_string_lossy().into_owned();
                found.push(InterfaceAddress { interface, address });
            }
            at = entry.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(found)
}

/// The addresses of one interface.
pub fn addresses_of(interface: &str) -> io::Result<Vec<SocketAddr>> {
    let all = addresses()?.into_iter();
    Ok(all.filter(|found| found.interface == interface).map(|found| found.address).collect())
}

/// # Safety
/// `address` must be null or point to a sockaddr that is as long as its family says.
unsafe fn inet(address: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: as the caller promises; read unaligned, since a sockaddr is less strictly aligned than those it stands for.
    unsafe {
        match i32::from(address.as_ref()?.sa_family) {
            libc::AF_INET => {
                let v4 = ptr::read_unaligned(address.cast::<libc::sockaddr_in>());
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::from((IpAddr::V4(ip), 0)))
            }
            libc::AF_INET6 => {
                let v6 = ptr::read_unaligned(address.cast::<libc::sockaddr_in6>());
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_belongs_to_an_interface() {
        let all = addresses().unwrap();
        let loopback =
            all.iter().find(|a| a.address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        assert!(addresses_of(&loopback.interface).unwrap().contains(&loopback.address));
        assert!(addresses_of("no-such-thing").unwrap().is_empty());
    }
}
