//! What a proxy says for itself.

use callbox_exchange::Bare;

/// A kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The request makes no sense, or not here.
    BadRequest,
    /// It may not be served.
    Forbidden,
    /// The method is none that is passed on.
    MethodNotAllowed,
    /// Who asks has not shown who they are.
    AuthenticationRequired,
    /// The head of the request is too long.
    HeadTooLarge,
    /// The request has a coding that is not known here.
    NotImplemented,
    /// The origin's answer makes no sense.
    BadGateway,
    /// The origin cannot be reached, for whatever reason: ncat has one number for all.
    Unreachable,
    /// The request is of another version of HTTP.
    VersionNotSupported,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::AuthenticationRequired => "407 Proxy Authentication Required",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::NotImplemented => "501 Not Implemented",
            Self::BadGateway => "502 Bad Gateway",
            Self::Unreachable => "504 Gateway Timeout",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// A reply that ends the connection: send [`reply`](Self::reply), and close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its kind.
    pub status: Status,
    why: String,
    headers: String,
    has_text: bool,
}

impl Refusal {
    /// A refusal with a line that says why, for a person to read.
    pub fn new(status: Status, why: &str) -> Self {
        Self { status, why: why.to_owned(), headers: String::new(), has_text: true }
    }

    /// Adds a header line, without its end.
    pub(super) fn with_header(mut self, line: &str) -> Self {
        self.headers += line;
        self.headers += "\r\n";
        self
    }

    /// Leaves out the text, as the reply to HEAD must.
    pub(super) fn for_method(mut self, method: &str) -> Self {
        self.has_text = method != "HEAD";
        self
    }

    /// What a log may say: the number, its name, and why.
    pub fn summary(&self) -> String {
        format!("{}: {}", self.status.line(), Bare(self.why.as_bytes()))
    }

    /// The bytes of the reply.
    pub fn reply(&self) -> Vec<u8> {
        let text = format!("{}\n", Bare(self.why.as_bytes()));
        let mut reply = format!(
            "HTTP/1.0 {}\r\n{}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.status.line(),
            self.headers,
            text.len()
        );
        if self.has_text {
            reply += &text;
        }
        reply.into_bytes()
    }
}
