//! Buffers that go round.
//!
//! A tick that fans out fills a queue for each member of a room and empties it again a moment later. The memory goes from
//! one connection to the next instead of back to the allocator; what a silent connection would hold is given back.

/// Buffers kept: a room of a thousand has its ticks without an allocation.
const BUFFERS: usize = 1024;

/// The greatest that is kept. With [`BUFFERS`] this makes 16 MiB a thread at most.
const KEPT: usize = 16 << 10;

/// What a new buffer starts with: two lines of ordinary length and their tags.
const FRESH: usize = 512;

/// Empty buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Vec<Vec<u8>>,
}

impl Pool {
    /// An empty buffer.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(FRESH))
    }

    /// Takes a buffer back.
    pub(super) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity > 0 && capacity <= KEPT && self.buffers.len() < BUFFERS {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }

    /// Lets go of all of them, when nothing has happened for a while.
    pub(super) fn clear(&mut self) {
        self.buffers = Vec::new();
    }
}
