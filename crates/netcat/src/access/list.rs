//! Lists of hosts as they are typed and as they stand in files, with all their mistakes.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use callbox_exchange::Quoted;

use super::host::{self, Host, Net, Pattern, Problem};
use super::hosts::Hosts;

/// How many mistakes are kept: more than somebody mends at once, and little where a file was no list at all. The others
/// are counted.
pub const MISTAKES_MAX: usize = 100;

/// How much of what was written a mistake shows.
const SHOWN: usize = 80;

/// Hosts that are being read.
///
/// Calling contract: [`add_list`](Self::add_list) and [`add_file`](Self::add_file) as often as there is something to
/// read, then [`resolve`](Self::resolve) once, then [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct HostList {
    nets: Vec<Net>,
    patterns: Vec<Pattern>,
    names: Vec<Name>,
    mistakes: Mistakes,
    /// How many places were read.
    places: usize,
}

#[derive(Debug)]
struct Name {
    name: String,
    prefix: Option<u8>,
    place: Place,
}

/// Where something stands: an option, or a file and a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    source: Arc<str>,
    line: Option<usize>,
    /// The how manieth it is of all that are read.
    order: usize,
}

impl HostList {
    /// Takes in an option's value: hosts with commas between. Empty ones are passed over.
    pub fn add_list(&mut self, option: &str, value: &str) {
        let place = Place { source: option.into(), line: None, order: self.places };
        self.places += 1;
        self.add_hosts(value, &place);
    }

    /// Takes in a file: hosts with white space or commas between, and comments from `#` to the end of the line.
    pub fn add_file(&mut self, name: &str, contents: &[u8]) {
        let contents = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
        let mut place = Place { source: name.into(), line: None, order: self.places };
        for (number, line) in contents.split(|&byte| byte == b'\n').enumerate() {
            place.line = Some(number + 1);
            place.order = self.places;
            self.places += 1;
            let line = line.split(|&byte| byte == b'#').next().unwrap_or(line);
            match str::from_utf8(line) {
                Ok(line) => line.split_whitespace().for_each(|hosts| self.add_hosts(hosts, &place)),
                Err(_) => self.mistakes.add(&place, line, Problem::NotText),
            }
        }
    }

    /// Asks for the addresses of all names, of each once. A name that has none, or for which there is an error, is a
    /// mistake.
    pub fn resolve(&mut self, mut lookup: impl FnMut(&str) -> io::Result<Vec<IpAddr>>) {
        let mut known: HashMap<String, Result<Vec<IpAddr>, String>> = HashMap::new();
        for Name { name, prefix, place } in std::mem::take(&mut self.names) {
            let found = known.entry(name.clone()).or_insert_with(|| match lookup(&name) {
                Ok(addresses) if addresses.is_empty() => Err("none was found".to_owned()),
                Ok(addresses) => Ok(addresses),
                Err(error) => Err(error.to_string()),
            });
            match found {
                Ok(addresses) => {
                    for &address in &*addresses {
                        // A prefix that is longer than an IPv4 address is meant for the name's IPv6 addresses.
                        let bits = if address.is_ipv4() { 32 } else { 128 };
                        self.nets.extend(Net::new(address, prefix.map(|prefix| prefix.min(bits))));
                    }
                }
                Err(error) => {
                    self.mistakes.add(&place, name.as_bytes(), Problem::Unresolved(error.clone()));
                }
            }
        }
    }

    /// Whether there are names, so that [`resolve`](Self::resolve) will ask.
    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// All that was read, as a table.
    ///
    /// # Errors
    ///
    /// All mistakes that were made. A name that was not resolved is one.
    pub fn finish(mut self) -> Result<Hosts, Mistakes> {
        for Name { name, place, .. } in std::mem::take(&mut self.names) {
            let problem = Problem::Unresolved("names are not resolved".to_owned());
            self.mistakes.add(&place, name.as_bytes(), problem);
        }
        if self.mistakes.listed.is_empty() {
            Ok(Hosts::new(&self.nets, &self.patterns))
        } else {
            // Those about names were found last.
            self.mistakes.listed.sort_by_key(|mistake| mistake.place.order);
            Err(self.mistakes)
        }
    }

    /// Hosts with commas between, of which those within one IPv4 address (`10.0.0,2.1`) belong to it.
    fn add_hosts(&mut self, text: &str, place: &Place) {
        if host::is_pattern(text) {
            return self.add_host(text, place);
        }
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            self.add_host(text, place);
        }
    }

    fn add_host(&mut self, text: &str, place: &Place) {
        match host::parse(text) {
            Ok(Host::Net(net)) => self.nets.push(net),
            Ok(Host::Pattern(pattern)) => self.patterns.push(pattern),
            Ok(Host::Name { name, prefix }) => {
                self.names.push(Name { name, prefix, place: place.clone() });
            }
            Err(problem) => self.mistakes.add(place, text.as_bytes(), problem),
        }
    }
}

/// All that is wrong with lists of hosts, in the order in which it stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// The first of them, [at most a hundred](MISTAKES_MAX).
    pub listed: Vec<Mistake>,
    /// How many more there are.
    pub more: usize,
}

impl Mistakes {
    fn add(&mut self, place: &Place, text: &[u8], problem: Problem) {
        if self.listed.len() == MISTAKES_MAX {
            self.more += 1;
            return;
        }
        // Enough for `Quoted` to see where a character ends.
        let kept = &text[..text.len().min(SHOWN + 4)];
        self.listed.push(Mistake {
            place: place.clone(),
            text: kept.to_vec(),
            length: text.len(),
            problem,
        });
    }
}

/// One mistake. Its text is one line: `hosts.txt:3: '300.0.0.1': the numbers of an IPv4 address are 0 to 255`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    place: Place,
    text: Vec<u8>,
    length: usize,
    problem: Problem,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.source)?;
        if let Some(line) = self.place.line {
            write!(f, ":{line}")?;
        }
        let text = Quoted(&self.text).cut(SHOWN).of(self.length);
        write!(f, ": {text}: {}", self.problem)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from_file(contents: &str) -> HostList {
        let mut list = HostList::default();
        list.add_file("hosts.txt", contents.as_bytes());
        list
    }

    fn has(hosts: &Hosts, address: &str) -> bool {
        hosts.contains(address.parse().unwrap())
    }

    fn lines(mistakes: &Mistakes) -> Vec<String> {
        mistakes.listed.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_holds_several_hosts_a_line_and_comments() {
        let contents = "\u{feff}# ours\r\n10.0.0.1 10.0.0.2\t::1 # not 10.0.0.3\r\n\r\n10.0.0.4,10.0.0.5#x\n10.0.1,2.7";
        let hosts = from_file(contents).finish().unwrap();
        for inside in
            ["10.0.0.1", "10.0.0.2", "::1", "10.0.0.4", "10.0.0.5", "10.0.1.7", "10.0.2.7"]
        {
            assert!(has(&hosts, inside), "{inside}");
        }
        for outside in ["10.0.0.3", "2.7.0.0", "10.0.1.0"] {
            assert!(!has(&hosts, outside), "{outside}");
        }
    }

    #[test]
    fn an_option_holds_hosts_with_commas_between() {
        let mut list = HostList::default();
        list.add_list("--allow", "10.0.0.1,, 10.0.0.2");
        list.add_list("--allow", "192.168.0,1.1");
        let hosts = list.finish().unwrap();
        assert!(has(&hosts, "10.0.0.1") && has(&hosts, "10.0.0.2") && has(&hosts, "192.168.1.1"));
    }

    #[test]
    fn all_mistakes_are_told_with_their_lines() {
        let mut list = from_file("gone.invalid\n300.0.0.1 10.0.0.0/33\n# fine\n\u{1b}[2J\n");
        list.add_file("more.txt", b"\n\xff\xfe\n");
        list.add_list("--allow", "10.0.0.9-1,nowhere.invalid");
        list.resolve(|_| Err(io::Error::other("no such name")));
        assert_eq!(
            lines(&list.finish().unwrap_err()),
            [
                "hosts.txt:1: 'gone.invalid': this name has no address: no such name",
                "hosts.txt:2: '300.0.0.1': the numbers of an IPv4 address are 0 to 255",
                "hosts.txt:2: '10.0.0.0/33': the prefix length of an IPv4 address is 0 to 32",
                "hosts.txt:4: '\\x1b[2J': this is neither an address nor a name",
                "more.txt:2: '\\xff\\xfe': this is no text (UTF-8)",
                "--allow: '10.0.0.9-1': a range goes from the smaller number to the larger",
                "--allow: 'nowhere.invalid': this name has no address: no such name",
            ]
        );
    }

    #[test]
    fn of_a_file_that_is_no_list_only_the_first_mistakes_are_kept() {
        let mut list = HostList::default();
        list.add_file("noise", "! ".repeat(1_000).as_bytes());
        list.add_file("long", "!".repeat(1_000).as_bytes());
        let mistakes = list.finish().unwrap_err();
        assert_eq!((mistakes.listed.len(), mistakes.more), (MISTAKES_MAX, 901));
        let mut list = HostList::default();
        list.add_file("long", "!".repeat(1_000).as_bytes());
        let line = lines(&list.finish().unwrap_err()).remove(0);
        assert!(line.contains("'… and 920 bytes more: this is neither"), "{line}");
    }

    #[test]
    fn names_are_asked_for_once_and_stand_for_all_their_addresses() {
        let mut list = from_file("gate.example\ngate.example/24\ngate.example/64\n");
        let mut asked = Vec::new();
        assert!(list.has_names());
        list.resolve(|name| {
            asked.push(name.to_owned());
            Ok(vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()])
        });
        assert_eq!(asked, ["gate.example"]);
        let hosts = list.finish().unwrap();
        for inside in ["192.0.2.7", "192.0.2.200", "2001:db8::7", "2001:db8::9"] {
            assert!(has(&hosts, inside), "{inside}");
        }
        assert!(!has(&hosts, "192.0.3.7"));
    }

    #[test]
    fn a_name_without_addresses_admits_nobody_silently() {
        let mut list = from_file("a.example\n\nb.example");
        list.resolve(|name| {
            if name == "a.example" { Ok(Vec::new()) } else { Ok(vec![[10, 0, 0, 1].into()]) }
        });
        let expected = "hosts.txt:1: 'a.example': this name has no address: none was found";
        assert_eq!(lines(&list.finish().unwrap_err()), [expected]);
        let unasked = "hosts.txt:1: 'a.example': this name has no address: names are not resolved";
        assert_eq!(lines(&from_file("a.example").finish().unwrap_err()), [unasked]);
    }

    proptest! {
        #[test]
        fn any_file_is_a_table_or_has_mistakes(contents in proptest::collection::vec(any::<u8>(), 0..200), text in "[0-9a-f.:*,/# \n-]{0,60}") {
            let mut list = HostList::default();
            list.add_file("noise", &contents);
            list.add_file("text", text.as_bytes());
            list.add_list("--deny", &text);
            list.resolve(|_| Ok(vec![[10, 0, 0, 1].into()]));
            match list.finish() {
                Ok(hosts) => { hosts.contains([10, 0, 0, 1].into()); }
                Err(mistakes) => {
                    prop_assert!(!mistakes.listed.is_empty());
                    prop_assert!(lines(&mistakes).iter().all(|line| !line.contains(char::is_control)));
                }
            }
        }
    }
}
