//! How a crowd comes in: connected, let in, and each in its channel, before anything is measured.
//!
//! Only so many connect at a time: the queue in which a server keeps connections that it has not accepted yet is short. And
//! only so many join at a time, for each is announced to all that are there, and a server keeps only so much for a client.
//! How long a server takes to let somebody in is no reason to wait with the next.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use callbox_irc::build::Line;
use callbox_irc::framer::Frame;
use callbox_measure::report::Buffers;
use callbox_measure::{Nanos, SECOND};
use callbox_net::attempt::{Attempts, Connected, Protocol, Request, Source, Step};
use callbox_net::limits;
use callbox_net::peer::Peer;
use callbox_net::poller::Event;
use callbox_net::stream::{Connector, StreamSocket};

use super::clients::{Clients, Received, UNSENT};
use super::incoming::{Notice, is_error};
use super::names::Names;
use super::{ChatLoad, refusal};
use crate::clock::Clock;
use crate::control::Control;
use crate::outcome::LoadError;
use crate::record::LOOKS_EVERY;
use crate::wait::Waiter;

/// Clients that are begun to be connected before it is looked what came of it, and that may be without a connection yet.
const CONNECTING: usize = 64;

/// Clients that are on their way into their channels at a time.
const JOINING: usize = 256;

/// How long a server has for what was begun before more clients connect.
const A_MOMENT: Nanos = 2_000_000;

/// How long an address of several may take to connect before the next is tried.
const EACH_ADDRESS: Duration = Duration::from_secs(5);

/// How long a server may leave a crowd standing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without another client having got further. Some servers first ask a name server and the client's machine about
    /// each, and wait half a minute for an answer.
    pub(super) step: Nanos,
    /// For all of them together.
    pub(super) all: Nanos,
}

impl Default for Patience {
    fn default() -> Self {
        Self { step: 40 * SECOND, all: 600 * SECOND }
    }
}

/// A crowd that has come in.
pub(super) struct Arrived {
    pub(super) clients: Clients,
    pub(super) waiter: Waiter,
    /// How long it took until everybody had heard of all the others in their channel.
    pub(super) took: Nanos,
}

/// Brings a crowd in.
pub(super) fn come_in(
    load: &ChatLoad,
    names: &Names,
    patience: Patience,
    control: &Control,
) -> Result<Arrived, LoadError> {
    let all = load.crowd.clients();
    limits::raise_open_files();
    let mut entrance = Entrance {
        load,
        names,
        patience,
        control,
        clock: Clock::since(Instant::now()),
        clients: Clients::new(all),
        waiter: Waiter::new()?,
        events: Vec::new(),
        stages: std::iter::repeat_with(|| Stage::Outside).take(all).collect(),
        address: None,
        begun: 0,
        reached: Reached::default(),
        latest: 0,
    };
    entrance.connect_all()?;
    entrance.join_all()?;
    entrance.settle_all()?;
    let took = entrance.clock.now();
    Ok(Arrived { clients: entrance.clients, waiter: entrance.waiter, took })
}

/// Where a client is.
#[derive(Debug)]
enum Stage {
    Outside,
    Connecting(Box<Attempts>),
    /// It has said who it is.
    Knocking,
    /// The server has let it in.
    Inside,
    /// In its channel.
    Seated,
    /// It has read all that was said when others came in.
    Settled,
}

/// How many clients have got how far.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    connected: usize,
    inside: usize,
    seated: usize,
    settled: usize,
}

struct Entrance<'a> {
    load: &'a ChatLoad,
    names: &'a Names,
    patience: Patience,
    control: &'a Control,
    clock: Clock,
    clients: Clients,
    waiter: Waiter,
    events: Vec<Event>,
    stages: Vec<Stage>,
    /// The address that the first client could connect to.
    address: Option<Peer>,
    /// How many clients have begun the part that all of them are in.
    begun: usize,
    reached: Reached,
    /// When a client last got further.
    latest: Nanos,
}

/// What a client was told that matters while it comes in.
enum Told {
    LetIn,
    Joined,
    Answered,
    Refused(LoadError),
}

impl Entrance<'_> {
    fn connect_all(&mut self) -> Result<(), LoadError> {
        while self.reached.inside < self.stages.len() {
            // The first one finds out which address is the right one.
            let most = if self.address.is_some() { CONNECTING } else { 1 };
            let room = most.saturating_sub(self.begun - self.reached.connected);
            let last = self.stages.len().min(self.begun + room);
            while self.begun < last {
                let number = self.begun;
                self.begun += 1;
                self.stages[number] = Stage::Connecting(Box::new(self.attempts()));
                self.go_on_connecting(number)?;
            }
            let wait = if self.begun < self.stages.len() { A_MOMENT } else { LOOKS_EVERY };
            self.pump("were let in", self.reached.inside, wait)?;
        }
        Ok(())
    }

    fn join_all(&mut self) -> Result<(), LoadError> {
        self.begun = 0;
        while self.reached.seated < self.stages.len() {
            while self.begun < self.stages.len() && self.begun - self.reached.seated < JOINING {
                let number = self.begun;
                self.begun += 1;
                let channel = self.names.channel_of(number);
                Line::bare(self.clients.unsent(number), "JOIN").param(&channel).end();
                self.clients.flush(number, &mut self.waiter)?;
            }
            self.pump("came into their channel", self.reached.seated, LOOKS_EVERY)?;
        }
        Ok(())
    }

    /// What answers a PING comes after all that was said before.
    fn settle_all(&mut self) -> Result<(), LoadError> {
        for number in 0..self.stages.len() {
            Line::bare(self.clients.unsent(number), "PING").param("settled").end();
            self.clients.flush(number, &mut self.waiter)?;
        }
        while self.reached.settled < self.stages.len() {
            self.pump("had their PING answered", self.reached.settled, LOOKS_EVERY)?;
        }
        Ok(())
    }

    fn attempts(&self) -> Attempts {
        let targets = match &self.address {
            Some(address) => vec![address.clone()],
            None => self.load.addresses.iter().copied().map(Peer::Inet).collect(),
        };
        let timeout = (targets.len() > 1).then_some(EACH_ADDRESS);
        Attempts::new(Request {
            protocol: Protocol::Tcp,
            targets,
            source: Source::default(),
            route: Vec::new(),
            route_pointer: 0,
            buffers: self.load.plan.buffers,
            timeout,
        })
    }

    /// Takes in what happens next, for which it waits no longer than that.
    fn pump(&mut self, what: &str, done: usize, wait: Nanos) -> Result<(), LoadError> {
        let all = self.stages.len();
        let now = self.clock.now();
        if self.control.is_stopped() {
            return Err(LoadError::Stopped);
        }
        if now >= self.patience.all || now - self.latest >= self.patience.step {
            let waited = now - self.latest;
            return Err(refusal::stuck(done, all, what, waited.div_ceil(SECOND)));
        }
        let mut events = std::mem::take(&mut self.events);
        self.waiter.wait(self.clock, now.saturating_add(wait), &mut events)?;
        if events.is_empty() {
            self.look_at_addresses()?;
        }
        for event in &events {
            // It was a client's number before it was a token.
            self.handle_event(event.token as usize, event)?;
        }
        self.events = events;
        Ok(())
    }

    /// An address may have taken too long.
    fn look_at_addresses(&mut self) -> Result<(), LoadError> {
        let is_due = |stage: &Stage| match stage {
            Stage::Connecting(attempts) => {
                attempts.poll_timeout().is_some_and(|at| at <= Instant::now())
            }
            _ => false,
        };
        match self.stages.iter().position(is_due) {
            Some(number) => self.go_on_connecting(number),
            None => Ok(()),
        }
    }

    fn handle_event(&mut self, number: usize, event: &Event) -> Result<(), LoadError> {
        if matches!(self.stages.get(number), Some(Stage::Connecting(_))) {
            return self.go_on_connecting(number);
        }
        if event.writable {
            self.clients.flush(number, &mut self.waiter)?;
        }
        if event.readable {
            self.read(number)?;
        }
        Ok(())
    }

    fn go_on_connecting(&mut self, number: usize) -> Result<(), LoadError> {
        let Stage::Connecting(attempts) = &mut self.stages[number] else { return Ok(()) };
        loop {
            // The socket may be closed for one to the next address.
            if let Some(socket) = attempts.source() {
                self.waiter.remove(socket);
            }
            match attempts.step(Instant::now()) {
                Step::Waiting => {
                    if let Some(socket) = attempts.source() {
                        self.waiter.set(socket.as_fd(), number as u64, false, true)?;
                    }
                    return Ok(());
                }
                Step::Connected(Connected::Stream(socket), peer) => {
                    self.address.get_or_insert(peer);
                    self.reached.connected += 1;
                    self.look_at_buffers(&socket);
                    self.clients.connected(number, socket, &mut self.waiter)?;
                    self.latest = self.clock.now();
                    return self.knock(number);
                }
                Step::Connected(Connected::Messages(_), _) => {
                    return Err(refusal::unconnected(
                        number,
                        self.stages.len(),
                        std::io::ErrorKind::Unsupported.into(),
                    ));
                }
                Step::Failed { error, last: true, .. } => {
                    return Err(refusal::unconnected(number, self.stages.len(), error));
                }
                Step::Failed { last: false, .. } => {}
            }
        }
    }

    /// Of the buffers that a size was asked for, those of the first connection are looked at: all have the same.
    fn look_at_buffers(&mut self, socket: &StreamSocket) {
        let asked = self.load.plan.buffers;
        if let (Some(asked), None) = (asked, self.clients.buffers)
            && let Ok((send, receive)) = Connector::buffers(socket)
        {
            let (asked, send, receive) = (asked as u64, send as u64, receive as u64);
            self.clients.buffers = Some(Buffers { asked, send, receive });
        }
    }

    /// Says who a client is.
    fn knock(&mut self, number: usize) -> Result<(), LoadError> {
        self.stages[number] = Stage::Knocking;
        let out = self.clients.unsent(number);
        if let Some(password) = &self.load.password {
            Line::bare(out, "PASS").text(password).end();
        }
        Line::bare(out, "NICK").param(&self.names.nick(number)).end();
        Line::bare(out, "USER").params(["callbox", "0", "*"]).text("callbox bench").end();
        self.clients.flush(number, &mut self.waiter)
    }

    fn read(&mut self, number: usize) -> Result<(), LoadError> {
        let all = self.stages.len();
        let length = match self.clients.receive(number) {
            Received::Bytes(length) => length,
            Received::Nothing => return Ok(()),
            Received::End => return Err(refusal::shut_out(number, all)),
        };
        let Self { clients, stages, reached, latest, clock, .. } = self;
        let mut refused = None;
        clients.lines(number, length, |frame, unsent| {
            let Frame::Line(line) = frame else { return };
            let stage = &mut stages[number];
            match (told(number, all, line, unsent), &stage) {
                (Some(Told::LetIn), Stage::Knocking) => {
                    *stage = Stage::Inside;
                    reached.inside += 1;
                }
                (Some(Told::Joined), Stage::Inside) => {
                    *stage = Stage::Seated;
                    reached.seated += 1;
                }
                (Some(Told::Answered), Stage::Seated) => {
                    *stage = Stage::Settled;
                    reached.settled += 1;
                }
                (Some(Told::Refused(error)), _) => {
                    refused.get_or_insert(error);
                    return;
                }
                _ => return,
            }
            *latest = clock.now();
        });
        if let Some(error) = refused {
            return Err(error);
        }
        self.clients.flush(number, &mut self.waiter)
    }
}

/// What a line says to a client that comes in. A PING is answered at once.
fn told(number: usize, all: usize, line: &[u8], unsent: &mut Vec<u8>) -> Option<Told> {
    match Notice::read(line) {
        Notice::Ping(token) => {
            answer_ping(&token, unsent);
            None
        }
        Notice::Pong => Some(Told::Answered),
        Notice::Numeric(1) => Some(Told::LetIn),
        Notice::Numeric(366) => Some(Told::Joined),
        Notice::Numeric(numeric) if is_error(numeric) => {
            Some(Told::Refused(refusal::not_let_in(number, all, line)))
        }
        Notice::Error => Some(Told::Refused(refusal::not_let_in(number, all, line))),
        Notice::Numeric(..) | Notice::Other => None,
    }
}

/// Answers a PING, unless so much waits to be sent already that nobody reads it.
pub(super) fn answer_ping(token: &str, unsent: &mut Vec<u8>) {
    if unsent.len() < UNSENT {
        Line::bare(unsent, "PONG").text(token).end();
    }
}
