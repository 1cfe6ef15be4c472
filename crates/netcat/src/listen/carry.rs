//! One client of the HTTP proxy: its request, the way to where it wants, and what is carried between the two.
//!
//! `proxy::server` decides what is said; here are the connections. Nothing waits: a name is looked up on a thread of its
//! own, since the system's resolver knows no other way.

mod passing;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use callbox_net::attempt::{self, Attempts, Connected, Protocol, Source, Step};
use callbox_net::lookup::{self, Family};
use callbox_net::peer::Peer;
use callbox_net::poller::Poller;

use self::passing::{Passed, Passing};
use super::guest::HANDSHAKE_TIME;
use super::job::Progress;
use crate::bridge::{Bridge, Course};
use crate::connect::family;
use crate::link::prefixed::prefixed;
use crate::link::{Got, Link, stream};
use crate::options::Options;
use crate::proxy::Host;
use crate::proxy::server::{Gate, Reader, Reading, Refusal, Request};
use crate::says::{Says, Trouble, shown, words};
use crate::source::is_for_later;

/// How long a client may take to say what it wants. Whoever needs longer only takes a place.
const ASKING: Duration = HANDSHAKE_TIME;

/// How long a client has to read the last that it is told, and to close. A connection that is closed over bytes that were
/// never read is reset, and a reset may destroy what was still on its way.
const LEAVING: Duration = Duration::from_secs(5);

/// How much of a client that leaves is read and dropped.
const DROPPED: usize = 1024 * 1024;

/// How long an attempt to connect may take where -w does not say.
const DIALING: Duration = Duration::from_secs(30);

/// What one read asks for.
const READ_BYTES: usize = 16 * 1024;

/// The two sides, as a bridge and an exchange number them.
const CLIENT: usize = 0;
const ORIGIN: usize = 1;

/// What all clients of a proxy share.
#[derive(Clone, Debug)]
pub(super) struct Proxying {
    /// Who may use it.
    gate: Gate,
    /// Which addresses of a name are tried.
    family: Family,
    /// Whether no names are looked up.
    numeric: bool,
    /// How long each attempt to connect may take.
    wait: Option<Duration>,
    /// How long a connection may be open without anything said.
    idle: Option<Duration>,
    /// Says, with -v, what is asked for and refused.
    says: Says,
}

impl Proxying {
    /// As the options say. Without a secret nobody's credentials can be judged.
    pub(super) fn new(options: &Options, says: Says) -> Result<Self, Trouble> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| Trouble::Call(format!("no random numbers: {error}")))?;
        Ok(Self {
            gate: Gate::new(options.listen.login.clone(), secret, Instant::now()),
            family: family(options),
            numeric: options.numeric,
            wait: options.from.wait,
            idle: options.flow.idle,
            says,
        })
    }
}

/// One client, until it is over. It is called as a bridge is.
pub(super) struct Carry {
    proxying: Proxying,
    peer: Peer,
    /// There until both sides belong to a bridge or an exchange.
    client: Option<Box<dyn Link>>,
    stage: Stage,
    deadline: Option<Instant>,
    /// How much went to the origin and to the client, and when that changed last; once there is an origin.
    moved: Option<([u64; 2], Instant)>,
    readable: [bool; 2],
    writable: [bool; 2],
    stirred: bool,
}

enum Stage {
    /// Until the head of the request is there.
    Asking(Reader),
    /// Until the addresses of a name are there.
    Looking {
        asked: Asked,
        told: UnixStream,
        found: Receiver<Result<Vec<SocketAddr>, String>>,
    },
    /// Until there is a connection, or no address left.
    Dialing {
        asked: Asked,
        attempts: Box<Attempts>,
    },
    Tunnel(Bridge),
    Passing(Passing),
    /// Until the client has been told the last and has closed.
    Leaving {
        last: Vec<u8>,
        at: usize,
        finished: bool,
        dropped: usize,
    },
    Over,
}

/// What a client wants, and what it has already said behind that.
struct Asked {
    request: Request,
    rest: Vec<u8>,
}

impl Carry {
    /// A client that has connected, its handshakes over.
    pub(super) fn new(proxying: Proxying, client: Box<dyn Link>, peer: Peer, now: Instant) -> Self {
        Self {
            proxying,
            peer,
            client: Some(client),
            stage: Stage::Asking(Reader::default()),
            deadline: Some(now + ASKING),
            moved: None,
            readable: [true; 2],
            writable: [true; 2],
            stirred: true,
        }
    }

    /// What was waited for is there.
    pub(super) fn handle_ready(&mut self, side: usize, readable: bool, writable: bool) {
        self.stirred = true;
        if let Stage::Tunnel(bridge) = &mut self.stage {
            return bridge.handle_ready(side, readable, writable);
        }
        let room = self.link(side).is_some_and(|link| link.room().readable);
        self.readable[side] |= readable;
        self.writable[side] |= writable || (readable && room);
    }

    /// Whether there is something to do.
    pub(super) fn is_stirred(&self, now: Instant) -> bool {
        self.stirred || self.poll_timeout().is_some_and(|at| now >= at)
    }

    /// When it is to be advanced, whatever happens until then.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.stage {
            Stage::Dialing { attempts, .. } => attempts.poll_timeout(),
            Stage::Tunnel(bridge) => bridge.poll_timeout(),
            _ => None,
        };
        let links = [CLIENT, ORIGIN].map(|side| self.link(side)?.poll_timeout());
        [own, self.deadline, self.idles_at()].into_iter().chain(links).flatten().min()
    }

    /// When it has been open for too long without anything said.
    fn idles_at(&self) -> Option<Instant> {
        self.proxying.idle.zip(self.moved).map(|(idle, (_, moved))| moved + idle)
    }

    /// Does what can be done.
    pub(super) fn advance(&mut self, poller: &mut Poller, now: Instant) -> Progress {
        self.stirred = false;
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let broken = self.client.as_mut().is_some_and(|client| client.advance(now).is_err());
        if late || broken {
            return Progress::Over;
        }
        if self.idles_at().is_some_and(|at| now >= at) {
            self.tell(format_args!("was idle for too long and is closed"));
            return Progress::Over;
        }
        // Each stage goes on to the next by itself, and there are few.
        loop {
            let (next, goes_on) = match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Asking(reader) => self.ask(reader, now),
                Stage::Looking { asked, told, found } => match found.try_recv() {
                    Err(TryRecvError::Empty) => (Stage::Looking { asked, told, found }, false),
                    found => {
                        poller.remove(told.as_fd());
                        let found = found.unwrap_or_else(|_| Err("the resolver failed".to_owned()));
                        (self.found(asked, found), true)
                    }
                },
                Stage::Dialing { asked, attempts } => self.dial(asked, attempts, poller, now),
                Stage::Tunnel(mut bridge) => match bridge.advance(now, &mut |_, _| {}) {
                    Course::Goes => {
                        self.stirred = true;
                        (Stage::Tunnel(bridge), false)
                    }
                    Course::Waits => (Stage::Tunnel(bridge), false),
                    Course::Over | Course::Broken(..) => {
                        (0..2).for_each(|side| poller.remove(bridge.interest(side).0));
                        (Stage::Over, false)
                    }
                },
                Stage::Passing(mut passing) => {
                    match passing.advance(&mut self.readable, &mut self.writable, now) {
                        Passed::Goes => {
                            self.stirred = true;
                            (Stage::Passing(passing), false)
                        }
                        Passed::Waits => (Stage::Passing(passing), false),
                        Passed::Over => {
                            let [client, origin] = passing.into_links();
                            poller.remove(origin.source());
                            self.client = Some(client);
                            (self.leaves(Vec::new(), now), true)
                        }
                    }
                }
                Stage::Leaving { last, at, finished, dropped } => {
                    self.leave(last, at, finished, dropped)
                }
                Stage::Over => (Stage::Over, false),
            };
            self.stage = next;
            if !goes_on {
                break;
            }
        }
        let moved = match &self.stage {
            Stage::Tunnel(bridge) => Some(bridge.moved()),
            Stage::Passing(passing) => Some(passing.moved()),
            _ => None,
        };
        if self.moved.map(|(before, _)| before) != moved {
            self.moved = moved.map(|moved| (moved, now));
        }
        if matches!(self.stage, Stage::Over) { Progress::Over } else { Progress::Waits }
    }

    /// Has nothing of it waited for any more, before it is closed.
    pub(super) fn unregister(&self, poller: &mut Poller) {
        for side in [CLIENT, ORIGIN] {
            if let Some(source) = self.source(side) {
                poller.remove(source);
            }
        }
    }

    /// Has everything waited for that can go on. `first` is the token of the client's side, the next that of the origin's.
    pub(super) fn register(&self, poller: &mut Poller, first: u64) -> io::Result<()> {
        for side in [CLIENT, ORIGIN] {
            let Some(source) = self.source(side) else { continue };
            let (readable, writable) = self.interest(side);
            poller.set(source, first + side as u64, readable, writable)?;
        }
        Ok(())
    }

    fn interest(&self, side: usize) -> (bool, bool) {
        if let Stage::Tunnel(bridge) = &self.stage {
            let (_, readable, writable) = bridge.interest(side);
            return (readable, writable);
        }
        let Some(link) = self.link(side) else {
            // A lookup tells by being readable that it is over, an attempt by being writable.
            return match &self.stage {
                Stage::Looking { .. } => (true, false),
                _ => (false, true),
            };
        };
        let (reads, writes) = match &self.stage {
            Stage::Asking(_) => (true, false),
            Stage::Passing(passing) => (passing.reads(side), passing.writes(side)),
            Stage::Leaving { last, at, .. } => (*at == last.len(), *at < last.len()),
            _ => (false, false),
        };
        let (reads, writes) = (reads && !self.readable[side], writes && !self.writable[side]);
        let (needs, room) = (link.needs(), link.room());
        (
            reads || needs.readable || (writes && room.readable),
            needs.writable || (writes && room.writable),
        )
    }

    /// The descriptor of a side.
    fn source(&self, side: usize) -> Option<BorrowedFd<'_>> {
        match (&self.stage, side) {
            (Stage::Tunnel(bridge), _) => Some(bridge.interest(side).0),
            (Stage::Looking { told, .. }, ORIGIN) => Some(told.as_fd()),
            (Stage::Dialing { attempts, .. }, ORIGIN) => attempts.source(),
            _ => self.link(side).map(Link::source),
        }
    }

    /// The link of a side, unless it is a bridge's.
    fn link(&self, side: usize) -> Option<&dyn Link> {
        match (&self.stage, side) {
            (Stage::Passing(passing), _) => Some(passing.link(side)),
            (_, CLIENT) => self.client.as_deref(),
            _ => None,
        }
    }
}

/// The stages, one after the other. Each gives the next, and whether that is to be begun at once.
impl Carry {
    fn ask(&mut self, mut reader: Reader, now: Instant) -> (Stage, bool) {
        let Some(client) = &mut self.client else { return (Stage::Over, false) };
        let mut buffer = [0; READ_BYTES];
        loop {
            match client.read(&mut buffer) {
                Ok(Got::Bytes(count)) => {
                    let mut input = &buffer[..count];
                    match reader.handle(&mut input, &self.proxying.gate, now) {
                        Reading::More => {}
                        Reading::Refuse(refusal) => return (self.refuse(&refusal, now), true),
                        Reading::Connect(request) => {
                            self.tell(format_args!(
                                "asks for {} {}",
                                request.method(),
                                request.target()
                            ));
                            self.deadline = None;
                            let asked = Asked { request, rest: input.to_vec() };
                            return (self.look_up(asked, now), true);
                        }
                    }
                }
                Err(error) if is_for_later(&error) => {
                    self.readable[CLIENT] = false;
                    return (Stage::Asking(reader), false);
                }
                Ok(Got::End) | Err(_) => return (Stage::Over, false),
            }
        }
    }

    fn look_up(&mut self, asked: Asked, now: Instant) -> Stage {
        let target = asked.request.target();
        let (name, port) = match &target.host {
            Host::Address(ip) => {
                let address = SocketAddr::new(*ip, target.port);
                return self.found(asked, Ok(vec![address]));
            }
            Host::Name(name) => (name.clone(), target.port),
        };
        let (family, numeric) = (self.proxying.family, self.proxying.numeric);
        let begin = || -> io::Result<_> {
            let (told, tell) = UnixStream::pair()?;
            let (find, found) = mpsc::channel();
            thread::Builder::new().name("resolver".to_owned()).spawn(move || {
                let addresses = lookup::lookup(&name, port, family, numeric);
                // Nobody may be there to hear it any more.
                let _ = find.send(addresses.map_err(|error| error.to_string()));
                drop(tell);
            })?;
            Ok((told, found))
        };
        match begin() {
            Ok((told, found)) => Stage::Looking { asked, told, found },
            Err(error) => self.refuse(&asked.request.failed(&words(&error)), now),
        }
    }

    fn found(&mut self, asked: Asked, found: Result<Vec<SocketAddr>, String>) -> Stage {
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(why) => return self.refuse(&asked.request.failed(&why), Instant::now()),
        };
        let attempts = Attempts::new(attempt::Request {
            protocol: Protocol::Tcp,
            targets: addresses.into_iter().map(Peer::Inet).collect(),
            source: Source::default(),
            route: Vec::new(),
            route_pointer: 4,
            buffers: None,
            timeout: Some(self.proxying.wait.unwrap_or(DIALING)),
        });
        // The first step waits for nothing.
        self.writable[ORIGIN] = true;
        Stage::Dialing { asked, attempts: Box::new(attempts) }
    }

    fn dial(
        &mut self,
        asked: Asked,
        mut attempts: Box<Attempts>,
        poller: &mut Poller,
        now: Instant,
    ) -> (Stage, bool) {
        let is_due = attempts.poll_timeout().is_some_and(|at| now >= at);
        if !self.writable[ORIGIN] && !is_due {
            return (Stage::Dialing { asked, attempts }, false);
        }
        loop {
            // A step may close it.
            if let Some(source) = attempts.source() {
                poller.remove(source);
            }
            match attempts.step(now) {
                Step::Waiting => {
                    self.writable[ORIGIN] = false;
                    return (Stage::Dialing { asked, attempts }, false);
                }
                Step::Failed { error, last: true, .. } => {
                    return (self.refuse(&asked.request.failed(&words(&error)), now), true);
                }
                Step::Failed { .. } | Step::Connected(Connected::Messages(_), _) => {}
                Step::Connected(Connected::Stream(socket), _) => {
                    return (self.connected(asked, Box::new(stream::Stream::new(socket))), true);
                }
            }
        }
    }

    fn connected(&mut self, Asked { request, rest }: Asked, origin: Box<dyn Link>) -> Stage {
        let Some(client) = self.client.take() else { return Stage::Over };
        (self.readable, self.writable) = ([true; 2], [true; 2]);
        let (mut to_client, mut to_origin) = (Vec::new(), Vec::new());
        match request.connected(&mut to_client, &mut to_origin) {
            None => {
                let links = [prefixed(client, rest), prefixed(origin, to_client)];
                Stage::Tunnel(Bridge::new(links))
            }
            Some(exchange) => Stage::Passing(Passing::new(
                [client, origin],
                exchange,
                [to_client, to_origin],
                &rest,
            )),
        }
    }

    fn refuse(&mut self, refusal: &Refusal, now: Instant) -> Stage {
        self.tell(format_args!("is refused: {}", refusal.summary()));
        self.leaves(refusal.reply(), now)
    }

    fn leaves(&mut self, last: Vec<u8>, now: Instant) -> Stage {
        self.deadline = Some(now + LEAVING);
        Stage::Leaving { last, at: 0, finished: false, dropped: 0 }
    }

    fn leave(
        &mut self,
        last: Vec<u8>,
        mut at: usize,
        mut finished: bool,
        mut dropped: usize,
    ) -> (Stage, bool) {
        let Some(client) = &mut self.client else { return (Stage::Over, false) };
        while at < last.len() {
            match client.write(&last[at..]) {
                Ok(count) => at += count,
                Err(error) if is_for_later(&error) => {
                    self.writable[CLIENT] = false;
                    return (Stage::Leaving { last, at, finished, dropped }, false);
                }
                Err(_) => return (Stage::Over, false),
            }
        }
        if !finished && client.finish().is_err() {
            return (Stage::Over, false);
        }
        finished = true;
        let mut buffer = [0; READ_BYTES];
        while dropped < DROPPED {
            match client.read(&mut buffer) {
                Ok(Got::Bytes(count)) => dropped += count,
                Err(error) if is_for_later(&error) => {
                    self.readable[CLIENT] = false;
                    return (Stage::Leaving { last, at, finished, dropped }, false);
                }
                Ok(Got::End) | Err(_) => break,
            }
        }
        (Stage::Over, false)
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        self.proxying.says.verbose(format_args!("{} {what}", shown(&self.peer)));
    }
}
