//! The datagram load: each thread keeps a window of requests on their way on one socket, and checks
//! each reply against the request it must belong to.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;
use super::peers::Answer;

/// When a reply counts as lost. On loopback a reply takes microseconds, from a server that forks a
/// few milliseconds.
const LOST_AFTER: Duration = Duration::from_millis(100);

/// Room for the largest message and more: a server that runs replies together must not look right.
const BUFFER_BYTES: usize = 2048;

/// The letters at the start of a message that number it.
const NUMBER_LETTERS: usize = 8;

/// Loads a server on 127.0.0.1 for a time: `sockets` threads with `window` messages of `size` bytes.
pub(crate) fn run(
    sockets: u64,
    window: usize,
    size: usize,
    answer: Answer,
    port: u16,
    time: Duration,
) -> Outcome {
    let until = Instant::now() + time;
    let threads: Vec<_> = (0..sockets)
        .map(|_| thread::spawn(move || Flow::open(port, size, answer)?.run(window, until)))
        .collect();
    let mut total = Outcome::default();
    for outcome in threads.into_iter().filter_map(|thread| thread.join().ok()?.ok()) {
        total.good += outcome.good;
        total.bad += outcome.bad;
        total.lost += outcome.lost;
    }
    total
}

/// Whether a server answers one datagram rightly.
pub(crate) fn answers(answer: Answer, port: u16) -> bool {
    let exchange = || -> std::io::Result<bool> {
        let mut flow = Flow::open(port, 2 * NUMBER_LETTERS, answer)?;
        flow.send()?;
        let mut buffer = [0; BUFFER_BYTES];
        let length = flow.socket.recv(&mut buffer)?;
        Ok(flow.take(&buffer[..length]))
    };
    exchange().unwrap_or(false)
}

/// One socket and its requests on their way.
struct Flow {
    socket: UdpSocket,
    answer: Answer,
    next: u32,
    waiting: Vec<u32>,
    message: Vec<u8>,
    expected: Vec<u8>,
}

impl Flow {
    fn open(port: u16, size: usize, answer: Answer) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(LOST_AFTER))?;
        let message: Vec<u8> = (b'a'..=b'z').cycle().take(size.max(NUMBER_LETTERS)).collect();
        let expected = message.clone();
        Ok(Self { socket, answer, next: 0, waiting: Vec::new(), message, expected })
    }

    fn run(mut self, window: usize, until: Instant) -> std::io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut buffer = [0; BUFFER_BYTES];
        while Instant::now() < until {
            while self.waiting.len() < window {
                self.send()?;
            }
            match self.socket.recv(&mut buffer) {
                Ok(length) if self.take(&buffer[..length]) => outcome.good += 1,
                Ok(_) => outcome.bad += 1,
                Err(_) => {
                    outcome.lost += self.waiting.len() as u64;
                    self.waiting.clear();
                }
            }
        }
        Ok(outcome)
    }

    /// Sends the next request.
    fn send(&mut self) -> std::io::Result<()> {
        write_number(self.next, &mut self.message);
        self.socket.send(&self.message)?;
        self.waiting.push(self.next);
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// Whether a reply is the right one to a request that waits for it; that one waits no more.
    fn take(&mut self, reply: &[u8]) -> bool {
        let Some(index) = self.waiting.iter().position(|&n| Some(n) == number_in(reply)) else {
            return false;
        };
        write_number(self.waiting.swap_remove(index), &mut self.message);
        self.expected.copy_from_slice(&self.message);
        if self.answer == Answer::Upper {
            self.expected.make_ascii_uppercase();
        }
        reply == self.expected
    }
}

/// Writes a number in letters, four bits each, so that upper-casing has work to do.
fn write_number(number: u32, message: &mut [u8]) {
    for (place, letter) in message[..NUMBER_LETTERS].iter_mut().enumerate() {
        *letter = b'a' + (number >> (4 * place) & 0xf) as u8;
    }
}

/// The number at the start of a reply in either case.
fn number_in(reply: &[u8]) -> Option<u32> {
    let letters = reply.get(..NUMBER_LETTERS)?;
    letters.iter().rev().try_fold(0, |number, letter| {
        let digit = letter.to_ascii_lowercase().checked_sub(b'a').filter(|digit| *digit < 16)?;
        Some(number << 4 | u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers until the load has gone quiet, with what `change` makes of a request.
    fn serve(change: fn(&mut [u8])) -> u16 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a deadline");
        let port = socket.local_addr().expect("an address").port();
        thread::spawn(move || {
            let mut buffer = [0; BUFFER_BYTES];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                change(&mut buffer[..length]);
                socket.send_to(&buffer[..length], from).expect("a reply");
            }
        });
        port
    }

    const TIME: Duration = Duration::from_millis(50);

    #[test]
    fn right_replies_are_counted_as_good() {
        let port = serve(<[u8]>::make_ascii_uppercase);
        assert!(answers(Answer::Upper, port));
        let outcome = run(2, 4, 64, Answer::Upper, port, TIME);
        assert!(outcome.good > 0, "{outcome:?}");
        assert_eq!((outcome.bad, outcome.lost), (0, 0));
    }

    #[test]
    fn replies_that_were_not_raised_are_counted_as_bad() {
        let port = serve(|_| {});
        assert!(!answers(Answer::Upper, port));
        assert!(answers(Answer::Same, port));
        let outcome = run(1, 1, 64, Answer::Upper, port, TIME);
        assert!(outcome.good == 0 && outcome.bad > 0, "{outcome:?}");
    }

    #[test]
    fn a_second_reply_to_one_request_is_bad() {
        let mut flow = Flow::open(serve(|_| {}), 64, Answer::Same).expect("a flow");
        flow.send().expect("sent");
        let reply = flow.message.clone();
        assert!(flow.take(&reply));
        assert!(!flow.take(&reply));
    }

    #[test]
    fn numbers_survive_upper_casing() {
        for number in [0, 1, 0x89ab_cdef, u32::MAX] {
            let mut message = [0; NUMBER_LETTERS];
            write_number(number, &mut message);
            message.make_ascii_uppercase();
            assert_eq!(number_in(&message), Some(number));
        }
    }
}
