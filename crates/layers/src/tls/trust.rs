//! What makes a server trusted: authorities, or one certificate that is known by its fingerprint.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as Rustls, RootCertStore,
    SignatureScheme,
};

use webpki::anchor_from_trusted_cert;

use super::pem::{PemError, read_chain};
use super::{Ciphers, Fingerprint, Identity, Problem, TlsError, provider, provider_with};

/// Whom a client believes.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// The authorities of this system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    #[default]
    System,
    /// These authorities, and no others.
    Authorities(Arc<RootCertStore>),
    /// The one server whose certificate has this fingerprint, whatever the certificate says of names and dates.
    Fingerprint(Fingerprint),
    /// Anybody at all: what is said cannot be overheard by others, but nobody knows who hears it.
    Anyone,
}

impl Trust {
    /// The authorities of a file (PEM).
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or holds no certificate that can be an authority's.
    pub fn file(path: &Path) -> Result<Self, PemError> {
        let mut roots = RootCertStore::empty();
        for certificate in read_chain(path)? {
            roots.add(certificate).map_err(|_| {
                PemError::content(path, "a certificate in it is broken, or not X.509 of version 3")
            })?;
        }
        Ok(Self::Authorities(Arc::new(roots)))
    }

    fn roots(&self) -> Result<Option<Arc<RootCertStore>>, TlsError> {
        /// Read once: a third of a megabyte, and the same for all connections.
        static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
        let roots = match self {
            Self::Fingerprint(_) | Self::Anyone => return Ok(None),
            Self::Authorities(roots) => roots,
            Self::System => SYSTEM.get_or_init(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                Arc::new(roots)
            }),
        };
        if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(Some(Arc::clone(roots))) }
    }
}

/// How a client does TLS.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whom it believes.
    pub trust: Trust,
    /// What it shows to a server that asks who it is.
    pub identity: Option<Identity>,
    /// What it may be encrypted with; everything that is safe if `None`.
    pub ciphers: Option<Ciphers>,
}

impl Settings {
    /// The configuration of one connection, and what will be known of its server.
    pub(crate) fn config(
        &self,
        protocols: &[&str],
    ) -> Result<(ClientConfig, Arc<OnceLock<Seen>>), TlsError> {
        let provider = provider_with(self.ciphers.as_ref());
        let (verifier, seen) = self.verifier()?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::of(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified()))),
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // The configuration lives as long as its connection, so nothing could be taken up again.
        config.resumption = Resumption::disabled();
        Ok((config, seen))
    }

    /// What checks the server's certificate, and where it leaves what it saw.
    pub(crate) fn verifier(&self) -> Result<(Verifier, Arc<OnceLock<Seen>>), TlsError> {
        let seen = Arc::new(OnceLock::new());
        let verifier = Verifier {
            roots: self.trust.roots()?,
            believes: match &self.trust {
                Trust::Fingerprint(pin) => Believes::Pinned(*pin),
                Trust::Anyone => Believes::Anyone,
                Trust::System | Trust::Authorities(_) => Believes::Authorities,
            },
            algorithms: provider().signature_verification_algorithms,
            seen: Arc::clone(&seen),
        };
        Ok((verifier, seen))
    }
}

/// What the handshake showed of the server.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) problem: Option<Problem>,
}

impl Seen {
    /// What failed, if it was the certificate.
    pub(crate) fn failure(&self) -> Option<TlsError> {
        let problem = self.problem.clone()?;
        Some(TlsError::Untrusted { problem, fingerprint: self.fingerprint })
    }
}

#[derive(Clone, Copy, Debug)]
enum Believes {
    Authorities,
    Pinned(Fingerprint),
    Anyone,
}

/// Checks a server's certificate, and remembers what was wrong with it: rustls itself tells less.
pub(crate) struct Verifier {
    roots: Option<Arc<RootCertStore>>,
    believes: Believes,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<OnceLock<Seen>>,
}

impl Verifier {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        fingerprint: Fingerprint,
        now: UnixTime,
    ) -> Result<(), Problem> {
        match self.believes {
            Believes::Anyone => return Ok(()),
            Believes::Pinned(wanted) if fingerprint == wanted => return Ok(()),
            Believes::Pinned(wanted) => return Err(Problem::Other { wanted }),
            Believes::Authorities => {}
        }
        let parsed = ParsedCertificate::try_from(certificate).map_err(|e| Problem::of(&e))?;
        let signed_by = |roots: &RootCertStore| {
            let all = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, all)
        };
        let nobody = RootCertStore::empty();
        let signed = signed_by(self.roots.as_deref().unwrap_or(&nobody));
        if let Err(error) = signed {
            let mut itself = RootCertStore::empty();
            let problem = Problem::of(&error);
            if problem == Problem::IsAuthority {
                // What `openssl req -x509` makes by itself: an authority that serves. Its dates were looked at before.
                let anchor = anchor_from_trusted_cert(certificate).ok();
                let roots = self.roots.as_deref().unwrap_or(&nobody);
                if !roots.roots.iter().any(|root| Some(root) == anchor.as_ref()) {
                    return Err(Problem::SelfSigned);
                }
            } else {
                let is_its_own = problem == Problem::UnknownIssuer
                    && itself.add(certificate.clone().into_owned()).is_ok()
                    && !matches!(
                        Problem::of_result(signed_by(&itself)),
                        Some(Problem::UnknownIssuer)
                    );
                return Err(if is_its_own { Problem::SelfSigned } else { problem });
            }
        }
        verify_server_name(&parsed, name).map_err(|error| Problem::of(&error))
    }
}

impl Problem {
    fn of_result(result: Result<(), Rustls>) -> Option<Self> {
        result.err().map(|error| Self::of(&error))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        let fingerprint = Fingerprint::of(certificate);
        let problem = self.check(certificate, intermediates, name, fingerprint, now).err();
        let is_good = problem.is_none();
        let _ = self.seen.set(Seen { fingerprint, problem });
        // The alert says as little as it may; our own user is told more.
        let refused = CertificateError::ApplicationVerificationFailure;
        if is_good { Ok(ServerCertVerified::assertion()) } else { Err(refused.into()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("believes", &self.believes).finish_non_exhaustive()
    }
}
