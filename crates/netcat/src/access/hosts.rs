//! Hosts as a table that is quick to ask, also with a hundred thousand of them.

use std::net::IpAddr;

use super::host::{Net, Pattern};

/// A pattern of at most so many ranges of addresses becomes these; one of more is kept by its octets. So no pattern
/// takes more than 128 bytes either way.
const RANGES_OF_A_PATTERN: usize = 16;

/// A set of addresses. Asking takes a binary search, and for each 64 patterns that are no few ranges
/// (`192.168.0-255.1-254`) reading four words.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    patterns: Patterns,
}

impl Hosts {
    pub(super) fn new(nets: &[Net], patterns: &[Pattern]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for net in nets {
            match net.address {
                IpAddr::V4(address) => {
                    let rest = u32::MAX.checked_shr(net.prefix.into()).unwrap_or(0);
                    v4.push((u32::from(address) & !rest, u32::from(address) | rest));
                }
                IpAddr::V6(address) => {
                    let rest = u128::MAX.checked_shr(net.prefix.into()).unwrap_or(0);
                    v6.push((u128::from(address) & !rest, u128::from(address) | rest));
                }
            }
        }
        let mut kept = Vec::new();
        for pattern in patterns {
            if !push_ranges(pattern, &mut v4) {
                kept.push(pattern);
            }
        }
        Self { v4: Ranges::new(v4), v6: Ranges::new(v6), patterns: Patterns::new(&kept) }
    }

    /// Whether the address is one of them. IPv4 in IPv6 is IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.contains(v4.into()) || self.patterns.contains(v4.octets()),
            IpAddr::V6(v6) => self.v6.contains(v6.into()),
        }
    }

    /// Whether there is no address among them.
    pub fn is_empty(&self) -> bool {
        self.v4.0.is_empty() && self.v6.0.is_empty() && self.patterns.blocks == 0
    }
}

/// Adds the ranges that a pattern is, if they are few.
fn push_ranges(pattern: &Pattern, ranges: &mut Vec<(u32, u32)>) -> bool {
    let count =
        |at: usize| pattern.0[at].runs().map(|(a, b)| usize::from(b - a) + 1).sum::<usize>();
    // Behind the last octet that is not all of 0 to 255, addresses follow each other.
    let tail = (0..4).rev().find(|&at| count(at) != 256).unwrap_or(0);
    let many: usize = (0..tail).map(count).product::<usize>() * pattern.0[tail].runs().count();
    if many > RANGES_OF_A_PATTERN {
        return false;
    }
    let rest = u32::MAX.checked_shr(8 * (tail as u32 + 1)).unwrap_or(0);
    let mut starts = vec![0_u32];
    for at in 0..tail {
        let values = (0..=255).filter(|&octet| pattern.0[at].contains(octet));
        starts = starts
            .iter()
            .flat_map(|start| values.clone().map(move |octet| start << 8 | u32::from(octet)))
            .collect();
    }
    let shift = 24 - 8 * tail as u32;
    for start in starts {
        for (first, last) in pattern.0[tail].runs() {
            let whole = |octet: u8| (start << 8 | u32::from(octet)) << shift;
            ranges.push((whole(first), whole(last) | rest));
        }
    }
    true
}

/// Ranges of numbers, in order and with gaps between.
#[derive(Clone, Debug)]
struct Ranges<T>(Vec<(T, T)>);

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Ord> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let overlaps = next.0 <= kept.1;
            if overlaps {
                kept.1 = kept.1.max(next.1);
            }
            overlaps
        });
        ranges.shrink_to_fit();
        Self(ranges)
    }

    fn contains(&self, number: T) -> bool {
        let after = self.0.partition_point(|range| range.0 <= number);
        after.checked_sub(1).is_some_and(|at| number <= self.0[at].1)
    }
}

/// Patterns as columns: for each octet's place and value, a bit for each pattern that takes it. A pattern takes an
/// address if its bit stands in all four columns.
#[derive(Clone, Debug, Default)]
struct Patterns {
    /// How many words of 64 patterns a column has.
    blocks: usize,
    /// The columns of the values 0 to 255 of the first octet, then of the second, and so on.
    columns: Vec<u64>,
}

impl Patterns {
    fn new(patterns: &[&Pattern]) -> Self {
        let blocks = patterns.len().div_ceil(64);
        let mut columns = vec![0; 4 * 256 * blocks];
        for (number, pattern) in patterns.iter().enumerate() {
            for (place, octets) in pattern.0.iter().enumerate() {
                for value in (0..=255_u8).filter(|&value| octets.contains(value)) {
                    let column = (place * 256 + usize::from(value)) * blocks;
                    columns[column + number / 64] |= 1 << (number % 64);
                }
            }
        }
        Self { blocks, columns }
    }

    fn contains(&self, octets: [u8; 4]) -> bool {
        let column = |place: usize| {
            let start = (place * 256 + usize::from(octets[place])) * self.blocks;
            &self.columns[start..start + self.blocks]
        };
        let [a, b, c, d] = [column(0), column(1), column(2), column(3)];
        (0..self.blocks).any(|at| a[at] & b[at] & c[at] & d[at] != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::super::host::{self, Host};
    use super::*;

    fn pattern(text: &str) -> Pattern {
        match host::parse(text) {
            Ok(Host::Pattern(pattern)) => pattern,
            other => panic!("{other:?}"),
        }
    }

    /// The definition.
    fn takes(pattern: &Pattern, address: Ipv4Addr) -> bool {
        pattern.0.iter().zip(address.octets()).all(|(set, octet)| set.contains(octet))
    }

    #[test]
    fn a_net_ends_where_its_prefix_ends() {
        let net = |text: &str, prefix| Net { address: text.parse().unwrap(), prefix };
        let hosts = Hosts::new(&[net("192.0.2.77", 24), net("2001:db8::", 32)], &[]);
        for (address, inside) in [
            ("192.0.1.255", false),
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("::ffff:192.0.2.1", true),
            ("2001:db7:ffff::", false),
            ("2001:db8::", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
        ] {
            assert_eq!(hosts.contains(address.parse().unwrap()), inside, "{address}");
        }
    }

    #[test]
    fn nets_of_no_bits_are_everybody_of_their_family() {
        let all = Hosts::new(&[Net { address: "10.0.0.1".parse().unwrap(), prefix: 0 }], &[]);
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(!all.contains("::1".parse().unwrap()));
        let all = Hosts::new(&[Net { address: "::1".parse().unwrap(), prefix: 0 }], &[]);
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!(!all.contains("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_hundred_thousand_hosts_are_asked_in_no_time() {
        let nets: Vec<_> = (0..100_000_u32)
            .map(|n| Net { address: Ipv4Addr::from(n << 12 | 5).into(), prefix: 32 })
            .collect();
        let patterns: Vec<_> =
            (0..100_000).map(|n| pattern(&format!("{}.0-99.1-254.{}", n % 256, n / 512))).collect();
        let hosts = Hosts::new(&nets, &patterns);
        // A hundred thousand questions would take minutes if each went through all the hosts.
        let mut inside = 0;
        for n in 0..100_000_u32 {
            inside += u32::from(hosts.contains(Ipv4Addr::from(n << 12 | 5).into()));
        }
        assert_eq!(inside, 100_000);
        assert!(hosts.contains("77.99.254.3".parse().unwrap()));
        assert!(!hosts.contains("77.100.254.3".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn few_ranges_and_columns_say_what_the_pattern_says(
            texts in proptest::collection::vec("([0-9]|1?[0-9]?[0-9]-2[0-4][0-9]|\\*|-9|99-,[0-3]|1,3)(\\.([0-9]|0-255|[0-4]-[5-9]|\\*|1,5)){3}", 1..5),
            addresses in proptest::collection::vec((0..=255_u8, 0..10_u8, 0..10_u8, 0..10_u8), 64),
        ) {
            let patterns: Vec<_> = texts.iter().filter_map(|text| match host::parse(text) {
                Ok(Host::Pattern(pattern)) => Some(pattern),
                _ => None,
            }).collect();
            let hosts = Hosts::new(&[], &patterns);
            for (a, b, c, d) in addresses {
                let address = Ipv4Addr::new(a, b, c, d);
                let expected = patterns.iter().any(|pattern| takes(pattern, address));
                prop_assert_eq!(hosts.contains(address.into()), expected, "{:?} {}", &texts, address);
            }
        }

        #[test]
        fn nets_say_what_their_bits_say(nets in proptest::collection::vec((any::<u128>(), 0..=128_u8), 0..20), asked: u128) {
            let nets: Vec<_> = nets.iter().map(|&(bits, prefix)| {
                // Near what is asked, so that some are hit.
                let bits = if bits % 2 == 0 { asked ^ bits >> 64 } else { bits };
                Net { address: Ipv6Addr::from(bits).into(), prefix }
            }).collect();
            prop_assume!(IpAddr::from(Ipv6Addr::from(asked)).to_canonical().is_ipv6());
            let expected = nets.iter().any(|net| match net.address {
                IpAddr::V6(address) => (u128::from(address) ^ asked).leading_zeros() >= net.prefix.into(),
                IpAddr::V4(_) => false,
            });
            prop_assert_eq!(Hosts::new(&nets, &[]).contains(Ipv6Addr::from(asked).into()), expected);
        }
    }
}
