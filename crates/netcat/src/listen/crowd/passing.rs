//! What the guests say, and what they are told.

use std::io::{self, Write};
use std::time::Instant;

use super::Crowd;
use crate::link::Got;
use crate::options::Together;
use crate::record::pcap::Side;
use crate::says::{Trouble, words};
use crate::source::is_for_later;

/// Reads of one guest before it is the next one's turn.
const TURNS: usize = 16;

/// Whether anybody reads standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Written {
    Open,
    Closed,
}

impl Crowd<'_> {
    /// Reads what a guest says, as far as there is room for it.
    pub(super) fn hear(&mut self, id: usize, now: Instant) {
        let apart = self.options.listen.together == Together::Apart;
        for _ in 0..TURNS {
            let Some(guest) = self.guests.get_mut(id) else { return };
            if guest.shaking.is_some() || guest.ended || !(guest.readable || guest.link.has_text())
            {
                return;
            }
            let held_up = if apart { self.at < self.end } else { !self.broker.takes_more() };
            if held_up {
                self.stirred.push(id);
                return;
            }
            match guest.link.read(&mut self.held) {
                Ok(Got::Bytes(count)) => {
                    self.moved = now;
                    self.recorder.received(guest.record, &self.held[..count]);
                    let mut count = count;
                    if let Some(telnet) = &mut guest.telnet {
                        let (mut text, mut reply) = (Vec::new(), Vec::new());
                        telnet.handle(&self.held[..count], &mut text, &mut reply);
                        if !reply.is_empty() {
                            // An answer for which there is no room is not given: the peer does not read.
                            let _ = guest.link.write(&reply);
                        }
                        count = count.min(text.len());
                        self.held[..count].copy_from_slice(&text[..count]);
                    }
                    let flow = &self.options.flow;
                    if apart && !flow.send_only {
                        (self.at, self.end) = (0, count);
                        if self.write_output().is_err() {
                            self.stirred.push(id);
                            return;
                        }
                    } else if !(apart || flow.send_only || flow.recv_only) {
                        self.broker.handle_bytes(id, &self.held[..count], now);
                    }
                }
                Ok(Got::End) => {
                    guest.ended = true;
                    self.recorder.ended(guest.record, Side::Peer);
                    if apart {
                        // Nobody but standard input speaks to it, and what there is of that it still gets.
                        return self.leaving.push(id);
                    }
                    self.half_closed.add(id, guest.link.source(), now);
                    self.broker.handle_ended(id, now);
                }
                Err(error) if is_for_later(&error) => {
                    guest.readable = false;
                    return;
                }
                Err(error) => return self.break_off(id, &error, now),
            }
        }
        self.stirred.push(id);
    }

    /// Gives standard input to the broker.
    pub(super) fn feed(&mut self, now: Instant) -> Result<(), Trouble> {
        self.source.handle_timeout(now);
        if self.input_told || self.inside == 0 {
            return Ok(());
        }
        while self.broker.takes_more() {
            let waiting = self.source.waiting();
            if !waiting.is_empty() {
                self.recorder.said(waiting);
                self.broker.handle_input(waiting, now);
                let count = waiting.len();
                self.source.consume(count, now);
                self.moved = now;
                continue;
            }
            if self.source.is_over() {
                self.input_told = true;
                self.broker.handle_input_ended(now);
                self.quits = self.options.flow.quit.map(|quit| now + quit);
                // Whoever has been told all that was said hears of the end now, and the others behind it.
                let all = self.guests.iter().filter(|(_, guest)| guest.shaking.is_none());
                let all: Vec<usize> = all.map(|(id, _)| id).collect();
                all.into_iter().for_each(|id| self.write_to(id, now));
                return Ok(());
            }
            if !self.source.wants() || !self.input_ready {
                return Ok(());
            }
            self.input_ready = self
                .source
                .read()
                .map_err(|error| Trouble::Call(format!("read: {}", words(&error))))?;
        }
        Ok(())
    }

    pub(super) fn write_to(&mut self, id: usize, now: Instant) {
        let apart = self.options.listen.together == Together::Apart;
        loop {
            let Some(guest) = self.guests.get_mut(id) else { return };
            let Some(bytes) = self.broker.pending(id) else { break };
            match guest.link.write(bytes) {
                Ok(count) => {
                    self.recorder.carried(guest.record, &bytes[..count]);
                    self.broker.handle_sent(id, count, now);
                    self.moved = now;
                }
                Err(error) if is_for_later(&error) => {
                    guest.blocked = true;
                    self.touched.push(id);
                    self.broker.handle_blocked(id);
                    return;
                }
                Err(error) => return self.break_off(id, &error, now),
            }
        }
        // Standard input's end is theirs, if it is all they hear; who comes later has not heard it.
        let tells = apart && self.input_ended() && !self.options.flow.no_shutdown;
        let Some(guest) = self.guests.get_mut(id) else { return };
        if tells && !guest.finished {
            guest.finished = true;
            self.recorder.ended(guest.record, Side::Local);
            if let Err(error) = guest.link.finish() {
                self.break_off(id, &error, now);
            }
        }
    }

    pub(super) fn input_ended(&self) -> bool {
        self.source.is_over() && self.input_told
    }

    pub(super) fn write_output(&mut self) -> Result<Written, Trouble> {
        while self.at < self.end && !self.output_blocked {
            match self.output.write(&self.held[self.at..self.end]) {
                Ok(count) => self.at += count,
                Err(error) if is_for_later(&error) => self.output_blocked = true,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Written::Closed);
                }
                Err(error) => return Err(Trouble::Call(format!("write: {}", words(&error)))),
            }
        }
        Ok(Written::Open)
    }
}
