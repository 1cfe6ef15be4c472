//! End-to-end tests of `callbox tcp`: real processes, real sockets on loopback, plain `TcpStream`s and Python programs
//! as the other side.
//!
//! | module | what it promises |
//! |---|---|
//! | `server` | the greeting server, its lines, its limits and its end |
//! | `client` | the greeting client, and what it says when it cannot be answered |
//! | `lines` | the other services, and the line client |
//! | `faults` | bad addresses, bad bytes, bad peers, and ten thousand of them |
//! | `stuck` | a standard error that nobody reads |
//! | `python` | plain Python `socket` programs, in both directions |

mod client;
mod faults;
mod lines;
mod python;
mod server;
mod stuck;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use callbox_testkit::{EVENT_DEADLINE, Finished, Program, Running, Signal};

/// What the notes' client sends: 17 bytes.
const GREETING: &[u8] = b"Greetings, server";

/// What the server answers: 16 bytes.
const FAREWELL: &str = "Goodbye, client!";

/// The program under test.
fn callbox(args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_callbox")).args(args)
}

/// A server on a port of the kernel's choice that is ready, and its address.
#[track_caller]
fn server(args: &[&str]) -> (Running, SocketAddr) {
    let mut running = callbox(&["tcp", "server", "-p", "0"]).args(args).spawn();
    let address = running.wait_until_listening();
    (running, address)
}

/// A client of the server at `address`.
fn client(address: SocketAddr, args: &[&str]) -> Program {
    callbox(&["tcp", "client", &address.to_string()]).args(args)
}

/// Ends a server in order.
#[track_caller]
fn stop(server: Running) -> Finished {
    server.signal(Signal::TERM);
    let finished = server.wait();
    finished.expect_code(0);
    finished
}

/// A plain connection, each byte of which leaves at once, and on which no wait is for ever.
#[track_caller]
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    guarded(stream)
}

/// The plain server that a client under test is to talk to.
#[track_caller]
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

#[track_caller]
fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let (stream, peer) = listener.accept().expect("a connection");
    (guarded(stream), peer)
}

fn guarded(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.set_read_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream.set_write_timeout(Some(EVENT_DEADLINE)).expect("a time limit");
    stream
}

/// All that comes until an orderly end of file; a reset fails the test.
#[track_caller]
fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an orderly end of file");
    all
}

#[track_caller]
fn read_exactly(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("that many bytes");
    bytes
}

/// One whole exchange with the greeting service.
#[track_caller]
fn exchange(address: SocketAddr) {
    let mut stream = connect(address);
    stream.write_all(GREETING).expect("the greeting is sent");
    assert_eq!(read_to_end(&mut stream), FAREWELL.as_bytes());
}

/// Waits until `address` takes no more connections: its server has heard the signal.
#[track_caller]
fn wait_until_refused(address: SocketAddr) {
    let start = std::time::Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < EVENT_DEADLINE, "{address} still takes connections");
        std::thread::yield_now();
    }
}

/// Closes with a reset instead of an end of file: the kernel does so when something unread is thrown away.
#[track_caller]
fn reset(stream: TcpStream) {
    stream.peek(&mut [0]).expect("something unread");
    drop(stream);
}

/// Sends our end of file.
#[track_caller]
fn end(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("our end of file is sent");
}

/// The lines that are printed for one connection to the greeting service.
fn block(server: SocketAddr, peer: SocketAddr, inside: &str) -> String {
    format!(
        "Connection from {peer}\n  Socket name: {server}\n  Socket peer: {peer}\n{inside}  Closing socket\n\
         Waiting for a new connection\n"
    )
}

/// Whether this machine has IPv6; says so where a test has to do without.
fn has_ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        println!("this machine has no ::1: the IPv6 half of the promise is not looked at");
    }
    has
}
