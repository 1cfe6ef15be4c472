//! The server's certificate and key: the operator's, or one of its own, made at the first start and kept.
//!
//! Nobody vouches for a certificate of one's own; its users compare the fingerprint that the server prints.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callbox_irc::stamp;
use callbox_layers::tls::{Fingerprint, PemError, read_identity};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error as TlsError, RootCertStore};

/// The file in which a certificate of one's own is kept.
pub const MADE_CERTIFICATE: &str = "tls-certificate.pem";

/// The file in which its key is kept, readable to its owner alone.
pub const MADE_KEY: &str = "tls-key.pem";

/// A made certificate is valid for the years from the first to the second. Whoever compares fingerprints pins a
/// certificate, and would be alarmed by a new one for nothing; so it outlives the machine.
const MADE_FOR_YEARS: (i32, i32) = (2020, 2070);

/// A certificate chain and its key, which belong together.
#[derive(Clone, Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
}

/// Why there is no certificate. The text says which file is concerned and what to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read, or does not hold what it should.
    #[error(transparent)]
    File(#[from] PemError),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}

impl Identity {
    /// Reads a certificate chain, the server's own first, and its key; both as PEM.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or holds something else, or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let certified = read_identity(certificate, key)?;
        Ok(Self { certified: Arc::new(certified) })
    }

    /// Reads the certificate of one's own that is kept in `folder`, or makes one for `names` (host names and addresses;
    /// `localhost` is added) and keeps it there. The folder is made if need be.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load); if the folder or its files cannot be written; if a name is none.
    pub fn load_or_make(folder: &Path, names: &[&str]) -> Result<Self, IdentityError> {
        let (certificate, key) = (folder.join(MADE_CERTIFICATE), folder.join(MADE_KEY));
        // The certificate is written last, so where it is, the making was not cut short.
        if !certificate.exists() {
            make_in(folder, &certificate, &key, names)?;
        } else if !key.exists() {
            let what = "the key of the certificate is gone; put it back, or delete the certificate \
                        beside it to have a new one made";
            return Err(PemError::content(&key, what).into());
        }
        Self::load(&certificate, &key)
    }

    /// Makes a certificate for `names` that is gone when the program ends.
    ///
    /// # Errors
    ///
    /// If a name is none.
    pub fn make(names: &[&str]) -> Result<Self, IdentityError> {
        let broken = |error: &dyn fmt::Display| IdentityError::Make(error.to_string());
        let (certificate, key) = make(names)?;
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| broken(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| broken(&error))?;
        let certified = CertifiedKey::from_der(chain, key, &super::provider())
            .map_err(|error| broken(&error))?;
        Ok(Self { certified: Arc::new(certified) })
    }

    /// The SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let certificate = self.certified.cert.first().map_or(&[][..], |certificate| certificate);
        Fingerprint::of(certificate).to_string()
    }

    /// Why clients refuse the certificate at this time, if they do for its dates: `expired on 2026-11-22`.
    pub fn trouble(&self, now: UnixTime) -> Option<String> {
        let parsed = ParsedCertificate::try_from(self.certified.cert.first()?).ok()?;
        // With nobody who could vouch for it: what it is itself is looked at first.
        let (nobody, algorithms) =
            (RootCertStore::empty(), super::provider().signature_verification_algorithms);
        let checked =
            verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], now, algorithms.all);
        match checked {
            Err(TlsError::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            })) => Some(format!("expired on {}", date(not_after))),
            Err(TlsError::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => Some(format!("is not valid before {}", date(not_before))),
            _ => None,
        }
    }

    pub(super) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

fn date(time: UnixTime) -> String {
    let text = stamp::date_text(time.as_secs().saturating_mul(1_000));
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// A certificate for `names` and its key, both as PEM.
fn make(names: &[&str]) -> Result<(String, String), IdentityError> {
    let made = |error: rcgen::Error| IdentityError::Make(error.to_string());
    let mut all = vec!["localhost".to_owned()];
    all.extend(names.iter().filter(|name| **name != "localhost").map(|name| (*name).to_owned()));
    let mut params = CertificateParams::new(all).map_err(made)?;
    params.not_before = rcgen::date_time_ymd(MADE_FOR_YEARS.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(MADE_FOR_YEARS.1, 1, 1);
    params.distinguished_name.push(DnType::CommonName, "callbox");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(made)?;
    let certificate = params.self_signed(&pair).map_err(made)?.pem();
    Ok((certificate, pair.serialize_pem()))
}

/// Makes a certificate and keeps it and its key in `folder`.
fn make_in(
    folder: &Path,
    certificate: &Path,
    key: &Path,
    names: &[&str],
) -> Result<(), IdentityError> {
    let (text, secret) = make(names)?;
    let write = |path: &Path, error| IdentityError::Write { path: path.into(), error };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| write(folder, error))?;
    keep(key, &secret, 0o600).map_err(|error| write(key, error))?;
    keep(certificate, &text, 0o644).map_err(|error| write(certificate, error))
}

/// Writes a file so that it is there whole or not at all, and never readable to more than `mode` says.
fn keep(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// A folder of its own for a test, gone when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("callbox-identity-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_made_certificate_is_kept_and_is_the_same_at_the_next_start() {
        let folder = Folder::new();
        let inner = folder.0.join("a/b");
        let first = Identity::load_or_make(&inner, &["chat.example.org", "192.0.2.1"]).unwrap();
        let second = Identity::load_or_make(&inner, &[]).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
        let mode = |name| std::fs::metadata(inner.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(MADE_KEY), 0o600);
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 2, "no drafts stay");
    }

    #[test]
    fn the_fingerprint_is_the_one_that_openssl_prints() {
        let folder = Folder::new();
        let identity = Identity::load_or_make(&folder.0, &["chat.example.org"]).unwrap();
        let shown = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName", "-in"])
            .arg(folder.0.join(MADE_CERTIFICATE))
            .output();
        let Ok(shown) = shown else { return };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(&identity.fingerprint()), "{shown}");
        assert!(shown.contains("DNS:localhost, DNS:chat.example.org"), "{shown}");
    }

    #[test]
    fn a_making_that_was_cut_short_begins_anew() {
        let folder = Folder::new();
        folder.file(MADE_KEY, "half a k");
        folder.file("tls-key.new", "half a k");
        assert!(Identity::load_or_make(&folder.0, &[]).is_ok());
    }

    #[test]
    fn an_error_names_the_file_and_what_is_wrong_with_it() {
        let folder = Folder::new();
        for name in ["one", "two"] {
            Identity::load_or_make(&folder.0.join(name), &[]).unwrap();
        }
        let (certificate, key) =
            (folder.0.join("one").join(MADE_CERTIFICATE), folder.0.join("one").join(MADE_KEY));
        let other = folder.0.join("two").join(MADE_KEY);
        let empty = folder.file("empty.pem", "");
        let locked = folder.file("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
        let old = folder.file(
            "old.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
             -----END RSA PRIVATE KEY-----\n",
        );
        let odd = folder
            .file("odd.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        let broken = folder
            .file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let said = |certificate: &Path, key: &Path| {
            Identity::load(certificate, key).unwrap_err().to_string()
        };
        for (certificate, key, file, words) in [
            (&folder.0.join("none.pem"), &key, "none.pem", "cannot read"),
            (&certificate, &folder.0.join("none.pem"), "none.pem", "cannot read"),
            (&empty, &key, "empty.pem", "no certificate in it"),
            (&PathBuf::from("/dev/zero"), &key, "zero", "more than 1048576 bytes"),
            (&certificate, &empty, "empty.pem", "no key in it"),
            (&key, &key, MADE_KEY, "this is a key and not a certificate"),
            (&certificate, &certificate, MADE_CERTIFICATE, "this is a certificate and not a key"),
            (&certificate, &locked, "locked.pem", "encrypted"),
            (&certificate, &old, "old.pem", "the key is encrypted"),
            (&certificate, &odd, "odd.pem", "what can be used is RSA from 2048 bits"),
            (&broken, &key, "broken.pem", "the first certificate is broken, or not X.509"),
            (&certificate, &other, "two", "is not that of the first certificate"),
        ] {
            let text = said(certificate, key);
            assert!(text.contains(file) && text.contains(words), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_gone_is_told_and_no_new_certificate_made() {
        let folder = Folder::new();
        Identity::load_or_make(&folder.0, &[]).unwrap();
        std::fs::remove_file(folder.0.join(MADE_KEY)).unwrap();
        let error = Identity::load_or_make(&folder.0, &[]).unwrap_err().to_string();
        assert!(error.contains(MADE_KEY) && error.contains("put it back, or delete"), "{error}");
    }

    #[test]
    fn a_certificate_that_clients_refuse_for_its_dates_is_known() {
        let identity = Identity::make(&[]).unwrap();
        let at =
            |seconds| identity.trouble(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        // date -u -d 2020-01-01 +%s, and the like
        assert_eq!(at(1_577_836_800), None);
        assert_eq!(at(1_577_836_799).unwrap(), "is not valid before 2020-01-01");
        assert_eq!(at(3_155_760_000), None);
        assert_eq!(at(3_155_760_001).unwrap(), "expired on 2070-01-01");
    }

    #[test]
    fn a_name_that_is_none_makes_no_certificate() {
        let folder = Folder::new();
        let error = Identity::load_or_make(&folder.0, &["münchen"]).unwrap_err();
        assert!(matches!(error, IdentityError::Make(_)), "{error}");
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    }
}
