//! Names to addresses, with a choice of the family, without the network if asked for, and with the resolver's own words.
//!
//! [`crate::resolve`] is all that most need. A drop-in for another program is asked for one family alone, and its users know
//! the sentences of `getaddrinfo`, which the standard library puts its own before.

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ptr;

use thiserror::Error;

/// Which addresses are wanted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Family {
    /// All, sorted by the system's preference (RFC 6724).
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// Why there is no address, in the words of the system.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct LookupError(String);

/// The addresses of `host`, each with `port`, and none twice. `numeric_only` does not ask anybody: `host` is an address.
/// Otherwise this waits for the network.
pub fn lookup(
    host: &str,
    port: u16,
    family: Family,
    numeric_only: bool,
) -> Result<Vec<SocketAddr>, LookupError> {
    let name = CString::new(host).map_err(|_| LookupError("a name holds no NUL".to_owned()))?;
    // SAFETY: addrinfo is plain data, and zeros and nulls are what getaddrinfo wants of a hint.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = match family {
        Family::Any => libc::AF_UNSPEC,
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
    };
    // One entry for each address and not for each type of socket.
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = if numeric_only { libc::AI_NUMERICHOST } else { 0 };
    let mut list: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: name and hints live through the call, which sets the list to one that lives until freeaddrinfo.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &hints, &mut list) };
    if code != 0 {
        return Err(LookupError(words(code)));
    }
    let mut found: Vec<SocketAddr> = Vec::new();
    let mut at = list;
    // SAFETY: the list is linked by `ai_next` and ends with null; `ai_addr` points to an address of the family that is
    // said. Nothing of it is kept after freeaddrinfo.
    unsafe {
        while let Some(entry) = at.as_ref() {
            if let Some(address) = inet(entry, port).filter(|address| !found.contains(address)) {
                found.push(address);
            }
            at = entry.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    if found.is_empty() { Err(LookupError(words(libc::EAI_NONAME))) } else { Ok(found) }
}

/// # Safety
/// `entry` must be as getaddrinfo gave it.
unsafe fn inet(entry: &libc::addrinfo, port: u16) -> Option<SocketAddr> {
    // SAFETY: the address is as long as its family says; read unaligned, since nothing promises more.
    unsafe {
        match entry.ai_family {
            libc::AF_INET => {
                let v4 = ptr::read_unaligned(entry.ai_addr.cast::<libc::sockaddr_in>());
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::from((IpAddr::V4(ip), port)))
            }
            libc::AF_INET6 => {
                let v6 = ptr::read_unaligned(entry.ai_addr.cast::<libc::sockaddr_in6>());
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }
}

fn words(code: i32) -> String {
    if code == libc::EAI_SYSTEM {
        return io::Error::last_os_error().to_string();
    }
    // SAFETY: gai_strerror gives a text that is never freed, for every number.
    unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_itself_and_asks_nobody() {
        let of = |host, family| lookup(host, 7, family, true).map(|all| all[0].to_string());
        assert_eq!(of("127.0.0.1", Family::Any).unwrap(), "127.0.0.1:7");
        assert_eq!(of("::1", Family::V6).unwrap(), "[::1]:7");
        assert!(of("localhost", Family::Any).is_err());
    }

    #[test]
    fn the_other_family_is_refused() {
        assert!(lookup("127.0.0.1", 7, Family::V6, false).is_err());
        assert!(lookup("::1", 7, Family::V4, false).is_err());
        let v4 = lookup("localhost", 7, Family::V4, false).unwrap();
        assert_eq!(v4, ["127.0.0.1:7".parse().unwrap()]);
    }

    #[test]
    fn what_is_no_name_is_told_in_the_systems_words() {
        let error = lookup("1.2.3.4.5", 7, Family::Any, true).unwrap_err().to_string();
        assert!(error.starts_with("Name"), "{error}");
        assert!(lookup("a\0b", 7, Family::Any, false).is_err());
    }
}
