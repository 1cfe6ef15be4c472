//! Text on the way to the screen: made harmless, measured, wrapped.

pub(crate) mod clean;
pub(crate) mod time;
pub(crate) mod wrap;

use ratatui_core::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text of one look. Its text has gone through [`clean`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Piece {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// One row of the screen.
pub(crate) type Row = Vec<Piece>;

/// How many cells a grapheme cluster takes, as ratatui counts them.
pub(crate) fn cluster_width(cluster: &str) -> usize {
    if cluster.len() == 1 { 1 } else { cluster.width() }
}

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(cluster_width).sum() }
}

/// How many cells a row takes.
pub(crate) fn row_width(row: &[Piece]) -> usize {
    row.iter().map(|piece| width(&piece.text)).sum()
}

/// As much of the beginning of a text as fits into `cells`, with `…` where something was left out.
pub(crate) fn shorten(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut room = cells.saturating_sub(1);
    for cluster in text.graphemes(true) {
        let width = cluster_width(cluster);
        if width > room {
            break;
        }
        room -= width;
        short.push_str(cluster);
    }
    if cells > 0 {
        short.push('…');
    }
    short
}

/// A text as wide as `cells`: shortened, or with spaces behind it.
pub(crate) fn fit(text: &str, cells: usize) -> String {
    let mut fitted = shorten(text, cells);
    let missing = cells.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// A text as wide as `cells`: shortened, or with spaces before it.
pub(crate) fn fit_right(text: &str, cells: usize) -> String {
    let short = shorten(text, cells);
    let missing = cells.saturating_sub(width(&short));
    " ".repeat(missing) + &short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_as_wide_as_it_has_to_be() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("你好吗", 5), "你好…");
        assert_eq!(fit("你好吗", 4), "你… ");
        assert_eq!(fit_right("你", 4), "  你");
        assert_eq!((fit("abc", 0), fit("", 2)), (String::new(), "  ".to_owned()));
    }

    #[test]
    fn a_cluster_is_as_wide_as_what_is_seen() {
        for (text, cells) in [
            ("a", 1),
            ("é", 1),
            ("e\u{301}", 1),
            ("你", 2),
            ("👩‍👩‍👧‍👦", 2),
            ("🇩🇪", 2),
            ("❤️", 2),
            ("ا", 1),
        ] {
            assert_eq!(width(text), cells, "{text}");
        }
    }
}
