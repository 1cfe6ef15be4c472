//! The TLS of one connection as a stream of bytes, in memory, in both roles; made to move much.
//!
//! Records lie in one buffer that is read into directly and are decrypted there; what is written is encrypted in long
//! runs into another that leaves with one call. So a system call moves many records either way.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{CommonState, ProtocolVersion};

use super::client::server_name;
use super::trust::Seen;
use super::{About, HANDSHAKE_BYTES, ServerTls, Settings, TlsError, Trust, ciphers};

/// Bytes of records that are read at a time: fifteen of the longest. Less makes system calls, more leaves the cache.
const INPUT: usize = 256 * 1024;

/// The same until somebody sends as much at once: silent connections hold no more.
const INPUT_AT_FIRST: usize = 4 * 1024;

/// Text that is encrypted at a time: three full records. With their frames they leave as one segment of 64 KiB, the largest
/// that there is, and are in the processor's cache still when they do: 128 KiB at a time were slower by a third.
const STEP: usize = 48 * 1024;

/// What a record adds to its text at the most, and the text of a full one.
const RECORD: (usize, usize) = (64, 16 * 1024);

/// Room for what TLS itself says beside text: a flight of the handshake, alerts, answers to key updates.
const ASIDE: usize = 4 * 1024;

/// What [`Codec::read`] came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// So many bytes of text stand at the front of the buffer.
    Text(usize),
    /// More records are needed.
    Nothing,
    /// The peer said that nothing more will come.
    Ended,
}

/// One side of one connection.
///
/// Calling contract: send what [`output`](Self::output) holds, at the beginning and after each other call, and say with
/// [`sent`](Self::sent) how much of it left. Read records into [`room`](Self::room), say with
/// [`filled`](Self::filled) how many bytes they are, then call [`read`](Self::read) until it gives `Nothing`.
pub struct Codec {
    connection: Connection,
    seen: Option<Arc<OnceLock<Seen>>>,
    /// Records from `start` to `end`.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Decrypted, from `used` on not yet used: what had no room in the caller's buffer.
    text: Vec<u8>,
    used: usize,
    /// To be sent, from `out_start` to `out_end`.
    output: Vec<u8>,
    out_start: usize,
    out_end: usize,
    /// Bytes of the handshake so far; `None` when it is over.
    taken: Option<usize>,
    failure: Option<TlsError>,
    /// Records may lie in the input that were not decrypted for want of room.
    stalled: bool,
    ended: bool,
    closed: bool,
}

enum Connection {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

impl Codec {
    /// A client that talks to `host`, a name or an address without brackets, which the certificate has to be for.
    /// `protocols` are offered to the server (ALPN), if there are any.
    ///
    /// # Errors
    ///
    /// If no certificate can be for `host`, or this system trusts nobody.
    pub fn client(settings: &Settings, host: &str, protocols: &[&str]) -> Result<Self, TlsError> {
        let name = match (server_name(host), &settings.trust) {
            // An address is not told to the server, so this one stands for no name at all.
            (Err(_), Trust::Anyone) => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4]))),
            (name, _) => name?,
        };
        let (config, seen) = settings.config(protocols)?;
        let connection = UnbufferedClientConnection::new(Arc::new(config), name)
            .map_err(|error| TlsError::of(&error))?;
        let mut codec = Self::new(Connection::Client(Box::new(connection)), Some(seen));
        codec.turn(&mut [], None)?;
        Ok(codec)
    }

    /// A server.
    ///
    /// # Errors
    ///
    /// If the configuration is broken.
    pub fn server(tls: &ServerTls) -> Result<Self, TlsError> {
        let connection = UnbufferedServerConnection::new(Arc::clone(&tls.0))
            .map_err(|error| TlsError::of(&error))?;
        Ok(Self::new(Connection::Server(Box::new(connection)), None))
    }

    fn new(connection: Connection, seen: Option<Arc<OnceLock<Seen>>>) -> Self {
        Self {
            connection,
            seen,
            input: Vec::new(),
            start: 0,
            end: 0,
            text: Vec::new(),
            used: 0,
            output: Vec::new(),
            out_start: 0,
            out_end: 0,
            taken: Some(0),
            failure: None,
            stalled: false,
            ended: false,
            closed: false,
        }
    }

    /// Where records are to be read into. Never empty as long as [`read`](Self::read) has nothing.
    pub fn room(&mut self) -> &mut [u8] {
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.input.len() {
            // Who filled the small buffer has more to say.
            let size = if self.input.is_empty() { INPUT_AT_FIRST } else { INPUT };
            self.input.resize(size, 0);
        }
        &mut self.input[self.end..]
    }

    /// So many bytes were read into the room.
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.input.len());
        if let Some(taken) = &mut self.taken {
            *taken += count;
        }
        if self.end == self.input.len() && self.end < INPUT {
            self.input.resize(INPUT, 0);
        }
    }

    /// Goes on with the handshake, by what was read. Text that came behind it is kept for [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn shake_hands(&mut self) -> Result<(), TlsError> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None if self.taken.is_none() => Ok(()),
            None => self.turn(&mut [], None).map(drop),
        }
    }

    /// Decrypts what was read into `buffer`.
    ///
    /// # Errors
    ///
    /// If there is no TLS with this peer, or no longer. An alert may wait to be sent.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Progress, TlsError> {
        let mut count = self.take_text(buffer);
        if count < buffer.len() && self.failure.is_none() {
            count += self.turn(&mut buffer[count..], None)?.0;
        }
        if count > 0 {
            return Ok(Progress::Text(count));
        }
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        Ok(if self.ended && self.text().is_empty() { Progress::Ended } else { Progress::Nothing })
    }

    /// Encrypts from the front of `text` as much as is to leave at once, and tells how much; nothing before the handshake
    /// is over, after [`close`](Self::close), or while earlier output waits.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    pub fn write(&mut self, text: &[u8]) -> Result<usize, TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.taken.is_some() || self.closed || !self.output().is_empty() || text.is_empty() {
            return Ok(0);
        }
        let text = &text[..text.len().min(STEP)];
        // Records that wait are decrypted first, since TLS may have to answer them before text.
        self.turn(&mut [], Some(Say::Text(text))).map(|(_, taken)| taken)
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output[self.out_start..self.out_end]
    }

    /// So many bytes of the output were sent.
    pub fn sent(&mut self, count: usize) {
        self.out_start = (self.out_start + count).min(self.out_end);
        if self.out_start == self.out_end {
            (self.out_start, self.out_end) = (0, 0);
        }
    }

    /// Says that nothing more will be sent. What the peer still says can be read.
    pub fn close(&mut self) {
        if !self.closed && self.taken.is_none() && self.failure.is_none() {
            self.closed = true;
            // What fails here is told by the next read.
            let _ = self.turn(&mut [], Some(Say::Close));
        }
    }

    /// Whether the handshake is over, and went well.
    pub const fn is_established(&self) -> bool {
        self.taken.is_none()
    }

    /// Whether [`read`](Self::read) has something to say before more records come.
    pub fn has_text(&self) -> bool {
        !self.text().is_empty() || self.stalled || self.ended || self.failure.is_some()
    }

    /// What it means that the connection ended here: nothing, if the peer said so before.
    ///
    /// # Errors
    ///
    /// If it did not.
    pub const fn end(&self) -> Result<(), TlsError> {
        if self.ended { Ok(()) } else { Err(TlsError::Cut) }
    }

    /// What the peer's certificate says, if it showed one.
    pub fn peer(&self) -> Option<About> {
        self.common().peer_certificates()?.first().map(|certificate| About::of(certificate))
    }

    /// What is spoken inside, if the peers agreed on anything (ALPN).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.common().alpn_protocol()
    }

    /// The version and the cipher's name as OpenSSL has it, once they are agreed on.
    pub fn suite(&self) -> Option<(&'static str, &'static str)> {
        let version = match self.common().protocol_version()? {
            ProtocolVersion::TLSv1_2 => "TLSv1.2",
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => return None,
        };
        Some((version, ciphers::name_of(self.common().negotiated_cipher_suite()?)))
    }

    fn common(&self) -> &CommonState {
        match &self.connection {
            Connection::Client(client) => client,
            Connection::Server(server) => server,
        }
    }

    fn text(&self) -> &[u8] {
        &self.text[self.used..]
    }

    fn take_text(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.text().len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.text[self.used..self.used + count]);
        self.used += count;
        if self.used == self.text.len() {
            self.text.clear();
            self.used = 0;
        }
        count
    }

    /// Goes on until records are needed, the buffer is full, or what is to be said was said. Gives the text that was read
    /// into `buffer`, and how much of what was to be said was taken.
    fn turn(
        &mut self,
        buffer: &mut [u8],
        say: Option<Say<'_>>,
    ) -> Result<(usize, usize), TlsError> {
        let mut count = 0;
        loop {
            if self.taken.is_some_and(|taken| taken > HANDSHAKE_BYTES) {
                return self.fail(TlsError::Failed("its handshake has no end".to_owned()));
            }
            // Where there is no more room, records stay as they are; but TLS speaks in their order.
            self.stalled = count == buffer.len() && !buffer.is_empty();
            if self.stalled {
                return Ok((count, 0));
            }
            let Self { connection, input, start, end, text, output, out_end, .. } = self;
            let mut sinks = Sinks { buffer: &mut buffer[count..], text, output, out_end };
            let records = &mut input[*start..*end];
            let (discard, step) = match connection {
                Connection::Client(client) => {
                    sinks.handle(client.process_tls_records(records), say)
                }
                Connection::Server(server) => {
                    sinks.handle(server.process_tls_records(records), say)
                }
            };
            self.start += discard;
            match step {
                Step::Again => {}
                Step::Text(more) => count += more,
                Step::Waits => return Ok((count, 0)),
                Step::Open(said) => {
                    // A server may speak before the client's last word has come.
                    if !self.common().is_handshaking() {
                        self.taken = None;
                    }
                    return Ok((count, said));
                }
                Step::Ended => self.ended = true,
                Step::Over => {
                    self.ended = true;
                    return Ok((count, 0));
                }
                Step::Failed(error) => {
                    let seen = self.seen.as_ref().and_then(|seen| seen.get()?.failure());
                    self.take_alert();
                    let failure = seen.unwrap_or_else(|| TlsError::of(&error));
                    // Text before a mistake is text still.
                    return if count > 0 {
                        self.failure = Some(failure);
                        Ok((count, 0))
                    } else {
                        self.fail(failure)
                    };
                }
            }
        }
    }

    fn fail<T>(&mut self, failure: TlsError) -> Result<T, TlsError> {
        Err(self.failure.insert(failure).clone())
    }

    /// What rustls has to say at the end, the alert for one. It must not look at records again.
    fn take_alert(&mut self) {
        while self.common().wants_write() {
            let Self { connection, input, start, end, text, output, out_end, .. } = self;
            let mut sinks = Sinks { buffer: &mut [], text, output, out_end };
            let records = &mut input[*start..*end];
            let (discard, step) = match connection {
                Connection::Client(client) => {
                    sinks.handle(client.process_tls_records(records), None)
                }
                Connection::Server(server) => {
                    sinks.handle(server.process_tls_records(records), None)
                }
            };
            self.start += discard;
            if !matches!(step, Step::Again | Step::Text(_)) {
                return;
            }
        }
    }
}

/// What is to be said as soon as TLS lets us.
#[derive(Clone, Copy)]
enum Say<'a> {
    Text(&'a [u8]),
    Close,
}

/// What rustls asks for, in the order in which it does.
enum Step {
    Again,
    Text(usize),
    /// Records are needed for the handshake.
    Waits,
    /// The handshake is over and all records were taken in; so much text was encrypted.
    Open(usize),
    Ended,
    Over,
    Failed(rustls::Error),
}

struct Sinks<'a> {
    buffer: &'a mut [u8],
    text: &'a mut Vec<u8>,
    output: &'a mut Vec<u8>,
    out_end: &'a mut usize,
}

impl Sinks<'_> {
    fn handle<Data>(
        &mut self,
        status: UnbufferedStatus<'_, '_, Data>,
        say: Option<Say<'_>>,
    ) -> (usize, Step) {
        let mut discard = status.discard;
        let step = match status.state {
            Err(error) => Step::Failed(error),
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                let mut count = 0;
                while let Some(record) = traffic.next_record() {
                    let record = match record {
                        Ok(record) => record,
                        Err(error) => return (discard, Step::Failed(error)),
                    };
                    discard += record.discard;
                    let room = self.buffer.len() - count;
                    let (here, later) = record.payload.split_at(record.payload.len().min(room));
                    self.buffer[count..count + here.len()].copy_from_slice(here);
                    count += here.len();
                    self.text.extend_from_slice(later);
                }
                Step::Text(count)
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                self.make_room(ASIDE);
                let written = match data.encode(&mut self.output[*self.out_end..]) {
                    Err(EncodeError::InsufficientSize(needed)) => {
                        self.make_room(needed.required_size);
                        data.encode(&mut self.output[*self.out_end..])
                    }
                    result => result,
                };
                *self.out_end += written.unwrap_or_default();
                Step::Again
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Step::Again
            }
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let said = match say {
                    None => 0,
                    Some(Say::Close) => {
                        self.make_room(ASIDE);
                        let close = traffic.queue_close_notify(&mut self.output[*self.out_end..]);
                        *self.out_end += close.unwrap_or_default();
                        0
                    }
                    Some(Say::Text(text)) => {
                        self.make_room(text.len() + (text.len() / RECORD.1 + 1) * RECORD.0 + ASIDE);
                        match traffic.encrypt(text, &mut self.output[*self.out_end..]) {
                            Ok(written) => {
                                *self.out_end += written;
                                text.len()
                            }
                            // The keys are used up, which TLS 1.3 mends by itself.
                            Err(_) => 0,
                        }
                    }
                };
                Step::Open(said)
            }
            Ok(ConnectionState::BlockedHandshake) => Step::Waits,
            Ok(ConnectionState::PeerClosed) => Step::Ended,
            Ok(ConnectionState::Closed) => Step::Over,
            // Early data, which is never allowed here.
            Ok(_) => Step::Over,
        };
        (discard, step)
    }

    fn make_room(&mut self, count: usize) {
        if self.output.len() - *self.out_end < count {
            self.output.resize(*self.out_end + count, 0);
        }
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").field("is_open", &self.taken.is_none()).finish_non_exhaustive()
    }
}
