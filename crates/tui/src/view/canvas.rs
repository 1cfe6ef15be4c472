//! Text onto cells. Here is the one place that writes into the screen, and it writes whole grapheme clusters only.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::{Piece, cluster_width};

/// Writes text from `x` on, at most up to `end`, and returns where it ended. What does not fit is left out.
pub(super) fn put(buffer: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
    let mut x = x;
    let end = end.min(buffer.area.right());
    if y >= buffer.area.bottom() {
        return x;
    }
    for cluster in text.graphemes(true) {
        // Texts are clean when they come here; a control character that was overlooked must still not get out.
        if cluster.chars().any(char::is_control) {
            continue;
        }
        let cells = u16::try_from(cluster_width(cluster)).unwrap_or(u16::MAX);
        if cells == 0 {
            continue;
        }
        if cells > end.saturating_sub(x) {
            break;
        }
        buffer[(x, y)].set_symbol(cluster).set_style(style);
        for behind in x + 1..x + cells {
            let cell = &mut buffer[(behind, y)];
            cell.reset();
            cell.set_style(style);
        }
        x += cells;
    }
    x
}

/// Writes a row into an area of one row.
pub(super) fn put_row(buffer: &mut Buffer, area: Rect, row: &[Piece], base: Style) {
    let mut x = area.x;
    for piece in row {
        let style = base.patch(piece.style);
        x = put(buffer, x, area.y, area.right(), &piece.text, style);
    }
}

/// Empties an area, also of halves of wide characters at its edges.
pub(super) fn clear(buffer: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        // A wide character that reaches in from the left.
        let from = area.x.saturating_sub(4).max(buffer.area.x);
        for x in from..area.x {
            let cells = u16::try_from(cluster_width(buffer[(x, y)].symbol())).unwrap_or(1);
            if x + cells > area.x {
                for cell in x..area.x {
                    buffer[(cell, y)].set_symbol(" ");
                }
                break;
            }
        }
        for x in area.left()..area.right() {
            let cell = &mut buffer[(x, y)];
            cell.reset();
            cell.set_style(style);
        }
    }
}
