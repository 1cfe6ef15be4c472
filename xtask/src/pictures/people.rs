//! People who say what the pictures show, in plain IRC.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The room of the pictures.
const ROOM: &str = "#lobby";

/// Somebody in the room.
pub(super) struct Person {
    lines: BufReader<TcpStream>,
    stream: TcpStream,
}

impl Person {
    /// Comes in under a name.
    pub(super) fn enter(port: u16, name: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut person = Self { lines: BufReader::new(stream.try_clone()?), stream };
        person.send(&format!(
            "CAP REQ :message-tags echo-message\r\nNICK {name}\r\nUSER me 0 * :{name}\r\nCAP END\r\nJOIN {ROOM}"
        ))?;
        person.expect(" 366 ")?;
        Ok(person)
    }

    /// Says something, and returns its msgid.
    pub(super) fn say(&mut self, text: &str) -> Result<String> {
        self.said("", text)
    }

    /// Answers a message.
    pub(super) fn answer(&mut self, msgid: &str, text: &str) -> Result<String> {
        self.said(&format!("@+draft/reply={msgid} "), text)
    }

    /// Reacts to a message.
    pub(super) fn react(&mut self, msgid: &str, reaction: &str) -> Result<()> {
        self.send(&format!("@+draft/react={reaction};+draft/reply={msgid} TAGMSG {ROOM}"))?;
        self.expect("TAGMSG").map(drop)
    }

    fn said(&mut self, tags: &str, text: &str) -> Result<String> {
        self.send(&format!("{tags}PRIVMSG {ROOM} :{text}"))?;
        let echo = self.expect(text)?;
        let id = echo.split_once("msgid=").context("an echo without msgid")?.1;
        Ok(id.split([';', ' ']).next().unwrap_or_default().to_owned())
    }

    fn send(&mut self, line: &str) -> Result<()> {
        Ok(self.stream.write_all(format!("{line}\r\n").as_bytes())?)
    }

    fn expect(&mut self, part: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                bail!("the server closed the connection before {part:?} came");
            }
            if let Some(token) = line.strip_prefix("PING ") {
                let pong = format!("PONG {}", token.trim_end());
                self.send(&pong)?;
            }
            if line.contains(part) {
                return Ok(line);
            }
        }
    }
}
