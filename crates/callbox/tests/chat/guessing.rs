//! Wrong passwords, of which an account and an address have so many; and a server that wants an account of everybody.

use std::net::{SocketAddr, UdpSocket};

use callbox_testkit::{EVENT_DEADLINE, Running, Terminal};

use crate::accounts::{PASSWORD, SASL, account, sasl};
use crate::outside::{run_beside, server_outside};
use crate::{Folder, Irc, chat, ready, start_with};

/// A server with these accounts.
fn start(folder: &Folder, settings: &str, accounts: &[&str]) -> (Running, SocketAddr) {
    let path = folder.write("chat.toml", settings);
    let data = folder.path().join("data");
    for name in accounts {
        account(&data, &["add", name], &format!("{PASSWORD}\n")).expect_code(0);
    }
    let program = chat().args(["server", "-p", "0", "--no-flood-control", "--data"]).arg(&data);
    ready(program.arg("--config").arg(path))
}

#[test]
fn wrong_passwords_for_an_account_are_slowed_whatever_the_way_and_others_are_not() {
    let folder = Folder::new();
    let settings = "[accounts]\ntries-per-account = 3\ntries-window = \"1h\"\n";
    let (_server, address) = start(&folder, settings, &["alice", "bob", "carol"]);
    let script = r"
password = 'correct horse battery'
for name, way in ('alice', Irc.plain), ('bob', Irc.scram):
    for n in range(3): assert way(Irc(), name, 'wrong') == '904'
    # Even the right one waits now, or guesses would be told from it; and whatever the way.
    assert Irc().plain(name, password) == '904'
    assert Irc().scram(name, password) == '904'
assert Irc().plain('carol', password) == '900'
assert Irc().scram('carol', password) == '900'
";
    sasl(script, address).run().expect_code(0);
}

#[test]
fn wrong_passwords_from_an_address_are_slowed_and_others_are_not() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    account(&data, &["add", "alice"], &format!("{PASSWORD}\n")).expect_code(0);
    let settings = "[accounts]\ntries-per-address = 4\ntries-window = \"1h\"\n";
    let file = folder.write("chat.toml", settings);
    let flags = ["--config".as_ref(), file.as_os_str(), "--data".as_ref(), data.as_os_str()];
    let (server, address) = server_outside(flags);
    let script = r"
password = 'correct horse battery'
guesser = lambda: Irc('g', source='192.0.2.2')
# At whatever accounts, and in whatever way.
for n in range(2):
    assert guesser().scram('user%d' % n, 'wrong') == '904'
    assert guesser().plain('user%d' % n, 'wrong') == '904'
assert guesser().plain('alice', password) == '904'
assert guesser().scram('alice', password) == '904'
assert Irc('a', source='192.0.2.3').scram('alice', password) == '900'
";
    run_beside(&server, &format!("{SASL}{script}"), address);
}

#[test]
fn this_machine_has_two_hundred_tries_and_no_more() {
    let folder = Folder::new();
    let (_server, address) = start_with(&folder, "[flood]\nenabled = false\n");
    // At accounts that do not exist, so that no account's own limit is met.
    let script = r"
import time
irc, tries, begun = Irc(), 0, time.monotonic()
while tries < 400:
    irc.send('AUTHENTICATE SCRAM-SHA-256')
    irc.send('AUTHENTICATE ' + base64.b64encode(b'n,,n=user%d,r=nonce' % tries).decode())
    irc.send('AUTHENTICATE ' + base64.b64encode(b'c=biws,r=nonce,p=' + base64.b64encode(bytes(32))).decode())
    while True:
        line = irc.file.readline().decode()
        if ' 904 ' in line: break
    if 'Too many tries' in line: break
    tries += 1
# One more for each second that it took.
assert 200 <= tries <= 201 + (time.monotonic() - begun), tries
";
    sasl(script, address).run().expect_code(0);
}

#[test]
fn where_an_account_is_required_everybody_else_is_told_and_stays_out() {
    let folder = Folder::new();
    let (_server, address) = start(&folder, "[accounts]\nrequired = true\n", &["alice"]);
    let mut stranger = Irc::connect(address);
    stranger.send("NICK stranger\r\nUSER s 0 * :s");
    stranger.expect(" FAIL * ACCOUNT_REQUIRED :");
    stranger.expect("ERROR :");
    stranger.expect_end();
    // A guest learns it in words.
    let mut guest = Irc::connect(address);
    guest.send_bytes("hello\n");
    guest.expect("* Only people with an account may come in");
    guest.expect("* the server closed the connection");
    guest.expect_end();
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    datagrams.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    datagrams.send_to(b"hello", address).expect("a datagram");
    let mut told = [0; 2048];
    let length = datagrams.recv(&mut told).expect("an answer");
    let told = String::from_utf8_lossy(&told[..length]);
    assert!(told.starts_with("* Only people with an account may come in"), "{told}");
    let script = r"
password = 'correct horse battery'
for way in (Irc.plain, Irc.scram):
    irc = Irc('alice')
    assert way(irc, 'alice', password) == '900'
    assert irc.welcome() == 'alice'
    irc.send('QUIT'); irc.file.read()
";
    sasl(script, address).run().expect_code(0);
}

#[test]
fn who_sits_at_the_server_needs_no_account() {
    let folder = Folder::new();
    let file = folder.write("chat.toml", "[accounts]\nrequired = true\n");
    let args = ["server", "-p", "0", "--ephemeral", "--talk", "--name", "host", "--config"];
    let mut terminal = Terminal::spawn(chat().args(args).arg(file));
    terminal.wait_for("* you are host in #lobby");
}
