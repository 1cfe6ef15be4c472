//! Connecting to a name: all its addresses, the way RFC 8305 ("Happy Eyeballs") orders them.
//!
//! [`Schedule`] decides which attempt starts when; [`dial`] makes the attempts, and [`Dialing`] makes them beside other work. A second address is tried a quarter of a
//! second after the first, or at once when the first has failed, and whichever connects first is used.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use socket2::Socket;
use thiserror::Error;

use crate::ready;
use crate::stream::{self, StreamSocket};
use crate::trace::Trace;

/// Wait before the next attempt: the "Connection Attempt Delay" that RFC 8305 section 5 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why no address could be connected to.
#[derive(Debug, Error)]
pub enum DialError {
    /// The name stands for no address.
    #[error("the name has no address")]
    NoAddress,
    /// Every attempt failed; these are their errors, in the order of the attempts.
    #[error("no attempt succeeded")]
    Failed(Vec<(SocketAddr, io::Error)>),
    /// The time was over before an attempt succeeded; these are all addresses.
    #[error("the time was over")]
    TimedOut(Vec<SocketAddr>),
}

/// Connects to the first of `addresses` that answers, within `timeout` in all.
pub fn dial(
    addresses: &[SocketAddr],
    timeout: Duration,
    trace: &Trace,
) -> Result<StreamSocket, DialError> {
    let mut dialing = Dialing::new(addresses, timeout, trace);
    loop {
        if let Some(socket) = dialing.wait(None)? {
            return Ok(socket);
        }
    }
}

/// Attempts under way, for a caller that may be called away from them.
///
/// Calling contract: [`wait`](Self::wait) or [`wait_for`](Self::wait_for) until it gives a socket or an error. Dropping
/// this gives up.
#[derive(Debug)]
pub struct Dialing {
    start: Instant,
    timeout: Duration,
    trace: Trace,
    schedule: Schedule,
    all: Vec<SocketAddr>,
    open: Vec<(SocketAddr, Socket)>,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl Dialing {
    /// Is to connect to the first of `addresses` that answers, within `timeout` in all.
    pub fn new(addresses: &[SocketAddr], timeout: Duration, trace: &Trace) -> Self {
        Self {
            start: Instant::now(),
            timeout,
            trace: trace.clone(),
            schedule: Schedule::new(addresses),
            all: addresses.to_vec(),
            open: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Goes on until an address is connected. `None` means that `called` became readable before that; an event loop's
    /// own descriptor does for it.
    ///
    /// # Errors
    ///
    /// If no address is left, or no time.
    pub fn wait(
        &mut self,
        called: Option<BorrowedFd<'_>>,
    ) -> Result<Option<StreamSocket>, DialError> {
        self.wait_until(called, None)
    }

    /// The same for so long at most. `None` means that this time is over.
    ///
    /// # Errors
    ///
    /// If no address is left, or no time in all.
    pub fn wait_for(&mut self, time: Duration) -> Result<Option<StreamSocket>, DialError> {
        let moment = self.start.elapsed().saturating_add(time);
        self.wait_until(None, Some(moment))
    }

    fn wait_until(
        &mut self,
        called: Option<BorrowedFd<'_>>,
        moment: Option<Duration>,
    ) -> Result<Option<StreamSocket>, DialError> {
        if self.all.is_empty() {
            return Err(DialError::NoAddress);
        }
        loop {
            let now = self.start.elapsed();
            while let Some(address) = self.schedule.poll_attempt(now) {
                match begin(address, &self.trace) {
                    Ok(socket) => self.open.push((address, socket)),
                    Err(error) => {
                        self.failed.push((address, error));
                        self.schedule.handle_failure(now);
                    }
                }
            }
            if self.open.is_empty() && self.schedule.is_exhausted() {
                return Err(DialError::Failed(std::mem::take(&mut self.failed)));
            }
            if now >= self.timeout {
                return Err(DialError::TimedOut(std::mem::take(&mut self.all)));
            }
            if moment.is_some_and(|moment| now >= moment) {
                return Ok(None);
            }
            let events = [self.schedule.poll_timeout(), moment];
            let until = events.into_iter().flatten().fold(self.timeout, Duration::min);
            match self.first_ended(called, until.saturating_sub(now)) {
                Some(Ended::Attempt(index)) => {
                    if let Some(socket) = self.conclude(index) {
                        return Ok(Some(socket));
                    }
                }
                Some(Ended::Called) => return Ok(None),
                None => {}
            }
        }
    }

    /// What happens first within `wait`.
    fn first_ended(&self, called: Option<BorrowedFd<'_>>, wait: Duration) -> Option<Ended> {
        let fds: Vec<_> = self.open.iter().map(|(_, socket)| socket.as_fd()).collect();
        let ended = ready::first_writable_unless(&fds, called, wait).ok().flatten()?;
        Some(if ended < fds.len() { Ended::Attempt(ended) } else { Ended::Called })
    }

    /// An attempt has ended, well or badly.
    fn conclude(&mut self, index: usize) -> Option<StreamSocket> {
        let (address, socket) = self.open.remove(index);
        let fd = socket.as_raw_fd();
        match outcome(&socket) {
            Ok(None) => {
                let socket = StreamSocket::new(socket, self.trace.clone());
                self.trace.line(format_args!("connect(fd {fd}, {address}) = connected"));
                socket.report_state();
                Some(socket)
            }
            Ok(Some(error)) | Err(error) => {
                self.trace.line(format_args!("connect(fd {fd}, {address}) failed: {error}"));
                self.failed.push((address, error));
                self.schedule.handle_failure(self.start.elapsed());
                None
            }
        }
    }
}

/// What ended a wait.
enum Ended {
    Attempt(usize),
    Called,
}

/// Starts one attempt, which goes on in the background.
fn begin(address: SocketAddr, trace: &Trace) -> io::Result<Socket> {
    let socket = stream::new_tcp_socket(&address, trace)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            trace.line(format_args!(
                "connect(fd {}, {address}) failed: {error}",
                socket.as_raw_fd()
            ));
            Err(error)
        }
        result => {
            let begun = result.map_or("under way", |()| "ok");
            let call = format_args!("connect(fd {}, {address})", socket.as_raw_fd());
            trace.result(Ok(()), call, |()| begun.to_owned())?;
            let local = socket.local_addr().map(|a| a.as_socket());
            let call = format_args!("getsockname(fd {})", socket.as_raw_fd());
            trace.result(local, call, |a| {
                a.map_or_else(|| "nothing".to_owned(), |a| a.to_string())
            })?;
            Ok(socket)
        }
    }
}

/// How an attempt that has ended went.
///
/// Where nobody listens on a port of the ephemeral range, the kernel may choose that very port as ours, and the socket
/// connects to itself (RFC 9293 section 3.5, figure 7: a simultaneous open). There is still nobody to talk to.
pub(crate) fn outcome(socket: &Socket) -> io::Result<Option<io::Error>> {
    let error = socket.take_error()?;
    let to_itself = error.is_none() && socket.local_addr()? == socket.peer_addr()?;
    Ok(if to_itself { Some(io::ErrorKind::ConnectionRefused.into()) } else { error })
}

/// Which address is tried when.
#[derive(Debug)]
pub struct Schedule {
    addresses: std::vec::IntoIter<SocketAddr>,
    next_at: Option<Duration>,
}

impl Schedule {
    /// Tries `addresses`, which the resolver has sorted by preference (RFC 6724), with the families alternating from the
    /// first one's on (RFC 8305 section 4).
    pub fn new(addresses: &[SocketAddr]) -> Self {
        let ordered = interleave(addresses);
        let next_at = (!ordered.is_empty()).then_some(Duration::ZERO);
        Self { addresses: ordered.into_iter(), next_at }
    }

    /// The address that is to be tried now, if one is.
    pub fn poll_attempt(&mut self, now: Duration) -> Option<SocketAddr> {
        if self.next_at? > now {
            return None;
        }
        let address = self.addresses.next();
        self.next_at = (!self.is_exhausted()).then_some(now + ATTEMPT_DELAY);
        address
    }

    /// When the next attempt is due.
    pub const fn poll_timeout(&self) -> Option<Duration> {
        self.next_at
    }

    /// An attempt failed: the next one starts at once.
    pub fn handle_failure(&mut self, now: Duration) {
        self.next_at = self.next_at.map(|at| at.min(now));
    }

    /// Whether every address has been tried.
    pub fn is_exhausted(&self) -> bool {
        self.addresses.as_slice().is_empty()
    }
}

fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for &address in addresses {
        let family = if address.is_ipv4() == first.is_ipv4() { &mut same } else { &mut other };
        if !family.contains(&address) {
            family.push(address);
        }
    }
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(addresses.len());
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Protocol, Type};
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|a| a.parse().unwrap()).collect()
    }

    /// An address where nobody listens, for as long as the socket is there that has its port.
    fn refusing() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.bind(&addresses(&["127.0.0.1:0"])[0].into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn families_alternate_from_the_preferred_one_on() {
        let sorted = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1", "127.0.0.2:1"]);
        let tried = addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleave(&sorted), tried);
    }

    #[test]
    fn the_second_address_waits_a_quarter_second_unless_the_first_fails() {
        let mut schedule = Schedule::new(&addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1"]));
        assert!(schedule.poll_attempt(ms(0)).is_some());
        assert_eq!(schedule.poll_attempt(ms(0)), None);
        assert_eq!(schedule.poll_timeout(), Some(ms(250)));
        assert!(schedule.poll_attempt(ms(250)).is_some());
        schedule.handle_failure(ms(260));
        assert!(schedule.poll_attempt(ms(260)).is_some());
        assert!(schedule.is_exhausted());
        assert_eq!(schedule.poll_timeout(), None);
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let (_taken, refusing) = refusing();
        let socket = dial(&[refusing, good], Duration::from_secs(10), &Trace::off()).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), Some(good));
    }

    #[test]
    fn a_connection_to_itself_is_a_refusal() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.bind(&addresses(&["127.0.0.1:0"])[0].into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        let error = outcome(&socket).unwrap().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// A backlog of none that is full answers nobody.
    fn full() -> (Socket, SocketAddr, TcpStream) {
        let full = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        full.bind(&addresses(&["127.0.0.1:0"])[0].into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let first = TcpStream::connect(address).unwrap();
        (full, address, first)
    }

    #[test]
    fn a_wait_with_a_limit_ends_with_it_and_can_be_taken_up_again() {
        let (full, address, _first) = full();
        let mut dialing = Dialing::new(&[address], Duration::from_secs(100), &Trace::off());
        assert!(dialing.wait_for(Duration::ZERO).unwrap().is_none());
        assert!(dialing.wait_for(ms(1)).unwrap().is_none());
        drop(full);
        let error = dialing.wait_for(Duration::MAX).unwrap_err();
        assert!(matches!(error, DialError::Failed(failed) if failed[0].0 == address));
    }

    #[test]
    fn a_wait_ends_when_its_caller_is_called_away_and_can_be_taken_up_again() {
        let (full, address, _first) = full();
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut dialing = Dialing::new(&[address], Duration::from_secs(10), &Trace::off());
        theirs.write_all(b"!").unwrap();
        assert!(dialing.wait(Some(ours.as_fd())).unwrap().is_none());
        assert!(dialing.wait(Some(ours.as_fd())).unwrap().is_none());
        drop(full);
        let error = dialing.wait(None).unwrap_err();
        assert!(matches!(error, DialError::Failed(failed) if failed[0].0 == address));
    }

    #[test]
    fn every_failure_is_reported() {
        let (_taken, refusing) = refusing();
        let error = dial(&[refusing], Duration::from_secs(10), &Trace::off()).unwrap_err();
        assert!(matches!(error, DialError::Failed(failed) if failed[0].0 == refusing));
        assert!(matches!(dial(&[], Duration::ZERO, &Trace::off()), Err(DialError::NoAddress)));
    }
}
