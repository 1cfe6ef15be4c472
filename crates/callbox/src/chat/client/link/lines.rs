//! A batch of lines, and the count of those that are out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::Waker;

/// Batches that may be out at a time. Each has the lines of one read or two, 128 KiB at most.
const MAX_OUT: usize = 16;

/// Lines that came, in order. Dropping it lets the link read on.
#[derive(Debug)]
pub struct Lines {
    text: String,
    /// Where each line ends in the text; the next one begins there.
    ends: Vec<usize>,
    too_long: usize,
    _place: Place,
}

impl Lines {
    /// Each line, without its ending, and never empty. What was no UTF-8 has become U+FFFD.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let line = &self.text[start..*end];
            start = *end;
            line
        })
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none, because all that came was too long.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many lines were longer than any may be, and left out.
    pub const fn too_long(&self) -> usize {
        self.too_long
    }
}

/// A batch to which lines are added.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    ends: Vec<usize>,
    too_long: usize,
}

impl Batch {
    pub(super) fn push(&mut self, line: &[u8]) {
        match str::from_utf8(line) {
            Ok(line) => self.text.push_str(line),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(line)),
        }
        self.ends.push(self.text.len());
    }

    pub(super) const fn count_too_long(&mut self) {
        self.too_long += 1;
    }

    /// Bytes of text so far.
    pub(super) const fn size(&self) -> usize {
        self.text.len()
    }

    /// The batch to hand over, if anything is in it.
    pub(super) fn take(&mut self, flow: &Arc<Flow>) -> Option<Lines> {
        let Self { text, ends, too_long } = std::mem::take(self);
        let is_worth_it = !ends.is_empty() || too_long > 0;
        is_worth_it.then(|| Lines { text, ends, too_long, _place: Place::taken(flow) })
    }
}

/// How many batches are out.
#[derive(Debug)]
pub(super) struct Flow {
    out: AtomicUsize,
    waker: Arc<Waker>,
}

impl Flow {
    pub(super) const fn new(waker: Arc<Waker>) -> Self {
        Self { out: AtomicUsize::new(0), waker }
    }

    /// Whether one more may go out. If not, the waker is called when one may.
    pub(super) fn has_room(&self) -> bool {
        self.out.load(Ordering::Acquire) < MAX_OUT
    }
}

/// The place of a batch that is out.
#[derive(Debug)]
struct Place(Arc<Flow>);

impl Place {
    fn taken(flow: &Arc<Flow>) -> Self {
        flow.out.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(flow))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.out.fetch_sub(1, Ordering::AcqRel) >= MAX_OUT {
            let _ = self.0.waker.wake();
        }
    }
}
