//! One client of IRC, which asks and waits: for what is no load.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long an answer may take before the server counts as dead.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Bytes that are read at once: a page of history.
const READ_BYTES: usize = 64 * 1024;

/// A client with a connection of its own.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to 127.0.0.1 and says who it is, but does not wait for being let in. `first` is said before.
    pub(super) fn knock(port: u16, nick: &str, first: &str) -> Result<Self> {
        Self::knock_with(port, nick, first, READ_BYTES)
    }

    /// The same for one of very many.
    pub(super) fn knock_as_one_of_many(port: u16, nick: &str) -> Result<Self> {
        Self::knock_with(port, nick, "", 512)
    }

    fn knock_with(port: u16, nick: &str, first: &str, read_bytes: usize) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut client = Self { stream: BufReader::with_capacity(read_bytes, stream) };
        client.send(&format!("{first}NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n"))?;
        Ok(client)
    }

    /// Waits for being let in.
    pub(super) fn come_in(&mut self) -> Result<()> {
        self.line_with("001").map(drop)
    }

    pub(super) fn join(&mut self, room: &str) -> Result<()> {
        self.send(&format!("JOIN {room}\r\n"))?;
        self.line_with("366").map(drop)
    }

    /// Waits until it has read all that the server had for it: what answers a PING comes after that.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.send("PING settled\r\n")?;
        self.line_with("PONG").map(drop)
    }

    pub(super) fn send(&mut self, lines: &str) -> Result<()> {
        Ok(self.stream.get_mut().write_all(lines.as_bytes())?)
    }

    /// Reads up to a line with this command.
    pub(super) fn line_with(&mut self, wanted: &str) -> Result<String> {
        loop {
            let line = self.line()?;
            match command(&line) {
                command if command == wanted => return Ok(line),
                // There is no message of the day: no failure.
                "422" => {}
                "PING" => {
                    let token = line.split_once(' ').map_or("", |(_, token)| token);
                    self.send(&format!("PONG {token}\r\n"))?;
                }
                command if is_failure(command) => bail!("the server says {line:?}"),
                _ => {}
            }
        }
    }

    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("no answer")? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The command of a line, past its tags and its source.
pub(super) fn command(line: &str) -> &str {
    let past = |word: &&str| word.starts_with(['@', ':']);
    line.split(' ').find(|word| !past(word)).unwrap_or_default()
}

fn is_failure(command: &str) -> bool {
    let is_numeric = command.len() == 3 && command.bytes().all(|byte| byte.is_ascii_digit());
    matches!(command, "FAIL" | "ERROR") || is_numeric && command.starts_with(['4', '5'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_line_is_found_and_failures_are_known() {
        for (line, expected, fails) in [
            (":irc.test 001 b :Welcome", "001", false),
            ("@time=1 :irc.test 433 * b :Nickname is in use", "433", true),
            ("ERROR :Closing link", "ERROR", true),
            ("PING :4711", "PING", false),
            ("", "", false),
        ] {
            assert_eq!((command(line), is_failure(command(line))), (expected, fails), "{line}");
        }
    }
}
