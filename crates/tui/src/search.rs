//! Looking for words in what is loaded.
//!
//! A hundred thousand lines are not looked through between two keys: each turn looks at some, the newest first, and the
//! count grows until all are done.

use std::collections::VecDeque;

use callbox_session::line::{Line, LineId};
use callbox_session::room::RoomId;
use callbox_session::timeline::Timeline;
use ratatui_core::style::Style;

use crate::lines::locate;
use crate::text::{Piece, Row};

/// How many lines are looked at in a turn; about a millisecond.
const TURN: usize = 2_000;

/// A search in one room.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) room: RoomId,
    pub(crate) words: String,
    /// Whether the words are still being typed.
    pub(crate) is_typing: bool,
    /// Whether the newest line that is found next is to be gone to.
    pub(crate) is_eager: bool,
    /// The lines that were found, the oldest first, with their places; places count lines that were dropped since, too.
    found: VecDeque<(LineId, usize)>,
    /// How many lines were dropped at the beginning.
    dropped: usize,
    /// How many lines, from the oldest on, are still to be looked at.
    rest: usize,
    /// The last line that was looked at or will be, and where it stood.
    last: Option<(LineId, usize)>,
}

impl Search {
    pub(crate) fn new(room: RoomId, timeline: &Timeline) -> Self {
        let mut search = Self {
            room,
            words: String::new(),
            is_typing: true,
            is_eager: false,
            found: VecDeque::new(),
            dropped: 0,
            rest: 0,
            last: None,
        };
        search.restart(timeline);
        search
    }

    /// Looks for other words.
    pub(crate) fn set(&mut self, words: String, timeline: &Timeline) {
        self.words = words;
        self.is_eager = true;
        self.restart(timeline);
    }

    /// Looks at everything again: lines came that are not the last, or changed.
    pub(crate) fn restart(&mut self, timeline: &Timeline) {
        self.found.clear();
        self.dropped = 0;
        self.rest = timeline.len();
        self.last = timeline.last().map(|line| (line.id, timeline.len() - 1));
    }

    /// Takes in lines that were added at the end, and that the oldest were dropped.
    pub(crate) fn catch_up(&mut self, timeline: &Timeline) {
        let place = self.last.and_then(|(id, place)| {
            Some((place, locate(timeline, id, place)?)).filter(|(before, now)| now <= before)
        });
        let Some((before, now)) = place else { return self.restart(timeline) };
        let dropped = before - now;
        self.dropped += dropped;
        self.rest = self.rest.saturating_sub(dropped);
        while self.found.front().is_some_and(|(_, place)| *place < self.dropped) {
            self.found.pop_front();
        }
        for index in now + 1..timeline.len() {
            if let Some(line) = timeline.at(index).filter(|line| self.matches(line)) {
                self.found.push_back((line.id, index + self.dropped));
            }
        }
        self.last = timeline.last().map(|line| (line.id, timeline.len() - 1));
    }

    /// Whether there is more to look at.
    pub(crate) fn is_pending(&self) -> bool {
        self.rest > 0 && !self.words.is_empty()
    }

    /// Looks at some more lines.
    pub(crate) fn turn(&mut self, timeline: &Timeline) {
        let end = self.rest.min(timeline.len());
        let start = end.saturating_sub(TURN);
        for index in (start..end).rev() {
            if let Some(line) = timeline.at(index).filter(|line| self.matches(line)) {
                self.found.push_front((line.id, index + self.dropped));
            }
        }
        self.rest = start;
    }

    fn matches(&self, line: &Line) -> bool {
        let is_gone = line.extra.as_ref().is_some_and(|extra| extra.redacted.is_some());
        let holds = |text: &str| find(&callbox_irc::format::plain(text), &self.words).is_some();
        !self.words.is_empty() && !is_gone && line.what.text().is_some_and(holds)
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Which of the found lines stands at this place, counted from the newest, 1 being it.
    pub(crate) fn number_at(&self, index: usize) -> Option<usize> {
        let place = index + self.dropped;
        let at = self.found.binary_search_by_key(&place, |(_, place)| *place).ok()?;
        Some(self.found.len() - at)
    }

    /// The place of the newest line that was found.
    pub(crate) fn newest(&self) -> Option<usize> {
        self.found.back()?.1.checked_sub(self.dropped)
    }

    /// The place of the next line that was found, from a place on and without it.
    pub(crate) fn next(&self, from: usize, is_older: bool) -> Option<usize> {
        let from = from + self.dropped;
        let at = if is_older {
            self.found.partition_point(|(_, place)| *place < from).checked_sub(1)?
        } else {
            self.found.partition_point(|(_, place)| *place <= from)
        };
        self.found.get(at)?.1.checked_sub(self.dropped)
    }
}

/// Where `words` stand in `text`, whatever their case.
pub(crate) fn find(text: &str, words: &str) -> Option<std::ops::Range<usize>> {
    if text.is_ascii() && words.is_ascii() {
        let (text, words) = (text.as_bytes(), words.as_bytes());
        let start = text
            .windows(words.len().max(1))
            .position(|window| window.eq_ignore_ascii_case(words))?;
        return Some(start..start + words.len());
    }
    let lower = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let wanted = lower(words);
    'places: for (start, _) in text.char_indices() {
        let mut wanted = wanted.iter();
        for (offset, c) in text[start..].char_indices() {
            let mut rest = wanted.clone();
            if rest.next().is_none() {
                return Some(start..start + offset);
            }
            for c in c.to_lowercase() {
                if wanted.next() != Some(&c) {
                    continue 'places;
                }
            }
        }
        if wanted.next().is_none() {
            return Some(start..text.len());
        }
        return None;
    }
    None
}

/// A line with what was found in it set off.
pub(crate) fn marked(pieces: Row, words: &str, style: Style) -> Row {
    let mut row = Row::new();
    for piece in pieces {
        let mut rest = &*piece.text;
        while let Some(range) = find(rest, words).filter(|range| !range.is_empty()) {
            row.push(Piece::new(&rest[..range.start], piece.style));
            row.push(Piece::new(&rest[range.clone()], piece.style.patch(style)));
            rest = &rest[range.end..];
        }
        row.push(Piece::new(rest, piece.style));
    }
    row.retain(|piece| !piece.text.is_empty());
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case() {
        assert_eq!(find("The Build passed", "build"), Some(4..9));
        assert_eq!(find("Äpfel und ÄPFEL", "äpf"), Some(0..4));
        assert_eq!(find("一二三", "二"), Some(3..6));
        assert_eq!(find("你好", "你好"), Some(0..6));
        assert_eq!(find("abc", "abcd"), None);
        assert_eq!(find("aab é", "ab é"), Some(1..6));
        assert_eq!(find("", "a"), None);
        assert_eq!(find("İstanbul", "stan"), Some(2..6));
    }

    #[test]
    fn what_was_found_is_set_off_and_the_rest_stays() {
        let style = Style::new().reversed();
        let row = marked(vec![Piece::new("a foo b FOO", Style::new())], "foo", style);
        let texts: Vec<_> = row.iter().map(|piece| (&*piece.text, piece.style == style)).collect();
        assert_eq!(texts, [("a ", false), ("foo", true), (" b ", false), ("FOO", true)]);
    }
}
