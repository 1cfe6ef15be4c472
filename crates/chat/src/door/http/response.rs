//! Answers: their status, their headers, and that no browser makes more of them than they are.
//!
//! There is no `Date`: whoever has no clock must not send one (RFC 9110, section 6.6.1), and this module has none.

use super::pages::{Kept, NOTHING, Page};

/// The statuses that are given, beside 200, 304 and 101 (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Status {
    /// It is no request, or has a body.
    BadRequest,
    /// Not for this client, or not from this page.
    Forbidden,
    /// There is no such path.
    NotFound,
    /// The path takes GET and HEAD.
    MethodNotAllowed,
    /// The head did not come in time.
    Timeout,
    /// The path takes WebSocket, version 13.
    UpgradeRequired,
    /// The head is longer than is read (RFC 6585, section 5).
    HeadTooLarge,
    /// It is neither HTTP/1.0 nor HTTP/1.1.
    WrongVersion,
}

impl Status {
    /// The code, the reason and the headers that belong to it.
    fn line(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("400 Bad Request", ""),
            Self::Forbidden => ("403 Forbidden", ""),
            Self::NotFound => ("404 Not Found", ""),
            Self::MethodNotAllowed => ("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
            Self::Timeout => ("408 Request Timeout", ""),
            Self::UpgradeRequired => ("426 Upgrade Required", ""),
            Self::HeadTooLarge => ("431 Request Header Fields Too Large", ""),
            Self::WrongVersion => ("505 HTTP Version Not Supported", ""),
        }
    }
}

/// An answer that is a refusal.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Refusal {
    pub(in super::super) status: Status,
    /// More headers, each with its CR LF.
    pub(in super::super) headers: &'static str,
}

impl Refusal {
    pub(in super::super) fn of(status: Status) -> Self {
        Self { status, headers: "" }
    }
}

/// Appends a page; without its body for HEAD, and if the client has it already.
pub(super) fn page(
    page: &Page,
    is_known: bool,
    keeps_alive: bool,
    with_body: bool,
    output: &mut Vec<u8>,
) {
    let cache = match &page.kept {
        Kept::Never => NOT_KEPT.to_owned(),
        Kept::Asking { tag, packed } => {
            let encoding = if *packed { "Content-Encoding: gzip\r\n" } else { "" };
            format!("Cache-Control: no-cache\r\n{encoding}ETag: {tag}\r\nVary: Accept-Encoding\r\n")
        }
    };
    let status = if is_known { "304 Not Modified" } else { "200 OK" };
    let head = Head { status, kind: page.kind, policy: &page.policy, headers: "", cache: &cache };
    write(head, &page.body, keeps_alive, with_body && !is_known, output);
}

/// Appends a refusal after which the connection goes on, if it `keeps_alive`.
pub(super) fn error(refusal: &Refusal, keeps_alive: bool, with_body: bool, output: &mut Vec<u8>) {
    let (status, own) = refusal.status.line();
    let headers = format!("{own}{}", refusal.headers);
    let body = format!("{status}\n");
    let head = Head {
        status,
        kind: "text/plain; charset=utf-8",
        policy: NOTHING,
        headers: &headers,
        cache: NOT_KEPT,
    };
    write(head, body.as_bytes(), keeps_alive, with_body, output);
}

/// Appends a refusal with which the connection ends.
pub(super) fn refuse(refusal: &Refusal, is_head: bool, output: &mut Vec<u8>) {
    error(refusal, false, !is_head, output);
}

struct Head<'a> {
    status: &'a str,
    kind: &'a str,
    policy: &'a str,
    headers: &'a str,
    /// The headers that say how it may be kept.
    cache: &'a str,
}

/// How what is another each time is kept.
const NOT_KEPT: &str = "Cache-Control: no-store\r\n";

fn write(head: Head<'_>, body: &[u8], keeps_alive: bool, with_body: bool, output: &mut Vec<u8>) {
    let Head { status, kind, policy, headers, cache } = head;
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let upgrade = if headers.contains("Upgrade:") { ", upgrade" } else { "" };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n\
         Connection: {connection}{upgrade}\r\n\
         Content-Length: {length}\r\n\
         Content-Type: {kind}\r\n\
         {headers}\
         {cache}\
         Content-Security-Policy: {policy}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         \r\n"
    );
    output.extend_from_slice(text.as_bytes());
    if with_body {
        output.extend_from_slice(body);
    }
}
