//! What a server prints, without ever slowing it.
//!
//! The threads that serve hand a copy of what they saw to one thread that formats and prints. They hand over a bounded
//! number of entries a second; of the rest they only count how many there were and from how many peers, and the
//! printing thread says so. A slow terminal, or a reader who stops, holds up that thread alone.

mod distinct;
mod entry;
mod printer;
mod sampler;
mod shared;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callbox_net::stream::PeerName;
use callbox_services::guard::Refused;

pub use entry::{ConnectionEnd, ConnectionEntry};
pub use printer::Log;
use sampler::Sampler;
use shared::{Shared, SharedCounts};

/// Datagrams shown per second and thread; a person reads ten lines a second, a script that follows along a thousand.
/// At this rate printing costs under 1 % of a core.
const DATAGRAMS_A_SECOND: u32 = 1_000;

/// Connections shown per second and thread, of seven lines each.
const CONNECTIONS_A_SECOND: u32 = 200;

/// One serving thread's end of the log.
pub struct Recorder {
    log: Option<(Arc<Shared>, SharedCounts)>,
    datagrams: Sampler,
    connections: Sampler,
    /// Datagrams of this batch that were not shown, and whose the last of them was: a run from one peer is common.
    skipped: u64,
    skipped_peer: Option<SocketAddr>,
    lost: u32,
}

/// A recorder that prints nothing.
impl Default for Recorder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Recorder {
    fn new(shared: Option<Arc<Shared>>) -> Self {
        Self {
            log: shared.map(|shared| {
                let counts = shared.counts();
                (shared, counts)
            }),
            datagrams: Sampler::new(DATAGRAMS_A_SECOND),
            connections: Sampler::new(CONNECTIONS_A_SECOND),
            skipped: 0,
            skipped_peer: None,
            lost: 0,
        }
    }

    /// A datagram came in, one of a batch. Costs a few nanoseconds unless it is one of those shown.
    #[inline]
    pub fn datagram(&mut self, now: Duration, peer: &SocketAddr, datagram: &[u8]) {
        if let Some((shared, _)) = &self.log {
            if self.datagrams.take(now)
                && shared.record(|entries| entries.push_datagram(peer, datagram))
            {
                return;
            }
            self.skipped += 1;
            if self.skipped_peer != Some(*peer) {
                self.skipped_peer = Some(*peer);
                shared.note_peer(peer);
            }
        }
    }

    /// The batch of datagrams is over: those that were not shown are counted, all at once.
    pub fn end_of_batch(&mut self) {
        if self.skipped > 0
            && let Some((shared, _)) = &self.log
        {
            shared.note_skipped(self.skipped);
            self.skipped = 0;
            // Which peers there were is forgotten when it is said.
            self.skipped_peer = None;
        }
    }

    /// A datagram came in from a peer that has a name instead of an address.
    pub fn named_datagram(&mut self, now: Duration, peer: &str, datagram: &[u8]) {
        if let Some((shared, _)) = &self.log {
            if self.datagrams.take(now)
                && shared.record(|entries| entries.push_named(peer, datagram))
            {
                return;
            }
            shared.skip(peer);
        }
    }

    /// A connection ended. What is to be printed of it is made only if it is shown.
    pub fn connection(
        &mut self,
        now: Duration,
        peer: &PeerName,
        entry: impl FnOnce() -> ConnectionEntry,
    ) {
        if let Some((shared, _)) = &self.log {
            if self.connections.take(now)
                && shared.record(|entries| entries.push_connection(entry()))
            {
                return;
            }
            // Each connection has a port or a process of its own: the peer is the host or the user behind it.
            match peer {
                PeerName::Inet(address) => shared.skip(&address.ip()),
                PeerName::Process { uid, .. } => shared.skip(uid),
            }
        }
    }

    /// How many datagrams the kernel has lost so far because the socket's buffer was full, which is told when it has
    /// grown. The kernel's counter has 32 bits and begins again at 0.
    pub fn lost(&mut self, so_far: u32) {
        let new = so_far.wrapping_sub(self.lost);
        self.lost = so_far;
        if new > 0
            && let Some((shared, _)) = &self.log
        {
            shared.note_lost(u64::from(new));
        }
    }

    /// What the guard has refused so far, which is told when it has grown.
    pub fn refused(&mut self, refused: &Refused) {
        if let Some((shared, counts)) = &self.log {
            shared.note_refused(counts, refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_host_or_user_are_those_of_one_peer() {
        let shared = Arc::new(Shared::new());
        let mut recorder = Recorder::new(Some(Arc::clone(&shared)));
        let inet = |port| PeerName::Inet(([127, 0, 0, 1], port).into());
        let process = |pid| PeerName::Process { pid, uid: 1000 };
        for number in 1..=500_u16 {
            for peer in [inet(number), process(number.into())] {
                recorder.connection(Duration::ZERO, &peer, || ConnectionEntry {
                    peer,
                    local: None,
                    message: None,
                    traffic: None,
                    end: ConnectionEnd::Done,
                });
            }
        }
        let skipped = shared.take_skipped().expect("more than are shown in a second");
        assert_eq!(skipped.entries, 1_000 - u64::from(CONNECTIONS_A_SECOND));
        assert!(skipped.peers <= 2, "{}", skipped.peers);
    }
}
