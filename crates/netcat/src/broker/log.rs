//! What was said, once for all who are to get it.
//!
//! One list of blocks, and for each reader a place in it. So a piece that goes to ten thousand clients is stored once, and
//! appending costs the same whoever listens. A block is let go when its last reader has left it.

use std::collections::VecDeque;
use std::mem;

/// How much one block holds: also the most that is offered to a client's socket at once.
pub(super) const BLOCK: usize = 64 * 1024;

/// What a message costs besides its bytes, so that empty ones are not free.
const MESSAGE: usize = 64;

/// A reader's place.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// The block's number, counted from the first there ever was.
    block: u64,
    /// How far into it.
    at: usize,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    /// How many readers stand in it.
    readers: usize,
}

/// The blocks that somebody has not read.
#[derive(Debug)]
pub(super) struct Log {
    blocks: VecDeque<Block>,
    /// The number of the first of them.
    first: u64,
    /// All their bytes together.
    length: usize,
    /// Whether each append is a message of its own, which is never put together with another.
    keeps_messages: bool,
    /// Memory of a block that was let go, for the next one.
    spare: Vec<u8>,
}

impl Log {
    pub(super) fn new(keeps_messages: bool) -> Self {
        let mut log = Self {
            blocks: VecDeque::new(),
            first: 0,
            length: 0,
            keeps_messages,
            spare: Vec::new(),
        };
        log.blocks.push_back(Block::default());
        log.length = log.cost(&[]);
        log
    }

    /// How many bytes are kept, roughly.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The number of the oldest block.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Behind all that was said.
    pub(super) fn end(&self) -> Place {
        let last = self.blocks.len() - 1;
        Place { block: self.first + last as u64, at: self.blocks[last].bytes.len() }
    }

    /// A new reader, who gets what comes from now on.
    pub(super) fn enter(&mut self) -> Place {
        let place = self.end();
        self.block_mut(place).readers += 1;
        place
    }

    /// A reader who will read no more.
    pub(super) fn leave(&mut self, place: Place) {
        self.block_mut(place).readers -= 1;
        self.let_go();
    }

    /// Moves a reader on.
    pub(super) fn move_to(&mut self, from: &mut Place, to: Place) {
        if from.block != to.block {
            self.block_mut(to).readers += 1;
            self.block_mut(*from).readers -= 1;
            self.let_go();
        }
        *from = to;
    }

    /// Whether a reader at this place is among those for whom the oldest block is kept.
    pub(super) fn is_oldest(&self, place: Place) -> bool {
        place.block == self.first
    }

    /// Adds bytes behind all others. What nobody reads is not kept.
    pub(super) fn append(&mut self, mut bytes: &[u8]) {
        if self.blocks.len() == 1 && self.blocks[0].readers == 0 {
            return;
        }
        if self.keeps_messages && !bytes.is_empty() {
            return self.push_block(bytes);
        }
        while !bytes.is_empty() {
            let last = self.last_mut();
            let room = BLOCK - last.len();
            if room == 0 {
                self.push_block(&[]);
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            last.extend_from_slice(now);
            self.length += now.len();
            bytes = later;
        }
    }

    /// The bytes from a place to the end of its block, or to `stop` if that comes first. The place is moved into the next
    /// block if its own is read.
    pub(super) fn read(&mut self, place: &mut Place, stop: Option<Place>) -> &[u8] {
        let next = Place { block: place.block + 1, at: 0 };
        if place.at == self.block_mut(*place).bytes.len() && next <= self.end() {
            self.move_to(place, next);
        }
        let bytes = &self.blocks[(place.block - self.first) as usize].bytes;
        let end = stop.filter(|stop| stop.block == place.block).map_or(bytes.len(), |stop| stop.at);
        &bytes[place.at..end]
    }

    fn push_block(&mut self, bytes: &[u8]) {
        let mut memory = mem::take(&mut self.spare);
        memory.extend_from_slice(bytes);
        let block = Block { bytes: memory, readers: 0 };
        self.length += self.cost(&block.bytes);
        self.blocks.push_back(block);
        self.let_go();
    }

    /// Lets go of the oldest blocks that nobody reads any more, but never of the last, which is written to.
    fn let_go(&mut self) {
        while self.blocks.len() > 1 && self.blocks[0].readers == 0 {
            let Some(block) = self.blocks.pop_front() else { return };
            self.first += 1;
            self.length -= self.cost(&block.bytes);
            self.spare = block.bytes;
            self.spare.clear();
        }
        if self.blocks.len() == 1 && self.blocks[0].readers == 0 {
            self.last_mut().clear();
            self.length = self.cost(&[]);
        }
    }

    fn cost(&self, bytes: &[u8]) -> usize {
        bytes.len() + if self.keeps_messages { MESSAGE } else { 0 }
    }

    fn last_mut(&mut self) -> &mut Vec<u8> {
        let last = self.blocks.len() - 1;
        &mut self.blocks[last].bytes
    }

    fn block_mut(&mut self, place: Place) -> &mut Block {
        &mut self.blocks[(place.block - self.first) as usize]
    }
}

impl Place {
    /// So many bytes further in the same block.
    pub(super) fn after(self, count: usize) -> Self {
        Self { at: self.at + count, ..self }
    }
}
