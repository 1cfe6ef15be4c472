//! A range of addresses, as `192.0.2.0/24`: who is exempt from a limit, who may read the metrics.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network {
    /// The first address: the bits after the first `bits` are 0.
    pub address: IpAddr,
    /// How many bits are common to all: at most 32 for IPv4, 128 for IPv6.
    pub bits: u8,
}

impl Network {
    /// Whether `address` is one of them. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => own == first_v4(other, self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => own == first_v6(other, self.bits),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::NoAddress)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            // `u8::from_str` takes "+8"; nobody means that.
            Some(digits) => Some(digits)
                .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|d| d.parse().ok())
                .filter(|bits| *bits <= most)
                .ok_or(NetworkError::Bits { most })?,
        };
        let first = match address {
            IpAddr::V4(v4) => IpAddr::V4(first_v4(v4, bits)),
            IpAddr::V6(v6) => IpAddr::V6(first_v6(v6, bits)),
        };
        if first == address {
            Ok(Self { address, bits })
        } else {
            Err(NetworkError::NotFirst(Self { address: first, bits }))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NetworkError {
    /// What stands before the slash is no address.
    #[error(
        "write an address such as 192.0.2.7, or a network such as 192.0.2.0/24 or 2001:db8::/32"
    )]
    NoAddress,
    /// What stands after the slash is no number of bits.
    #[error("after the slash comes a number of bits, from 0 to {most}")]
    Bits {
        /// The most that an address of this family has.
        most: u8,
    },
    /// The address has bits after the common ones. Most likely one of the two numbers is wrong.
    #[error(
        "the network that holds this address is {0}: write that, or the address without a slash"
    )]
    NotFirst(Network),
}

fn first_v4(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let rest = 32 - u32::from(bits.min(32));
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0))
}

fn first_v6(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let rest = 128 - u32::from(bits.min(128));
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_as_it_does() {
        assert!(holds("127.0.0.0/8", "127.1.2.3"));
        assert!(!holds("127.0.0.0/8", "128.0.0.0"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "ffff::"));
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_advice() {
        let error = |text: &str| text.parse::<Network>().unwrap_err();
        assert_eq!(error("localhost"), NetworkError::NoAddress);
        assert_eq!(error("1.2.3.0/33"), NetworkError::Bits { most: 32 });
        assert_eq!(error("1.2.3.0/"), NetworkError::Bits { most: 32 });
        assert_eq!(error("1.2.3.0/+8"), NetworkError::Bits { most: 32 });
        assert_eq!(error("::/129"), NetworkError::Bits { most: 128 });
        assert!(error("10.1.2.3/8").to_string().contains("10.0.0.0/8"));
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(address: IpAddr, bits in 0u8..=128) {
            let network = match address {
                IpAddr::V4(v4) => Network { address: first_v4(v4, bits).into(), bits: bits.min(32) },
                IpAddr::V6(v6) => Network { address: first_v6(v6, bits).into(), bits },
            };
            prop_assert_eq!(network.to_string().parse(), Ok(network));
            prop_assert!(network.contains(address) || address.to_canonical() != address);
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".{0,60}") {
            let _ = text.parse::<Network>();
        }
    }
}
