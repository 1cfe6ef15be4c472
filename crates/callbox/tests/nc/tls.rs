//! `--ssl`: a conversation of ours with ours and with OpenSSL's tools, and the certificates that are not to be trusted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use callbox_testkit::{Program, Running};

use super::ncat::{Ncat, Seen, both, debian, free_port, ours};
use super::peer::{closed_port, connect, read_to_close, send, server};

/// Certificates of a test's own authority: `good` for localhost and 127.0.0.1, `other` for another name, `old` that has
/// expired, `common` that names its host in the common name alone, and `self` that nobody signed.
const MAKE: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Test CA' -addext basicConstraints=critical,CA:TRUE
leaf() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj "/CN=$2"
    printf "$3basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n" > $1.ext
    openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -extfile $1.ext -days $4
}
leaf good localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' 30
leaf other other.test 'subjectAltName=DNS:other.test\n' 30
leaf common localhost '' 30
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
cp good.key old.key
mkdir db; : > db/index.txt; echo 01 > db/serial
printf '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=db\ndatabase=db/index.txt\nserial=db/serial\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n' > ca.conf
openssl ca -batch -config ca.conf -in good.csr -out old.pem -startdate 20200101000000Z -enddate 20200201000000Z -notext
"#;

/// The folder of the certificates. They are made once a day: making them for each test, which is a process of its own,
/// would take longer than the tests.
fn certificates() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let day =
            SystemTime::now().duration_since(UNIX_EPOCH).expect("1970 is past").as_secs() / 86_400;
        // Other ones from an older test are not these.
        let name = format!("certificates-{day}-{}", MAKE.len());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if path.is_dir() {
            return path;
        }
        let own = path.with_extension(std::process::id().to_string());
        fs::create_dir(&own).expect("a folder");
        let made = Command::new("sh").args(["-ec", MAKE]).current_dir(&own).output();
        let made = made.expect("sh starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Another test may have been first; its are as good.
        if fs::rename(&own, &path).is_err() {
            let _ = fs::remove_dir_all(&own);
        }
        path
    };
    MADE.get_or_init(make).clone()
}

fn file(name: &str) -> String {
    certificates().join(name).to_str().expect("a path that is text").to_owned()
}

/// OpenSSL's server with one of the certificates, which sends back each line reversed.
#[track_caller]
fn openssl(name: &str) -> (Running, u16) {
    openssl_with(name, &[])
}

/// The same with more words.
#[track_caller]
fn openssl_with(name: &str, more: &[&str]) -> (Running, u16) {
    let port = free_port();
    let accept = format!("127.0.0.1:{port}");
    let (certificate, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
    let words = ["s_server", "-rev", "-accept", &accept, "-cert", &certificate, "-key", &key];
    let mut running = Program::new("openssl").args(words).args(more).spawn();
    running.wait_for_stdout("ACCEPT");
    (running, port)
}

/// A client of OpenSSL's server with one of the certificates.
#[track_caller]
fn client_of(ncat: &Ncat, certificate: &str, words: &str, host: &str) -> Seen {
    let (_server, port) = openssl(certificate);
    let mut client = ncat.with(words).arg(host).arg(port.to_string()).spawn();
    client.write_line("hello");
    if words.contains("expect-failure") || !words.contains("--ssl-verify") || certificate == "good"
    {
        client.wait_for_stdout("olleh");
        return Seen::of(&client.wait());
    }
    Seen::of(&client.wait_with_open_stdin())
}

#[test]
fn a_client_talks_tls_to_openssl() {
    let seen = both(|ncat| client_of(ncat, "good", "--ssl", "127.0.0.1"));
    seen.is(0, "olleh\n", "");
}

#[test]
fn without_verify_any_certificate_will_do() {
    for certificate in ["self", "old", "other"] {
        let seen = both(|ncat| client_of(ncat, certificate, "--ssl", "127.0.0.1"));
        seen.is(0, "olleh\n", "");
    }
}

#[test]
fn with_verify_a_certificate_has_to_be_trusted_valid_and_for_the_name() {
    let words = format!("--ssl-verify --ssl-trustfile {}", file("ca.pem"));
    let seen = both(|ncat| client_of(ncat, "good", &words, "localhost"));
    seen.is(0, "olleh\n", "");
    for (certificate, why) in [
        ("self", "its certificate was signed by nobody but itself"),
        ("old", "its certificate expired on 2020-02-01"),
        ("other", "its certificate is not for 'localhost' but for other.test"),
        // ncat takes the common name; RFC 9525 does not.
        ("common", "its certificate names no host: 'localhost' has to stand in its subjectAltName"),
    ] {
        let seen = ours(|ncat| client_of(ncat, certificate, &words, "localhost"));
        assert_eq!((seen.code, seen.out.as_str()), (Some(1), ""), "{certificate}: {}", seen.err);
        let said = seen.err.starts_with("Ncat: Could not establish a secure connection to ");
        assert!(said && seen.err.contains(why), "{certificate}: {}", seen.err);
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_before_anything_is_connected() {
    let garbage = callbox_testkit::Folder::new("garbage");
    let path = garbage.join("file.pem");
    fs::write(&path, "no certificate\n").expect("a file");
    let path = path.to_str().expect("text");
    let (good, key, others_key) = (file("good.pem"), file("good.key"), file("other.key"));
    for (words, what) in [
        (format!("-l --ssl --ssl-cert {path} --ssl-key {key} 9999"), path),
        (format!("-l --ssl --ssl-cert {good} --ssl-key {path} 9999"), path),
        (format!("-l --ssl --ssl-cert {good} --ssl-key {others_key} 9999"), &others_key),
        (format!("--ssl-cert {path} --ssl-key {key} 127.0.0.1 9"), path),
        (format!("--ssl-verify --ssl-trustfile {path} 127.0.0.1 9"), path),
    ] {
        let seen = both(|ncat| {
            let seen = Seen::of(&ncat.with(&words).run());
            // ours says which file it is.
            assert!(!ncat.ours || seen.err.contains(what), "{words}: {}", seen.err);
            Seen { err: String::new(), ..seen }
        });
        assert_eq!((seen.code, seen.out.as_str()), (Some(2), ""), "{words}");
    }
}

#[test]
fn an_authority_that_is_not_in_the_trust_file_is_not_trusted() {
    let words = format!("--ssl-verify --ssl-trustfile {}", file("self.pem"));
    let (_server, port) = openssl("good");
    let seen = both(|ncat| {
        let client = ncat.with(&words).arg("localhost").arg(port.to_string()).spawn();
        Seen { err: String::new(), ..Seen::of(&client.wait_with_open_stdin()) }
    });
    seen.is(1, "", "");
}

#[test]
fn a_server_without_tls_ends_the_client_with_1() {
    let seen = both(|ncat| {
        let server = server(|mut stream| {
            send(&mut stream, "220 no tls here\r\n");
            read_to_close(&mut stream);
        });
        let finished = ncat.client("--ssl", server.port).run_with_input("x\n");
        Seen { err: String::new(), ..Seen::of(&finished) }
    });
    seen.is(1, "", "");
    both(|ncat| Seen::of(&ncat.client("--ssl", closed_port()).run())).is(
        1,
        "",
        "Ncat: Connection refused.\n",
    );
}

#[test]
fn a_handshake_that_is_not_answered_is_given_up_after_w() {
    let seen = both(|ncat| {
        let server = super::peer::silent();
        let client = ncat.client("--ssl -w 150ms", server.port).spawn();
        Seen::of(&client.wait_with_open_stdin())
    });
    seen.is(1, "", "Ncat: TIMEOUT.\n");
}

#[test]
fn a_listener_makes_a_certificate_of_its_own() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("--ssl");
        let seen = listener.converse(ncat.client("--ssl", listener.port));
        let ended = listener.ended();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        seen
    });
    seen.is(0, "to the client\n", "");
}

#[test]
fn a_listener_shows_the_certificate_it_is_given() {
    let seen = both(|ncat| {
        let words = format!("--ssl --ssl-cert {} --ssl-key {}", file("good.pem"), file("good.key"));
        let mut listener = ncat.listen(&words);
        let trust = format!("--ssl-verify --ssl-trustfile {} localhost", file("ca.pem"));
        let mut client = ncat.with(&trust).arg(listener.port.to_string()).spawn();
        client.write_line("trusted");
        listener.wait_for_stdout("trusted");
        let seen = Seen::of(&client.wait());
        listener.ended();
        seen
    });
    seen.is(0, "", "");
}

#[test]
fn each_of_the_two_talks_tls_to_the_other() {
    let Some(debian) = debian() else { return };
    let ours = Ncat::ours();
    for (listens, connects) in [(&ours, &debian), (&debian, &ours)] {
        let mut listener = listens.listen("--ssl");
        let seen = listener.converse(connects.client("--ssl", listener.port));
        seen.is(0, "to the client\n", "");
        listener.ended().is(0, "to the listener\n", "");
    }
}

#[test]
fn who_talks_no_tls_to_a_listener_with_k_does_not_hold_up_others() {
    let seen = both(|ncat| {
        let mut listener = ncat.listen("-k --ssl");
        // One says nothing, one talks HTTP, one leaves.
        let _silent = connect(listener.port);
        let mut plain = connect(listener.port);
        send(&mut plain, "GET / HTTP/1.0\r\n\r\n");
        drop(connect(listener.port));
        let mut client = ncat.client("--ssl", listener.port).spawn();
        client.write_line("in");
        listener.wait_for_stdout("in");
        client.wait();
        read_to_close(&mut plain);
        listener.stop()
    });
    assert_eq!((seen.out.as_str(), seen.err.as_str()), ("in\n", ""));
}

#[test]
fn what_a_program_did_not_read_cuts_nothing_off() {
    let seen = both(|ncat| {
        let folder = callbox_testkit::Folder::new("unread");
        let gate = super::programs::gate(&folder);
        let command = format!("read x < {}; echo answer", gate.display());
        let listener = ncat.listen_with("-v --ssl", |program| program.args(["-c", &command]));
        let connect = format!("127.0.0.1:{}", listener.port);
        let words = ["s_client", "-quiet", "-connect", &connect];
        let mut client = Program::new("openssl").args(words).spawn();
        client.write("a request that nobody reads\n".repeat(100));
        // Behind the handshake, and what was written comes with it.
        client.wait_for_stderr("verify return:1");
        fs::write(&gate, "go\n").expect("somebody reads there");
        let finished = client.wait_with_open_stdin();
        listener.ended();
        let cut = finished.stderr_text().contains("unexpected eof");
        Seen { code: None, err: String::new(), ..Seen::of(&finished) }.beside(cut.to_string())
    });
    assert_eq!(seen.out, "answer\n");
    seen.peer_got(&["false"]);
}

#[test]
fn z_says_no_more_of_tls_that_fails_than_of_a_refusal() {
    let scenario = |words: &'static str| {
        both(|ncat| {
            let server = server(|mut stream| send(&mut stream, "220 no tls here\r\n"));
            let seen = Seen::of(&ncat.client(words, server.port).run());
            Seen { err: if words.contains('v') { String::new() } else { seen.err }, ..seen }
        })
    };
    scenario("-z --ssl").is(1, "", "");
    scenario("-zv --ssl").is(1, "", "");
}

#[test]
fn alpn_is_agreed_on_by_client_and_listener() {
    let seen = ours(|ncat| {
        let mut listener = ncat.listen("--ssl --ssl-alpn h2,foo");
        let connect = format!("127.0.0.1:{}", listener.port);
        let words = ["s_client", "-connect", &connect, "-alpn", "bar,foo"];
        let mut client = Program::new("openssl").args(words).spawn();
        let got = client.wait_for_stdout("ALPN protocol: ");
        client.write_line("in");
        listener.wait_for_stdout("in");
        client.signal(callbox_testkit::Signal::TERM);
        client.wait();
        Seen { code: None, err: String::new(), ..listener.stop() }.beside(got)
    });
    seen.peer_got(&["ALPN protocol: foo"]);
}

#[test]
fn datagrams_are_encrypted_to_openssl_and_to_ours() {
    let seen = both(|ncat| {
        let port = free_port();
        let accept = format!("127.0.0.1:{port}");
        let (certificate, key) = (file("good.pem"), file("good.key"));
        let words = [
            "s_server",
            "-dtls",
            "-quiet",
            "-accept",
            &accept,
            "-cert",
            &certificate,
            "-key",
            &key,
        ];
        let mut server = Program::new("openssl").args(words).spawn();
        super::peer::wait_for_datagram_port(port);
        let mut client = ncat.client("-u --ssl", port).spawn();
        client.write_line("hello");
        server.wait_for_stdout("hello");
        server.write_line("answer");
        client.wait_for_stdout("answer");
        let seen = Seen::of(&client.wait());
        server.signal(callbox_testkit::Signal::TERM);
        server.wait();
        seen
    });
    seen.is(0, "answer\n", "");
    let seen = ours(|ncat| {
        let mut listener = ncat.listen("-u --ssl");
        let seen = listener.converse(ncat.client("-u --ssl", listener.port));
        listener.stop();
        seen
    });
    seen.is(0, "to the client\n", "");
}

#[test]
fn the_name_that_is_asked_for_is_the_one_that_is_verified() {
    let (_server, port) = openssl("other");
    let words = format!("--ssl-verify --ssl-trustfile {}", file("ca.pem"));
    let seen = both(|ncat| {
        let words = format!("{words} --ssl-servername other.test");
        let mut client = ncat.client(&words, port).spawn();
        client.write_line("hello");
        client.wait_for_stdout("olleh");
        Seen::of(&client.wait())
    });
    seen.is(0, "olleh\n", "");
}

#[test]
fn the_name_that_is_asked_for_is_the_one_that_the_server_is_told() {
    // This one ends the handshake with whoever asks for another name, or for none.
    let (certificate, key) = (file("good.pem"), file("good.key"));
    let fussy = ["-servername", "asked.test", "-servername_fatal", "-cert2", &certificate];
    let fussy = [&fussy[..], &["-key2", &key]].concat();
    let talk = |ncat: &Ncat, name: &str| {
        let (_server, port) = openssl_with("good", &fussy);
        let words = format!("--ssl --ssl-servername {name}");
        let mut client = ncat.client(&words, port).spawn();
        client.write_line("hello");
        if name == "asked.test" {
            client.wait_for_stdout("olleh");
            return Seen::of(&client.wait());
        }
        Seen::of(&client.wait_with_open_stdin())
    };
    let seen = both(|ncat| talk(ncat, "asked.test"));
    seen.is(0, "olleh\n", "");
    let seen = ours(|ncat| talk(ncat, "another.test"));
    assert_eq!(seen.code, Some(1), "{seen:?}");
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_wants_one() {
    let seen = both(|ncat| {
        let authority = file("ca.pem");
        let wants_one = ["-CAfile", &authority, "-Verify", "2", "-verify_return_error"];
        let (_server, port) = openssl_with("good", &wants_one);
        let words = format!("--ssl --ssl-cert {} --ssl-key {}", file("good.pem"), file("good.key"));
        let mut client = ncat.client(&words, port).spawn();
        client.write_line("hello");
        client.wait_for_stdout("olleh");
        Seen::of(&client.wait())
    });
    seen.is(0, "olleh\n", "");
}

#[test]
fn the_cipher_suites_can_be_chosen() {
    let seen = both(|ncat| {
        let port = free_port();
        let accept = format!("127.0.0.1:{port}");
        let (certificate, key) = (file("good.pem"), file("good.key"));
        let words =
            ["s_server", "-tls1_2", "-accept", &accept, "-cert", &certificate, "-key", &key];
        let mut server = Program::new("openssl").args(words).spawn();
        server.wait_for_stdout("ACCEPT");
        let words = "--ssl --ssl-ciphers ECDHE-ECDSA-AES128-GCM-SHA256";
        let mut client = ncat.client(words, port).spawn();
        let chosen = server.wait_for_stdout("CIPHER is");
        server.write_line("chosen");
        client.wait_for_stdout("chosen");
        Seen::of(&client.wait()).beside(chosen)
    });
    seen.is(0, "chosen\n", "").peer_got(&["CIPHER is ECDHE-ECDSA-AES128-GCM-SHA256"]);
}

#[test]
fn a_peer_that_cuts_tls_short_has_ended_and_v_tells() {
    // ncat itself cuts it at the end of its input, so this is no failure.
    let seen = ours(|ncat| {
        let mut listener = ncat.listen("-v --ssl");
        let connect = format!("127.0.0.1:{}", listener.port);
        // With TLS 1.3 tickets follow the handshake, and who dies over unread bytes resets the connection.
        let words = ["s_client", "-tls1_2", "-connect", &connect];
        let mut client = Program::new("openssl").args(words).spawn();
        client.write_line("cut");
        listener.wait_for_stdout("cut");
        client.signal(callbox_testkit::Signal::KILL);
        client.wait();
        listener.ended()
    });
    assert_eq!((seen.code, seen.out.as_str()), (Some(0), "cut\n"));
    assert!(seen.err.contains("The peer ended without"), "{}", seen.err);
}
