//! TLS over real sockets, in both roles, with each fault that a user may meet.

use std::path::Path;
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::link::testing::{Side, drive, plain_pair};

/// A folder with files, gone when the test is over.
pub(in crate::link) struct Folder(callbox_testkit::Folder);

impl Folder {
    pub(in crate::link) fn new(name: &str) -> Self {
        Self(callbox_testkit::Folder::new(name))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate that signs itself, with its key, both in one file.
    pub(in crate::link) fn certificate(&self, name: &str, years: (i32, i32)) -> PathBuf {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = params.self_signed(&pair).unwrap();
        self.file(&format!("{name}-{}.pem", years.1), &(certificate.pem() + &pair.serialize_pem()))
    }
}

impl Folder {
    /// A certificate with an RSA key, with that key, which ring cannot make.
    pub(in crate::link) fn rsa(&self) -> PathBuf {
        let (certificate, key) = (self.0.join("rsa-certificate.pem"), self.0.join("rsa-key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl is there");
        assert!(made.status.success(), "{made:?}");
        let both = [certificate, key].map(|path| std::fs::read_to_string(path).unwrap());
        self.file("rsa.pem", &both.concat())
    }
}

pub(in crate::link) fn serving(file: &Path) -> Server {
    Server::new(&Options { certificate: Some(file.into()), ..Options::default() }).unwrap()
}

pub(in crate::link) fn checking(trusts: &Path) -> Client {
    let trust_file = Some(trusts.into());
    Client::new(&Options { verify: true, trust_file, ..Options::default() }).unwrap()
}

fn anyone() -> Client {
    Client::new(&Options::default()).unwrap()
}

/// A client and a server that were brought together until one of them fails, or both are established.
fn met(client: &Client, host: &str, server: &Server) -> [Side; 2] {
    let (one, other) = plain_pair(usize::MAX);
    let mut one = Side::new(super::client(one, client, host).unwrap(), b"", false);
    let mut other = Side::new(super::server(other, server).unwrap(), b"", false);
    drive(&mut [&mut one, &mut other], |sides| {
        sides.iter().all(|side| side.error.is_some() || side.link.is_established())
    });
    [one, other]
}

#[test]
fn a_megabyte_goes_both_ways_and_each_end_is_heard() {
    let text: Vec<u8> = (0..1_000_000_u32).map(|n| (n >> 5) as u8).collect();
    for size in [usize::MAX, 5_000] {
        let (one, other) = plain_pair(size);
        let server = Server::new(&Options::default()).unwrap();
        let mut one = Side::new(client(one, &anyone(), "localhost").unwrap(), &text, true);
        let mut other = Side::new(super::server(other, &server).unwrap(), &text, true);
        drive(&mut [&mut one, &mut other], |sides| sides.iter().all(|side| side.ended));
        assert!(one.heard == text && other.heard == text);
        assert!(one.link.is_flushed() && other.link.is_flushed());
    }
}

#[test]
fn tls_lies_over_tls_as_over_any_stream() {
    let (one, other) = plain_pair(1_000);
    let server = Server::new(&Options::default()).unwrap();
    let one = client(client(one, &anyone(), "proxy").unwrap(), &anyone(), "server").unwrap();
    let other = super::server(super::server(other, &server).unwrap(), &server).unwrap();
    let (mut one, mut other) = (Side::new(one, b"hello", true), Side::new(other, b"", true));
    drive(&mut [&mut one, &mut other], |sides| sides.iter().all(|side| side.ended));
    assert_eq!(other.heard, b"hello");
    assert!(one.link.direct().is_none());
}

#[test]
fn a_certificate_that_is_wrong_ends_the_connection_in_words() {
    let folder = Folder::new("tls-faults");
    let good = folder.certificate("localhost", (2020, 2070));
    let old = folder.certificate("localhost", (2020, 2025));
    let other = folder.certificate("example.org", (2020, 2070));
    for (shows, trusts, said) in [
        (&good, &good, ""),
        (&old, &old, "its certificate expired on 2025-01-01"),
        (&good, &other, "its certificate was signed by nobody but itself"),
        (&other, &other, "its certificate is not for 'localhost' but for example.org"),
    ] {
        let [client, server] = met(&checking(trusts), "localhost", &serving(shows));
        assert_eq!(client.said(), said);
        assert_eq!(server.said().contains("refused the TLS handshake"), !said.is_empty());
        let [client, _] = met(&anyone(), "localhost", &serving(shows));
        assert_eq!(client.said(), "");
        assert!(client.link.story().iter().any(|line| line.contains("was not verified")));
    }
    // The name that is asked for counts, and not the host's.
    let server_name = Some("example.org".to_owned());
    let options = Options {
        verify: true,
        trust_file: Some(other.clone()),
        server_name,
        ..Options::default()
    };
    let [client, _] = met(&Client::new(&options).unwrap(), "localhost", &serving(&other));
    assert_eq!(client.said(), "");
}

#[test]
fn what_was_agreed_on_is_told() {
    let folder = Folder::new("tls-story");
    let file = folder.certificate("localhost", (2020, 2070));
    let protocols = vec!["h2".to_owned(), "http/1.1".to_owned()];
    let (certificate, ciphers) =
        (Some(file.clone()), Some("ALL:TLS_AES_128_GCM_SHA256".to_owned()));
    let options = Options { protocols, certificate, ciphers, ..Options::default() };
    let server = Server::new(&options).unwrap();
    assert_eq!(server.story().len(), 2);
    let [client, _] = met(&Client::new(&options).unwrap(), "localhost", &server);
    let story = client.link.story();
    assert!(
        story[0].starts_with("Subject: CN=") && story[1].starts_with("Issuer: CN="),
        "{story:?}"
    );
    assert_eq!(story[2..4], server.story()[..]);
    let agreed = ["TLSv1.3 with TLS_AES_128_GCM_SHA256.".to_owned(), "ALPN: h2".to_owned()];
    assert_eq!(story[story.len() - 2..], agreed);
    // A listener without a certificate makes one, and says so.
    let story = Server::new(&Options::default()).unwrap().story();
    assert!(story[0].starts_with("Made a temporary certificate") && story.len() == 3, "{story:?}");
    // Nothing in common.
    let only = |name: &str| Options { protocols: vec![name.to_owned()], ..Options::default() };
    let server = Server::new(&only("mqtt")).unwrap();
    let [client, _] = met(&Client::new(&only("irc")).unwrap(), "localhost", &server);
    assert_eq!(client.said(), "it refused the TLS handshake: no application protocol");
}

#[test]
fn what_cannot_be_used_is_said_before_anything_is_connected() {
    let folder = Folder::new("tls-setup");
    let nothing = folder.0.join("none.pem");
    let text = folder.file("text.pem", "hello\n");
    let both = |file: &Path| Options { certificate: Some(file.into()), ..Options::default() };
    let trusting =
        |file: &Path| Options { verify: true, trust_file: Some(file.into()), ..Options::default() };
    let with = |list: &str| Options { ciphers: Some(list.to_owned()), ..Options::default() };
    for (options, said) in [
        (both(&nothing), "cannot read "),
        (both(&text), "no certificate in it"),
        (trusting(&nothing), "cannot read "),
        (trusting(&text), "no certificate in it"),
        (with("RC4"), "no cipher is called 'RC4'; those that there are: TLS_AES_256_GCM_SHA384, "),
        (
            Options { protocols: vec![String::new()], ..Options::default() },
            "is no name of a protocol",
        ),
    ] {
        let error = Client::new(&options).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        if !options.verify {
            assert_eq!(Server::new(&options).unwrap_err().to_string(), error);
        }
    }
    // As with ncat, a trust file is of effect with --ssl-verify alone.
    assert!(Client::new(&Options { verify: false, ..trusting(&nothing) }).is_ok());
}

#[test]
fn a_peer_that_speaks_no_tls_is_told_apart_on_both_sides() {
    for text in ["220 mail.example.org ESMTP\r\n", "GET / HTTP/1.0\r\n\r\n"] {
        let (one, other) = plain_pair(usize::MAX);
        let mut one = Side::new(client(one, &anyone(), "localhost").unwrap(), b"", false);
        let mut other = Side::new(other, text.as_bytes(), false);
        drive(&mut [&mut one, &mut other], |sides| sides[0].error.is_some());
        assert_eq!(one.said(), "it does not speak TLS");
        let (one, other) = plain_pair(usize::MAX);
        let server = Server::new(&Options::default()).unwrap();
        let mut one = Side::new(super::server(one, &server).unwrap(), b"", false);
        let mut other = Side::new(other, text.as_bytes(), false);
        drive(&mut [&mut one, &mut other], |sides| sides[0].error.is_some());
    }
}

#[test]
fn an_end_without_a_goodbye_is_a_cut_and_what_came_before_is_kept() {
    let (one, other) = plain_pair(usize::MAX);
    let server = Server::new(&Options::default()).unwrap();
    let mut one = Side::new(client(one, &anyone(), "localhost").unwrap(), b"", false);
    let mut other = Side::new(super::server(other, &server).unwrap(), b"half", false);
    drive(&mut [&mut one, &mut other], |sides| sides[0].heard == b"half");
    drop(other);
    drive(&mut [&mut one], |sides| sides[0].error.is_some());
    assert_eq!(one.error.as_ref().unwrap().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(one.said(), "the connection was cut within TLS");
    // And within the handshake.
    let (one, other) = plain_pair(usize::MAX);
    let mut one = Side::new(client(one, &anyone(), "localhost").unwrap(), b"", false);
    drop(other);
    drive(&mut [&mut one], |sides| sides[0].error.is_some());
    assert!(!one.link.is_established() && !one.said().is_empty());
}

#[test]
fn a_peer_that_reads_nothing_is_not_written_to_without_end() {
    let (one, other) = plain_pair(usize::MAX);
    let server = Server::new(&Options::default()).unwrap();
    let mut one = Side::new(client(one, &anyone(), "localhost").unwrap(), b"", false);
    let mut other = Side::new(super::server(other, &server).unwrap(), b"", false);
    drive(&mut [&mut one, &mut other], |sides| sides.iter().all(|side| side.link.is_established()));
    let text = vec![0; 1 << 20];
    let taken: usize = std::iter::from_fn(|| one.link.write(&text).ok()).sum();
    assert!(taken < 4 << 20, "{taken}");
    assert!(one.link.needs().writable && !one.link.is_flushed());
    drive(&mut [&mut one, &mut other], |sides| sides[1].heard.len() == taken);
}
