//! Datagrams for all hosts of a network.

use callbox_testkit::{in_namespace, namespace};

/// A network of its own with one host on it, which hears its own broadcasts.
const ONE_HOST: &str = "
ip link add net0 type veth peer name net1
ip address add 192.0.2.1/24 broadcast 192.0.2.255 dev net0
ip link set net0 up
ip link set net1 up
exec \"$@\"";

/// Asks all hosts, and says who answered.
const ASK_ALL: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(('192.0.2.1', 0))
s.settimeout(20)
s.sendto(b'to all', ('192.0.2.255', int(sys.argv[1])))
print(*s.recvfrom(100))
# Every thread of the server has seen the datagram when it has answered one of these, which came after it.
for _ in range(64):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.settimeout(20)
    one.connect(('192.0.2.1', int(sys.argv[1])))
    one.send(b'to one')
    assert one.recv(100) == b'TO ONE'
";

#[test]
fn a_broadcast_is_answered_once_from_an_address_of_the_server() {
    if !namespace::available() {
        eprintln!("skipped: no network namespaces here");
        return;
    }
    for bound in ["*", "0.0.0.0"] {
        let callbox = [env!("CARGO_BIN_EXE_callbox"), "udp", "server", "--bind", bound, "-p", "0"];
        let mut server = in_namespace(ONE_HOST).args(callbox).spawn();
        let port = server.wait_until_listening().port().to_string();
        let script = "exec python3 -u -c \"$@\"";
        let asked = namespace::beside(&server, script).arg(ASK_ALL).arg(&port).run();
        asked.expect_code(0).stdout_is(&format!("b'TO ALL' ('192.0.2.1', {port})\n"));
        for _ in 0..64 {
            server.wait_for_stdout("to one");
        }
        let shown = server.stdout_so_far();
        assert_eq!(shown.matches("to all").count(), 1, "{shown}");
    }
}
