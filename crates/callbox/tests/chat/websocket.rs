//! IRC over WebSocket, by Python's standard library and RFC 6455 alone.

use std::net::SocketAddr;

use callbox_testkit::Finished;

use crate::{Folder, Irc, client, start, start_with};

/// A WebSocket client in forty lines: `connect(origin, protocols)`, `send(text)`, `receive()`, `expect(part)`.
const CLIENT: &str = r"
import base64, hashlib, os, socket, struct, sys
PORT = int(sys.argv[2])
class WebSocket:
    def __init__(self, protocols='text.ircv3.net', origin=None, path='/ws'):
        self.socket = socket.create_connection(('127.0.0.1', PORT))
        self.socket.settimeout(20)
        self.bytes = b''
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ['GET %s HTTP/1.1' % path, 'Host: 127.0.0.1:%d' % PORT, 'Upgrade: websocket', 'Connection: Upgrade',
                 'Sec-WebSocket-Key: ' + key, 'Sec-WebSocket-Version: 13']
        if protocols: lines.append('Sec-WebSocket-Protocol: ' + protocols)
        if origin: lines.append('Origin: ' + origin)
        self.socket.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode())
        head = b''
        while b'\r\n\r\n' not in head:
            some = self.socket.recv(1)
            if not some: break
            head += some
        self.head = head.decode()
        self.status = int(self.head.split()[1])
        expected = hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()
        if self.status == 101: assert base64.b64encode(expected).decode() in self.head, self.head
    def frame(self, opcode, payload, final=True):
        mask = os.urandom(4)
        head = bytes([(0x80 if final else 0) | opcode])
        n = len(payload)
        if n < 126: head += bytes([0x80 | n])
        elif n < 65536: head += struct.pack('!BH', 0x80 | 126, n)
        else: head += struct.pack('!BQ', 0x80 | 127, n)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))
    def send(self, text): self.frame(1, text.encode())
    def exactly(self, n):
        while len(self.bytes) < n:
            some = self.socket.recv(65536)
            if not some: raise EOFError
            self.bytes += some
        taken, self.bytes = self.bytes[:n], self.bytes[n:]
        return taken
    def receive(self):
        first, second = self.exactly(2)
        assert second < 0x80, 'a server does not mask'
        n = second
        if n == 126: n, = struct.unpack('!H', self.exactly(2))
        elif n == 127: n, = struct.unpack('!Q', self.exactly(8))
        return first & 15, self.exactly(n)
    def expect(self, part, opcode=1):
        while True:
            kind, payload = self.receive()
            if kind != opcode: continue
            assert not payload.endswith(b'\n'), payload
            text = payload.decode()
            if part in text: return text
    def register(self, nick):
        self.send('NICK ' + nick); self.send('USER %s 0 * :x' % nick); self.send('JOIN #lobby')
        self.expect(' 366 ')
";

#[track_caller]
fn run(script: &str, address: SocketAddr) -> Finished {
    crate::run(CLIENT, script, address)
}

#[test]
fn a_browser_and_an_irc_client_hear_one_another() {
    let (_server, address) = start(&[]);
    let mut alice = Irc::in_lobby(address, "alice");
    let script = r"
ws = WebSocket()
assert 'sec-websocket-protocol: text.ircv3.net' in ws.head.lower(), ws.head
ws.register('webby')
ws.send('PRIVMSG #lobby :你好 from the web')
print(ws.expect('answer'))
ws.frame(9, b'are you there')
while ws.receive() != (10, b'are you there'): pass
# A message in two frames, a ping between them, and a message with its CR LF.
ws.frame(1, b'PRIVMSG #lobby :in ', final=False); ws.frame(9, b''); ws.frame(0, b'two frames')
ws.send('PRIVMSG #lobby :with an ending\r\n')
ws.frame(8, struct.pack('!H', 1000))
while True:
    kind, payload = ws.receive()
    if kind == 8: break
print('closed', struct.unpack('!H', payload[:2])[0])
";
    let browser = client(CLIENT, script, address).spawn();
    alice.expect_end_of_line("PRIVMSG #lobby :你好 from the web");
    alice.say("the answer");
    alice.expect_end_of_line(":in two frames");
    alice.expect_end_of_line(":with an ending");
    alice.expect(":webby!");
    let finished = browser.wait();
    finished.expect_code(0).stdout_contains("the answer").stdout_contains("closed 1000");
}

#[test]
fn binary_messages_are_for_who_asks_for_them() {
    let (_server, address) = start(&[]);
    let script = r"
ws = WebSocket('binary.ircv3.net')
assert 'sec-websocket-protocol: binary.ircv3.net' in ws.head.lower(), ws.head
for line in (b'NICK b', b'USER b 0 * :b'): ws.frame(2, line)
ws.expect(' 001 b ', opcode=2)
";
    run(script, address);
}

#[test]
fn a_foreign_page_is_refused_and_the_servers_own_is_not() {
    let (_server, address) = start(&[]);
    let script = r"
print(WebSocket(origin='https://evil.example').status, WebSocket(origin='null').status,
      WebSocket(origin='http://127.0.0.1:%d' % PORT).status, WebSocket(origin=None).status)
print(WebSocket(path='/nowhere').status)
";
    run(script, address).stdout_is("403 403 101 101\n404\n");
}

#[test]
fn the_file_names_more_pages_that_may_connect() {
    let folder = Folder::new();
    let (_server, address) =
        start_with(&folder, "[web]\norigins = [\"https://chat.example.org\"]\n");
    let script = "
print(WebSocket(origin='https://chat.example.org').status, WebSocket(origin='https://evil.example').status)
";
    run(script, address).stdout_is("101 403\n");
}

#[test]
fn frames_that_break_the_rules_cost_a_close() {
    let (_server, address) = start(&[]);
    let script = r"
def ends(how):
    ws = WebSocket()
    how(ws)
    try:
        while True:
            kind, payload = ws.receive()
            if kind == 8: return struct.unpack('!H', payload[:2])[0]
    except (EOFError, ConnectionResetError): return 'cut'
print('unmasked', ends(lambda ws: ws.socket.sendall(b'\x81\x02hi')))
print('reserved', ends(lambda ws: ws.frame(3, b'x')))
print('invalid', ends(lambda ws: ws.frame(1, b'\xff\xfe')))
print('huge', ends(lambda ws: ws.socket.sendall(b'\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff' + bytes(4))))
print('long ping', ends(lambda ws: ws.frame(9, b'x' * 126)))
";
    let finished = run(script, address);
    finished.stdout_contains("unmasked 1002").stdout_contains("reserved 1002");
    finished.stdout_contains("invalid 1007").stdout_contains("huge 1009");
    finished.stdout_contains("long ping 1002");
    Irc::in_lobby(address, "alice");
}
