//! The room that is shown: its topic, its lines, and what is answered or edited in it.

use callbox_session::room::{Kind, Presence};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;

use super::{Hits, put_row};
use crate::app::{App, Chosen};
use crate::lines::{self, Target};
use crate::text::clean::one_line;
use crate::text::{Piece, Row, fit, shorten, width};
use crate::texts::fill;

impl App {
    pub(super) fn draw_topic(&self, buffer: &mut Buffer, area: Rect) {
        let bar = self.theme.bar();
        let cells = usize::from(area.width);
        let Some(room) = self.room() else { return };
        let mut row: Row = vec![Piece::new(format!(" {} ", one_line(&room.name)), bar.bold())];
        if room.presence == Presence::Out {
            row.push(Piece::new(format!("({}) ", self.texts.not_in), bar));
        }
        let used: usize = row.iter().map(|piece| width(&piece.text)).sum();
        let people = match room.kind {
            Kind::Channel if self.areas().people.is_none() && room.people_count > 0 => {
                let words = if room.people_count == 1 {
                    self.texts.people_one
                } else {
                    self.texts.people_count
                };
                format!(" {} ", fill(words, &[&room.people_count.to_string()]))
            }
            _ => String::new(),
        };
        let people = if used + width(&people) <= cells { people } else { String::new() };
        let topic = match (&room.topic, room.kind) {
            (Some(topic), _) => one_line(&topic.text[..topic.text.floor_char_boundary(1_000)]),
            (None, Kind::Private) => {
                let away =
                    self.session.person(&room.name).and_then(|person| person.away.as_deref());
                away.map_or_else(String::new, |why| {
                    format!("{}: {}", self.texts.away, one_line(why))
                })
            }
            _ => String::new(),
        };
        row.push(Piece::new(fit(&topic, cells.saturating_sub(used + width(&people))), bar));
        row.push(Piece::new(people, bar));
        put_row(buffer, area, &row, Style::new());
    }

    pub(super) fn draw_lines(&mut self, buffer: &mut Buffer, area: Rect, hits: &mut Hits) {
        let height = usize::from(area.height);
        let scroll = self.scroll();
        let Some(look) = self.look() else { return };
        let seen = lines::seen(&look, scroll, height);
        let chosen = self.views.get(&self.current).and_then(|view| view.chosen);
        let chosen = chosen.map(|(chosen, _)| match chosen {
            Chosen::Line(id) => Target::Line(id),
            Chosen::Out(id) => Target::Out(id),
        });
        // What is little stands at the bottom, where the editor is.
        let gap = u16::try_from(height - seen.rows.len().min(height)).unwrap_or(0);
        for (y, (row, target)) in (area.y + gap..area.bottom()).zip(&seen.rows) {
            let is_chosen = chosen == Some(*target);
            let base = if is_chosen { self.theme.chosen() } else { Style::new() };
            let area = Rect { y, height: 1, ..area };
            if is_chosen {
                super::clear(buffer, area, base);
            }
            put_row(buffer, area, row, base);
            hits.lines.push((y, *target));
        }
        hits.top = seen.top;
    }

    pub(crate) fn has_banner(&self) -> bool {
        let view = self.views.get(&self.current);
        view.is_some_and(|view| view.reply_to.is_some() || view.editing.is_some())
    }

    pub(super) fn draw_banner(&self, buffer: &mut Buffer, area: Rect) {
        let Some(view) = self.views.get(&self.current) else { return };
        let line = |id| self.room().and_then(|room| room.timeline.by_id(id));
        let words = match (view.reply_to, &view.editing) {
            (_, Some((id, _))) => {
                let text = line(*id).and_then(|line| line.what.text()).unwrap_or_default();
                fill(self.texts.editing, &[&one_line(&text[..text.floor_char_boundary(400)])])
            }
            (Some(id), None) => {
                let text = line(id).zip(self.look()).map(|(line, look)| look.in_short(line));
                let text = text.unwrap_or_else(|| self.texts.unknown_line.to_owned());
                let (from, text) = text.split_once(": ").unwrap_or(("", &text));
                fill(self.texts.replying, &[from, text])
            }
            (None, None) => return,
        };
        let hint = format!("  {}", self.texts.leave_hint);
        let cells = usize::from(area.width);
        let room = cells.saturating_sub(width(&hint) + 1);
        let row = [
            Piece::new(" ", Style::new()),
            Piece::new(shorten(&words, room), self.theme.accent()),
            Piece::new(hint, self.theme.dim()),
        ];
        put_row(buffer, area, &row, Style::new());
    }
}
