//! Going from room to room.

use callbox_session::room::{Kind, Room, RoomId};

use super::App;

impl App {
    /// Shows a room.
    pub(crate) fn show(&mut self, id: RoomId) {
        if self.session.room(id).is_none() {
            return;
        }
        self.leave_search();
        self.completion = None;
        if id != self.current {
            // What was new at the last visit is not now.
            self.state().unmark();
            self.state().chosen = None;
            self.previous = Some(self.current);
            self.current = id;
            self.views.entry(id).or_default().unmark();
            self.history.reset();
        }
        self.has_arrived = true;
    }

    /// Shows a room that the person chose.
    pub(crate) fn go(&mut self, id: RoomId) {
        self.has_gone = true;
        self.show(id);
    }

    pub(super) fn show_first(&mut self) {
        if let Some(first) = self.session.rooms().first() {
            self.show(first.id);
        }
    }

    pub(super) fn handle_opened(&mut self, id: RoomId) {
        let is_channel = self.session.room(id).is_some_and(|room| room.kind == Kind::Channel);
        let is_at_server = self.room().is_none_or(|room| room.kind == Kind::Server);
        // The first room of a session is what somebody wants to see, unless they look at something already.
        if is_channel && is_at_server && !self.has_gone {
            self.show(id);
        }
    }

    pub(super) fn handle_closed(&mut self, id: RoomId) {
        self.views.remove(&id);
        if self.previous == Some(id) {
            self.previous = None;
        }
        if self.search.as_ref().is_some_and(|search| search.room == id) {
            self.search = None;
        }
        if self.current == id {
            let next = self.previous.take().filter(|id| self.session.room(*id).is_some());
            match next {
                Some(next) => {
                    self.current = next;
                    self.has_arrived = true;
                }
                None => self.show_first(),
            }
        }
    }

    /// The room so many places further down the list, which goes round.
    pub(crate) fn go_by(&mut self, steps: isize) {
        let rooms = self.session.rooms();
        let at = rooms.iter().position(|room| room.id == self.current).unwrap_or(0);
        let Some(count) = isize::try_from(rooms.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let next = (isize::try_from(at).unwrap_or(0) + steps).rem_euclid(count);
        if let Some(id) =
            usize::try_from(next).ok().and_then(|next| rooms.get(next)).map(|room| room.id)
        {
            self.go(id);
        }
    }

    pub(crate) fn go_to_number(&mut self, number: usize) {
        if let Some(id) = self.session.rooms().get(number.wrapping_sub(1)).map(|room| room.id) {
            self.go(id);
        }
    }

    /// The next room below with something unread: one with a mention if there is any.
    pub(crate) fn go_to_unread(&mut self) {
        let rooms = self.session.rooms();
        let at = rooms.iter().position(|room| room.id == self.current).unwrap_or(0);
        let in_turn = || rooms.iter().cycle().skip(at + 1).take(rooms.len().saturating_sub(1));
        let next = in_turn()
            .find(|room| room.unread.mentions > 0)
            .or_else(|| in_turn().find(|room| room.unread.lines > 0))
            .map(|room| room.id);
        match next {
            Some(id) => self.go(id),
            None => self.tell(self.texts.no_unread),
        }
    }

    /// The rooms whose names hold `words`, best first: those that begin so, then those with something unread.
    pub(crate) fn rooms_like(&self, words: &str) -> Vec<&Room> {
        let mapping = self.session.network().casemapping;
        let words = mapping.fold(words);
        let mut rooms: Vec<(u8, &Room)> = self
            .session
            .rooms()
            .iter()
            .filter_map(|room| {
                let name = mapping.fold(&room.name);
                let bare =
                    name.trim_start_matches(|c| self.session.network().chantypes.contains(c));
                let rank =
                    if name.starts_with(&*words) || bare.starts_with(&*words) { 0 } else { 1 };
                name.contains(&*words).then_some((rank, room))
            })
            .collect();
        rooms.sort_by_key(|(rank, _)| *rank);
        rooms.into_iter().map(|(_, room)| room).collect()
    }
}
