//! Lines broken into rows: between words where there are words, never within a grapheme cluster.

use unicode_segmentation::UnicodeSegmentation;

use super::{Piece, Row, cluster_width};

/// The most rows of one line. A message of draft/multiline has some 40 kilobytes at most; on a narrow screen that is
/// beyond what anybody scrolls through, and the rest is left out.
pub(crate) const MOST_ROWS: usize = 500;

/// The rows of one line, each at most `cells` wide; at least one, which is empty for an empty line. With no cells at all
/// it is one empty row.
pub(crate) fn wrap(line: &[Piece], cells: usize) -> Vec<Row> {
    let mut wrapping = Wrapping::default();
    if cells == 0 {
        return vec![Row::new()];
    }
    for piece in line {
        for cluster in piece.text.graphemes(true) {
            wrapping.push(cluster, piece, cells);
            if wrapping.rows.len() >= MOST_ROWS {
                return wrapping.rows;
            }
        }
    }
    wrapping.finish()
}

#[derive(Default)]
struct Wrapping {
    rows: Vec<Row>,
    /// The row that grows, and its width.
    row: Row,
    width: usize,
    /// Where the row can be broken: the piece and the byte in it behind which the next row begins, and the width up to
    /// there.
    place: Option<(usize, usize, usize)>,
    /// Whether the last cluster can be broken behind without a space: it is wide, as those of Chinese are.
    was_wide: bool,
}

impl Wrapping {
    fn push(&mut self, cluster: &str, piece: &Piece, cells: usize) {
        let width = cluster_width(cluster);
        // What is wider than the screen cannot be shown.
        if width == 0 || width > cells {
            return;
        }
        let is_space = cluster == " ";
        let is_wide = width > 1;
        let clings = is_closing(cluster);
        if !clings && !is_space && (is_wide || self.was_wide) && self.width > 0 {
            self.note_place();
        }
        if self.width + width > cells {
            // Spaces that do not fit are where the row ends.
            if is_space {
                return self.note_place();
            }
            // Twice, where what stands behind the last place is too long for a row with this.
            while self.width > 0 && self.width + width > cells {
                self.break_row();
            }
        }
        match self.row.last_mut() {
            Some(last) if last.style == piece.style => last.text.push_str(cluster),
            _ => self.row.push(Piece::new(cluster, piece.style)),
        }
        self.width += width;
        self.was_wide = is_wide && !clings || clings && self.was_wide;
        if is_space {
            self.note_place();
        }
    }

    fn note_place(&mut self) {
        let last = self.row.len().saturating_sub(1);
        let length = self.row.last().map_or(0, |piece| piece.text.len());
        self.place = Some((last, length, self.width));
    }

    /// Ends the row at its last place, or at its end if it has none.
    fn break_row(&mut self) {
        let mut next = Row::new();
        let mut width = 0;
        if let Some((index, byte, before)) = self.place.take()
            && index < self.row.len()
        {
            next = self.row.split_off(index + 1);
            let piece = &mut self.row[index];
            let rest = piece.text.split_off(byte.min(piece.text.len()));
            if !rest.is_empty() {
                next.insert(0, Piece::new(rest, piece.style));
            }
            width = self.width - before;
        }
        let mut full = std::mem::replace(&mut self.row, next);
        if let Some(last) = full.last_mut() {
            last.text.truncate(last.text.trim_end_matches(' ').len());
        }
        self.rows.push(full);
        self.width = width;
    }

    fn finish(mut self) -> Vec<Row> {
        self.rows.push(self.row);
        self.rows
    }
}

/// Whether it does not begin a row: closing punctuation.
fn is_closing(cluster: &str) -> bool {
    matches!(
        cluster,
        "，" | "。"
            | "、"
            | "；"
            | "："
            | "？"
            | "！"
            | "）"
            | "」"
            | "』"
            | "】"
            | "》"
            | "”"
            | "’"
            | "…"
            | ")"
            | "]"
            | ","
            | "."
            | ";"
            | ":"
            | "?"
            | "!"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::row_width;
    use proptest::prelude::*;
    use ratatui_core::style::{Color, Style};

    fn wrap_text(text: &str, style: Style, cells: usize) -> Vec<Row> {
        text.split('\n').flat_map(|line| wrap(&[Piece::new(line, style)], cells)).collect()
    }

    fn wrapped(text: &str, cells: usize) -> Vec<String> {
        let rows = wrap_text(text, Style::new(), cells);
        rows.iter().map(|row| row.iter().map(|piece| &*piece.text).collect()).collect()
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrapped("the quick", 9), ["the quick"]);
        assert_eq!(wrapped("the quick  ", 9), ["the quick"]);
        assert_eq!(wrapped("", 9), [""]);
        assert_eq!(wrapped("a\n\nb", 9), ["a", "", "b"]);
    }

    #[test]
    fn a_word_that_is_too_long_breaks_where_the_row_ends() {
        assert_eq!(wrapped("a abcdefghij", 4), ["a", "abcd", "efgh", "ij"]);
    }

    #[test]
    fn chinese_breaks_between_characters_but_not_before_a_stop() {
        assert_eq!(wrapped("你好吗朋友", 5), ["你好", "吗朋", "友"]);
        assert_eq!(wrapped("你好吗。朋友", 6), ["你好", "吗。朋", "友"]);
        assert_eq!(wrapped("ok你好", 4), ["ok你", "好"]);
    }

    #[test]
    fn a_cluster_stays_whole() {
        assert_eq!(wrapped("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3), ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"]);
        assert_eq!(wrapped("你", 1), [""]);
    }

    #[test]
    fn looks_go_along_with_their_text() {
        let (red, blue) = (Style::new().fg(Color::Red), Style::new().fg(Color::Blue));
        let rows = wrap(&[Piece::new("ab c", red), Piece::new("d ef", blue)], 4);
        assert_eq!(
            rows,
            [
                vec![Piece::new("ab", red)],
                vec![Piece::new("c", red), Piece::new("d", blue)],
                vec![Piece::new("ef", blue)],
            ]
            .map(|row| row)
            .to_vec()
        );
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_visible_character_is_lost(text in "[ab 你👩\u{200d}é。]{0,60}", cells in 2usize..12) {
            let text = crate::text::clean::clean(&text);
            let rows = wrap_text(&text, Style::new(), cells);
            let mut seen = String::new();
            for row in &rows {
                prop_assert!(row_width(row) <= cells, "{:?}", row);
                seen.extend(row.iter().map(|piece| &*piece.text));
            }
            seen.retain(|c| c != ' ');
            prop_assert_eq!(seen, text.replace(' ', ""));
        }
    }
}
