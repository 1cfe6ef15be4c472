//! `callbox udp client`: one line, one exchange, over a connected socket.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callbox_exchange::ask::PARKED_SOCKETS;
use callbox_exchange::lines::MAX_LINE;
use callbox_exchange::{Action, Ask, Backoff, Bare, Outcome, Quoted, same_host};
use callbox_net::address::HostPort;
use callbox_net::datagram::{DatagramSocket, is_out_of_buffers, max_payload};
use callbox_net::trace::Trace;

use super::input::{Input, InputLine};
use super::{datagram_address, end_on_signal, many, seed};
use crate::cli::UdpClientArgs;
use crate::messages::{self, Console, Exit, Failure, Reason};

/// One byte more than any datagram carries, so that none is cut unseen.
const BUFFER: usize = 65_536;

/// Runs the client until the end of input.
pub fn run(args: UdpClientArgs) -> Result<(), Failure> {
    if args.many || args.servers.len() > 1 {
        return many::run(&args);
    }
    let default = HostPort { host: "127.0.0.1".to_owned(), port: None };
    let name = args.servers.first().unwrap_or(&default);
    let server = datagram_address(name, args.port)?;
    let mut client = Client::new(server, &args, &messages::trace(args.verbose))?;
    end_on_signal()?;
    let mut input = Input::open()?;
    let console = Console::new();
    let mut worst = Ok(());
    while let Some(line) = input.next("Input lowercase sentence: ")? {
        match client.exchange(&line) {
            Ok(reply) if args.quiet => console.print(Bare(&reply))?,
            Ok(reply) => console
                .print(format_args!("The server {server} replied with {}", Quoted(&reply)))?,
            // A person sees what happened and may try again; a script must not run on without its answer.
            Err(failure) if input.is_terminal() => {
                failure.message().inspect(|message| messages::error(message));
                worst = Err(Failure::said(failure.exit()));
            }
            Err(failure) => return Err(failure),
        }
    }
    worst
}

/// A client of one server.
pub struct Client {
    server: SocketAddr,
    from_any_port: bool,
    quiet: bool,
    trace: Trace,
    ask: Ask,
    socket: DatagramSocket,
    /// Whether it was said which address the socket in hand has.
    announced: bool,
    /// Sockets that were replaced. While they are open their ports are not given out again, so nothing that comes late
    /// can reach a younger socket.
    parked: VecDeque<DatagramSocket>,
    buffer: Vec<u8>,
    start: Instant,
}

impl Client {
    /// A client that talks with `server` over a connected socket, which is opened here.
    pub fn new(server: SocketAddr, args: &UdpClientArgs, trace: &Trace) -> Result<Self, Failure> {
        let backoff = Backoff { first: args.timeout.0, tries: args.tries };
        let socket = open(server, args.from_any_port, trace)?;
        Ok(Self {
            server,
            from_any_port: args.from_any_port,
            quiet: args.quiet,
            trace: trace.clone(),
            ask: Ask::new(backoff, seed()),
            socket,
            announced: false,
            parked: VecDeque::with_capacity(PARKED_SOCKETS + 1),
            buffer: vec![0; BUFFER],
            start: Instant::now(),
        })
    }

    /// The address of the socket in hand.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends one line and gives its reply.
    pub fn exchange(&mut self, line: &InputLine) -> Result<Vec<u8>, Failure> {
        let limit = max_payload(&self.server);
        let request = match line {
            InputLine::Line(line) if line.len() <= limit => line,
            InputLine::Line(line) => {
                return Err(Failure::usage(messages::too_long(self.server, line.len(), limit)));
            }
            InputLine::TooLong => {
                return Err(Failure::usage(format!(
                    "the message is more than {MAX_LINE} bytes long, and a datagram to {} carries at most {limit}; it was not sent",
                    self.server
                )));
            }
        };
        self.note_what_came_unasked();
        self.ask.ask(request);
        loop {
            match self.ask.poll(self.start.elapsed()) {
                Action::Renew => self.renew()?,
                Action::Send => self.send(request)?,
                Action::Wait(until) => self.receive(until)?,
                Action::Done(outcome) => return self.settled(outcome),
                Action::Idle => return Err(Failure::said(Exit::Network)),
            }
        }
    }

    fn settled(&self, outcome: Outcome) -> Result<Vec<u8>, Failure> {
        match outcome {
            Outcome::Reply(reply) => Ok(reply),
            Outcome::NoReply { tries } => {
                Err(Failure::network(messages::no_reply(self.server, tries)))
            }
            Outcome::Refused => Err(Failure::network(messages::refused(self.server))),
        }
    }

    fn renew(&mut self) -> Result<(), Failure> {
        let fresh = open(self.server, self.from_any_port, &self.trace)?;
        self.parked.push_back(std::mem::replace(&mut self.socket, fresh));
        self.announced = false;
        if self.parked.len() > PARKED_SOCKETS {
            self.parked.pop_front();
        }
        Ok(())
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Failure> {
        let sent = if self.from_any_port {
            self.socket.send_to(request, self.server)
        } else {
            self.socket.send(request)
        };
        match sent {
            Ok(_) => self.announce(),
            Err(error) => self.socket_failed(&error)?,
        }
        Ok(())
    }

    fn receive(&mut self, until: Duration) -> Result<(), Failure> {
        let left = until.saturating_sub(self.start.elapsed());
        match self.arrival(Some(left)) {
            Ok(Arrival::Reply(length)) => self.ask.handle_reply(&self.buffer[..length]),
            Ok(_) => self.ask.handle_timeout(self.start.elapsed()),
            Err(error) => self.socket_failed(&error)?,
        }
        Ok(())
    }

    /// What comes within `timeout`.
    fn arrival(&mut self, timeout: Option<Duration>) -> io::Result<Arrival> {
        if !self.from_any_port {
            let received = self.socket.recv(&mut self.buffer, timeout)?;
            return Ok(received.map_or(Arrival::Nothing, Arrival::Reply));
        }
        if let Some((_, error)) = self.socket.next_refusal()? {
            return Err(error);
        }
        Ok(match self.socket.recv_from(&mut self.buffer, timeout)? {
            None => Arrival::Nothing,
            Some((length, from)) if same_host(from, self.server) => Arrival::Reply(length),
            Some(_) => Arrival::Stranger,
        })
    }

    /// Replies that came after their exchange was over tell the machine that the socket is no longer to be trusted.
    fn note_what_came_unasked(&mut self) {
        loop {
            match self.arrival(Some(Duration::ZERO)) {
                Ok(Arrival::Nothing) => return,
                Ok(Arrival::Stranger) => {}
                // After one of these the socket is exchanged, so what else came to it no longer matters.
                Ok(Arrival::Reply(length)) => return self.ask.handle_reply(&self.buffer[..length]),
                Err(_) => return self.ask.handle_refused(),
            }
        }
    }

    fn socket_failed(&mut self, error: &io::Error) -> Result<(), Failure> {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                self.ask.handle_refused();
                Ok(())
            }
            // A full device queue loses the datagram as a network would, and it is asked for again.
            _ if is_out_of_buffers(error) => Ok(()),
            _ => {
                Err(Failure::network(format!("cannot talk to {}: {}", self.server, Reason(error))))
            }
        }
    }

    /// Says which address the kernel gave us: an unconnected socket has none before it sends.
    fn announce(&mut self) {
        if self.quiet || self.announced {
            return;
        }
        self.announced = true;
        if let Ok(address) = self.socket.local_addr() {
            messages::status(format_args!("The OS assigned the address {address} to me"));
        }
    }
}

/// What came to a client's socket.
enum Arrival {
    Nothing,
    /// So many bytes from the server, in the client's buffer.
    Reply(usize),
    /// A datagram from elsewhere, which only an unconnected socket lets in.
    Stranger,
}

fn open(server: SocketAddr, from_any_port: bool, trace: &Trace) -> Result<DatagramSocket, Failure> {
    let open = || {
        let socket = DatagramSocket::open(&server, trace)?;
        if from_any_port {
            socket.keep_errors()?;
        } else {
            socket.connect(server)?;
        }
        Ok(socket)
    };
    open().map_err(|error| messages::cannot_connect(server, &error))
}
