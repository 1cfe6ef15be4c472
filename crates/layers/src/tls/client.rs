//! The TLS of one connection, in memory: records in, text out, and back.

use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::trust::Seen;
use super::{Fingerprint, HANDSHAKE_BYTES, Settings, TlsError};

/// Bytes that rustls holds of what is to be sent. Writing goes on in steps of this, so it is no limit.
const SEND_STEP: usize = 32 * 1024;

/// What [`Client::pull`] came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pull {
    /// All input was taken in, and more is needed.
    Nothing,
    /// The handshake is over. Given once.
    Established,
    /// There is text.
    Text,
    /// The server said that nothing more will come.
    Ended,
}

/// The client's side of one connection.
///
/// Calling contract: [`take_output`](Self::take_output) at the beginning and after each call of [`pull`](Self::pull),
/// which is called with what was read until it gives `Nothing`; after `Text` first read [`text`](Self::text) and say with
/// [`consume`](Self::consume) how much of it was used, until it is empty.
pub struct Client {
    connection: ClientConnection,
    seen: Arc<OnceLock<Seen>>,
    /// Bytes of the handshake so far; `None` when it is over.
    taken: Option<usize>,
    failure: Option<TlsError>,
    /// Decrypted, from `used` on not yet used.
    text: Vec<u8>,
    used: usize,
    ended: bool,
}

impl Client {
    /// Is to talk to `host`, a name or an address without brackets, which the certificate has to be for. `protocols` are
    /// offered to the server (ALPN, RFC 7301), if there are any.
    ///
    /// # Errors
    ///
    /// If no certificate can be for `host`, or this system trusts nobody.
    pub fn new(settings: &Settings, host: &str, protocols: &[&str]) -> Result<Self, TlsError> {
        let name = server_name(host)?;
        let (config, seen) = settings.config(protocols)?;
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(|error| TlsError::of(&error))?;
        connection.set_buffer_limit(Some(SEND_STEP));
        Ok(Self {
            connection,
            seen,
            taken: Some(0),
            failure: None,
            text: Vec::new(),
            used: 0,
            ended: false,
        })
    }

    /// Takes in records from the front of `input`, as far as something comes of it.
    ///
    /// # Errors
    ///
    /// If there is no TLS with this server, or no longer. An alert may wait to be sent.
    pub fn pull(&mut self, input: &mut &[u8]) -> Result<Pull, TlsError> {
        loop {
            if !self.text().is_empty() {
                return Ok(Pull::Text);
            }
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            if self.ended {
                *input = &[];
                return Ok(Pull::Ended);
            }
            if input.is_empty() {
                return Ok(Pull::Nothing);
            }
            if let Some(pull) = self.advance(input) {
                return Ok(pull);
            }
        }
    }

    /// Whether the handshake is over, and went well.
    pub const fn is_established(&self) -> bool {
        self.taken.is_none()
    }

    /// What was decrypted and not used.
    pub fn text(&self) -> &[u8] {
        &self.text[self.used..]
    }

    /// So many bytes of the text were used.
    pub fn consume(&mut self, count: usize) {
        self.used = (self.used + count).min(self.text.len());
        if self.used == self.text.len() {
            self.text.clear();
            self.used = 0;
        }
    }

    /// Encrypts `text` and appends it to `wire`, after what waited before it. Without effect before the handshake is
    /// over: there is nobody yet who could read it.
    pub fn encrypt(&mut self, text: &[u8], wire: &mut Vec<u8>) {
        self.take_output(wire);
        if self.taken.is_some() || self.failure.is_some() {
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            // Both calls work on memory; what would fail is a connection that is closed, and then nobody listens.
            match self.connection.writer().write(rest) {
                Ok(written) if written > 0 => rest = &rest[written..],
                _ => return,
            }
            self.take_output(wire);
        }
    }

    /// Appends what TLS itself has to say to `wire`.
    pub fn take_output(&mut self, wire: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // Writing to memory does not fail.
            if !matches!(self.connection.write_tls(wire), Ok(1..)) {
                return;
            }
        }
    }

    /// Says that nothing more will be sent. What the server still says can be pulled.
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.take_output(wire);
    }

    /// What it means that the connection ended here: nothing, if the server said so before.
    pub const fn end(&self) -> Result<(), TlsError> {
        if self.ended { Ok(()) } else { Err(TlsError::Cut) }
    }

    /// Of the server's certificate, when the handshake has come so far.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.seen.get().map(|seen| seen.fingerprint)
    }

    /// One read of at most a few KiB, and what comes of it.
    fn advance(&mut self, input: &mut &[u8]) -> Option<Pull> {
        let before = input.len();
        let read = self.connection.read_tls(input);
        if let Some(taken) = &mut self.taken {
            *taken += before - input.len();
            if *taken > HANDSHAKE_BYTES {
                self.failure = Some(TlsError::Failed("its handshake has no end".to_owned()));
                return None;
            }
        }
        if !matches!(read, Ok(1..)) {
            self.failure = Some(TlsError::NotTls);
            return None;
        }
        let processed = self.connection.process_new_packets();
        // Text before a mistake is text still. Reading ends with an error where there is no more for now.
        let _ = self.connection.reader().read_to_end(&mut self.text);
        match processed {
            Ok(state) => self.ended = state.peer_has_closed(),
            Err(error) => self.failure = Some(self.failure_of(&error)),
        }
        if self.taken.is_some() && !self.connection.is_handshaking() && self.failure.is_none() {
            self.taken = None;
            return Some(Pull::Established);
        }
        None
    }

    fn failure_of(&self, error: &rustls::Error) -> TlsError {
        self.seen.get().and_then(Seen::failure).unwrap_or_else(|| TlsError::of(error))
    }
}

/// `host` as certificates have it.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    // A scope says by which wire an address is reached, and is no part of any certificate; a name may end in a dot.
    let bare = host.split('%').next().unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("is_open", &self.taken.is_none()).finish_non_exhaustive()
    }
}
