//! The other person in the room: plain IRC lines, written and read as they are.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use callbox_testkit::EVENT_DEADLINE;

/// A connection that has come in under a nickname, and is in the lobby.
pub(crate) struct Other {
    stream: BufReader<TcpStream>,
    seen: String,
}

impl Other {
    /// Comes in, and joins the lobby.
    #[track_caller]
    pub(crate) fn joins(server: SocketAddr, nick: &str) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
        let mut other = Self { stream: BufReader::new(stream), seen: String::new() };
        other.send("CAP REQ :extended-join");
        other.send(&format!("NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nCAP END\r\nJOIN #lobby"));
        other.hears(&format!(" 366 {nick} #lobby "));
        other
    }

    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        let sent = self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
        sent.expect("the line is sent");
    }

    /// Says something in the lobby, and waits until the server has taken it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        self.send(&format!("PRIVMSG #lobby :{text}\r\nPING said"));
        self.hears("PONG");
    }

    /// Waits for a line that contains `text`, and returns it.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line);
            let read = read.unwrap_or_else(|error| {
                panic!("no line with {text:?} came: {error}; before:\n{}", self.seen)
            });
            assert!(read > 0, "the connection ended before {text:?}; before:\n{}", self.seen);
            self.seen.push_str(&line);
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }
}
