//! A network of one server that says what it is told to, as fast as a client takes it: what is measured is the client.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The room in which everything is said.
pub(super) const ROOM: &str = "#room";

/// Lines of one batch of history: the largest page that servers give.
const PAGE: u64 = 1_000;

/// How long a client may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first moment of the history: 2026-01-01T00:00:00Z plus one second a line keeps its order.
const YEAR: u32 = 2026;

/// The server, with its one client.
pub(super) struct Network {
    listener: TcpListener,
}

impl Network {
    pub(super) fn open() -> Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0").context("a port for the network")? })
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Lets the client in, up to its having joined the room.
    pub(super) fn accept(&self) -> Result<Client> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Client { lines: BufReader::new(stream.try_clone()?), stream, said: 0 };
        let mut nick = String::from("me");
        loop {
            let line = client.read()?;
            let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match command.to_ascii_uppercase().as_str() {
                "CAP" if rest.starts_with("LS") => {
                    client.send(":box CAP * LS :batch message-tags server-time\r\n")?;
                }
                "CAP" if rest.starts_with("REQ") => {
                    let wanted = rest.trim_start_matches("REQ").trim_start().trim_start_matches(':');
                    client.send(&format!(":box CAP {nick} ACK :{wanted}\r\n"))?;
                }
                "NICK" => nick = rest.trim_start_matches(':').to_owned(),
                "USER" => client.send(&format!(
                    ":box 001 {nick} :Welcome to the network\r\n:box 004 {nick} box box-1 o o\r\n:box 005 {nick} \
                     CHANTYPES=# PREFIX=(ov)@+ NETWORK=box :are supported by this server\r\n:box 422 {nick} :No MOTD\r\n"
                ))?,
                "JOIN" => {
                    client.send(&format!(
                        ":{nick}!me@here JOIN {ROOM}\r\n:box 353 {nick} = {ROOM} :{nick} @sally\r\n:box 366 {nick} \
                         {ROOM} :End\r\n"
                    ))?;
                    return Ok(client);
                }
                "PING" => client.send(&format!(":box PONG box {rest}\r\n"))?,
                "QUIT" => bail!("the client left before it had joined"),
                _ => {}
            }
        }
    }
}

/// The client, seen from the server.
pub(super) struct Client {
    lines: BufReader<TcpStream>,
    stream: TcpStream,
    said: u64,
}

impl Client {
    /// Sends `lines` lines of history, oldest first, and waits until the client has taken in all of them: it answers the
    /// PING behind them.
    pub(super) fn replay(&mut self, lines: u64) -> Result<Duration> {
        let mut text = String::new();
        let pages = lines / PAGE;
        for page in 0..pages {
            let _ = write!(text, ":box BATCH +h{page} chathistory {ROOM}\r\n");
            for _ in 0..PAGE {
                self.line(&mut text, &format!("batch=h{page};"));
            }
            let _ = write!(text, ":box BATCH -h{page}\r\n");
        }
        text.push_str("PING :taken-in\r\n");
        let begun = Instant::now();
        self.send(&text)?;
        loop {
            let line = self.read()?;
            if line.starts_with("PONG") && line.contains("taken-in") {
                return Ok(begun.elapsed());
            }
        }
    }

    /// Says so many lines a second, evenly, until it is stopped.
    pub(super) fn babble(mut self, rate: u32) -> Result<Babble> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, mut reader) = (Arc::clone(&stop), self.stream.try_clone()?);
        // What the client asks meanwhile is its own matter; but it must not be held up.
        thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let thread = thread::spawn(move || -> Result<(Self, u64)> {
            let (begun, mut count) = (Instant::now(), 0);
            while !stopped.load(Ordering::Relaxed) {
                let mut text = String::new();
                self.line(&mut text, "");
                self.send(&text)?;
                count += 1;
                let next = begun + Duration::from_secs(1) / rate * u32::try_from(count)?;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            Ok((self, count))
        });
        Ok(Babble { stop, thread })
    }

    fn line(&mut self, text: &mut String, tags: &str) {
        self.said += 1;
        let (n, second) = (self.said, self.said % 60);
        let (minute, hour, day) = (n / 60 % 60, n / 3600 % 24, n / 86_400 % 28 + 1);
        let _ = write!(
            text,
            "@{tags}msgid=m{n};time={YEAR}-01-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z :sally{}!s@h PRIVMSG {ROOM} \
             :line {n} of a conversation that goes on and on\r\n",
            n % 20
        );
    }

    fn send(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).context("the client has gone")
    }

    fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => bail!("the client closed the connection"),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => bail!("the client says nothing"),
            Err(error) => Err(error.into()),
        }
    }
}

/// A client that is being talked to.
pub(super) struct Babble {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(Client, u64)>>,
}

impl Babble {
    /// Ends it, and says how many lines it were.
    pub(super) fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(said) => said.map(|(_, count)| count),
            Err(_) => bail!("the network panicked"),
        }
    }
}
