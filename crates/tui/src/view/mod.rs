//! The screen: where everything stands, and what was drawn where for the mouse.

mod canvas;
mod editor;
mod help;
mod lists;
mod over;
mod room;
mod status;

use std::sync::Arc;

use callbox_session::room::{Kind, RoomId};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Position, Rect};
use ratatui_core::terminal::Frame;

use crate::app::App;
use crate::lines::Target;
use canvas::{clear, put, put_row};

/// The areas of the screen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) rooms: Option<Rect>,
    pub(crate) people: Option<Rect>,
    pub(crate) topic: Rect,
    pub(crate) lines: Rect,
    /// What is answered or edited.
    pub(crate) banner: Option<Rect>,
    pub(crate) status: Rect,
    pub(crate) editor: Rect,
}

/// What was drawn where.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    areas: Areas,
    rooms: Vec<(u16, RoomId)>,
    people: Vec<(u16, Arc<str>)>,
    lines: Vec<(u16, Target)>,
    /// The place of the topmost line.
    pub(crate) top: usize,
    /// Where the status line says what is below.
    below: Option<Rect>,
    /// The first row of the editor that is seen.
    editor_top: usize,
    overlay: Option<Rect>,
    picks: Vec<(u16, usize)>,
}

impl Hits {
    pub(crate) fn is_in_rooms(&self, at: Position) -> bool {
        self.areas.rooms.is_some_and(|area| area.contains(at))
    }

    pub(crate) fn room(&self, at: Position) -> Option<RoomId> {
        self.areas.rooms.filter(|area| area.contains(at))?;
        self.rooms.iter().find(|(y, _)| *y == at.y).map(|(_, id)| *id)
    }

    pub(crate) fn person(&self, at: Position) -> Option<Arc<str>> {
        self.areas.people.filter(|area| area.contains(at))?;
        self.people.iter().find(|(y, _)| *y == at.y).map(|(_, nick)| Arc::clone(nick))
    }

    pub(crate) fn is_below(&self, at: Position) -> bool {
        self.below.is_some_and(|area| area.contains(at))
    }

    pub(crate) fn line(&self, at: Position) -> Option<Target> {
        Some(self.areas.lines).filter(|area| area.contains(at))?;
        self.lines.iter().find(|(y, _)| *y == at.y).map(|(_, target)| *target)
    }

    /// The row and column of the editor's text.
    pub(crate) fn editor(&self, at: Position) -> Option<(usize, usize)> {
        let area = Some(self.areas.editor).filter(|area| area.contains(at))?;
        Some((self.editor_top + usize::from(at.y - area.y), usize::from(at.x - area.x)))
    }

    pub(crate) fn is_in_overlay(&self, at: Position) -> bool {
        self.overlay.is_some_and(|area| area.contains(at))
    }

    pub(crate) fn pick(&self, at: Position) -> Option<usize> {
        self.overlay.filter(|area| area.contains(at))?;
        self.picks.iter().find(|(y, _)| *y == at.y).map(|(_, row)| *row)
    }
}

/// The least that is a screen.
const LEAST: (u16, u16) = (12, 4);

impl App {
    /// Where everything stands.
    pub(crate) fn areas(&self) -> Areas {
        let (columns, rows) = self.size;
        let mut areas = Areas::default();
        let mut middle = Rect::new(0, 0, columns, rows);
        let kind = self.room().map(|room| room.kind);
        if self.rooms_shown.unwrap_or(columns >= 80) && columns >= 50 {
            let cells = (columns / 6).clamp(16, 26);
            areas.rooms = Some(Rect { width: cells, ..middle });
            middle.x += cells + 1;
            middle.width -= cells + 1;
        }
        let has_people = kind == Some(Kind::Channel);
        if has_people && self.people_shown.unwrap_or(columns >= 100) && columns >= 70 {
            let cells = (columns / 8).clamp(14, 24);
            middle.width -= cells + 1;
            areas.people = Some(Rect { x: middle.right() + 1, width: cells, ..middle });
        }
        areas.topic = Rect { height: 1.min(rows), ..middle };
        let sides = u16::from(areas.rooms.is_some()) + u16::from(areas.people.is_some());
        let editor = self.editor_rows(middle.width - sides).min(usize::from(rows / 3)).max(1);
        let editor = u16::try_from(editor).unwrap_or(1).min(rows);
        let banner = u16::from(rows > 6 && self.has_banner());
        areas.editor = Rect { y: rows - editor, height: editor, ..middle };
        let above = areas.editor.y;
        areas.status = Rect { y: above.saturating_sub(1), height: 1.min(above), ..middle };
        let above = areas.status.y.saturating_sub(banner);
        areas.banner = (banner > 0).then_some(Rect { y: above, height: 1, ..middle });
        let top = areas.topic.bottom().min(above);
        areas.lines = Rect { y: top, height: above - top, ..middle };
        // A cell between the borders and what is read.
        let (left, right) = (u16::from(areas.rooms.is_some()), u16::from(areas.people.is_some()));
        for area in [&mut areas.lines, &mut areas.editor] {
            area.x += left;
            area.width -= left + right;
        }
        areas
    }

    /// Draws the screen.
    pub fn view(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        self.size = (area.width, area.height);
        let cursor = self.draw(frame.buffer_mut());
        if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
    }

    /// Draws into a buffer, and says where the cursor is, if it is seen.
    fn draw(&mut self, buffer: &mut Buffer) -> Option<Position> {
        self.hits = Hits::default();
        if self.size.0 < LEAST.0 || self.size.1 < LEAST.1 {
            let (columns, rows) = self.size;
            if rows > 0 {
                put(buffer, 0, 0, columns, self.texts.too_small, self.theme.plain());
            }
            return None;
        }
        let areas = self.areas();
        let mut hits = Hits { areas, ..Hits::default() };
        if let Some(area) = areas.rooms {
            self.draw_rooms(buffer, area, &mut hits);
            self.draw_border(buffer, area.right());
        }
        if let Some(area) = areas.people {
            self.refresh_people();
            self.draw_people(buffer, area, &mut hits);
            self.draw_border(buffer, area.x - 1);
        }
        self.draw_topic(buffer, areas.topic);
        self.draw_lines(buffer, areas.lines, &mut hits);
        if let Some(area) = areas.banner {
            self.draw_banner(buffer, area);
        }
        self.draw_status(buffer, areas.status, &mut hits);
        let mut cursor = self.draw_editor(buffer, areas.editor, &mut hits);
        if self.overlay.is_some() {
            cursor = self.draw_overlay(buffer, &mut hits);
        }
        self.hits = hits;
        cursor
    }

    fn draw_border(&self, buffer: &mut Buffer, x: u16) {
        for y in 0..self.size.1 {
            put(buffer, x, y, x + 1, "│", self.theme.border());
        }
    }
}
