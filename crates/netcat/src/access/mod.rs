//! Who may connect: `--allow`, `--deny`, and the files of `--allowfile` and `--denyfile`.
//!
//! A [`HostList`] reads what was typed and what stands in files, asks its caller for the addresses of names, and becomes
//! [`Hosts`] or a list of all its [`Mistakes`]. [`Access`] answers for a peer. The syntax is that of ncat's users' guide:
//!
//! | written | meant |
//! |---|---|
//! | `192.0.2.7`, `2001:db8::7`, `[2001:db8::7]` | this address |
//! | `192.0.2.0/24`, `2001:db8::/32`, `gate.example/24` | the addresses that begin with the same bits |
//! | `192.168.0-255.1-254`, `10.*.0,2-4.-9`, `10.-.0.250-` | every octet has a list of numbers, ranges or `*` |
//! | `gate.example` | the addresses that this name has when the list is read |

mod host;
mod hosts;
mod list;

use std::net::IpAddr;

pub use hosts::Hosts;
pub use list::{HostList, MISTAKES_MAX, Mistake, Mistakes};

/// Who may connect. The default is everybody.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// If there is such a list, nobody else may connect; an empty one admits nobody.
    pub allow: Option<Hosts>,
    /// These may not connect, even if they are allowed.
    pub deny: Hosts,
}

impl Access {
    /// Whether a peer with this address may connect. IPv4 in IPv6, as a dual-stack socket tells it, is IPv4.
    pub fn admits(&self, peer: IpAddr) -> bool {
        self.allow.as_ref().is_none_or(|allow| allow.contains(peer)) && !self.deny.contains(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Hosts {
        let mut list = HostList::default();
        list.add_list("--allow", text);
        list.finish().unwrap()
    }

    fn admits(access: &Access, peer: &str) -> bool {
        access.admits(peer.parse().unwrap())
    }

    #[test]
    fn everybody_may_connect_unless_something_is_said() {
        let access = Access::default();
        assert!(admits(&access, "192.0.2.1") && admits(&access, "2001:db8::1"));
    }

    #[test]
    fn with_an_allow_list_nobody_else_may_connect() {
        let access = Access { allow: Some(hosts("192.0.2.1")), ..Access::default() };
        assert!(admits(&access, "192.0.2.1"));
        assert!(admits(&access, "::ffff:192.0.2.1"));
        assert!(!admits(&access, "192.0.2.2"));
        assert!(!admits(&access, "::1"));
    }

    #[test]
    fn an_empty_allow_list_admits_nobody() {
        let access = Access { allow: Some(hosts(",")), ..Access::default() };
        assert!(!admits(&access, "127.0.0.1"));
    }

    #[test]
    fn deny_beats_allow() {
        let access = Access { allow: Some(hosts("10.0.0.0/8")), deny: hosts("10.0.0.0-9") };
        assert!(!admits(&access, "10.0.0.9"));
        assert!(admits(&access, "10.0.0.10"));
    }
}
