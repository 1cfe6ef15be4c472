//! A hub of a few words, its pipe, a store that keeps when it is told to, and clients on real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use callbox_hub::contract::{Answer, ConnId, Door, Flow, Job, Now, Peer, Record, Reloaded, Sink};
use callbox_net::stream::StreamListener;
use callbox_net::trace::Trace;

use super::super::*;

/// Nothing in these tests takes so long, unless it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody hears every line; some lines do more.
#[derive(Default)]
pub(super) struct Toy {
    room: Vec<ConnId>,
}

impl Machine for Toy {
    fn connect(&mut self, conn: ConnId, _: Peer, _: Now, _: &mut dyn Sink) {
        self.room.push(conn);
    }

    fn handle_line(&mut self, conn: ConnId, line: &[u8], now: Now, sink: &mut dyn Sink) -> Flow {
        if !self.room.contains(&conn) {
            return Flow::Closed;
        }
        match line {
            b"panic" => panic!("as the test wants it"),
            b"ask" => {
                sink.job(conn, Job::Reload);
                return Flow::Busy;
            }
            b"wait" => return Flow::Until(now.monotonic + Duration::from_millis(20)),
            b"quit" => {
                self.room.retain(|&other| other != conn);
                sink.line(conn, b"bye\r\n");
                sink.close(conn);
                return Flow::Closed;
            }
            _ if line.starts_with(b"keep ") => {
                sink.record(Record::DropChannel { key: "a".into() });
                sink.receipt(conn);
                sink.line(conn, &[line, b"\r\n"].concat());
            }
            _ if line.starts_with(b"alone ") => sink.line(conn, &[line, b"\r\n"].concat()),
            _ => {
                let line = [line, b"\r\n"].concat();
                self.room.iter().for_each(|&to| sink.line(to, &line));
            }
        }
        Flow::Ready
    }

    fn handle_too_long(&mut self, _: ConnId, _: Now, _: &mut dyn Sink) -> Flow {
        Flow::Ready
    }

    fn disconnect(&mut self, conn: ConnId, reason: &str, _: Now, sink: &mut dyn Sink) {
        self.room.retain(|&other| other != conn);
        let line = format!("gone: {reason}\r\n");
        self.room.iter().for_each(|&to| sink.line(to, line.as_bytes()));
    }

    fn handle_answer(&mut self, conn: ConnId, _: Answer, _: Now, sink: &mut dyn Sink) -> Flow {
        sink.line(conn, b"answered\r\n");
        Flow::Ready
    }

    fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    fn handle_timeout(&mut self, _: Now, _: &mut dyn Sink) {}

    fn stop(&mut self, _: &str, _: Now, _: &mut dyn Sink) {}

    fn reload(&mut self, reloaded: Reloaded, _: Now, sink: &mut dyn Sink) {
        let line = format!("reloaded: {}\r\n", reloaded.config.network);
        self.room.iter().for_each(|&to| sink.line(to, line.as_bytes()));
    }
}

/// Lines as they are, or with every byte turned over on the wire, to stand for a cipher.
pub(super) struct ToyPipe {
    peer: SocketAddr,
    veiled: bool,
    opened: bool,
    buffer: Vec<u8>,
    line: Vec<u8>,
}

impl ToyPipe {
    fn take_line(&mut self) -> bool {
        let Some(lf) = self.buffer.iter().position(|&byte| byte == b'\n') else { return false };
        self.line = self.buffer.drain(..=lf).collect();
        self.line.truncate(lf);
        true
    }
}

impl Pipe for ToyPipe {
    fn receive(&mut self, wire: &[u8], _: Now) {
        self.buffer.extend(wire.iter().map(|byte| !byte));
    }

    fn transparent(&self) -> bool {
        !self.veiled
    }

    fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Incoming<'s>> {
        if !self.opened && (!input.is_empty() || !self.buffer.is_empty()) {
            self.opened = true;
            return Some(Incoming::Opened(Peer {
                address: self.peer.ip(),
                port: self.peer.port(),
                secure: false,
                fingerprint: None,
                door: Door::Irc,
            }));
        }
        // What is left in `input` is the loop's to keep, and lines that are whole are lent from there.
        match input.iter().position(|&byte| byte == b'\n') {
            Some(lf) if self.buffer.is_empty() => {
                let line = &input[..lf];
                *input = &input[lf + 1..];
                return Some(Incoming::Line(line));
            }
            Some(lf) => {
                self.buffer.extend_from_slice(&input[..=lf]);
                *input = &input[lf + 1..];
            }
            None => self.buffer.extend_from_slice(std::mem::take(input)),
        }
        self.take_line().then_some(Incoming::Line(&self.line))
    }

    fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        wire.extend(lines.iter().map(|byte| !byte));
    }

    fn take_output(&mut self, _: &mut Vec<u8>) {}

    fn finish(&mut self, wire: &mut Vec<u8>) {
        wire.extend(b"finished\r\n".iter().map(|byte| !byte));
    }

    fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    fn handle_timeout(&mut self, _: Now) {}
}

pub(super) struct ToyDoors {
    veiled: bool,
}

impl Doors for ToyDoors {
    type Pipe = ToyPipe;

    fn open(&self, _: usize, peer: SocketAddr, _: Now) -> ToyPipe {
        let (buffer, line) = (Vec::new(), Vec::new());
        ToyPipe { peer, veiled: self.veiled, opened: false, buffer, line }
    }
}

/// Tells the test what it was given, and keeps nothing by itself.
struct ToyKeeper {
    next: AtomicU64,
    submitted: Sender<(u64, Vec<ConnId>)>,
    flushed: Sender<()>,
}

impl Keeper for ToyKeeper {
    fn submit(&self, _: Vec<Record>, jobs: Vec<(ConnId, Job)>) -> u64 {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let _ = self.submitted.send((ticket, jobs.into_iter().map(|(conn, _)| conn).collect()));
        ticket
    }

    fn flush(&self) {
        let _ = self.flushed.send(());
    }
}

struct ToyReport(Sender<String>);

impl Report for ToyReport {
    fn notice(&self, notice: Notice<'_>) {
        let _ = self.0.send(format!("{notice:?}"));
    }
}

/// A server that runs until it goes out of scope.
pub(super) struct Running {
    address: SocketAddr,
    veiled: bool,
    pub(super) handle: Handle,
    notices: Receiver<String>,
    submitted: Receiver<(u64, Vec<ConnId>)>,
    pub(super) flushed: Receiver<()>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Starts a server. `veiled` is whether the wire shows something else than the lines.
pub(super) fn start(settings: Settings, veiled: bool) -> Running {
    start_beside(settings, veiled, None::<fn(Entrance<'_, Toy, ToyDoors>) -> io::Result<()>>)
}

/// Starts a server with a thread beside it.
pub(super) fn start_beside(
    settings: Settings,
    veiled: bool,
    beside: Option<impl FnOnce(Entrance<'_, Toy, ToyDoors>) -> io::Result<()> + Send + 'static>,
) -> Running {
    let local = ([127, 0, 0, 1], 0).into();
    let listeners = StreamListener::bind_tcp_group(local, false, 1, &Trace::off()).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let (notice, notices) = mpsc::channel();
    let (submit, submitted) = mpsc::channel();
    let (flush, flushed) = mpsc::channel();
    let report = Arc::new(ToyReport(notice));
    let server = Server::new(listeners, settings, ToyDoors { veiled }, report).unwrap();
    let handle = server.handle();
    let keeper = ToyKeeper { next: AtomicU64::new(1), submitted: submit, flushed: flush };
    let run = move || server.run_with(Toy::default(), Arc::new(keeper), beside);
    let thread = Some(thread::spawn(run));
    Running { address, veiled, handle, notices, submitted, flushed, thread }
}

/// Settings for so many threads.
pub(super) fn threads(threads: usize) -> Settings {
    Settings { threads: Some(threads), ..Settings::default() }
}

impl Running {
    /// A client that the hub knows.
    pub(super) fn client(&self) -> Client {
        let mut client = self.stranger();
        client.say("alone hello");
        assert_eq!(client.hear(), "alone hello");
        client
    }

    /// A client that has said nothing.
    pub(super) fn stranger(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let veil = if self.veiled { 0xff } else { 0 };
        Client { reader: BufReader::new(Veil { stream, veil }) }
    }

    pub(super) fn notice(&self) -> String {
        self.notices.recv_timeout(PATIENCE).expect("a notice")
    }

    /// The next submission: its ticket, and whose jobs are in it.
    pub(super) fn submission(&self) -> (u64, Vec<ConnId>) {
        self.submitted.recv_timeout(PATIENCE).expect("a submission")
    }

    /// Waits for the end of the server that was told to stop.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        self.handle.stop();
        let _ = self.wait();
    }
}

struct Veil {
    stream: TcpStream,
    veil: u8,
}

impl Read for Veil {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(buffer)?;
        buffer[..n].iter_mut().for_each(|byte| *byte ^= self.veil);
        Ok(n)
    }
}

/// A client.
pub(super) struct Client {
    reader: BufReader<Veil>,
}

impl Client {
    pub(super) fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let Veil { stream, veil } = self.reader.get_mut();
        let bytes: Vec<u8> = bytes.iter().map(|byte| byte ^ *veil).collect();
        stream.write_all(&bytes).unwrap();
    }

    /// The next line; empty at the end.
    pub(super) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line or the end");
        line.trim_end().to_owned()
    }

    /// Whether the hub answers, and not the end of the connection, in order or not.
    pub(super) fn is_welcome(&mut self) -> bool {
        let mut line = String::new();
        let said = self.reader.get_mut().stream.write_all(b"alone hello\n");
        said.is_ok() && self.reader.read_line(&mut line).is_ok() && line == "alone hello\r\n"
    }

    /// Whether nothing has come that was not heard.
    pub(super) fn hears_nothing(&mut self) -> bool {
        let stream = &self.reader.get_ref().stream;
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        self.reader.buffer().is_empty()
            && peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    pub(super) fn finish(&mut self) {
        self.reader.get_ref().stream.shutdown(Shutdown::Write).unwrap();
    }
}
