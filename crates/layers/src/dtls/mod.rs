//! TLS over datagrams (DTLS 1.2), in memory and in both roles.
//!
//! dimpl is the state machine: it repeats what may have been lost, and takes certificates with ECDSA keys alone. A peer
//! with an RSA certificate cannot be talked to, and neither can one be shown.

mod provider;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate, Output, SecurityError};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName, UnixTime};

use crate::tls::{About, Identity, Settings, TlsError, Trust};
use crate::tls::{Seen, Verifier, server_name};

/// The longest text of a message: a record's (RFC 6347, section 4.1).
pub const MESSAGE_MAX: usize = 16 * 1024;

/// Messages that wait to be taken. A peer whose messages nobody takes loses the newest, as with plain datagrams.
const MESSAGES: usize = 64;

/// When a flight of the handshake is repeated for the first time, and how often at the most, at doubled distances.
const REPEATS: (Duration, usize) = (Duration::from_millis(500), 6);

/// Bytes of the longest datagram that leaves: a full record and what is around it.
const DATAGRAM: usize = MESSAGE_MAX + 256;

/// One side of one conversation.
///
/// Calling contract: send what [`poll_datagram`](Self::poll_datagram) gives, after each other call; call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
pub struct Conversation {
    dtls: Dtls,
    checks: Option<Checks>,
    datagrams: VecDeque<Vec<u8>>,
    messages: VecDeque<Vec<u8>>,
    timeout: Option<Instant>,
    buffer: Vec<u8>,
    peer: Option<About>,
    established: bool,
    ended: bool,
    failure: Option<TlsError>,
}

struct Checks {
    verifier: Verifier,
    seen: Arc<OnceLock<Seen>>,
    name: ServerName<'static>,
}

impl Conversation {
    /// A client that talks to `host`, which the certificate has to be for.
    ///
    /// # Errors
    ///
    /// If no certificate can be for `host`, this system trusts nobody, or one's own certificate has no ECDSA key.
    pub fn client(settings: &Settings, host: &str, now: Instant) -> Result<Self, TlsError> {
        let name = match (server_name(host), &settings.trust) {
            (Err(_), Trust::Anyone) => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4]))),
            (name, _) => name?,
        };
        let (verifier, seen) = settings.verifier()?;
        let made = || Identity::make().map_err(TlsError::Failed);
        let identity = settings.identity.clone().map_or_else(made, Ok)?;
        let mut conversation = Self::new(&identity, Some(Checks { verifier, seen, name }), now)?;
        conversation.dtls.set_active(true);
        conversation.handle_timeout(now);
        Ok(conversation)
    }

    /// Whether a certificate can be shown over DTLS.
    ///
    /// # Errors
    ///
    /// If it has no ECDSA key.
    pub fn check_identity(identity: &Identity) -> Result<(), TlsError> {
        if provider::can_sign(identity.key()) {
            return Ok(());
        }
        let words = "DTLS takes certificates with ECDSA keys alone (P-256 or P-384)";
        Err(TlsError::Failed(words.to_owned()))
    }

    /// A server for one client.
    ///
    /// # Errors
    ///
    /// If its certificate has no ECDSA key.
    pub fn server(identity: &Identity, now: Instant) -> Result<Self, TlsError> {
        let mut conversation = Self::new(identity, None, now)?;
        conversation.handle_timeout(now);
        Ok(conversation)
    }

    fn new(identity: &Identity, checks: Option<Checks>, now: Instant) -> Result<Self, TlsError> {
        Self::check_identity(identity)?;
        let config = Config::builder()
            .with_crypto_provider(provider::provider())
            // Nobody is asked who it is, as over TCP.
            .require_client_certificate(false)
            .flight_start_rto(REPEATS.0)
            .flight_retries(REPEATS.1)
            .build()
            .map_err(|error| TlsError::Failed(error.to_string()))?;
        let certificate = DtlsCertificate {
            certificate: identity.certificate().to_vec(),
            private_key: identity.key().to_vec(),
        };
        Ok(Self {
            dtls: Dtls::new_12(Arc::new(config), certificate, now),
            checks,
            datagrams: VecDeque::new(),
            messages: VecDeque::new(),
            timeout: None,
            buffer: vec![0; DATAGRAM],
            peer: None,
            established: false,
            ended: false,
            failure: None,
        })
    }

    /// A datagram came. What is none of this conversation is passed over.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        if self.failure.is_none() && !self.ended {
            let result = self.dtls.handle_timeout(now);
            let result = result.and_then(|()| self.dtls.handle_packet(datagram));
            self.collect(result);
        }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) gave.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.failure.is_none() {
            let result = self.dtls.handle_timeout(now);
            self.collect(result);
        }
    }

    /// Says something. Without effect before the handshake is over.
    pub fn send(&mut self, message: &[u8]) {
        if self.established && self.failure.is_none() {
            let result = self.dtls.send_application_data(message).map(drop);
            self.collect(result);
        }
    }

    /// Says that nothing more will be said.
    pub fn close(&mut self) {
        if self.failure.is_none() {
            let result = self.dtls.close();
            self.collect(result);
        }
    }

    /// What is to be sent.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop_front()
    }

    /// What the peer said.
    pub fn poll_message(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front()
    }

    /// Whether the peer said something that was not taken.
    pub fn has_message(&self) -> bool {
        !self.messages.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Why there is no conversation, or no longer.
    pub const fn failure(&self) -> Option<&TlsError> {
        self.failure.as_ref()
    }

    /// Whether the handshake is over, and went well.
    pub const fn is_established(&self) -> bool {
        self.established
    }

    /// Whether the peer said that it will say nothing more.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What the peer's certificate says, if it showed one.
    pub const fn peer(&self) -> Option<&About> {
        self.peer.as_ref()
    }

    /// Takes what dimpl has to give, up to its timer.
    fn collect(&mut self, result: Result<(), dimpl::Error>) {
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => self.datagrams.push_back(packet.to_vec()),
                Output::ApplicationData(text) if self.messages.len() < MESSAGES => {
                    self.messages.push_back(text.to_vec());
                }
                Output::PeerCert(certificate) => {
                    let about = About::of(certificate);
                    let der = CertificateDer::from(certificate);
                    if let Some(Checks { verifier, seen, name }) = &self.checks {
                        let checked =
                            verifier.verify_server_cert(&der, &[], name, &[], UnixTime::now());
                        if let Err(error) = checked {
                            let seen = seen.get().and_then(Seen::failure);
                            let failure =
                                seen.unwrap_or_else(|| TlsError::Failed(error.to_string()));
                            self.failure.get_or_insert(failure);
                        }
                    }
                    self.peer = Some(about);
                }
                // What was shown is checked before anything is said.
                Output::Connected => self.established = self.failure.is_none(),
                Output::CloseNotify => self.ended = true,
                Output::BufferTooSmall { needed } => self.buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    break;
                }
                _ => {}
            }
        }
        if let Err(error) = result {
            self.failure.get_or_insert_with(|| failure_of(&error));
        }
        if self.failure.is_some() {
            self.timeout = None;
        }
    }
}

fn failure_of(error: &dimpl::Error) -> TlsError {
    match error {
        dimpl::Error::Timeout(_) => {
            TlsError::Failed("its handshake came to no end in time".to_owned())
        }
        // What a peer with an RSA certificate says, for one.
        dimpl::Error::SecurityError(SecurityError::FatalAlert {
            description: HANDSHAKE_FAILURE,
        }) => {
            let words = "it has nothing in common with this program, which takes ECDSA certificates alone over DTLS";
            TlsError::Refused(words.to_owned())
        }
        dimpl::Error::SecurityError(SecurityError::FatalAlert { description }) => {
            TlsError::Refused(format!("alert {description}"))
        }
        other => TlsError::Failed(other.to_string()),
    }
}

/// RFC 5246, section 7.2.
const HANDSHAKE_FAILURE: u8 = 40;

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("is_open", &self.established).finish_non_exhaustive()
    }
}
