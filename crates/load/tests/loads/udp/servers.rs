//! UDP servers of the tests. Each has a thread that ends with the test program.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use callbox_net::datagram::{Arrival, Batch, DatagramSocket, Reply, Responder};
use callbox_net::trace::Trace;

/// A server whose replies to the datagrams that come, which are numbered from 0, are what `answer` gives it to send.
pub(crate) fn server(
    mut answer: impl FnMut(usize, &[u8], &mut dyn FnMut(&[u8])) + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        for number in 0.. {
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else { break };
            answer(number, &buffer[..length], &mut |reply| {
                let _ = socket.send_to(reply, peer);
            });
        }
    });
    address
}

/// A server that sends back what it is sent.
pub(crate) fn echo() -> SocketAddr {
    server(|_, datagram, send| send(datagram))
}

/// A server that answers in capitals, and gathers answers into runs, as callbox's own does.
pub(crate) fn upper_in_runs() -> SocketAddr {
    struct Upper;
    impl Responder for Upper {
        fn admit(&mut self, _: &Arrival, count: usize) -> usize {
            count
        }

        fn respond(&mut self, _: &Arrival, datagram: &mut [u8], _: &mut Vec<u8>) -> Reply {
            datagram.make_ascii_uppercase();
            Reply::InPlace(datagram.len())
        }
    }
    let address = "127.0.0.1:0".parse().unwrap();
    let mut group = DatagramSocket::bind_group(address, false, 1, &Trace::off()).unwrap();
    let socket = group.remove(0);
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut batch = Batch::new(true);
        while batch.receive(&socket).is_ok_and(|count| count > 0) {
            batch.respond(&socket, &mut Upper);
        }
    });
    address
}

/// A server that answers so many requests and is gone: what comes after that finds its port taken by nobody who listens.
pub(crate) fn soon_gone(answers: usize) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        for _ in 0..answers {
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..length], peer).unwrap();
        }
        socket.connect(address).unwrap();
        loop {
            thread::park();
        }
    });
    address
}

/// An address where nobody listens, for as long as the socket is there: it takes the port, and lets in only what comes from
/// another one.
pub(crate) fn nobody() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.connect(address).unwrap();
    (socket, address)
}
