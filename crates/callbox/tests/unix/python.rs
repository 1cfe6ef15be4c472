//! Plain Python programs at the other end.

use callbox_testkit::python;

use super::{Directory, client, server, stop};

#[test]
fn python_programs_of_both_types_are_answered_by_our_server() {
    let directory = Directory::new();
    let (stream, datagram) = (directory.file("stream"), directory.file("datagram"));
    let servers = [server(&stream, &[]), server(&datagram, &["--type", "datagram"])];
    let script = "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(sys.argv[1])\n\
         s.sendall(b'Greetings, server'); print(s.recv(16)); print(s.recv(1))\n\
         d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(sys.argv[2] + '.own')\n\
         d.sendto(b'sally', sys.argv[2]); print(d.recvfrom(100)[0])";
    let finished = python(script).arg(&stream).arg(&datagram).run();
    finished.expect_code(0).stdout_is("b'Goodbye, client!'\nb''\nb'SALLY'\n");
    servers.into_iter().for_each(|server| drop(stop(server)));
}

#[test]
fn python_servers_of_both_types_answer_our_client() {
    let directory = Directory::new();
    let (stream, datagram) = (directory.file("stream"), directory.file("datagram"));
    let script = "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(sys.argv[1]); s.listen()\n\
         d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(sys.argv[2])\n\
         print('ready')\n\
         c, _ = s.accept(); print(c.recv(100)); c.sendall(b'Goodbye, client!'); c.close()\n\
         data, peer = d.recvfrom(100); d.sendto(data.upper(), peer); print(data)";
    let mut servers = python(script).arg(&stream).arg(&datagram).spawn();
    servers.wait_for_stdout("ready");
    client(&stream, &[]).run().expect_code(0).stdout_is("Server: 'Goodbye, client!'\n");
    client(&datagram, &["--type", "datagram", "-q"])
        .run_with_input("sally\n")
        .expect_code(0)
        .stdout_is("SALLY\n");
    servers.wait().expect_code(0).stdout_is("ready\nb'Greetings, server'\nb'sally'\n");
}
