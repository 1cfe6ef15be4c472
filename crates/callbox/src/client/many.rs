//! `callbox udp client --many`: one unconnected socket, any number of servers.
//!
//! Input is read on one thread, datagrams on a thread a socket, and the main thread in the middle holds the machine that
//! knows who is waited for. A reply is printed when it comes, whatever the prompt is doing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use callbox_exchange::lines::MAX_LINE;
use callbox_exchange::many::Reason as Why;
use callbox_exchange::{Backoff, Bare, Heard, Many, Quoted, split_addressed};
use callbox_net::address::HostPort;
use callbox_net::datagram::{DatagramSocket, max_payload};
use callbox_net::trace::Trace;

use super::input::{self, Input, InputLine};
use super::output::{Output, Printer};
use super::{datagram_address, end_on_signal, seed};
use crate::cli::UdpClientArgs;
use crate::messages::{self, Exit, Failure, Reason};

/// One byte more than any datagram carries.
const BUFFER: usize = 65_536;

const MESSAGE_PROMPT: &str = "Input message to send to server: ";

/// Requests that may be under way before more input is read. A socket's receive buffer holds 277 short datagrams (Linux's
/// default of 212,992 bytes, of which each takes 768), and a reply that finds it full is lost.
const WINDOW: usize = 128;

/// A server of the family whose datagrams carry most.
const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

/// Longer than any wait that may be asked for, for a machine that waits for nothing.
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// Events that wait to be looked at; whoever has more waits, and what comes too fast is lost in the kernel. It bounds
/// memory to 4 MiB even if all are datagrams of the longest kind.
const MAX_WAITING: usize = 64;

enum Event {
    /// A message for a server.
    Send { to: SocketAddr, message: Vec<u8> },
    /// A line of input was no good; the run will end with this.
    Wrong(Failure),
    /// A datagram came.
    Datagram { from: SocketAddr, datagram: Vec<u8> },
    /// ICMP said that a datagram reached nobody.
    Refused(SocketAddr),
    /// There is no more input, or it cannot be read.
    End(Result<(), Failure>),
}

/// Runs the client until the end of input and the last reply.
pub(super) fn run(args: &UdpClientArgs) -> Result<(), Failure> {
    end_on_signal()?;
    let servers = known_servers(args)?;
    let (events, inbox) = sync_channel(MAX_WAITING);
    let (permit, permits) = sync_channel(0);
    let printer = start_reading(servers, args.clone(), events.clone(), permits)?;
    let mut talker = Talker {
        many: Many::new(
            Backoff { first: args.timeout.0, tries: args.tries },
            args.from_any_port,
            seed(),
        ),
        sockets: Sockets { v4: None, v6: None, trace: messages::trace(args.verbose), events },
        output: Output::new(printer),
        quiet: args.quiet,
        start: Instant::now(),
        worst: Ok(()),
        permit,
    };
    let talked = talker.run(&inbox);
    if talked.is_err() {
        // Output failed, and somebody may still stand at the prompt.
        input::restore_terminal();
        return talked;
    }
    talker.output.finish();
    talker.worst
}

/// Starts the thread that reads input. Gives what prints above its prompt, if there is one.
fn start_reading(
    servers: Vec<SocketAddr>,
    args: UdpClientArgs,
    events: SyncSender<Event>,
    permits: Receiver<()>,
) -> Result<Option<Printer>, Failure> {
    let (opened, printer) = sync_channel(0);
    thread::spawn(move || {
        let mut input = match Input::open() {
            Ok(input) => input,
            Err(failure) => {
                let _ = opened.send(Err(failure));
                return;
            }
        };
        let _ = opened.send(Ok(input.printer()));
        let ended = read_all(&mut input, &servers, &args, &events, &permits);
        // Before the end is told: what prints above the prompt must know that it has gone.
        drop(input);
        let _ = events.send(Event::End(ended));
    });
    printer.recv().unwrap_or_else(|_| Err(Failure::said(Exit::Network)))
}

/// The servers of the command line, to all of which every message goes.
fn known_servers(args: &UdpClientArgs) -> Result<Vec<SocketAddr>, Failure> {
    args.servers.iter().map(|server| datagram_address(server, args.port)).collect()
}

fn read_all(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
    events: &SyncSender<Event>,
    permits: &Receiver<()>,
) -> Result<(), Failure> {
    loop {
        let (to, message) = match next_message(input, servers, args)? {
            Next::Message { to, message } => (to, message),
            Next::End => return Ok(()),
            Next::Wrong(failure) => {
                let _ = events.send(Event::Wrong(failure));
                continue;
            }
        };
        for to in to {
            // The permit comes when few enough are waited for, so no more input is read than can be asked.
            if events.send(Event::Send { to, message: message.clone() }).is_err()
                || permits.recv().is_err()
            {
                return Ok(());
            }
        }
    }
}

/// What the next line of input, or the next two at a prompt, turned out to be.
enum Next {
    Message {
        to: Vec<SocketAddr>,
        message: Vec<u8>,
    },
    /// It cannot be sent; the next one may be better.
    Wrong(Failure),
    End,
}

/// The next message and whom it goes to. An error is that there can be no next.
fn next_message(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
) -> Result<Next, Failure> {
    if !servers.is_empty() {
        let line = input.next(MESSAGE_PROMPT)?;
        return Ok(message_to(servers.to_vec(), line));
    }
    if input.is_terminal() {
        let Some(host) = input.next("Input host address: ")? else { return Ok(Next::End) };
        let host = text(host).and_then(|host| server(String::from_utf8_lossy(&host).trim(), args));
        return Ok(match host {
            Ok(to) => message_to(vec![to], input.next(MESSAGE_PROMPT)?),
            Err(failure) => Next::Wrong(failure),
        });
    }
    let Some(line) = input.next("")? else { return Ok(Next::End) };
    let next = text(line).and_then(|line| {
        let (host, message) = split_addressed(&line).map_err(|e| Failure::usage(e.to_string()))?;
        Ok(Next::Message { to: vec![server(host, args)?], message: message.to_vec() })
    });
    Ok(next.unwrap_or_else(Next::Wrong))
}

fn message_to(to: Vec<SocketAddr>, line: Option<InputLine>) -> Next {
    match line.map(text) {
        Some(Ok(message)) => Next::Message { to, message },
        Some(Err(failure)) => Next::Wrong(failure),
        None => Next::End,
    }
}

fn server(host: &str, args: &UdpClientArgs) -> Result<SocketAddr, Failure> {
    let host: HostPort = host
        .parse()
        .map_err(|e: callbox_net::address::AddressError| Failure::usage(e.to_string()))?;
    datagram_address(&host, args.port)
}

fn text(line: InputLine) -> Result<Vec<u8>, Failure> {
    match line {
        InputLine::Line(line) => Ok(line),
        InputLine::TooLong => Err(Failure::usage(format!(
            "the line is more than {MAX_LINE} bytes long, and a datagram carries at most {}; it was not sent",
            max_payload(&ANY_V6)
        ))),
    }
}

/// What the thread in the middle has.
struct Talker {
    many: Many,
    sockets: Sockets,
    output: Output,
    quiet: bool,
    start: Instant,
    worst: Result<(), Failure>,
    permit: SyncSender<()>,
}

impl Talker {
    /// Runs until the end of input and the last reply. An error is that output cannot be written; what else went wrong
    /// is in `worst`.
    fn run(&mut self, inbox: &Receiver<Event>) -> Result<(), Failure> {
        let mut ended = false;
        let mut permits_owed = 0;
        loop {
            self.transmit();
            while let Some(failure) = self.many.poll_failure() {
                let said = match failure.reason {
                    Why::NoReply { tries } => messages::no_reply(failure.server, tries),
                    Why::Refused => messages::refused(failure.server),
                };
                self.failed(Failure::network(said));
            }
            if permits_owed > 0 && self.many.outstanding() < WINDOW && !self.many.is_full() {
                permits_owed -= 1;
                if self.permit.send(()).is_err() {
                    return Ok(());
                }
            }
            if ended && self.many.outstanding() == 0 {
                return Ok(());
            }
            let patience = self
                .many
                .poll_timeout()
                .map_or(FOREVER, |at| at.saturating_sub(self.start.elapsed()));
            match inbox.recv_timeout(patience) {
                Ok(Event::Send { to, message }) => {
                    permits_owed += 1;
                    self.send(to, message);
                }
                Ok(Event::Wrong(failure)) => self.failed(failure),
                Ok(Event::Datagram { from, datagram }) => self.heard(from, &datagram)?,
                Ok(Event::Refused(server)) => {
                    self.many.handle_refused(server);
                }
                Ok(Event::End(read)) => {
                    ended = true;
                    read.unwrap_or_else(|failure| self.failed(failure));
                }
                Err(RecvTimeoutError::Timeout) => self.many.handle_timeout(self.start.elapsed()),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn send(&mut self, to: SocketAddr, message: Vec<u8>) {
        let limit = max_payload(&to);
        if message.len() > limit {
            return self.failed(Failure::usage(messages::too_long(to, message.len(), limit)));
        }
        // A permit is given only when there is room, so this cannot be refused.
        let _ = self.many.send(to, message);
    }

    fn transmit(&mut self) {
        let mut hopeless = Vec::new();
        while let Some(transmit) = self.many.poll_transmit(self.start.elapsed()) {
            let sent = self.sockets.of(&transmit.to).and_then(|socket| {
                let sent = socket.send_to(transmit.message, transmit.to);
                // An earlier datagram's ICMP error is reported here; the queue of errors tells it apart.
                if matches!(&sent, Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused) {
                    return socket.send_to(transmit.message, transmit.to);
                }
                sent
            });
            if let Err(error) = sent {
                hopeless.push((
                    transmit.id,
                    format!("cannot send to {}: {}", transmit.to, Reason(&error)),
                ));
            }
        }
        for (id, said) in hopeless {
            self.many.withdraw(id);
            self.failed(Failure::network(said));
        }
        if !self.quiet {
            self.sockets.announce(&mut self.output);
        }
    }

    fn heard(&mut self, from: SocketAddr, datagram: &[u8]) -> Result<(), Failure> {
        let said = Quoted(datagram);
        match self.many.handle_datagram(from) {
            Heard::Reply { .. } if self.quiet => self.output.print(Bare(datagram).to_string()),
            Heard::Reply { .. } => {
                self.output.print(format!("The server {from} replied with {said}"))
            }
            Heard::Stranger => {
                let line = messages::unexpected(from, datagram);
                if self.quiet {
                    self.output.status(line);
                    return Ok(());
                }
                self.output.print(line)
            }
        }
    }

    /// Says what went wrong and goes on; the run ends with the worst of it.
    fn failed(&mut self, failure: Failure) {
        if let Some(message) = failure.message() {
            self.output.status(format!("callbox: {message}"));
        }
        if self.worst.as_ref().err().is_none_or(|worst| (worst.exit() as u8) < failure.exit() as u8)
        {
            self.worst = Err(Failure::said(failure.exit()));
        }
    }
}

/// One unconnected socket for each family, opened when the first message needs it.
struct Sockets {
    v4: Option<Open>,
    v6: Option<Open>,
    trace: Trace,
    events: SyncSender<Event>,
}

struct Open {
    socket: Arc<DatagramSocket>,
    announced: bool,
}

impl Sockets {
    fn of(&mut self, to: &SocketAddr) -> std::io::Result<&DatagramSocket> {
        let place = if to.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        if place.is_none() {
            let socket = Arc::new(DatagramSocket::open(to, &self.trace)?);
            socket.keep_errors()?;
            // Bound now, so that the thread that receives does not wait on a socket without an address.
            socket.bind(callbox_net::address::unspecified_like(to))?;
            let (theirs, events) = (Arc::clone(&socket), self.events.clone());
            thread::spawn(move || receive_all(&theirs, &events));
            *place = Some(Open { socket, announced: false });
        }
        place
            .as_ref()
            .map(|open| &*open.socket)
            .ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }

    /// Says which address the kernel gave us.
    fn announce(&mut self, output: &mut Output) {
        for open in [&mut self.v4, &mut self.v6].into_iter().flatten() {
            if !open.announced
                && let Ok(address) = open.socket.local_addr()
            {
                output.status(format!("The OS assigned the address {address} to me"));
            }
            open.announced = true;
        }
    }
}

fn receive_all(socket: &DatagramSocket, events: &SyncSender<Event>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = socket.recv_from(&mut buffer, None);
        while let Ok(Some((server, error))) = socket.next_refusal() {
            let refused = error.kind() == std::io::ErrorKind::ConnectionRefused;
            if refused && events.send(Event::Refused(server)).is_err() {
                return;
            }
        }
        if let Ok(Some((length, from))) = received
            && events.send(Event::Datagram { from, datagram: buffer[..length].to_vec() }).is_err()
        {
            return;
        }
    }
}
