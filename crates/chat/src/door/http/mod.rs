//! HTTP, as far as a chat needs it: a page for whoever opens the port in a browser, health and metrics for whoever runs
//! it, and the way to WebSocket. GET and HEAD only, and no bodies.

mod pages;
mod request;
mod response;

use std::net::SocketAddr;

use super::context::Context;
use super::websocket::{self, Encoding};
use pages::Page;
pub(super) use request::Request;
pub(super) use response::{Refusal, Status};

/// The most bytes in the head of a request, as most servers have it: a browser's cookies of a shared host fit.
pub(super) const HEAD_CAP: usize = 8 * 1024;

/// Requests on one connection. A browser needs some thirty for a visit, on several connections; a scraper of metrics comes
/// again.
const MAX_REQUESTS: u32 = 128;

/// Bytes of answers that wait to be taken by a peer at which no further request of its is answered. Requests are a hundred
/// times smaller than some answers, and hundreds of them fit into one read. Browsers send the next request after the
/// answer; who sends many at once is told that the connection ends, and sends the rest on another.
const MAX_WAITING: usize = 128 * 1024;

/// What came of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It was answered, and there may be another.
    Answered,
    /// It was answered, and nothing more will be.
    Finished,
    /// It was refused for what it is, and nothing more will be answered.
    Refused,
    /// From the next byte on it is WebSocket.
    Upgraded(Option<Encoding>),
}

/// The requests of one connection, one after the other.
#[derive(Debug)]
pub(super) struct Http {
    head: Vec<u8>,
    served: u32,
}

impl Http {
    /// `begun` is the beginning of the first request, which was read already.
    pub(super) fn new(begun: Vec<u8>) -> Self {
        Self { head: begun, served: 0 }
    }

    /// Whether the head of a request has begun, or the first one is awaited.
    pub(super) fn is_awaited(&self) -> bool {
        self.served == 0 || !self.head.is_empty()
    }

    /// Takes in bytes from the front of `input` up to the end of a request, and appends the answer to `output`. `None`
    /// means that all of `input` was taken in. `waiting` are the bytes that the peer has not taken of earlier answers.
    pub(super) fn handle(
        &mut self,
        input: &mut &[u8],
        context: &Context,
        peer: SocketAddr,
        waiting: usize,
        output: &mut Vec<u8>,
    ) -> Option<Outcome> {
        if self.head.is_empty() {
            // RFC 9112, section 2.2, has one empty line here; more do no harm.
            let blanks = input.iter().take_while(|byte| b"\r\n".contains(byte)).count();
            *input = &input[blanks..];
        }
        let before = self.head.len();
        let taken = input.len().min(HEAD_CAP.saturating_sub(before));
        self.head.extend_from_slice(&input[..taken]);
        let Some(end) = end_of_head(&self.head, before) else {
            *input = &input[taken..];
            if self.head.len() < HEAD_CAP {
                return None;
            }
            response::refuse(&Refusal::of(Status::HeadTooLarge), false, output);
            return Some(Outcome::Refused);
        };
        *input = &input[end - before..];
        let mut head = std::mem::take(&mut self.head);
        head.truncate(end);
        self.served += 1;
        let may_go_on = self.served < MAX_REQUESTS && waiting < MAX_WAITING;
        Some(answer(&head, context, peer, may_go_on, output))
    }

    /// Says that the request took too long to come.
    pub(super) fn time_out(&self, output: &mut Vec<u8>) {
        if self.is_awaited() {
            response::refuse(&Refusal::of(Status::Timeout), false, output);
        }
    }
}

/// Answers the request that is `head`, the last one unless the connection `may_go_on`.
fn answer(
    head: &[u8],
    context: &Context,
    peer: SocketAddr,
    may_go_on: bool,
    output: &mut Vec<u8>,
) -> Outcome {
    let mut headers = request::no_headers();
    let request = match Request::parse(head, &mut headers) {
        Ok(request) => request,
        Err(status) => {
            response::refuse(&Refusal::of(status), false, output);
            return Outcome::Refused;
        }
    };
    let keeps = request.keeps_alive() && may_go_on;
    let body = request.method != "HEAD";
    let found = match request.path() {
        "/ws" => match websocket::upgrade(&request, peer.ip(), &context.web(), output) {
            Ok(encoding) => return Outcome::Upgraded(encoding),
            Err(refusal) => {
                response::refuse(&refusal, request.method == "HEAD", output);
                return Outcome::Refused;
            }
        },
        "/healthz" => Ok(Page::text("ok\n")),
        "/metrics" => context.metrics_for(peer).map(Page::metrics).ok_or(Status::Forbidden),
        _ => Page::file(&request, &context.web().lobby).ok_or(Status::NotFound),
    };
    // What does not exist has no methods.
    let found = match found {
        Ok(_) if !matches!(request.method, "GET" | "HEAD") => Err(Status::MethodNotAllowed),
        found => found,
    };
    match found {
        Ok(page) => response::page(&page, page.is_known_to(&request), keeps, body, output),
        Err(status @ (Status::NotFound | Status::Forbidden)) => {
            response::error(&Refusal::of(status), keeps, body, output);
        }
        Err(status) => {
            response::refuse(&Refusal::of(status), !body, output);
            return Outcome::Refused;
        }
    }
    if keeps { Outcome::Answered } else { Outcome::Finished }
}

/// Where the head ends: behind the first empty line. Its first `looked_at` bytes were looked at before.
fn end_of_head(head: &[u8], looked_at: usize) -> Option<usize> {
    // An ending that began among those is found from three bytes before.
    let from = looked_at.saturating_sub(3);
    let rest = head.get(from..)?;
    rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| {
        match rest[at + 1..] {
            [b'\n', ..] => Some(from + at + 2),
            [b'\r', b'\n', ..] => Some(from + at + 3),
            _ => None,
        }
    })
}
