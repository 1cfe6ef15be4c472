//! What the editor held before, and what was taken back.

/// The most states that are kept. The oldest go; with [`MOST_BYTES`](super::MOST_BYTES) each that is 6 MiB at most.
const MOST: usize = 200;

#[derive(Clone, Debug, Default)]
pub(super) struct Undo {
    past: Vec<(String, usize)>,
    future: Vec<(String, usize)>,
    /// Whether the last change was a character typed, so that the next one belongs to the same step.
    is_typing: bool,
}

impl Undo {
    /// The text is about to change from this. Characters that are typed one after the other are one step.
    pub(super) fn note(&mut self, text: &str, cursor: usize, is_typing: bool) {
        if !(is_typing && self.is_typing) {
            if self.past.len() == MOST {
                self.past.remove(0);
            }
            self.past.push((text.to_owned(), cursor));
        }
        self.future.clear();
        self.is_typing = is_typing;
    }

    /// What is typed next is a step of its own.
    pub(super) fn pause(&mut self) {
        self.is_typing = false;
    }

    /// The state before, if there is one; the one given can be had back.
    pub(super) fn undo(&mut self, text: &str, cursor: usize) -> Option<(String, usize)> {
        let before = self.past.pop()?;
        self.future.push((text.to_owned(), cursor));
        self.is_typing = false;
        Some(before)
    }

    /// The state that was taken back last.
    pub(super) fn redo(&mut self, text: &str, cursor: usize) -> Option<(String, usize)> {
        let after = self.future.pop()?;
        self.past.push((text.to_owned(), cursor));
        Some(after)
    }
}
