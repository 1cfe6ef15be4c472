//! WebSocket over any link that carries a stream: `ws://`, and over TLS `wss://`.

use std::io;

use super::Link;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it stands in the URL, with the port unless it is the scheme's own.
    pub host: String,
    /// The path with the query, from `/` on.
    pub path: String,
}

/// A client's WebSocket over `inner`, of which the handshakes may still go on.
///
/// # Errors
///
/// Not there yet.
pub fn client(inner: Box<dyn Link>, target: &Target) -> io::Result<Box<dyn Link>> {
    let _ = (inner, target);
    Err(io::ErrorKind::Unsupported.into())
}

/// A server's WebSocket over `inner`, of which the handshakes may still go on.
///
/// # Errors
///
/// Not there yet.
pub fn server(inner: Box<dyn Link>) -> io::Result<Box<dyn Link>> {
    let _ = inner;
    Err(io::ErrorKind::Unsupported.into())
}
