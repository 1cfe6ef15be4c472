//! The socket of the door, in an event loop that has other things to do.
//!
//! Datagrams are taken by the batch and sent by the batch ([`Batch`], [`Mail`]); neither waits. ICMP errors and the
//! like are about one datagram and one peer, which UDP may lose, and end nothing here.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use callbox_net::datagram::{Batch, DatagramSocket, Mail, Sent};

/// Batches taken in one go, of up to 64 messages each: other connections want their turn.
const MAX_BATCHES: usize = 4;

/// A datagram socket with its buffers.
///
/// For readiness, register [`as_raw_fd`](AsRawFd::as_raw_fd) with the event loop, for reading and at its edges; then
/// [`receive`](Self::receive) when it is ready, and again while that gives true; and [`send`](Self::send) once a tick.
pub struct DoorSocket {
    socket: DatagramSocket,
    batch: Batch,
    mail: Mail,
}

impl DoorSocket {
    /// Buffers for `socket`, which is bound.
    pub fn new(socket: DatagramSocket) -> Self {
        Self { socket, batch: Batch::new(false), mail: Mail::new() }
    }

    /// Our address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Hands datagrams that are there to `handle`: sender, our address if it is known, bytes, and where to put what
    /// is to be sent. True if there may be more.
    pub fn receive(
        &mut self,
        mut handle: impl FnMut(SocketAddr, Option<IpAddr>, &[u8], &mut Mail),
    ) -> bool {
        let mut failures = 0;
        for _ in 0..MAX_BATCHES {
            match self.batch.receive_waiting(&self.socket) {
                Ok(0) => return false,
                Ok(_) => {
                    for (arrival, datagram) in self.batch.datagrams(&self.socket) {
                        handle(arrival.peer, arrival.local, datagram, &mut self.mail);
                    }
                }
                // About a datagram that was sent before, and told once: the next call is clean.
                Err(_) => failures += 1,
            }
        }
        // A socket that only fails must not take a core; the next datagram makes it ready again.
        failures < MAX_BATCHES
    }

    /// Where to put what is to be sent.
    pub fn mail(&mut self) -> &mut Mail {
        &mut self.mail
    }

    /// Sends what was put there. What the kernel does not take is lost, and counted.
    pub fn send(&mut self) -> Sent {
        self.mail.send(&self.socket)
    }
}

impl AsRawFd for DoorSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl std::fmt::Debug for DoorSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DoorSocket").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use callbox_net::ready;
    use callbox_net::trace::Trace;

    use super::*;

    /// Far longer than anything here takes; it is only waited for in a test that fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn socket() -> DoorSocket {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut group = DatagramSocket::bind_group(address, false, 1, &Trace::off()).unwrap();
        DoorSocket::new(group.remove(0))
    }

    #[test]
    fn datagrams_are_handed_in_and_their_answers_sent() {
        let mut socket = socket();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(!socket.receive(|_, _, _, _| panic!("nothing was sent")));
        for text in ["a", "", "b"] {
            client.send_to(text.as_bytes(), socket.local_addr().unwrap()).unwrap();
        }
        assert!(ready::readable(socket.socket.as_fd(), Some(PATIENCE)).unwrap());
        let mut seen = Vec::new();
        let more = socket.receive(|from, _, datagram, mail| {
            assert_eq!(from, client.local_addr().unwrap());
            seen.push(datagram.to_vec());
            mail.push(from, None, &[b"you said ", datagram].concat());
        });
        assert!(!more);
        assert_eq!(seen, [&b"a"[..], b"", b"b"]);
        assert_eq!(socket.send().datagrams, 3);
        let mut buffer = [0; 100];
        for answer in ["you said a", "you said ", "you said b"] {
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], answer.as_bytes());
        }
    }

    #[test]
    fn a_peer_that_is_gone_does_not_keep_others_from_being_served() {
        let mut socket = socket();
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            socket.mail().push(gone, None, b"hello");
            socket.send();
        }
        client.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
        assert!(ready::readable(socket.socket.as_fd(), Some(PATIENCE)).unwrap());
        let mut seen = 0;
        while socket.receive(|_, _, _, _| seen += 1) {}
        assert_eq!(seen, 1);
    }
}
