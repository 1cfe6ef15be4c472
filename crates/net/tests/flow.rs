//! A client's datagrams over a connected socket, many a call, on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use callbox_net::datagram::DatagramSocket;
use callbox_net::datagram::flow::{BURST, Incoming, Leaving, Outgoing};
use callbox_net::trace::Trace;

/// Far longer than anything here takes; it is only waited for in a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's socket and the peer that it is connected to.
fn pair() -> (DatagramSocket, UdpSocket) {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let client = client(peer.local_addr().unwrap());
    peer.connect(client.local_addr().unwrap()).unwrap();
    (client, peer)
}

fn client(to: SocketAddr) -> DatagramSocket {
    let client = DatagramSocket::open(&to, &Trace::off()).unwrap();
    client.connect(to).unwrap();
    client
}

fn push(outgoing: &mut Outgoing, text: &str) -> bool {
    outgoing.push(|room| {
        room[..text.len()].copy_from_slice(text.as_bytes());
        text.len()
    })
}

/// Sends all that waits, and gives how many calls it took.
fn send_all(outgoing: &mut Outgoing, socket: &DatagramSocket) -> usize {
    let mut calls = 0;
    while outgoing.waiting() > 0 {
        let leaving = outgoing.send(socket).unwrap();
        assert!(matches!(leaving, Leaving::Sent(1..)), "{leaving:?}");
        calls += 1;
    }
    calls
}

fn texts(count: usize) -> Vec<String> {
    // Runs of one length, of which the last is sometimes shorter, and an empty one.
    (0..count).map(|number| "x".repeat([5, 5, 5, 3, 0, 8, 8, 9, 1][number % 9])).collect()
}

#[test]
fn whatever_calls_are_used_every_datagram_arrives_once_and_in_order() {
    for (batched, segmentation) in [(true, true), (true, false), (false, true), (false, false)] {
        let (client, peer) = pair();
        let mut outgoing = Outgoing::new(20, batched, segmentation);
        for _ in 0..3 {
            let texts = texts(BURST);
            assert!(texts.iter().all(|text| push(&mut outgoing, text)));
            assert!(!push(&mut outgoing, "one too many"));
            let calls = send_all(&mut outgoing, &client);
            if cfg!(linux_calls) && batched {
                assert_eq!(calls, 1);
            }
            for text in &texts {
                let mut buffer = [0; 100];
                let length = peer.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..length], text.as_bytes());
            }
        }
    }
}

#[test]
fn what_came_is_taken_whether_it_came_in_runs_or_not() {
    for (batched, runs) in [(true, true), (true, false), (false, true), (false, false)] {
        // The peer sends with the other half: on loopback its runs stay whole for who accepts them.
        let any = "127.0.0.1:0".parse().unwrap();
        let from = DatagramSocket::open(&any, &Trace::off()).unwrap();
        from.bind(any).unwrap();
        let client = client(from.local_addr().unwrap());
        if runs && client.accept_runs().is_err() {
            continue;
        }
        from.connect(client.local_addr().unwrap()).unwrap();
        let (mut incoming, mut outgoing) =
            (Incoming::new(batched, runs), Outgoing::new(20, true, true));
        assert_eq!(incoming.receive(&client, BURST).unwrap(), 0);
        let texts = texts(40);
        assert!(texts.iter().all(|text| push(&mut outgoing, text)));
        send_all(&mut outgoing, &from);
        let (mut got, mut messages) = (Vec::new(), 0);
        loop {
            let count = incoming.receive(&client, 30).unwrap();
            if count == 0 {
                break;
            }
            messages += count;
            got.extend(incoming.datagrams().map(|it| String::from_utf8(it.to_vec()).unwrap()));
        }
        assert_eq!(got, texts);
        assert_eq!(messages < texts.len(), runs, "{messages} messages");
    }
}

#[test]
fn what_was_cleared_is_not_sent() {
    let (client, peer) = pair();
    let mut outgoing = Outgoing::new(10, true, true);
    assert!(push(&mut outgoing, "old"));
    outgoing.clear();
    assert!(matches!(outgoing.send(&client), Ok(Leaving::Sent(0))));
    assert!(push(&mut outgoing, "new"));
    send_all(&mut outgoing, &client);
    let mut buffer = [0; 10];
    assert_eq!(peer.recv(&mut buffer).unwrap(), 3);
    assert_eq!(&buffer[..3], b"new");
}

#[cfg(linux_calls)]
#[test]
fn where_the_kernel_refuses_to_cut_up_messages_each_datagram_is_one() {
    use std::os::fd::AsRawFd;
    let (client, peer) = pair();
    // Without checksums the kernel refuses to segment (`udp_send_skb` gives EINVAL), as a device may.
    let one: libc::c_int = 1;
    // SAFETY: the pointer and length describe `one`.
    let set = unsafe {
        let size = size_of_val(&one) as libc::socklen_t;
        let value = (&raw const one).cast();
        libc::setsockopt(client.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, value, size)
    };
    assert_eq!(set, 0);
    for batched in [true, false] {
        let mut outgoing = Outgoing::new(20, batched, true);
        for _ in 0..2 {
            let texts = texts(BURST);
            assert!(texts.iter().all(|text| push(&mut outgoing, text)));
            send_all(&mut outgoing, &client);
            for text in &texts {
                let mut buffer = [0; 100];
                let length = peer.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..length], text.as_bytes());
            }
        }
    }
}

#[test]
fn a_refusal_is_told_and_the_datagram_behind_it_still_leaves() {
    let (client, peer) = pair();
    // Its port stays taken, and lets in only what comes from itself.
    peer.connect(peer.local_addr().unwrap()).unwrap();
    client.keep_errors().unwrap();
    let mut outgoing = Outgoing::new(10, false, false);
    let mut refusals = 0;
    for _ in 0..5 {
        assert!(push(&mut outgoing, "hello"));
        while outgoing.waiting() > 0 {
            match outgoing.send(&client).unwrap() {
                Leaving::Sent(1) => {}
                Leaving::Refused(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
                    refusals += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(refusals > 0);
}

#[cfg(linux_calls)]
#[test]
fn each_datagram_that_the_buffer_had_no_room_for_is_counted() {
    let (client, peer) = pair();
    let sizes = client.set_buffers(8_192).unwrap();
    assert_eq!((sizes.send, sizes.receive), (8_192, 8_192));
    let before = client.overflow().unwrap();
    for _ in 0..200 {
        peer.send(&[b'x'; 1_000]).unwrap();
    }
    let mut incoming = Incoming::new(true, false);
    let mut received = 0;
    loop {
        match incoming.receive(&client, BURST).unwrap() {
            0 => break,
            count => received += count,
        }
    }
    assert!(received < 200);
    assert_eq!(client.overflow().unwrap() - before, 200 - received as u32);
}

#[test]
fn an_error_that_does_not_pass_is_told_in_the_end() {
    // It is connected to nobody.
    let client = DatagramSocket::open(&"127.0.0.1:9".parse().unwrap(), &Trace::off()).unwrap();
    let mut outgoing = Outgoing::new(10, true, true);
    assert!(push(&mut outgoing, "nowhere"));
    let mut tries = 0;
    let error = loop {
        match outgoing.send(&client) {
            Ok(Leaving::Refused(_)) => tries += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        assert!(tries < 1000);
    };
    assert_eq!(error.raw_os_error(), Some(libc::EDESTADDRREQ));
}
