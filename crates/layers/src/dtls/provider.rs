//! What dimpl computes with: ring, as everything else here does.
//!
//! DTLS 1.2 alone is used, which is what other programs speak. Of DTLS 1.3 dimpl wants to see one cipher all the same.

use dimpl::CryptoError;
use dimpl::crypto::{
    Aad, ActiveKeyExchange, Buf, Cipher, CryptoProvider, Dtls12CipherSuite, Dtls13CipherSuite,
    HashAlgorithm, HashContext, HashProvider, HmacProvider, KeyProvider, NamedGroup, Nonce,
    SecureRandom, SignatureAlgorithm, SignatureVerifier, SigningKey, SupportedDtls12CipherSuite,
    SupportedDtls13CipherSuite, SupportedKxGroup, TmpBuf,
};
use ring::rand::SystemRandom;
use ring::{aead, agreement, digest, hmac};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm};
use rustls::{SignatureScheme, crypto::ring::sign::any_ecdsa_type};
use webpki::EndEntityCert;

/// Everything that dimpl asks for.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: &[&Group::X25519, &Group::P256, &Group::P384],
        signature_verification: &Ring,
        key_provider: &Ring,
        secure_random: &Ring,
        hash_provider: &Ring,
        hmac_provider: &Ring,
        cipher_suites: &[&Suite::Aes256, &Suite::Aes128, &Suite::ChaCha20],
        dtls13_cipher_suites: &[&Suite::ChaCha20],
    }
}

/// Whether a key in DER can sign here.
pub(super) fn can_sign(key: &[u8]) -> bool {
    Ring.load_private_key(key).is_ok()
}

#[derive(Debug)]
struct Ring;

#[derive(Debug)]
enum Suite {
    Aes128,
    Aes256,
    ChaCha20,
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        match self {
            Self::Aes128 => Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
            Self::Aes256 => Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384,
            Self::ChaCha20 => Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        }
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        match self {
            Self::Aes256 => HashAlgorithm::SHA384,
            Self::Aes128 | Self::ChaCha20 => HashAlgorithm::SHA256,
        }
    }

    /// Of the MAC, the key, and the part of the nonce that is agreed on (RFC 5288 and 7905).
    fn key_lengths(&self) -> (usize, usize, usize) {
        match self {
            Self::Aes128 => (0, 16, 4),
            Self::Aes256 => (0, 32, 4),
            Self::ChaCha20 => (0, 32, 12),
        }
    }

    fn explicit_nonce_len(&self) -> usize {
        match self {
            Self::Aes128 | Self::Aes256 => 8,
            Self::ChaCha20 => 0,
        }
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let algorithm = match self {
            Self::Aes128 => &aead::AES_128_GCM,
            Self::Aes256 => &aead::AES_256_GCM,
            Self::ChaCha20 => &aead::CHACHA20_POLY1305,
        };
        let key = aead::UnboundKey::new(algorithm, key).map_err(|_| CryptoError::InvalidNonce)?;
        Ok(Box::new(Sealed(aead::LessSafeKey::new(key))))
    }
}

impl SupportedDtls13CipherSuite for Suite {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::CHACHA20_POLY1305_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        32
    }

    fn iv_len(&self) -> usize {
        12
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        SupportedDtls12CipherSuite::create_cipher(&Self::ChaCha20, key)
    }

    /// As QUIC hides its packets' numbers (RFC 9001, section 5.4.4); DTLS uses the first two bytes.
    fn encrypt_sn(&self, sn_key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut mask = [0; 16];
        let key = aead::quic::HeaderProtectionKey::new(&aead::quic::CHACHA20, sn_key);
        if let Some(bytes) = key.ok().and_then(|key| key.new_mask(sample).ok()) {
            mask[..bytes.len()].copy_from_slice(&bytes);
        }
        mask
    }
}

#[derive(Debug)]
struct Sealed(aead::LessSafeKey);

impl Cipher for Sealed {
    fn encrypt(&mut self, text: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, aead::Aad::from(&aad[..]), text.as_mut())
            .map_err(|_| CryptoError::InvalidNonce)?;
        text.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn decrypt(
        &mut self,
        text: &mut TmpBuf<'_>,
        aad: Aad,
        nonce: Nonce,
    ) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let length = self
            .0
            .open_in_place(nonce, aead::Aad::from(&aad[..]), text.as_mut())
            .map_err(|_| CryptoError::InvalidNonce)?
            .len();
        text.truncate(length);
        Ok(())
    }
}

#[derive(Debug)]
enum Group {
    X25519,
    P256,
    P384,
}

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        match self {
            Self::X25519 => NamedGroup::X25519,
            Self::P256 => NamedGroup::Secp256r1,
            Self::P384 => NamedGroup::Secp384r1,
        }
    }

    fn start_exchange(&self, mut buf: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let (name, algorithm) = match self {
            Self::X25519 => (NamedGroup::X25519, &agreement::X25519),
            Self::P256 => (NamedGroup::Secp256r1, &agreement::ECDH_P256),
            Self::P384 => (NamedGroup::Secp384r1, &agreement::ECDH_P384),
        };
        let failed = |_| CryptoError::UnsupportedKeyExchangeGroup(name);
        let private = agreement::EphemeralPrivateKey::generate(algorithm, &SystemRandom::new())
            .map_err(failed)?;
        let public = private.compute_public_key().map_err(failed)?;
        buf.clear();
        buf.extend_from_slice(public.as_ref());
        Ok(Box::new(Exchange { name, algorithm, private: Some(private), public: buf }))
    }
}

struct Exchange {
    name: NamedGroup,
    algorithm: &'static agreement::Algorithm,
    private: Option<agreement::EphemeralPrivateKey>,
    public: Buf,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("name", &self.name).finish_non_exhaustive()
    }
}

// dimpl wants its parts to be usable behind a caught panic. A private key is used once, whatever happens.
impl std::panic::RefUnwindSafe for Exchange {}
impl std::panic::UnwindSafe for Exchange {}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(mut self: Box<Self>, peer_pub: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let bad = CryptoError::InvalidPublicKey(self.name);
        let Some(private) = self.private.take() else { return Err(bad) };
        let peer = agreement::UnparsedPublicKey::new(self.algorithm, peer_pub);
        agreement::agree_ephemeral(private, &peer, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| bad)
    }

    fn group(&self) -> NamedGroup {
        self.name
    }
}

impl HashProvider for Ring {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let algorithm = match algorithm {
            HashAlgorithm::SHA384 => &digest::SHA384,
            // The suites above use these two.
            _ => &digest::SHA256,
        };
        Box::new(Hash(digest::Context::new(algorithm)))
    }
}

struct Hash(digest::Context);

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hash").finish_non_exhaustive()
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

impl HmacProvider for Ring {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            other => return Err(CryptoError::UnsupportedHmacHash(other)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        let length = tag.as_ref().len();
        let room = out.get_mut(..length).ok_or(CryptoError::UnsupportedHmacHash(hash))?;
        room.copy_from_slice(tag.as_ref());
        Ok(length)
    }
}

impl SecureRandom for Ring {
    fn fill(&self, buf: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(buf).map_err(|_| CryptoError::KeyExchangeNotInitialized)
    }
}

impl KeyProvider for Ring {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let bad = CryptoError::InvalidPrivateKey;
        let key = PrivateKeyDer::try_from(key_der.to_vec()).map_err(|_| bad.clone())?;
        let key = any_ecdsa_type(&key).map_err(|_| bad.clone())?;
        for (scheme, hash) in [
            (SignatureScheme::ECDSA_NISTP256_SHA256, [HashAlgorithm::SHA256]),
            (SignatureScheme::ECDSA_NISTP384_SHA384, [HashAlgorithm::SHA384]),
        ] {
            if key.choose_scheme(&[scheme]).is_some() {
                return Ok(Box::new(Signing { key, scheme, hash }));
            }
        }
        Err(bad)
    }
}

#[derive(Debug)]
struct Signing {
    key: std::sync::Arc<dyn rustls::sign::SigningKey>,
    scheme: SignatureScheme,
    hash: [HashAlgorithm; 1],
}

impl std::panic::RefUnwindSafe for Signing {}
impl std::panic::UnwindSafe for Signing {}

impl SigningKey for Signing {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        let bad =
            CryptoError::UnsupportedSignaturePair { signature: SignatureAlgorithm::ECDSA, hash };
        if hash != self.hash[0] {
            return Err(bad);
        }
        let signer = self.key.choose_scheme(&[self.scheme]).ok_or_else(|| bad.clone())?;
        out.clear();
        out.extend_from_slice(&signer.sign(data).map_err(|_| bad)?);
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.hash[0]
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &self.hash
    }
}

impl SignatureVerifier for Ring {
    fn verify_signature(
        &self,
        cert_der: &[u8],
        data: &[u8],
        signature: &[u8],
        hash_alg: HashAlgorithm,
        sig_alg: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let bad = CryptoError::UnsupportedSignaturePair { signature: sig_alg, hash: hash_alg };
        // The hash says nothing of the curve (RFC 5246), so the key's own is found by trying.
        let tried: [&dyn SignatureVerificationAlgorithm; 2] = match (sig_alg, hash_alg) {
            (SignatureAlgorithm::ECDSA, HashAlgorithm::SHA256) => {
                [webpki::ring::ECDSA_P256_SHA256, webpki::ring::ECDSA_P384_SHA256]
            }
            (SignatureAlgorithm::ECDSA, HashAlgorithm::SHA384) => {
                [webpki::ring::ECDSA_P256_SHA384, webpki::ring::ECDSA_P384_SHA384]
            }
            _ => return Err(bad),
        };
        let der = CertificateDer::from(cert_der);
        let certificate = EndEntityCert::try_from(&der).map_err(|_| bad.clone())?;
        let is_good = |algorithm| certificate.verify_signature(algorithm, data, signature).is_ok();
        if tried.into_iter().any(is_good) { Ok(()) } else { Err(bad) }
    }
}
