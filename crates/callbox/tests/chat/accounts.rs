//! Accounts: made at the command line or by REGISTER, and the ways to log in to them.

use std::net::SocketAddr;
use std::path::Path;

use callbox_testkit::{Finished, Program};

use crate::tls::{certificate, tls_client};
use crate::{Folder, Irc, chat, client, start, start_in};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// `callbox chat account`, with a password or nothing on standard input.
pub(crate) fn account(data: &Path, args: &[&str], input: &str) -> Finished {
    chat().arg("account").args(args).arg("--data").arg(data).run_with_input(input)
}

/// A server whose folder has the account `alice`.
fn with_alice(folder: &Folder, args: &[&str]) -> (callbox_testkit::Running, SocketAddr) {
    let made = account(folder.path(), &["add", "alice"], &format!("{PASSWORD}\n"));
    made.expect_code(0);
    start_in(folder.path(), args)
}

/// A log-in by Python's standard library: `login(mechanism, first, ...)` gives the numeric that ends it.
pub(crate) const SASL: &str = r"
import base64, hashlib, hmac, os, socket, sys
HOST, PORT = sys.argv[1], int(sys.argv[2])
class Irc:
    def __init__(self, nick='someone', source=''):
        self.socket = socket.create_connection((HOST, PORT), 20, (source, 0))
        self.socket.settimeout(20)
        self.file = self.socket.makefile('rb')
        self.nick = nick
        self.send('CAP REQ :sasl'); self.send('NICK ' + nick); self.send('USER u 0 * :u')
    def send(self, line): self.socket.sendall(line.encode() + b'\r\n')
    def next(self, *wanted):
        while True:
            line = self.file.readline().decode()
            assert line, 'the connection ended'
            words = line.split()
            if words[0] == 'AUTHENTICATE' or words[0].startswith(':') and words[1] == 'AUTHENTICATE':
                return words[-1]
            if words[1] in wanted or words[1] in ('900', '902', '904', '905', '906', '908'): return words[1]
    def answer(self, data):
        text = base64.b64encode(data).decode() or '+'
        while len(text) >= 400:
            self.send('AUTHENTICATE ' + text[:400]); text = text[400:] or '+'
        self.send('AUTHENTICATE ' + text)
    def plain(self, name, password):
        self.send('AUTHENTICATE PLAIN')
        challenge = self.next()
        if challenge != '+': return challenge
        self.answer(b'\0' + name.encode() + b'\0' + password.encode())
        return self.next()
    def scram(self, name, password):
        self.send('AUTHENTICATE SCRAM-SHA-256')
        challenge = self.next()
        if challenge != '+': return challenge
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = 'n=%s,r=%s' % (name, nonce)
        self.answer(b'n,,' + bare.encode())
        server = self.next()
        if server.isdigit(): return server
        server = base64.b64decode(server).decode()
        fields = dict(part.split('=', 1) for part in server.split(','))
        assert fields['r'].startswith(nonce) and len(fields['r']) > len(nonce)
        salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(fields['s']), int(fields['i']))
        mac = lambda key, text: hmac.new(key, text, 'sha256').digest()
        client_key = mac(salted, b'Client Key')
        final = 'c=biws,r=' + fields['r']
        text = ','.join((bare, server, final)).encode()
        signature = mac(hashlib.sha256(client_key).digest(), text)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.answer((final + ',p=' + base64.b64encode(proof).decode()).encode())
        verdict = self.next()
        if verdict.isdigit(): return verdict
        expected = b'v=' + base64.b64encode(mac(mac(salted, b'Server Key'), text))
        assert base64.b64decode(verdict) == expected, 'the server does not know the password'
        self.send('AUTHENTICATE +')
        return self.next()
    def welcome(self):
        self.send('CAP END')
        self.next('001')
        self.send('WHOIS ' + self.nick)
        while True:
            words = self.file.readline().decode().split()
            if words[1] == '330': return words[4]
            if words[1] == '318': return None
";

pub(crate) fn sasl(script: &str, address: SocketAddr) -> Program {
    client(SASL, script, address)
}

#[test]
fn accounts_are_made_listed_changed_and_removed() {
    let folder = Folder::new();
    let data = folder.path();
    account(data, &["list"], "").expect_code(2).stderr_contains("there is no chat in");
    account(data, &["add", "alice"], "long enough\n").expect_code(0);
    account(data, &["add", "张三"], "long enough\n").expect_code(0);
    account(data, &["list"], "").expect_code(0).stdout_is("alice\n张三\n");
    let again = account(data, &["add", "ALICE"], "long enough\n");
    assert_ne!(again.code, Some(0));
    for (name, password) in [("bob", "short\n"), ("bob", ""), ("b ob", "long enough\n")] {
        let refused = account(data, &["add", name], password);
        refused.expect_code(2).stderr_contains("callbox: ");
    }
    account(data, &["password", "nobody"], "long enough\n").expect_code(2);
    account(data, &["remove", "nobody"], "").expect_code(2);
    account(data, &["remove", "alice"], "").expect_code(0);
    account(data, &["list"], "").expect_code(0).stdout_is("张三\n");
}

#[test]
fn plain_and_scram_log_in_with_the_password_and_with_no_other() {
    let folder = Folder::new();
    let (_server, address) = with_alice(&folder, &[]);
    let script = r"
password = 'correct horse battery'
for way in (Irc.plain, Irc.scram):
    irc = Irc('alice')
    assert way(irc, 'alice', 'wrong') == '904'
    assert way(irc, 'nobody', password) == '904'
    assert way(irc, 'alice', password) == '900'
    assert irc.welcome() == 'alice'
    irc.send('QUIT'); irc.file.read()
print('in')
";
    sasl(script, address).run().expect_code(0).stdout_is("in\n");
}

#[test]
fn a_new_password_counts_while_the_server_runs() {
    let folder = Folder::new();
    let (_server, address) = with_alice(&folder, &[]);
    account(folder.path(), &["password", "alice"], "another one\n").expect_code(0);
    let script = r"
for way in (Irc.plain, Irc.scram):
    irc = Irc('anybody')
    assert way(irc, 'alice', 'correct horse battery') == '904'
    assert way(irc, 'alice', 'another one') == '900'
    irc.send('QUIT'); irc.file.read()
";
    sasl(script, address).run().expect_code(0);
}

#[test]
fn an_account_that_is_added_while_the_server_runs_can_log_in() {
    let folder = Folder::new();
    let (_server, address) = start_in(folder.path(), &[]);
    account(folder.path(), &["add", "alice"], &format!("{PASSWORD}\n")).expect_code(0);
    let script = "assert Irc('x').plain('alice', 'correct horse battery') == '900'";
    sasl(script, address).run().expect_code(0);
}

#[test]
fn the_nickname_of_an_added_account_is_kept_from_the_next_sighup_on() {
    let folder = Folder::new();
    let (mut server, address) = start_in(folder.path(), &[]);
    account(folder.path(), &["add", "alice"], &format!("{PASSWORD}\n")).expect_code(0);
    server.signal(callbox_testkit::Signal::HUP);
    server.wait_for_stderr("The new settings hold");
    let mut thief = Irc::connect(address);
    thief.send("NICK alice\r\nUSER x 0 * :x");
    thief.expect(" 433 ");
}

#[test]
fn accounts_are_those_of_the_server_whose_file_is_meant() {
    let folder = Folder::new();
    let file = "[data]\nfolder = \"kept\"\n[accounts]\nmin-password = 12\nhash-memory = \"8MiB\"\n";
    std::fs::create_dir(folder.path().join("callbox")).expect("a folder");
    let path = folder.write("callbox/chat.toml", file);
    // Named, and where the server looks for it by itself.
    let named = |args: &[&str], input: &str| {
        chat().args(args).arg("--config").arg(&path).run_with_input(input)
    };
    let own = |args: &[&str]| chat().args(args).env("XDG_CONFIG_HOME", folder.path()).run();
    named(&["account", "add", "alice"], "eleven long\n").expect_code(2).stderr_contains("12");
    named(&["account", "add", "alice"], &format!("{PASSWORD}\n")).expect_code(0);
    named(&["account", "list"], "").expect_code(0).stdout_is("alice\n");
    own(&["account", "list"]).expect_code(0).stdout_is("alice\n");
    assert!(folder.path().join("callbox/kept/chat.db").exists());
    named(&["password"], &format!("{PASSWORD}\n")).expect_code(0).stdout_contains("$m=8192,");

    let server = chat().args(["server", "-p", "0"]).env("XDG_CONFIG_HOME", folder.path());
    let (_server, address) = crate::ready(server);
    let script = "assert Irc('x').plain('alice', 'correct horse battery') == '900'";
    sasl(script, address).run().expect_code(0);
    let mut bob = Irc::register_with(address, "bob", "echo-message");
    bob.join("#lobby");
    bob.say("kept");
    bob.expect_end_of_line(":kept");
    let exported = own(&["history", "export", "#lobby"]);
    exported.expect_code(0).stdout_contains("<bob> kept");

    folder.write("callbox/chat.toml", "[data]\nephemeral = true\n");
    own(&["account", "list"]).expect_code(2).stderr_contains("ephemeral");
    folder.write("callbox/chat.toml", "[data]\nnonsense = true\n");
    own(&["account", "list"]).expect_code(2).stderr_contains("chat.toml:2: ");
}

#[test]
fn a_certificate_logs_in_and_a_strangers_does_not() {
    let folder = Folder::new();
    let (key, cert, fingerprint) = certificate(&folder, "alice");
    let (_server, address) = with_alice(&folder, &["--tls"]);
    let hello = "CAP REQ :sasl\r\nNICK alice\r\nUSER alice 0 * :alice\r\nAUTHENTICATE EXTERNAL\r\n";
    let mut stranger = tls_client(address, &["-key", &key, "-cert", &cert]);
    stranger.write(hello);
    stranger.write("AUTHENTICATE +\r\nNICK stranger\r\n");
    stranger.wait_for_stdout(" 904 ");
    stranger.write("CAP END\r\n");
    stranger.wait_for_stdout(" 001 stranger ");
    account(folder.path(), &["certificate", "alice", &fingerprint], "").expect_code(0);
    let mut alice = tls_client(address, &["-key", &key, "-cert", &cert]);
    alice.write(hello);
    alice.wait_for_stdout("AUTHENTICATE +");
    alice.write("AUTHENTICATE +\r\n");
    assert!(alice.wait_for_stdout(" 900 ").contains(" alice "));
    alice.wait_for_stdout(" 903 ");
    alice.write("CAP END\r\n");
    alice.wait_for_stdout(" 001 alice ");
    // Without a certificate there is nothing to show.
    let mut bare = tls_client(address, &[]);
    bare.write(hello);
    bare.write("AUTHENTICATE +\r\n");
    bare.wait_for_stdout(" 904 ");
}

#[test]
fn who_registers_is_logged_in_and_can_log_in_after_a_restart() {
    let folder = Folder::new();
    let (server, address) = start_in(folder.path(), &[]);
    let mut alice = Irc::register_with(address, "alice", "draft/account-registration");
    alice.send("REGISTER * * :correct horse battery");
    alice.expect("REGISTER SUCCESS alice ");
    alice.send("REGISTER * * :correct horse battery");
    alice.expect("FAIL REGISTER ALREADY_AUTHENTICATED ");
    let mut bob = Irc::register_with(address, "bob", "draft/account-registration");
    bob.send("REGISTER ALICE * :correct horse battery");
    bob.expect("FAIL REGISTER ACCOUNT_EXISTS ");
    bob.send("REGISTER * * :short");
    bob.expect("FAIL REGISTER WEAK_PASSWORD ");
    account(folder.path(), &["list"], "").expect_code(0).stdout_is("alice\n");
    server.signal(callbox_testkit::Signal::TERM);
    server.wait().expect_code(0);
    let (_server, address) = start_in(folder.path(), &[]);
    let script = "assert Irc('x').scram('alice', 'correct horse battery') == '900'";
    sasl(script, address).run().expect_code(0);
    // The name is kept for who is logged in.
    let mut thief = Irc::connect(address);
    thief.send("NICK alice\r\nUSER x 0 * :x");
    thief.expect(" 433 ");
}

#[test]
fn accounts_of_a_server_that_keeps_nothing_work_until_it_ends() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::register_with(address, "alice", "draft/account-registration");
    alice.send("REGISTER * * :correct horse battery");
    alice.expect("REGISTER SUCCESS alice ");
    let script = "assert Irc('x').plain('alice', 'correct horse battery') == '900'";
    sasl(script, address).run().expect_code(0);
}
