//! Datagrams to many peers between real sockets on loopback.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use callbox_net::datagram::{Batch, DatagramSocket, Mail};
use callbox_net::ready;
use callbox_net::trace::Trace;
use std::os::fd::AsFd;

/// Far longer than anything here takes; it is only waited for in a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn server(address: &str) -> (DatagramSocket, SocketAddr) {
    let address = address.parse().unwrap();
    let socket = DatagramSocket::bind_group(address, true, 1, &Trace::off()).unwrap().remove(0);
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn client(address: &str) -> UdpSocket {
    let client = UdpSocket::bind(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn receive(client: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2_048];
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

#[test]
fn what_is_pushed_goes_to_each_peer_in_order() {
    let (socket, _) = server("127.0.0.1:0");
    let clients: Vec<_> = (0..5).map(|_| client("127.0.0.1:0")).collect();
    let mut mail = Mail::new();
    for number in 0..40 {
        for client in &clients {
            mail.push(client.local_addr().unwrap(), None, format!("line {number}").as_bytes());
        }
    }
    assert!(!mail.is_empty());
    assert_eq!(mail.send(&socket).datagrams, 200);
    assert!(mail.is_empty());
    for client in &clients {
        for number in 0..40 {
            assert_eq!(receive(client).0, format!("line {number}").as_bytes());
        }
    }
}

#[test]
#[cfg_attr(not(linux_calls), ignore = "elsewhere the route chooses the address")]
fn a_dual_stack_socket_sends_from_the_address_that_was_written_to() {
    let (socket, address) = server("[::]:0");
    let home = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 5), address.port()));
    let client = client("127.0.0.1:0");
    client.send_to(b"hello", home).unwrap();
    assert!(ready::readable(socket.as_fd(), Some(PATIENCE)).unwrap());
    let mut batch = Batch::new(false);
    assert_eq!(batch.receive_waiting(&socket).unwrap(), 1);
    let mut mail = Mail::new();
    for (arrival, bytes) in batch.datagrams(&socket) {
        assert_eq!((arrival.peer, bytes), (client.local_addr().unwrap(), &b"hello"[..]));
        mail.push(arrival.peer, arrival.local, bytes);
    }
    assert_eq!(mail.send(&socket).datagrams, 1);
    assert_eq!(receive(&client), (b"hello".to_vec(), home));
    assert_eq!(batch.receive_waiting(&socket).unwrap(), 0, "it does not wait");
    assert_eq!(batch.datagrams(&socket).count(), 0);
}

#[test]
fn a_datagram_that_is_refused_does_not_keep_back_the_others() {
    let (socket, _) = server("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    let peer = client.local_addr().unwrap();
    let mut mail = Mail::new();
    mail.push(peer, None, b"before");
    mail.push(peer, None, &[0; 65_535]);
    mail.push(peer, None, b"after");
    let sent = mail.send(&socket);
    assert_eq!((sent.datagrams, sent.refused), (2, 1));
    assert_eq!(receive(&client).0, b"before");
    assert_eq!(receive(&client).0, b"after");
}
