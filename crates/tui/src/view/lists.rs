//! The list of rooms and the list of people.

use std::sync::Arc;

use callbox_session::people::Member;
use callbox_session::room::{Kind, Presence, Room};
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Modifier, Style};

use super::{Hits, put, put_row};
use crate::app::App;
use crate::text::clean::one_line;
use crate::text::{Piece, Row, fit, shorten, width};
use crate::texts::fill;

impl App {
    pub(super) fn draw_rooms(&self, buffer: &mut Buffer, area: Rect, hits: &mut Hits) {
        put_row(
            buffer,
            area,
            &[Piece::new(
                fit(&format!(" {}", self.texts.rooms), usize::from(area.width)),
                self.theme.bar(),
            )],
            Style::new(),
        );
        let rooms = self.session.rooms();
        let height = usize::from(area.height.saturating_sub(1));
        let at = rooms.iter().position(|room| room.id == self.current).unwrap_or(0);
        // The shown room is seen, with some of what is around it.
        let start = at.saturating_sub(height / 2).min(rooms.len().saturating_sub(height));
        for (y, (index, room)) in
            (area.y + 1..area.bottom()).zip(rooms.iter().enumerate().skip(start))
        {
            let row = self.room_row(index, room, usize::from(area.width));
            let base = if room.id == self.current { self.theme.chosen() } else { Style::new() };
            put_row(buffer, Rect { y, height: 1, ..area }, &row, base);
            hits.rooms.push((y, room.id));
        }
    }

    /// A room's name, how much is unread in it, and whether that names us.
    pub(super) fn room_row(&self, index: usize, room: &Room, cells: usize) -> Row {
        let theme = self.theme;
        let unread = room.unread;
        let (count, count_style) = match (unread.mentions, unread.lines) {
            (0, 0) => (String::new(), Style::new()),
            (0, lines) => (format!(" {}", short_count(lines)), theme.accent()),
            (mentions, _) => (format!(" @{}", short_count(mentions)), theme.mention()),
        };
        let style = match (unread.mentions, unread.lines) {
            _ if room.presence != Presence::In => theme.dim(),
            (0, 0) => Style::new(),
            _ => Style::new().add_modifier(Modifier::BOLD),
        };
        let number = if index < 9 { format!("{} ", index + 1) } else { "  ".to_owned() };
        let is_typing = !room.typing.is_empty() && room.id != self.current;
        let end = format!("{}{count}", if is_typing { " …" } else { "" });
        let name = match room.kind {
            Kind::Server if room.name.is_empty() => self.texts.server_room.to_owned(),
            _ => one_line(&room.name),
        };
        let room_for_name = cells.saturating_sub(number.len() + width(&end) + 1);
        let typing = end.strip_suffix(&*count).unwrap_or_default().to_owned();
        vec![
            Piece::new(number, theme.dim()),
            Piece::new(fit(&name, room_for_name), style),
            Piece::new(typing, theme.dim()),
            Piece::new(count, count_style),
            Piece::new(" ", Style::new()),
        ]
    }

    pub(super) fn draw_people(&self, buffer: &mut Buffer, area: Rect, hits: &mut Hits) {
        let Some(room) = self.room() else { return };
        let cells = usize::from(area.width);
        let count = match room.people_count {
            0 => String::new(),
            count => count.to_string(),
        };
        let title = fit(&format!(" {} {count}", self.texts.people), cells);
        put_row(buffer, area, &[Piece::new(title, self.theme.bar())], Style::new());
        let rows = usize::from(area.height.saturating_sub(1));
        let members = &self.people.members;
        let all = room.people_count.max(members.len());
        // The last row says how many there is no room for.
        let shown = if all > rows { rows.saturating_sub(1) } else { rows }.min(members.len());
        for (y, member) in (area.y + 1..area.bottom()).zip(&members[..shown]) {
            let row = self.person_row(room, member, cells);
            put_row(buffer, Rect { y, height: 1, ..area }, &row, Style::new());
            hits.people.push((y, Arc::clone(&member.nick)));
        }
        if all > shown && rows > 0 {
            let more = shorten(&fill(self.texts.more, &[&(all - shown).to_string()]), cells);
            put(buffer, area.x + 1, area.bottom() - 1, area.right(), &more, self.theme.dim());
        }
    }

    /// Somebody's name with what they may do here, and their state.
    pub(super) fn person_row(&self, room: &Room, member: &Member, cells: usize) -> Row {
        let theme = self.theme;
        let network = self.session.network();
        let person = self.session.person(&member.nick);
        let is_away = person.is_some_and(|person| person.away.is_some());
        let is_bot = person.is_some_and(|person| person.bot);
        let is_typing = room.typing.iter().any(|nick| network.casemapping.same(nick, &member.nick));
        let state = match (is_typing, is_away, is_bot) {
            (true, ..) => "…",
            (_, true, _) => self.texts.away,
            (_, _, true) => self.texts.bot,
            _ => "",
        };
        let style = if is_away {
            theme.dim()
        } else if network.casemapping.same(&member.nick, self.session.nick()) {
            theme.own()
        } else {
            theme.nick(&network.casemapping.fold(&member.nick))
        };
        let prefix = member.prefixes.chars().next().filter(|c| c.is_ascii_graphic());
        let name = fit(&one_line(&member.nick), cells.saturating_sub(width(state) + 3));
        vec![
            Piece::new(format!(" {}", prefix.unwrap_or(' ')), theme.accent()),
            Piece::new(name, style),
            Piece::new(
                if state.is_empty() { String::new() } else { format!(" {state}") },
                theme.dim(),
            ),
        ]
    }
}

/// A count in at most three cells.
fn short_count(count: u32) -> String {
    if count > 999 { "999".to_owned() } else { count.to_string() }
}
