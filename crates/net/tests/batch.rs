//! Batches of datagrams between real sockets on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
#[cfg(linux_calls)]
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use callbox_net::datagram::{Arrival, Batch, DatagramSocket, Reply, Responder, Sent};
use callbox_net::trace::Trace;

/// Far longer than anything here takes; it is only waited for in a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers each datagram with what its first byte asks for.
#[derive(Default)]
struct Answers {
    arrivals: Vec<Arrival>,
    admit: Option<usize>,
}

impl Responder for Answers {
    fn admit(&mut self, _: &Arrival, count: usize) -> usize {
        self.admit.unwrap_or(count)
    }

    fn respond(&mut self, arrival: &Arrival, datagram: &mut [u8], spill: &mut Vec<u8>) -> Reply {
        self.arrivals.push(*arrival);
        match datagram.first() {
            Some(b'-') => Reply::None,
            Some(b'<') => Reply::InPlace(1),
            Some(b'>') => {
                spill.extend_from_slice(datagram);
                spill.extend_from_slice(datagram);
                Reply::Spilled
            }
            _ => {
                datagram.make_ascii_uppercase();
                Reply::InPlace(datagram.len())
            }
        }
    }
}

fn server(address: &str) -> (DatagramSocket, SocketAddr) {
    let mut group =
        DatagramSocket::bind_group(address.parse().unwrap(), true, 1, &Trace::off()).unwrap();
    let socket = group.remove(0);
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn client(to: SocketAddr) -> UdpSocket {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let client = UdpSocket::bind(any).unwrap();
    client.connect(to).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = client.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

/// Takes batches until `count` datagrams were seen, and gives what was sent.
fn serve(socket: &DatagramSocket, batch: &mut Batch, answers: &mut Answers, count: usize) -> Sent {
    let mut sum = Sent::default();
    while answers.arrivals.len() < count {
        assert!(batch.receive(socket).unwrap() > 0);
        let sent = batch.respond(socket, answers);
        sum.datagrams += sent.datagrams;
        sum.refused += sent.refused;
    }
    sum
}

#[test]
fn each_kind_of_answer_arrives_in_order() {
    let (socket, address) = server("127.0.0.1:0");
    let client = client(address);
    for request in ["a", "", "- silent", "< short", ">twice", "b"] {
        client.send(request.as_bytes()).unwrap();
    }
    let mut answers = Answers::default();
    let sent = serve(&socket, &mut Batch::new(true), &mut answers, 6);
    assert_eq!(sent, Sent { datagrams: 5, refused: 0 });
    for reply in ["A", "", "<", ">twice>twice", "B"] {
        assert_eq!(receive(&client), reply.as_bytes());
    }
}

#[test]
fn many_datagrams_of_many_lengths_each_get_their_own_answer() {
    for segmentation in [true, false] {
        let (socket, address) = server("127.0.0.1:0");
        let clients: Vec<_> = (0..3).map(|_| client(address)).collect();
        let request = |client: usize, number: usize| {
            format!("client {client} says {}", "x".repeat(number % 7))
        };
        let (mut answers, mut batch) = (Answers::default(), Batch::new(segmentation));
        for round in 0..20 {
            for number in 0..40 {
                for (name, client) in clients.iter().enumerate() {
                    client.send(request(name, number).as_bytes()).unwrap();
                }
            }
            serve(&socket, &mut batch, &mut answers, (round + 1) * 120);
            for number in 0..40 {
                for (name, client) in clients.iter().enumerate() {
                    assert_eq!(receive(client), request(name, number).to_uppercase().as_bytes());
                }
            }
        }
    }
}

#[test]
fn spilled_answers_that_fill_their_room_several_times_all_arrive() {
    let (socket, address) = server("127.0.0.1:0");
    // Together twice the batch's 256 KiB for spilled answers; each in a client of its own, whose buffer holds it.
    let clients: Vec<_> = (b'a'..=b'i').map(|name| (name, client(address))).collect();
    let request = |name| [b">".as_slice(), &[name; 29_999]].concat();
    for (name, client) in &clients {
        client.send(&request(*name)).unwrap();
    }
    serve(&socket, &mut Batch::new(true), &mut Answers::default(), clients.len());
    for (name, client) in &clients {
        assert!(receive(client) == request(*name).repeat(2));
    }
}

#[test]
fn what_is_not_admitted_is_not_answered() {
    let (socket, address) = server("127.0.0.1:0");
    let client = client(address);
    client.send(b"first").unwrap();
    let (mut batch, mut answers) =
        (Batch::new(true), Answers { admit: Some(0), ..Answers::default() });
    assert_eq!(batch.receive(&socket).unwrap(), 1);
    assert_eq!(batch.respond(&socket, &mut answers), Sent::default());
    answers.admit = None;
    client.send(b"second").unwrap();
    serve(&socket, &mut batch, &mut answers, 1);
    assert_eq!(receive(&client), b"SECOND");
}

#[test]
fn the_longest_datagram_goes_both_ways() {
    let (socket, address) = server("127.0.0.1:0");
    let client = client(address);
    client.send(&vec![b'x'; 65_507]).unwrap();
    serve(&socket, &mut Batch::new(true), &mut Answers::default(), 1);
    assert_eq!(receive(&client), vec![b'X'; 65_507]);
}

#[test]
#[cfg_attr(not(linux_calls), ignore = "elsewhere the route chooses the address")]
fn on_a_wildcard_address_the_answer_leaves_from_where_the_request_came_to() {
    // A connected client drops whatever comes from another address, so an answer is the proof.
    for (bound, asked) in [("0.0.0.0:0", "127.0.0.5"), ("[::]:0", "127.0.0.5"), ("[::]:0", "::1")] {
        let (socket, address) = server(bound);
        let asked: IpAddr = asked.parse().unwrap();
        let client = client(SocketAddr::from((asked, address.port())));
        client.send(b"hello").unwrap();
        client.send(b"again").unwrap();
        let mut answers = Answers::default();
        serve(&socket, &mut Batch::new(true), &mut answers, 2);
        assert_eq!((receive(&client), receive(&client)), (b"HELLO".to_vec(), b"AGAIN".to_vec()));
        let peer = answers.arrivals[0].peer;
        assert_eq!(peer.is_ipv4(), asked.is_ipv4(), "peers are shown in their own family");
    }
}

#[cfg(linux_calls)]
#[test]
fn when_the_kernel_takes_segmentation_back_every_answer_is_sent_by_itself() {
    let (socket, address) = server("127.0.0.1:0");
    // Without checksums the kernel refuses to segment (`udp_send_skb` gives EINVAL), as a device may.
    let one: libc::c_int = 1;
    // SAFETY: the pointer and length describe `one`.
    let set = unsafe {
        let size = size_of_val(&one) as libc::socklen_t;
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NO_CHECK,
            (&raw const one).cast(),
            size,
        )
    };
    assert_eq!(set, 0);
    let client = client(address);
    let (mut batch, mut answers) = (Batch::new(true), Answers::default());
    for round in 1..=2 {
        for _ in 0..10 {
            client.send(b"hello").unwrap();
        }
        let sent = serve(&socket, &mut batch, &mut answers, round * 10);
        assert_eq!(sent, Sent { datagrams: 10, refused: 0 });
        for _ in 0..10 {
            assert_eq!(receive(&client), b"HELLO");
        }
    }
}

#[test]
#[cfg_attr(not(linux_calls), ignore = "elsewhere there is one socket")]
fn a_group_shares_one_port_and_lets_nobody_else_in() {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let group = DatagramSocket::bind_group(loopback, false, 2, &Trace::off()).unwrap();
    let address = group[0].local_addr().unwrap();
    assert_eq!(group.len(), 2);
    assert_eq!(group[1].local_addr().unwrap(), address);
    let second = DatagramSocket::bind_group(address, false, 2, &Trace::off());
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn a_sleeping_reader_is_woken() {
    let (socket, _) = server("127.0.0.1:0");
    thread::scope(|scope| {
        let reader = scope.spawn(|| Batch::new(true).receive(&socket).unwrap());
        socket.wake();
        assert_eq!(reader.join().unwrap(), 0);
    });
}
