//! Where the editor's text stands on the screen: lines broken into rows, behind spaces where there are some.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::text::{clean, cluster_width};

/// The rows of a text. There is at least one.
pub(crate) struct Layout {
    /// Bytes of the text; line feeds are in no row.
    pub(crate) rows: Vec<Range<usize>>,
}

/// A cluster as it is shown, and its width.
pub(crate) fn shown(cluster: &str) -> (Cow<'_, str>, usize) {
    if cluster.len() == 1 {
        return (cluster.into(), 1);
    }
    let cleaned = clean::typed(cluster);
    let width = crate::text::width(&cleaned);
    if width == cluster_width(cluster) { (cluster.into(), width) } else { (cleaned.into(), width) }
}

impl Layout {
    pub(super) fn of(text: &str, cells: usize) -> Self {
        // The cursor needs a cell behind the last cluster.
        let cells = cells.saturating_sub(1).max(1);
        let mut rows = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            let mut row = start;
            let mut width = 0;
            // Behind the last space: the byte, and the width up to it.
            let mut place = None;
            for (offset, cluster) in line.grapheme_indices(true) {
                let at = start + offset;
                let cluster_width = shown(cluster).1;
                while width + cluster_width > cells && at > row {
                    let (end, before) = place.take().unwrap_or((at, width));
                    rows.push(row..end);
                    row = end;
                    width -= before;
                }
                width += cluster_width;
                if cluster == " " {
                    place = Some((at + 1, width));
                }
            }
            rows.push(row..start + line.len());
            start += line.len() + 1;
        }
        Self { rows }
    }

    /// The row and column of a byte.
    pub(crate) fn place(&self, text: &str, byte: usize) -> (usize, usize) {
        let row = self.rows.partition_point(|row| row.start <= byte).saturating_sub(1);
        let start = self.rows[row].start;
        let column =
            text[start..byte.max(start)].graphemes(true).map(|cluster| shown(cluster).1).sum();
        (row, column)
    }

    /// The byte nearest to a column of a row.
    pub(super) fn at(&self, text: &str, row: usize, column: usize) -> usize {
        let range = self.rows[row].clone();
        // Behind the last cluster of a wrapped row is the next row.
        let is_wrapped = self.rows.get(row + 1).is_some_and(|next| next.start == range.end);
        let mut width = 0;
        for (offset, cluster) in text[range.clone()].grapheme_indices(true) {
            let end = range.start + offset + cluster.len();
            width += shown(cluster).1;
            if width > column || is_wrapped && end == range.end {
                return range.start + offset;
            }
        }
        range.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, cells: usize) -> Vec<&str> {
        Layout::of(text, cells).rows.into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn rows_end_behind_spaces_and_leave_a_cell_for_the_cursor() {
        assert_eq!(rows("one two three", 8), ["one ", "two ", "three"]);
        assert_eq!(rows("one two three", 9), ["one two ", "three"]);
        assert_eq!(rows("abcdef", 4), ["abc", "def"]);
        assert_eq!(rows("你好吗", 5), ["你好", "吗"]);
        assert_eq!(rows("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(rows("", 0), [""]);
    }

    #[test]
    fn a_byte_has_a_place_and_a_place_a_byte() {
        let text = "one 你好";
        let layout = Layout::of(text, 7);
        assert_eq!(rows(text, 7), ["one ", "你好"]);
        for byte in text.char_indices().map(|(byte, _)| byte).chain([text.len()]) {
            let (row, column) = layout.place(text, byte);
            assert_eq!(layout.at(text, row, column), byte);
        }
    }
}
