//! TLS on any port: the certificate, what is asked of clients, and the bytes of one connection.
//!
//! The provider of cryptography is named wherever rustls wants one, and never taken from the process, where another
//! crate could have set a different one or none.

mod client_certificate;
mod codec;
mod identity;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::SingleCertAndKey;

use client_certificate::AnyCertificate;
pub(super) use codec::{Pull, Tls};
pub use identity::{Identity, IdentityError, MADE_CERTIFICATE, MADE_KEY};

/// The most bytes that a client may send before its handshake is over: a long chain of certificates with room to spare.
/// More is a client that wastes our memory and time.
pub const HANDSHAKE_BYTES: usize = 64 * 1024;

/// Bytes that rustls holds of what is to be sent. Writing goes on in steps of this, so it is no limit on a reply.
const SEND_STEP: usize = 32 * 1024;

/// What is spoken inside TLS, as clients may name it (RFC 7301): `irc` is in the registry for IRC.
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"irc"];

/// The TLS of a server, ready for any number of handshakes.
///
/// There are two of it, since browsers bother their users with a choice of certificates as soon as a server asks for
/// one. So it asks only clients that do not say that they want the web.
#[derive(Clone, Debug)]
pub struct TlsConfigs {
    chat: Arc<ServerConfig>,
    web: Arc<ServerConfig>,
}

impl TlsConfigs {
    /// TLS 1.2 and 1.3, with `identity` as the certificate whatever name a client asks for.
    ///
    /// # Errors
    ///
    /// If the provider lacks what TLS needs or has no randomness, which is a broken build or machine.
    pub fn new(identity: &Identity) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let asking = Arc::new(AnyCertificate::new(&provider));
        let chat = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(asking)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified().clone())));
        let web = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified().clone())));
        Ok(Self { chat: finish(chat)?, web: finish(web)? })
    }

    /// The configuration for a client that names these `protocols`, if it names any.
    fn choose<'a>(&self, protocols: Option<impl Iterator<Item = &'a [u8]>>) -> &Arc<ServerConfig> {
        let wants_web = protocols
            .is_some_and(|mut names| names.any(|name| name == b"http/1.1" || name == b"h2"));
        if wants_web { &self.web } else { &self.chat }
    }
}

/// Who comes back resumes its session by a ticket that it keeps, so the server keeps nothing for it. Two configurations
/// have two keys for tickets, so a session without a certificate is never taken for one that was asked.
fn finish(mut config: ServerConfig) -> Result<Arc<ServerConfig>, rustls::Error> {
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    config.ticketer = ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// The provider as everything here uses it.
fn provider() -> CryptoProvider {
    ring::default_provider()
}
