//! The TLS of one connection, in memory: records in, text out, and back.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::server::{Acceptor, ServerConnection};
use sha2::{Digest, Sha256};

use super::super::context::HandshakeSlot;
use super::{HANDSHAKE_BYTES, SEND_STEP, TlsConfigs};

/// What [`Tls::pull`] came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Pull {
    /// All input was taken in, and more is needed.
    Nothing,
    /// The handshake is over. Given once.
    Established,
    /// There is text.
    Text,
    /// The client said that nothing more will come.
    Ended,
    /// The client does not speak TLS as it should. An alert may wait to be sent.
    Failed,
}

/// The TLS of one connection.
///
/// Calling contract: call [`pull`](Self::pull) with what was read until it gives `Nothing`; after `Text` first read
/// [`text`](Self::text) and say with [`consume`](Self::consume) how much of it was used, until it is empty. Then move
/// what waits to be sent with [`take_output`](Self::take_output).
pub(in super::super) struct Tls {
    state: State,
    /// Decrypted, from `used` on not yet used. Without memory when all is used.
    text: Vec<u8>,
    used: usize,
    /// The client's close_notify came; what follows it is not looked at.
    ended: bool,
}

enum State {
    /// The client's first message is awaited; it chooses the configuration.
    Accepting {
        acceptor: Box<Acceptor>,
        configs: Arc<TlsConfigs>,
        slot: HandshakeSlot,
        taken: usize,
    },
    /// The handshake is in progress.
    Handshaking { connection: Box<ServerConnection>, slot: HandshakeSlot, taken: usize },
    /// Text flows.
    Open(Box<ServerConnection>),
    /// It failed. What is kept is an alert for the client.
    Failed(Vec<u8>),
}

impl Tls {
    /// A server's side, before any byte. `slot` is given back when the handshake is over, one way or the other.
    pub(in super::super) fn new(configs: Arc<TlsConfigs>, slot: HandshakeSlot) -> Self {
        let state = State::Accepting { acceptor: Box::default(), configs, slot, taken: 0 };
        Self { state, text: Vec::new(), used: 0, ended: false }
    }

    /// Takes in records from the front of `input`, as far as something comes of it.
    pub(in super::super) fn pull(&mut self, input: &mut &[u8]) -> Pull {
        if self.ended && self.text.is_empty() {
            return Pull::Ended;
        }
        loop {
            let pull = match &mut self.state {
                State::Accepting { .. } => self.accept(input),
                State::Handshaking { .. } | State::Open(_) => self.advance(input),
                State::Failed(_) => Pull::Failed,
            };
            match pull {
                Pull::Nothing if !input.is_empty() => {}
                pull => return pull,
            }
        }
    }

    /// What was decrypted and not used.
    pub(in super::super) fn text(&self) -> &[u8] {
        &self.text[self.used..]
    }

    /// So many bytes of the text were used.
    pub(in super::super) fn consume(&mut self, count: usize) {
        self.used = (self.used + count).min(self.text.len());
        if self.used == self.text.len() {
            // Ten thousand silent connections keep nothing.
            self.text = Vec::new();
            self.used = 0;
        }
    }

    /// Encrypts `text` and appends it to `wire`, after what waited before it. Without effect before the handshake is
    /// over: there is nobody yet who could read it.
    pub(in super::super) fn encrypt(&mut self, text: &[u8], wire: &mut Vec<u8>) {
        self.take_output(wire);
        let State::Open(connection) = &mut self.state else { return };
        let mut rest = text;
        while !rest.is_empty() {
            // Both calls work on memory; what would fail is a connection that is closed, and then nobody listens.
            match connection.writer().write(rest) {
                Ok(written) if written > 0 => rest = &rest[written..],
                _ => return,
            }
            drain(connection, wire);
        }
    }

    /// Appends what TLS itself has to say to `wire`.
    pub(in super::super) fn take_output(&mut self, wire: &mut Vec<u8>) {
        match &mut self.state {
            State::Accepting { .. } => {}
            State::Handshaking { connection, .. } | State::Open(connection) => {
                drain(connection, wire)
            }
            State::Failed(alert) => wire.append(alert),
        }
    }

    /// Says that nothing more will be sent. A handshake in progress is given up.
    pub(in super::super) fn close(&mut self, wire: &mut Vec<u8>) {
        if let State::Open(connection) = &mut self.state {
            connection.send_close_notify();
        }
        self.take_output(wire);
        if !matches!(self.state, State::Open(_)) {
            self.state = State::Failed(Vec::new());
        }
    }

    /// The SHA-256 of the client's certificate in lower-case hexadecimal, if it showed one.
    pub(in super::super) fn fingerprint(&self) -> Option<Box<str>> {
        let State::Open(connection) = &self.state else { return None };
        let certificate = connection.peer_certificates()?.first()?;
        let digest = Sha256::digest(certificate);
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }

    /// The client's first message, which says which configuration it gets.
    fn accept(&mut self, input: &mut &[u8]) -> Pull {
        let State::Accepting { acceptor, taken, .. } = &mut self.state else { return Pull::Failed };
        let before = input.len();
        if before == 0 {
            return Pull::Nothing;
        }
        let read = acceptor.read_tls(input);
        *taken += before - input.len();
        if *taken > HANDSHAKE_BYTES || !matches!(read, Ok(1..)) {
            return self.fail(Vec::new());
        }
        let accepted = match acceptor.accept() {
            Ok(None) => return Pull::Nothing,
            Ok(Some(accepted)) => accepted,
            Err((_, mut alert)) => {
                let mut bytes = Vec::new();
                let _ = alert.write_all(&mut bytes);
                return self.fail(bytes);
            }
        };
        let State::Accepting { configs, slot, taken, .. } =
            std::mem::replace(&mut self.state, State::Failed(Vec::new()))
        else {
            return Pull::Failed;
        };
        let config = Arc::clone(configs.choose(accepted.client_hello().alpn()));
        match accepted.into_connection(config) {
            Ok(mut connection) => {
                connection.set_buffer_limit(Some(SEND_STEP));
                self.state = State::Handshaking { connection: Box::new(connection), slot, taken };
                self.advance(&mut &[][..])
            }
            Err((_, mut alert)) => {
                let mut bytes = Vec::new();
                let _ = alert.write_all(&mut bytes);
                self.fail(bytes)
            }
        }
    }

    /// One step of a connection: one read of at most a few KiB, and what comes of it.
    fn advance(&mut self, input: &mut &[u8]) -> Pull {
        let (connection, taken) = match &mut self.state {
            State::Handshaking { connection, taken, .. } => (connection, Some(taken)),
            State::Open(connection) => (connection, None),
            State::Accepting { .. } | State::Failed(_) => return Pull::Failed,
        };
        if !input.is_empty() {
            let before = input.len();
            let read = connection.read_tls(input);
            let too_much = taken.is_some_and(|taken| {
                *taken += before - input.len();
                *taken > HANDSHAKE_BYTES
            });
            // Nothing is read after the client's close_notify, nor of a record that is too long to be one.
            if too_much || !matches!(read, Ok(1..)) {
                return self.fail(Vec::new());
            }
        }
        let processed = connection.process_new_packets();
        // Text before a mistake is text still. Reading ends with an error where there is no more for now.
        let _ = connection.reader().read_to_end(&mut self.text);
        let Ok(state) = processed else {
            let mut alert = Vec::new();
            drain(connection, &mut alert);
            let failed = self.fail(alert);
            return if self.text.is_empty() { failed } else { Pull::Text };
        };
        self.ended = state.peer_has_closed();
        if !connection.is_handshaking() && matches!(self.state, State::Handshaking { .. }) {
            self.establish();
            return Pull::Established;
        }
        match (self.text.is_empty(), self.ended) {
            (false, _) => Pull::Text,
            (true, true) => Pull::Ended,
            (true, false) => Pull::Nothing,
        }
    }

    /// The slot goes back here.
    fn establish(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Failed(Vec::new()));
        if let State::Handshaking { connection, slot, .. } = state {
            drop(slot);
            self.state = State::Open(connection);
        }
    }

    fn fail(&mut self, alert: Vec<u8>) -> Pull {
        self.state = State::Failed(alert);
        Pull::Failed
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Accepting { .. } => "accepting",
            State::Handshaking { .. } => "handshaking",
            State::Open(_) => "open",
            State::Failed(_) => "failed",
        };
        f.debug_struct("Tls").field("state", &state).finish_non_exhaustive()
    }
}

/// Moves what waits to be sent into memory, where writing cannot fail.
fn drain(connection: &mut ServerConnection, wire: &mut Vec<u8>) {
    while connection.wants_write() {
        if !matches!(connection.write_tls(wire), Ok(1..)) {
            return;
        }
    }
}
