//! The head of a request, parsed and checked (RFC 9112).

use httparse::{EMPTY_HEADER, Header};

use super::Status;

/// The most headers in a request: several times what browsers send.
const MAX_HEADERS: usize = 64;

/// A request, of which no body is read.
#[derive(Debug)]
pub(in super::super) struct Request<'a> {
    /// The method, as sent.
    pub(in super::super) method: &'a str,
    target: &'a str,
    /// The version: 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub(in super::super) minor: u8,
    headers: &'a [Header<'a>],
    /// A body follows, behind which the next request would be.
    has_body: bool,
}

/// Room for the headers that [`Request::parse`] finds.
pub(super) fn no_headers<'a>() -> [Header<'a>; MAX_HEADERS] {
    [EMPTY_HEADER; MAX_HEADERS]
}

impl<'a> Request<'a> {
    /// Parses a whole head.
    ///
    /// # Errors
    ///
    /// What the client is to be told. The connection ends with it, since where the next request begins is in doubt.
    pub(super) fn parse(
        head: &'a [u8],
        headers: &'a mut [Header<'a>; MAX_HEADERS],
    ) -> Result<Self, Status> {
        let mut parsed = httparse::Request::new(headers);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(Status::BadRequest),
            Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
            Err(httparse::Error::Version) => return Err(Status::WrongVersion),
            Err(_) => return Err(Status::BadRequest),
        }
        let (Some(method), Some(target), Some(minor)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(Status::BadRequest);
        };
        let mut request = Self { method, target, minor, headers: parsed.headers, has_body: false };
        // RFC 9112, section 3.2: exactly one Host, but for HTTP/1.0.
        if request.values("host").count() != usize::from(request.minor == 1)
            && !(request.minor == 0 && request.only("host").is_some())
        {
            return Err(Status::BadRequest);
        }
        if !request.values("host").all(is_host) {
            return Err(Status::BadRequest);
        }
        request.has_body = request.values("content-length").any(|length| length != "0")
            || request.header("transfer-encoding").is_some();
        // One that a page could be asked for has no meaning (RFC 9110, section 9.3.1); the other methods are refused for
        // what they are.
        let is_for_a_page = matches!(request.method, "GET" | "HEAD");
        if request.has_body && is_for_a_page { Err(Status::BadRequest) } else { Ok(request) }
    }

    /// The target's path, without a query.
    pub(super) fn path(&self) -> &'a str {
        // A client that takes us for its proxy sends the whole address (section 3.2.2).
        let path = match self.target.split_once("://") {
            Some((_, rest)) if !self.target.starts_with('/') => {
                rest.find('/').map_or("/", |at| &rest[at..])
            }
            _ => self.target,
        };
        path.split_once('?').map_or(path, |(path, _)| path)
    }

    /// Whether another request may follow on the connection (section 9.3).
    pub(super) fn keeps_alive(&self) -> bool {
        self.minor == 1
            && !self.has_body
            && !self.tokens("connection").any(|token| token.eq_ignore_ascii_case("close"))
    }

    /// The values of the headers called `name`. One that is not UTF-8 counts as empty.
    pub(in super::super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(named)
            .map(|header| std::str::from_utf8(header.value).unwrap_or_default().trim_ascii())
    }

    /// The value of a header that stands there once.
    pub(in super::super) fn only(&self, name: &str) -> Option<&'a str> {
        let mut values = self.values(name);
        let value = values.next();
        value.filter(|_| values.next().is_none())
    }

    /// The elements of the lists that the headers called `name` hold.
    pub(in super::super) fn tokens(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim_ascii)
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }
}

/// Whether a text is of the characters of a host and a port (RFC 9112, section 3.2); it may be empty.
fn is_host(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte))
}
