//! Being an HTTP proxy (`-l --proxy-type http`): CONNECT, and requests for `http://` that are passed on to their origin.
//!
//! A connection carries one request, as ncat's proxy has it: `Connection: close` is said to both sides. A [`Reader`] takes
//! the request and judges it by the [`Gate`]; the caller connects to the [`Request`]'s target, and then either relays all
//! (a tunnel) or lets an [`Exchange`] pass request and reply on.
//!
//! What goes to an origin names a path only (`GET /path`), and such a request is refused here. So a proxy that is asked for
//! itself answers that with 400, and no chain of requests can run in a circle; a tunnel to itself ends where its client
//! stops asking for the next.

mod exchange;
mod gate;
mod nonces;
mod reply;
mod request;

pub use exchange::{Exchange, Flow};
pub use gate::Gate;
pub use nonces::NONCE_LIFETIME;
pub use reply::{Refusal, Status};
pub use request::{METHODS, Reader, Reading, Request};

/// Headers that belong to one connection and are not passed on (RFC 9110 section 7.6.1), besides those that `Connection`
/// names. What says where a body ends is written anew, whatever `Connection` names.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Appends the headers that are passed on, each as a line.
fn push_end_to_end(headers: &[httparse::Header<'_>], output: &mut Vec<u8>) {
    for header in headers {
        let is_hop = HOP_BY_HOP.iter().any(|name| header.name.eq_ignore_ascii_case(name))
            || super::head::has_word(headers, "connection", header.name);
        if !is_hop {
            output.extend_from_slice(header.name.as_bytes());
            output.extend_from_slice(b": ");
            output.extend_from_slice(header.value);
            output.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests;
