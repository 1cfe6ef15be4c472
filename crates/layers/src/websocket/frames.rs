//! Frames in, the bytes of messages out, and back; for servers and for clients.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// Bytes of a control frame (section 5.5).
const MAX_CONTROL: u64 = 125;

/// Masks that are taken from the system at a time, so that a client's short messages are not a system call each.
const MASKS: usize = 64;

/// Whose side of the connection this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Sends masked frames (section 5.3).
    Client,
    /// Sends frames as they are.
    Server,
}

/// The kinds of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// UTF-8 only.
    Text,
    /// Any bytes.
    Binary,
}

/// What a peer may send. More of it ends the connection, with 1009.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes of a message.
    pub message: u64,
    /// Frames of a message.
    pub frames: u32,
}

/// What [`WebSocket::handle`] gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// More of a message was appended to the data.
    Data {
        /// The message's kind. Whether a text is UTF-8 is for the caller to check, who knows where it may be cut.
        kind: Kind,
        /// This was the last of it.
        ends: bool,
    },
    /// The peer said goodbye, and the answer to that was appended to the output. Nothing more will come.
    Closed(Goodbye),
}

/// Why a peer ended the connection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Goodbye {
    /// The code of section 7.4, if it gave one.
    pub code: Option<u16>,
    /// The peer's words, at most 123 bytes of anything in UTF-8.
    pub reason: String,
}

/// The peer does not keep to the protocol or the caps. It was told so in the output, and nothing more will come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("its WebSocket frames break the protocol (close code {0})")]
pub struct Broken(pub u16);

/// One side of a WebSocket connection, after the handshake.
///
/// Calling contract: call [`handle`](Self::handle) with what was read until it gives `None`, taking away what it appends to
/// the data between the calls, and send what it appends to the output.
#[derive(Debug)]
pub struct WebSocket {
    role: Role,
    caps: Caps,
    /// The beginning of a frame's header, at most 14 bytes.
    head: Vec<u8>,
    frame: Option<Incomplete>,
    /// The message whose frames come, if one has begun.
    message: Option<Message>,
    /// The payload of a control frame, at most 125 bytes.
    control: Vec<u8>,
    masks: Vec<[u8; 4]>,
    /// A peer's goodbye is answered by [`close`](Self::close) alone.
    takes_leave_late: bool,
    closed: bool,
    over: bool,
}

/// A frame of which more payload is to come.
#[derive(Debug)]
struct Incomplete {
    opcode: OpCode,
    is_final: bool,
    mask: Option<[u8; 4]>,
    left: u64,
}

#[derive(Debug)]
struct Message {
    kind: Kind,
    size: u64,
    frames: u32,
}

impl WebSocket {
    /// After the handshake.
    pub const fn new(role: Role, caps: Caps) -> Self {
        Self {
            role,
            caps,
            head: Vec::new(),
            frame: None,
            message: None,
            control: Vec::new(),
            masks: Vec::new(),
            takes_leave_late: false,
            closed: false,
            over: false,
        }
    }

    /// Answers a peer's goodbye only with [`close`](Self::close), so that what there is to say can still be said: the peer may
    /// listen until then (section 5.5.1).
    #[must_use]
    pub const fn taking_leave_late(mut self) -> Self {
        self.takes_leave_late = true;
        self
    }

    /// Whether the peer has said all of what it began: no message or frame is in the middle.
    pub const fn is_between_messages(&self) -> bool {
        self.head.is_empty() && self.frame.is_none() && self.message.is_none()
    }

    /// Takes in frames from the front of `input` until something comes of it. What messages hold is appended to `data`,
    /// replies to pings and closes to `output`. `None` means that all of `input` was taken in.
    ///
    /// # Errors
    ///
    /// If the peer breaks the protocol or a cap.
    pub fn handle(
        &mut self,
        input: &mut &[u8],
        data: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> Result<Option<Event>, Broken> {
        if self.over {
            *input = &[];
            return Ok(None);
        }
        self.unframe(input, data, output).map_err(|code| self.fail(code, output))
    }

    /// Appends a message to `output`. Without effect after a goodbye.
    pub fn send(&mut self, kind: Kind, payload: &[u8], output: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        let data = match kind {
            Kind::Text => Data::Text,
            Kind::Binary => Data::Binary,
        };
        self.frame(OpCode::Data(data), payload, output);
    }

    /// Says goodbye, once. The peer answers, and closes the connection if it is the server.
    pub fn close(&mut self, output: &mut Vec<u8>) {
        self.say_close(CloseCode::Normal, output);
    }

    /// Ends the connection over what a message holds: it is no UTF-8 (1007).
    pub fn refuse_text(&mut self, output: &mut Vec<u8>) -> Broken {
        self.fail(CloseCode::Invalid, output)
    }

    /// Takes in frames until `input` is empty or something of a message came.
    fn unframe(
        &mut self,
        input: &mut &[u8],
        data: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> Result<Option<Event>, CloseCode> {
        loop {
            let Some(frame) = &mut self.frame else {
                if !self.begin_frame(input)? {
                    return Ok(None);
                }
                continue;
            };
            let count = input.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            let (payload, rest) = input.split_at(count);
            *input = rest;
            let sink = match frame.opcode {
                OpCode::Control(_) => &mut self.control,
                OpCode::Data(_) => &mut *data,
            };
            match &mut frame.mask {
                None => sink.extend_from_slice(payload),
                Some(mask) => {
                    append_masked(payload, *mask, sink);
                    mask.rotate_left(count % 4);
                }
            }
            frame.left -= count as u64;
            let (opcode, is_final, is_whole) = (frame.opcode, frame.is_final, frame.left == 0);
            if is_whole {
                self.frame = None;
            }
            match opcode {
                OpCode::Control(_) if !is_whole => return Ok(None),
                OpCode::Control(control) => {
                    if let Some(goodbye) = self.handle_control(control, output)? {
                        self.over = true;
                        return Ok(Some(Event::Closed(goodbye)));
                    }
                }
                OpCode::Data(_) if count == 0 && !is_whole => return Ok(None),
                // Before the next frame, which may end the connection.
                OpCode::Data(_) => {
                    let ends = is_whole && is_final;
                    let kind = self.message.as_ref().map_or(Kind::Binary, |message| message.kind);
                    if ends {
                        self.message = None;
                    }
                    return Ok(Some(Event::Data { kind, ends }));
                }
            }
        }
    }

    /// Reads a header. `false` if it is not yet whole.
    fn begin_frame(&mut self, input: &mut &[u8]) -> Result<bool, CloseCode> {
        // Two bytes say how long it is (section 5.2).
        while self.head.len() < head_length(&self.head) {
            let Some((byte, rest)) = input.split_first() else { return Ok(false) };
            self.head.push(*byte);
            *input = rest;
        }
        let parsed = FrameHeader::parse(&mut Cursor::new(&self.head));
        let (header, length) = parsed.ok().flatten().ok_or(CloseCode::Protocol)?;
        let is_minimal = header.len(length) == self.head.len();
        self.head.clear();
        // Clients mask, and servers do not (section 5.1).
        let is_masked_as_due = header.mask.is_some() == (self.role == Role::Server);
        let extended = header.rsv1 || header.rsv2 || header.rsv3;
        if !is_masked_as_due || !is_minimal || extended {
            return Err(CloseCode::Protocol);
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL => {
                return Err(CloseCode::Protocol);
            }
            OpCode::Control(_) => {}
            OpCode::Data(data) => self.begin_data(data, length)?,
        }
        let FrameHeader { opcode, is_final, mask, .. } = header;
        self.frame = Some(Incomplete { opcode, is_final, mask, left: length });
        Ok(true)
    }

    /// A message's first or next frame.
    fn begin_data(&mut self, data: Data, length: u64) -> Result<(), CloseCode> {
        let kind = match data {
            Data::Continue => None,
            Data::Text => Some(Kind::Text),
            Data::Binary => Some(Kind::Binary),
            Data::Reserved(_) => return Err(CloseCode::Protocol),
        };
        let message = match (kind, &mut self.message) {
            (Some(kind), None) => self.message.insert(Message { kind, size: 0, frames: 0 }),
            (None, Some(message)) => message,
            (Some(_), Some(_)) | (None, None) => return Err(CloseCode::Protocol),
        };
        message.frames = message.frames.saturating_add(1);
        message.size = message.size.saturating_add(length);
        if message.size > self.caps.message || message.frames > self.caps.frames {
            return Err(CloseCode::Size);
        }
        Ok(())
    }

    fn handle_control(
        &mut self,
        control: Control,
        output: &mut Vec<u8>,
    ) -> Result<Option<Goodbye>, CloseCode> {
        let payload = std::mem::take(&mut self.control);
        match control {
            Control::Ping if self.closed => {}
            Control::Ping => self.frame(OpCode::Control(Control::Pong), &payload, output),
            Control::Pong => {}
            Control::Close => {
                let goodbye = goodbye(&payload)?;
                let code = goodbye.code.map_or(CloseCode::Normal, CloseCode::from);
                if !self.takes_leave_late {
                    self.say_close(code, output);
                }
                return Ok(Some(goodbye));
            }
            Control::Reserved(_) => return Err(CloseCode::Protocol),
        }
        Ok(None)
    }

    fn fail(&mut self, code: CloseCode, output: &mut Vec<u8>) -> Broken {
        self.say_close(code, output);
        self.over = true;
        Broken(code.into())
    }

    fn say_close(&mut self, code: CloseCode, output: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            let code = u16::from(code).to_be_bytes();
            self.frame(OpCode::Control(Control::Close), &code, output);
        }
    }

    /// Appends a frame that is a whole message.
    fn frame(&mut self, opcode: OpCode, payload: &[u8], output: &mut Vec<u8>) {
        let mask = (self.role == Role::Client).then(|| self.mask());
        let header = FrameHeader { is_final: true, opcode, mask, ..FrameHeader::default() };
        // Writing to memory does not fail.
        let _ = header.format(payload.len() as u64, output);
        match mask {
            None => output.extend_from_slice(payload),
            Some(mask) => append_masked(payload, mask, output),
        }
    }

    /// Four bytes that nobody foresees, so that no page can have its own bytes appear on the wire and be taken for a
    /// request by a proxy in between (section 10.3).
    fn mask(&mut self) -> [u8; 4] {
        if self.masks.is_empty() {
            let mut bytes = [0; 4 * MASKS];
            // A system without random bytes has failed before, at the handshake; and a mask is no secret of ours.
            let _ = getrandom::fill(&mut bytes);
            self.masks.extend(bytes.as_chunks::<4>().0);
        }
        self.masks.pop().unwrap_or_default()
    }
}

/// Appends `payload` under `mask`, eight bytes at a time.
fn append_masked(payload: &[u8], mask: [u8; 4], output: &mut Vec<u8>) {
    let start = output.len();
    output.extend_from_slice(payload);
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().unwrap_or_default());
    let (words, rest) = output[start..].as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// What a close frame says (section 5.5.1).
fn goodbye(payload: &[u8]) -> Result<Goodbye, CloseCode> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(Goodbye::default()) } else { Err(CloseCode::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    if !CloseCode::from(code).is_allowed() {
        return Err(CloseCode::Protocol);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| CloseCode::Invalid)?;
    Ok(Goodbye { code: Some(code), reason: reason.to_owned() })
}

/// How long a header is of which `head` is the beginning.
fn head_length(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else { return 2 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}
