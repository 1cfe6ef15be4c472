//! Making connections: from which of our addresses, what a failure means, and when to try again.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use callbox_measure::report::Buffers;
use callbox_measure::{Nanos, SECOND};
use callbox_net::dial::{DialError, Dialing};
use callbox_net::ready;
use callbox_net::stream::{Begun, Connector, StreamSocket, is_out_of_resources};
use callbox_net::trace::Trace;

use super::Target;
use crate::control::Control;
use crate::outcome::LoadError;
use crate::plan::Plan;
use crate::record::{LOOKS_EVERY, Record};

/// How long a connection may take that is made before the run begins, or the next one of many.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a Unix socket is left alone that has no place for another connection; no event tells when it has one.
pub(super) const FULL: Nanos = SECOND / 1000;

/// How many connections come from one loopback address before the next one has its turn: half of the ports that it has
/// as systems are set up, so that the kernel finds a free one at once.
const PORTS: u64 = 14_000;

/// How many loopback addresses are tried before none is believed to have a port.
const TRIES: usize = 8;

/// The one place that is measured.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Of several addresses, the one that answers first.
pub(super) fn measured(target: &Target, control: &Control) -> Result<Place, LoadError> {
    let addresses = match target {
        Target::Unix(path) => return Ok(Place::Unix(path.clone())),
        Target::Tcp(addresses) => addresses,
    };
    if let [address] = addresses[..] {
        return Ok(Place::Tcp(address));
    }
    let mut dialing = Dialing::new(addresses, PATIENCE, &Trace::off());
    let socket = loop {
        if control.is_stopped() {
            return Err(LoadError::Stopped);
        }
        let dialed = dialing.wait_for(Duration::from_nanos(LOOKS_EVERY));
        if let Some(socket) = dialed.map_err(|error| LoadError::Connect(first_of(error)))? {
            break socket;
        }
    };
    let address = socket.peer_addr().map_err(LoadError::Connect)?;
    address
        .map(Place::Tcp)
        .ok_or_else(|| LoadError::Connect(io::ErrorKind::AddrNotAvailable.into()))
}

/// Of the failures of several addresses, that of the first.
fn first_of(error: DialError) -> io::Error {
    match error {
        DialError::NoAddress => io::ErrorKind::AddrNotAvailable.into(),
        DialError::TimedOut(_) => io::ErrorKind::TimedOut.into(),
        DialError::Failed(failed) => match failed.into_iter().next() {
            Some((_, error)) => error,
            None => io::ErrorKind::AddrNotAvailable.into(),
        },
    }
}

/// Makes the connections of one thread.
#[derive(Debug)]
pub(super) struct Opener {
    connector: Connector,
    /// What was asked of the buffers, until they have been looked at.
    asked: Option<usize>,
    /// How many connections were begun.
    begun: u64,
    /// Which source the next connection comes from, and how far it is to this thread's next one.
    source: usize,
    stride: usize,
    /// The server ends connections, and keeps their ports.
    server_ends: bool,
}

/// What kept a connection from being made, if the run can go on all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Refused,
    Failed,
}

impl Opener {
    /// For thread `index` of a plan.
    pub(super) fn new(
        place: &Place,
        plan: &Plan,
        index: usize,
        server_ends: bool,
    ) -> Result<Self, LoadError> {
        let mut connector = match place {
            Place::Tcp(address) => Connector::tcp(*address),
            Place::Unix(path) => Connector::unix(path).map_err(LoadError::Connect)?,
        };
        if let Some(size) = plan.buffers {
            connector.set_buffers(size);
        }
        let source = index % connector.sources();
        let asked = plan.buffers;
        Ok(Self { connector, asked, begun: 0, source, stride: plan.crew(), server_ends })
    }

    /// Whether a connection is there as soon as it was begun, since the server is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.connector.is_loopback()
    }

    /// Begins a connection.
    pub(super) fn begin(&mut self) -> Result<Begun, io::Error> {
        self.begun += 1;
        if !self.server_ends && self.begun.is_multiple_of(PORTS) {
            self.next_source();
        }
        for _ in 1..TRIES.min(self.connector.sources()) {
            match self.connector.begin(self.source) {
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => self.next_source(),
                result => return result,
            }
        }
        self.connector.begin(self.source)
    }

    fn next_source(&mut self) {
        self.source = (self.source + self.stride) % self.connector.sources();
    }

    /// Whether a connection that was under way is made.
    pub(super) fn conclude(&self, socket: &StreamSocket) -> io::Result<()> {
        self.connector.conclude(socket)
    }

    /// Tells the record of the buffers of the first connection.
    pub(super) fn tell_buffers(&mut self, socket: &StreamSocket, record: &mut Record) {
        if let Some(asked) = self.asked.take()
            && let Ok((send, receive)) = Connector::buffers(socket)
        {
            let (asked, send, receive) = (asked as u64, send as u64, receive as u64);
            record.buffers(Buffers { asked, send, receive });
        }
    }

    /// Makes one connection and ends it.
    pub(super) fn try_once(&mut self, control: &Control) -> Result<(), LoadError> {
        let begun = Instant::now();
        let within = |error: io::ErrorKind| match (control.is_stopped(), begun.elapsed() < PATIENCE)
        {
            (true, _) => Err(LoadError::Stopped),
            (false, false) => Err(LoadError::Connect(error.into())),
            (false, true) => Ok(()),
        };
        loop {
            match self.begin().map_err(LoadError::Connect)? {
                Begun::Made(_) => return Ok(()),
                Begun::UnderWay(socket) => {
                    let look = Some(Duration::from_nanos(LOOKS_EVERY));
                    while !ready::writable(socket.as_fd(), look).map_err(LoadError::Connect)? {
                        within(io::ErrorKind::TimedOut)?;
                    }
                    return self.conclude(&socket).map_err(LoadError::Connect);
                }
                Begun::Full => {
                    within(io::ErrorKind::WouldBlock)?;
                    thread::sleep(Duration::from_nanos(FULL));
                }
            }
        }
    }
}

/// Why a run ends, or does not begin, with a connection that could not be made.
pub(super) fn fatal(error: io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => LoadError::NoPorts,
        _ if is_out_of_resources(&error) => {
            LoadError::System { what: "cannot open a socket", source: error }
        }
        _ => LoadError::Connect(error),
    }
}

impl Trouble {
    /// What an error means for a run under way.
    ///
    /// # Errors
    ///
    /// It ends the run: it is this machine that has no more to give, and the figures would say nothing of the server.
    pub(super) fn of(error: io::Error) -> Result<Self, LoadError> {
        match fatal(error) {
            LoadError::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok(Self::Refused)
            }
            LoadError::Connect(_) => Ok(Self::Failed),
            fatal => Err(fatal),
        }
    }

    /// Counts it.
    pub(super) fn tell(self, record: &mut Record, now: Nanos) {
        match self {
            Self::Refused => record.counts.refused += 1,
            Self::Failed => record.counts.connect_failed += 1,
        }
        record.error(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callbox_measure::plan::{Shape, Stretch};
    use std::net::TcpListener;

    /// The address that the next connection comes from.
    fn source(opener: &mut Opener, listener: &TcpListener) -> String {
        let _begun = opener.begin().unwrap();
        listener.accept().unwrap().1.ip().to_string()
    }

    #[test]
    fn connections_that_we_end_come_from_one_loopback_address_after_the_other() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::Tcp(listener.local_addr().unwrap());
        let plan = Plan {
            shape: Shape::Closed { connections: 3, window: 1 },
            stretch: Stretch { warmup: 0, duration: 1 },
            lost_after: 1,
            threads: 3,
            seed: 0,
            buffers: None,
        };
        let sources = |index, server_ends| {
            let mut opener = Opener::new(&place, &plan, index, server_ends).unwrap();
            let first = source(&mut opener, &listener);
            opener.begun = PORTS - 1;
            [first, source(&mut opener, &listener), source(&mut opener, &listener)]
        };
        assert_eq!(sources(0, false), ["127.0.0.1", "127.0.0.4", "127.0.0.4"]);
        assert_eq!(sources(1, false), ["127.0.0.2", "127.0.0.5", "127.0.0.5"]);
        assert_eq!(sources(1, true), ["127.0.0.2"; 3]);
    }

    #[test]
    fn what_is_missing_here_ends_a_run_and_what_is_missing_there_does_not() {
        let of = |kind: io::ErrorKind| Trouble::of(kind.into());
        assert!(matches!(of(io::ErrorKind::ConnectionRefused), Ok(Trouble::Refused)));
        assert!(matches!(of(io::ErrorKind::HostUnreachable), Ok(Trouble::Failed)));
        assert!(matches!(of(io::ErrorKind::AddrNotAvailable), Err(LoadError::NoPorts)));
    }
}
