//! A connection on which lines do not lie bare: inside TLS, in WebSocket messages, behind an HTTP request, or any two
//! of these. Each layer takes the bytes of the one below it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callbox_hub::contract::{Door, Peer};
use callbox_irc::framer::{Frame, Framer};

use super::CloseWhy;
use super::context::Context;
use super::http::{Http, Outcome};
use super::sniff::{Sniffer, Verdict};
use super::tls::{Pull, Tls};
use super::websocket::WebSocket;

/// Memory for the last line that is kept until the next one: most lines fit.
const KEPT_LINE: usize = 1024;

/// What [`Layered::step`] came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Got {
    /// The layers are open.
    Opened(Peer),
    /// A line, which [`Layered::line`] lends.
    Line,
    /// A line was over the limits.
    TooLong,
    /// Nothing more will come, and [`Layered::take_output`] has the last words.
    Close(CloseWhy),
}

/// A connection of several layers.
#[derive(Debug)]
pub(super) struct Layered {
    address: SocketAddr,
    tls: Option<Tls>,
    inner: Inner,
    deadline: Option<Duration>,
    /// The line that was given out last. Lines are copied here once, since they lie in memory that the next step
    /// changes.
    line: Vec<u8>,
    /// What the layers themselves have to say, as it goes on the wire.
    wire: Vec<u8>,
}

/// What is spoken inside TLS, or without it.
#[derive(Debug)]
enum Inner {
    Undecided(Sniffer),
    Lines { framer: Framer, plain: bool },
    Http(Http),
    WebSocket(Box<WebSocket>),
    Closed,
}

impl Layered {
    /// TLS, whose handshake is to end before `deadline`.
    pub(super) fn tls(address: SocketAddr, tls: Tls, deadline: Duration) -> Self {
        Self::new(address, Some(tls), Inner::Undecided(Sniffer::default()), deadline)
    }

    /// HTTP without TLS. `begun` is the beginning of the first request.
    pub(super) fn http(address: SocketAddr, begun: Vec<u8>, deadline: Duration) -> Self {
        Self::new(address, None, Inner::Http(Http::new(begun)), deadline)
    }

    fn new(address: SocketAddr, tls: Option<Tls>, inner: Inner, deadline: Duration) -> Self {
        let deadline = Some(deadline);
        Self { address, tls, inner, deadline, line: Vec::new(), wire: Vec::new() }
    }

    /// Whether the innermost layer is the plain door's.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.inner, Inner::Lines { plain: true, .. })
    }

    /// Takes in bytes from the front of `input` until something comes of it. `None` means that all of it was taken in.
    pub(super) fn step(
        &mut self,
        context: &Arc<Context>,
        input: &mut &[u8],
        now: Duration,
    ) -> Option<Got> {
        self.line.clear();
        if self.line.capacity() > KEPT_LINE {
            self.line = Vec::new();
        }
        loop {
            if matches!(self.inner, Inner::Closed) {
                *input = &[];
                return None;
            }
            if let Some(tls) = &mut self.tls
                && tls.text().is_empty()
            {
                let pull = tls.pull(input);
                tls.take_output(&mut self.wire);
                match pull {
                    Pull::Text => {}
                    Pull::Nothing => return None,
                    Pull::Established => {
                        self.deadline = Some(now + context.limits.first_bytes);
                        continue;
                    }
                    Pull::Ended => return Some(self.handle_end()),
                    Pull::Failed => return Some(self.end(CloseWhy::Tls)),
                }
            }
            let mut clear = self.tls.as_ref().map_or(*input, Tls::text);
            let before = clear.len();
            let mut said = Vec::new();
            let step = match &mut self.inner {
                Inner::Undecided(sniffer) => Step::of_verdict(sniffer.look(&mut clear)),
                Inner::Lines { framer, .. } => match framer.next(&mut clear) {
                    Some(Frame::Line(line)) => {
                        self.line.extend_from_slice(line);
                        Step::Got(Got::Line)
                    }
                    Some(Frame::TooLong) => Step::Got(Got::TooLong),
                    None => Step::More,
                },
                Inner::Http(http) => {
                    let was_awaited = http.is_awaited();
                    let waiting = self.wire.len();
                    let outcome =
                        http.handle(&mut clear, context, self.address, waiting, &mut said);
                    if outcome.is_none() && !was_awaited && http.is_awaited() {
                        self.deadline = Some(now + context.limits.request);
                    }
                    outcome.map_or(Step::More, Step::Http)
                }
                Inner::WebSocket(socket) => socket
                    .handle(&mut clear, &mut self.line, &mut said)
                    .map_or(Step::More, Step::Got),
                Inner::Closed => Step::More,
            };
            let used = before - clear.len();
            match &mut self.tls {
                Some(tls) => tls.consume(used),
                None => *input = &input[used..],
            }
            self.say(&said);
            match self.follow(step, context, now) {
                Some(Got::Close(why)) => {
                    *input = &[];
                    return Some(self.end(why));
                }
                Some(got) => return Some(got),
                None if self.tls.is_none() && input.is_empty() => return None,
                None => {}
            }
        }
    }

    /// The line that the last step gave.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Appends `lines` to `wire`, in the form that the layers give them. Without effect where there is no chat.
    pub(super) fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        self.take_output(wire);
        let mut framed = Vec::new();
        let clear = match &mut self.inner {
            Inner::Lines { .. } => lines,
            Inner::WebSocket(socket) if self.tls.is_none() => {
                socket.encode(lines, wire);
                return;
            }
            Inner::WebSocket(socket) => {
                socket.encode(lines, &mut framed);
                &framed[..]
            }
            Inner::Undecided(_) | Inner::Http(_) | Inner::Closed => return,
        };
        match &mut self.tls {
            Some(tls) => tls.encrypt(clear, wire),
            None => wire.extend_from_slice(clear),
        }
    }

    /// Moves what the layers have to say to `wire`.
    pub(super) fn take_output(&mut self, wire: &mut Vec<u8>) {
        wire.append(&mut self.wire);
    }

    /// Ends all layers in order, the innermost first.
    pub(super) fn close(&mut self, wire: &mut Vec<u8>) {
        let mut said = Vec::new();
        if let Inner::WebSocket(socket) = &mut self.inner {
            socket.close(&mut said);
        }
        self.say(&said);
        self.end(CloseWhy::Ended);
        self.take_output(wire);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.deadline
    }

    /// Gives up on what did not come in time.
    pub(super) fn handle_timeout(&mut self, now: Duration) -> Option<CloseWhy> {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return None;
        }
        let mut said = Vec::new();
        if let Inner::Http(http) = &self.inner {
            http.time_out(&mut said);
        }
        self.say(&said);
        self.end(CloseWhy::Slow);
        Some(CloseWhy::Slow)
    }

    /// The peer ended its stream in order. On the plain door its last line counts even if it has no ending.
    fn handle_end(&mut self) -> Got {
        if let Inner::Lines { framer, plain: true } = &mut self.inner
            && let Some(Frame::Line(line)) = framer.next(&mut &b"\n"[..])
        {
            self.line.extend_from_slice(line);
            return Got::Line;
        }
        self.end(CloseWhy::Ended)
    }

    /// What a step of the innermost layer leads to.
    fn follow(&mut self, step: Step, context: &Context, now: Duration) -> Option<Got> {
        match step {
            Step::More => None,
            Step::Got(got) => Some(got),
            Step::Chosen(plain) => {
                let begun = self.begun();
                let limits = if plain { context.limits.plain } else { context.limits.irc };
                let mut framer = Framer::new(limits);
                let line = framer.next(&mut &begun[..]);
                debug_assert!(line.is_none(), "no line ends while it is undecided");
                self.inner = Inner::Lines { framer, plain };
                Some(self.open(if plain { Door::Plain } else { Door::Irc }))
            }
            Step::ChosenHttp => {
                self.inner = Inner::Http(Http::new(self.begun()));
                self.deadline = Some(now + context.limits.request);
                None
            }
            Step::Http(Outcome::Answered) => {
                self.deadline = Some(now + context.limits.keep_alive);
                None
            }
            Step::Http(Outcome::Finished) => Some(Got::Close(CloseWhy::Served)),
            Step::Http(Outcome::Refused) => Some(Got::Close(CloseWhy::Request)),
            Step::Http(Outcome::Upgraded(encoding)) => {
                let socket = WebSocket::new(encoding, context.limits.irc);
                self.inner = Inner::WebSocket(Box::new(socket));
                Some(self.open(Door::WebSocket))
            }
        }
    }

    /// What the sniffer took in.
    fn begun(&mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.inner, Inner::Closed) {
            Inner::Undecided(sniffer) => sniffer.into_kept(),
            _ => Vec::new(),
        }
    }

    fn open(&mut self, door: Door) -> Got {
        self.deadline = None;
        let fingerprint = self.tls.as_ref().and_then(Tls::fingerprint);
        Got::Opened(peer(self.address, door, self.tls.is_some(), fingerprint))
    }

    /// Nothing more will come or go, but what is in `wire`.
    fn end(&mut self, why: CloseWhy) -> Got {
        if let Some(tls) = &mut self.tls {
            tls.close(&mut self.wire);
        }
        self.inner = Inner::Closed;
        self.deadline = None;
        Got::Close(why)
    }

    fn say(&mut self, clear: &[u8]) {
        if clear.is_empty() {
            return;
        }
        match &mut self.tls {
            Some(tls) => tls.encrypt(clear, &mut self.wire),
            None => self.wire.extend_from_slice(clear),
        }
    }
}

/// What came of the innermost layer's turn.
enum Step {
    /// It needs more.
    More,
    Got(Got),
    /// Lines: of the plain door, or of IRC.
    Chosen(bool),
    ChosenHttp,
    Http(Outcome),
}

impl Step {
    fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Undecided => Self::More,
            Verdict::Irc => Self::Chosen(false),
            Verdict::Text => Self::Chosen(true),
            Verdict::Http => Self::ChosenHttp,
            // TLS within TLS is nobody's protocol.
            Verdict::Tls | Verdict::Junk => Self::Got(Got::Close(CloseWhy::Junk)),
        }
    }
}

/// The peer at `address`, as the hub wants to know it.
pub(super) fn peer(
    address: SocketAddr,
    door: Door,
    secure: bool,
    fingerprint: Option<Box<str>>,
) -> Peer {
    Peer { address: address.ip().to_canonical(), port: address.port(), secure, fingerprint, door }
}
