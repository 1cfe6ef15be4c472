//! Plain Python `socket` programs as the other side, in both directions: the notes' own, and line programs.

use callbox_testkit::python;

use super::*;

/// The notes' client, which also insists on an orderly end of file.
const NOTES_CLIENT: &str = r"
import socket, sys
def recvall(sock, length):
    data = b''
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise EOFError('was expecting %d bytes but only received %d' % (length, len(data)))
        data += more
    return data
for _ in range(100):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect(('127.0.0.1', int(sys.argv[1])))
    sock.sendall(b'Greetings, server')
    reply = recvall(sock, 16)
    assert sock.recv(1) == b'', 'more than the reply'
    sock.close()
print('The server said', repr(reply))
";

/// The notes' server, which leaves the 17th byte unread and so resets every connection.
const NOTES_SERVER: &str = r"
import socket
def recvall(sock, length):
    data = b''
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise EOFError('was expecting %d bytes but only received %d' % (length, len(data)))
        data += more
    return data
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(('127.0.0.1', 0))
sock.listen(1)
print(sock.getsockname()[1])
while True:
    sc, sockname = sock.accept()
    message = recvall(sc, 16)
    print('  message from client:', repr(message))
    sc.sendall(b'Goodbye, client!')
    sc.close()
";

#[track_caller]
fn python_server(script: &str) -> (Running, SocketAddr) {
    let mut running = python(script).spawn();
    let port = running.wait_for_stdout_lines(1).remove(0);
    (running, format!("127.0.0.1:{port}").parse().expect("a port"))
}

#[test]
fn the_client_of_the_notes_is_answered_by_our_server_without_a_reset() {
    let (server, address) = server(&["-q"]);
    let finished = python(NOTES_CLIENT).arg(address.port().to_string()).run();
    finished.expect_code(0).stdout_is("The server said b'Goodbye, client!'\n");
    stop(server);
}

#[test]
fn the_server_of_the_notes_answers_our_client() {
    let (mut server, address) = python_server(NOTES_SERVER);
    for _ in 0..5 {
        client(address, &[]).run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
        server.wait_for_stdout("  message from client: b'Greetings, serve'");
    }
}

#[test]
fn a_python_server_that_sends_byte_by_byte_is_understood() {
    let (_server, address) = python_server(
        "import socket\n\
         s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])\n\
         c, _ = s.accept(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n\
         c.recv(17)\n\
         for n in range(16): c.send(b'Goodbye, client!'[n:n + 1])\n\
         c.close()",
    );
    client(address, &[]).run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
}

#[test]
fn a_python_server_that_stops_in_the_middle_is_reported() {
    let (_server, address) = python_server(
        "import socket\n\
         s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])\n\
         c, _ = s.accept(); c.recv(17); c.sendall(b'Goo'); c.close()",
    );
    client(address, &["-q"]).run().expect_code(1).stderr_is(
        "callbox: was expecting 16 bytes but only received 3 before the socket closed\n",
    );
}

#[test]
fn a_python_line_client_talks_to_our_upper_service() {
    let (server, address) = server(&["-q", "--service", "upper"]);
    let script = "import socket, sys\n\
         f = socket.create_connection(('127.0.0.1', int(sys.argv[1]))).makefile('rw', encoding='utf-8')\n\
         for line in ['sally', 'héllo 你好', 'straße']: print(line, file=f, flush=True); print(f.readline(), end='')";
    let finished = python(script).arg(address.port().to_string()).env("PYTHONUTF8", "1").run();
    finished.expect_code(0).stdout_is("SALLY\nHÉLLO 你好\nSTRASSE\n");
    stop(server);
}

#[test]
fn our_line_client_talks_to_a_python_line_server() {
    let (_server, address) = python_server(
        "import socketserver\n\
         class Upper(socketserver.StreamRequestHandler):\n\
         \x20   def handle(self):\n\
         \x20       for line in self.rfile: self.wfile.write(line.decode().upper().encode())\n\
         s = socketserver.TCPServer(('127.0.0.1', 0), Upper); print(s.server_address[1])\n\
         s.serve_forever()",
    );
    let client = client(address, &["-q", "--service", "upper"]);
    client.run_with_input("sally\nhéllo\n").expect_code(0).stdout_is("SALLY\nHÉLLO\n");
}
