//! The stream load: each thread connects, sends a greeting, reads up to the end of file, and begins
//! again. A reply is right only if an orderly end follows it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;

/// What every server answers.
const REPLY: &[u8] = b"Goodbye, client!";

/// When a connection or a reply counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// How a single exchange ended.
enum Ended {
    Good,
    Bad,
    Lost,
}

/// Loads a server on 127.0.0.1 for a time with `connections` threads, one connection each.
pub(crate) fn run(
    connections: usize,
    greeting: &'static [u8],
    port: u16,
    time: Duration,
) -> Outcome {
    let until = Instant::now() + time;
    let exchanges = move || {
        let mut outcome = Outcome::default();
        while Instant::now() < until {
            match exchange(greeting, port) {
                Ended::Good => outcome.good += 1,
                Ended::Bad => outcome.bad += 1,
                Ended::Lost => outcome.lost += 1,
            }
        }
        outcome
    };
    let threads: Vec<_> = (0..connections).map(|_| thread::spawn(exchanges)).collect();
    let mut total = Outcome::default();
    for outcome in threads.into_iter().filter_map(|thread| thread.join().ok()) {
        total.good += outcome.good;
        total.bad += outcome.bad;
        total.lost += outcome.lost;
    }
    total
}

/// Whether a server answers one exchange rightly.
pub(crate) fn answers(port: u16) -> bool {
    matches!(exchange(b"Greetings, serve", port), Ended::Good)
}

fn exchange(greeting: &[u8], port: u16) -> Ended {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&server, LOST_AFTER) else {
        return Ended::Lost;
    };
    let sent = stream.set_read_timeout(Some(LOST_AFTER)).and_then(|()| stream.write_all(greeting));
    if sent.is_err() {
        return Ended::Bad;
    }
    // One byte more than is right, so that a longer reply is seen to be wrong.
    let mut reply = [0; REPLY.len() + 1];
    let mut length = 0;
    while length < reply.len() {
        match stream.read(&mut reply[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ended::Lost,
            Err(_) => return Ended::Bad,
        }
    }
    if &reply[..length] == REPLY { Ended::Good } else { Ended::Bad }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that reads 16 bytes, answers with `reply` and closes; it ends with the test.
    fn serve(reply: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut greeting = [0; 16];
                let exchanged =
                    stream.read_exact(&mut greeting).and_then(|()| stream.write_all(reply));
                // The client may have gone by now.
                drop(exchanged);
            }
        });
        port
    }

    const TIME: Duration = Duration::from_millis(50);

    #[test]
    fn a_right_reply_and_an_orderly_end_are_good() {
        let outcome = run(2, b"Greetings, serve", serve(REPLY), TIME);
        assert!(outcome.good > 0, "{outcome:?}");
        assert_eq!((outcome.bad, outcome.lost), (0, 0));
    }

    #[test]
    fn a_short_and_a_long_reply_are_bad() {
        for reply in [&b"Goodbye"[..], b"Goodbye, client! And more."] {
            let outcome = run(1, b"Greetings, serve", serve(reply), TIME);
            assert!(outcome.good == 0 && outcome.bad > 0, "{outcome:?}");
        }
    }

    #[test]
    fn a_reply_that_ends_in_a_reset_is_bad() {
        // The server closes with the 17th byte unread, which makes the kernel reset the connection.
        let outcome = run(1, b"Greetings, server", serve(REPLY), TIME);
        assert!(outcome.bad > 0, "{outcome:?}");
    }
}
