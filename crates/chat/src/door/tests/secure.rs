//! TLS, with rustls as the client, all in memory.

use std::io::{Read, Write};
use std::sync::LazyLock;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};

use super::*;
use crate::door::tls::{Identity, TlsConfigs};

/// Making keys takes time, and one server's certificate is like another's.
static CONFIGS: LazyLock<TlsConfigs> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("callbox-secure-{}", std::process::id()));
    let identity = Identity::load_or_make(&folder, &[]).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    TlsConfigs::new(&identity).unwrap()
});

fn secure_context() -> Arc<Context> {
    context_with(Limits::default(), Some(CONFIGS.clone()), WebSettings::default())
}

/// Trusts any server: what is tested is the other side.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

type ClientIdentity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn client_identity() -> ClientIdentity {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    (certificate.der().clone(), PrivateKeyDer::try_from(pair.serialize_der()).unwrap())
}

fn client_config(
    version: &'static SupportedProtocolVersion,
    identity: Option<ClientIdentity>,
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting));
    let mut config = match identity {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A client and the server's side, joined.
struct Pair {
    client: ClientConnection,
    run: Run,
    sizes: Vec<usize>,
    failure: Option<rustls::Error>,
    heard: Vec<u8>,
}

impl Pair {
    fn new(context: &Arc<Context>, config: Arc<ClientConfig>, sizes: &[usize]) -> Self {
        let client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let run = Run::new(context, ELSEWHERE);
        let mut pair =
            Self { client, run, sizes: sizes.to_vec(), failure: None, heard: Vec::new() };
        pair.exchange();
        pair
    }

    fn say(&mut self, bytes: &[u8]) {
        self.client.writer().write_all(bytes).unwrap();
        self.exchange();
    }

    /// Lets bytes flow until both sides have nothing more to say.
    fn exchange(&mut self) {
        loop {
            let mut to_server = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut to_server).unwrap();
            }
            self.run.read_in(&to_server, &self.sizes.clone());
            let to_client = std::mem::take(&mut self.run.wire);
            if to_server.is_empty() && to_client.is_empty() {
                return;
            }
            self.hear(&to_client);
        }
    }

    fn hear(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() && self.failure.is_none() {
            let read = self.client.read_tls(&mut wire).unwrap();
            match self.client.process_new_packets() {
                Err(error) => self.failure = Some(error),
                Ok(_) => {
                    let _ = self.client.reader().read_to_end(&mut self.heard);
                }
            }
            if read == 0 {
                return;
            }
        }
    }

    /// What the client hears of lines that are sent to it.
    fn send(&mut self, lines: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        self.run.pipe.encode(lines, &mut wire);
        assert!(!wire.windows(4).any(|window| window == b"PING"), "nothing in clear");
        self.hear(&wire);
        std::mem::take(&mut self.heard)
    }
}

#[test]
fn irc_inside_tls_is_irc_and_secure() {
    let context = secure_context();
    for version in [&TLS12, &TLS13] {
        let mut pair = Pair::new(&context, client_config(version, None, &[]), &[usize::MAX]);
        assert!(!pair.client.is_handshaking(), "{:?}", pair.failure);
        assert_eq!(pair.run.events, []);
        assert_eq!(context.handshakes(), 0);
        let limits = Limits::default();
        assert_eq!(pair.run.pipe.poll_timeout(), Some(pair.run.now + limits.first_bytes));
        pair.say(b"NICK bob\r\nUSER b");
        pair.say(b" 0 * :B\r\n");
        let lines = [Event::Opened(Door::Irc), line("NICK bob"), line("USER b 0 * :B")];
        assert_eq!(pair.run.events, lines);
        let peer = pair.run.peer.clone().unwrap();
        assert!(peer.secure && peer.fingerprint.is_none());
        assert!(!pair.run.pipe.transparent());
        assert_eq!(pair.send(b"PING :x\r\n"), b"PING :x\r\n");
    }
}

#[test]
fn a_clients_certificate_is_known_by_its_fingerprint() {
    for version in [&TLS12, &TLS13] {
        let (certificate, key) = client_identity();
        let digest = Sha256::digest(&certificate);
        let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let config = client_config(version, Some((certificate, key)), &["irc"]);
        // The second time the session is resumed, and knows it still.
        for _ in 0..2 {
            let mut pair = Pair::new(&secure_context(), Arc::clone(&config), &[usize::MAX]);
            pair.say(b"NICK bob\r\n");
            let peer = pair.run.peer.clone().unwrap();
            assert_eq!(peer.fingerprint.as_deref(), Some(&expected[..]));
            assert_eq!(pair.client.alpn_protocol(), Some(&b"irc"[..]));
        }
    }
}

#[test]
fn a_session_is_resumed_by_a_ticket() {
    let context = secure_context();
    let config = client_config(&TLS13, None, &[]);
    let kinds: Vec<_> = (0..2)
        .map(|_| Pair::new(&context, Arc::clone(&config), &[usize::MAX]).client.handshake_kind())
        .collect();
    let expected = [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed];
    assert_eq!(kinds, expected.map(Some));
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    /// Signs with its own key below a certificate that is another's.
    #[derive(Debug)]
    struct Thief(Arc<rustls::sign::CertifiedKey>);
    impl rustls::client::ResolvesClientCert for Thief {
        fn resolve(
            &self,
            _: &[&[u8]],
            _: &[SignatureScheme],
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let provider = ring::default_provider();
    for version in [&TLS12, &TLS13] {
        let own = provider.key_provider.load_private_key(client_identity().1).unwrap();
        let stolen = rustls::sign::CertifiedKey::new(vec![client_identity().0], own);
        let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting))
            .with_client_cert_resolver(Arc::new(Thief(Arc::new(stolen))));
        let context = secure_context();
        let pair = Pair::new(&context, Arc::new(config), &[usize::MAX]);
        assert_eq!(pair.run.events, [Event::Close(CloseWhy::Tls)]);
        assert!(
            matches!(pair.failure, Some(rustls::Error::AlertReceived(_))),
            "{:?}",
            pair.failure
        );
        assert_eq!(context.handshakes(), 0);
    }
}

#[test]
fn a_browser_is_not_asked_for_a_certificate() {
    let config = client_config(&TLS13, Some(client_identity()), &["h2", "http/1.1"]);
    let mut pair = Pair::new(&secure_context(), config, &[usize::MAX]);
    pair.say(websocket::request("").as_bytes());
    assert_eq!(pair.run.peer.clone().unwrap().fingerprint, None);
    assert_eq!(pair.client.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn http_and_websocket_work_inside_tls() {
    let config = client_config(&TLS13, None, &["http/1.1"]);
    let mut pair = Pair::new(&secure_context(), config, &[7, 100]);
    pair.say(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(String::from_utf8_lossy(&pair.heard).ends_with("\r\n\r\nok\n"));
    pair.heard.clear();
    pair.say(websocket::request("").as_bytes());
    assert!(pair.heard.starts_with(b"HTTP/1.1 101 "));
    pair.heard.clear();
    pair.say(&websocket::frame(0x81, b"NICK bob"));
    assert_eq!(pair.run.events, [Event::Opened(Door::WebSocket), line("NICK bob")]);
    assert!(pair.run.peer.clone().unwrap().secure);
    assert_eq!(pair.send(b"PING\r\n"), b"\x81\x04PING");
    let mut wire = Vec::new();
    pair.run.pipe.close(&mut wire);
    pair.hear(&wire);
    assert_eq!(pair.heard, b"\x88\x02\x03\xe8");
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn text_inside_tls_is_the_plain_door_and_its_last_line_counts() {
    let mut pair = Pair::new(&secure_context(), client_config(&TLS13, None, &[]), &[1]);
    pair.client.writer().write_all(b"hello").unwrap();
    pair.client.send_close_notify();
    pair.exchange();
    let expected = [Event::Opened(Door::Plain), line("hello"), Event::Close(CloseWhy::Ended)];
    assert_eq!(pair.run.events, expected);
    assert!(pair.client.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn a_long_reply_passes_whole() {
    let mut pair = Pair::new(&secure_context(), client_config(&TLS13, None, &[]), &[usize::MAX]);
    pair.say(b"NICK bob\r\n");
    let lines = b"PING :0123456789\r\n".repeat(20_000);
    assert_eq!(pair.send(&lines), lines);
}

#[test]
fn many_lines_in_one_read_are_all_given() {
    let mut pair = Pair::new(&secure_context(), client_config(&TLS13, None, &[]), &[usize::MAX]);
    pair.client.set_buffer_limit(None);
    pair.say(&b"PING :0123456789\r\n".repeat(10_000));
    assert_eq!(pair.run.events.len(), 10_001);
}

#[test]
fn a_server_without_tls_says_so() {
    let pair = Pair::new(&context(), client_config(&TLS13, None, &[]), &[1]);
    assert_eq!(pair.run.events, [Event::Close(CloseWhy::NoTls)]);
    let alert = rustls::AlertDescription::HandshakeFailure;
    assert_eq!(pair.failure, Some(rustls::Error::AlertReceived(alert)));
}

#[test]
fn a_listener_may_want_tls_or_forbid_it() {
    let context = secure_context();
    for (bytes, told) in [(&b"NICK bob\r\n"[..], true), (b"hello", true), (b"GET / ", false)] {
        let mut run = Run::on(TlsUse::Required, &context, HERE);
        run.read(bytes);
        assert_eq!(run.events, [Event::Close(CloseWhy::OnlyTls)]);
        assert_eq!(run.heard().starts_with("ERROR :"), told);
    }
    let mut run = Run::on(TlsUse::Off, &context, HERE);
    run.read(&[0x16, 3, 1]);
    assert_eq!(run.events, [Event::Close(CloseWhy::NoTls)]);
    let mut run = Run::on(TlsUse::Required, &context, HERE);
    run.read(&[0x16, 3, 1]);
    assert_eq!((run.events.len(), context.handshakes()), (0, 1));
}

#[test]
fn handshakes_in_progress_are_capped_and_counted_back() {
    let limits = Limits { handshakes: 2, ..Limits::default() };
    let context = context_with(limits, Some(CONFIGS.clone()), WebSettings::default());
    let mut begun: Vec<_> = (0..3).map(|_| Run::new(&context, HERE)).collect();
    for run in &mut begun {
        run.read(&[0x16, 3, 1]);
    }
    assert_eq!(begun.pop().unwrap().events, [Event::Close(CloseWhy::Crowded)]);
    assert_eq!(context.handshakes(), 2);
    let late = &mut begun[0];
    let deadline = late.pipe.poll_timeout().unwrap();
    assert_eq!(deadline, late.now + limits.handshake);
    assert_eq!(late.pipe.handle_timeout(deadline), Some(CloseWhy::Slow));
    assert_eq!(context.handshakes(), 1, "a handshake that is given up makes room at once");
    drop(begun);
    assert_eq!(context.handshakes(), 0);
}

#[test]
fn a_handshake_that_never_ends_is_ended() {
    // Records of a handshake message of 16 MiB, which never comes whole.
    let mut run = Run::new(&secure_context(), HERE);
    let record = |payload: &[u8]| [&[0x16, 3, 3, 0x40, 0][..], payload].concat();
    run.read(&record(&[&[1, 0xff, 0xff, 0xff][..], &[0; 16_380]].concat()));
    for _ in 0..8 {
        run.read(&record(&[0; 16_384]));
    }
    assert_eq!(run.events, [Event::Close(CloseWhy::Tls)]);
}

#[test]
fn tls_within_tls_is_junk() {
    let mut pair = Pair::new(&secure_context(), client_config(&TLS13, None, &[]), &[usize::MAX]);
    pair.say(&[0x16, 3, 1]);
    assert_eq!(pair.run.events, [Event::Close(CloseWhy::Junk)]);
}

#[test]
fn a_new_certificate_is_for_new_connections() {
    let context = secure_context();
    let mut old = Pair::new(&context, client_config(&TLS13, None, &[]), &[usize::MAX]);
    context.set_tls(None);
    old.say(b"NICK bob\r\n");
    assert_eq!(old.run.events.len(), 2);
    let new = Pair::new(&context, client_config(&TLS13, None, &[]), &[usize::MAX]);
    assert_eq!(new.run.events, [Event::Close(CloseWhy::NoTls)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cuts_between_reads_change_nothing_inside_tls(sizes in sizes(), twelve in any::<bool>()) {
        let version = if twelve { &TLS12 } else { &TLS13 };
        let config = client_config(version, Some(client_identity()), &["irc"]);
        let mut pair = Pair::new(&secure_context(), config, &sizes);
        pair.say(b"@a=b NICK bob\r\nUSER b 0 * :B\r\n");
        pair.client.send_close_notify();
        pair.exchange();
        prop_assert_eq!(&pair.run.events, &[
            Event::Opened(Door::Irc), line("@a=b NICK bob"), line("USER b 0 * :B"), Event::Close(CloseWhy::Ended),
        ]);
        prop_assert!(pair.run.peer.clone().unwrap().fingerprint.is_some());
    }

    #[test]
    fn no_bytes_make_tls_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), sizes in sizes()) {
        let mut run = Run::new(&secure_context(), HERE);
        run.read_in(&[&[0x16, 3, 1][..], &bytes].concat(), &sizes);
        prop_assert_eq!(run.peer, None);
    }
}
