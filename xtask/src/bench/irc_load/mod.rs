//! The fan-out load: a crowd of IRC clients in one room, some of whom talk.
//!
//! A talker keeps a window of messages on their way; a message is done when everybody else has it.
//! Every delivery is checked: who says it, that it is the next of that talker, and each byte. One
//! thread serves all clients, so that the load has the one processor it is pinned to and no more.

mod sweep;
mod talking;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use sweep::Swept;
pub(crate) use talking::Talk;
use talking::{Talking, Tally};

/// The room that all come into.
pub(crate) const ROOM: &str = "#bench";

/// How long a server may take for a crowd to come in: longer than anybody would wait.
pub(crate) const CROWD_LIMIT: Duration = Duration::from_secs(60);

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Clients that connect, and that join, before what the server says in between is read.
const CONNECT_STRIDE: usize = 64;
const JOIN_STRIDE: usize = 16;

/// The longest wait for the kernel before limits in time are looked at.
const PUMP_WAIT: Duration = Duration::from_millis(10);

/// Clients that are connected to one server.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// How many clients were let in, are in the room, and have their last PING answered.
    registered: usize,
    joined: usize,
    ponged: usize,
    talking: Option<Talking>,
    /// Clients that are not listened to any more.
    swept: Option<Swept>,
    /// What went wrong with a client, to end with.
    failure: Option<String>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// The beginning of a line whose end is yet to come.
    partial: Vec<u8>,
    /// What the kernel did not take yet.
    unsent: Vec<u8>,
}

impl Crowd {
    /// Connects clients to 127.0.0.1 and waits until the server has let all of them in.
    pub(crate) fn connect(port: u16, clients: usize) -> Result<Self> {
        Self::connect_as("b", port, clients)
    }

    /// Whether the server lets somebody in. They have a name of their own, which may be taken for a
    /// while after they are gone.
    pub(crate) fn is_let_in(port: u16) -> bool {
        Self::connect_as("first", port, 1).is_ok()
    }

    fn connect_as(name: &str, port: u16, clients: usize) -> Result<Self> {
        let mut crowd = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::with_capacity(clients),
            registered: 0,
            joined: 0,
            ponged: 0,
            talking: None,
            swept: None,
            failure: None,
            buffer: vec![0; READ_BYTES],
        };
        let deadline = Instant::now() + CROWD_LIMIT;
        for number in 0..clients {
            if Instant::now() > deadline {
                bail!("{number} of {clients} clients could connect in {CROWD_LIMIT:?}");
            }
            crowd.add_client(port).with_context(|| format!("client {number} cannot connect"))?;
            crowd.send(number, &format!("NICK {name}{number}\r\nUSER b{number} 0 * :b\r\n"))?;
            if number % CONNECT_STRIDE == CONNECT_STRIDE - 1 {
                crowd.pump(Duration::ZERO)?;
            }
        }
        crowd.pump_until(deadline, "were let in", |crowd| crowd.registered)?;
        Ok(crowd)
    }

    /// Brings all into the room, and waits until everybody has heard of everybody.
    pub(crate) fn join(&mut self) -> Result<()> {
        let deadline = Instant::now() + CROWD_LIMIT;
        for number in 0..self.clients.len() {
            self.send(number, &format!("JOIN {ROOM}\r\n"))?;
            if number % JOIN_STRIDE == JOIN_STRIDE - 1 {
                self.pump(Duration::ZERO)?;
            }
        }
        self.pump_until(deadline, "came into the room", |crowd| crowd.joined)?;
        self.settle()
    }

    /// Waits until every client has read all that the server had for it: what answers a PING comes
    /// after it.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let deadline = Instant::now() + CROWD_LIMIT;
        self.ponged = 0;
        for number in 0..self.clients.len() {
            self.send(number, "PING settled\r\n")?;
        }
        self.pump_until(deadline, "had their PING answered", |crowd| crowd.ponged)
    }

    /// From now on only the first `listeners` clients check what they get; the others read it.
    pub(crate) fn spare_all_but(&mut self, listeners: usize) -> Result<()> {
        self.swept = Some(Swept::new(&mut self.clients, listeners, self.poll.registry())?);
        Ok(())
    }

    /// Lets the talkers begin.
    pub(crate) fn talk(&mut self, talk: Talk) -> Result<()> {
        let listeners = self.swept.as_ref().map_or(self.clients.len(), Swept::first);
        self.talking = Some(Talking::new(talk, listeners));
        (0..talk.talkers).try_for_each(|talker| self.say_more(talker))
    }

    /// Begins to count anew.
    pub(crate) fn count(&mut self) {
        if let Some(talking) = &mut self.talking {
            talking.count();
        }
        if let Some(swept) = &mut self.swept {
            swept.count();
        }
    }

    /// Serves the clients for a time.
    pub(crate) fn pump_for(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.pump(PUMP_WAIT)?;
        }
        Ok(())
    }

    /// Serves the clients until every message of every talker is with everybody, or one was bad.
    pub(crate) fn pump_to_the_end(&mut self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        while self.talking.as_ref().is_some_and(|talking| !talking.is_over()) {
            if Instant::now() > until {
                bail!("not all was delivered in {limit:?}");
            }
            self.pump(PUMP_WAIT)?;
        }
        Ok(())
    }

    /// What was delivered; the talk is over with it.
    pub(crate) fn tally(&mut self) -> Tally {
        let mut tally = self.talking.take().map(Talking::into_tally).unwrap_or_default();
        tally.unchecked = self.swept.as_ref().map_or(0, Swept::lines);
        tally
    }

    fn add_client(&mut self, port: u16) -> io::Result<()> {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = std::net::TcpStream::connect_timeout(&server, CROWD_LIMIT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(self.clients.len()), interest)?;
        self.clients.push(Client { stream, partial: Vec::new(), unsent: Vec::new() });
        Ok(())
    }

    fn send(&mut self, number: usize, line: &str) -> Result<()> {
        self.clients[number].unsent.extend_from_slice(line.as_bytes());
        self.flush(number)
    }

    fn flush(&mut self, number: usize) -> Result<()> {
        let Client { stream, unsent, .. } = &mut self.clients[number];
        while !unsent.is_empty() {
            match stream.write(unsent) {
                Ok(length) => drop(unsent.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| format!("client {number} sends")),
            }
        }
        Ok(())
    }

    /// Queues and sends what a talker's window has room for.
    fn say_more(&mut self, talker: usize) -> Result<()> {
        let Some(talking) = &mut self.talking else { return Ok(()) };
        talking.say_more(talker, &mut self.clients[talker].unsent);
        self.flush(talker)
    }

    /// Serves clients until all of them have got where `reached` counts them.
    fn pump_until(
        &mut self,
        deadline: Instant,
        what: &str,
        reached: impl Fn(&Self) -> usize,
    ) -> Result<()> {
        while reached(self) < self.clients.len() {
            if Instant::now() > deadline {
                let (reached, all) = (reached(self), self.clients.len());
                bail!("{reached} of {all} clients {what} in {CROWD_LIMIT:?}");
            }
            self.pump(PUMP_WAIT)?;
        }
        Ok(())
    }

    /// Serves every client that is ready, once.
    fn pump(&mut self, wait: Duration) -> Result<()> {
        let mut wait = wait;
        if let Some(swept) = &mut self.swept {
            swept.sweep(&mut self.clients, &mut self.buffer)?;
            wait = wait.min(swept.wait());
        }
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let number = event.token().0;
            if event.is_writable() && !self.clients[number].unsent.is_empty() {
                self.flush(number)?;
            }
            if event.is_readable() {
                self.read(number, event.is_read_closed())?;
            }
        }
        self.events = events;
        match self.failure.take() {
            Some(failure) => bail!(failure),
            None => Ok(()),
        }
    }

    /// Reads all that has come; a short read means that there is no more, unless the end is near.
    fn read(&mut self, number: usize, to_the_end: bool) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            match self.clients[number].stream.read(&mut buffer) {
                Ok(0) => {
                    let closed = || format!("the server closed the connection of client {number}");
                    self.failure.get_or_insert_with(closed);
                    break;
                }
                Ok(length) => {
                    self.handle_bytes(number, &buffer[..length])?;
                    if length < buffer.len() && !to_the_end {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| format!("client {number} reads")),
            }
        }
        self.buffer = buffer;
        Ok(())
    }

    fn handle_bytes(&mut self, number: usize, mut bytes: &[u8]) -> Result<()> {
        let now = Instant::now();
        let partial = &mut self.clients[number].partial;
        let mut first = std::mem::take(partial);
        if !first.is_empty() {
            // The end of the line that began in an earlier read.
            bytes.read_until(b'\n', &mut first)?;
            if first.last() == Some(&b'\n') {
                self.handle_line(number, &first, now)?;
                first.clear();
            }
            self.clients[number].partial = first;
        }
        while !bytes.is_empty() {
            let rest = bytes;
            let length = bytes.skip_until(b'\n')?;
            let line = &rest[..length];
            if line.ends_with(b"\n") {
                self.handle_line(number, line, now)?;
            } else {
                self.clients[number].partial.extend_from_slice(line);
            }
        }
        Ok(())
    }

    fn handle_line(&mut self, number: usize, line: &[u8], now: Instant) -> Result<()> {
        let message = Message::parse(line);
        match message.command {
            b"PRIVMSG" => {
                let Some(talking) = &mut self.talking else { return Ok(()) };
                if let Some(talker) = talking.handle_delivery(number, &message, now) {
                    self.say_more(talker)?;
                }
            }
            b"PING" => {
                let token = String::from_utf8_lossy(message.params).into_owned();
                self.send(number, &format!("PONG {token}\r\n"))?;
            }
            b"PONG" => self.ponged += 1,
            b"001" => self.registered += 1,
            b"366" => self.joined += 1,
            // There is no message of the day: no failure.
            b"422" => {}
            b"ERROR" | [b'4' | b'5', _, _] => {
                let line = String::from_utf8_lossy(line).trim_end().to_owned();
                self.failure.get_or_insert_with(|| format!("client {number} was told {line:?}"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The parts of a line that matter here.
struct Message<'a> {
    source: &'a [u8],
    command: &'a [u8],
    params: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(line: &'a [u8]) -> Self {
        let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
        rest = rest.strip_suffix(b"\r").unwrap_or(rest);
        if rest.first() == Some(&b'@') {
            rest = word(rest).1;
        }
        let mut source = &b""[..];
        if let Some(sourced) = rest.strip_prefix(b":") {
            (source, rest) = word(sourced);
        }
        let (command, params) = word(rest);
        Self { source, command, params }
    }
}

/// What comes before the first blank, and after it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    (&text[..end], text.get(end + 1..).unwrap_or_default())
}
