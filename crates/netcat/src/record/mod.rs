//! What passed, kept in files: `-o` as it is, `-x` in hex, `--pcap` as a capture.
//!
//! [`hex`] and [`pcap`] make bytes out of bytes; the [`Recorder`] has the files. Writing to them can fail, on a full
//! disk for one. That ends the record and not the session, with one warning: who copies a file to another machine wants
//! the file above all. At the end of the session it counts: a script that wanted a record learns from the exit status
//! that there is none, as with ncat.
//!
//! Calling contract: `begin` for each connection, `sent` and `received` with what passed, `ended` for each direction, and
//! `close`. Before the owner waits it calls [`flush`](Recorder::flush), so that a record is never older than what is
//! shown, and tells what [`poll_warning`](Recorder::poll_warning) gives.

pub mod hex;
pub mod pcap;
mod sink;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callbox_net::peer::Peer;
use pcap::{Carrier, Flow, Side};
use sink::Sink;

use crate::options::Output;
pub use sink::OpenError;

/// The files of one session.
#[derive(Debug)]
pub struct Recorder {
    text: Option<Sink>,
    hex: Option<Sink>,
    pcap: Option<Sink>,
    /// The connections of the capture.
    flows: BTreeMap<u64, Flow>,
    next: u64,
    warnings: VecDeque<String>,
}

impl Recorder {
    /// Opens the files that are asked for.
    ///
    /// # Errors
    ///
    /// If one of them cannot be opened.
    pub fn open(output: &Output) -> Result<Self, OpenError> {
        let open = |path: &std::path::PathBuf| Sink::open(path, output.append);
        let capture =
            |path: &std::path::PathBuf| Sink::with_header(path, output.append, &pcap::HEADER);
        let mut recorder = Self {
            text: output.text.as_ref().map(open).transpose()?,
            hex: output.hex.as_ref().map(open).transpose()?,
            pcap: output.pcap.as_ref().map(capture).transpose()?,
            flows: BTreeMap::new(),
            next: 0,
            warnings: VecDeque::new(),
        };
        recorder.flush();
        Ok(recorder)
    }

    /// Whether anything is asked for: then bytes must not pass without being shown here.
    pub fn is_recording(&self) -> bool {
        self.text.is_some() || self.hex.is_some() || self.pcap.is_some()
    }

    /// A connection is open. Ends that have no address of the Internet get one of the loopback in a capture. Gives the
    /// connection's number.
    pub fn begin(&mut self, carrier: Carrier, local: &Peer, peer: &Peer, opener: Side) -> u64 {
        let id = self.next;
        self.next += 1;
        if let Some(pcap) = &mut self.pcap {
            let (local, peer) =
                local.inet().zip(peer.inet()).unwrap_or_else(|| pcap::stand_ins(id, opener));
            let warning = pcap.append(|out| {
                self.flows.insert(id, Flow::open(carrier, local, peer, opener, time(), out));
            });
            self.warnings.extend(warning);
        }
        id
    }

    /// Bytes were sent, of a connection that keeps messages one message.
    pub fn sent(&mut self, id: u64, bytes: &[u8]) {
        self.passed(id, Side::Local, bytes);
    }

    /// Bytes were received.
    pub fn received(&mut self, id: u64, bytes: &[u8]) {
        self.passed(id, Side::Peer, bytes);
    }

    /// Something is to be sent to many. In the text it stands once, however many they are.
    pub fn said(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }

    /// Bytes of what was [`said`](Self::said) were sent to one of the many.
    pub fn carried(&mut self, id: u64, bytes: &[u8]) {
        self.capture(id, Side::Local, bytes);
    }

    fn passed(&mut self, id: u64, side: Side, bytes: &[u8]) {
        self.write(bytes);
        self.capture(id, side, bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(text) = &mut self.text {
            self.warnings.extend(text.append(|out| out.extend_from_slice(bytes)));
        }
        if let Some(hex) = &mut self.hex {
            self.warnings.extend(hex.append(|out| hex::write(bytes, out)));
        }
    }

    fn capture(&mut self, id: u64, side: Side, bytes: &[u8]) {
        if let Some(pcap) = &mut self.pcap
            && let Some(flow) = self.flows.get_mut(&id)
        {
            self.warnings.extend(pcap.append(|out| flow.write(side, bytes, time(), out)));
        }
    }

    /// One direction is at its end.
    pub fn ended(&mut self, id: u64, side: Side) {
        if let Some(pcap) = &mut self.pcap
            && let Some(flow) = self.flows.get_mut(&id)
        {
            self.warnings.extend(pcap.append(|out| flow.end(side, time(), out)));
        }
    }

    /// A connection is closed.
    pub fn close(&mut self, id: u64) {
        self.ended(id, Side::Local);
        self.ended(id, Side::Peer);
        self.flows.remove(&id);
    }

    /// Writes what is held back.
    pub fn flush(&mut self) {
        for sink in [&mut self.text, &mut self.hex, &mut self.pcap].into_iter().flatten() {
            self.warnings.extend(sink.flush());
        }
    }

    /// Something that the user is to be told: a file cannot be written to. Each file has one such word at most.
    pub fn poll_warning(&mut self) -> Option<String> {
        self.warnings.pop_front()
    }

    /// Whether something that passed stands in no file because one could not be written to. The session has failed then, if
    /// it did not otherwise.
    pub fn has_failed(&self) -> bool {
        [&self.text, &self.hex, &self.pcap].into_iter().flatten().any(Sink::has_failed)
    }
}

impl Drop for Recorder {
    /// The last words, which nobody waits for any more.
    fn drop(&mut self) {
        self.flush();
    }
}

fn time() -> Duration {
    // A clock before 1970 is a clock that was never set.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
