//! A small IRC client: lines out, lines awaited, every wait with a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use callbox_testkit::EVENT_DEADLINE;

/// A connection to a server under test. It reads only when it is asked to, so what came is never in doubt.
pub(crate) struct Irc {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// What was read of late, for the report of a wait that fails.
    seen: Vec<String>,
}

impl Irc {
    /// A connection on which nothing was said.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        stream.set_write_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        Self { stream, bytes: Vec::new(), seen: Vec::new() }
    }

    /// A client that is welcome, under this name.
    #[track_caller]
    pub(crate) fn register(address: SocketAddr, nick: &str) -> Self {
        Self::register_with(address, nick, "")
    }

    /// The same, with capabilities.
    #[track_caller]
    pub(crate) fn register_with(address: SocketAddr, nick: &str, capabilities: &str) -> Self {
        let mut irc = Self::connect(address);
        irc.send("CAP LS 302");
        irc.send(&format!("NICK {nick}"));
        irc.send(&format!("USER {nick} 0 * :{nick}"));
        if !capabilities.is_empty() {
            irc.send(&format!("CAP REQ :{capabilities}"));
            irc.expect(" ACK ");
        }
        irc.send("CAP END");
        irc.expect(" 376 ");
        irc
    }

    /// A client in the lobby.
    #[track_caller]
    pub(crate) fn in_lobby(address: SocketAddr, nick: &str) -> Self {
        let mut irc = Self::register(address, nick);
        irc.join("#lobby");
        irc
    }

    /// Joins a room, up to the end of its names.
    #[track_caller]
    pub(crate) fn join(&mut self, room: &str) {
        self.send(&format!("JOIN {room}"));
        self.expect(" 366 ");
    }

    /// Says a line in the lobby.
    #[track_caller]
    pub(crate) fn say(&mut self, text: &str) {
        self.send(&format!("PRIVMSG #lobby :{text}"));
    }

    /// Sends a line.
    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n"));
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("what is sent is taken");
    }

    /// Says that nothing more will be sent, and reads on.
    pub(crate) fn end(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an end of our direction");
    }

    /// The stream itself.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The next line that contains `part`. Those before it are passed over.
    #[track_caller]
    pub(crate) fn expect(&mut self, part: &str) -> String {
        self.expect_that(part, |line| line.contains(part))
    }

    /// The next line that ends in `part`.
    #[track_caller]
    pub(crate) fn expect_end_of_line(&mut self, part: &str) -> String {
        self.expect_that(part, |line| line.ends_with(part))
    }

    /// All lines up to the answer to a question that is asked now: what came before, and nothing that comes later.
    #[track_caller]
    pub(crate) fn so_far(&mut self) -> Vec<String> {
        self.send("PING fence");
        let mut lines = Vec::new();
        loop {
            match self.line() {
                Some(line) if line.contains(" PONG ") && line.ends_with("fence") => return lines,
                Some(line) => lines.push(line),
                None => self.fail("the answer to a PING, but the connection ended"),
            }
        }
    }

    /// Reads up to the end of the connection, and gives the lines.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    /// The next line without its ending; none at the end of the connection.
    #[track_caller]
    pub(crate) fn line(&mut self) -> Option<String> {
        let deadline = Instant::now() + EVENT_DEADLINE;
        loop {
            if let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                self.seen.push(line.clone());
                return Some(line);
            }
            if Instant::now() > deadline {
                self.fail("a line in time");
            }
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.bytes.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A server that was killed, or had no more to say.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => self.fail(&format!("a line, but: {error}")),
            }
        }
    }

    #[track_caller]
    fn expect_that(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        loop {
            match self.line() {
                Some(line) if holds(&line) => return line,
                Some(_) => {}
                None => self.fail(&format!("{what:?}, but the connection ended")),
            }
        }
    }

    #[track_caller]
    fn fail(&self, expected: &str) -> ! {
        let from = self.seen.len().saturating_sub(40);
        panic!("expected {expected}; the last lines were\n{}", self.seen[from..].join("\n"));
    }
}
