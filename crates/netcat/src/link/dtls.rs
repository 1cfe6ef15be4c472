//! DTLS over a link that keeps messages and has one peer: `--ssl` with `--udp`.

use std::io;
use std::time::Instant;

use super::{Link, tls};

/// DTLS with a server at the other end of `inner`.
///
/// # Errors
///
/// Not there yet.
pub fn client(
    inner: Box<dyn Link>,
    tls: &tls::Client,
    host: &str,
    now: Instant,
) -> io::Result<Box<dyn Link>> {
    let _ = (inner, tls, host, now);
    Err(io::ErrorKind::Unsupported.into())
}

/// DTLS with a client at the other end of `inner`.
///
/// # Errors
///
/// Not there yet.
pub fn server(inner: Box<dyn Link>, tls: &tls::Server, now: Instant) -> io::Result<Box<dyn Link>> {
    let _ = (inner, tls, now);
    Err(io::ErrorKind::Unsupported.into())
}
