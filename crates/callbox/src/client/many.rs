//! `callbox udp client --many`: one unconnected socket, any number of servers.
//!
//! Input is read on the main thread, datagrams on a thread a socket, and one thread in the middle holds the machine that
//! knows who is waited for. A reply is printed when it comes, whatever the prompt is doing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use callbox_exchange::many::Reason as Why;
use callbox_exchange::{Backoff, Bare, Heard, Many, Quoted, split_addressed};
use callbox_net::address::HostPort;
use callbox_net::datagram::{DatagramSocket, max_payload};
use callbox_net::trace::Trace;
use rustyline::ExternalPrinter;

use super::input::{Input, InputLine};
use super::{addresses, end_on_signal, seed};
use crate::cli::UdpClientArgs;
use crate::messages::{self, Console, Exit, Failure, Reason};

/// One byte more than any datagram carries.
const BUFFER: usize = 65_536;

/// Longer than any wait that may be asked for, for a machine that waits for nothing.
const FOREVER: Duration = Duration::from_secs(1 << 30);

enum Event {
    /// A message for a server.
    Send { to: SocketAddr, message: Vec<u8> },
    /// A line of input was no good; the run will end with this.
    Wrong(Failure),
    /// A datagram came.
    Datagram { from: SocketAddr, datagram: Vec<u8> },
    /// ICMP said that a datagram reached nobody.
    Refused(SocketAddr),
    /// There is no more input.
    End,
}

/// Runs the client until the end of input and the last reply.
pub(super) fn run(args: &UdpClientArgs) -> Result<(), Failure> {
    end_on_signal()?;
    let mut input = Input::open()?;
    let servers = known_servers(args)?;
    let (events, inbox) = mpsc::channel();
    let (permit, permits) = mpsc::sync_channel(0);
    let talker = Talker {
        many: Many::new(
            Backoff { first: args.timeout.0, tries: args.tries },
            args.from_any_port,
            seed(),
        ),
        sockets: Sockets {
            v4: None,
            v6: None,
            trace: messages::trace(args.verbose),
            events: events.clone(),
        },
        output: Output { prompt: input.printer(), quiet: args.quiet },
        start: Instant::now(),
        worst: Ok(()),
        permit,
    };
    let talking = thread::spawn(move || talker.run(&inbox));
    let reading = read_all(&mut input, &servers, args, &events, &permits);
    let _ = events.send(Event::End);
    let talked = talking.join().unwrap_or(Err(Failure::said(Exit::Network)));
    reading.and(talked)
}

/// The servers of the command line, to all of which every message goes.
fn known_servers(args: &UdpClientArgs) -> Result<Vec<SocketAddr>, Failure> {
    args.servers.iter().map(|server| Ok(addresses(server, args.port)?[0])).collect()
}

fn read_all(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
    events: &Sender<Event>,
    permits: &Receiver<()>,
) -> Result<(), Failure> {
    loop {
        let (to, message) = match next_message(input, servers, args) {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(()),
            Err(failure) => {
                let _ = events.send(Event::Wrong(failure));
                continue;
            }
        };
        for to in to {
            // The permit comes when the machine has room, so no more input is read than can be asked.
            if events.send(Event::Send { to, message: message.clone() }).is_err()
                || permits.recv().is_err()
            {
                return Ok(());
            }
        }
    }
}

/// The next message and whom it goes to. An error is about this line alone.
fn next_message(
    input: &mut Input,
    servers: &[SocketAddr],
    args: &UdpClientArgs,
) -> Result<Option<(Vec<SocketAddr>, Vec<u8>)>, Failure> {
    if !servers.is_empty() {
        let line = input.next("Input message to send to server: ")?;
        return line.map(|line| Ok((servers.to_vec(), text(line)?))).transpose();
    }
    if input.is_terminal() {
        let Some(host) = input.next("Input host address: ")? else { return Ok(None) };
        let host = String::from_utf8_lossy(&text(host)?).trim().to_owned();
        let to = server(&host, args)?;
        let Some(message) = input.next("Input message to send to server: ")? else {
            return Ok(None);
        };
        return Ok(Some((vec![to], text(message)?)));
    }
    let Some(line) = input.next("")? else { return Ok(None) };
    let line = text(line)?;
    let (host, message) = split_addressed(&line).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Some((vec![server(host, args)?], message.to_vec())))
}

fn server(host: &str, args: &UdpClientArgs) -> Result<SocketAddr, Failure> {
    let host: HostPort = host
        .parse()
        .map_err(|e: callbox_net::address::AddressError| Failure::usage(e.to_string()))?;
    Ok(addresses(&host, args.port)?[0])
}

fn text(line: InputLine) -> Result<Vec<u8>, Failure> {
    match line {
        InputLine::Line(line) => Ok(line),
        InputLine::TooLong => {
            Err(Failure::usage("the line is longer than any datagram, and was not sent"))
        }
    }
}

/// The thread in the middle.
struct Talker {
    many: Many,
    sockets: Sockets,
    output: Output,
    start: Instant,
    worst: Result<(), Failure>,
    permit: SyncSender<()>,
}

impl Talker {
    fn run(mut self, inbox: &Receiver<Event>) -> Result<(), Failure> {
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
            if permits_owed > 0 && !self.many.is_full() {
                permits_owed -= 1;
                if self.permit.send(()).is_err() {
                    return self.worst;
                }
            }
            if ended && self.many.outstanding() == 0 {
                return self.worst;
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
                Ok(Event::End) => ended = true,
                Err(RecvTimeoutError::Timeout) => self.many.handle_timeout(self.start.elapsed()),
                Err(RecvTimeoutError::Disconnected) => return self.worst,
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
        self.sockets.announce(&mut self.output);
    }

    fn heard(&mut self, from: SocketAddr, datagram: &[u8]) -> Result<(), Failure> {
        match self.many.handle_datagram(from) {
            Heard::Reply { .. } if self.output.quiet => {
                self.output.print(&Bare(datagram).to_string())
            }
            Heard::Reply { .. } => {
                self.output.print(&format!("The server {from} replied with {}", Quoted(datagram)))
            }
            Heard::Stranger => {
                let line = format!("message {} from unexpected host {from}!", Quoted(datagram));
                if self.output.quiet {
                    self.output.status(&line);
                    return Ok(());
                }
                self.output.print(&line)
            }
        }
    }

    /// Says what went wrong and goes on; the run ends with the worst of it.
    fn failed(&mut self, failure: Failure) {
        if let Some(message) = failure.message() {
            self.output.status(&format!("callbox: {message}"));
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
    events: Sender<Event>,
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
                && !output.quiet
                && let Ok(address) = open.socket.local_addr()
            {
                output.status(&format!("The OS assigned the address {address} to me"));
            }
            open.announced = true;
        }
    }
}

fn receive_all(socket: &DatagramSocket, events: &Sender<Event>) {
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

/// Where lines go: above the prompt, if there is one.
struct Output {
    prompt: Option<Box<dyn ExternalPrinter + Send>>,
    quiet: bool,
}

impl Output {
    fn print(&mut self, line: &str) -> Result<(), Failure> {
        match &mut self.prompt {
            Some(prompt) => prompt
                .print(format!("{line}\n"))
                .map_err(|e| Failure::network(format!("cannot use this terminal: {e}"))),
            None => Console::new().print(line),
        }
    }

    fn status(&mut self, line: &str) {
        match &mut self.prompt {
            Some(prompt) => {
                let _ = prompt.print(format!("{line}\n"));
            }
            None => messages::status(line),
        }
    }
}
