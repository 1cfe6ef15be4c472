//! The client's side of TLS: the bytes of one connection, and what makes a server trusted.
//!
//! The provider of cryptography is named wherever rustls wants one, and never taken from the process, where another
//! crate could have set a different one or none.

mod client;
mod error;
mod fingerprint;
mod pem;
#[cfg(test)]
mod tests;
mod trust;

pub use client::{Client, Pull};
pub use error::{Problem, TlsError};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use pem::{PemError, read_identity};
pub use trust::{Identity, Settings, Trust};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The provider as everything here uses it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
