//! TLS over any link that carries a stream: `--ssl`, and `wss://`.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Instant;

use callbox_layers::dtls::Conversation;
use callbox_layers::tls::{
    About, Ciphers, CiphersError, Codec, Identity, PemError, Progress, ServerSettings, ServerTls,
    Settings, TlsError, Trust,
};
use thiserror::Error;

use super::{Got, Link, Needs};
use crate::says::words;

/// What the command line says of TLS.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--ssl-verify`
    pub verify: bool,
    /// `--ssl-trustfile`: of effect with `verify` alone, as with ncat.
    pub trust_file: Option<PathBuf>,
    /// `--ssl-cert`
    pub certificate: Option<PathBuf>,
    /// `--ssl-key`; without it the certificate's file has the key as well.
    pub key: Option<PathBuf>,
    /// `--ssl-ciphers`
    pub ciphers: Option<String>,
    /// `--ssl-servername`
    pub server_name: Option<String>,
    /// `--ssl-alpn`
    pub protocols: Vec<String>,
}

/// Why there can be no TLS at all.
#[derive(Debug, Error)]
pub enum SetupError {
    /// A file.
    #[error("{}", of_file(.0))]
    File(#[from] PemError),
    /// The list of ciphers.
    #[error("--ssl-ciphers: {0}")]
    Ciphers(#[from] CiphersError),
    /// A name of `--ssl-alpn` is empty or longer than 255 bytes.
    #[error("--ssl-alpn: '{0}' is no name of a protocol: it has from 1 to 255 bytes")]
    Protocol(String),
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
    /// Anything else.
    #[error("no TLS: {0}")]
    Tls(#[from] TlsError),
}

/// What is wrong with a file, the system's errors without their numbers.
fn of_file(error: &PemError) -> String {
    match error {
        PemError::Read { path, error } => {
            format!("cannot read {}: {}", path.display(), words(error))
        }
        other => other.to_string(),
    }
}

impl Options {
    fn identity(&self) -> Result<Option<Identity>, PemError> {
        let files = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(both), None) | (None, Some(both)) => (both, both),
            (None, None) => return Ok(None),
        };
        Identity::load(files.0, files.1).map(Some)
    }

    fn ciphers(&self) -> Result<Option<Ciphers>, CiphersError> {
        self.ciphers.as_deref().map(Ciphers::parse).transpose()
    }

    fn check_protocols(&self) -> Result<(), SetupError> {
        match self.protocols.iter().find(|name| name.is_empty() || name.len() > 255) {
            None => Ok(()),
            Some(name) => Err(SetupError::Protocol(name.clone())),
        }
    }
}

/// The client's side, ready for any number of connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) settings: Settings,
    pub(super) server_name: Option<String>,
    pub(super) protocols: Vec<String>,
}

impl Client {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// If one of them or the list of ciphers is of no use.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        options.check_protocols()?;
        let trust = match &options.trust_file {
            _ if !options.verify => Trust::Anyone,
            None => Trust::System,
            Some(path) => Trust::file(path)?,
        };
        Ok(Self {
            settings: Settings {
                trust,
                identity: options.identity()?,
                ciphers: options.ciphers()?,
            },
            server_name: options.server_name.clone(),
            protocols: options.protocols.clone(),
        })
    }

    pub(super) const fn verifies(&self) -> bool {
        !matches!(self.settings.trust, Trust::Anyone)
    }
}

/// The server's side, ready for any number of connections.
#[derive(Clone, Debug)]
pub struct Server {
    tls: ServerTls,
    pub(super) settings: ServerSettings,
    is_made: bool,
}

impl Server {
    /// Reads the files, or makes a certificate that is gone when the program ends.
    ///
    /// # Errors
    ///
    /// If a file or the list of ciphers is of no use.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        options.check_protocols()?;
        let loaded = options.identity()?;
        let is_made = loaded.is_none();
        let identity = match loaded {
            Some(identity) => identity,
            None => Identity::make().map_err(SetupError::Make)?,
        };
        let settings = ServerSettings {
            identity,
            ciphers: options.ciphers()?,
            protocols: options.protocols.clone(),
        };
        Ok(Self { tls: ServerTls::new(&settings)?, settings, is_made })
    }

    /// The same for DTLS, which cannot show every certificate.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), or if the certificate cannot be shown over DTLS.
    pub fn for_datagrams(options: &Options) -> Result<Self, SetupError> {
        let server = Self::new(options)?;
        Conversation::check_identity(&server.settings.identity)?;
        Ok(server)
    }

    /// What `-v` tells when the listener starts: about a certificate that was made, and by which fingerprints clients
    /// know it.
    pub fn story(&self) -> Vec<String> {
        let about = self.settings.identity.about();
        let made = "Made a temporary certificate (ECDSA P-256); --ssl-cert and --ssl-key name one that stays.";
        let mut lines: Vec<String> = self.is_made.then(|| made.to_owned()).into_iter().collect();
        lines.extend(fingerprints(&about));
        lines
    }
}

/// TLS with a server at the other end of `inner`; `host` is whom the certificate has to be for, unless
/// `--ssl-servername` says otherwise.
///
/// # Errors
///
/// If no certificate can be for `host`, or this system trusts nobody.
pub fn client(inner: Box<dyn Link>, tls: &Client, host: &str) -> io::Result<Box<dyn Link>> {
    let host = tls.server_name.as_deref().unwrap_or(host);
    let protocols: Vec<&str> = tls.protocols.iter().map(String::as_str).collect();
    let codec = Codec::client(&tls.settings, host, &protocols).map_err(io::Error::other)?;
    Ok(Box::new(TlsLink::new(inner, codec, !tls.verifies())))
}

/// TLS with a client at the other end of `inner`.
///
/// # Errors
///
/// If there is no randomness.
pub fn server(inner: Box<dyn Link>, tls: &Server) -> io::Result<Box<dyn Link>> {
    let codec = Codec::server(&tls.tls).map_err(io::Error::other)?;
    Ok(Box::new(TlsLink::new(inner, codec, false)))
}

/// The connection was cut, or there is no TLS with this peer.
pub(super) fn failed(error: TlsError) -> io::Error {
    let kind = match error {
        TlsError::Cut => io::ErrorKind::UnexpectedEof,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}

fn fingerprints(about: &About) -> [String; 2] {
    [
        format!("SHA-1 fingerprint: {}", about.sha1),
        format!("SHA-256 fingerprint: {}", about.fingerprint),
    ]
}

/// What `-v` tells of a peer's certificate. What the peer wrote into it is shown escaped by whoever prints.
pub(super) fn certificate_story(about: Option<&About>, is_unverified: bool) -> Vec<String> {
    let Some(about) = about else { return Vec::new() };
    let mut lines =
        vec![format!("Subject: {}", about.subject), format!("Issuer: {}", about.issuer)];
    lines.extend(fingerprints(about));
    if is_unverified {
        lines.push("The certificate was not verified: --ssl-verify does.".to_owned());
    }
    lines
}

struct TlsLink {
    inner: Box<dyn Link>,
    codec: Codec,
    /// The inner link has ended.
    inner_ended: bool,
    is_unverified: bool,
}

impl TlsLink {
    const fn new(inner: Box<dyn Link>, codec: Codec, is_unverified: bool) -> Self {
        Self { inner, codec, inner_ended: false, is_unverified }
    }

    /// Writes what waits, as far as the inner link takes it. Whether all of it is gone.
    fn flush(&mut self) -> io::Result<bool> {
        while !self.codec.output().is_empty() {
            match self.inner.write(self.codec.output()) {
                Ok(count) => self.codec.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once from the inner link. Whether anything came, or the end.
    fn fill(&mut self) -> io::Result<bool> {
        match self.inner.read(self.codec.room()) {
            Ok(Got::Bytes(count)) => {
                self.codec.filled(count);
                Ok(true)
            }
            Ok(Got::End) => {
                self.inner_ended = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A failure is told to the peer first, as far as it listens.
    fn fail(&mut self, error: TlsError) -> io::Error {
        let _ = self.flush();
        failed(error)
    }
}

impl Link for TlsLink {
    fn source(&self) -> BorrowedFd<'_> {
        self.inner.source()
    }

    fn needs(&self) -> Needs {
        let inner = self.inner.needs();
        let room = self.inner.room();
        let waits = !self.codec.output().is_empty();
        let handshake = self.inner.is_established() && !self.codec.is_established();
        Needs {
            readable: inner.readable || handshake || waits && room.readable,
            writable: inner.writable || waits && room.writable,
        }
    }

    fn room(&self) -> Needs {
        self.inner.room()
    }

    fn has_text(&self) -> bool {
        self.codec.has_text() || self.inner.has_text()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        loop {
            match self.codec.read(buffer) {
                Ok(Progress::Text(count)) => return Ok(Got::Bytes(count)),
                Ok(Progress::Ended) => return Ok(Got::End),
                Ok(Progress::Nothing) => {}
                Err(error) => return Err(self.fail(error)),
            }
            // What TLS answers to what it read.
            self.flush()?;
            if self.inner_ended {
                let end = if self.codec.is_established() {
                    TlsError::Cut
                } else {
                    TlsError::Failed("it ended the connection within the handshake".to_owned())
                };
                return Err(failed(end));
            }
            if !self.fill()? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.codec.write(bytes) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(count) => {
                self.flush()?;
                Ok(count)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.codec.close();
        self.flush().map(drop)
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        self.inner.advance(now)?;
        if !self.inner.is_established() {
            return Ok(());
        }
        self.flush()?;
        while !self.codec.is_established() {
            if let Err(error) = self.codec.shake_hands() {
                return Err(self.fail(error));
            }
            self.flush()?;
            if self.codec.is_established() {
                break;
            }
            if self.inner_ended {
                let words = "it ended the connection within the handshake";
                return Err(failed(TlsError::Failed(words.to_owned())));
            }
            if !self.fill()? {
                break;
            }
        }
        Ok(())
    }

    fn is_established(&self) -> bool {
        self.codec.is_established()
    }

    fn is_flushed(&self) -> bool {
        self.codec.output().is_empty() && self.inner.is_flushed()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn story(&self) -> Vec<String> {
        let mut lines = self.inner.story();
        lines.extend(certificate_story(self.codec.peer().as_ref(), self.is_unverified));
        if let Some((version, suite)) = self.codec.suite() {
            lines.push(format!("{version} with {suite}."));
        }
        if let Some(protocol) = self.codec.protocol() {
            lines.push(format!("ALPN: {}", String::from_utf8_lossy(protocol)));
        }
        lines
    }
}

#[cfg(test)]
pub(in crate::link) mod tests;
