//! What was typed before, to be had back with the Up key.

use std::collections::VecDeque;

/// The most lines that are remembered.
const MOST: usize = 500;

/// What was typed before.
#[derive(Debug, Default)]
pub(crate) struct History {
    lines: VecDeque<String>,
    /// Which line is shown, counted from the last, and what was being typed when going through them began.
    at: Option<(usize, String)>,
}

impl History {
    /// Remembers a line.
    pub(crate) fn add(&mut self, line: &str) {
        self.at = None;
        if self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MOST {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// The line before the one that is shown, if there is one. `typed` comes back at the end of the way down.
    pub(crate) fn older(&mut self, typed: &str) -> Option<&str> {
        let (next, typed) = match self.at.take() {
            Some((at, typed)) => (at + 1, typed),
            None => (0, typed.to_owned()),
        };
        let index = self.lines.len().checked_sub(next + 1);
        self.at = Some((if index.is_some() { next } else { next.saturating_sub(1) }, typed));
        if self.lines.is_empty() {
            self.at = None;
        }
        self.lines.get(index?).map(String::as_str)
    }

    /// The line after the one that is shown, or what was being typed.
    pub(crate) fn newer(&mut self) -> Option<String> {
        let (at, typed) = self.at.take()?;
        let Some(next) = at.checked_sub(1) else { return Some(typed) };
        self.at = Some((next, typed));
        self.lines.get(self.lines.len() - 1 - next).cloned()
    }

    /// What is shown was changed: it is something new now.
    pub(crate) fn reset(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_goes_back_and_down_returns_to_what_was_being_typed() {
        let mut history = History::default();
        assert_eq!(history.older("x"), None);
        assert_eq!(history.newer(), None);
        for line in ["one", "two", "two", "three"] {
            history.add(line);
        }
        assert_eq!(history.older("draft"), Some("three"));
        assert_eq!(history.older("three"), Some("two"));
        assert_eq!(history.older("two"), Some("one"));
        assert_eq!(history.older("one"), None);
        assert_eq!(history.newer().as_deref(), Some("two"));
        assert_eq!(history.newer().as_deref(), Some("three"));
        assert_eq!(history.newer().as_deref(), Some("draft"));
        assert_eq!(history.newer(), None);
    }
}
