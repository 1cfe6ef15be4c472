//! One link and this program's own input and output: what a client is, and a listener that takes one connection.

mod gauge;
mod inward;
mod outward;
#[cfg(test)]
mod tests;

use std::io;
use std::time::{Duration, Instant};

use callbox_net::peer::Peer;
use callbox_net::poller::{Event, Wanted, wait_for_few};
use callbox_net::stdio::{Input, Output};

use crate::link::Link;
use crate::options::Flow;
use crate::record::Recorder;
use crate::record::pcap::{Carrier, Side};
use crate::says::Says;
use crate::wait;

use gauge::Gauge;
use inward::Inward;
use outward::Outward;

/// How one conversation is carried on.
#[derive(Clone, Debug)]
pub struct Ways {
    /// What moves and when it ends.
    pub flow: Flow,
    /// Go on when the peer ended, until standard input ends too. A client's `-k`.
    pub stays: bool,
    /// A listener's peer that ends is the end of it, whatever standard input does; and over datagrams the end of standard
    /// input is not.
    pub is_listener: bool,
    /// A peer that vanishes within TLS, without saying that it ended, is an error. Otherwise it is an end like any other:
    /// ncat and many others never say it.
    pub needs_goodbye: bool,
    /// How long to wait for an answer after the end of standard input, over datagrams.
    pub answer_within: Option<Duration>,
    /// Show on a terminal how far it is.
    pub progress: bool,
}

/// How much passed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amounts {
    /// Bytes of standard input that the link took.
    pub sent: u64,
    /// Bytes that the peer sent.
    pub received: u64,
}

/// Why a conversation ended.
#[derive(Debug)]
pub enum Ended {
    /// All was said.
    Done,
    /// Nothing moved for the time that was allowed.
    Idle(Duration),
    /// The connection broke.
    Link(io::Error),
    /// Standard input, standard output or the poller failed.
    Here(&'static str, io::Error),
}

/// Which descriptors may be tried without being waited for.
#[derive(Clone, Copy, Debug)]
struct Ready {
    input: bool,
    output: bool,
    link_reads: bool,
    link_writes: bool,
}

const LINK: u64 = 0;
const INPUT: u64 = 1;
const OUTPUT: u64 = 2;

/// How long the last words may take.
const LEAVE_TIME: Duration = Duration::from_millis(500);

/// How long standard input may be quiet after the peer's end before it is over. Whoever fills a pipe is not held up for that
/// long by anything but having nothing to say.
const PAUSE: Duration = Duration::from_millis(100);

/// Rounds of reading and writing between two looks at the clock and the poller.
const ROUNDS: usize = 32;

/// The records of one connection.
pub struct Records<'a> {
    /// All records.
    pub recorder: &'a mut Recorder,
    /// What they know the connection by.
    pub id: u64,
}

impl<'a> Records<'a> {
    /// Begins the records of a connection that `opener` opened.
    pub fn begin(
        recorder: &'a mut Recorder,
        ends: (&Peer, &Peer),
        keeps_messages: bool,
        opener: Side,
    ) -> Self {
        let id = begin_record(recorder, ends, keeps_messages, opener);
        Self { recorder, id }
    }

    fn sent(&mut self, bytes: &[u8]) {
        self.recorder.sent(self.id, bytes);
    }

    fn received(&mut self, bytes: &[u8]) {
        self.recorder.received(self.id, bytes);
    }

    fn ended(&mut self, side: Side) {
        self.recorder.ended(self.id, side);
    }

    fn settle(&mut self, says: Says) {
        settle(self.recorder, says);
    }
}

/// Before anything is waited for: no record is held back, and what failed is said.
pub fn settle(recorder: &mut Recorder, says: Says) {
    recorder.flush();
    while let Some(warning) = recorder.poll_warning() {
        says.line(format_args!("{warning}."));
    }
}

/// Begins the records of a connection between our end and the peer's, and gives its number.
pub fn begin_record(
    recorder: &mut Recorder,
    (local, peer): (&Peer, &Peer),
    keeps_messages: bool,
    opener: Side,
) -> u64 {
    let carrier = if keeps_messages { Carrier::Messages } else { Carrier::Stream };
    recorder.begin(carrier, local, peer, opener)
}

/// Both directions between a link and standard input and output.
pub struct Conversation<'a> {
    link: Box<dyn Link>,
    ways: Ways,
    outward: Outward,
    inward: Inward,
    records: Records<'a>,
    says: Says,
    gauge: Option<Gauge>,
    /// When something moved last.
    moved: Instant,
    /// When something came from the peer last.
    heard: Instant,
    /// Since when standard input, and all that came of it, is with the kernel.
    over: Option<Instant>,
    /// When the peer ended, and later what came of standard input last.
    alone: Option<Instant>,
}

impl<'a> Conversation<'a> {
    /// The link is established.
    pub fn new(
        link: Box<dyn Link>,
        input: Input,
        output: Output,
        ways: Ways,
        records: Records<'a>,
        says: Says,
    ) -> Self {
        let now = Instant::now();
        let direct = !records.recorder.is_recording();
        let gauge = Gauge::new(ways.progress, input.size_left(), now);
        Self {
            outward: Outward::new(input, &ways.flow, link.as_ref(), direct),
            inward: Inward::new(output, &ways.flow, link.as_ref(), direct),
            link,
            ways,
            records,
            says,
            gauge,
            moved: now,
            heard: now,
            over: None,
            alone: None,
        }
    }

    /// Carries it on to its end.
    pub fn run(mut self) -> (Ended, Amounts) {
        let ended = match self.carry_on() {
            Ok(ended) => ended,
            Err(Ended::Link(error)) if self.is_goodbye(&error) => {
                self.says
                    .verbose("The peer ended without TLS's word for it; something may be missing.");
                Ended::Done
            }
            // It had ended before: nobody was there any more to take what was left of the input.
            Err(Ended::Link(_)) if self.alone.is_some() && !self.ways.stays => Ended::Done,
            Err(ended) => ended,
        };
        if matches!(ended, Ended::Done) {
            self.take_leave();
        }
        self.records.recorder.close(self.records.id);
        if let Some(gauge) = &self.gauge {
            gauge.end(self.outward.sent(), self.inward.received(), Instant::now());
        }
        self.records.settle(self.says);
        (ended, Amounts { sent: self.outward.sent(), received: self.inward.received() })
    }

    fn is_goodbye(&self, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::UnexpectedEof
            && !self.ways.needs_goodbye
            && self.inward.is_flushed()
    }

    /// Says the end to a peer that was not told, where the protocol has a word for it, or it would think that it was cut
    /// off. What cannot be said soon is not said.
    fn take_leave(&mut self) {
        if self.link.direct().is_none() && self.link.finish().is_ok() {
            let _ = wait::flush(self.link.as_mut(), Some(Instant::now() + LEAVE_TIME));
        }
    }

    fn carry_on(&mut self) -> Result<Ended, Ended> {
        let here = |error| Ended::Here("poll", error);
        let mut events: Vec<Event> = Vec::new();
        let mut ready = Ready { input: false, output: true, link_reads: true, link_writes: true };
        loop {
            let now = Instant::now();
            self.link.advance(now).map_err(Ended::Link)?;
            let busy = self.move_all(&mut ready, now)?;
            if let Some(ended) = self.ended(&ready, now) {
                return Ok(ended);
            }
            self.records.settle(self.says);
            if let Some(gauge) = &mut self.gauge {
                gauge.show(self.outward.sent(), self.inward.received(), now);
            }
            let timeout = if busy { Some(Duration::ZERO) } else { self.timeout(&ready, now) };
            wait_for_few(self.wanted(&ready), &mut events, timeout).map_err(here)?;
            for event in &events {
                match event.token {
                    LINK => {
                        ready.link_reads |= event.readable;
                        ready.link_writes |=
                            event.writable || (event.readable && self.link.room().readable);
                    }
                    INPUT => ready.input = true,
                    _ => ready.output = true,
                }
            }
        }
    }

    /// Moves what can be moved, both ways. Gives whether there is more to do at once.
    fn move_all(&mut self, ready: &mut Ready, now: Instant) -> Result<bool, Ended> {
        for _ in 0..ROUNDS {
            let sent = self.outward.advance(self.link.as_mut(), ready, &mut self.records, now)?;
            let received = self.inward.advance(
                self.link.as_mut(),
                ready,
                &mut self.records,
                &mut self.outward,
                now,
            )?;
            if sent || received {
                self.moved = now;
            }
            if received {
                self.heard = now;
            }
            if !sent && !received {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it is over, and how.
    fn ended(&mut self, ready: &Ready, now: Instant) -> Option<Ended> {
        if self.inward.is_over() && (self.alone.is_none() || self.moved == now) {
            self.alone = Some(now);
        }
        let flow = &self.ways.flow;
        if self.inward.is_closed() {
            return Some(Ended::Done);
        }
        let all_sent = self.outward.is_over() && self.link.is_flushed();
        let left_alone = match self.ways.stays {
            true => all_sent,
            false => self.outward.is_over() || self.gives_up_at(ready).is_some_and(|at| now >= at),
        };
        if self.inward.is_over() && !flow.send_only && left_alone {
            return Some(Ended::Done);
        }
        if all_sent && flow.send_only {
            return Some(Ended::Done);
        }
        if all_sent && !flow.recv_only {
            let over = *self.over.get_or_insert(now);
            if self.quits_at(over).is_some_and(|quits| now >= quits) && self.inward.is_flushed() {
                return Some(Ended::Done);
            }
        }
        if self.silent_at().is_some_and(|at| now >= at) {
            return Some(Ended::Done);
        }
        flow.idle.filter(|idle| now >= self.moved + *idle).map(Ended::Idle)
    }

    /// When it ends since the peer has ended and nothing comes on standard input. What is on its way there still goes: the
    /// peer may be a listener whose own input was empty, and who waits for a file. Who types has seen the end.
    fn gives_up_at(&self, ready: &Ready) -> Option<Instant> {
        let quiet = self.outward.wants() && !ready.input;
        let pause = if self.outward.is_typed() { Duration::ZERO } else { PAUSE };
        self.alone.filter(|_| quiet).map(|since| since + pause)
    }

    /// When it ends because standard input did, at `over`. A stream goes on until the peer ends too, or -q says otherwise.
    /// Over datagrams nobody ever says an end: a client waits for an answer if -w says how long, or not at all.
    fn quits_at(&self, over: Instant) -> Option<Instant> {
        match (self.ways.flow.quit, self.ways.answer_within, self.outward.last_sent()) {
            (Some(quit), _, _) if self.ways.flow.quit_after_last => {
                Some(over.max(self.heard) + quit)
            }
            (Some(quit), _, _) => Some(over + quit),
            _ if !self.link.keeps_messages() || self.ways.is_listener => None,
            (None, Some(_), Some(sent)) if self.inward.has_answered_since(sent) => Some(over),
            (None, Some(wait), Some(_)) => Some(over + wait),
            (None, _, _) => Some(over),
        }
    }

    /// When nothing has come for too long.
    fn silent_at(&self) -> Option<Instant> {
        let flow = &self.ways.flow;
        let since = match flow.silence_after_input {
            true => self.over.map(|over| over.max(self.heard)),
            false => Some(self.heard),
        };
        since.zip(flow.silence).map(|(since, silence)| since + silence)
    }

    /// What is waited for.
    fn wanted(&self, ready: &Ready) -> [Wanted<'_>; 3] {
        let needs = self.link.needs();
        let room = self.link.room();
        let hears = self.inward.wants() && !ready.link_reads;
        let wants_room = self.outward.waits_for_room() && !ready.link_writes;
        let link = Wanted {
            fd: self.link.source(),
            token: LINK,
            readable: hears || needs.readable || (wants_room && room.readable),
            writable: needs.writable || (wants_room && room.writable),
        };
        let readable = self.outward.wants() && !ready.input;
        let input = Wanted { fd: self.outward.source(), token: INPUT, readable, writable: false };
        let writable = self.inward.is_blocked() && !ready.output;
        let output = Wanted { fd: self.inward.sink(), token: OUTPUT, readable: false, writable };
        [link, input, output]
    }

    fn timeout(&self, ready: &Ready, now: Instant) -> Option<Duration> {
        let flow = &self.ways.flow;
        [
            self.link.poll_timeout(),
            self.outward.poll_timeout(),
            self.gauge.as_ref().and_then(Gauge::poll_timeout),
            flow.idle.map(|idle| self.moved + idle),
            self.silent_at(),
            self.over.and_then(|over| self.quits_at(over)),
            if self.ways.stays { None } else { self.gives_up_at(ready) },
        ]
        .into_iter()
        .flatten()
        .min()
        .map(|at| at.saturating_duration_since(now))
    }
}
