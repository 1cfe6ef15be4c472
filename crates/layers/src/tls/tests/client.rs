//! A client against rustls's server, in memory: what it trusts, and what it says when it does not.

use std::io::{Read, Write};
use std::sync::Arc;

use proptest::prelude::*;
use rcgen::KeyPair;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::*;

fn server_with(
    (certificate, key): Certificate,
    version: &'static SupportedProtocolVersion,
    clients: Option<Arc<RootCertStore>>,
) -> ServerConnection {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap(),
        ),
    };
    let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    ServerConnection::new(Arc::new(config)).unwrap()
}

fn server(certificate: Certificate) -> ServerConnection {
    server_with(certificate, &TLS13, None)
}

/// A client and a server that were brought together until nothing more comes of it.
struct Pair {
    client: Client,
    server: ServerConnection,
    sizes: Vec<usize>,
    established: usize,
    heard: Vec<u8>,
    result: Result<(), TlsError>,
    ended: bool,
}

impl Pair {
    fn new(trust: Trust, host: &str, server: ServerConnection) -> Self {
        Self::cut(Settings { trust, ..Settings::default() }, host, server, &[usize::MAX])
    }

    fn cut(settings: Settings, host: &str, server: ServerConnection, sizes: &[usize]) -> Self {
        let client = Client::new(&settings, host, &["http/1.1"]).unwrap();
        let (established, heard, sizes) = (0, Vec::new(), sizes.to_vec());
        let mut pair =
            Self { client, server, sizes, established, heard, result: Ok(()), ended: false };
        pair.exchange();
        pair
    }

    fn exchange(&mut self) {
        loop {
            let mut wire = Vec::new();
            self.client.take_output(&mut wire);
            let is_quiet = wire.is_empty();
            let mut wire = &wire[..];
            while !wire.is_empty() {
                self.server.read_tls(&mut wire).unwrap();
                let _ = self.server.process_new_packets();
            }
            let mut answer = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut answer).unwrap();
            }
            if is_quiet && answer.is_empty() {
                return;
            }
            self.give(&answer);
        }
    }

    /// Gives bytes to the client.
    fn give(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        for size in self.sizes.clone().into_iter().cycle() {
            let Some(mut piece) = rest.split_off(..rest.len().min(size)) else { return };
            loop {
                match self.client.pull(&mut piece) {
                    Ok(Pull::Nothing) => break,
                    Ok(Pull::Established) => self.established += 1,
                    Ok(Pull::Text) => {
                        let text = self.client.text();
                        // Not all at once.
                        let part = text.len().div_ceil(2);
                        self.heard.extend_from_slice(&text[..part]);
                        self.client.consume(part);
                    }
                    Ok(Pull::Ended) => {
                        self.ended = true;
                        return;
                    }
                    Err(error) => {
                        self.result = Err(error);
                        return;
                    }
                }
            }
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Says something, and gives what the server heard.
    fn say(&mut self, text: &[u8]) -> Vec<u8> {
        let (mut wire, mut heard) = (Vec::new(), Vec::new());
        self.client.encrypt(text, &mut wire);
        let mut wire = &wire[..];
        while !wire.is_empty() {
            self.server.read_tls(&mut wire).unwrap();
            self.server.process_new_packets().unwrap();
            // An error says that there is no more for now.
            let _ = self.server.reader().read_to_end(&mut heard);
        }
        heard
    }

    fn problem(&self) -> String {
        self.result.clone().unwrap_err().to_string()
    }
}

#[test]
fn a_server_whom_an_authority_vouches_for_is_talked_to() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        for (name, host) in [
            ("chat.example.org", "chat.example.org"),
            ("chat.example.org", "chat.example.org."),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("fe80::1", "fe80::1%eth0"),
        ] {
            let certificate = authority.signed(&[name], NOW);
            let fingerprint = Fingerprint::of(&certificate.0);
            let server = server_with(certificate, version, None);
            let mut pair = Pair::new(authority.trust(), host, server);
            assert_eq!((&pair.result, pair.established), (&Ok(()), 1), "{host}");
            assert_eq!(pair.client.fingerprint(), Some(fingerprint));
            let long = vec![b'x'; 100_000];
            assert_eq!(pair.say(&long), long);
            pair.server.writer().write_all(b"welcome").unwrap();
            pair.server.send_close_notify();
            pair.exchange();
            assert_eq!(pair.heard, b"welcome");
            assert!(pair.ended && pair.client.end().is_ok());
        }
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_its_fingerprint() {
    let (authority, other) = (Authority::new(), Authority::new());
    let host = "chat.example.org";
    for (certificate, said) in [
        (own(&[host], NOW), "its certificate was signed by nobody but itself"),
        (
            other.signed(&[host], NOW),
            "its certificate was signed by nobody whom this system trusts",
        ),
        (authority.signed(&[host], (2020, 2025)), "its certificate expired on 2025-01-01"),
        (authority.signed(&[host], (2068, 2070)), "its certificate is not valid before 2068-01-01"),
        (
            authority.signed(&["a.example.org", "*.b.example.org"], NOW),
            "its certificate is not for 'chat.example.org' but for a.example.org, *.b.example.org",
        ),
    ] {
        let fingerprint = Fingerprint::of(&certificate.0);
        let pair = Pair::new(authority.trust(), host, server(certificate));
        assert_eq!(pair.problem(), said);
        assert_eq!(pair.result.clone().unwrap_err().fingerprint(), Some(fingerprint));
        assert_eq!(pair.established, 0);
        // The server is told, so its log tells too.
        assert!(pair.client.fingerprint().is_some());
    }
}

#[test]
fn nothing_is_said_to_a_server_that_is_not_trusted() {
    let mut pair = Pair::new(Authority::new().trust(), "host", server(own(&["host"], NOW)));
    let mut wire = Vec::new();
    pair.client.encrypt(b"PASS secret", &mut wire);
    assert!(wire.is_empty());
}

#[test]
fn a_pinned_certificate_is_trusted_whatever_it_says_and_no_other_is() {
    let certificate = own(&["other.example.org"], (2020, 2025));
    let pin = Fingerprint::of(&certificate.0);
    let pair = Pair::new(Trust::Fingerprint(pin), "chat.example.org", server(certificate));
    assert_eq!((&pair.result, pair.established), (&Ok(()), 1));
    let authority = Authority::new();
    let good = server(authority.signed(&["chat.example.org"], NOW));
    let pair = Pair::new(Trust::Fingerprint(pin), "chat.example.org", good);
    assert_eq!(pair.problem(), "its certificate is not the one with the given fingerprint");
    let error = pair.result.unwrap_err();
    assert!(
        matches!(error, TlsError::Untrusted { problem: Problem::Other { wanted }, .. } if wanted == pin)
    );
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = std::env::temp_dir().join(format!("callbox-layers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    let pair = KeyPair::generate().unwrap();
    let mine = params(&["alice"], NOW).signed_by(&pair, &clients.0).unwrap();
    std::fs::write(&cert_file, mine.pem()).unwrap();
    std::fs::write(&key_file, pair.serialize_pem()).unwrap();
    let identity = Some(Identity::load(&cert_file, &key_file).unwrap());
    let settings = Settings { trust: authority.trust(), identity, ciphers: None };
    for version in [&TLS12, &TLS13] {
        let certificate = authority.signed(&["host"], NOW);
        let server = server_with(certificate, version, Some(clients.roots()));
        let pair = Pair::cut(settings.clone(), "host", server, &[50]);
        assert_eq!(pair.result, Ok(()));
        assert_eq!(pair.server.peer_certificates().unwrap()[0], *mine.der());
    }
    let swapped = Identity::load(&key_file, &cert_file).unwrap_err().to_string();
    assert!(swapped.contains("this is a key and not a certificate"), "{swapped}");
    let other = KeyPair::generate().unwrap();
    std::fs::write(&key_file, other.serialize_pem()).unwrap();
    let mismatch = Identity::load(&cert_file, &key_file).unwrap_err().to_string();
    assert!(mismatch.contains("is not that of the first certificate"), "{mismatch}");
    std::fs::write(&key_file, clients.0.pem()).unwrap();
    assert!(matches!(Trust::file(&key_file), Ok(Trust::Authorities(roots)) if roots.len() == 1));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_may_hold_the_server_s_own_certificate() {
    let certificate = own(&["host"], NOW);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.0.clone()).unwrap();
    let pair = Pair::new(Trust::Authorities(Arc::new(roots)), "host", server(certificate));
    assert_eq!(pair.result, Ok(()));
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let authority = Authority::new();
    let mut pair = Pair::new(authority.trust(), "host", server(authority.signed(&["host"], NOW)));
    pair.client =
        Client::new(&Settings { trust: authority.trust(), ..Settings::default() }, "host", &[])
            .unwrap();
    pair.give(b":irc.example.org NOTICE * :*** Looking up your hostname...\r\n");
    assert_eq!(pair.result, Err(TlsError::NotTls));
}

#[test]
fn a_server_with_nothing_in_common_says_so_or_is_said_to() {
    let authority = Authority::new();
    let (certificate, key) = authority.signed(&["host"], NOW);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = ServerConnection::new(Arc::new(config)).unwrap();
    let pair = Pair::new(authority.trust(), "host", server);
    assert_eq!(pair.problem(), "it refused the TLS handshake: no application protocol");
}

#[test]
fn a_handshake_without_an_end_is_given_up() {
    let authority = Authority::new();
    let settings = Settings { trust: authority.trust(), ..Settings::default() };
    let mut client = Client::new(&settings, "host", &[]).unwrap();
    let record = [&[22, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
    let fails = (0..100).any(|_| client.pull(&mut &record[..]).is_err());
    assert!(fails);
}

#[test]
fn an_end_without_a_goodbye_is_a_cut() {
    let authority = Authority::new();
    let pair = Pair::new(authority.trust(), "host", server(authority.signed(&["host"], NOW)));
    assert_eq!(pair.client.end(), Err(TlsError::Cut));
}

#[test]
fn a_name_that_no_certificate_can_have_is_refused_before_anything_is_sent() {
    let settings = Settings { trust: Authority::new().trust(), ..Settings::default() };
    for host in ["", "under score", "a..b", "你好"] {
        let error = Client::new(&settings, host, &[]).unwrap_err();
        assert_eq!(error, TlsError::Name(host.to_owned()));
    }
    let nobody = Settings {
        trust: Trust::Authorities(Arc::new(RootCertStore::empty())),
        ..Settings::default()
    };
    assert_eq!(Client::new(&nobody, "host", &[]).unwrap_err(), TlsError::NoAuthorities);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cuts_between_reads_change_nothing(sizes in proptest::collection::vec(1_usize..2_000, 1..9), twelve in any::<bool>()) {
        let authority = Authority::new();
        let version = if twelve { &TLS12 } else { &TLS13 };
        let server = server_with(authority.signed(&["host"], NOW), version, None);
        let settings = Settings { trust: authority.trust(), ..Settings::default() };
        let mut pair = Pair::cut(settings, "host", server, &sizes);
        let text: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
        pair.server.writer().write_all(&text).unwrap();
        pair.server.send_close_notify();
        pair.exchange();
        prop_assert_eq!((&pair.result, pair.established, pair.ended), (&Ok(()), 1, true));
        prop_assert_eq!(&pair.heard, &text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), early in any::<bool>()) {
        let authority = Authority::new();
        let mut pair = Pair::new(authority.trust(), "host", server(authority.signed(&["host"], NOW)));
        if early {
            pair.client = Client::new(&Settings { trust: authority.trust(), ..Settings::default() }, "host", &[]).unwrap();
        }
        pair.give(&[&[0x16, 3, 3][..], &bytes].concat());
        pair.give(&bytes);
        prop_assert!(pair.heard.is_empty());
    }
}
