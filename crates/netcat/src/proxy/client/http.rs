//! HTTP's CONNECT (RFC 9110 section 9.3.6), with Basic and Digest where the proxy asks who we are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::problem::Said;
use super::{Credentials, Problem, Progress, Target};
use crate::proxy::Host;
use crate::proxy::body::{BadChunk, Body, Framing};
use crate::proxy::digest::{Algorithm, Hash, Response, Scheme, hex, quote};
use crate::proxy::head::{self, HEADERS_MAX, Head};

/// The longest text behind a refusal that is read to ask again on the same connection; beyond it a new connection is
/// cheaper.
const SKIPPED_MAX: u64 = 64 * 1024;

/// How many replies of the kind "wait" (1xx) are passed over. One is usual, none the rule.
const INTERIM_MAX: u32 = 8;

/// How often the credentials are sent: once, and once more if the proxy says that only its nonce was too old.
const ANSWERS_MAX: u32 = 2;

/// The exchange: a request, and one or two more if it is refused for want of authentication.
#[derive(Clone, Debug)]
pub(super) struct Http {
    authority: String,
    credentials: Option<Credentials>,
    cnonce: String,
    /// How the proxy wants to be told who we are, once it has said so.
    method: Option<Method>,
    /// How often that was sent on its demand.
    answers: u32,
    interim: u32,
    head: Head,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A reply is awaited. If it is the reply to a repeated request, the proxy may have closed the connection before it
    /// read it.
    Reply { repeated: bool },
    /// The text behind a refusal, after which the request is repeated.
    Skip { body: Body, left: u64 },
}

#[derive(Clone, Debug)]
enum Method {
    Basic,
    Digest { challenge: Scheme, algorithm: Algorithm, count: u32 },
}

impl Method {
    /// The higher, the better the password is hidden.
    const fn rank(&self) -> u8 {
        match self {
            Self::Basic => 0,
            Self::Digest { algorithm: Algorithm { hash: Hash::Md5, .. }, .. } => 1,
            Self::Digest { algorithm: Algorithm { hash: Hash::Sha256, .. }, .. } => 2,
        }
    }

    fn of(challenge: Scheme) -> Option<Self> {
        if challenge.is("Basic") {
            return Some(Self::Basic);
        }
        let algorithm = Algorithm::named(challenge.param("algorithm"))?;
        // A session has a nonce of the client's, which is said with a quality of protection only.
        let has_qop = match challenge.param("qop") {
            None => !algorithm.is_session,
            Some(_) => challenge.param_has("qop", "auth"),
        };
        if !(challenge.is("Digest") && challenge.param("nonce").is_some() && has_qop) {
            return None;
        }
        Some(Self::Digest { challenge, algorithm, count: 0 })
    }
}

impl Http {
    pub(super) fn new(
        target: &Target,
        credentials: Option<&Credentials>,
        chance: [u8; 16],
    ) -> Result<Self, Problem> {
        let breaks = |text: &str| text.contains(|c: char| c.is_control());
        if let Host::Name(name) = &target.host
            && (breaks(name) || name.contains([' ', '/', '@', ':']) || name.is_empty())
        {
            return Err(Problem::Unsayable("the target's name is none that HTTP can say"));
        }
        if credentials.is_some_and(|c| breaks(&c.user) || breaks(&c.password)) {
            return Err(Problem::Unsayable(
                "HTTP has no users and passwords with control characters",
            ));
        }
        Ok(Self {
            authority: target.to_string(),
            credentials: credentials.cloned(),
            cnonce: hex(&chance),
            method: None,
            answers: 0,
            interim: 0,
            head: Head::default(),
            state: State::Reply { repeated: false },
        })
    }

    pub(super) fn restart(&mut self, output: &mut Vec<u8>) {
        self.request(output);
        self.state = State::Reply { repeated: false };
    }

    pub(super) fn handle(
        &mut self,
        input: &mut &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Progress, Problem> {
        loop {
            match &mut self.state {
                State::Reply { .. } => {
                    let progress = self.head.handle(input);
                    if !is_http(self.head.bytes()) {
                        return Err(nonsense(self.head.first_line()));
                    }
                    match progress {
                        head::Progress::More => return Ok(Progress::More),
                        head::Progress::TooLong => {
                            return Err(Problem::TooMuch(Said::new(self.head.first_line())));
                        }
                        head::Progress::Whole => {}
                    }
                    let head = std::mem::take(&mut self.head);
                    match self.judge(&head, output)? {
                        Progress::More => {}
                        over => return Ok(over),
                    }
                }
                State::Skip { body, left } => {
                    let (taken, is_sound) = match body.take(input) {
                        Ok(taken) => (taken, true),
                        Err(BadChunk(good)) => (good, false),
                    };
                    *input = &input[taken..];
                    if !is_sound {
                        return Ok(Progress::Again);
                    }
                    match left.checked_sub(taken as u64) {
                        Some(less) => *left = less,
                        None => return Ok(Progress::Again),
                    }
                    if body.is_over() {
                        self.request(output);
                        self.state = State::Reply { repeated: true };
                    }
                }
            }
            if input.is_empty() {
                return Ok(Progress::More);
            }
        }
    }

    pub(super) fn handle_end(&mut self) -> Result<Progress, Problem> {
        match self.state {
            State::Skip { .. } => Ok(Progress::Again),
            // It said that it keeps the connection, and did not.
            State::Reply { repeated: true } if self.head.is_empty() => Ok(Progress::Again),
            State::Reply { .. } if self.head.is_empty() => Err(Problem::Closed),
            State::Reply { .. } => Err(nonsense(self.head.first_line())),
        }
    }

    /// Decides what a whole reply means; `More` if the exchange goes on.
    fn judge(&mut self, head: &Head, output: &mut Vec<u8>) -> Result<Progress, Problem> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut reply = httparse::Response::new(&mut headers);
        let line = head.first_line();
        let status = match reply.parse(head.bytes()) {
            Ok(httparse::Status::Complete(_)) => reply.code.unwrap_or(0),
            Err(httparse::Error::TooManyHeaders) => return Err(Problem::TooMuch(Said::new(line))),
            Ok(httparse::Status::Partial) | Err(_) => return Err(nonsense(line)),
        };
        // "HTTP/1.1 ", and the rest is what it has to say.
        let said = Said::new(line.get(9..).unwrap_or(line));
        match status {
            100..=199 if self.interim < INTERIM_MAX => {
                self.interim += 1;
                return Ok(Progress::More);
            }
            200..=299 => return Ok(Progress::Done),
            407 => {}
            _ => return Err(Problem::Refused(said)),
        }
        if self.credentials.is_none() {
            return Err(Problem::WantsCredentials);
        }
        let asked: Vec<_> =
            head::values(reply.headers, "proxy-authenticate").flat_map(Scheme::list).collect();
        let is_stale = asked.iter().any(|challenge| challenge.param_has("stale", "true"));
        if self.method.is_some() && !(is_stale && self.answers < ANSWERS_MAX) {
            return Err(Problem::Credentials(said));
        }
        let names =
            asked.iter().map(|challenge| challenge.name.as_str()).collect::<Vec<_>>().join(", ");
        // Of equals the first, which the proxy likes better.
        let best = asked.into_iter().filter_map(Method::of).rev().max_by_key(Method::rank);
        self.method =
            Some(best.ok_or_else(|| Problem::Authentication(Said::new(names.as_bytes())))?);
        self.answers += 1;

        let keeps = match reply.version {
            Some(1) => !has_connection_word(reply.headers, "close"),
            _ => has_connection_word(reply.headers, "keep-alive"),
        };
        let body = match Framing::of(reply.headers) {
            Ok(Framing::Length(length)) if length <= SKIPPED_MAX => Body::Length(length),
            Ok(Framing::Chunked) => Body::chunked(),
            // Without a length the text ends with the connection.
            _ => return Ok(Progress::Again),
        };
        if !keeps {
            return Ok(Progress::Again);
        }
        if body.is_over() {
            self.request(output);
            self.state = State::Reply { repeated: true };
        } else {
            self.state = State::Skip { body, left: SKIPPED_MAX };
        }
        Ok(Progress::More)
    }

    /// Appends the request, and makes ready for its reply.
    fn request(&mut self, output: &mut Vec<u8>) {
        self.head = Head::default();
        self.interim = 0;
        let authority = &self.authority;
        output.extend(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").bytes());
        let (Some(method), Some(credentials)) = (&mut self.method, &self.credentials) else {
            output.extend(b"\r\n");
            return;
        };
        output.extend(b"Proxy-Authorization: ");
        match method {
            Method::Basic => {
                let pair = format!("{}:{}", credentials.user, credentials.password);
                output.extend(format!("Basic {}", BASE64_STANDARD.encode(pair)).bytes());
            }
            Method::Digest { challenge, algorithm, count } => {
                *count += 1;
                let count = format!("{count:08x}");
                let param = |name| challenge.param(name).unwrap_or_default();
                let has_qop = challenge.param("qop").is_some();
                let response = Response {
                    algorithm: *algorithm,
                    user: credentials.user.as_bytes(),
                    realm: param("realm"),
                    password: credentials.password.as_bytes(),
                    method: b"CONNECT",
                    uri: authority.as_bytes(),
                    nonce: param("nonce"),
                    auth: has_qop.then_some((count.as_bytes(), self.cnonce.as_bytes())),
                };
                let response = response.compute();
                output.extend(b"Digest username=");
                output.extend(quote(credentials.user.as_bytes()));
                for name in ["realm", "nonce", "opaque"] {
                    if let Some(value) = challenge.param(name) {
                        output.extend(format!(", {name}=").bytes());
                        output.extend(quote(value));
                    }
                }
                output.extend(format!(", uri=\"{authority}\", response=\"{response}\"").bytes());
                if challenge.param("algorithm").is_some() {
                    output.extend(format!(", algorithm={}", algorithm.name()).bytes());
                }
                if has_qop {
                    output.extend(
                        format!(", qop=auth, nc={count}, cnonce=\"{}\"", self.cnonce).bytes(),
                    );
                }
            }
        }
        output.extend(b"\r\n\r\n");
    }
}

fn has_connection_word(headers: &[httparse::Header<'_>], word: &str) -> bool {
    // The second is no standard, and what old proxies use.
    head::has_word(headers, "connection", word) || head::has_word(headers, "proxy-connection", word)
}

/// Whether this may be the beginning of a reply.
fn is_http(begun: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.";
    let length = begun.len().min(BEGIN.len());
    begun[..length] == BEGIN[..length]
}

fn nonsense(said: &[u8]) -> Problem {
    Problem::Nonsense { protocol: "HTTP", said: Said::new(said) }
}
