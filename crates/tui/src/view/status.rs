//! The status line: notices, the connection, who types, and what is below.

use callbox_session::contract::{End, Status};
use callbox_session::room::{Kind, Room};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;

use super::{Hits, clear, put_row};
use crate::app::{App, Chosen};
use crate::keys::Act;
use crate::text::clean::one_line;
use crate::text::{Piece, Row, row_width, shorten, width};
use crate::texts::fill;

impl App {
    pub(super) fn draw_status(&self, buffer: &mut Buffer, area: Rect, hits: &mut Hits) {
        let bar = self.theme.bar();
        clear(buffer, area, bar);
        let cells = usize::from(area.width);
        let below = self.below();
        let right = width(&below);
        if right > 0 && right < cells {
            let x = area.right() - u16::try_from(right).unwrap_or(0);
            let place = Rect { x, width: area.right() - x, ..area };
            put_row(buffer, place, &[Piece::new(below, bar.bold())], bar);
            hits.below = Some(place);
        }
        let room = cells.saturating_sub(right + 1);
        let mut row: Row = vec![Piece::new(" ", bar)];
        let mut left = room.saturating_sub(1);
        for piece in self.status() {
            let gap = if row.len() > 1 { " · " } else { "" };
            if left <= width(gap) + 3 {
                break;
            }
            let text = format!("{gap}{}", shorten(&piece.text, left - width(gap)));
            left -= width(&text);
            row.push(Piece::new(text, piece.style));
        }
        put_row(
            buffer,
            Rect { width: area.width.saturating_sub(u16::try_from(right).unwrap_or(0)), ..area },
            &row,
            bar,
        );
        debug_assert!(row_width(&row) <= cells.max(1));
    }

    /// What the status line says, the most important first.
    fn status(&self) -> Vec<Piece> {
        let plain = Style::new();
        if let Some(notice) = &self.notice {
            let style =
                if notice.is_error { self.on_bar(self.theme.error()) } else { plain.bold() };
            return vec![Piece::new(one_line(&notice.words), style)];
        }
        if let Some(words) = self.hint() {
            return vec![Piece::new(words, plain)];
        }
        let mut parts = Vec::new();
        let connection = self.connection();
        let is_well = connection.is_none();
        parts.extend(connection);
        let room = self.room();
        if room.is_some_and(|room| room.catching_up) {
            parts.push(Piece::new(self.texts.catching_up, plain.bold()));
        }
        if let Some(words) = room.and_then(|room| self.typing(room)) {
            parts.push(Piece::new(words, plain.italic()));
        }
        let away = self.session.person(self.session.nick()).is_some_and(|me| me.away.is_some());
        let mut who = one_line(self.session.nick());
        if away {
            who = format!("{who} ({})", self.texts.away);
        }
        parts.push(Piece::new(who, plain.bold()));
        if is_well {
            let network = one_line(&self.session.network().name);
            let words = if network.is_empty() { self.texts.online.to_owned() } else { network };
            parts.push(Piece::new(words, plain));
        }
        let others = self.elsewhere();
        if !others.is_empty() {
            parts.push(Piece::new(others, self.on_bar(self.theme.mention())));
        }
        parts
    }

    /// How the connection stands, unless all is well.
    fn connection(&self) -> Option<Piece> {
        let style = self.on_bar(self.theme.error());
        let words = match self.session.status() {
            Status::Online => return None,
            Status::Connecting => {
                return Some(Piece::new(self.texts.connecting, Style::new().bold()));
            }
            Status::Waiting { reason, retry } => {
                let rest = retry.saturating_sub(self.now.monotonic);
                let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
                let key = self.settings.keys.shown(Act::ConnectNow);
                fill(self.texts.retry_in, &[&seconds.to_string(), &key, &one_line(reason)])
            }
            Status::Ended(End::Quit) => fill(self.texts.ended, &[self.texts.ended_quit]),
            Status::Ended(End::Refused(why) | End::Lost(why)) => {
                fill(self.texts.ended, &[&one_line(why)])
            }
        };
        let words = match self.session.status() {
            Status::Waiting { .. } => format!("{}: {words}", self.texts.offline),
            _ => words,
        };
        Some(Piece::new(words, style))
    }

    fn typing(&self, room: &Room) -> Option<String> {
        let texts = self.texts;
        Some(match &*room.typing {
            [] => return None,
            [one] => fill(texts.typing_one, &[&one_line(one)]),
            [one, two] => fill(texts.typing_two, &[&one_line(one), &one_line(two)]),
            many => fill(texts.typing_many, &[&many.len().to_string()]),
        })
    }

    /// What can be done now, while a line is chosen or words are looked for.
    fn hint(&self) -> Option<String> {
        let key = |act| self.settings.keys.shown(act);
        let texts = self.texts;
        let chosen = self.views.get(&self.current).and_then(|view| view.chosen);
        if let Some(search) = &self.search {
            let number = self.chosen_index().and_then(|index| search.number_at(index));
            let more = if search.is_pending() { "+" } else { "" };
            let count = format!("{}{more}", search.count());
            let words = match number {
                _ if search.words.is_empty() => String::new(),
                Some(number) => fill(texts.search_count, &[&number.to_string(), &count]),
                None if search.count() == 0 && !search.is_pending() => texts.search_none.to_owned(),
                None => count,
            };
            let keys = if search.is_typing {
                fill(texts.search_keys, &[&key(Act::Down)])
            } else {
                let way = format!("{}/{}", key(Act::FoundOlder), key(Act::FoundNewer));
                format!("{way} · {}", self.line_hint())
            };
            let gap = if words.is_empty() { "" } else { " · " };
            return Some(format!("{words}{gap}{keys}"));
        }
        match chosen?.0 {
            Chosen::Line(_) => Some(self.line_hint()),
            Chosen::Out(_) => {
                let keys = [key(Act::SendAgain), key(Act::Discard), key(Act::Copy)];
                Some(fill(texts.out_hint, &keys.each_ref().map(String::as_str)))
            }
        }
    }

    fn line_hint(&self) -> String {
        let acts = [Act::Reply, Act::React, Act::Edit, Act::TakeBack, Act::Copy];
        let keys = acts.map(|act| self.settings.keys.shown(act));
        let is_narrow = self.areas().status.width < 64;
        let words = if is_narrow { self.texts.line_hint_short } else { self.texts.line_hint };
        fill(words, &keys.each_ref().map(String::as_str))
    }

    /// What waits in other rooms, where their list is not shown.
    fn elsewhere(&self) -> String {
        if self.areas().rooms.is_some() {
            return String::new();
        }
        let others = self.session.rooms().iter().filter(|room| room.id != self.current);
        let (mut mentions, mut rooms) = (0_u32, 0_u32);
        for room in others.filter(|room| room.kind != Kind::Server) {
            mentions = mentions.saturating_add(room.unread.mentions);
            rooms += u32::from(room.unread.lines > 0);
        }
        match (mentions, rooms) {
            (0, 0) => String::new(),
            (0, rooms) => format!("●{rooms}"),
            (mentions, _) => format!("@{mentions}"),
        }
    }

    fn below(&self) -> String {
        let Some(view) = self.views.get(&self.current).filter(|view| !view.is_at_end()) else {
            return String::new();
        };
        let words = match view.new_below {
            0 => self.texts.below.to_owned(),
            count => fill(self.texts.new_below, &[&count.to_string()]),
        };
        let most = usize::from(self.areas().status.width) / 2;
        format!("{} ", shorten(&words, most.saturating_sub(1)))
    }

    /// A look of letters on the bar. Without colours the bar is reversed, and stays so.
    fn on_bar(&self, style: Style) -> Style {
        match self.theme.depth {
            crate::theme::Depth::Full => style,
            _ => Style::new().bold(),
        }
    }
}
