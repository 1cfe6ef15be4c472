//! From standard input to the peer.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use callbox_net::stdio::Input;
use callbox_net::transfer::{Moved, Transfer, TransferError};

use super::{Ended, Ready, Records};
use crate::link::Link;
use crate::options::Flow;
use crate::record::pcap::Side;
use crate::source::{Source, is_for_later};

/// What waits to be sent of Telnet's answers, at most: a peer that asks without reading must not make us keep more. What
/// does not fit is not answered.
const REPLY_BYTES: usize = 64 * 1024;

/// Standard input on its way out.
pub(super) struct Outward {
    source: Source,
    /// Telnet's answers. They go between two reads of standard input.
    replies: Vec<u8>,
    transfer: Option<Transfer>,
    state: State,
    half_closes: bool,
    sent: u64,
    last_sent: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Reading,
    /// Standard input ended, and all of it, and the end, was given to the link. Or it is left alone.
    Over,
}

impl Outward {
    pub(super) fn new(input: Input, flow: &Flow, link: &dyn Link, direct: bool) -> Self {
        let source = Source::new(input, flow, link.keeps_messages());
        let plain = direct && source.is_plain() && !flow.telnet && !flow.recv_only;
        let transfer = match link.direct() {
            Some(socket) if plain && !link.keeps_messages() => {
                Transfer::between(source.as_fd(), socket)
            }
            _ => None,
        };
        Self {
            source,
            replies: Vec::new(),
            transfer,
            // Nothing is ever sent, and no end is said: the peer decides when it is over.
            state: if flow.recv_only { State::Over } else { State::Reading },
            half_closes: !flow.no_shutdown && !link.keeps_messages(),
            sent: 0,
            last_sent: None,
        }
    }

    /// Bytes that the link took.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// When something was sent last.
    pub(super) const fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// Whether all was given to the link, its end too.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }

    /// Whether standard input is to be waited for.
    pub(super) const fn wants(&self) -> bool {
        matches!(self.state, State::Reading) && self.source.wants()
    }

    /// Whether somebody types it.
    pub(super) fn is_typed(&self) -> bool {
        self.source.is_typed()
    }

    /// Whether room in the link is to be waited for. What the kernel moves may wait for either end; the one that is not
    /// blocked is not waited for.
    pub(super) fn waits_for_room(&self) -> bool {
        !self.replies.is_empty()
            || !self.source.waiting().is_empty()
            || (self.transfer.is_some() && self.state == State::Reading)
    }

    /// When it goes on after a pause.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.source.poll_timeout()
    }

    /// Something to be said to the peer besides standard input.
    pub(super) fn reply(&mut self, bytes: &[u8]) {
        if self.replies.len() + bytes.len() <= REPLY_BYTES {
            self.replies.extend_from_slice(bytes);
        }
    }

    /// One step, if one can be made. Gives whether it was.
    pub(super) fn advance(
        &mut self,
        link: &mut dyn Link,
        ready: &mut Ready,
        records: &mut Records<'_>,
        now: Instant,
    ) -> Result<bool, Ended> {
        self.source.handle_timeout(now);
        if !self.source.waiting().is_empty() {
            return self.send(link, ready, records, now);
        }
        if !self.replies.is_empty() {
            return self.send_replies(link, ready, records);
        }
        if self.state == State::Over {
            return Ok(false);
        }
        if self.source.is_over() {
            if self.half_closes {
                link.finish().map_err(Ended::Link)?;
                records.ended(Side::Local);
            }
            self.state = State::Over;
            // That a datagram was refused is told with the next call, and there may be no other.
            ready.link_reads |= link.keeps_messages();
            return Ok(true);
        }
        if self.transfer.is_some() {
            return self.transfer(link, ready, now);
        }
        if !ready.input || !self.source.wants() {
            return Ok(false);
        }
        let read = self.source.read().map_err(|error| Ended::Here("read", error))?;
        ready.input = read;
        Ok(read)
    }

    fn send(
        &mut self,
        link: &mut dyn Link,
        ready: &mut Ready,
        records: &mut Records<'_>,
        now: Instant,
    ) -> Result<bool, Ended> {
        let Some(taken) = write(link, self.source.waiting(), ready, records)? else {
            return Ok(false);
        };
        self.source.consume(taken, now);
        self.sent += taken as u64;
        self.last_sent = Some(now);
        Ok(true)
    }

    fn send_replies(
        &mut self,
        link: &mut dyn Link,
        ready: &mut Ready,
        records: &mut Records<'_>,
    ) -> Result<bool, Ended> {
        let Some(taken) = write(link, &self.replies, ready, records)? else { return Ok(false) };
        self.replies.drain(..taken);
        Ok(true)
    }

    /// The kernel moves it.
    fn transfer(
        &mut self,
        link: &dyn Link,
        ready: &mut Ready,
        now: Instant,
    ) -> Result<bool, Ended> {
        let (Some(transfer), Some(socket)) = (&mut self.transfer, link.direct()) else {
            return Ok(false);
        };
        if !ready.input || !ready.link_writes {
            return Ok(false);
        }
        match transfer.step(self.source.as_fd(), socket) {
            Ok(Moved::Bytes(count)) => {
                self.sent += count;
                self.last_sent = Some(now);
            }
            Ok(Moved::End) => self.source.end(),
            Ok(Moved::SourceBlocked) => {
                ready.input = false;
                return Ok(false);
            }
            Ok(Moved::SinkBlocked) => {
                ready.link_writes = false;
                return Ok(false);
            }
            Ok(Moved::Unsupported) => {
                self.source.put_back(&transfer.rest());
                self.transfer = None;
            }
            Err(TransferError::Source(error)) => return Err(Ended::Here("read", error)),
            Err(TransferError::Sink(error)) => return Err(Ended::Link(error)),
        }
        Ok(true)
    }
}

/// Writes to the link if it may have room. `None` if it took nothing.
fn write(
    link: &mut dyn Link,
    bytes: &[u8],
    ready: &mut Ready,
    records: &mut Records<'_>,
) -> Result<Option<usize>, Ended> {
    if !ready.link_writes {
        return Ok(None);
    }
    match link.write(bytes) {
        Ok(taken) => {
            records.sent(&bytes[..taken]);
            Ok(Some(taken))
        }
        Err(error) if is_for_later(&error) => {
            ready.link_writes = false;
            Ok(None)
        }
        Err(error) => Err(Ended::Link(error)),
    }
}
