//! How a server does TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;

use super::{Ciphers, Identity, TlsError, provider_with};

/// How a server does TLS.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// What it shows, whatever name a client asks for.
    pub identity: Identity,
    /// What it may be encrypted with; everything that is safe if `None`.
    pub ciphers: Option<Ciphers>,
    /// What it speaks (ALPN, RFC 7301), the preferred one first. A client that names others alone is refused.
    pub protocols: Vec<String>,
}

/// The TLS of a server, ready for any number of handshakes.
#[derive(Clone, Debug)]
pub struct ServerTls(pub(super) Arc<ServerConfig>);

impl ServerTls {
    /// TLS 1.2 and 1.3. Clients are asked for no certificate.
    ///
    /// # Errors
    ///
    /// If the provider lacks what TLS needs or has no randomness, which is a broken build or machine.
    pub fn new(settings: &ServerSettings) -> Result<Self, TlsError> {
        let broken = |error: rustls::Error| TlsError::of(&error);
        let mut config =
            ServerConfig::builder_with_provider(provider_with(settings.ciphers.as_ref()))
                .with_safe_default_protocol_versions()
                .map_err(broken)?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(
                    settings.identity.certified(),
                )));
        config.alpn_protocols =
            settings.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Who comes back resumes its session by a ticket that it keeps, so the server keeps nothing for it.
        config.ticketer = ring::Ticketer::new().map_err(broken)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}
