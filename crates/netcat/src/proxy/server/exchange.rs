//! One request and its reply, passed on between a client and an origin.

use super::{Refusal, Status, push_end_to_end};
use crate::proxy::body::{BadChunk, BadFraming, Body, Framing};
use crate::proxy::head::{self, HEADERS_MAX, Head};

/// How many replies of the kind "wait" (1xx) are passed on before the reply. One is usual, none the rule.
const INTERIM_MAX: u32 = 8;

/// Whether an exchange goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Hand over what comes.
    Open,
    /// Send the client what is for it, and close both connections.
    Done,
}

/// A request that was begun to be passed on.
///
/// Calling contract: hand over what comes from either side and its end; what is appended goes to the other side. Nothing
/// is held back but the head of a reply, of at most [`HEAD_MAX`](crate::proxy::HEAD_MAX) bytes, and nothing becomes
/// longer but by a header line, so the caller stays within its bounds if it reads nothing more from one side while the
/// other takes nothing. After [`Flow::Done`] nothing more is to be called.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What is still to come from the client.
    request: Body,
    is_head: bool,
    minor: u8,
    reply: Reply,
    interim: u32,
}

#[derive(Clone, Debug)]
enum Reply {
    Head(Head),
    Body(Body),
    /// Chunks for a client that knows none: what is in them, up to the end of the connection.
    Unwrapped(Body),
    /// All up to the end of the connection.
    UntilEnd,
}

impl Framing {
    /// Says it in a header line.
    pub(super) fn push_header(self, output: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Length(length) => output.extend(format!("Content-Length: {length}\r\n").bytes()),
            Self::Chunked => output.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
    }
}

impl Exchange {
    pub(super) fn new(framing: Framing, is_head: bool, minor: u8) -> Self {
        let request = match framing {
            Framing::None => Body::Length(0),
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::chunked(),
        };
        Self { request, is_head, minor, reply: Reply::Head(Head::default()), interim: 0 }
    }

    /// Takes in what came from the client: the request's body. What follows it is another request, to which the answer is
    /// the end of the connection.
    pub fn handle_client(
        &mut self,
        input: &[u8],
        to_origin: &mut Vec<u8>,
        to_client: &mut Vec<u8>,
    ) -> Flow {
        match self.request.take(input) {
            Ok(taken) => {
                to_origin.extend_from_slice(&input[..taken]);
                Flow::Open
            }
            Err(BadChunk(good)) => {
                to_origin.extend_from_slice(&input[..good]);
                let why = "The body has chunks that are none.";
                self.fail(Status::BadRequest, why, to_client)
            }
        }
    }

    /// The client will send nothing more. Without all of its body the request cannot be served.
    pub fn handle_client_end(&mut self) -> Flow {
        if self.request.is_over() { Flow::Open } else { Flow::Done }
    }

    /// Takes in what came from the origin: the reply.
    pub fn handle_origin(&mut self, mut input: &[u8], to_client: &mut Vec<u8>) -> Flow {
        loop {
            match &mut self.reply {
                Reply::UntilEnd => {
                    to_client.extend_from_slice(input);
                    return Flow::Open;
                }
                Reply::Body(body) => {
                    let (taken, is_sound) = match body.take(input) {
                        Ok(taken) => (taken, true),
                        Err(BadChunk(good)) => (good, false),
                    };
                    to_client.extend_from_slice(&input[..taken]);
                    // A chunk that is none: what the client has got has no end, which tells it that it is not whole.
                    return if is_sound && !body.is_over() { Flow::Open } else { Flow::Done };
                }
                Reply::Unwrapped(body) => {
                    let is_sound = body.unwrap(input, to_client).is_ok();
                    // HTTP/1.0 has no word for a text that is cut short.
                    return if is_sound && !body.is_over() { Flow::Open } else { Flow::Done };
                }
                Reply::Head(head) => {
                    match head.handle(&mut input) {
                        head::Progress::More => return Flow::Open,
                        head::Progress::TooLong => {
                            let why = "The head of the origin's reply is too long.";
                            return self.fail(Status::BadGateway, why, to_client);
                        }
                        head::Progress::Whole => {}
                    }
                    let head = std::mem::take(head);
                    match self.judge(&head, to_client) {
                        Some(Reply::Body(body)) if body.is_over() => return Flow::Done,
                        Some(next) => self.reply = next,
                        None => {
                            let why = "The origin's reply is no HTTP that can be passed on.";
                            return self.fail(Status::BadGateway, why, to_client);
                        }
                    }
                }
            }
        }
    }

    /// The origin will send nothing more.
    pub fn handle_origin_end(&mut self, to_client: &mut Vec<u8>) -> Flow {
        let why = "The origin closed the connection without a reply.";
        self.fail(Status::BadGateway, why, to_client)
    }

    /// Ends the exchange, with words if nothing of the reply has left yet.
    fn fail(&mut self, status: Status, why: &str, to_client: &mut Vec<u8>) -> Flow {
        if matches!(self.reply, Reply::Head(_)) {
            let method = if self.is_head { "HEAD" } else { "" };
            to_client.extend(Refusal::new(status, why).for_method(method).reply());
        }
        Flow::Done
    }

    /// Appends the head as the client gets it, and says what follows; `None` if it makes no sense.
    fn judge(&mut self, head: &Head, to_client: &mut Vec<u8>) -> Option<Reply> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut reply = httparse::Response::new(&mut headers);
        if !matches!(reply.parse(head.bytes()), Ok(httparse::Status::Complete(_))) {
            return None;
        }
        let (version, code) = (reply.version?, reply.code?);
        let framing = match Framing::of(reply.headers) {
            // Chunks win (RFC 9112 section 6.3), and the length is not passed on.
            Err(BadFraming::Both) => Framing::Chunked,
            framing => framing.ok()?,
        };
        let is_interim = (100..200).contains(&code);
        let has_body = !(self.is_head || is_interim || matches!(code, 204 | 304));
        // HTTP/1.0 knows neither waits nor chunks, and some origins have both for it all the same.
        let is_old = self.minor == 0;
        self.interim += u32::from(is_interim);
        // 101 would be the answer to `Upgrade`, which was not passed on.
        if code == 101 || code < 100 || self.interim > INTERIM_MAX {
            return None;
        }
        if is_old && is_interim {
            return Some(Reply::Head(Head::default()));
        }
        let reason = reply.reason.unwrap_or_default();
        to_client.extend(format!("HTTP/1.{version} {code} {reason}\r\n").bytes());
        push_end_to_end(reply.headers, to_client);
        if is_interim {
            to_client.extend_from_slice(b"\r\n");
            return Some(Reply::Head(Head::default()));
        }
        if !(is_old && framing == Framing::Chunked) {
            framing.push_header(to_client);
        }
        to_client.extend_from_slice(b"Connection: close\r\n\r\n");
        Some(match framing {
            _ if !has_body => Reply::Body(Body::Length(0)),
            Framing::Length(length) => Reply::Body(Body::Length(length)),
            Framing::Chunked if is_old => Reply::Unwrapped(Body::chunked()),
            Framing::Chunked => Reply::Body(Body::chunked()),
            Framing::None => Reply::UntilEnd,
        })
    }
}
