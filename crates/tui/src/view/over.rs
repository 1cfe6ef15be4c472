//! What lies over the screen: help, lists, questions.

use callbox_session::room::RoomId;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Position, Rect};
use ratatui_core::style::Style;

use super::{Hits, clear, put, put_row};
use crate::app::App;
use crate::overlay::{List, Overlay, REACTIONS};
use crate::text::clean::clean;
use crate::text::wrap::wrap;
use crate::text::{Piece, Row, shorten, width};
use crate::texts::fill;

impl App {
    /// Draws what lies over the screen, and says where the cursor is.
    pub(super) fn draw_overlay(
        &mut self,
        buffer: &mut Buffer,
        hits: &mut Hits,
    ) -> Option<Position> {
        match self.overlay.clone()? {
            Overlay::Help { scrolled, only } => {
                let cells = self.size.0.saturating_sub(4).min(92);
                let rows = self.help_rows(only, usize::from(cells));
                let inner = self.frame(buffer, hits, self.texts.help, cells, rows.len());
                let most = rows.len().saturating_sub(usize::from(inner.height));
                let scrolled = scrolled.min(most);
                // Further is nowhere, so that the way back is not longer than the way there.
                if let Some(Overlay::Help { scrolled: kept, .. }) = &mut self.overlay {
                    *kept = scrolled;
                }
                self.rows(buffer, inner, &rows[scrolled..]);
                None
            }
            Overlay::Pick { list, words, chosen } => {
                Some(self.draw_pick(buffer, hits, list, &words, chosen))
            }
            Overlay::Paste { .. } => {
                self.draw_paste(buffer, hits);
                None
            }
            Overlay::React { words, .. } => {
                let mut row = Row::new();
                for (index, reaction) in REACTIONS.iter().enumerate() {
                    row.push(Piece::new(format!("{}", index + 1), self.theme.dim()));
                    row.push(Piece::new(format!(" {reaction}  "), Style::new()));
                }
                let cells = usize::from(self.size.0).saturating_sub(4).min(60);
                let mut rows = wrap(&row, cells);
                rows.extend(wrap(&[Piece::new(self.texts.react_hint, self.theme.dim())], cells));
                let inner = self.frame(buffer, hits, self.texts.react, 60, rows.len() + 1);
                self.rows(buffer, inner, &rows);
                let last = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
                Some(self.draw_prompt(buffer, last, &format!("> {}", clean(&words))))
            }
        }
    }

    fn draw_pick(
        &self,
        buffer: &mut Buffer,
        hits: &mut Hits,
        list: List,
        words: &str,
        chosen: usize,
    ) -> Position {
        let title = match list {
            List::Rooms => self.texts.switcher,
            List::People => self.texts.people,
        };
        let count = self.picks();
        let inner = self.frame(buffer, hits, title, 50, count.clamp(1, 16) + 1);
        let prompt =
            self.draw_prompt(buffer, Rect { height: 1, ..inner }, &format!("> {}", clean(words)));
        let height = usize::from(inner.height.saturating_sub(1));
        let start = (chosen + 1).saturating_sub(height);
        let cells = usize::from(inner.width);
        let rows: Vec<(usize, Row)> = match list {
            List::Rooms => {
                let place = |id: RoomId| {
                    self.session.rooms().iter().position(|room| room.id == id).unwrap_or(usize::MAX)
                };
                let rooms = self.rooms_like(words).into_iter().enumerate().skip(start).take(height);
                rooms.map(|(at, room)| (at, self.room_row(place(room.id), room, cells))).collect()
            }
            List::People => {
                let Some(room) = self.room() else { return prompt };
                let people = self.people_like(words).enumerate().skip(start).take(height);
                people.map(|(at, member)| (at, self.person_row(room, member, cells))).collect()
            }
        };
        if rows.is_empty() {
            put(buffer, inner.x, inner.y + 1, inner.right(), self.texts.no_match, self.theme.dim());
        }
        for (y, (at, row)) in (inner.y + 1..inner.bottom()).zip(&rows) {
            let base = if *at == chosen { self.theme.chosen() } else { Style::new() };
            let area = Rect { y, height: 1, ..inner };
            clear(buffer, area, base);
            put_row(buffer, area, row, base);
            hits.picks.push((y, *at));
        }
        prompt
    }

    fn draw_paste(&self, buffer: &mut Buffer, hits: &mut Hits) {
        let (Some(pasting), Some(Overlay::Paste { text, is_cut })) =
            (self.pasting(), &self.overlay)
        else {
            return;
        };
        let texts = self.texts;
        let cells = usize::from(self.size.0).saturating_sub(4).min(60);
        let mut rows: Vec<Row> = Vec::new();
        let counts = [&*pasting.lines.to_string(), &pasting.characters.to_string()];
        rows.extend(wrap(&[Piece::new(fill(texts.paste_lines, &counts), Style::new())], cells));
        if *is_cut {
            rows.extend(wrap(&[Piece::new(texts.pasted_cut, self.theme.error())], cells));
        }
        let mut choices = Vec::new();
        if let Some(messages) = pasting.whole {
            let several = if messages > 1 { format!(" ({messages})") } else { String::new() };
            choices.push(('1', format!("{}{several}", texts.paste_one)));
        }
        choices.push(('2', fill(texts.paste_each, &[&pasting.each.to_string()])));
        choices.push(('3', texts.paste_edit.to_owned()));
        choices.push(('4', texts.paste_cancel.to_owned()));
        // What is pasted, as far as there is room.
        let room = usize::from(self.size.1).saturating_sub(rows.len() + choices.len() + 4).min(6);
        for line in text.lines().take(room) {
            let line =
                shorten(&clean(&line[..line.floor_char_boundary(400)]), cells.saturating_sub(2));
            rows.push(vec![Piece::new(format!("│ {line}"), self.theme.dim())]);
        }
        for (key, words) in choices {
            let words = shorten(&words, cells.saturating_sub(3));
            rows.push(vec![
                Piece::new(format!("{key}  "), self.theme.accent().bold()),
                Piece::new(words, Style::new()),
            ]);
        }
        let inner = self.frame(buffer, hits, texts.paste, 60, rows.len());
        self.rows(buffer, inner, &rows);
    }

    fn rows(&self, buffer: &mut Buffer, area: Rect, rows: &[Row]) {
        for (y, row) in (area.y..area.bottom()).zip(rows) {
            put_row(buffer, Rect { y, height: 1, ..area }, row, Style::new());
        }
    }

    /// Draws a frame in the middle of the screen for so many cells and rows, as far as there is room, and says what is
    /// within.
    fn frame(
        &self,
        buffer: &mut Buffer,
        hits: &mut Hits,
        title: &str,
        cells: u16,
        rows: usize,
    ) -> Rect {
        let (columns, height) = self.size;
        let width_ = cells.saturating_add(4).min(columns);
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).min(height);
        let area =
            Rect { x: (columns - width_) / 2, y: (height - rows) / 2, width: width_, height: rows };
        clear(buffer, area, Style::new());
        let style = self.theme.accent();
        let across = "─".repeat(usize::from(width_.saturating_sub(2)));
        put(buffer, area.x, area.y, area.right(), &format!("╭{across}╮"), style);
        put(
            buffer,
            area.x,
            area.bottom().saturating_sub(1),
            area.right(),
            &format!("╰{across}╯"),
            style,
        );
        for y in area.y + 1..area.bottom().saturating_sub(1) {
            put(buffer, area.x, y, area.right(), "│", style);
            put(buffer, area.right() - 1, y, area.right(), "│", style);
        }
        let title = format!(" {} ", shorten(title, usize::from(width_).saturating_sub(6)));
        put(buffer, area.x + 2, area.y, area.right().saturating_sub(2), &title, style.bold());
        let hint = format!(" {} ", self.texts.close_hint);
        let place = u16::try_from(width(&hint)).unwrap_or(0) + 2;
        if place + 4 < width_ {
            put(
                buffer,
                area.right() - place,
                area.bottom().saturating_sub(1),
                area.right(),
                &hint,
                self.theme.dim(),
            );
        }
        hits.overlay = Some(area);
        Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
    }
}
