//! Datagrams whose sender is somebody else: they let nobody in, and flood nobody.

use std::net::SocketAddr;

use callbox_testkit::{Finished, Running};

use crate::outside::{run_beside, server_outside};

/// `forge(text)` sends a datagram in the victim's name; `victim` is the victim's socket, which `heard` empties.
const SCRIPT: &str = r"
import re, struct, sys, time
from socket import *
server = (sys.argv[1], int(sys.argv[2]))
def bound(address):
    one = socket(AF_INET, SOCK_DGRAM)
    one.bind((address, 0)); one.connect(server); one.settimeout(20)
    return one
begun = time.monotonic()
victim, asker = bound('192.0.2.2'), bound('192.0.2.3')
raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
sent = 0
def forge(text, port=None):
    global sent
    text = text.encode()
    udp = struct.pack('!HHHH', port or victim.getsockname()[1], server[1], 8 + len(text), 0) + text
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, IPPROTO_UDP, 0,
                     inet_aton('192.0.2.2'), inet_aton(server[0]))
    raw.sendto(ip + udp, server)
    sent += len(ip) + len(udp)
def ask(text, wanted):
    # Again each second: behind thousands of forged ones a datagram may be lost, or one of their answers.
    deadline = time.monotonic() + 20
    asker.settimeout(0.1)
    again = 0
    while time.monotonic() < deadline:
        if time.monotonic() >= again:
            asker.send(text.encode())
            again = time.monotonic() + 1
        try: answer = asker.recv(2048).decode()
        except TimeoutError: continue
        found = re.match(wanted, answer)
        if found: return found
    raise SystemExit('no answer to %r' % text)
def heard():
    # What the server has for the victim left before the answer to a question that was asked later.
    ask('hello', r'say \d{6} to come in$')
    victim.setblocking(False)
    got = []
    while True:
        try: got.append(victim.recv(2048).decode())
        except BlockingIOError: return got
def most():
    # A few at once, and one each two seconds: whoever bears the name hears no flood.
    return 5 + (time.monotonic() - begun) / 2
";

#[track_caller]
fn run(server: &Running, script: &str, address: SocketAddr) -> Finished {
    run_beside(server, &format!("{SCRIPT}{script}"), address)
}

#[test]
fn who_writes_in_another_name_neither_comes_in_nor_floods_who_bears_it() {
    let (server, address) = server_outside(["--ephemeral"]);
    let script = r"
for n in range(2000): forge('hello')
got = heard()
assert all(re.fullmatch(r'say \d{6} to come in', text) for text in got), got
assert 1 <= len(got) <= most(), len(got)
# In bytes on the wire, with the headers of both: far less than was sent.
assert sum(28 + len(text) for text in got) * 10 < sent, (got, sent)
# Guesses in that name come to nothing, are soon not looked at, and flood nobody either.
for n in range(2000): forge('%06d' % (n * 499 % 1000000))
got += heard()
assert len(got) <= most(), len(got)
number = ask('hello', r'say (\d{6}) to come in$')[1]
ask(number, r'\* you are guest-')
names = ask('/names', r'\* here: .*')[0]
assert names == '* here: guest-%d' % asker.getsockname()[1], names
print('nobody else')
";
    run(&server, script, address).stdout_is("nobody else\n");
}

#[test]
fn many_ports_of_one_address_are_one_and_a_flood_in_one_name_keeps_nobody_else_out() {
    let (server, address) = server_outside(["--ephemeral"]);
    let script = r"
for n in range(3000): forge('hello', 2000 + n)
forge('hello')
got = heard()
assert len(got) <= 1, got
ask('hello again', r'say \d{6} to come in$')
";
    run(&server, script, address);
}

#[test]
fn a_stranger_is_answered_by_twenty_one_bytes_and_once() {
    let (server, address) = server_outside(["--ephemeral"]);
    let script = r"
asker.send(b'x')
one = asker.recv(2048)
assert len(one) == 21, one
asker.setblocking(False)
try: raise SystemExit('a second one: %r' % asker.recv(2048))
except BlockingIOError: pass
# What is a challenge itself has no answer: two servers cannot be set on each other.
other = bound('192.0.2.3')
other.send(b'say 471103 to come in'); other.send(b'hello')
assert other.recv(2048).decode().startswith('say ')
other.setblocking(False)
try: raise SystemExit('a second one: %r' % other.recv(2048))
except BlockingIOError: pass
";
    run(&server, script, address);
}
