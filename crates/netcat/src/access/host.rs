//! One host as it is written in a list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// The longest name that is looked up (RFC 1035 section 2.3.4: 253 as text).
const NAME_MAX: usize = 253;

/// One host, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The addresses that begin as this one does.
    Net(Net),
    /// IPv4 addresses by octets.
    Pattern(Pattern),
    /// The addresses of a name, or, with a prefix, all that begin as they do.
    Name { name: String, prefix: Option<u8> },
}

/// The addresses that have the first `prefix` bits of `address`; the address is canonical: IPv4 is no IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Net {
    /// The net of an address as it is written. IPv4 in IPv6 (`::ffff:192.0.2.0/120`) becomes IPv4, as peers do.
    pub(super) fn new(address: IpAddr, prefix: Option<u8>) -> Result<Self, Problem> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits {
            return Err(if bits == 32 { Problem::Prefix4 } else { Problem::Prefix6 });
        }
        let canonical = address.to_canonical();
        if canonical.is_ipv4() == address.is_ipv4() {
            return Ok(Self { address, prefix });
        }
        // Fewer than 96 bits mean IPv6 addresses, among which no peer is that came by IPv4.
        Ok(match prefix.checked_sub(96) {
            Some(prefix) => Self { address: canonical, prefix },
            None => Self { address, prefix },
        })
    }
}

/// IPv4 addresses by octets: for each of the four a set of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub [Octets; 4]);

/// A set of octets, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Octets([u64; 4]);

impl Octets {
    fn add(&mut self, first: u8, last: u8) {
        for octet in first..=last {
            self.0[usize::from(octet / 64)] |= 1 << (octet % 64);
        }
    }

    pub(super) fn contains(&self, octet: u8) -> bool {
        self.0[usize::from(octet / 64)] >> (octet % 64) & 1 == 1
    }

    /// The set as ranges, in order, with gaps between.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u8, u8)> + Clone {
        let set = *self;
        let mut next = 0_u16;
        std::iter::from_fn(move || {
            let has = |at: u16| u8::try_from(at).is_ok_and(|octet| set.contains(octet));
            let first = (next..256).find(|&at| has(at))?;
            let end = (first..=256).find(|&at| !has(at))?;
            next = end;
            // Both are below 256: `first` is in the set, and `end` comes after it.
            Some((first as u8, (end - 1) as u8))
        })
    }
}

/// What is wrong with a host. The text goes on after what was written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Problem {
    /// A prefix that is no number.
    #[error("what follows the slash is no prefix length: write a number, as in 192.0.2.0/24")]
    NoPrefix,
    /// A prefix that IPv4 does not have.
    #[error("the prefix length of an IPv4 address is 0 to 32")]
    Prefix4,
    /// A prefix that IPv6 does not have.
    #[error("the prefix length of an IPv6 address is 0 to 128")]
    Prefix6,
    /// A prefix behind octets that are ranges.
    #[error("ranges and a prefix length do not go together")]
    PrefixOfRanges,
    /// Something like IPv4 with fewer or more than four octets.
    #[error("an IPv4 address has four numbers with dots between")]
    NotFourOctets,
    /// An octet above 255, or none at all.
    #[error("the numbers of an IPv4 address are 0 to 255")]
    NotAnOctet,
    /// A range that goes down.
    #[error("a range goes from the smaller number to the larger")]
    Backwards,
    /// An IPv6 address with an interface.
    #[error("an address is held against peers without its interface: leave out what begins with %")]
    Scope,
    /// Neither an address nor what could be a name.
    #[error("this is neither an address nor a name")]
    NotAHost,
    /// A name for which no address was found; the resolver's words.
    #[error("this name has no address: {0}")]
    Unresolved(String),
    /// A file's line that is no UTF-8.
    #[error("this is no text (UTF-8)")]
    NotText,
}

/// Reads one host.
pub(super) fn parse(text: &str) -> Result<Host, Problem> {
    let (host, prefix) = match text.split_once('/') {
        None => (text, None),
        Some((host, prefix)) => (host, Some(parse_prefix(prefix)?)),
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bare.is_some() || host.contains(':') {
        let host = bare.unwrap_or(host);
        let (address, scope) = host.split_once('%').map_or((host, None), |(a, s)| (a, Some(s)));
        let address: Ipv6Addr = address.parse().map_err(|_| Problem::NotAHost)?;
        return match scope {
            Some(_) => Err(Problem::Scope),
            None => Net::new(address.into(), prefix).map(Host::Net),
        };
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b".-*,".contains(&b)) && !host.is_empty() {
        let pattern = parse_pattern(host)?;
        return match (single(&pattern), prefix) {
            (Some(address), _) => Net::new(address.into(), prefix).map(Host::Net),
            (None, None) => Ok(Host::Pattern(pattern)),
            (None, Some(_)) => Err(Problem::PrefixOfRanges),
        };
    }
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if host.is_empty() || host.len() > NAME_MAX || !host.chars().all(in_name) {
        return Err(Problem::NotAHost);
    }
    if prefix.is_some_and(|prefix| prefix > 128) {
        return Err(Problem::Prefix6);
    }
    Ok(Host::Name { name: host.to_owned(), prefix })
}

/// Whether a comma may stand within it: it is an IPv4 address with ranges, and not a list of several hosts.
pub(super) fn is_pattern(text: &str) -> bool {
    parse_pattern(text).is_ok()
}

fn parse_prefix(text: &str) -> Result<u8, Problem> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::NoPrefix);
    }
    // What is too much for a byte is too much for every address too.
    Ok(text.parse().unwrap_or(u8::MAX))
}

fn parse_pattern(text: &str) -> Result<Pattern, Problem> {
    if text.split('.').count() != 4 {
        return Err(Problem::NotFourOctets);
    }
    let mut pattern = Pattern([Octets::default(); 4]);
    for (octets, text) in pattern.0.iter_mut().zip(text.split('.')) {
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                _ if part == "*" => (0, 255),
                None => (parse_octet(part)?, parse_octet(part)?),
                Some((first, last)) => (
                    if first.is_empty() { 0 } else { parse_octet(first)? },
                    if last.is_empty() { 255 } else { parse_octet(last)? },
                ),
            };
            if first > last {
                return Err(Problem::Backwards);
            }
            octets.add(first, last);
        }
    }
    Ok(pattern)
}

/// Leading zeros are decimal too, as in `192.168.000.001`.
fn parse_octet(text: &str) -> Result<u8, Problem> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().map_err(|_| Problem::NotAnOctet) } else { Err(Problem::NotAnOctet) }
}

/// The one address of a pattern that has one.
fn single(pattern: &Pattern) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    for (octet, set) in octets.iter_mut().zip(&pattern.0) {
        let mut runs = set.runs();
        match (runs.next(), runs.next()) {
            (Some((first, last)), None) if first == last => *octet = first,
            _ => return None,
        }
    }
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> (String, u8) {
        match parse(text) {
            Ok(Host::Net(net)) => (net.address.to_string(), net.prefix),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn octets(text: &str) -> Vec<Vec<(u8, u8)>> {
        match parse(text) {
            Ok(Host::Pattern(pattern)) => {
                pattern.0.iter().map(|set| set.runs().collect()).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn addresses_stand_for_themselves() {
        assert_eq!(net("192.0.2.7"), ("192.0.2.7".into(), 32));
        assert_eq!(net("192.168.000.001"), ("192.168.0.1".into(), 32));
        assert_eq!(net("2001:db8::7"), ("2001:db8::7".into(), 128));
        assert_eq!(net("[2001:db8::7]"), ("2001:db8::7".into(), 128));
    }

    #[test]
    fn a_prefix_says_how_many_bits_count() {
        assert_eq!(net("192.0.2.0/24"), ("192.0.2.0".into(), 24));
        assert_eq!(net("0.0.0.0/0"), ("0.0.0.0".into(), 0));
        assert_eq!(net("2001:db8::/32"), ("2001:db8::".into(), 32));
    }

    #[test]
    fn ipv4_in_ipv6_is_ipv4() {
        assert_eq!(net("::ffff:192.0.2.7"), ("192.0.2.7".into(), 32));
        assert_eq!(net("::ffff:192.0.2.0/120"), ("192.0.2.0".into(), 24));
        assert_eq!(net("::ffff:192.0.2.0/95"), ("::ffff:192.0.2.0".into(), 95));
    }

    #[test]
    fn octets_may_be_lists_ranges_and_stars() {
        let all = vec![(0, 255)];
        assert_eq!(
            octets("192.168.0-255.1-254"),
            [vec![(192, 192)], vec![(168, 168)], all.clone(), vec![(1, 254)]]
        );
        assert_eq!(
            octets("10.*.1,3-5,7.-"),
            [vec![(10, 10)], all.clone(), vec![(1, 1), (3, 5), (7, 7)], all.clone()]
        );
        assert_eq!(octets("-9.250-.*.1"), [vec![(0, 9)], vec![(250, 255)], all, vec![(1, 1)]]);
    }

    #[test]
    fn names_may_have_a_prefix() {
        let name = |name: &str, prefix| Ok(Host::Name { name: name.to_owned(), prefix });
        assert_eq!(parse("gate.example"), name("gate.example", None));
        assert_eq!(parse("gate.example/24"), name("gate.example", Some(24)));
        assert_eq!(parse("bücher.example"), name("bücher.example", None));
    }

    #[test]
    fn every_mistake_has_its_words() {
        for (text, problem) in [
            ("192.0.2.0/33", Problem::Prefix4),
            ("192.0.2.0/999", Problem::Prefix4),
            ("192.0.2.0/", Problem::NoPrefix),
            ("192.0.2.0/255.0.0.0", Problem::NoPrefix),
            ("192.0.2.0/-1", Problem::NoPrefix),
            ("2001:db8::/129", Problem::Prefix6),
            ("gate.example/129", Problem::Prefix6),
            ("192.0.2.0-5/24", Problem::PrefixOfRanges),
            ("192.0.2", Problem::NotFourOctets),
            ("192.0.2.1.", Problem::NotFourOctets),
            ("*", Problem::NotFourOctets),
            ("300.0.2.1", Problem::NotAnOctet),
            ("192..2.1", Problem::NotAnOctet),
            ("192.0.2.1--2", Problem::NotAnOctet),
            ("192.0.2.5-1", Problem::Backwards),
            ("fe80::1%eth0", Problem::Scope),
            ("fe80::x", Problem::NotAHost),
            ("[192.0.2.1]", Problem::NotAHost),
            ("a b", Problem::NotAHost),
            ("/24", Problem::NotAHost),
            ("", Problem::NotAHost),
        ] {
            assert_eq!(parse(text), Err(problem), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_host_or_a_mistake(text in "[0-9a-f.:*,/\\[\\]%-]{0,24}|.*") {
            let _ = parse(&text);
        }

        #[test]
        fn runs_give_back_the_set(ranges in proptest::collection::vec(any::<(u8, u8)>(), 0..6)) {
            let mut set = Octets::default();
            for &(first, last) in &ranges {
                set.add(first, last);
            }
            let mut again = Octets::default();
            for (first, last) in set.runs() {
                again.add(first, last);
            }
            prop_assert_eq!(set, again);
        }
    }
}
