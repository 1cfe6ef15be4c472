//! Both roles of the codec against each other: any text in any pieces, each end, each fault.

use proptest::prelude::*;
use rustls::sign::CertifiedKey;

use super::*;

fn identity((certificate, key): Certificate) -> Identity {
    let certified = CertifiedKey::from_der(vec![certificate], key.clone_key(), &provider());
    Identity::of(certified.unwrap(), key)
}

fn serving(identity: Identity, ciphers: Option<&str>, protocols: &[&str]) -> Codec {
    let settings = ServerSettings {
        identity,
        ciphers: ciphers.map(|list| Ciphers::parse(list).unwrap()),
        protocols: protocols.iter().map(|name| (*name).to_owned()).collect(),
    };
    Codec::server(&ServerTls::new(&settings).unwrap()).unwrap()
}

/// Nothing of TLS 1.3.
const OLDER: &str =
    "AES128:!TLS_AES_128_GCM_SHA256:!TLS_AES_256_GCM_SHA384:!TLS_CHACHA20_POLY1305_SHA256";

fn anyone() -> Settings {
    Settings { trust: Trust::Anyone, ..Settings::default() }
}

/// Two sides, and the sizes of the pieces that lie on the wire between them.
struct Pair {
    sides: [Codec; 2],
    sizes: Vec<usize>,
    heard: [Vec<u8>; 2],
    ended: [bool; 2],
    failed: [Option<TlsError>; 2],
}

impl Pair {
    fn new(client: Codec, server: Codec, sizes: &[usize]) -> Self {
        let (heard, ended, failed) = Default::default();
        let mut pair =
            Self { sides: [client, server], sizes: sizes.to_vec(), heard, ended, failed };
        pair.exchange();
        pair
    }

    fn good() -> Self {
        let client = Codec::client(&anyone(), "host", &[]).unwrap();
        Self::new(client, serving(Identity::make().unwrap(), None, &[]), &[usize::MAX])
    }

    /// Moves what there is between them until nothing more comes of it.
    fn exchange(&mut self) {
        while [0, 1].into_iter().any(|from| {
            let wire = self.sides[from].output().to_vec();
            self.sides[from].sent(wire.len());
            self.give(1 - from, &wire);
            !wire.is_empty()
        }) {}
    }

    fn give(&mut self, to: usize, mut wire: &[u8]) {
        for size in self.sizes.clone().into_iter().cycle() {
            if wire.is_empty() || self.failed[to].is_some() || self.ended[to] {
                return;
            }
            let room = self.sides[to].room();
            let count = wire.len().min(size).min(room.len());
            assert!(count > 0);
            room[..count].copy_from_slice(&wire[..count]);
            wire = &wire[count..];
            self.sides[to].filled(count);
            self.hear(to, size);
        }
    }

    fn hear(&mut self, to: usize, size: usize) {
        let mut buffer = vec![0; size.min(100_000)];
        loop {
            match self.sides[to].read(&mut buffer) {
                Ok(Progress::Text(count)) => self.heard[to].extend_from_slice(&buffer[..count]),
                Ok(Progress::Nothing) => break,
                Ok(Progress::Ended) => {
                    self.ended[to] = true;
                    break;
                }
                Err(error) => {
                    self.failed[to] = Some(error);
                    break;
                }
            }
        }
    }

    fn say(&mut self, from: usize, mut text: &[u8]) {
        while !text.is_empty() {
            let count = self.sides[from].write(text).unwrap();
            assert!(count > 0);
            text = &text[count..];
            self.exchange();
        }
    }

    fn problem(&self) -> String {
        self.failed[0].clone().unwrap().to_string()
    }
}

#[test]
fn each_side_hears_what_the_other_says_until_it_ends() {
    let mut pair = Pair::good();
    let long: Vec<u8> = (0..1_000_000_u32).map(|n| (n >> 7) as u8).collect();
    pair.say(0, &long);
    assert!(pair.heard[1] == long);
    pair.sides[0].close();
    pair.exchange();
    assert!(pair.ended[1] && pair.sides[1].end().is_ok());
    // Only one direction is closed.
    pair.say(1, b"still here");
    assert_eq!(pair.heard[0], b"still here");
    assert_eq!(pair.sides[0].write(b"late"), Ok(0));
    assert_eq!(pair.sides[0].end(), Err(TlsError::Cut));
    pair.sides[1].close();
    pair.exchange();
    assert!(pair.ended[0] && pair.sides[0].end().is_ok());
}

#[test]
fn what_was_agreed_on_can_be_told() {
    let mine = Identity::make().unwrap();
    let client = Codec::client(&anyone(), "host", &["a", "b"]).unwrap();
    let list = Some("ECDHE-ECDSA-AES128-GCM-SHA256:!AES256:TLS_CHACHA20_POLY1305_SHA256");
    let pair = Pair::new(client, serving(mine.clone(), list, &["c", "b"]), &[usize::MAX]);
    for side in &pair.sides {
        assert!(side.is_established());
        assert_eq!(side.protocol(), Some(&b"b"[..]));
        assert_eq!(side.suite(), Some(("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")));
    }
    let about = pair.sides[0].peer().unwrap();
    assert_eq!((about.subject.as_str(), about.clone()), ("CN=localhost", mine.about()));
    let twelve = Settings { ciphers: Some(Ciphers::parse(OLDER).unwrap()), ..anyone() };
    let client = Codec::client(&twelve, "host", &[]).unwrap();
    let mut pair = Pair::new(client, serving(mine, None, &[]), &[usize::MAX]);
    assert_eq!(pair.sides[1].suite(), Some(("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")));
    pair.say(0, b"older");
    assert_eq!(pair.heard[1], b"older");
}

#[test]
fn a_certificate_is_checked_if_that_is_asked_for_and_both_sides_learn_what_is_wrong() {
    let authority = Authority::new();
    let checked = Settings { trust: authority.trust(), ..Settings::default() };
    for (certificate, said) in [
        (authority.signed(&["host"], (2020, 2025)), Some("expired on 2025-01-01")),
        (own(&["host"], NOW), Some("was signed by nobody but itself")),
        (authority.signed(&["other"], NOW), Some("is not for 'host' but for other")),
        (authority.signed(&["host"], NOW), None),
    ] {
        let server =
            || serving(identity((certificate.0.clone(), certificate.1.clone_key())), None, &[]);
        let client = Codec::client(&checked, "host", &[]).unwrap();
        let pair = Pair::new(client, server(), &[usize::MAX]);
        let Some(said) = said else {
            assert!(pair.sides.iter().all(Codec::is_established));
            continue;
        };
        assert_eq!(pair.problem(), format!("its certificate {said}"));
        assert!(!pair.sides[0].is_established() && !pair.sides[1].is_established());
        assert!(matches!(pair.failed[1], Some(TlsError::Refused(_))), "{:?}", pair.failed);
        // Who asks for no check is not told.
        let client = Codec::client(&anyone(), "any name at all", &[]).unwrap();
        let pair = Pair::new(client, server(), &[usize::MAX]);
        assert!(pair.sides.iter().all(Codec::is_established));
    }
}

#[test]
fn an_authority_that_serves_itself_is_believed_where_it_is_trusted() {
    for (years, host, said) in [
        (NOW, "host", None),
        (NOW, "other", Some("its certificate is not for 'other' but for host")),
        ((2020, 2025), "host", Some("its certificate expired on 2025-01-01")),
    ] {
        let pair = KeyPair::generate().unwrap();
        let mut params = params(&["host"], years);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&pair).unwrap().der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let shown = || identity((certificate.clone(), key(&pair)));
        let trust = Trust::Authorities(Arc::new(roots));
        let client = Codec::client(&Settings { trust, ..Settings::default() }, host, &[]).unwrap();
        let pair = Pair::new(client, serving(shown(), None, &[]), &[usize::MAX]);
        assert_eq!(pair.failed[0].as_ref().map(ToString::to_string).as_deref(), said);
        // Whom nobody trusts is nobody, authority or not.
        if said.is_none() {
            let settings = Settings { trust: another(), ..Settings::default() };
            let client = Codec::client(&settings, host, &[]).unwrap();
            let pair = Pair::new(client, serving(shown(), None, &[]), &[usize::MAX]);
            assert_eq!(pair.problem(), "its certificate was signed by nobody but itself");
        }
    }
}

#[test]
fn two_who_have_nothing_in_common_both_learn_it() {
    let client = Codec::client(&anyone(), "host", &["irc"]).unwrap();
    let pair =
        Pair::new(client, serving(Identity::make().unwrap(), None, &["mqtt"]), &[usize::MAX]);
    assert!(pair.failed[1].is_some());
    assert_eq!(pair.problem(), "it refused the TLS handshake: no application protocol");
}

#[test]
fn who_does_not_speak_tls_is_told_apart() {
    for text in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-x\r\n", &[0; 40]] {
        let mut pair = Pair::good();
        pair.sides[0] = Codec::client(&anyone(), "host", &[]).unwrap();
        pair.sides[1] = serving(Identity::make().unwrap(), None, &[]);
        pair.give(0, text);
        pair.give(1, text);
        assert_eq!(pair.failed, [Some(TlsError::NotTls), Some(TlsError::NotTls)], "{text:?}");
        assert_eq!(pair.sides[0].write(b"secret"), Err(TlsError::NotTls));
    }
}

#[test]
fn a_handshake_without_an_end_is_given_up() {
    let mut pair = Pair::good();
    pair.sides = [
        Codec::client(&anyone(), "host", &[]).unwrap(),
        serving(Identity::make().unwrap(), None, &[]),
    ];
    let record = [&[22, 3, 3, 0x40, 0, 1, 0, 0xff, 0xff][..], &[0; 0x3ffc]].concat();
    for _ in 0..5 {
        pair.give(0, &record);
        pair.give(1, &record);
    }
    assert!(pair.failed.iter().all(Option::is_some));
}

#[test]
fn a_record_that_was_changed_on_the_way_ends_the_connection() {
    let mut pair = Pair::good();
    assert_eq!(pair.sides[0].write(b"good"), Ok(4));
    pair.exchange();
    assert_eq!(pair.sides[0].write(b"bad"), Ok(3));
    let mut wire = pair.sides[0].output().to_vec();
    *wire.last_mut().unwrap() ^= 1;
    pair.give(1, &wire);
    assert_eq!(pair.heard[1], b"good");
    assert!(matches!(pair.failed[1], Some(TlsError::Failed(_))));
    // Which the other side is told.
    assert!(!pair.sides[1].output().is_empty());
}

#[test]
fn writing_loses_nothing_of_what_waits_to_be_read() {
    let mut pair = Pair::good();
    assert_eq!(pair.sides[0].write(&[7; 40_000]), Ok(40_000));
    let wire = pair.sides[0].output().to_vec();
    let mut rest = &wire[..];
    while !rest.is_empty() {
        let room = pair.sides[1].room();
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        pair.sides[1].filled(count);
        rest = &rest[count..];
    }
    assert_eq!(pair.sides[1].write(b"x"), Ok(1));
    assert!(pair.sides[1].has_text());
    let mut buffer = [0; 10_000];
    assert_eq!(pair.sides[1].read(&mut buffer), Ok(Progress::Text(10_000)));
    assert!(pair.sides[1].has_text());
    pair.hear(1, 10_000);
    assert_eq!(pair.heard[1], [7; 30_000]);
    assert!(!pair.sides[1].has_text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cuts_between_reads_change_nothing(
        sizes in proptest::collection::vec(1_usize..40_000, 1..6),
        twelve in any::<bool>(),
        length in 0_usize..200_000,
    ) {
        let ciphers = twelve.then(|| Ciphers::parse(OLDER).unwrap());
        let client = Codec::client(&Settings { ciphers, ..anyone() }, "host", &[]).unwrap();
        let mut pair = Pair::new(client, serving(Identity::make().unwrap(), None, &[]), &sizes);
        let text: Vec<u8> = (0..length as u32).map(|n| (n >> 3) as u8).collect();
        pair.say(0, &text);
        pair.say(1, &text);
        pair.sides[1].close();
        pair.exchange();
        prop_assert!(pair.heard[0] == text && pair.heard[1] == text && pair.ended[0]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), early in any::<bool>(), at in 0_usize..2_000) {
        let mut pair = Pair::good();
        if early {
            pair.sides[0] = Codec::client(&anyone(), "host", &[]).unwrap();
            pair.sides[1] = serving(Identity::make().unwrap(), None, &[]);
            // A good handshake with a mistake in it.
            let mut wire = pair.sides[0].output().to_vec();
            let at = at % wire.len();
            wire[at] ^= bytes.first().copied().unwrap_or(1) | 1;
            pair.give(1, &wire);
            let mut wire = pair.sides[1].output().to_vec();
            if !wire.is_empty() {
                let at = at % wire.len();
                wire[at] ^= 1;
                pair.give(0, &wire);
            }
        }
        for to in [0, 1] {
            pair.give(to, &[&[0x16, 3, 3][..], &bytes].concat());
            pair.give(to, &bytes);
            let _ = pair.sides[to].write(b"text");
            pair.sides[to].close();
        }
        prop_assert!(pair.heard.iter().all(Vec::is_empty));
    }
}
