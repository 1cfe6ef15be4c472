//! `callbox chat client udp://HOST:PORT`: lines as bare datagrams, with whatever answers there.
//!
//! Nobody says how many datagrams come back for one that was sent, or when: the study notes' server is a person at a prompt
//! who answers each in their own time, and a chat's is a room in which others speak too. So nothing waits for an answer here:
//! what is typed leaves, and what comes is shown, in whichever order. The socket is connected, so the kernel lets in nothing
//! but what comes from the server.

use std::io;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callbox_exchange::{Bare, Json};
use callbox_irc::stamp;
use callbox_net::datagram::{DatagramSocket, is_out_of_buffers, max_payload};
use callbox_net::signal;
use callbox_net::trace::Trace;

use super::address::ChatAddress;
use crate::client::datagram_address;
use crate::client::input::{self, Input, InputLine};
use crate::client::output::{Output, Printer};
use crate::messages::{self, Exit, Failure, Reason};

/// One byte more than any datagram carries, so that none is cut unseen.
const BUFFER: usize = 65_536;

/// What may wait to be shown or sent. Who is slower than this is passed over by the kernel, which drops datagrams.
const WAITING: usize = 64;

/// What stands before a line that is typed.
const PROMPT: &str = "> ";

/// How the client is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// What is heard is written as JSON.
    pub(super) json: bool,
    /// It ends when each line was answered; so long after the last line that is waited for.
    pub(super) once: Option<Duration>,
    /// Nothing is said but what is heard, and errors.
    pub(super) quiet: bool,
}

/// Talks until the end of input at a prompt; without one until it is stopped, or as `once` has it.
pub(super) fn run(address: &ChatAddress, how: Use) -> Result<(), Failure> {
    let server = datagram_address(&address.host_port(), address.port)?;
    let socket = connect(server).map_err(|error| messages::cannot_connect(server, &error))?;
    let socket = Arc::new(socket);
    let (happened, happening) = sync_channel(WAITING);
    let stop = happened.clone();
    let at_once = || {
        input::restore_terminal();
        process::exit(Exit::Interrupted as i32)
    };
    let ask_to_stop = move || {
        // Who does not even take this is at a terminal that is stopped.
        if stop.try_send(Happened::Stop).is_err() {
            at_once();
        }
    };
    signal::on_termination(ask_to_stop, at_once).map_err(|error| {
        Failure::network(format!("cannot listen for signals: {}", Reason(&error)))
    })?;
    let (opened, printer) = sync_channel(0);
    let typed = happened.clone();
    spawn("chat-input", move || read(&opened, &typed))?;
    let printer = printer.recv().unwrap_or_else(|_| Err(Failure::said(Exit::Network)))?;
    let heard = (Arc::clone(&socket), happened);
    spawn("chat-heard", move || hear(&heard.0, &heard.1))?;
    let has_prompt = printer.is_some();
    let mut talk = Talk {
        server,
        socket: &socket,
        how,
        has_prompt,
        output: Output::new(printer)?,
        unanswered: 0,
        deadline: None,
        is_at_end: false,
    };
    if has_prompt && !how.quiet {
        talk.output.status("You can start the conversation now!".to_owned());
    }
    let talked = talk.run(&happening);
    match &talked {
        Ok(()) => talk.output.finish(),
        // Somebody may still stand at the prompt.
        Err(_) => input::restore_terminal(),
    }
    talked
}

fn connect(server: SocketAddr) -> io::Result<DatagramSocket> {
    let socket = DatagramSocket::open(&server, &Trace::off())?;
    socket.connect(server)?;
    Ok(socket)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| messages::no_thread(&error))
}

/// What the threads have to say to the one that decides.
enum Happened {
    Typed(InputLine),
    /// There is no more input.
    End(Result<(), Failure>),
    Heard(Vec<u8>),
    /// What was sent reached nobody, or nothing can be received.
    Failed(io::Error),
    Stop,
}

/// Reads what is typed. At a prompt it first says how to print above it.
fn read(opened: &SyncSender<Result<Option<Printer>, Failure>>, typed: &SyncSender<Happened>) {
    let mut input = match Input::open() {
        Ok(mut input) => {
            let _ = opened.send(Ok(input.printer()));
            input
        }
        Err(failure) => {
            let _ = opened.send(Err(failure));
            return;
        }
    };
    let end = loop {
        match input.next(PROMPT) {
            Ok(Some(line)) => {
                if typed.send(Happened::Typed(line)).is_err() {
                    return;
                }
            }
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    // What is still to be shown is no longer shown above a prompt.
    drop(input);
    let _ = typed.send(Happened::End(end));
}

/// Receives for as long as anybody listens.
fn hear(socket: &DatagramSocket, heard: &SyncSender<Happened>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let (happened, is_over) = match socket.recv(&mut buffer, None) {
            Ok(Some(length)) => (Happened::Heard(buffer[..length].to_vec()), false),
            Ok(None) => continue,
            // The next one may reach somebody.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                (Happened::Failed(error), false)
            }
            Err(error) => (Happened::Failed(error), true),
        };
        if heard.send(happened).is_err() || is_over {
            return;
        }
    }
}

/// The conversation.
struct Talk<'a> {
    server: SocketAddr,
    socket: &'a DatagramSocket,
    how: Use,
    has_prompt: bool,
    output: Output,
    /// Lines that were sent, less datagrams that came.
    unanswered: usize,
    /// When answers are no longer waited for.
    deadline: Option<Instant>,
    is_at_end: bool,
}

impl Talk<'_> {
    fn run(&mut self, happening: &Receiver<Happened>) -> Result<(), Failure> {
        loop {
            if self.how.once.is_some() && self.is_at_end && self.unanswered == 0 {
                return Ok(());
            }
            let happened = match self.deadline {
                None => happening.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => happening.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match happened {
                Ok(Happened::Typed(line)) => self.say(line)?,
                Ok(Happened::Heard(datagram)) => self.show(&datagram)?,
                Ok(Happened::Failed(error)) => self.handle_failure(&error)?,
                Ok(Happened::End(Err(failure))) => return Err(failure),
                Ok(Happened::End(Ok(()))) if self.has_prompt => return Ok(()),
                Ok(Happened::End(Ok(()))) => {
                    self.is_at_end = true;
                    self.deadline = self.how.once.map(|patience| Instant::now() + patience);
                }
                Ok(Happened::Stop) => return Err(Failure::said(Exit::Interrupted)),
                Err(RecvTimeoutError::Timeout) => return Err(self.no_answer()),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::said(Exit::Network)),
            }
        }
    }

    /// Sends a line. Nobody can say nothing.
    fn say(&mut self, line: InputLine) -> Result<(), Failure> {
        let limit = max_payload(&self.server);
        let sent = match &line {
            InputLine::Line(line) if line.is_empty() => return Ok(()),
            InputLine::Line(line) if line.len() <= limit => self.socket.send(line),
            InputLine::Line(line) => {
                let said = messages::too_long(self.server, line.len(), limit);
                return self.report(Failure::usage(said));
            }
            InputLine::TooLong => {
                let said = format!(
                    "the message is longer than any datagram, which carry at most {limit} bytes to {}; it was not sent",
                    self.server
                );
                return self.report(Failure::usage(said));
            }
        };
        self.unanswered += 1;
        match sent {
            Ok(_) => Ok(()),
            // A full device queue loses the datagram as a network would.
            Err(error) if is_out_of_buffers(&error) => Ok(()),
            Err(error) => self.handle_failure(&error),
        }
    }

    /// Shows a datagram: each of its lines on a line, in which nothing can drive a terminal.
    fn show(&mut self, datagram: &[u8]) -> Result<(), Failure> {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.how.json {
            let text = String::from_utf8_lossy(datagram);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let time = stamp::text(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            let (time, from) = (Json(&time), self.server.to_string());
            let (from, text) = (Json(&from), Json(&text));
            return self.output.print(format!(r#"{{"time":{time},"from":{from},"text":{text}}}"#));
        }
        let text = datagram.strip_suffix(b"\n").unwrap_or(datagram);
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.output.print(Bare(line).to_string())?;
        }
        Ok(())
    }

    fn handle_failure(&mut self, error: &io::Error) -> Result<(), Failure> {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return self.report(Failure::network(messages::refused(self.server)));
        }
        Err(Failure::network(format!("cannot talk to {}: {}", self.server, Reason(error))))
    }

    /// A person sees what happened and may try again; a script must not run on as if it had been heard.
    fn report(&mut self, failure: Failure) -> Result<(), Failure> {
        if !self.has_prompt {
            return Err(failure);
        }
        if let Some(message) = failure.message() {
            self.output.status(format!("callbox: {message}"));
        }
        Ok(())
    }

    fn no_answer(&self) -> Failure {
        let (lines, patience) = (self.unanswered, self.how.once.unwrap_or_default());
        let what =
            if lines == 1 { "one line was".to_owned() } else { format!("{lines} lines were") };
        Failure::network(format!("{what} not answered by {} within {patience:?}", self.server))
    }
}
