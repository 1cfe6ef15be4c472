//! What one talker has said, and who still waits for it.

use crate::Nanos;

/// The latest lines of a talker, in a ring: found by their number, allocated once.
#[derive(Debug)]
pub(super) struct Talker {
    /// The channel that it talks in, and which of the channel's talkers it is.
    pub(super) channel: usize,
    pub(super) column: usize,
    /// A power of two long.
    lines: Box<[Line]>,
    /// How many lines have been said.
    said: u64,
    /// The first line that waits; `said` if none does.
    oldest: u64,
    /// How many lines wait.
    waiting: usize,
}

/// One line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    pub(super) intended: Nanos,
    pub(super) sent_at: Nanos,
    /// How many have not heard it, and are still expected to.
    pub(super) missing: u32,
    pub(super) state: State,
    pub(super) counts: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Everybody has it, or there is no such line yet.
    #[default]
    Done,
    Waiting,
    GivenUp,
}

impl Talker {
    /// `remembered` is how many lines are known at a time: a power of two.
    pub(super) fn new(channel: usize, column: usize, remembered: usize) -> Self {
        let lines = vec![Line::default(); remembered.next_power_of_two()].into();
        Self { channel, column, lines, said: 0, oldest: 0, waiting: 0 }
    }

    pub(super) fn said(&self) -> u64 {
        self.said
    }

    /// How many lines wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether the place for the next line still belongs to one that waits.
    pub(super) fn is_full(&self) -> bool {
        self.said - self.oldest >= self.lines.len() as u64
    }

    /// Whether a line that was said is still known.
    #[inline]
    pub(super) fn remembers(&self, seq: u64) -> bool {
        seq < self.said && self.said - seq <= self.lines.len() as u64
    }

    #[inline]
    pub(super) fn line(&mut self, seq: u64) -> &mut Line {
        let place = self.place(seq);
        &mut self.lines[place]
    }

    /// One more line was said, for which somebody waits.
    pub(super) fn push(&mut self, line: Line) {
        let place = self.place(self.said);
        self.lines[place] = line;
        self.said += 1;
        self.waiting += 1;
    }

    /// A line that waited does not any more.
    #[inline]
    pub(super) fn settle(&mut self, seq: u64, state: State) {
        self.line(seq).state = state;
        self.waiting -= 1;
        while self.oldest < self.said && self.line(self.oldest).state != State::Waiting {
            self.oldest += 1;
        }
    }

    /// The line that waits longest.
    pub(super) fn oldest_waiting(&self) -> Option<(u64, Line)> {
        (self.waiting > 0).then(|| (self.oldest, self.lines[self.place(self.oldest)]))
    }

    /// All lines that may wait, by number.
    pub(super) fn open(&self) -> std::ops::Range<u64> {
        self.oldest..self.said
    }

    /// None of the lines so far counts.
    pub(super) fn uncount(&mut self) {
        self.lines.iter_mut().for_each(|line| line.counts = false);
    }

    #[inline]
    fn place(&self, seq: u64) -> usize {
        // The ring's length is a power of two, and what is left is below it.
        (seq & (self.lines.len() as u64 - 1)) as usize
    }
}
