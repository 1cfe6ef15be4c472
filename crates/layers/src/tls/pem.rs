//! Certificates and keys in files (PEM), with errors that say what is in the file instead.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as Rustls, InconsistentKeys};
use thiserror::Error;

use super::provider;

/// The most bytes of a file with a key or certificates. All authorities of a system have a quarter of it; a wrong path may
/// name a device without end.
const FILE_MAX: u64 = 1 << 20;

/// Why a file gave no certificate or key.
#[derive(Debug, Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It does not hold what it should.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The certificate is not of this key.
    #[error("the key in {} is not that of the first certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl PemError {
    /// A file that does not hold what it should.
    pub fn content(path: &Path, what: impl Into<String>) -> Self {
        Self::Content { path: path.into(), what: what.into() }
    }
}

/// A certificate chain, one's own first, and its key.
///
/// # Errors
///
/// If a file cannot be read or holds something else, or the two do not belong together.
pub fn read_identity(certificate: &Path, key: &Path) -> Result<CertifiedKey, PemError> {
    read_certified(certificate, key).map(|(certified, _)| certified)
}

/// As [`read_identity`], with the key as it stands in the file.
pub(super) fn read_certified(
    certificate: &Path,
    key: &Path,
) -> Result<(CertifiedKey, PrivateKeyDer<'static>), PemError> {
    let (chain, private) = (read_chain(certificate)?, read_key(key)?);
    let certified = CertifiedKey::from_der(chain, private.clone_key(), &provider());
    let certified = certified.map_err(|error| match error {
        Rustls::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            PemError::Mismatch { certificate: certificate.into(), key: key.into() }
        }
        Rustls::InvalidCertificate(_) => {
            let what = "the first certificate is broken, or not X.509 of version 3";
            PemError::content(certificate, what)
        }
        // The library's text has the kinds that it tried, and that this was unexpected.
        _ => {
            let what = "cannot use this key; what can be used is RSA from 2048 bits, ECDSA with P-256 or P-384, \
                        and Ed25519";
            PemError::content(key, what)
        }
    })?;
    Ok((certified, private))
}

/// All certificates of a file, at least one.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let bytes = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| PemError::content(path, broken(&error)))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let is_key = PrivateKeyDer::from_pem_slice(&bytes).is_ok();
    let what = if is_key { "this is a key and not a certificate" } else { "no certificate in it" };
    Err(PemError::content(path, format!("{what}; a section BEGIN CERTIFICATE is wanted")))
}

/// The key of a file.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let bytes = read(path)?;
    let error = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(&bytes);
    let encrypted = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];
    let what = if encrypted.iter().any(|sign| text.contains(sign)) {
        "the key is encrypted; take the password off with `openssl pkey`".to_owned()
    } else if !matches!(error, pem::Error::NoItemsFound) {
        broken(&error)
    } else if text.contains("BEGIN CERTIFICATE") {
        "this is a certificate and not a key; a section BEGIN PRIVATE KEY is wanted".to_owned()
    } else {
        "no key in it; a section BEGIN PRIVATE KEY is wanted".to_owned()
    };
    Err(PemError::content(path, what))
}

/// The library's own text has lines as lists of numbers.
fn broken(error: &pem::Error) -> String {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is not whole",
        pem::Error::Base64Decode(_) => "what stands in a section is not base64",
        _ => "it cannot be read",
    };
    format!("the PEM text is broken: {what}")
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    let failed = |error| PemError::Read { path: path.into(), error };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(PemError::content(path, format!("it has more than {FILE_MAX} bytes")));
    }
    Ok(bytes)
}
