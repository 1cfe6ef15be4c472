//! Entries on their way from the threads that serve to the thread that prints.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use callbox_exchange::{EndedEarly, Quoted};
use callbox_net::stream::PeerName;

/// Bytes of a datagram that are shown; a longer one says how much more there was. 20 screen lines are enough to know it.
const SHOWN: usize = 1_600;

/// Entries that wait to be printed. More than a second's worth means that the output is stuck.
const MAX_WAITING: usize = 2_048;

/// Bytes of datagrams that wait to be printed.
const MAX_BYTES: usize = 1 << 20;

/// Entries that wait to be printed, in memory that is reused.
#[derive(Default)]
pub(super) struct Entries {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

enum Head {
    Datagram { peer: Peer, kept: usize, length: usize },
    Connection(Box<ConnectionEntry>),
    Line(&'static str),
}

enum Peer {
    Inet(SocketAddr),
    Named(Box<str>),
}

/// A connection that has ended, as the study notes print it.
#[derive(Debug)]
pub struct ConnectionEntry {
    /// Their end.
    pub peer: PeerName,
    /// Our end; nothing for a Unix socket.
    pub local: Option<SocketAddr>,
    /// What the peer said, as far as it is kept.
    pub message: Option<Vec<u8>>,
    /// Bytes received and sent, for services that have no message.
    pub traffic: Option<(u64, u64)>,
    /// How it ended.
    pub end: ConnectionEnd,
}

/// How a connection ended.
#[derive(Debug)]
pub enum ConnectionEnd {
    /// In order.
    Done,
    /// The peer's message stopped in the middle.
    Early(EndedEarly),
    /// In another way.
    Because(String),
}

impl Entries {
    pub(super) fn with_capacity() -> Self {
        Self { heads: Vec::with_capacity(MAX_WAITING), bytes: Vec::with_capacity(MAX_BYTES) }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
    }

    pub(super) fn push_datagram(&mut self, peer: &SocketAddr, datagram: &[u8]) -> bool {
        self.push(Peer::Inet(*peer), datagram)
    }

    pub(super) fn push_named(&mut self, peer: &str, datagram: &[u8]) -> bool {
        self.push(Peer::Named(peer.into()), datagram)
    }

    pub(super) fn push_connection(&mut self, entry: ConnectionEntry) -> bool {
        let room = self.heads.len() < MAX_WAITING;
        if room {
            self.heads.push(Head::Connection(Box::new(entry)));
        }
        room
    }

    pub(super) fn push_line(&mut self, line: &'static str) -> bool {
        self.heads.push(Head::Line(line));
        true
    }

    fn push(&mut self, peer: Peer, datagram: &[u8]) -> bool {
        // Quoting cuts on a character; a few bytes more let it see whether one is whole.
        let kept = datagram.len().min(SHOWN + 4);
        let room = self.heads.len() < MAX_WAITING && self.bytes.len() + kept <= MAX_BYTES;
        if room {
            self.bytes.extend_from_slice(&datagram[..kept]);
            self.heads.push(Head::Datagram { peer, kept, length: datagram.len() });
        }
        room
    }

    /// Appends everything to `text`, each entry in lines of its own.
    pub(super) fn render(&self, text: &mut String) {
        let mut bytes = &self.bytes[..];
        for head in &self.heads {
            // Writing to a string cannot fail.
            let _ = match head {
                Head::Datagram { peer, kept, length } => {
                    let (datagram, rest) = bytes.split_at(*kept);
                    bytes = rest;
                    render_datagram(text, peer, datagram, *length)
                }
                Head::Connection(entry) => render_connection(text, entry),
                Head::Line(line) => writeln!(text, "{line}"),
            };
        }
    }
}

fn render_datagram(text: &mut String, peer: &Peer, datagram: &[u8], length: usize) -> fmt::Result {
    match peer {
        Peer::Inet(address) => write!(text, "The client at {address} says ")?,
        Peer::Named(name) => write!(text, "The client at {name} says ")?,
    }
    writeln!(text, "{}", Quoted(datagram).cut(SHOWN).of(length))
}

fn render_connection(text: &mut String, entry: &ConnectionEntry) -> fmt::Result {
    writeln!(text, "Connection from {}", entry.peer)?;
    if let Some(local) = entry.local {
        writeln!(text, "  Socket name: {local}")?;
        writeln!(text, "  Socket peer: {}", entry.peer)?;
    }
    match &entry.end {
        ConnectionEnd::Early(early) => writeln!(text, "  {early}")?,
        ConnectionEnd::Because(reason) => writeln!(text, "  {reason}")?,
        ConnectionEnd::Done => {}
    }
    if let Some(message) = &entry.message {
        writeln!(text, "  message from client: {}", Quoted(message))?;
    }
    if let Some((received, sent)) = entry.traffic {
        writeln!(text, "  {received} bytes received, {sent} bytes sent")?;
    }
    writeln!(text, "  Closing socket\nWaiting for a new connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(fill: impl FnOnce(&mut Entries)) -> String {
        let mut entries = Entries::with_capacity();
        fill(&mut entries);
        let mut text = String::new();
        entries.render(&mut text);
        text
    }

    #[test]
    fn a_datagram_is_one_line_whatever_is_in_it() {
        let peer: SocketAddr = "127.0.0.1:46734".parse().unwrap();
        let line =
            |datagram: &[u8]| rendered(|entries| assert!(entries.push_datagram(&peer, datagram)));
        assert_eq!(line(b"sally"), "The client at 127.0.0.1:46734 says 'sally'\n");
        assert_eq!(
            line("héllo 你好".as_bytes()),
            "The client at 127.0.0.1:46734 says 'héllo 你好'\n"
        );
        assert_eq!(line(b"a\n\x1b[2J"), "The client at 127.0.0.1:46734 says 'a\\n\\x1b[2J'\n");
        assert_eq!(line(b""), "The client at 127.0.0.1:46734 says ''\n");
    }

    #[test]
    fn a_long_datagram_is_cut_on_a_character() {
        let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let text = rendered(|entries| {
            assert!(entries.push_datagram(&peer, "你".repeat(10_000).as_bytes()))
        });
        assert!(text.ends_with("你'… and 28401 bytes more\n"), "{}", &text[text.len() - 60..]);
    }

    #[test]
    fn a_connection_is_a_block_as_the_notes_print_it() {
        let entry = ConnectionEntry {
            peer: PeerName::Inet("127.0.0.1:50000".parse().unwrap()),
            local: Some("127.0.0.1:3000".parse().unwrap()),
            message: Some(b"Greetings, serve".to_vec()),
            traffic: None,
            end: ConnectionEnd::Done,
        };
        let text = rendered(|entries| assert!(entries.push_connection(entry)));
        assert_eq!(
            text,
            "Connection from 127.0.0.1:50000\n  Socket name: 127.0.0.1:3000\n  Socket peer: 127.0.0.1:50000\n  \
             message from client: 'Greetings, serve'\n  Closing socket\nWaiting for a new connection\n"
        );
    }

    #[test]
    fn what_waits_to_be_printed_is_bounded() {
        let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let mut entries = Entries::with_capacity();
        let taken = (0..10_000).filter(|_| entries.push_datagram(&peer, &[b'x'; 65_507])).count();
        assert!(taken < 1_000 && entries.bytes.len() <= MAX_BYTES);
        entries.clear();
        assert!(entries.push_datagram(&peer, b"x"));
    }
}
