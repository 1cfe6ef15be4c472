//! Plain Python `socket` programs, as the study notes write them, at the other end.

use callbox_testkit::{Running, python};

use crate::{client_of, client_of_many, start_server};

/// The notes' server: upper-cases text and prints who said what. Its port is the kernel's choice.
const SERVER: &str = "
from socket import *
server = socket(AF_INET, SOCK_DGRAM)
server.bind(('127.0.0.1', 0))
print('Listening at', '%s:%d' % server.getsockname())
while True:
    data, address = server.recvfrom(65535)
    text = data.decode('utf-8')
    print('The client at %s says %r' % (address, text))
    server.sendto(text.upper().encode('utf-8'), address)
";

fn start_python_server() -> (Running, std::net::SocketAddr) {
    let mut server = python(SERVER).spawn();
    let line = server.wait_for_stdout("Listening at");
    (server, callbox_testkit::listening_address(&line))
}

#[test]
fn pythons_sendto_and_recvfrom_are_answered() {
    let (_server, address) = start_server(&[]);
    let script = "
import sys
from socket import *
client = socket(AF_INET, SOCK_DGRAM)
for text in ('sally', 'héllo 你好', 'straße', ''):
    client.sendto(text.encode('utf-8'), ('127.0.0.1', int(sys.argv[1])))
    data, address = client.recvfrom(65535)
    print(address[1] == int(sys.argv[1]), data.decode('utf-8'))
";
    let finished = python(script).arg(address.port().to_string()).env("PYTHONUTF8", "1").run();
    finished.expect_code(0).stdout_is("True SALLY\nTrue HÉLLO 你好\nTrue STRASSE\nTrue \n");
}

#[test]
fn pythons_connect_send_and_recv_are_answered() {
    let (_server, address) = start_server(&["--bind", "*"]);
    let script = "
import sys
from socket import *
for family, host in ((AF_INET, '127.0.0.1'), (AF_INET, '127.0.0.5'), (AF_INET6, '::1')):
    client = socket(family, SOCK_DGRAM)
    client.connect((host, int(sys.argv[1])))
    client.send(b'sally')
    print(client.recv(65535))
";
    let finished = python(script).arg(address.port().to_string()).run();
    finished.expect_code(0).stdout_is("b'SALLY'\nb'SALLY'\nb'SALLY'\n");
}

#[test]
fn a_python_server_is_asked_over_a_connected_socket() {
    let (_server, address) = start_python_server();
    let finished = client_of(address).arg("-q").run_with_input("sally\nhéllo 你好\nsally\n");
    finished.expect_code(0).stdout_is("SALLY\nHÉLLO 你好\nSALLY\n");
}

#[test]
fn a_python_server_is_asked_over_an_unconnected_socket() {
    let (_server, address) = start_python_server();
    let finished = client_of_many().run_with_input(format!("localhost:{} sally\n", address.port()));
    finished.expect_code(0).stdout_is(&format!("The server {address} replied with 'SALLY'\n"));
}
