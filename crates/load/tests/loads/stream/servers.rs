//! Servers of the tests, on loopback: what one connection does is a closure.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;

use socket2::{Domain, SockRef, Socket, Type};

/// More than enough for what a connection of a test does: a thousand of them are cheap.
const STACK: usize = 128 << 10;

/// A server with a thread for each connection. They end with the test's process.
pub(crate) fn serve(
    each: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> SocketAddr {
    let (listener, address) = listening();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, each) = (stream.expect("a connection"), each.clone());
            let thread = thread::Builder::new().stack_size(STACK);
            thread.spawn(move || drop(each(stream))).expect("a thread");
        }
    });
    address
}

/// A listener with room for all that a test connects at once: the kernel breaks what has found none for seconds.
fn listening() -> (TcpListener, SocketAddr) {
    let (socket, address) = nobody();
    socket.listen(1024).expect("a backlog");
    (OwnedFd::from(socket).into(), address)
}

/// A server that answers no connection, as behind a firewall that drops what it does not like.
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _kept: (TcpListener, TcpStream),
}

/// A server whose backlog of none is full: the kernel drops what asks for another connection.
pub(crate) fn full() -> Full {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    SockRef::from(&listener).listen(0).expect("a backlog of none");
    let address = listener.local_addr().expect("an address");
    let waiting = TcpStream::connect(address).expect("a connection");
    Full { address, _kept: (listener, waiting) }
}

/// Gives what it gets, as `change` makes it, in whatever pieces it comes.
pub(crate) fn answers(mut stream: impl Read + Write, change: impl Fn(&mut [u8])) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => length,
        };
        change(&mut buffer[..length]);
        stream.write_all(&buffer[..length])?;
    }
}

/// An echo server.
pub(crate) fn echo() -> SocketAddr {
    serve(|stream| answers(stream, |_| {}))
}

/// A server that gets whole lines, each with its number on its connection.
pub(crate) fn lines(
    each: impl Fn(&mut TcpStream, u64, &mut [u8]) -> io::Result<()> + Clone + Send + 'static,
) -> SocketAddr {
    serve(move |stream| {
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        for number in 0.. {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            each(&mut writer, number, &mut line)?;
        }
        Ok(())
    })
}

/// The 16 bytes that the greeting service answers 16 bytes with.
pub(crate) const FAREWELL: &[u8] = b"Goodbye, client!";

/// Reads 16 bytes, says `words`, ends the connection, and waits for the peer to end it as well.
pub(crate) fn greeting(words: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| {
        stream.read_exact(&mut [0; 16])?;
        stream.write_all(words)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        io::copy(&mut stream, &mut io::sink()).map(drop)
    })
}

/// An address where nobody listens, for as long as the socket is there that takes its port.
pub(crate) fn nobody() -> (Socket, SocketAddr) {
    let socket = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
    let address = socket.local_addr().expect("an address").as_socket().expect("of IP");
    (socket, address)
}

/// A socket that has this port together with others that are made like it, and does not listen.
fn bound(address: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("an option");
    socket.bind(&address.into()).expect("a port");
    socket
}

/// Accepts so many connections, answers one line on each, ends it, and listens no more.
pub(crate) fn limited(connections: usize) -> SocketAddr {
    let (listener, address) = listening();
    let taken = bound(address);
    thread::spawn(move || {
        let mut streams: Vec<_> = (0..connections)
            .map(|_| {
                let mut stream = listener.accept().expect("a connection").0;
                let mut line = [0; 64];
                if stream.read_exact(&mut line).is_ok() {
                    stream.write_all(&line).expect("a reader");
                }
                stream.shutdown(std::net::Shutdown::Write).expect("a connection");
                stream
            })
            .collect();
        drop(listener);
        streams.clear();
        // Nobody else gets the port as long as the test lasts.
        std::mem::forget(taken);
    });
    address
}
