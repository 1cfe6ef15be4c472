//! A certificate of one's own, with its key: a client's or a server's, from files or made for the moment.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::pem::{PemError, read_certified};
use super::{About, provider};

/// The years in which a made certificate is valid. It is gone when the program ends, so its dates only have to be right on
/// machines whose clocks are not.
const MADE_FOR_YEARS: (i32, i32) = (2020, 2070);

/// A certificate chain and its key, which belong together.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Reads a certificate chain, one's own first, and its key; both as PEM, and possibly in one file.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or holds something else, or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, PemError> {
        read_certified(certificate, key).map(|(certified, key)| Self::of(certified, key))
    }

    /// Makes a certificate for `localhost` that is signed by itself and gone when the program ends.
    ///
    /// # Errors
    ///
    /// In words, if the system has no random bytes.
    pub fn make() -> Result<Self, String> {
        let mut params =
            CertificateParams::new(["localhost".to_owned()]).map_err(|e| e.to_string())?;
        params.not_before = rcgen::date_time_ymd(MADE_FOR_YEARS.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(MADE_FOR_YEARS.1, 1, 1);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let pair =
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|e| e.to_string())?;
        let certificate = params.self_signed(&pair).map_err(|e| e.to_string())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let chain = vec![certificate.der().clone()];
        let certified = CertifiedKey::from_der(chain, key.clone_key(), &provider())
            .map_err(|e| e.to_string())?;
        Ok(Self::of(certified, key))
    }

    pub(super) fn of(certified: CertifiedKey, key: PrivateKeyDer<'static>) -> Self {
        Self { certified: Arc::new(certified), key: Arc::new(key) }
    }

    /// What the certificate says.
    pub fn about(&self) -> About {
        About::of(self.certificate())
    }

    /// One's own certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        self.certified.cert.first().map_or(&[][..], |certificate| certificate)
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Its key, in DER.
    pub fn key(&self) -> &[u8] {
        self.key.secret_der()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("about", &self.about()).finish_non_exhaustive()
    }
}
