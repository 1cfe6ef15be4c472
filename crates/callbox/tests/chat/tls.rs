//! TLS on the same port: the certificate that is made or given, and every door inside it.

use std::net::SocketAddr;

use callbox_testkit::{Program, Running, Signal, python};

use crate::{Folder, Irc, chat, ready, start, start_in};

/// `openssl s_client`: a TLS client whose lines are its standard input and output.
pub(crate) fn tls_client(address: SocketAddr, args: &[&str]) -> Running {
    let address = address.to_string();
    let program = Program::new("openssl").args(["s_client", "-quiet", "-connect", &address]);
    program.args(args).spawn()
}

/// A key and a certificate, self-signed, and the certificate's fingerprint as openssl prints it.
pub(crate) fn certificate(folder: &Folder, name: &str) -> (String, String, String) {
    let file = |end: &str| folder.path().join(format!("{name}.{end}")).display().to_string();
    let (key, cert) = (file("key.pem"), file("cert.pem"));
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    let openssl = Program::new("openssl").args(make).args(["-nodes", "-subj"]);
    let openssl = openssl.arg(format!("/CN={name}")).args(["-keyout", &key, "-out", &cert]);
    openssl.run().expect_code(0);
    let print = ["x509", "-in", &cert, "-noout", "-fingerprint", "-sha256"];
    let printed = Program::new("openssl").args(print).run();
    let line = printed.expect_code(0).stdout_text().trim().to_owned();
    let fingerprint = line.split_once('=').expect("a fingerprint").1.to_owned();
    (key, cert, fingerprint)
}

/// The fingerprint of the certificate that is shown at `address`, in hexadecimal.
#[track_caller]
fn shown(address: SocketAddr) -> String {
    let script = "
import hashlib, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
plain = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
stream = context.wrap_socket(plain, server_hostname='localhost')
print(hashlib.sha256(stream.getpeercert(True)).hexdigest().upper())
";
    let finished = python(script).arg(address.port().to_string()).run();
    finished.expect_code(0).stdout_text().trim().to_owned()
}

#[test]
fn every_door_works_inside_tls() {
    let (server, address) = start(&["--tls"]);
    let mut irc = tls_client(address, &[]);
    irc.write("NICK alice\r\nUSER alice 0 * :Alice\r\nJOIN #lobby\r\n");
    irc.wait_for_stdout(" 366 ");
    let mut text = tls_client(address, &[]);
    text.write_line("hello from within");
    irc.wait_for_stdout("PRIVMSG #lobby :hello from within");
    let mut web = tls_client(address, &[]);
    web.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    web.wait().stdout_contains("HTTP/1.1 200 OK").stdout_contains("\r\n\r\nok");
    // Without TLS the same port is as it was.
    let mut bob = Irc::in_lobby(address, "bob");
    bob.say("in the open");
    irc.wait_for_stdout("PRIVMSG #lobby :in the open");
    irc.write("WHOIS alice\r\n");
    irc.wait_for_stdout(" 671 alice alice ");
    assert!(server.stderr_so_far().contains("The certificate's SHA-256 is "));
    irc.write("QUIT\r\n");
    irc.wait_for_stdout("ERROR ");
    drop(text);
    bob.expect(" QUIT ");
}

#[test]
fn the_certificate_that_is_shown_is_the_one_whose_fingerprint_is_printed() {
    let (server, address) = start(&["--tls"]);
    let printed = server.stderr_so_far();
    let script = "
import hashlib, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
plain = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
stream = context.wrap_socket(plain, server_hostname='localhost')
print(stream.version())
print(hashlib.sha256(stream.getpeercert(True)).hexdigest().upper())
stream.sendall(b'hello\\n')
print(stream.recv(4096).decode())
";
    let finished = python(script).arg(address.port().to_string()).run();
    finished.expect_code(0).stdout_contains("TLSv1.3\n").stdout_contains("* you are guest-");
    let hex = finished.stdout_text().lines().nth(1).expect("a fingerprint").to_owned();
    assert!(printed.replace(':', "").contains(&hex), "{hex} is not in\n{printed}");
}

#[test]
fn who_begins_tls_where_there_is_none_is_told() {
    let (_server, address) = start(&[]);
    let finished = tls_client(address, &[]).wait();
    finished.expect(finished.code != Some(0), || "a failure".to_owned());
    finished.stderr_contains("handshake failure");
}

#[test]
fn the_certificate_that_is_made_is_kept() {
    let folder = Folder::new();
    let (server, address) = start_in(folder.path(), &["--tls"]);
    let first = shown(address);
    server.signal(Signal::TERM);
    server.wait().expect_code(0);
    let (server, address) = start_in(folder.path(), &["--tls"]);
    assert_eq!(shown(address), first);
    assert!(server.stderr_so_far().replace(':', "").contains(&first));
}

#[test]
fn a_certificate_of_ones_own_is_used_and_renewed_by_a_signal() {
    let folder = Folder::new();
    let (key, cert, first) = certificate(&folder, "first");
    let (new_key, new_cert, second) = certificate(&folder, "second");
    let server = chat().args(["server", "-p", "0", "--ephemeral"]);
    let (mut server, address) = ready(server.args(["--tls-cert", &cert, "--tls-key", &key]));
    assert_eq!(shown(address), first.replace(':', ""));
    let mut open = tls_client(address, &[]);
    open.write("NICK alice\r\nUSER alice 0 * :alice\r\n");
    open.wait_for_stdout(" 376 ");
    std::fs::copy(new_key, key).expect("a copy");
    std::fs::copy(new_cert, cert).expect("a copy");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The new settings hold");
    assert_eq!(shown(address), second.replace(':', ""));
    open.write("PING still-here\r\n");
    open.wait_for_stdout("still-here");
}

#[test]
fn a_listener_may_ask_for_tls_or_do_without() {
    let folder = Folder::new();
    // Where to listen is the file's alone: a flag would take the place of its listeners.
    let start = |tls: &str| {
        let listen = format!("[[listen]]\naddress = \"127.0.0.1\"\nport = 0\ntls = \"{tls}\"\n");
        let file = folder.write("chat.toml", &format!("[tls]\nenabled = true\n{listen}"));
        ready(chat().args(["server", "--ephemeral", "--config"]).arg(file))
    };
    let (_server, address) = start("required");
    let mut bare = Irc::connect(address);
    bare.send("NICK alice");
    bare.expect("ERROR :Connect with TLS");
    bare.expect_end();
    let mut secure = tls_client(address, &[]);
    secure.write("NICK alice\r\nUSER alice 0 * :alice\r\n");
    secure.wait_for_stdout(" 001 alice ");
    let (_server, address) = start("off");
    Irc::in_lobby(address, "alice");
    tls_client(address, &[]).wait().stderr_contains("handshake failure");
}

#[test]
fn a_certificate_that_is_none_is_refused_with_all_the_rest() {
    let folder = Folder::new();
    let (key, cert, fingerprint) = certificate(&folder, "first");
    let file = |motd: &str| {
        let tls = format!("[tls]\nenabled = true\ncert = \"{cert}\"\nkey = \"{key}\"\n");
        folder.write("chat.toml", &format!("[server]\nmotd = \"{motd}\"\n{tls}"))
    };
    let server = chat().args(["server", "-p", "0", "--ephemeral", "--config"]).arg(file("first"));
    let (mut server, address) = ready(server);
    let mut alice = Irc::in_lobby(address, "alice");
    file("second");
    std::fs::write(&cert, "no certificate").expect("a file");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The configuration has mistakes; nothing was changed");
    server.wait_for_stderr(&cert);
    alice.send("MOTD");
    assert!(alice.expect(" 372 ").ends_with(":first"));
    assert_eq!(shown(address), fingerprint.replace(':', ""));
}

#[test]
fn a_policy_of_strict_transport_is_shown_to_all_and_its_end_at_once() {
    let folder = Folder::new();
    let (key, cert, _) = certificate(&folder, "strict");
    let file = |policy: &str| {
        let tls = format!("[tls]\nenabled = true\ncert = \"{cert}\"\nkey = \"{key}\"\n");
        folder.write("chat.toml", &format!("{tls}{policy}"))
    };
    let path = file("sts-port = 6697\nsts-duration = \"1h\"\n");
    let server = chat().args(["server", "-p", "0", "--ephemeral", "--config"]).arg(path);
    let (mut server, address) = ready(server);
    // The port is what counts in the open, the duration inside TLS; each ignores the other.
    let mut bare = Irc::connect(address);
    bare.send("CAP LS 302");
    bare.expect("sts=port=6697,duration=3600");
    bare.send("CAP REQ sts");
    bare.expect(" NAK :sts");
    let mut secure = tls_client(address, &[]);
    secure.write("CAP LS 302\r\nNICK alice\r\nUSER alice 0 * :alice\r\nCAP END\r\n");
    secure.wait_for_stdout("sts=port=6697,duration=3600");
    secure.wait_for_stdout(" 376 ");
    // Who does not see values cannot be told.
    let mut old = Irc::connect(address);
    old.send("CAP LS");
    assert!(!old.expect(" LS ").contains("sts"));
    // A policy is taken back by a duration of nothing; never by CAP DEL.
    file("sts-port = 6697\nsts-duration = \"0s\"\n");
    server.signal(Signal::HUP);
    secure.wait_for_stdout("CAP alice NEW :sts=port=6697,duration=0");
    file("");
    server.signal(Signal::HUP);
    server.wait_for_stderr("The new settings hold");
    server.wait_for_stderr("The new settings hold");
    secure.write("PING fence\r\n");
    secure.wait_for_stdout("fence");
    assert!(!secure.stdout_so_far().contains(" DEL "), "{}", secure.stdout_so_far());
}
