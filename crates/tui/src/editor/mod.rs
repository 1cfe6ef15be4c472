//! The editor in which lines are typed: several lines of any script, with undo.
//!
//! The cursor stands between grapheme clusters, never within one. ratatui-textarea would move it by `char` and so split
//! what people see as one character; it also scrolls long lines sideways where a chat wraps them.

mod layout;
mod undo;

use std::cell::Cell;

use unicode_segmentation::UnicodeSegmentation;

pub(crate) use layout::{Layout, shown};
use undo::Undo;

/// The most bytes that are edited; what is typed or pasted beyond is left out. It is more than a server takes in one
/// message of several lines, and little enough to be laid out anew at each key.
pub(crate) const MOST_BYTES: usize = 32 << 10;

/// What is being typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editor {
    text: String,
    /// A byte offset, at the boundary of a cluster.
    cursor: usize,
    undo: Undo,
    /// What was cut last.
    cut: String,
    /// The column that moving up and down keeps to.
    column: Option<usize>,
    /// How many rows the text takes at a width: asked for several times for a frame.
    rows: Cell<Option<(usize, usize)>>,
}

impl Editor {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many rows it takes.
    pub(crate) fn rows(&self, cells: usize) -> usize {
        match self.rows.get() {
            Some((known, rows)) if known == cells => rows,
            _ => {
                let rows = self.layout(cells).rows.len();
                self.rows.set(Some((cells, rows)));
                rows
            }
        }
    }

    /// How it stands on the screen.
    pub(crate) fn layout(&self, cells: usize) -> Layout {
        Layout::of(&self.text, cells)
    }

    /// Takes the text out; nothing is left but what was cut.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        self.column = None;
        self.undo = Undo::default();
        self.rows.set(None);
        std::mem::take(&mut self.text)
    }

    /// Puts `text` in place of all, with the cursor behind it. It can be undone.
    pub(crate) fn set(&mut self, text: &str) {
        self.undo.note(&self.text, self.cursor, false);
        self.text.clear();
        self.cursor = 0;
        self.put(text);
    }

    /// Types `text`. What is no text is left out. Says whether all of it fitted.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let is_typing = text.graphemes(true).count() == 1 && text != "\n" && text != " ";
        self.undo.note(&self.text, self.cursor, is_typing);
        self.put(text)
    }

    /// Puts `text` in place of a stretch before the cursor that begins at byte `start`.
    pub(crate) fn replace_from(&mut self, start: usize, text: &str) {
        let start = self.text.floor_char_boundary(start.min(self.cursor));
        self.undo.note(&self.text, self.cursor, false);
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
        self.put(text);
    }

    fn put(&mut self, text: &str) -> bool {
        let mut added = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' | '\n' => added.push('\n'),
                '\t' => added.push_str("    "),
                c if c.is_control() => {}
                c => added.push(c),
            }
        }
        let room = MOST_BYTES.saturating_sub(self.text.len());
        let fits = added.len() <= room;
        if !fits {
            let mut end = 0;
            for (start, cluster) in added.grapheme_indices(true) {
                if start + cluster.len() > room {
                    break;
                }
                end = start + cluster.len();
            }
            added.truncate(end);
        }
        self.rows.set(None);
        self.text.insert_str(self.cursor, &added);
        self.cursor += added.len();
        self.mend();
        fits
    }

    /// A mark that was typed behind a letter is one cluster with it: the cursor goes behind both.
    fn mend(&mut self) {
        self.column = None;
        let at = self.cursor;
        let (line_start, _) = self.line();
        let mut boundary = line_start;
        for cluster in self.text[line_start..].graphemes(true) {
            if boundary >= at {
                break;
            }
            boundary += cluster.len();
        }
        self.cursor = boundary.max(at.min(line_start));
    }

    /// Where the line with the cursor begins and ends.
    fn line(&self) -> (usize, usize) {
        let start = self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1);
        let end =
            self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at);
        (start, end)
    }

    fn before(&self) -> usize {
        let (start, _) = self.line();
        if start == self.cursor {
            return self.cursor.saturating_sub(1);
        }
        let cluster = self.text[start..self.cursor].graphemes(true).next_back();
        self.cursor - cluster.map_or(0, str::len)
    }

    fn after(&self) -> usize {
        let cluster = self.text[self.cursor..].graphemes(true).next();
        self.cursor + cluster.map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let mut words = self.text[..self.cursor].split_word_bound_indices().rev();
        words
            .find(|(_, word)| word.chars().any(char::is_alphanumeric))
            .map_or(0, |(start, _)| start)
    }

    fn word_after(&self) -> usize {
        let mut words = self.text[self.cursor..].split_word_bound_indices();
        let word = words.find(|(_, word)| word.chars().any(char::is_alphanumeric));
        word.map_or(self.text.len(), |(start, word)| self.cursor + start + word.len())
    }

    fn go(&mut self, to: usize) {
        self.cursor = to;
        self.column = None;
        self.undo.pause();
    }

    pub(crate) fn left(&mut self) {
        self.go(self.before());
    }

    pub(crate) fn right(&mut self) {
        self.go(self.after());
    }

    pub(crate) fn word_left(&mut self) {
        self.go(self.word_before());
    }

    pub(crate) fn word_right(&mut self) {
        self.go(self.word_after());
    }

    pub(crate) fn home(&mut self) {
        self.go(self.line().0);
    }

    pub(crate) fn end(&mut self) {
        self.go(self.line().1);
    }

    /// To where the pointer is.
    pub(crate) fn go_to(&mut self, row: usize, column: usize, cells: usize) {
        let layout = self.layout(cells);
        let row = row.min(layout.rows.len().saturating_sub(1));
        self.go(layout.at(&self.text, row, column));
    }

    /// A row up; says whether there was one.
    pub(crate) fn up(&mut self, cells: usize) -> bool {
        self.vertical(cells, |row, _| row.checked_sub(1))
    }

    /// A row down; says whether there was one.
    pub(crate) fn down(&mut self, cells: usize) -> bool {
        self.vertical(cells, |row, rows| Some(row + 1).filter(|row| *row < rows))
    }

    fn vertical(&mut self, cells: usize, step: impl Fn(usize, usize) -> Option<usize>) -> bool {
        let layout = self.layout(cells);
        let (row, column) = layout.place(&self.text, self.cursor);
        let Some(row) = step(row, layout.rows.len()) else { return false };
        let column = self.column.unwrap_or(column);
        let to = layout.at(&self.text, row, column);
        self.go(to);
        self.column = Some(column);
        true
    }

    pub(crate) fn backspace(&mut self) {
        self.remove(self.before(), self.cursor);
    }

    pub(crate) fn delete(&mut self) {
        self.remove(self.cursor, self.after());
    }

    pub(crate) fn delete_word(&mut self) {
        self.cut(self.word_before(), self.cursor);
    }

    pub(crate) fn delete_word_right(&mut self) {
        self.cut(self.cursor, self.word_after());
    }

    pub(crate) fn kill_home(&mut self) {
        self.cut(self.line().0, self.cursor);
    }

    /// At a line's end the end itself goes.
    pub(crate) fn kill_end(&mut self) {
        let (_, end) = self.line();
        self.cut(self.cursor, if end == self.cursor { self.after() } else { end });
    }

    pub(crate) fn yank(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        self.insert(&cut);
        self.cut = cut;
    }

    fn cut(&mut self, start: usize, end: usize) {
        if start < end {
            self.cut = self.text[start..end].to_owned();
            self.remove(start, end);
        }
    }

    fn remove(&mut self, start: usize, end: usize) {
        if start < end {
            self.undo.note(&self.text, self.cursor, false);
            self.rows.set(None);
            self.text.replace_range(start..end, "");
            self.cursor = start;
            self.mend();
        }
    }

    pub(crate) fn undo(&mut self) {
        if let Some((text, cursor)) = self.undo.undo(&self.text, self.cursor) {
            (self.text, self.cursor, self.column) = (text, cursor, None);
            self.rows.set(None);
        }
    }

    pub(crate) fn redo(&mut self) {
        if let Some((text, cursor)) = self.undo.redo(&self.text, self.cursor) {
            (self.text, self.cursor, self.column) = (text, cursor, None);
            self.rows.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(text);
        editor
    }

    /// The text with `|` where the cursor is.
    fn shown(editor: &Editor) -> String {
        let (before, after) = editor.text.split_at(editor.cursor);
        format!("{before}|{after}")
    }

    #[test]
    fn the_cursor_moves_by_what_people_see_as_one_character() {
        let mut editor = with("a👩‍👩‍👧‍👦e\u{301}");
        editor.left();
        assert_eq!(shown(&editor), "a👩‍👩‍👧‍👦|e\u{301}");
        editor.backspace();
        assert_eq!(shown(&editor), "a|e\u{301}");
        editor.delete();
        assert_eq!(shown(&editor), "a|");
        // A mark that is typed joins the letter before it.
        editor.insert("\u{308}");
        editor.left();
        assert_eq!(shown(&editor), "|a\u{308}");
    }

    #[test]
    fn words_and_lines_are_cut_and_put_in_again() {
        let mut editor = with("one two\nthree, four");
        editor.word_left();
        editor.delete_word();
        assert_eq!(shown(&editor), "one two\n|four");
        editor.kill_end();
        editor.yank();
        editor.yank();
        assert_eq!(shown(&editor), "one two\nfourfour|");
        editor.kill_home();
        editor.left();
        assert_eq!(shown(&editor), "one two|\n");
        editor.kill_end();
        editor.word_left();
        editor.delete_word_right();
        assert_eq!(shown(&editor), "one |");
        editor.home();
        editor.word_right();
        assert_eq!(shown(&editor), "one| ");
    }

    #[test]
    fn undo_goes_back_by_words_and_redo_forward() {
        let mut editor = Editor::default();
        for c in "one two".chars() {
            editor.insert(c.encode_utf8(&mut [0; 4]));
        }
        editor.undo();
        assert_eq!(shown(&editor), "one |");
        editor.undo();
        editor.undo();
        assert_eq!(shown(&editor), "|");
        editor.undo();
        editor.redo();
        editor.redo();
        editor.redo();
        editor.redo();
        assert_eq!(shown(&editor), "one two|");
        editor.delete_word();
        editor.undo();
        assert_eq!(shown(&editor), "one two|");
        editor.insert("!");
        editor.redo();
        assert_eq!(shown(&editor), "one two!|");
    }

    #[test]
    fn up_and_down_keep_their_column_over_short_and_wrapped_lines() {
        let mut editor = with("abcd\nx\nabcd");
        assert!(editor.up(20));
        assert_eq!(shown(&editor), "abcd\nx|\nabcd");
        assert!(editor.up(20) && !editor.up(20));
        assert_eq!(shown(&editor), "abcd|\nx\nabcd");
        assert!(editor.down(20) && editor.down(20) && !editor.down(20));
        assert_eq!(shown(&editor), "abcd\nx\nabcd|");
        let mut wrapped = with("abcdefgh");
        assert!(wrapped.up(5));
        assert_eq!(shown(&wrapped), "abc|defgh");
    }

    #[test]
    fn what_is_no_text_is_left_out_and_so_is_what_is_too_much() {
        let mut editor = with("a\x1b[A\x00b\r\nc\td\r");
        assert_eq!(editor.text(), "a[Ab\nc    d\n");
        assert!(!editor.insert(&"你".repeat(MOST_BYTES)));
        assert!(editor.text().len() <= MOST_BYTES && editor.text().ends_with('你'));
    }

    fn act(editor: &mut Editor, number: u8, text: &str, cells: usize) {
        match number {
            0 => _ = editor.insert(text),
            1 => editor.left(),
            2 => editor.right(),
            3 => editor.word_left(),
            4 => editor.word_right(),
            5 => _ = editor.up(cells),
            6 => _ = editor.down(cells),
            7 => editor.backspace(),
            8 => editor.delete(),
            9 => editor.delete_word(),
            10 => editor.delete_word_right(),
            11 => editor.kill_home(),
            12 => editor.kill_end(),
            13 => editor.yank(),
            14 => editor.undo(),
            15 => editor.redo(),
            16 => editor.home(),
            17 => editor.end(),
            18 => editor.go_to(cells / 2, cells, cells),
            _ => editor.replace_from(editor.cursor.saturating_sub(1), text),
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_keys_splits_a_cluster(
            acts in prop::collection::vec((0u8..20, "[a 你\n👩\u{200d}\u{301}🇩🇪]{0,6}"), 0..60),
            cells in 0usize..12,
        ) {
            let mut editor = Editor::default();
            for (number, text) in acts {
                act(&mut editor, number, &text, cells);
                prop_assert!(editor.text.is_char_boundary(editor.cursor));
                let layout = editor.layout(cells);
                let (row, column) = layout.place(&editor.text, editor.cursor);
                prop_assert_eq!(editor.rows(cells), layout.rows.len());
                prop_assert!(row < layout.rows.len() && column <= cells.max(24));
            }
        }
    }
}
