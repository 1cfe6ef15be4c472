//! DTLS over a link that keeps messages and has one peer: `--ssl` with `--udp`.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use callbox_layers::dtls::{Conversation, MESSAGE_MAX};
use callbox_layers::tls::TlsError;

use super::tls::{self, certificate_story, failed};
use super::{Got, Link, Needs};

/// The longest datagram that UDP carries.
const DATAGRAM: usize = 64 * 1024;

/// Datagrams that are read before others get a turn.
const TURN: usize = 32;

/// DTLS with a server at the other end of `inner`.
///
/// # Errors
///
/// If no certificate can be for `host`, or the client's own cannot be used.
pub fn client(
    inner: Box<dyn Link>,
    tls: &tls::Client,
    host: &str,
    now: Instant,
) -> io::Result<Box<dyn Link>> {
    let host = tls.server_name.as_deref().unwrap_or(host);
    let conversation = Conversation::client(&tls.settings, host, now).map_err(io::Error::other)?;
    Ok(Box::new(DtlsLink::new(inner, conversation, !tls.verifies())))
}

/// DTLS with a client at the other end of `inner`.
///
/// # Errors
///
/// If the server's certificate cannot be used.
pub fn server(inner: Box<dyn Link>, tls: &tls::Server, now: Instant) -> io::Result<Box<dyn Link>> {
    let identity = &tls.settings.identity;
    let conversation = Conversation::server(identity, now).map_err(io::Error::other)?;
    Ok(Box::new(DtlsLink::new(inner, conversation, false)))
}

struct DtlsLink {
    inner: Box<dyn Link>,
    conversation: Conversation,
    /// What the inner link did not take.
    waits: Option<Vec<u8>>,
    buffer: Vec<u8>,
    is_unverified: bool,
}

impl DtlsLink {
    fn new(inner: Box<dyn Link>, conversation: Conversation, is_unverified: bool) -> Self {
        Self { inner, conversation, waits: None, buffer: vec![0; DATAGRAM], is_unverified }
    }

    /// Sends what is to be sent, as far as the inner link takes it. Whether all of it is gone.
    fn flush(&mut self) -> io::Result<bool> {
        while let Some(datagram) = self.waits.take().or_else(|| self.conversation.poll_datagram()) {
            match self.inner.write(&datagram) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waits = Some(datagram);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads one datagram. Whether there was one.
    fn fill(&mut self) -> io::Result<bool> {
        match self.inner.read(&mut self.buffer) {
            Ok(Got::Bytes(count)) => {
                self.conversation.handle_datagram(&self.buffer[..count], Instant::now());
                self.flush()?;
                Ok(true)
            }
            Ok(Got::End) => Err(failed(TlsError::Cut)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn check(&self) -> io::Result<()> {
        self.conversation.failure().map_or(Ok(()), |failure| Err(failed(failure.clone())))
    }
}

impl Link for DtlsLink {
    fn source(&self) -> BorrowedFd<'_> {
        self.inner.source()
    }

    fn needs(&self) -> Needs {
        let inner = self.inner.needs();
        Needs {
            readable: inner.readable || !self.conversation.is_established(),
            writable: inner.writable || self.waits.is_some(),
        }
    }

    fn has_text(&self) -> bool {
        self.conversation.has_message() || self.conversation.has_ended() || self.inner.has_text()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        for _ in 0..TURN {
            if let Some(message) = self.conversation.poll_message() {
                let count = message.len().min(buffer.len());
                buffer[..count].copy_from_slice(&message[..count]);
                return Ok(Got::Bytes(count));
            }
            self.check()?;
            if self.conversation.has_ended() {
                return Ok(Got::End);
            }
            if !self.fill()? {
                break;
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        if bytes.len() > MESSAGE_MAX {
            let words = format!("a message over DTLS has at most {MESSAGE_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        if !self.conversation.is_established() || !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.conversation.send(bytes);
        self.check()?;
        self.flush()?;
        Ok(bytes.len())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.conversation.close();
        self.flush().map(drop)
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        self.inner.advance(now)?;
        if self.conversation.poll_timeout().is_some_and(|at| at <= now) {
            self.conversation.handle_timeout(now);
        }
        self.flush()?;
        // The beginning of the text may come right behind the handshake; it is left to `read`.
        for _ in 0..TURN {
            if self.conversation.is_established() || self.conversation.failure().is_some() {
                break;
            }
            if !self.fill()? {
                break;
            }
        }
        self.check()
    }

    fn is_established(&self) -> bool {
        self.conversation.is_established()
    }

    fn is_flushed(&self) -> bool {
        self.waits.is_none() && self.inner.is_flushed()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let times = [self.inner.poll_timeout(), self.conversation.poll_timeout()];
        times.into_iter().flatten().min()
    }

    fn keeps_messages(&self) -> bool {
        true
    }

    fn longest(&self) -> usize {
        MESSAGE_MAX
    }

    fn story(&self) -> Vec<String> {
        let mut lines = certificate_story(self.conversation.peer(), self.is_unverified);
        lines.push("DTLSv1.2.".to_owned());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::testing::{Side, datagram_pair, drive};
    use crate::link::tls::tests::{Folder, checking};

    #[test]
    fn messages_go_both_ways_under_dtls() {
        let (one, other) = datagram_pair();
        let options = tls::Options::default();
        let client_tls = tls::Client::new(&options).unwrap();
        let server_tls = tls::Server::new(&options).unwrap();
        let now = Instant::now();
        let mut one =
            Side::new(client(one, &client_tls, "localhost", now).unwrap(), b"ping", false);
        let mut other = Side::new(server(other, &server_tls, now).unwrap(), b"pong", false);
        drive(&mut [&mut one, &mut other], |sides| sides.iter().all(|side| side.heard.len() == 4));
        assert_eq!((&one.heard[..], &other.heard[..]), (&b"pong"[..], &b"ping"[..]));
        assert!(one.link.keeps_messages() && one.link.story()[0] == "Subject: CN=localhost");
        one.finishes = true;
        drive(&mut [&mut one, &mut other], |sides| sides[1].ended);
    }

    #[test]
    fn a_certificate_with_an_rsa_key_is_refused_at_the_start() {
        let folder = Folder::new("dtls-rsa");
        let file = folder.rsa();
        let options = tls::Options { certificate: Some(file), ..tls::Options::default() };
        assert!(tls::Server::new(&options).is_ok());
        let error = tls::Server::for_datagrams(&options).unwrap_err().to_string();
        assert!(error.contains("DTLS takes certificates with ECDSA keys alone"), "{error}");
    }

    #[test]
    fn a_certificate_that_is_wrong_ends_the_conversation_in_words() {
        let (one, other) = datagram_pair();
        let folder = Folder::new("dtls");
        let client_tls = checking(&folder.certificate("localhost", (2020, 2070)));
        let server_tls = tls::Server::new(&tls::Options::default()).unwrap();
        let now = Instant::now();
        let mut one =
            Side::new(client(one, &client_tls, "localhost", now).unwrap(), b"ping", false);
        let mut other = Side::new(server(other, &server_tls, now).unwrap(), b"", false);
        drive(&mut [&mut one, &mut other], |sides| sides[0].error.is_some());
        assert_eq!(one.said(), "its certificate was signed by nobody but itself");
    }
}
