//! The host that others see of a client. An address tells where somebody lives, so by default it is not shown.

use std::hash::Hasher;
use std::net::IpAddr;

use crate::config::Config;
use crate::contract::Peer;

/// The host that others see of `peer`: its address, or a name made of it that stays the same for one network, so that it
/// can be banned, and does not lead back to it.
///
/// The name has two parts: the second is the same for a whole network (an IPv4 /24, an IPv6 /48), so that
/// `*!*@*.NETWORK.ip` bans all of it.
pub(crate) fn host(config: &Config, seed: u64, peer: &Peer) -> Box<str> {
    if !config.cloak || peer.address.is_loopback() {
        return address(peer.address).into_boxed_str();
    }
    let (one, network) = match peer.address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            (v4.octets().to_vec(), vec![a, b, c])
        }
        // A home gets a /64: what comes from it is one peer.
        IpAddr::V6(v6) => (v6.octets()[..8].to_vec(), v6.octets()[..6].to_vec()),
    };
    format!("{:010x}.{:08x}.ip", keyed(seed, HOSTS, &one) >> 24, keyed(seed, HOSTS, &network) >> 32)
        .into()
}

/// An address as a host: one that begins with a colon would look like a last parameter on the wire.
pub(crate) fn address(address: IpAddr) -> String {
    let text = address.to_string();
    if text.starts_with(':') { format!("0{text}") } else { text }
}

/// `bytes`, hashed with `seed` for one `purpose`.
///
/// It is SipHash-2-4, which does not give its key away however many addresses somebody has and sees the names of. With the
/// key, trying all addresses of IPv4 would be a matter of minutes. Hashes that are made for tables alone are no match for
/// that.
#[expect(
    deprecated,
    reason = "as a hash for tables; it is the one keyed cryptographic hash in core"
)]
pub(crate) fn keyed(seed: u64, purpose: u64, bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::SipHasher::new_with_keys(seed, purpose);
    hasher.write(bytes);
    hasher.finish()
}

/// What [`keyed`] is used for: hosts in place of addresses, and the ids of messages, which everybody sees.
const HOSTS: u64 = 1;
pub(crate) const IDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_siphash() {
        // The example of the paper (Aumasson and Bernstein 2012, appendix A).
        let bytes: Vec<u8> = (0..15).collect();
        let hash = keyed(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, &bytes);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }
}
