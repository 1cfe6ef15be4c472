//! Plain sockets at the other end. No wait of theirs is for ever.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::thread::{self, JoinHandle};

use callbox_testkit::EVENT_DEADLINE;
use socket2::SockRef;

/// A server for one connection, and what its thread returns.
pub(crate) struct Server<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T> Server<T> {
    /// What it returned, once it is done.
    #[track_caller]
    pub(crate) fn done(self) -> T {
        self.thread.join().expect("the server's thread ends in order")
    }
}

/// A server on loopback that takes one connection and does this with it.
pub(crate) fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Server<T> {
    server_at("127.0.0.1", serve)
}

/// As [`server`], at another address.
pub(crate) fn server_at<T: Send + 'static>(
    address: &str,
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Server<T> {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    // Whoever is to connect may have failed.
    SockRef::from(&listener).set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        // Nobody else gets in.
        drop(listener);
        serve(guarded(stream))
    });
    Server { port, thread }
}

/// A server that sends back what comes until the end, and returns it.
pub(crate) fn echo() -> Server<Vec<u8>> {
    server(|mut stream| {
        let mut all = Vec::new();
        let mut part = [0; 4096];
        loop {
            match stream.read(&mut part).expect("bytes or the end") {
                0 => return all,
                length => {
                    all.extend(&part[..length]);
                    stream.write_all(&part[..length]).expect("sent back");
                }
            }
        }
    })
}

/// A server that reads to the end and returns it.
pub(crate) fn sink() -> Server<Vec<u8>> {
    server(|mut stream| read_to_end(&mut stream))
}

/// A server that says nothing until the other side closes.
pub(crate) fn silent() -> Server<()> {
    server(|mut stream| drop(stream.read_to_end(&mut Vec::new())))
}

/// A port at which a connection is never answered, as behind a firewall that drops what it does not like.
pub(crate) fn blackhole() -> Blackhole {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    SockRef::from(&listener).listen(0).expect("a backlog of none");
    let address = listener.local_addr().expect("its address");
    let mut waiting = Vec::new();
    // With a full backlog the kernel drops what asks for a connection.
    loop {
        let next = TcpStream::connect_timeout(&address, std::time::Duration::from_millis(50));
        match next {
            Ok(stream) => waiting.push(stream),
            Err(_) => return Blackhole { port: address.port(), _kept: (listener, waiting) },
        }
    }
}

/// See [`blackhole`].
pub(crate) struct Blackhole {
    pub(crate) port: u16,
    _kept: (TcpListener, Vec<TcpStream>),
}

/// A port at which nobody listens.
pub(crate) fn closed_port() -> u16 {
    super::ncat::free_port()
}

/// A connection to a listener under test.
#[track_caller]
pub(crate) fn connect(port: u16) -> TcpStream {
    guarded(TcpStream::connect(("127.0.0.1", port)).expect("a connection"))
}

/// A connection from another address of loopback.
#[track_caller]
pub(crate) fn connect_from(address: &str, port: u16) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let own = std::net::SocketAddr::new(address.parse().expect("an address"), 0);
    socket.bind(&own.into()).expect("an address of loopback");
    let target = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(&target.into()).expect("a connection");
    guarded(socket.into())
}

/// A socket for datagrams on loopback.
pub(crate) fn datagrams() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    socket
}

/// The next datagram, and who sent it.
#[track_caller]
pub(crate) fn datagram(socket: &UdpSocket) -> (Vec<u8>, std::net::SocketAddr) {
    let mut bytes = vec![0; 65536];
    let (length, from) = socket.recv_from(&mut bytes).expect("a datagram");
    bytes.truncate(length);
    (bytes, from)
}

/// All that comes until the end of file.
#[track_caller]
pub(crate) fn read_to_end(stream: &mut (impl Read + ?Sized)) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an orderly end of file");
    all
}

/// All that comes until the connection ends, in order or by a reset.
#[track_caller]
pub(crate) fn read_to_close(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no end: {error}"),
        _ => all,
    }
}

/// Exactly so many bytes.
#[track_caller]
pub(crate) fn read(stream: &mut impl Read, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("that many bytes");
    bytes
}

/// Exactly these bytes come next.
#[track_caller]
pub(crate) fn expect(stream: &mut impl Read, expected: &str) {
    let bytes = read(stream, expected.len());
    assert_eq!(bytes.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
}

/// The next line, with its end.
#[track_caller]
pub(crate) fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.extend(read(stream, 1));
    }
    String::from_utf8_lossy(&line).into_owned()
}

#[track_caller]
pub(crate) fn send(stream: &mut impl Write, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).expect("sent");
}

/// Sends our end of file.
#[track_caller]
pub(crate) fn end(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("our end of file is sent");
}

/// Closes with a reset instead of an end of file.
pub(crate) fn reset(stream: TcpStream) {
    let linger = Some(std::time::Duration::ZERO);
    SockRef::from(&stream).set_linger(linger).expect("SO_LINGER");
    drop(stream);
}

/// Whether this machine has IPv6.
pub(crate) fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

fn guarded(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream.set_write_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream
}

/// Waits until somebody has this port for datagrams: it is then no longer ours to take.
#[track_caller]
pub(crate) fn wait_for_datagram_port(port: u16) {
    let start = std::time::Instant::now();
    // Who tried to bind it would keep the program from doing so in that moment.
    let is_taken = || {
        let sockets = std::fs::read_to_string("/proc/net/udp").expect("the kernel's sockets");
        let ours = format!(":{port:04X}");
        sockets
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .any(|at| at.ends_with(&ours))
    };
    while !is_taken() {
        assert!(start.elapsed() < EVENT_DEADLINE, "nobody takes port {port}");
        thread::yield_now();
    }
}

/// Waits until a record holds these bytes. A program writes it when it has nothing else to do, so one that a signal ends may
/// not have come to it.
#[track_caller]
pub(crate) fn wait_for_record(file: &std::path::Path, bytes: &[u8]) {
    let start = std::time::Instant::now();
    let holds = |record: Vec<u8>| record.windows(bytes.len()).any(|part| part == bytes);
    while !holds(std::fs::read(file).expect("a record")) {
        assert!(start.elapsed() < EVENT_DEADLINE, "{} does not come", bytes.escape_ascii());
        thread::yield_now();
    }
}
