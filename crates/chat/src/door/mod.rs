//! One connection's bytes, from the socket to lines and back.
//!
//! Every way in uses the same port and is told from the others by its first bytes: a command of IRC, a TLS handshake,
//! an HTTP request, or any other text. What lies between the socket and the lines, TLS, HTTP and WebSocket, is done
//! here, in memory: bytes and the time come in, lines come out, and back. No socket, no clock.
//!
//! | first bytes | door |
//! |---|---|
//! | a command of registration (`NICK`, `CAP`, …), also behind `@tags` or a `:source` | lines of IRC |
//! | 0x16 0x03 | TLS, and inside it any of the others |
//! | a method, a space, a target | HTTP; `/ws` becomes WebSocket, each message a line of IRC |
//! | other text | the plain door: bare lines |

mod context;
mod http;
mod intake;
mod layered;
mod sniff;
pub mod tls;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callbox_hub::contract::{Door, Peer};
use callbox_irc::framer::{Frame, Framer};

pub use context::{Context, Limits, Metrics, MetricsReaders, WebSettings};
pub use intake::Intake;
use layered::{Got, Layered, peer};
use sniff::{Sniffer, Verdict};
use tls::Tls;

/// What a server without TLS says to a client that begins it: the alert `handshake_failure` (RFC 8446, section 6), so
/// that the client has a clear error and not a connection that went away.
const NO_TLS_ALERT: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];

/// What a client that begins with lines is told where only TLS is spoken.
const ONLY_TLS_LINE: &[u8] = b"ERROR :Connect with TLS to this port\r\n";

/// What [`Pipe::next`] gives out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming<'a> {
    /// The connection is a chat, through this door. Given once, before any line.
    Opened(Peer),
    /// A line, never empty, without its ending. It may hold anything but LF. Of the plain door it is text, else IRC.
    Line(&'a [u8]),
    /// A line was over the limits, and was skipped.
    TooLong,
    /// Nothing more will come. [`Pipe::take_output`] has the last words, after which the connection is to be closed.
    Close(CloseWhy),
}

/// Why a door closes a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseWhy {
    /// The peer said goodbye, in TLS or WebSocket.
    Ended,
    /// An HTTP request was answered, and it was the last.
    Served,
    /// The first bytes are of no protocol, and no text.
    Junk,
    /// The peer began a TLS handshake, and there is no TLS here.
    NoTls,
    /// The peer began without TLS, and there is nothing else here.
    OnlyTls,
    /// Too many TLS handshakes are in progress.
    Crowded,
    /// The handshake failed, or a record is broken.
    Tls,
    /// An HTTP request was refused.
    Request,
    /// A WebSocket frame breaks the rules, or a message is too large.
    WebSocket,
    /// What was to come did not come in time.
    Slow,
}

impl CloseWhy {
    /// The reason in a few words, for a log.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ended => "it said goodbye",
            Self::Served => "its request was answered",
            Self::Junk => "its first bytes are of no known protocol",
            Self::NoTls => "it began TLS, which is not spoken here",
            Self::OnlyTls => "it began without TLS",
            Self::Crowded => "too many TLS handshakes are in progress",
            Self::Tls => "its TLS failed",
            Self::Request => "its HTTP request was refused",
            Self::WebSocket => "its WebSocket frames break the rules",
            Self::Slow => "it was too slow",
        }
    }
}

/// Whether TLS is spoken on a listener.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsUse {
    /// By whoever begins it.
    #[default]
    Optional,
    /// By everybody: what does not begin it is closed.
    Required,
    /// By nobody: what begins it is closed.
    Off,
}

/// One connection's bytes.
///
/// Calling contract: call [`next`](Self::next) with what was read, again and again until it gives `None`; where reading
/// a connection's lines pauses, call it later with the rest of the input, even if that is empty. Afterwards send what
/// [`take_output`](Self::take_output) gives. Lines for the peer go through [`encode`](Self::encode), unless
/// [`transparent`](Self::transparent) says that they may be sent as they are. Whenever
/// [`poll_timeout`](Self::poll_timeout) is past, call [`handle_timeout`](Self::handle_timeout).
///
/// A connection of plain IRC takes no memory beside this, but for the beginning of a line.
#[derive(Debug)]
pub struct Pipe {
    context: Arc<Context>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is known of it yet. Boxed, as it is soon over.
    Undecided(Box<Undecided>),
    /// Bare lines: the fast path, on which they are lent from the read buffer.
    Lines {
        framer: Framer,
        plain: bool,
    },
    Layered(Box<Layered>),
    /// Over; with the last words.
    Closed(Vec<u8>),
}

#[derive(Debug)]
struct Undecided {
    address: SocketAddr,
    sniffer: Sniffer,
    deadline: Duration,
    tls: TlsUse,
}

impl Pipe {
    /// A connection from `address`, of which nothing was read, on a listener with this use of TLS. `now` is the time
    /// since any fixed start, here as in all other calls.
    pub fn new(context: &Arc<Context>, address: SocketAddr, tls: TlsUse, now: Duration) -> Self {
        let deadline = now + context.limits.first_bytes;
        let undecided = Undecided { address, sniffer: Sniffer::default(), deadline, tls };
        Self { context: Arc::clone(context), stage: Stage::Undecided(Box::new(undecided)) }
    }

    /// Takes the next thing off the front of `input`. `None` means that all of `input` was taken in; what is not yet
    /// whole is kept, up to its cap. After [`Incoming::Close`] all input is dropped.
    pub fn next<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        now: Duration,
    ) -> Option<Incoming<'s>> {
        if let Stage::Undecided(_) = self.stage
            && let Some(incoming) = self.choose(input, now)
        {
            return Some(incoming);
        }
        match self.stage {
            Stage::Lines { ref mut framer, .. } => framer.next(input).map(|frame| match frame {
                Frame::Line(line) => Incoming::Line(line),
                Frame::TooLong => Incoming::TooLong,
            }),
            Stage::Layered(ref mut layered) => {
                let got = layered.step(&self.context, input, now)?;
                Some(match got {
                    Got::Opened(peer) => Incoming::Opened(peer),
                    Got::Line => Incoming::Line(layered.line()),
                    Got::TooLong => Incoming::TooLong,
                    Got::Close(why) => Incoming::Close(why),
                })
            }
            Stage::Undecided(_) => None,
            Stage::Closed(_) => {
                *input = &[];
                None
            }
        }
    }

    /// What to give to [`next`](Self::next) when the peer has ended its stream: on the plain door the last line counts
    /// even if it has no ending, while half a command of IRC is none.
    pub fn last_input(&self) -> &'static [u8] {
        let ends_a_line = match &self.stage {
            Stage::Undecided(undecided) => undecided.sniffer.has_begun(),
            Stage::Lines { plain, .. } => *plain,
            // Inside TLS an end is said; without that the stream was cut off by whoever could.
            Stage::Layered(_) | Stage::Closed(_) => false,
        };
        if ends_a_line { b"\n" } else { b"" }
    }

    /// Appends `lines`, each with its CR LF, to `wire` in the form that the peer wants: as they are, in TLS records, in
    /// WebSocket messages. What the pipe itself has to say goes before them.
    ///
    /// Before [`Incoming::Opened`] only a peer without TLS and HTTP gets them, and after the end nobody.
    pub fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        match &mut self.stage {
            Stage::Undecided(_) | Stage::Lines { .. } => wire.extend_from_slice(lines),
            Stage::Layered(layered) => layered.encode(lines, wire),
            Stage::Closed(last) => wire.append(last),
        }
    }

    /// Whether lines may be sent as they are, without [`encode`](Self::encode), and come as they are. Once true it
    /// stays true, until the end.
    pub fn transparent(&self) -> bool {
        matches!(self.stage, Stage::Lines { .. })
    }

    /// Whether the peer came by the plain door, and reads text.
    pub fn is_plain(&self) -> bool {
        match &self.stage {
            Stage::Lines { plain, .. } => *plain,
            Stage::Layered(layered) => layered.is_plain(),
            Stage::Undecided(_) | Stage::Closed(_) => false,
        }
    }

    /// Appends what the pipe itself has to say to `wire`: handshakes, replies to HTTP requests and pings, alerts.
    pub fn take_output(&mut self, wire: &mut Vec<u8>) {
        match &mut self.stage {
            Stage::Undecided(_) | Stage::Lines { .. } => {}
            Stage::Layered(layered) => layered.take_output(wire),
            Stage::Closed(last) => wire.append(last),
        }
    }

    /// Ends the connection in order, as far as its layers have an end to say: appends it to `wire`, which is then to be
    /// sent before the socket is closed. Nothing more comes or goes.
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        match &mut self.stage {
            Stage::Layered(layered) => layered.close(wire),
            Stage::Closed(last) => wire.append(last),
            Stage::Undecided(_) | Stage::Lines { .. } => {}
        }
        self.stage = Stage::Closed(Vec::new());
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` for never. It changes with what comes,
    /// and is `None` as soon as the connection is a chat.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Undecided(undecided) => Some(undecided.deadline),
            Stage::Layered(layered) => layered.poll_timeout(),
            Stage::Lines { .. } | Stage::Closed(_) => None,
        }
    }

    /// Gives up on first bytes, a handshake or a request that did not come in time. As [`Incoming::Close`], if it does.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<CloseWhy> {
        match &mut self.stage {
            Stage::Undecided(undecided) if now >= undecided.deadline => {
                self.stage = Stage::Closed(Vec::new());
                Some(CloseWhy::Slow)
            }
            Stage::Layered(layered) => layered.handle_timeout(now),
            Stage::Undecided(_) | Stage::Lines { .. } | Stage::Closed(_) => None,
        }
    }

    /// Looks at the first bytes, and takes the door that they mean.
    fn choose(&mut self, input: &mut &[u8], now: Duration) -> Option<Incoming<'static>> {
        let Stage::Undecided(undecided) = &mut self.stage else { return None };
        let (address, tls) = (undecided.address, undecided.tls);
        let verdict = undecided.sniffer.look(input);
        if verdict == Verdict::Undecided {
            return None;
        }
        let begun = std::mem::take(&mut undecided.sniffer).into_kept();
        match verdict {
            Verdict::Undecided => None,
            Verdict::Irc | Verdict::Text if tls == TlsUse::Required => {
                Some(self.refuse(CloseWhy::OnlyTls, ONLY_TLS_LINE, input))
            }
            Verdict::Http if tls == TlsUse::Required => {
                Some(self.refuse(CloseWhy::OnlyTls, &[], input))
            }
            Verdict::Tls if tls == TlsUse::Off => {
                Some(self.refuse(CloseWhy::NoTls, &NO_TLS_ALERT, input))
            }
            Verdict::Irc => Some(self.open(address, &begun, Door::Irc)),
            Verdict::Text => Some(self.open(address, &begun, Door::Plain)),
            Verdict::Http => {
                let deadline = now + self.context.limits.request;
                self.stage = Stage::Layered(Box::new(Layered::http(address, begun, deadline)));
                None
            }
            Verdict::Tls => self.begin_tls(address, &begun, input, now),
            Verdict::Junk => Some(self.refuse(CloseWhy::Junk, &[], input)),
        }
    }

    fn open(&mut self, address: SocketAddr, begun: &[u8], door: Door) -> Incoming<'static> {
        let plain = door == Door::Plain;
        let limits = self.context.limits;
        let mut framer = Framer::new(if plain { limits.plain } else { limits.irc });
        let line = framer.next(&mut &begun[..]);
        debug_assert!(line.is_none(), "no line ends while it is undecided");
        self.stage = Stage::Lines { framer, plain };
        Incoming::Opened(peer(address, door, false, None))
    }

    fn begin_tls(
        &mut self,
        address: SocketAddr,
        mut begun: &[u8],
        input: &mut &[u8],
        now: Duration,
    ) -> Option<Incoming<'static>> {
        let Some(configs) = self.context.tls() else {
            return Some(self.refuse(CloseWhy::NoTls, &NO_TLS_ALERT, input));
        };
        let Some(slot) = self.context.begin_handshake() else {
            return Some(self.refuse(CloseWhy::Crowded, &[], input));
        };
        let mut tls = Tls::new(configs, slot);
        // One byte at most, of which nothing can come.
        tls.pull(&mut begun);
        let deadline = now + self.context.limits.handshake;
        self.stage = Stage::Layered(Box::new(Layered::tls(address, tls, deadline)));
        None
    }

    fn refuse(&mut self, why: CloseWhy, last: &[u8], input: &mut &[u8]) -> Incoming<'static> {
        *input = &[];
        self.stage = Stage::Closed(last.to_vec());
        Incoming::Close(why)
    }
}

#[cfg(test)]
mod tests;
