//! Who is at the other end, or at ours: an address of whatever family.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use socket2::SockAddr;

use crate::address::canonical;

/// The address of one end of a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Peer {
    /// An IP address and a port.
    Inet(SocketAddr),
    /// A path; a name that begins with NUL, for which there is no file; or nothing, for a socket without a name.
    Unix(Vec<u8>),
    /// A virtual machine, or its host, and a port there.
    Vsock {
        /// The machine's number: 1 is this one, 2 the host.
        cid: u32,
        /// The port.
        port: u32,
    },
}

impl Peer {
    /// A Unix socket without a name.
    pub const NAMELESS: Self = Self::Unix(Vec::new());

    /// The Unix socket at `path`.
    pub fn at_path(path: &Path) -> Self {
        Self::Unix(path.as_os_str().as_bytes().to_vec())
    }

    /// The IP address, if it has one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Inet(address) => Some(address.ip()),
            Self::Unix(_) | Self::Vsock { .. } => None,
        }
    }

    /// The IP address and port, if it has them.
    pub const fn inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
            Self::Unix(_) | Self::Vsock { .. } => None,
        }
    }

    /// The port, if it has one.
    pub const fn port(&self) -> Option<u32> {
        match self {
            Self::Inet(address) => Some(address.port() as u32),
            Self::Unix(_) => None,
            Self::Vsock { port, .. } => Some(*port),
        }
    }

    pub(crate) fn from_socket(address: &SockAddr) -> Self {
        if let Some(inet) = address.as_socket() {
            Self::Inet(canonical(inet))
        } else if let Some((cid, port)) = vsock(address) {
            Self::Vsock { cid, port }
        } else if let Some(path) = address.as_pathname() {
            Self::at_path(path)
        } else {
            let name = address.as_abstract_namespace().unwrap_or_default();
            let nul: &[u8] = if name.is_empty() { b"" } else { b"\0" };
            Self::Unix([nul, name].concat())
        }
    }

    pub(crate) fn to_socket(&self) -> io::Result<SockAddr> {
        match self {
            Self::Inet(address) => Ok((*address).into()),
            // socket2 takes a name that begins with NUL for what it is.
            Self::Unix(name) => SockAddr::unix(OsStr::from_bytes(name)),
            Self::Vsock { cid, port } => to_vsock(*cid, *port),
        }
    }
}

/// `IP:port`, a path, `cid:port`. A path may be a peer's choice, so what drives terminals is escaped.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Vsock { cid, port } => write!(f, "{cid}:{port}"),
            Self::Unix(name) if name.is_empty() => f.write_str("a socket without a name"),
            Self::Unix(name) => {
                let (mark, name) = match name.split_first() {
                    Some((0, rest)) => ("@", rest),
                    _ => ("", &name[..]),
                };
                f.write_str(mark)?;
                for c in String::from_utf8_lossy(name).chars() {
                    // What is not ASCII may turn a line round or hide in it; in the name of a socket that is no loss.
                    if c.is_ascii_graphic() || c == ' ' {
                        f.write_char(c)?;
                    } else {
                        c.escape_unicode().fmt(f)?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn vsock(address: &SockAddr) -> Option<(u32, u32)> {
    address.as_vsock_address()
}

#[cfg(target_os = "linux")]
fn to_vsock(cid: u32, port: u32) -> io::Result<SockAddr> {
    Ok(SockAddr::vsock(cid, port))
}

#[cfg(not(target_os = "linux"))]
fn vsock(_: &SockAddr) -> Option<(u32, u32)> {
    None
}

#[cfg(not(target_os = "linux"))]
fn to_vsock(_: u32, _: u32) -> io::Result<SockAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_through_the_kernel() {
        let peers = [
            Peer::Inet("127.0.0.1:7".parse().unwrap()),
            Peer::Inet("[::1]:7".parse().unwrap()),
            Peer::Unix(b"/tmp/some path".to_vec()),
            Peer::Unix(b"\0abstract".to_vec()),
            Peer::Vsock { cid: 2, port: 70_000 },
        ];
        for peer in peers {
            assert_eq!(Peer::from_socket(&peer.to_socket().unwrap()), peer);
        }
    }

    #[test]
    fn it_is_shown_as_typed_and_never_drives_a_terminal() {
        assert_eq!(Peer::Inet("[::1]:7".parse().unwrap()).to_string(), "[::1]:7");
        assert_eq!(Peer::Vsock { cid: 2, port: 70_000 }.to_string(), "2:70000");
        assert_eq!(Peer::Unix(b"/tmp/a b".to_vec()).to_string(), "/tmp/a b");
        assert_eq!(Peer::Unix(b"\0name".to_vec()).to_string(), "@name");
        assert_eq!(Peer::Unix(b"/\x1b[2J\n".to_vec()).to_string(), "/\\u{1b}[2J\\u{a}");
    }

    #[test]
    fn a_path_that_is_too_long_is_an_error_and_not_cut() {
        assert!(Peer::Unix(vec![b'x'; 109]).to_socket().is_err());
    }
}
