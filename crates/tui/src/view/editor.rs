//! The editor, or what is looked for.

use callbox_session::room::Kind;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Position, Rect};
use ratatui_core::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::{Hits, put, put_row};
use crate::app::App;
use crate::editor::shown;
use crate::text::clean::{clean, one_line};
use crate::text::{Piece, shorten, width};
use crate::texts::fill;

impl App {
    /// How many rows the editor wants.
    pub(crate) fn editor_rows(&self, cells: u16) -> usize {
        let view = self.views.get(&self.current);
        view.map_or(1, |view| view.editor.rows(usize::from(cells)))
    }

    /// Draws the editor and says where the cursor is.
    pub(super) fn draw_editor(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        hits: &mut Hits,
    ) -> Option<Position> {
        if let Some(search) = self.search.as_ref().filter(|search| search.is_typing) {
            let words = format!("{}: {}", self.texts.search, clean(&search.words));
            return Some(self.draw_prompt(buffer, area, &words));
        }
        let view = self.views.get(&self.current);
        let editor = view.map(|view| &view.editor).filter(|editor| !editor.is_empty());
        let Some(editor) = editor else {
            let room = self.room()?;
            let words = match room.kind {
                Kind::Server => self.texts.placeholder_server.to_owned(),
                _ => fill(self.texts.placeholder, &[&one_line(&room.name)]),
            };
            let words = shorten(&words, usize::from(area.width));
            put_row(buffer, area, &[Piece::new(words, self.theme.dim())], Style::new());
            return self.cursor(area.x, area.y);
        };
        let cells = usize::from(area.width);
        let layout = editor.layout(cells);
        let (row, column) = layout.place(editor.text(), editor.cursor());
        let height = usize::from(area.height);
        let top = (row + 1).saturating_sub(height).min(layout.rows.len().saturating_sub(height));
        for (y, range) in (area.y..area.bottom()).zip(layout.rows.iter().skip(top)) {
            let mut x = area.x;
            for cluster in editor.text()[range.clone()].graphemes(true) {
                x = put(buffer, x, y, area.right(), &shown(cluster).0, self.theme.plain());
            }
        }
        hits.editor_top = top;
        let x = area.x + u16::try_from(column.min(cells.saturating_sub(1))).unwrap_or(0);
        let y = area.y + u16::try_from((row - top).min(height.saturating_sub(1))).unwrap_or(0);
        self.cursor(x, y)
    }

    /// The cursor is not seen where keys go elsewhere.
    fn cursor(&self, x: u16, y: u16) -> Option<Position> {
        let is_chosen = self.views.get(&self.current).is_some_and(|view| view.chosen.is_some());
        (!is_chosen).then_some(Position { x, y })
    }

    /// Draws words that are typed in one row, such that their end is seen, and says where the cursor is.
    pub(super) fn draw_prompt(&self, buffer: &mut Buffer, area: Rect, words: &str) -> Position {
        let cells = usize::from(area.width).saturating_sub(1);
        let mut skipped = 0;
        let surplus = width(words).saturating_sub(cells);
        let mut start = 0;
        for cluster in words.graphemes(true) {
            if skipped >= surplus {
                break;
            }
            skipped += width(cluster);
            start += cluster.len();
        }
        let x = put(buffer, area.x, area.y, area.right(), &words[start..], self.theme.plain());
        Position { x: x.min(area.right().saturating_sub(1)), y: area.y }
    }
}
