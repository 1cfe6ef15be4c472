//! Frames in, lines out, and back. In memory, and without keeping a message whole before it is looked at.
//!
//! Frames' headers are read and written by tungstenite. Its own socket is not used, since that holds a read buffer for
//! every connection and ends the connection on a message that is merely too long for a line.

use std::io::Cursor;

use callbox_irc::framer::{Frame, Framer, Limits};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::super::{CloseWhy, layered::Got};
use super::Encoding;

/// The most bytes in a message. Fourteen times the longest line, so that a client that is careless about lengths learns
/// so by a reply and is not cut off; what is longer is no chat, and ends the connection with 1009.
const MAX_MESSAGE: u64 = 64 * 1024;

/// The most frames in a message. Browsers send one; more than this is a game with our time.
const MAX_FRAGMENTS: u32 = 64;

/// Bytes of a control frame (RFC 6455, section 5.5).
const MAX_CONTROL: u64 = 125;

/// Memory for decoded text that is kept from one message to the next.
const KEPT_TEXT: usize = 1024;

/// One connection's WebSocket, the server's side.
#[derive(Debug)]
pub(in super::super) struct WebSocket {
    /// The beginning of a frame's header, at most 14 bytes.
    head: Vec<u8>,
    frame: Option<Incomplete>,
    /// The message whose frames come, if one has begun.
    message: Option<Message>,
    /// The kind of the message that `text` is of.
    kind: Encoding,
    /// The payload of a control frame, at most 125 bytes.
    control: Vec<u8>,
    /// Unmasked text of at most one frame, from `used` on not yet cut into lines; at a message's end CR LF.
    text: Vec<u8>,
    used: usize,
    framer: Framer,
    /// The kind of messages to send; `None` until the first one came.
    sends: Option<Encoding>,
    closed: bool,
}

/// A frame of which more payload is to come.
#[derive(Debug)]
struct Incomplete {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    left: u64,
}

#[derive(Debug)]
struct Message {
    size: u64,
    frames: u32,
}

/// Why the connection is to be closed: what the peer is told (section 7.4).
type Failure = CloseCode;

impl WebSocket {
    /// After the handshake. `encoding` is what was agreed on, if anything.
    pub(in super::super) fn new(encoding: Option<Encoding>, limits: Limits) -> Self {
        Self {
            head: Vec::new(),
            frame: None,
            message: None,
            kind: Encoding::Binary,
            control: Vec::new(),
            text: Vec::new(),
            used: 0,
            framer: Framer::new(limits),
            sends: encoding,
            closed: false,
        }
    }

    /// Takes in frames from the front of `input` until something comes of it; a line is put into `line`. Replies to
    /// pings and closes are appended to `output`. `None` means that all of `input` was taken in.
    pub(in super::super) fn handle(
        &mut self,
        input: &mut &[u8],
        line: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> Option<Got> {
        loop {
            let mut text = &self.text[self.used..];
            let got = match self.framer.next(&mut text) {
                Some(Frame::Line(found)) if self.kind == Encoding::Binary || is_utf8(found) => {
                    line.extend_from_slice(found);
                    Some(Got::Line)
                }
                Some(Frame::Line(_)) => return Some(self.fail(CloseCode::Invalid, output)),
                Some(Frame::TooLong) => Some(Got::TooLong),
                None => None,
            };
            self.used = self.text.len() - text.len();
            if got.is_some() {
                return got;
            }
            self.forget_text();
            match self.unframe(input, output) {
                Ok(None) if self.text.is_empty() && input.is_empty() => return None,
                Ok(None) => {}
                Ok(Some(got)) => return Some(got),
                Err(code) => return Some(self.fail(code, output)),
            }
        }
    }

    /// Appends each of `lines`, which end with CR LF, to `output` as a message.
    pub(in super::super) fn encode(&self, lines: &[u8], output: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match self.sends.unwrap_or(Encoding::Text) {
                Encoding::Binary => frame(OpCode::Data(Data::Binary), line, output),
                // Borrowed where it is UTF-8; otherwise the bad bytes become U+FFFD, as a browser would end the
                // connection over them.
                Encoding::Text => {
                    let text = String::from_utf8_lossy(line);
                    frame(OpCode::Data(Data::Text), text.as_bytes(), output);
                }
            }
        }
    }

    /// Says goodbye, once.
    pub(in super::super) fn close(&mut self, output: &mut Vec<u8>) {
        self.say_close(CloseCode::Normal, output);
    }

    fn forget_text(&mut self) {
        self.text.clear();
        self.used = 0;
        if self.text.capacity() > KEPT_TEXT {
            self.text = Vec::new();
        }
    }

    /// Takes in frames until `input` is empty or a frame of text ends.
    fn unframe(&mut self, input: &mut &[u8], output: &mut Vec<u8>) -> Result<Option<Got>, Failure> {
        loop {
            let Some(frame) = &mut self.frame else {
                if !self.begin_frame(input)? {
                    return Ok(None);
                }
                continue;
            };
            let count = input.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            let (masked, rest) = input.split_at(count);
            *input = rest;
            let plain =
                masked.iter().zip(frame.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
            match frame.opcode {
                OpCode::Control(_) => self.control.extend(plain),
                OpCode::Data(_) => self.text.extend(plain),
            }
            frame.mask.rotate_left(count % 4);
            frame.left -= count as u64;
            if frame.left > 0 {
                return Ok(None);
            }
            let (opcode, is_final) = (frame.opcode, frame.is_final);
            self.frame = None;
            match opcode {
                OpCode::Control(control) => {
                    if let Some(got) = self.handle_control(control, output)? {
                        return Ok(Some(got));
                    }
                }
                OpCode::Data(_) => {
                    if is_final {
                        self.message = None;
                        self.text.extend_from_slice(b"\r\n");
                    }
                    // Before the next frame, which may end the connection.
                    return Ok(None);
                }
            }
        }
    }

    /// Reads a header. `false` if it is not yet whole.
    fn begin_frame(&mut self, input: &mut &[u8]) -> Result<bool, Failure> {
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
        let Some(mask) = header.mask else { return Err(CloseCode::Protocol) };
        if header.rsv1 || header.rsv2 || header.rsv3 || !is_minimal {
            return Err(CloseCode::Protocol);
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL => {
                return Err(CloseCode::Protocol);
            }
            OpCode::Control(_) => {}
            OpCode::Data(data) => self.begin_data(data, length)?,
        }
        let (opcode, is_final) = (header.opcode, header.is_final);
        self.frame = Some(Incomplete { opcode, is_final, mask, left: length });
        Ok(true)
    }

    /// A message's first or next frame.
    fn begin_data(&mut self, data: Data, length: u64) -> Result<(), Failure> {
        let kind = match data {
            Data::Continue => None,
            Data::Text => Some(Encoding::Text),
            Data::Binary => Some(Encoding::Binary),
            Data::Reserved(_) => return Err(CloseCode::Protocol),
        };
        let message = match (kind, &mut self.message) {
            (Some(kind), None) => {
                self.kind = kind;
                self.sends.get_or_insert(kind);
                self.message.insert(Message { size: 0, frames: 0 })
            }
            (None, Some(message)) => message,
            (Some(_), Some(_)) | (None, None) => return Err(CloseCode::Protocol),
        };
        message.frames += 1;
        message.size = message.size.saturating_add(length);
        if message.size > MAX_MESSAGE || message.frames > MAX_FRAGMENTS {
            return Err(CloseCode::Size);
        }
        Ok(())
    }

    fn handle_control(
        &mut self,
        control: Control,
        output: &mut Vec<u8>,
    ) -> Result<Option<Got>, Failure> {
        let payload = std::mem::take(&mut self.control);
        match control {
            Control::Ping => frame(OpCode::Control(Control::Pong), &payload, output),
            Control::Pong => {}
            Control::Close => {
                self.say_close(close_code(&payload)?, output);
                return Ok(Some(Got::Close(CloseWhy::Ended)));
            }
            Control::Reserved(_) => return Err(CloseCode::Protocol),
        }
        Ok(None)
    }

    fn fail(&mut self, code: CloseCode, output: &mut Vec<u8>) -> Got {
        self.say_close(code, output);
        Got::Close(CloseWhy::WebSocket)
    }

    fn say_close(&mut self, code: CloseCode, output: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.closed, true) {
            frame(OpCode::Control(Control::Close), &u16::from(code).to_be_bytes(), output);
        }
    }
}

fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// What a close frame is answered with: its own code, if it is one (section 5.5.1).
fn close_code(payload: &[u8]) -> Result<CloseCode, Failure> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(CloseCode::Normal) } else { Err(CloseCode::Protocol) };
    };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    match (code.is_allowed(), is_utf8(reason)) {
        (true, true) => Ok(code),
        (true, false) => Err(CloseCode::Invalid),
        (false, _) => Err(CloseCode::Protocol),
    }
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

/// Appends a frame that is a whole message. Servers do not mask.
fn frame(opcode: OpCode, payload: &[u8], output: &mut Vec<u8>) {
    let header = FrameHeader { is_final: true, opcode, ..FrameHeader::default() };
    // Writing to memory does not fail.
    let _ = header.format(payload.len() as u64, output);
    output.extend_from_slice(payload);
}
