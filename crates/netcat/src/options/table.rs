//! The one table of options: what is parsed, helped with, completed and documented, and in which flavour a letter has
//! which meaning.

use super::Flavour;

/// One option.
#[derive(Debug)]
pub struct Row {
    /// Its long name, by which the code knows it too.
    pub long: &'static str,
    /// Its letters: in which flavours, and which.
    pub letters: &'static [(&'static [Flavour], char)],
    /// What its value is called in the help; none if it takes no value.
    pub value: Option<&'static str>,
    /// Whether it may be given more than once, all of them counting. Of any other the last counts.
    pub repeats: bool,
    /// Under which title the help has it.
    pub section: Section,
    /// What it is for, one line.
    pub help: &'static str,
    /// What it is of.
    pub origin: Origin,
}

/// The titles in the help, in its order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Section {
    /// What is connected to what.
    Protocol,
    /// A client's socket.
    Connect,
    /// A listener.
    Listen,
    /// What moves, and when it ends.
    Flow,
    /// Programs.
    Run,
    /// Who may connect.
    Access,
    /// TLS, DTLS, QUIC.
    Tls,
    /// Proxies.
    Proxy,
    /// What is told and kept.
    Output,
}

impl Section {
    /// In the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Protocol,
        Self::Connect,
        Self::Listen,
        Self::Flow,
        Self::Run,
        Self::Access,
        Self::Tls,
        Self::Proxy,
        Self::Output,
    ];

    /// The title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Protocol => "Protocol",
            Self::Connect => "Connecting",
            Self::Listen => "Listening",
            Self::Flow => "What moves, and when it ends",
            Self::Run => "Programs",
            Self::Access => "Who may connect",
            Self::Tls => "TLS",
            Self::Proxy => "Proxies",
            Self::Output => "What is told and kept",
        }
    }
}

/// Who has an option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// ncat has it, with this meaning.
    Ncat,
    /// Another `nc` has it, ncat has not; its letters say which.
    Other,
    /// Only this program has it.
    Ours,
    /// Another `nc` has it, and this program has not. What to say instead.
    Missing(&'static str),
}

const NCAT: &[Flavour] = &[Flavour::Ncat];
const OPENBSD: &[Flavour] = &[Flavour::OpenBsd];
const TRADITIONAL: &[Flavour] = &[Flavour::Traditional];
const NOT_OPENBSD: &[Flavour] = &[Flavour::Ncat, Flavour::Traditional];
const NOT_TRADITIONAL: &[Flavour] = &[Flavour::Ncat, Flavour::OpenBsd];
const OTHERS: &[Flavour] = &[Flavour::OpenBsd, Flavour::Traditional];
const ALL: &[Flavour] = &Flavour::ALL;

type Letters = &'static [(&'static [Flavour], char)];

/// An option of ncat's that takes no value.
const fn flag(section: Section, long: &'static str, letters: Letters, help: &'static str) -> Row {
    Row { long, letters, value: None, repeats: false, section, help, origin: Origin::Ncat }
}

/// An option of ncat's with a value.
const fn value(
    section: Section,
    long: &'static str,
    letters: Letters,
    value: &'static str,
    help: &'static str,
) -> Row {
    Row { value: Some(value), ..flag(section, long, letters, help) }
}

/// An option that only this program has.
const fn ours(row: Row) -> Row {
    Row { origin: Origin::Ours, ..row }
}

/// An option that another flavour has.
const fn other(row: Row) -> Row {
    Row { origin: Origin::Other, ..row }
}

/// An option that counts each time.
const fn repeated(row: Row) -> Row {
    Row { repeats: true, ..row }
}

/// A letter of another flavour that means nothing here.
const fn missing(letters: Letters, value: Option<&'static str>, instead: &'static str) -> Row {
    Row {
        long: "",
        letters,
        value,
        repeats: false,
        section: Connect,
        help: instead,
        origin: Origin::Missing(instead),
    }
}

use Section::{Access, Connect, Flow, Listen, Output, Protocol, Proxy, Run, Tls};

/// All options.
pub const TABLE: &[Row] = &[
    flag(Protocol, "ipv4", &[(NOT_TRADITIONAL, '4')], "Use IPv4 only"),
    flag(Protocol, "ipv6", &[(NOT_TRADITIONAL, '6')], "Use IPv6 only"),
    flag(
        Protocol,
        "unixsock",
        &[(NOT_TRADITIONAL, 'U')],
        "Use Unix sockets: the operand is a path (with -u: datagrams)",
    ),
    flag(Protocol, "vsock", &[], "Use the sockets between a machine and its guests: CID and port"),
    flag(Protocol, "udp", &[(ALL, 'u')], "Use UDP instead of TCP"),
    flag(Protocol, "sctp", &[], "Use SCTP instead of TCP"),
    ours(flag(Protocol, "quic", &[], "Use QUIC instead of TCP: one stream, always encrypted")),
    repeated(value(
        Connect,
        "hops",
        &[(NOT_OPENBSD, 'g')],
        "HOP,...",
        "Route IPv4 loosely over these hosts, at most eight",
    )),
    value(
        Connect,
        "hop-pointer",
        &[(NOT_OPENBSD, 'G')],
        "N",
        "Where the route begins: 4, 8, ... 28",
    ),
    value(
        Connect,
        "source-port",
        &[(ALL, 'p')],
        "PORT",
        "The port to connect from, or to listen on",
    ),
    value(Connect, "source", &[(ALL, 's')], "ADDRESS", "The address to connect from"),
    value(Connect, "wait", &[(NCAT, 'w')], "TIME", "How long connecting may take"),
    other(value(
        Connect,
        "wait-idle",
        &[(OTHERS, 'w')],
        "SECONDS",
        "How long connecting may take, and how long nothing may come after it (traditional: after the end of input)",
    )),
    flag(Connect, "zero", &[(ALL, 'z')], "Only see whether something listens; send nothing"),
    flag(Connect, "nodns", &[(ALL, 'n')], "Resolve no names"),
    flag(Listen, "listen", &[(ALL, 'l')], "Listen instead of connecting"),
    flag(
        Listen,
        "keep-open",
        &[(ALL, 'k')],
        "Take any number of connections, one after another or at once",
    ),
    value(Listen, "max-conns", &[(NCAT, 'm')], "N", "Take at most so many connections at once"),
    flag(Listen, "broker", &[], "Give each client what any other one sends"),
    flag(Listen, "chat", &[], "Broker lines of text, each with the name of who sent it"),
    flag(Listen, "test", &[], "Say NCAT TEST: LISTEN on standard error once the listener is ready"),
    flag(Flow, "crlf", &[(ALL, 'C')], "Send CRLF for LF"),
    flag(Flow, "telnet", &[(ALL, 't')], "Answer Telnet's negotiations, with no to all"),
    value(
        Flow,
        "delay",
        &[(NCAT, 'd'), (OTHERS, 'i')],
        "TIME",
        "Wait so long between two lines that are sent",
    ),
    value(
        Flow,
        "idle-timeout",
        &[(NCAT, 'i')],
        "TIME",
        "End when nothing was sent or received for so long",
    ),
    value(Flow, "quit", &[(ALL, 'q')], "TIME", "End so long after the end of standard input"),
    flag(Flow, "send-only", &[], "Only send; end with standard input"),
    flag(Flow, "recv-only", &[(OPENBSD, 'd')], "Only receive; leave standard input alone"),
    flag(Flow, "no-shutdown", &[], "Do not half-close at the end of standard input"),
    other(flag(Flow, "shutdown", &[(OPENBSD, 'N')], "Half-close at the end of standard input")),
    value(
        Run,
        "exec",
        &[(NOT_OPENBSD, 'e')],
        "COMMAND",
        "Run a program with the connection as its input and output",
    ),
    value(Run, "sh-exec", &[(NOT_OPENBSD, 'c')], "COMMAND", "The same by way of /bin/sh"),
    value(Run, "lua-exec", &[], "FILE", "The same with a Lua script"),
    repeated(value(Access, "allow", &[], "HOST,...", "Only these hosts may connect")),
    repeated(value(Access, "allowfile", &[], "FILE", "Only the hosts in this file may connect")),
    repeated(value(
        Access,
        "deny",
        &[],
        "HOST,...",
        "These hosts may not connect, whoever else may",
    )),
    repeated(value(Access, "denyfile", &[], "FILE", "The hosts in this file may not connect")),
    ours(flag(
        Access,
        "reuse-lists",
        &[],
        "Read --allowfile and --denyfile again at SIGHUP; open connections stay",
    )),
    ours(repeated(value(
        Access,
        "allow-origin",
        &[],
        "ORIGIN",
        "Web pages of this origin may open a WebSocket here (https://example.org; * for all)",
    ))),
    flag(Tls, "ssl", &[], "Use TLS (with -u: DTLS)"),
    value(Tls, "ssl-cert", &[], "FILE", "The certificate to show, PEM"),
    value(Tls, "ssl-key", &[], "FILE", "Its private key, PEM"),
    flag(Tls, "ssl-verify", &[], "Connect only where the certificate is trusted and for that host"),
    value(
        Tls,
        "ssl-trustfile",
        &[],
        "FILE",
        "The certificates to trust, PEM, instead of the system's",
    ),
    value(Tls, "ssl-ciphers", &[], "LIST", "The cipher suites to use, by OpenSSL's names"),
    value(Tls, "ssl-servername", &[], "NAME", "The name to ask the server for (SNI)"),
    value(Tls, "ssl-alpn", &[], "LIST", "The protocols to offer, or to take when listening (ALPN)"),
    repeated(value(
        Proxy,
        "proxy",
        &[(OPENBSD, 'x')],
        "HOST[:PORT]",
        "Connect through this proxy; more than one make a chain",
    )),
    repeated(value(
        Proxy,
        "proxy-type",
        &[(OPENBSD, 'X')],
        "TYPE",
        "http, socks4 or socks5 (also connect, 4, 5); one for each --proxy, or one for all. With -l: be an http proxy",
    )),
    repeated(value(
        Proxy,
        "proxy-auth",
        &[],
        "USER[:PASSWORD]",
        "What to say to the proxy, or what its clients have to say (also: NCAT_PROXY_AUTH)",
    )),
    value(
        Proxy,
        "proxy-dns",
        &[],
        "WHERE",
        "Where names are resolved: local, remote, both or none",
    ),
    value(Output, "output", &[(NCAT, 'o')], "FILE", "Write all that passes to a file"),
    value(
        Output,
        "hex-dump",
        &[(NCAT, 'x'), (TRADITIONAL, 'o')],
        "FILE",
        "Write all that passes to a file, in hex",
    ),
    flag(Output, "append-output", &[], "Append to those files instead of beginning anew"),
    ours(value(Output, "pcap", &[], "FILE", "Write all that passes as a capture for Wireshark")),
    ours(flag(Output, "progress", &[], "Show on a terminal how far it is")),
    repeated(flag(Output, "verbose", &[(ALL, 'v')], "Tell more; twice for yet more")),
    ours(value(
        Output,
        "flavour",
        &[],
        "NAME",
        "Whose letters these are: ncat, openbsd or traditional",
    )),
    flag(Output, "version", &[], "Show the version"),
    flag(Output, "help", &[(ALL, 'h')], "Show this"),
    // What others have and this program has not.
    missing(&[(OPENBSD, 'b'), (TRADITIONAL, 'b')], None, "allow broadcasts; it is not supported"),
    missing(&[(OPENBSD, 'D')], None, "SO_DEBUG; it is not supported"),
    missing(&[(OPENBSD, 'F')], None, "pass the socket on; it is not supported"),
    missing(&[(OPENBSD, 'I')], Some("BYTES"), "the receive buffer; it is not supported"),
    missing(
        &[(OPENBSD, 'P')],
        Some("USER"),
        "whom to be for the proxy: use --proxy-auth or NCAT_PROXY_AUTH",
    ),
    missing(&[(OPENBSD, 'O')], Some("BYTES"), "the send buffer; it is not supported"),
    missing(&[(OPENBSD, 'M')], Some("TTL"), "the outgoing TTL; it is not supported"),
    missing(&[(OPENBSD, 'm')], Some("TTL"), "the least incoming TTL; it is not supported"),
    missing(&[(OTHERS, 'r')], None, "random ports; it is not supported"),
    missing(&[(OPENBSD, 'S')], None, "signed segments (RFC 2385); it is not supported"),
    missing(&[(OPENBSD, 'T')], Some("TOS"), "the type of service; it is not supported"),
    missing(&[(OPENBSD, 'V')], Some("TABLE"), "the routing table; it is not supported"),
    missing(&[(OPENBSD, 'W')], Some("N"), "end after so many packets; it is not supported"),
    missing(&[(OPENBSD, 'Z')], None, "DCCP; it is not supported"),
    missing(&[(TRADITIONAL, 'T')], Some("TOS"), "the type of service; it is not supported"),
];

impl Row {
    /// Its letter in a flavour.
    pub fn letter(&self, flavour: Flavour) -> Option<char> {
        self.letters
            .iter()
            .find(|(flavours, _)| flavours.contains(&flavour))
            .map(|(_, letter)| *letter)
    }
}

/// What ncat knows by its letter alone: the long name is this program's own.
const LETTER_ALONE: &[&str] = &["ipv4", "ipv6", "hops", "hop-pointer", "zero", "quit"];

impl Row {
    /// Whether ncat has it under this long name.
    fn is_ncat_s(&self) -> bool {
        self.origin == Origin::Ncat && !LETTER_ALONE.contains(&self.long)
    }

    /// What this long name may be cut down to in ncat, which takes any unique beginning, where other names of the table
    /// begin with the same.
    pub fn abbreviations(&self) -> impl Iterator<Item = &'static str> {
        let long = self.long;
        let own = if self.is_ncat_s() { 1..long.len() } else { 0..0 };
        own.map(move |length| &long[..length]).filter(|beginning| {
            let begin = |row: &&Self| row.long.starts_with(beginning);
            TABLE.iter().filter(|row| row.is_ncat_s()).filter(begin).count() == 1
                && TABLE.iter().filter(begin).count() > 1
        })
    }
}

/// The option that a letter stands for in a flavour.
pub fn lettered(flavour: Flavour, letter: char) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.letter(flavour) == Some(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_letter_means_two_things_in_one_flavour() {
        for flavour in Flavour::ALL {
            let mut seen = HashSet::new();
            for letter in TABLE.iter().filter_map(|row| row.letter(flavour)) {
                assert!(seen.insert(letter), "-{letter} of {flavour:?}");
            }
        }
    }

    #[test]
    fn no_long_name_stands_twice_and_each_is_explained() {
        let mut seen = HashSet::new();
        for row in TABLE.iter().filter(|row| !matches!(row.origin, Origin::Missing(_))) {
            assert!(seen.insert(row.long), "--{}", row.long);
            assert!(row.long.len() > 2 && row.long.is_ascii(), "--{}", row.long);
            assert!(!row.help.ends_with('.') && row.help.len() > 3, "--{}", row.long);
        }
    }

    #[test]
    fn a_beginning_that_is_unique_in_ncat_stays_so() {
        let named = |long: &str| {
            let row = TABLE.iter().find(|row| row.long == long).expect("it is in the table");
            row.abbreviations().collect::<Vec<_>>()
        };
        assert_eq!(named("wait"), ["w", "wa", "wai"]);
        assert_eq!(named("sh-exec"), ["sh"]);
        assert_eq!(named("idle-timeout"), ["i"]);
        // Two of ncat's own begin so, or no other does.
        assert!(named("proxy").is_empty() && named("version").is_empty());
        assert!(named("zero").is_empty());
    }

    #[test]
    fn what_ncat_documents_is_here() {
        let letters = "46UCcegGmhdoxipslkntuvwzq";
        for letter in letters.chars() {
            assert!(lettered(Flavour::Ncat, letter).is_some(), "-{letter}");
        }
    }
}
