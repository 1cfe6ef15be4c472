//! From the peer to standard output.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use callbox_net::stdio::Output;
use callbox_net::transfer::{Moved, Transfer, TransferError};

use super::outward::Outward;
use super::{Ended, Ready, Records};
use crate::filter::Telnet;
use crate::link::{Got, Link};
use crate::options::Flow;
use crate::record::pcap::Side;
use crate::source::is_for_later;

/// What one read of the link asks for. The largest datagram fits.
const READ_BYTES: usize = 256 * 1024;

/// What the peer says on its way to standard output.
pub(super) struct Inward {
    output: Output,
    /// As read; what stands from `at` to `end` is not yet written.
    chunk: Vec<u8>,
    at: usize,
    end: usize,
    telnet: Option<Telnet>,
    transfer: Option<Transfer>,
    /// What comes is taken and thrown away.
    drops: bool,
    blocked: bool,
    state: State,
    received: u64,
    last_heard: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Reading,
    /// The peer ended; something of it may wait to be written.
    Ended,
    /// Nobody reads standard output any more.
    Closed,
}

impl Inward {
    pub(super) fn new(output: Output, flow: &Flow, link: &dyn Link, direct: bool) -> Self {
        let transfer = match link.direct() {
            Some(socket) if direct && !flow.telnet && !flow.send_only && !link.keeps_messages() => {
                Transfer::between(socket, output.as_fd())
            }
            _ => None,
        };
        let size = if transfer.is_some() { 0 } else { READ_BYTES };
        Self {
            output,
            chunk: vec![0; size],
            at: 0,
            end: 0,
            telnet: flow.telnet.then(Telnet::default),
            transfer,
            drops: flow.send_only,
            blocked: false,
            state: State::Reading,
            received: 0,
            last_heard: None,
        }
    }

    /// Bytes that the peer sent.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Whether the peer ended and all of it is written.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Ended && self.is_flushed()
    }

    /// Whether nobody reads standard output any more.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether nothing waits to be written.
    pub(super) const fn is_flushed(&self) -> bool {
        self.at == self.end
    }

    /// Whether something came at that time or later.
    pub(super) fn has_answered_since(&self, time: Instant) -> bool {
        self.last_heard.is_some_and(|heard| heard >= time)
    }

    pub(super) fn sink(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Whether the link is to be waited for.
    pub(super) fn wants(&self) -> bool {
        self.state == State::Reading && !self.blocked
    }

    /// Whether room in standard output is to be waited for.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// One step, if one can be made. Gives whether it was.
    pub(super) fn advance(
        &mut self,
        link: &mut dyn Link,
        ready: &mut Ready,
        records: &mut Records<'_>,
        replies: &mut Outward,
        now: Instant,
    ) -> Result<bool, Ended> {
        if !self.is_flushed() {
            return if ready.output { self.write(ready) } else { Ok(false) };
        }
        if self.state != State::Reading || !(ready.link_reads || link.has_text()) {
            return Ok(false);
        }
        if self.transfer.is_some() {
            return self.transfer(link, ready, now);
        }
        match link.read(&mut self.chunk) {
            Ok(Got::Bytes(count)) => {
                self.received += count as u64;
                self.last_heard = Some(now);
                records.received(&self.chunk[..count]);
                self.take(count, replies);
                if self.is_flushed() { Ok(true) } else { self.write(ready).map(|_| true) }
            }
            Ok(Got::End) => {
                self.state = State::Ended;
                records.ended(Side::Peer);
                Ok(true)
            }
            Err(error) if is_for_later(&error) => {
                ready.link_reads = false;
                Ok(false)
            }
            Err(error) => Err(Ended::Link(error)),
        }
    }

    /// What was read becomes what is to be written.
    fn take(&mut self, count: usize, replies: &mut Outward) {
        self.at = 0;
        self.end = if self.drops { 0 } else { count };
        if let Some(telnet) = &mut self.telnet {
            let (mut text, mut reply) = (Vec::with_capacity(count), Vec::new());
            telnet.handle(&self.chunk[..count], &mut text, &mut reply);
            // Nothing is ever added to what came, so it fits.
            self.end = self.end.min(text.len());
            self.chunk[..self.end].copy_from_slice(&text[..self.end]);
            replies.reply(&reply);
        }
    }

    fn write(&mut self, ready: &mut Ready) -> Result<bool, Ended> {
        match self.output.write(&self.chunk[self.at..self.end]) {
            Ok(count) => {
                self.at += count;
                self.blocked = false;
                Ok(true)
            }
            Err(error) if is_for_later(&error) => {
                self.block(ready);
                Ok(false)
            }
            Err(error) => self.fail(error),
        }
    }

    /// The kernel moves it.
    fn transfer(
        &mut self,
        link: &mut dyn Link,
        ready: &mut Ready,
        now: Instant,
    ) -> Result<bool, Ended> {
        let (Some(transfer), Some(socket)) = (&mut self.transfer, link.direct()) else {
            return Ok(false);
        };
        if !ready.output {
            return Ok(false);
        }
        match transfer.step(socket, self.output.as_fd()) {
            Ok(Moved::Bytes(count)) => {
                self.blocked = false;
                self.received += count;
                self.last_heard = Some(now);
            }
            Ok(Moved::End) => self.state = State::Ended,
            Ok(Moved::SourceBlocked) => {
                self.blocked = false;
                ready.link_reads = false;
                return Ok(false);
            }
            Ok(Moved::SinkBlocked) => {
                self.block(ready);
                return Ok(false);
            }
            Ok(Moved::Unsupported) => {
                self.chunk = transfer.rest();
                (self.at, self.end) = (0, self.chunk.len());
                self.chunk.resize(self.end.max(READ_BYTES), 0);
                self.transfer = None;
            }
            Err(TransferError::Source(error)) => return Err(Ended::Link(error)),
            Err(TransferError::Sink(error)) => return self.fail(error),
        }
        Ok(true)
    }

    fn block(&mut self, ready: &mut Ready) {
        ready.output = false;
        self.blocked = true;
    }

    fn fail(&mut self, error: io::Error) -> Result<bool, Ended> {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.state = State::Closed;
            return Ok(true);
        }
        Err(Ended::Here("write", error))
    }
}
