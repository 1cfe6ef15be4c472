//! The thread in the middle: who is waited for, what is sent again, and what is printed.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use callbox_exchange::many::Reason as Why;
use callbox_exchange::{Backoff, Bare, Heard, Many, Quoted};
use callbox_net::datagram::max_payload;

use super::Event;
use super::sockets::Sockets;
use crate::cli::UdpClientArgs;
use crate::client::output::Output;
use crate::client::seed;
use crate::messages::{self, Exit, Failure, Reason};

/// Requests that may be under way before more input is read. A socket's receive buffer holds 277 short datagrams (Linux's
/// default of 212,992 bytes, of which each takes 768), and a reply that finds it full is lost.
const WINDOW: usize = 128;

/// Longer than any wait that may be asked for, for a machine that waits for nothing.
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// What the thread in the middle has.
pub(super) struct Talker {
    many: Many,
    sockets: Sockets,
    output: Output,
    quiet: bool,
    start: Instant,
    worst: Result<(), Failure>,
    permit: SyncSender<()>,
}

impl Talker {
    /// A talker that gives a `permit` for each message that it is sent, as soon as it can take another.
    pub(super) fn new(
        args: &UdpClientArgs,
        sockets: Sockets,
        output: Output,
        permit: SyncSender<()>,
    ) -> Self {
        let backoff = Backoff { first: args.timeout.0, tries: args.tries };
        Self {
            many: Many::new(backoff, args.from_any_port, seed()),
            sockets,
            output,
            quiet: args.quiet,
            start: Instant::now(),
            worst: Ok(()),
            permit,
        }
    }

    /// Runs until the end of input and the last reply. An error is that output cannot be written, or that the person at
    /// the prompt interrupted; what else went wrong is in `worst`.
    pub(super) fn run(&mut self, inbox: &Receiver<Event>) -> Result<(), Failure> {
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
                    match read {
                        // Ctrl-C at the prompt: whatever is under way is not waited for.
                        Err(failure) if failure.exit() == Exit::Interrupted => return Err(failure),
                        read => read.unwrap_or_else(|failure| self.failed(failure)),
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.many.handle_timeout(self.start.elapsed()),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Shows what waits to be shown still. An error is the worst of what went wrong.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.output.finish();
        self.worst
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
                if matches!(&sent, Err(e) if e.kind() == io::ErrorKind::ConnectionRefused) {
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
