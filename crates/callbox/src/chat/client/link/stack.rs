//! The layers of a connection, in memory: bytes from the socket become lines, and lines become bytes for it.

use callbox_irc::framer::{Frame, Framer, Limits};
use callbox_irc::tags;
use callbox_layers::tls::{Client as Tls, Pull};
use callbox_layers::websocket::{Caps, Event, Handshake, Kind, Request, Role, WebSocket};

use super::lines::Batch;
use super::reason::{CloseReason, Stage};
use super::{Target, TlsInfo};
use crate::chat::client::address::Transport;

/// The most bytes that a line may have. Of tags it is what the specification has; of the rest it is sixteen times that,
/// since servers may go by a larger LINELEN, and what is too long would be lost.
const LIMITS: Limits = Limits { tags: tags::TOTAL_MAX as u32, body: 8 * 1024 };

/// What a message of a WebSocket may have: a line, with room for one that is too long, which is left out and costs no more
/// than that. The frames are those of a proxy that cuts small.
const CAPS: Caps = Caps { message: 64 * 1024, frames: 64 };

/// The subprotocols of IRCv3's WebSocket specification. Servers send the first kind as UTF-8 only.
const TEXT: &str = "text.ircv3.net";
const BINARY: &str = "binary.ircv3.net";

/// Memory for what is unpacked that is kept from one read to the next.
const KEPT: usize = 64 * 1024;

/// What came of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// All of them were taken in.
    Nothing,
    /// The last layer is open, and lines can flow. Given once.
    Opened,
}

/// The layers of one connection.
#[derive(Debug)]
pub(super) struct Stack {
    /// The server, as errors call it.
    server: String,
    tls: Option<Box<Tls>>,
    inner: Inner,
    framer: Framer,
    /// The innermost layer has opened.
    is_open: bool,
    /// What a layer's own words are gathered in before they are encrypted.
    said: Vec<u8>,
}

#[derive(Debug)]
enum Inner {
    /// Lines lie bare.
    Lines,
    Upgrading(Box<Handshake>),
    WebSocket(Box<Socket>),
}

#[derive(Debug)]
struct Socket {
    frames: WebSocket,
    /// What messages are sent as.
    kind: Kind,
    /// Unpacked and not yet cut into lines; CR LF stands where a message ends.
    data: Vec<u8>,
}

impl Stack {
    /// The layers for `target`. What they have to say at first is appended to `wire`.
    pub(super) fn new(target: &Target, wire: &mut Vec<u8>) -> Result<Self, CloseReason> {
        let address = &target.address;
        let server = address.to_string();
        let protocols: &[&str] = match &address.transport {
            // Servers with both on one port go by this.
            Transport::WebSocket { .. } => &["http/1.1"],
            Transport::Irc { .. } | Transport::Datagrams => &[],
        };
        let mut tls = None;
        if address.is_secure() {
            let client = Tls::new(&target.tls, &address.host, protocols);
            tls = Some(Box::new(client.map_err(|e| CloseReason::tls(&server, Stage::Tls, &e))?));
        }
        let mut said = Vec::new();
        let inner = match &address.transport {
            Transport::Irc { .. } | Transport::Datagrams => Inner::Lines,
            Transport::WebSocket { tls, path } => {
                let mut host = address.host_port();
                host.port = host.port.filter(|port| *port != if *tls { 443 } else { 80 });
                let host = bracketed(&host.to_string(), host.port);
                let request = Request { host: &host, path, protocols: &[TEXT, BINARY] };
                Inner::Upgrading(Box::new(Handshake::new(&request, &mut said)))
            }
        };
        let mut stack =
            Self { server, tls, inner, framer: Framer::new(LIMITS), is_open: false, said };
        match &mut stack.tls {
            // What was said waits for the end of the handshake.
            Some(tls) => tls.take_output(wire),
            None => wire.append(&mut stack.said),
        }
        Ok(stack)
    }

    /// How far it has come.
    pub(super) fn stage(&self) -> Stage {
        match (&self.tls, &self.inner) {
            _ if self.is_open => Stage::Open,
            (Some(tls), _) if !tls.is_established() => Stage::Tls,
            (_, Inner::Upgrading(_)) => Stage::WebSocket,
            _ => Stage::Open,
        }
    }

    /// Takes in bytes from the front of `input` until the layers open, or to their end. Lines go to `batch`; what the
    /// layers have to say goes to `wire`.
    pub(super) fn handle(
        &mut self,
        input: &mut &[u8],
        batch: &mut Batch,
        wire: &mut Vec<u8>,
    ) -> Result<Step, CloseReason> {
        let result = self.unpack(input, batch);
        self.flush(wire);
        result
    }

    /// Nothing has to come for some layers to be open.
    pub(super) fn open_at_once(&mut self) -> bool {
        let opens = !self.is_open && self.tls.is_none() && matches!(self.inner, Inner::Lines);
        self.is_open |= opens;
        opens
    }

    /// Appends whole lines to `wire`, in the form that the layers give them.
    pub(super) fn encode(&mut self, lines: &[u8], wire: &mut Vec<u8>) {
        match &mut self.inner {
            Inner::Lines => match &mut self.tls {
                Some(tls) => tls.encrypt(lines, wire),
                None => wire.extend_from_slice(lines),
            },
            Inner::Upgrading(_) => {}
            Inner::WebSocket(socket) => {
                socket.send(lines, &mut self.said);
                self.flush(wire);
            }
        }
    }

    /// Says goodbye in each layer, the innermost first.
    pub(super) fn close(&mut self, wire: &mut Vec<u8>) {
        if let Inner::WebSocket(socket) = &mut self.inner {
            socket.frames.close(&mut self.said);
        }
        self.flush(wire);
        // The server answers a goodbye of WebSocket's inside TLS.
        if let (Some(tls), Inner::Lines) = (&mut self.tls, &self.inner) {
            tls.close(wire);
        }
    }

    /// Whether the server is the one that ends the connection first, after our goodbye (RFC 6455, section 7.1.1).
    pub(super) const fn waits_for_the_server(&self) -> bool {
        matches!(self.inner, Inner::WebSocket(_))
    }

    /// What the connection's end means.
    pub(super) fn end(&self) -> CloseReason {
        CloseReason::ended(&self.server, self.stage())
    }

    /// What is known from TLS.
    pub(super) fn tls_info(&self, target: &Target) -> Option<TlsInfo> {
        use callbox_layers::tls::Trust;
        let fingerprint = self.tls.as_ref()?.fingerprint()?.to_string();
        let pinned = matches!(target.tls.trust, Trust::Fingerprint(_));
        Some(TlsInfo { fingerprint, pinned, has_identity: target.tls.identity.is_some() })
    }

    fn unpack(&mut self, input: &mut &[u8], batch: &mut Batch) -> Result<Step, CloseReason> {
        let Some(mut tls) = self.tls.take() else {
            return self.read(input, batch);
        };
        let step = loop {
            match tls.pull(input) {
                Ok(Pull::Nothing) => break Ok(Step::Nothing),
                Ok(Pull::Established) if self.open_at_once_in_tls() => break Ok(Step::Opened),
                Ok(Pull::Established) => {}
                Ok(Pull::Text) => {
                    let mut text = tls.text();
                    let before = text.len();
                    let step = self.read(&mut text, batch);
                    let used = before - text.len();
                    tls.consume(used);
                    if !matches!(step, Ok(Step::Nothing)) {
                        break step;
                    }
                }
                Ok(Pull::Ended) => break Err(self.end()),
                Err(error) => {
                    let stage = if tls.is_established() { Stage::Open } else { Stage::Tls };
                    break Err(CloseReason::tls(&self.server, stage, &error));
                }
            }
        };
        self.tls = Some(tls);
        step
    }

    fn open_at_once_in_tls(&mut self) -> bool {
        self.is_open = matches!(self.inner, Inner::Lines);
        self.is_open
    }

    /// Takes in what lies bare, or came out of TLS.
    fn read(&mut self, input: &mut &[u8], batch: &mut Batch) -> Result<Step, CloseReason> {
        if let Inner::Upgrading(handshake) = &mut self.inner {
            let chosen = handshake
                .handle(input)
                .map_err(|error| CloseReason::not_upgraded(&self.server, &error))?;
            let Some(protocol) = chosen else { return Ok(Step::Nothing) };
            let kind = if protocol == Some(BINARY) { Kind::Binary } else { Kind::Text };
            let frames = WebSocket::new(Role::Client, CAPS);
            self.inner = Inner::WebSocket(Box::new(Socket { frames, kind, data: Vec::new() }));
            self.is_open = true;
            return Ok(Step::Opened);
        }
        match &mut self.inner {
            Inner::WebSocket(socket) => socket
                .read(input, &mut self.framer, batch, &mut self.said)
                .map_err(|end| end.reason(&self.server))?,
            Inner::Lines | Inner::Upgrading(_) => {
                while let Some(frame) = self.framer.next(input) {
                    batch.take_in(frame);
                }
            }
        }
        Ok(Step::Nothing)
    }

    /// Moves what the layers have said to `wire`.
    fn flush(&mut self, wire: &mut Vec<u8>) {
        match &mut self.tls {
            None => wire.append(&mut self.said),
            Some(tls) if tls.is_established() => {
                tls.encrypt(&self.said, wire);
                self.said.clear();
            }
            Some(tls) => tls.take_output(wire),
        }
        if self.said.capacity() > KEPT {
            self.said = Vec::new();
        }
    }
}

/// How a WebSocket ended.
enum End {
    Goodbye(callbox_layers::websocket::Goodbye),
    Broken(callbox_layers::websocket::Broken),
}

impl End {
    fn reason(&self, server: &str) -> CloseReason {
        match self {
            Self::Goodbye(goodbye) => CloseReason::goodbye(server, goodbye),
            Self::Broken(broken) => CloseReason::broken(server, broken),
        }
    }
}

impl Socket {
    fn send(&mut self, lines: &[u8], output: &mut Vec<u8>) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match self.kind {
                Kind::Binary => self.frames.send(Kind::Binary, line, output),
                Kind::Text => {
                    let text = String::from_utf8_lossy(line);
                    self.frames.send(Kind::Text, text.as_bytes(), output);
                }
            }
        }
    }

    fn read(
        &mut self,
        input: &mut &[u8],
        framer: &mut Framer,
        batch: &mut Batch,
        output: &mut Vec<u8>,
    ) -> Result<(), End> {
        loop {
            let event = self.frames.handle(input, &mut self.data, output).map_err(End::Broken)?;
            let kind = match event {
                None => return Ok(()),
                Some(Event::Closed(goodbye)) => return Err(End::Goodbye(goodbye)),
                Some(Event::Data { kind, ends }) => {
                    if ends {
                        self.data.extend_from_slice(b"\r\n");
                    }
                    kind
                }
            };
            let mut data = &self.data[..];
            while let Some(frame) = framer.next(&mut data) {
                if let (Frame::Line(line), Kind::Text) = (&frame, kind)
                    && str::from_utf8(line).is_err()
                {
                    return Err(End::Broken(self.frames.refuse_text(output)));
                }
                batch.take_in(frame);
            }
            self.data.clear();
            if self.data.capacity() > KEPT {
                self.data = Vec::new();
            }
        }
    }
}

impl Batch {
    fn take_in(&mut self, frame: Frame<'_>) {
        match frame {
            Frame::Line(line) => self.push(line),
            Frame::TooLong => self.count_too_long(),
        }
    }
}

/// A host as it stands in a URL: an IPv6 address is in brackets there even without a port.
fn bracketed(host: &str, port: Option<u16>) -> String {
    if port.is_none() && host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
