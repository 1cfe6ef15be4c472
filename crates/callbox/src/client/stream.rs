//! `callbox tcp client`, and the streams of `callbox unix client`.

use std::io;
use std::thread;
use std::time::Instant;

use callbox_exchange::{Bare, FixedRead, Line, Lines, Quoted};
use callbox_net::dial::{DialError, dial};
use callbox_net::stream::StreamSocket;
use callbox_net::trace::Trace;
use callbox_services::ClientShape;
use callbox_services::daytime::append_daytime;
use callbox_services::time::moment;

use super::input::{Input, InputLine};
use super::{addresses, end_on_signal};
use crate::cli::{StreamTalkArgs, TcpClientArgs};
use crate::messages::{self, Console, Failure, Reason};

/// Bytes read at a time.
const BUFFER: usize = 64 << 10;

/// Runs `callbox tcp client`.
pub fn run_tcp(args: TcpClientArgs) -> Result<(), Failure> {
    end_on_signal()?;
    let socket = connect(&args, &messages::trace(args.talk.verbose))?;
    if !args.talk.quiet
        && let Ok(Some(local)) = socket.local_addr()
    {
        messages::status(format_args!("Client has been assigned the socket: {local}"));
    }
    let server = match socket.peer_addr() {
        Ok(Some(peer)) => peer.to_string(),
        _ => args.server.to_string(),
    };
    talk(&socket, &server, &args.talk)
}

/// Connects to the first of the server's addresses that answers, and tells `trace` of the attempts.
pub fn connect(args: &TcpClientArgs, trace: &Trace) -> Result<StreamSocket, Failure> {
    let found = addresses(&args.server, args.port)?;
    let limit = args.connect_timeout.0;
    dial(&found, limit, trace).map_err(|error| match error {
        DialError::NoAddress => Failure::usage(format!("the host '{}' has no address", args.server.host)),
        DialError::TimedOut(tried) => {
            let tried: Vec<_> = tried.iter().map(ToString::to_string).collect();
            Failure::network(format!(
                "cannot connect to {}: no answer within {limit:?}; is a firewall in between? (--connect-timeout)",
                tried.join(", ")
            ))
        }
        DialError::Failed(failed) => all_failed(&failed),
    })
}

fn all_failed(failed: &[(std::net::SocketAddr, io::Error)]) -> Failure {
    let lines: Vec<_> = failed
        .iter()
        .filter_map(|(address, error)| {
            messages::cannot_connect(address, error).message().map(str::to_owned)
        })
        .collect();
    Failure::network(lines.join("; "))
}

/// Reads an answer of the length that `args` agree on, in however many pieces it comes. Errors call the server `server`.
pub fn read_answer(
    socket: &StreamSocket,
    server: &str,
    args: &StreamTalkArgs,
) -> Result<Vec<u8>, Failure> {
    Talk { socket, server, args, console: Console::new() }.answer(args.length)
}

/// Says what there is to say over a connection and prints what comes back.
pub(super) fn talk(
    socket: &StreamSocket,
    server: &str,
    args: &StreamTalkArgs,
) -> Result<(), Failure> {
    let talk = Talk { socket, server, args, console: Console::new() };
    match args.service.0.client {
        ClientShape::FixedLength => talk.fixed_length(),
        ClientShape::Lines => talk.lines(),
        ClientShape::SendOnly => talk.send_only(),
        ClientShape::ReadOnly { .. } => talk.read_only(),
        ClientShape::Seconds => talk.seconds(),
    }
}

struct Talk<'a> {
    socket: &'a StreamSocket,
    server: &'a str,
    args: &'a StreamTalkArgs,
    console: Console,
}

impl Talk<'_> {
    /// Sends the message and shows the answer.
    fn fixed_length(&self) -> Result<(), Failure> {
        self.send(self.args.message.as_bytes())?;
        let answer = self.answer(self.args.length)?;
        if self.args.quiet {
            self.console.print(Bare(&answer))
        } else {
            self.console.print(format_args!("Server: {}", Quoted(&answer)))
        }
    }

    /// Reads until all bytes of the answer are there.
    fn answer(&self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut answer = FixedRead::new(length).map_err(|e| Failure::usage(e.to_string()))?;
        let mut buffer = vec![0; BUFFER];
        while !answer.is_complete() {
            let wanted = answer.remaining().min(BUFFER);
            let n = self.socket.read(&mut buffer[..wanted], Some(self.args.timeout.0));
            match n.map_err(|error| self.failed_within(&error, answer.received().len(), length))? {
                0 => break,
                n => answer.handle_bytes(&buffer[..n]),
            };
        }
        answer.finish().map_err(|early| Failure::network(early.to_string()))
    }

    /// One line, one answer, until the end of input.
    fn lines(&self) -> Result<(), Failure> {
        let mut input = Input::open()?;
        let mut replies = Replies::new(self);
        while let Some(line) = input.next("Input lowercase sentence: ")? {
            match line {
                InputLine::Line(mut line) => {
                    line.push(b'\n');
                    self.exchange(&line, &mut replies)?;
                }
                InputLine::TooLong => return Err(line_too_long()),
            }
        }
        // Every line has its answer, so it does not matter how a server ends that has given them all.
        let _ = self.finish();
        Ok(())
    }

    /// Sends one line and waits for the line that answers it. A long line is sent while its answer is read: a server
    /// that answers as it reads would otherwise wait for us as we wait for it.
    fn exchange(&self, line: &[u8], replies: &mut Replies<'_>) -> Result<(), Failure> {
        let reply = thread::scope(|scope| {
            let sending = if line.len() > BUFFER {
                let spawned = thread::Builder::new().spawn_scoped(scope, || self.send(line));
                Some(spawned.map_err(|e| messages::no_thread(&e))?)
            } else {
                self.send(line)?;
                None
            };
            let reply = replies.next()?;
            if let Some(Ok(sent)) = sending.map(thread::ScopedJoinHandle::join) {
                sent?;
            }
            Ok::<_, Failure>(reply)
        })?;
        self.show(&reply)
    }

    /// Lines to a server that answers nothing.
    fn send_only(&self) -> Result<(), Failure> {
        let mut input = Input::open()?;
        while let Some(line) = input.next("Input sentence: ")? {
            match line {
                InputLine::Line(mut line) => {
                    line.push(b'\n');
                    self.send(&line)?;
                }
                InputLine::TooLong => return Err(line_too_long()),
            }
        }
        // Nothing else tells whether the lines were taken.
        self.finish().map_err(|error| self.failed(&error))
    }

    /// A server that speaks unasked: its lines as they come, until it ends or our output does.
    fn read_only(&self) -> Result<(), Failure> {
        let mut lines = Lines::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            let n = self.read(&mut buffer)?;
            let mut input = &buffer[..n];
            while let Some(line) = lines.handle_bytes(&mut input) {
                self.show_line(&line)?;
            }
            if n == 0 {
                return lines.finish().map_or(Ok(()), |line| self.show_line(&line));
            }
        }
    }

    /// A count of seconds, and the date that it stands for.
    fn seconds(&self) -> Result<(), Failure> {
        let mut count = [0; 4];
        let answer = self.answer(count.len())?;
        count.copy_from_slice(&answer);
        let mut date = Vec::new();
        append_daytime(moment(count), &mut date);
        let (seconds, date) = (u32::from_be_bytes(count), Bare(date.trim_ascii_end()));
        if self.args.quiet {
            self.console.print(seconds)
        } else {
            self.console.print(format_args!(
                "The server {} replied with {seconds}, which is {date}",
                self.server
            ))
        }
    }

    fn show_line(&self, line: &Line<'_>) -> Result<(), Failure> {
        match line {
            Line::Whole(line) => self.show(line),
            Line::TooLong => Err(self.reply_too_long()),
        }
    }

    fn show(&self, reply: &[u8]) -> Result<(), Failure> {
        if self.args.quiet {
            self.console.print(Bare(reply))
        } else {
            self.console.print(format_args!(
                "The server {} replied with {}",
                self.server,
                Quoted(reply)
            ))
        }
    }

    /// Ends our direction and waits for the server to end its own, so that nothing is lost on the way. An error is that
    /// it did not.
    fn finish(&self) -> io::Result<()> {
        self.socket.finish()?;
        let mut rest = vec![0; BUFFER];
        let end = Instant::now() + self.args.timeout.0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.socket.read(&mut rest, Some(left))? == 0 {
                return Ok(());
            }
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.socket.write_all(bytes, Some(self.args.timeout.0)).map_err(|error| self.failed(&error))
    }

    fn read(&self, buffer: &mut [u8]) -> Result<usize, Failure> {
        self.socket.read(buffer, Some(self.args.timeout.0)).map_err(|error| self.failed(&error))
    }

    /// The same in the middle of an answer of known length.
    fn failed_within(&self, error: &io::Error, received: usize, length: usize) -> Failure {
        let reason = self.reason(error);
        Failure::network(match received {
            0 => reason,
            _ => format!("{reason} after {received} of {length} bytes"),
        })
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::network(self.reason(error))
    }

    fn reason(&self, error: &io::Error) -> String {
        let server = self.server;
        match error.kind() {
            io::ErrorKind::TimedOut => {
                format!("{server} was silent for {:?} (--timeout)", self.args.timeout.0)
            }
            io::ErrorKind::ConnectionReset => format!("{server} reset the connection"),
            io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => {
                format!("{server} closed the connection")
            }
            _ => format!("the connection to {server} failed: {}", Reason(error)),
        }
    }

    fn reply_too_long(&self) -> Failure {
        let limit = callbox_exchange::lines::MAX_LINE;
        Failure::network(format!("{} answered a line of more than {limit} bytes", self.server))
    }
}

fn line_too_long() -> Failure {
    let limit = callbox_exchange::lines::MAX_LINE;
    Failure::usage(format!("the line is longer than {limit} bytes and was not sent"))
}

/// The server's lines, one at a time.
struct Replies<'a> {
    talk: &'a Talk<'a>,
    lines: Lines,
    buffer: Vec<u8>,
    /// What of the buffer was read and is not yet part of a line.
    unread: std::ops::Range<usize>,
}

impl<'a> Replies<'a> {
    fn new(talk: &'a Talk<'a>) -> Self {
        Self { talk, lines: Lines::new(), buffer: vec![0; BUFFER], unread: 0..0 }
    }

    fn next(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let line = self.lines.handle_bytes(&mut input).map(|line| match line {
                Line::Whole(line) => Some(line.to_vec()),
                Line::TooLong => None,
            });
            self.unread.start = self.unread.end - input.len();
            match line {
                Some(Some(line)) => return Ok(line),
                Some(None) => return Err(self.talk.reply_too_long()),
                None => {}
            }
            match self.talk.read(&mut self.buffer)? {
                0 => return Err(self.ended()),
                n => self.unread = 0..n,
            }
        }
    }

    /// The server has closed although an answer is due. The beginning of one is not shown as if it were the whole.
    fn ended(&mut self) -> Failure {
        let server = self.talk.server;
        Failure::network(match self.lines.finish() {
            None => format!("{server} closed the connection before it answered"),
            Some(Line::Whole(part)) => format!(
                "{server} closed the connection in the middle of its answer, of which {} bytes came",
                part.len()
            ),
            Some(Line::TooLong) => return self.talk.reply_too_long(),
        })
    }
}
