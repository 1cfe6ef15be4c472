//! Gives each new connection its door.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callbox_hub::contract::Now;

use crate::door::{self, Context, Intake, TlsUse};
use crate::server::{Doors, Incoming, Pipe};

/// What all doors share, and how TLS is used on each listener.
#[derive(Debug)]
pub(super) struct SharedDoors {
    context: Arc<Context>,
    uses: Vec<TlsUse>,
}

impl SharedDoors {
    pub(super) fn new(context: Arc<Context>, uses: Vec<TlsUse>) -> Self {
        Self { context, uses }
    }
}

impl Doors for SharedDoors {
    type Pipe = Intake;

    fn open(&self, listener: usize, peer: SocketAddr, now: Now) -> Intake {
        let tls = self.uses.get(listener).copied().unwrap_or_default();
        Intake::new(door::Pipe::new(&self.context, peer, tls, now.monotonic))
    }
}

impl Pipe for Intake {
    fn receive(&mut self, wire: &[u8], now: Now) {
        Self::receive(self, wire, now.monotonic);
    }

    fn transparent(&self) -> bool {
        Self::transparent(self)
    }

    fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Incoming<'s>> {
        Some(match Self::next(self, input)? {
            door::Incoming::Opened(peer) => Incoming::Opened(peer),
            door::Incoming::Line(line) => Incoming::Line(line),
            door::Incoming::TooLong => Incoming::TooLong,
            door::Incoming::Close(why) => Incoming::Close(why.text()),
        })
    }

    fn last_input(&self) -> &'static [u8] {
        Self::last_input(self)
    }

    fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        Self::encode(self, lines, wire);
    }

    fn take_output(&mut self, wire: &mut Vec<u8>) {
        Self::take_output(self, wire);
    }

    fn finish(&mut self, wire: &mut Vec<u8>) {
        self.close(wire);
    }

    fn parting(&self, reason: &str) -> String {
        match self.is_plain() {
            true => format!("* the server closed the connection: {reason}\n"),
            false => format!("ERROR :Closing link: {reason}\r\n"),
        }
    }

    fn poll_timeout(&self) -> Option<Duration> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Now) {
        Self::handle_timeout(self, now.monotonic);
    }
}
