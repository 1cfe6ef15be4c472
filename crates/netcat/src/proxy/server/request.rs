//! The request of a client, and what goes to its origin.

use std::time::Instant;

use super::exchange::Exchange;
use super::{Gate, Refusal, Status, push_end_to_end};
use crate::proxy::body::{BadFraming, Framing};
use crate::proxy::head::{self, HEADERS_MAX, Head};
use crate::proxy::{Host, Target};

/// The methods that are served. ncat's proxy knows the first four.
pub const METHODS: [&str; 8] =
    ["CONNECT", "GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH", "PUT"];

/// The port of `http://` without one.
const HTTP_PORT: u16 = 80;

/// Takes in one request.
///
/// Calling contract: [`handle`](Self::handle) with what comes from the client, until it says something else than
/// [`Reading::More`]. It takes bytes from the front up to the end of the head; what is left belongs to the tunnel or to
/// the request's body. At most [`HEAD_MAX`](crate::proxy::HEAD_MAX) bytes are kept. A client that goes before the end
/// wants nothing.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    head: Head,
}

/// What became of a request.
#[derive(Debug)]
pub enum Reading {
    /// It goes on.
    More,
    /// Connect to its target, and tell it how that ended.
    Connect(Request),
    /// Send the reply, and close.
    Refuse(Refusal),
}

/// A request that may be served.
#[derive(Debug)]
pub struct Request {
    target: Target,
    method: String,
    /// What goes to the origin, if this is no tunnel.
    forward: Option<Forward>,
}

#[derive(Debug)]
struct Forward {
    head: Vec<u8>,
    exchange: Exchange,
}

impl Reader {
    /// Takes in what came from the client. `now` judges the age of a nonce.
    pub fn handle(&mut self, input: &mut &[u8], gate: &Gate, now: Instant) -> Reading {
        match self.head.handle(input) {
            head::Progress::More => Reading::More,
            head::Progress::TooLong => Reading::Refuse(too_large()),
            head::Progress::Whole => {
                let head = std::mem::take(&mut self.head);
                read(head.bytes(), gate, now).map_or_else(Reading::Refuse, Reading::Connect)
            }
        }
    }
}

impl Request {
    /// Where to connect to. A name comes from the client and is resolved here.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The method, one of [`METHODS`].
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The connection to the target is there. Appends what goes to the client and to the origin first. `None` is a
    /// tunnel: what is left of the client's input goes to the origin, and then everything in both directions. Else the
    /// exchange is given the rest of the client's input and all that comes.
    pub fn connected(self, to_client: &mut Vec<u8>, to_origin: &mut Vec<u8>) -> Option<Exchange> {
        match self.forward {
            None => {
                to_client.extend_from_slice(b"HTTP/1.0 200 OK\r\n\r\n");
                None
            }
            Some(Forward { head, exchange }) => {
                to_origin.extend_from_slice(&head);
                Some(exchange)
            }
        }
    }

    /// There is no connection to the target. `why` is for a person to read.
    pub fn failed(&self, why: &str) -> Refusal {
        let why = format!("Cannot connect to {}: {why}.", self.target);
        Refusal::new(Status::Unreachable, &why).for_method(&self.method)
    }
}

fn read(head: &[u8], gate: &Gate, now: Instant) -> Result<Request, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let bad = |why| Refusal::new(Status::BadRequest, why);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(httparse::Error::Version) => {
            let why = "This proxy speaks HTTP/1.0 and HTTP/1.1.";
            return Err(Refusal::new(Status::VersionNotSupported, why));
        }
        Ok(httparse::Status::Partial) | Err(_) => return Err(bad("This is no HTTP request.")),
    }
    let (Some(method), Some(uri), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(bad("This is no HTTP request."));
    };
    gate.check(method, uri, request.headers, now)?;
    let framing = Framing::of(request.headers).map_err(|error| match error {
        BadFraming::Length => bad("The length of the body makes no sense."),
        BadFraming::Both => bad("The body has a length and chunks."),
        BadFraming::Coding => {
            Refusal::new(Status::NotImplemented, "The only transfer coding known here is chunked.")
        }
    });
    let framing = framing.map_err(|refusal| refusal.for_method(method))?;
    let bad = |why| Refusal::new(Status::BadRequest, why).for_method(method);
    if method == "CONNECT" {
        if !matches!(framing, Framing::None | Framing::Length(0)) {
            return Err(bad("CONNECT has no body."));
        }
        let target = authority(uri, None).filter(|target| target.port != 0);
        let target = target.ok_or_else(|| bad("CONNECT wants HOST:PORT."))?;
        return Ok(Request { target, method: method.to_owned(), forward: None });
    }
    let Some((scheme, rest)) = uri.split_once("://") else {
        return Err(bad("This is a proxy: it wants a whole URI, as in http://host/path."));
    };
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(bad("Only http:// is passed on; for https:// use CONNECT."));
    }
    if !METHODS.contains(&method) {
        return Err(Refusal::new(Status::MethodNotAllowed, "This method is not passed on.")
            .with_header(&format!("Allow: {}", METHODS.join(", "))));
    }
    if minor == 0 && framing == Framing::Chunked {
        return Err(bad("HTTP/1.0 has no chunks."));
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = authority(host, Some(HTTP_PORT)).filter(|target| target.port != 0);
    let target = target.ok_or_else(|| bad("The URI names no host."))?;

    let path = match path {
        "" if method == "OPTIONS" => "*".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    // The port is left out where it goes without saying, as clients do.
    let written = target.to_string();
    let written = written.strip_suffix(":80").unwrap_or(&written);
    let mut output = format!("{method} {path} HTTP/1.{minor}\r\nHost: {written}\r\n").into_bytes();
    push_end_to_end(request.headers, &mut output);
    framing.push_header(&mut output);
    output.extend_from_slice(b"Connection: close\r\n\r\n");
    let exchange = Exchange::new(framing, method == "HEAD", minor);
    let forward = Some(Forward { head: output, exchange });
    Ok(Request { target, method: method.to_owned(), forward })
}

/// Reads `HOST:PORT`; the port may be missing if there is a default. Whatever is in it goes to the resolver and into a
/// header line, so only what names are made of is taken.
fn authority(text: &str, default: Option<u16>) -> Option<Target> {
    let end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, port) = text.split_at(end);
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default?,
        None => return None,
        Some("") => default?,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    let host = Host::typed(host);
    let is_sound = match &host {
        Host::Address(_) => true,
        Host::Name(name) => {
            let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            (1..=253).contains(&name.len()) && name.bytes().all(in_name)
        }
    };
    is_sound.then_some(Target { host, port })
}

fn too_large() -> Refusal {
    Refusal::new(Status::HeadTooLarge, "The head of the request is too long.")
}
