//! Plain sockets at the other end, which do exactly what a test tells them.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread;

use callbox_testkit::{EVENT_DEADLINE, python};

/// The most that a datagram holds, and one byte more to see that nothing was cut.
const BUFFER: usize = 65_536;

/// A socket of the test's own.
pub(crate) struct Peer(UdpSocket);

impl Peer {
    /// A socket at this address.
    #[track_caller]
    pub(crate) fn at(address: &str) -> Self {
        Self::try_at(address).unwrap_or_else(|error| panic!("cannot bind {address}: {error}"))
    }

    pub(crate) fn try_at(address: &str) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(EVENT_DEADLINE))?;
        Ok(Self(socket))
    }

    /// A socket that talks with `server` only: what comes from anywhere else, the kernel drops.
    #[track_caller]
    pub(crate) fn connected_to(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let peer = Self::at(any);
        peer.0.connect(server).expect("a datagram socket connects");
        peer
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }

    #[track_caller]
    pub(crate) fn send(&self, datagram: impl AsRef<[u8]>) {
        self.0.send(datagram.as_ref()).expect("the datagram leaves");
    }

    #[track_caller]
    pub(crate) fn send_to(&self, datagram: impl AsRef<[u8]>, to: SocketAddr) {
        self.0.send_to(datagram.as_ref(), to).expect("the datagram leaves");
    }

    /// The next datagram, and where it came from.
    #[track_caller]
    pub(crate) fn receive_from(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = vec![0; BUFFER];
        let (length, from) = self.0.recv_from(&mut buffer).expect("a datagram comes");
        buffer.truncate(length);
        (buffer, from)
    }

    #[track_caller]
    pub(crate) fn receive(&self) -> Vec<u8> {
        self.receive_from().0
    }

    /// Receives into memory that the caller reuses.
    #[track_caller]
    pub(crate) fn receive_into<'a>(&self, buffer: &'a mut [u8]) -> &'a [u8] {
        let length = self.0.recv(buffer).expect("a datagram comes");
        &buffer[..length]
    }

    /// Sends on a connected socket and gives the answer.
    #[track_caller]
    pub(crate) fn ask(&self, datagram: impl AsRef<[u8]>) -> Vec<u8> {
        self.send(datagram);
        self.receive()
    }

    /// Everything that has come by now.
    pub(crate) fn drain(&self) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; BUFFER];
        self.0.set_nonblocking(true).expect("a socket can be made not to wait");
        let all = std::iter::from_fn(|| match self.0.recv(&mut buffer) {
            Ok(length) => Some(buffer[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("receiving failed: {error}"),
        })
        .collect();
        self.0.set_nonblocking(false).expect("and to wait again");
        all
    }

    /// Runs `serve` with this socket on a thread that lasts as long as the test.
    pub(crate) fn serve(self, serve: impl FnOnce(&Self) + Send + 'static) -> SocketAddr {
        let address = self.address();
        thread::spawn(move || serve(&self));
        address
    }
}

/// An address of loopback at which nobody listens: its own, so that no other test's socket gets the port.
pub(crate) fn nobody(host: &str) -> SocketAddr {
    Peer::at(&format!("{host}:0")).address()
}

/// What the script that sends forged datagrams exits with where it may not.
const NOT_PERMITTED: i32 = 77;

/// Sends a datagram whose source address is a lie. Gives false, and says so, where that is not permitted.
#[must_use]
pub(crate) fn spoof(from: SocketAddr, to: SocketAddr, text: &str) -> bool {
    let script = r"
import socket, struct, sys
source, source_port, target, target_port, text = sys.argv[1:]
text = text.encode()
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
except PermissionError:
    sys.exit(77)
udp = struct.pack('!HHHH', int(source_port), int(target_port), 8 + len(text), 0) + text
ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                 socket.inet_aton(source), socket.inet_aton(target))
s.sendto(ip + udp, (target, 0))
";
    let (source, target) = (from.ip().to_string(), to.ip().to_string());
    let (source_port, target_port) = (from.port().to_string(), to.port().to_string());
    let program = python(script).args([&source, &source_port, &target, &target_port]).arg(text);
    let finished = program.run();
    if finished.code == Some(NOT_PERMITTED) {
        eprintln!("skipped: raw sockets are not permitted here");
        return false;
    }
    finished.expect_code(0);
    true
}
