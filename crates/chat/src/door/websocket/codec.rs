//! Lines out of messages, and back. In memory, and without keeping a message whole before it is looked at.

use callbox_irc::framer::{Frame, Framer, Limits};
use callbox_layers::websocket::{Caps, Event, Role, WebSocket as Frames};

use super::super::{CloseWhy, layered::Got};
use super::Encoding;

/// What a message may have. Its bytes are fourteen times the longest line, so that a client that is careless about lengths
/// learns so by a reply and is not cut off; what is longer is no chat, and ends the connection with 1009. Browsers send one
/// frame; more than these is a game with our time.
const CAPS: Caps = Caps { message: 64 * 1024, frames: 64 };

/// Memory for decoded text that is kept from one message to the next.
const KEPT_TEXT: usize = 1024;

/// One connection's WebSocket, the server's side.
#[derive(Debug)]
pub(in super::super) struct WebSocket {
    frames: Frames,
    /// The kind of the message that `text` is of.
    kind: Encoding,
    /// Of at most one frame, from `used` on not yet cut into lines; at a message's end CR LF.
    text: Vec<u8>,
    used: usize,
    framer: Framer,
    /// The kind of messages to send; `None` until the first one came.
    sends: Option<Encoding>,
}

impl WebSocket {
    /// After the handshake. `encoding` is what was agreed on, if anything.
    pub(in super::super) fn new(encoding: Option<Encoding>, limits: Limits) -> Self {
        Self {
            frames: Frames::new(Role::Server, CAPS),
            kind: Encoding::Binary,
            text: Vec::new(),
            used: 0,
            framer: Framer::new(limits),
            sends: encoding,
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
                Some(Frame::Line(_)) => {
                    self.frames.refuse_text(output);
                    return Some(Got::Close(CloseWhy::WebSocket));
                }
                Some(Frame::TooLong) => Some(Got::TooLong),
                None => None,
            };
            self.used = self.text.len() - text.len();
            if got.is_some() {
                return got;
            }
            self.forget_text();
            match self.frames.handle(input, &mut self.text, output) {
                Ok(None) => return None,
                Ok(Some(Event::Data { kind, ends })) => {
                    self.kind = kind;
                    self.sends.get_or_insert(kind);
                    if ends {
                        self.text.extend_from_slice(b"\r\n");
                    }
                }
                Ok(Some(Event::Closed(_))) => return Some(Got::Close(CloseWhy::Ended)),
                Err(_) => return Some(Got::Close(CloseWhy::WebSocket)),
            }
        }
    }

    /// Appends each of `lines`, which end with CR LF, to `output` as a message.
    pub(in super::super) fn encode(&mut self, lines: &[u8], output: &mut Vec<u8>) {
        let encoding = self.sends.unwrap_or(Encoding::Text);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match encoding {
                Encoding::Binary => self.frames.send(encoding, line, output),
                // Borrowed where it is UTF-8; otherwise the bad bytes become U+FFFD, as a browser would end the
                // connection over them.
                Encoding::Text => {
                    self.frames.send(encoding, String::from_utf8_lossy(line).as_bytes(), output);
                }
            }
        }
    }

    /// Says goodbye, once.
    pub(in super::super) fn close(&mut self, output: &mut Vec<u8>) {
        self.frames.close(output);
    }

    fn forget_text(&mut self) {
        self.text.clear();
        self.used = 0;
        if self.text.capacity() > KEPT_TEXT {
            self.text = Vec::new();
        }
    }
}

fn is_utf8(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok()
}
