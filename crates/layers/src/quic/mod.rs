//! QUIC (RFC 9000), in memory and in both roles: connections on one socket, each with one stream in both directions.
//!
//! Whoever speaks first opens the stream, and the other answers on it. If both speak at once there are two, and each
//! direction has one of its own; nobody sees a difference. The end of the stream is the end of what one side says; a
//! connection that is closed before that was cut.

mod config;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{
    Connection, ConnectionError, ConnectionHandle, DatagramEvent, Dir, EndpointConfig, Event,
    ReadError, StreamEvent, StreamId, VarInt, WriteError,
};
use rustls::pki_types::CertificateDer;

pub use config::PROTOCOL;

use crate::tls::{About, Seen, ServerSettings, Settings, TlsError};

/// Clients whose first packets came and whom nobody has accepted. More are refused.
pub const ARRIVALS: usize = 256;

/// Which of the connections.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id(u64);

/// What [`Endpoint::read`] came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Read {
    /// So many bytes of text stand at the front of the buffer.
    Text(usize),
    /// Nothing for now.
    Nothing,
    /// The peer said that nothing more will come.
    Ended,
}

/// All connections of one socket.
///
/// Calling contract: after each other call send what [`poll_transmit`](Self::poll_transmit) gives, and call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
pub struct Endpoint {
    endpoint: quinn_proto::Endpoint,
    conversations: HashMap<u64, Conversation>,
    /// By the numbers of the library, which gives them out again.
    handles: HashMap<ConnectionHandle, u64>,
    next: u64,
    /// When a connection wants to be woken.
    timers: BTreeSet<(Instant, u64)>,
    /// Who may have something to send.
    touched: VecDeque<u64>,
    is_touched: HashSet<u64>,
    /// Answers to packets of no connection.
    answers: VecDeque<(SocketAddr, Vec<u8>)>,
    arrivals: VecDeque<Id>,
    accepts: bool,
}

struct Conversation {
    handle: ConnectionHandle,
    connection: Connection,
    seen: Option<Arc<OnceLock<Seen>>>,
    timer: Option<Instant>,
    reading: Option<StreamId>,
    writing: Option<StreamId>,
    established: bool,
    /// The peer's end was read.
    ended: bool,
    finished: bool,
    /// All that was written, with its end, has reached the peer.
    acknowledged: bool,
    lost: Option<ConnectionError>,
    /// Nobody wants it any more.
    dropped: bool,
    /// Something came that was not looked at.
    stirred: bool,
}

impl Endpoint {
    /// For clients.
    pub fn client() -> Self {
        Self::new(None)
    }

    /// For a server.
    ///
    /// # Errors
    ///
    /// If the ciphers lack the one that QUIC itself needs.
    pub fn server(settings: &ServerSettings) -> Result<Self, TlsError> {
        config::server(settings).map(|config| Self::new(Some(config)))
    }

    fn new(server: Option<quinn_proto::ServerConfig>) -> Self {
        let accepts = server.is_some();
        let config = Arc::new(EndpointConfig::default());
        let endpoint = quinn_proto::Endpoint::new(config, server.map(Arc::new), false, None);
        Self {
            endpoint,
            conversations: HashMap::new(),
            handles: HashMap::new(),
            next: 0,
            timers: BTreeSet::new(),
            touched: VecDeque::new(),
            is_touched: HashSet::new(),
            answers: VecDeque::new(),
            arrivals: VecDeque::new(),
            accepts,
        }
    }

    /// Begins a connection to `peer`, which has to have a certificate for `host`.
    ///
    /// # Errors
    ///
    /// If no certificate can be for `host`, this system trusts nobody, or the address is none to connect to.
    pub fn connect(
        &mut self,
        settings: &Settings,
        host: &str,
        protocols: &[String],
        peer: SocketAddr,
        now: Instant,
    ) -> Result<Id, TlsError> {
        let (config, name, seen) = config::client(settings, host, protocols)?;
        let (handle, connection) = self
            .endpoint
            .connect(now, config, peer, &name)
            .map_err(|error| TlsError::Failed(error.to_string()))?;
        Ok(self.add(handle, connection, Some(seen)))
    }

    /// Takes no more clients.
    pub fn refuse_clients(&mut self) {
        self.accepts = false;
        while let Some(id) = self.arrivals.pop_front() {
            self.drop_connection(id, Instant::now());
        }
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let mut answer = Vec::new();
        let data = BytesMut::from(datagram);
        match self.endpoint.handle(now, from, None, None, data, &mut answer) {
            None => {}
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let index = self.handles.get(&handle).copied().unwrap_or(u64::MAX);
                if let Some(conversation) = self.conversations.get_mut(&index) {
                    conversation.connection.handle_event(event);
                    self.touch(index);
                }
            }
            Some(DatagramEvent::Response(transmit)) => {
                answer.truncate(transmit.size);
                self.answers.push_back((transmit.destination, answer));
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                if !self.accepts || self.arrivals.len() >= ARRIVALS {
                    let transmit = self.endpoint.refuse(incoming, &mut answer);
                    answer.truncate(transmit.size);
                    self.answers.push_back((transmit.destination, answer));
                    return;
                }
                match self.endpoint.accept(incoming, now, &mut answer, None) {
                    Ok((handle, connection)) => {
                        let id = self.add(handle, connection, None);
                        self.arrivals.push_back(id);
                    }
                    Err(error) => {
                        if let Some(transmit) = error.response {
                            answer.truncate(transmit.size);
                            self.answers.push_back((transmit.destination, answer));
                        }
                    }
                }
            }
        }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) gave.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, index)) = self.timers.first() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            if let Some(conversation) = self.conversations.get_mut(&index) {
                conversation.timer = None;
                conversation.connection.handle_timeout(now);
                self.touch(index);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// What is to be sent to whom; its bytes are put into `datagram`.
    pub fn poll_transmit(&mut self, now: Instant, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        datagram.clear();
        if let Some((to, answer)) = self.answers.pop_front() {
            datagram.extend_from_slice(&answer);
            return Some(to);
        }
        while let Some(&index) = self.touched.front() {
            if let Some(conversation) = self.conversations.get_mut(&index) {
                if let Some(transmit) = conversation.connection.poll_transmit(now, 1, datagram) {
                    datagram.truncate(transmit.size);
                    return Some(transmit.destination);
                }
                self.settle(index);
            }
            self.touched.pop_front();
            self.is_touched.remove(&index);
        }
        None
    }

    /// A client that arrived.
    pub fn poll_arrival(&mut self) -> Option<Id> {
        self.arrivals.pop_front()
    }

    /// Takes what came on a connection.
    ///
    /// # Errors
    ///
    /// If the connection is over.
    pub fn read(&mut self, id: Id, buffer: &mut [u8]) -> Result<Read, TlsError> {
        self.touch(id.0);
        let Some(conversation) = self.conversations.get_mut(&id.0) else {
            return Err(TlsError::Cut);
        };
        let (read, ends) = conversation.read(buffer);
        conversation.ended |= ends;
        conversation.stirred = read > 0 && !conversation.ended;
        match (read, conversation.ended) {
            (1.., _) => Ok(Read::Text(read)),
            (0, true) => Ok(Read::Ended),
            (0, false) => conversation.check().map(|()| Read::Nothing),
        }
    }

    /// Whether [`read`](Self::read) may have something to say.
    pub fn has_text(&self, id: Id) -> bool {
        self.conversations.get(&id.0).is_some_and(|conversation| conversation.stirred)
    }

    /// Gives a connection text: as much as it takes, and that may be none.
    ///
    /// # Errors
    ///
    /// If the connection is over, or the peer takes nothing more.
    pub fn write(&mut self, id: Id, text: &[u8]) -> Result<usize, TlsError> {
        self.touch(id.0);
        let Some(conversation) = self.conversations.get_mut(&id.0) else {
            return Err(TlsError::Cut);
        };
        conversation.check()?;
        if !conversation.established || conversation.finished {
            return Ok(0);
        }
        let Some(stream) = conversation.own_stream() else { return Ok(0) };
        match conversation.connection.send_stream(stream).write(text) {
            Ok(count) => Ok(count),
            Err(WriteError::Blocked) => Ok(0),
            Err(_) => Err(TlsError::Failed("it takes nothing more".to_owned())),
        }
    }

    /// Says that nothing more will be written.
    pub fn finish(&mut self, id: Id) {
        self.touch(id.0);
        if let Some(conversation) = self.conversations.get_mut(&id.0)
            && conversation.established
            && !conversation.finished
            && let Some(stream) = conversation.own_stream()
        {
            conversation.finished = true;
            // A peer that takes nothing more hears no end either.
            conversation.acknowledged |=
                conversation.connection.send_stream(stream).finish().is_err();
        }
    }

    /// Ends a connection, whatever is still on its way.
    pub fn drop_connection(&mut self, id: Id, now: Instant) {
        if let Some(conversation) = self.conversations.get_mut(&id.0) {
            conversation.dropped = true;
            conversation.connection.close(now, VarInt::from_u32(0), Bytes::new());
            self.touch(id.0);
        }
    }

    /// Whether the handshake is over, and went well.
    pub fn is_established(&self, id: Id) -> bool {
        self.conversations.get(&id.0).is_some_and(|conversation| conversation.established)
    }

    /// Whether the end was said and has reached the peer with all that was before it, or nothing can any more.
    pub fn is_acknowledged(&self, id: Id) -> bool {
        self.conversations.get(&id.0).is_none_or(|conversation| {
            !conversation.finished || conversation.acknowledged || conversation.lost.is_some()
        })
    }

    /// Why there is no connection, or no longer.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn check(&self, id: Id) -> Result<(), TlsError> {
        self.conversations.get(&id.0).map_or(Err(TlsError::Cut), Conversation::check)
    }

    /// Who is at the other end.
    pub fn peer(&self, id: Id) -> Option<SocketAddr> {
        Some(self.conversations.get(&id.0)?.connection.remote_address())
    }

    /// What the peer's certificate says, if it showed one.
    pub fn certificate(&self, id: Id) -> Option<About> {
        let identity =
            self.conversations.get(&id.0)?.connection.crypto_session().peer_identity()?;
        let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
        chain.first().map(|certificate| About::of(certificate))
    }

    /// What is spoken inside (ALPN).
    pub fn protocol(&self, id: Id) -> Option<Vec<u8>> {
        let data: Box<dyn Any> =
            self.conversations.get(&id.0)?.connection.crypto_session().handshake_data()?;
        data.downcast::<HandshakeData>().ok()?.protocol
    }

    /// Whether no connection is left, with all goodbyes said.
    pub fn is_idle(&self) -> bool {
        self.conversations.is_empty() && self.answers.is_empty()
    }

    fn add(
        &mut self,
        handle: ConnectionHandle,
        connection: Connection,
        seen: Option<Arc<OnceLock<Seen>>>,
    ) -> Id {
        let conversation = Conversation {
            handle,
            connection,
            seen,
            timer: None,
            reading: None,
            writing: None,
            established: false,
            ended: false,
            finished: false,
            acknowledged: false,
            lost: None,
            dropped: false,
            stirred: false,
        };
        let index = self.next;
        self.next += 1;
        self.conversations.insert(index, conversation);
        self.handles.insert(handle, index);
        self.touch(index);
        Id(index)
    }

    fn touch(&mut self, index: u64) {
        if self.conversations.contains_key(&index) && self.is_touched.insert(index) {
            self.touched.push_back(index);
        }
    }

    /// Takes everything else that a connection has to give, after its packets.
    fn settle(&mut self, index: u64) {
        let Some(conversation) = self.conversations.get_mut(&index) else { return };
        while let Some(event) = conversation.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(conversation.handle, event) {
                conversation.connection.handle_event(event);
            }
        }
        conversation.take_events();
        let timer = conversation.connection.poll_timeout();
        if timer != conversation.timer {
            conversation.timer.map(|at| self.timers.remove(&(at, index)));
            timer.map(|at| self.timers.insert((at, index)));
            conversation.timer = timer;
        }
        if conversation.connection.is_drained() {
            // The library has forgotten it, and may give its number to another.
            if self.handles.get(&conversation.handle) == Some(&index) {
                self.handles.remove(&conversation.handle);
            }
            if conversation.dropped {
                conversation.timer.map(|at| self.timers.remove(&(at, index)));
                self.conversations.remove(&index);
            }
        }
    }
}

impl Conversation {
    fn take_events(&mut self) {
        while let Some(event) = self.connection.poll() {
            match event {
                Event::Connected => self.established = true,
                Event::ConnectionLost { reason } => {
                    self.lost = Some(reason);
                    self.stirred = true;
                }
                Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) => {
                    let accepted = self.connection.streams().accept(Dir::Bi);
                    self.reading = self.reading.or(accepted);
                    self.stirred = true;
                }
                Event::Stream(StreamEvent::Readable { id }) => {
                    self.reading.get_or_insert(id);
                    self.stirred = true;
                }
                Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. })
                    if self.writing == Some(id) =>
                {
                    self.acknowledged = true
                }
                _ => {}
            }
        }
    }

    /// The stream to write on: the one on which the peer speaks, or a new one.
    fn own_stream(&mut self) -> Option<StreamId> {
        if self.writing.is_none() {
            self.writing = self.reading.or_else(|| self.connection.streams().open(Dir::Bi));
        }
        self.writing
    }

    /// Bytes that were put into the buffer, and whether the end was found behind them.
    fn read(&mut self, buffer: &mut [u8]) -> (usize, bool) {
        let Some(stream) = self.reading.filter(|_| !self.ended) else { return (0, false) };
        let mut receiving = self.connection.recv_stream(stream);
        let Ok(mut chunks) = receiving.read(true) else { return (0, false) };
        let (mut count, mut ends) = (0, false);
        while count < buffer.len() {
            match chunks.next(buffer.len() - count) {
                Ok(Some(chunk)) => {
                    buffer[count..count + chunk.bytes.len()].copy_from_slice(&chunk.bytes);
                    count += chunk.bytes.len();
                }
                Ok(None) => {
                    ends = true;
                    break;
                }
                Err(ReadError::Blocked) => break,
                Err(ReadError::Reset(_)) => {
                    self.lost.get_or_insert(ConnectionError::Reset);
                    break;
                }
            }
        }
        // Whether the peer is to hear of new room; packets are polled for after each call in any case.
        let _ = chunks.finalize();
        (count, ends)
    }

    fn check(&self) -> Result<(), TlsError> {
        let Some(lost) = &self.lost else { return Ok(()) };
        if let Some(failure) = self.seen.as_ref().and_then(|seen| seen.get()?.failure()) {
            return Err(failure);
        }
        Err(match lost {
            ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => TlsError::Cut,
            ConnectionError::TimedOut if !self.established => {
                TlsError::Failed("nobody answered its handshake".to_owned())
            }
            ConnectionError::TimedOut => TlsError::Failed("it is not heard any more".to_owned()),
            ConnectionError::ConnectionClosed(close) => TlsError::Refused(close.to_string()),
            other => TlsError::Failed(other.to_string()),
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("conversations", &self.conversations.len())
            .finish_non_exhaustive()
    }
}
