//! TLS: the bytes of one connection in both roles, and what makes a server trusted.
//!
//! [`Client`] gives text to whoever has lines to take out of it; [`Codec`] moves streams, in either role.
//!
//! The provider of cryptography is named wherever rustls wants one, and never taken from the process, where another
//! crate could have set a different one or none.

mod certificate;
mod ciphers;
mod client;
mod codec;
mod error;
mod fingerprint;
mod identity;
mod pem;
mod server;
#[cfg(test)]
mod tests;
mod trust;

pub use certificate::About;
pub use ciphers::{Ciphers, CiphersError};
pub(crate) use client::server_name;
pub use client::{Client, Pull};
pub use codec::{Codec, Progress};
pub use error::{Problem, TlsError};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use identity::Identity;
pub use pem::{PemError, read_identity};
pub use server::{ServerSettings, ServerTls};
#[cfg(test)]
pub(crate) use tests::another;
pub(crate) use trust::{Seen, Verifier};
pub use trust::{Settings, Trust};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The most bytes that a peer may send before the handshake is over: a long chain of certificates with room to spare.
/// More is a peer that wastes our memory and time.
const HANDSHAKE_BYTES: usize = 64 * 1024;

/// The provider as everything here uses it.
fn provider() -> Arc<CryptoProvider> {
    provider_with(None)
}

fn provider_with(ciphers: Option<&Ciphers>) -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    if let Some(ciphers) = ciphers {
        provider.cipher_suites = ciphers.suites().to_vec();
    }
    Arc::new(provider)
}
