//! Moving through the lines of the room that is shown: scrolling, older lines, search.

use callbox_session::room::Older;

use super::App;
use crate::lines::{self, Look, Scroll};
use crate::search::Search;

/// Older lines are asked for when fewer than this are above what is seen.
const AHEAD: usize = 40;

impl App {
    /// What lays out the lines of the room that is shown.
    pub(crate) fn look(&self) -> Option<Look<'_>> {
        let room = self.room()?;
        let view = self.views.get(&self.current);
        let words = self.search.as_ref().filter(|search| search.room == self.current);
        let cleared = view.and_then(|view| view.cleared);
        let first = cleared.and_then(|(id, hint)| lines::locate(&room.timeline, id, hint));
        let mark = view.and_then(|view| view.divider());
        let mark = mark.or_else(|| room.read.filter(|_| room.unread.lines > 0));
        Some(Look {
            session: &self.session,
            room,
            theme: self.theme,
            texts: self.texts,
            zone: &self.settings.zone,
            keys: &self.settings.keys,
            cells: usize::from(self.areas().lines.width),
            words: words.map(|search| &*search.words),
            unread: mark.and_then(|mark| first_unread(room, mark)),
            first: first.map_or(0, |first| first + 1),
        })
    }

    pub(crate) fn height(&self) -> usize {
        usize::from(self.areas().lines.height)
    }

    pub(crate) fn scroll(&self) -> Scroll {
        self.views.get(&self.current).map_or(Scroll::End, |view| view.scroll)
    }

    fn scroll_to(&mut self, to: Option<Scroll>) {
        if let Some(scroll) = to {
            let was_at_end = self.state().is_at_end();
            self.state().set_scroll(scroll);
            self.has_arrived |= !was_at_end && scroll == Scroll::End;
        }
    }

    pub(crate) fn scroll_up(&mut self, rows: usize) {
        let (scroll, height) = (self.scroll(), self.height());
        self.scroll_to(self.look().map(|look| lines::up(&look, scroll, rows, height)));
    }

    pub(crate) fn scroll_down(&mut self, rows: usize) {
        let scroll = self.scroll();
        self.scroll_to(self.look().map(|look| lines::down(&look, scroll, rows)));
    }

    pub(crate) fn scroll_to_top(&mut self) {
        let height = self.height();
        self.scroll_to(self.look().map(|look| lines::to_top(&look, height)));
    }

    pub(crate) fn scroll_to_end(&mut self) {
        self.scroll_to(Some(Scroll::End));
    }

    /// Scrolls such that the line at a place is seen.
    pub(crate) fn scroll_to_show(&mut self, index: usize) {
        let (scroll, height) = (self.scroll(), self.height());
        self.scroll_to(self.look().map(|look| lines::to_show(&look, scroll, index, height)));
    }

    /// A page, less two rows that stay to be recognised.
    pub(crate) fn page(&self) -> usize {
        self.height().saturating_sub(2).max(1)
    }

    /// Asks for older lines where there may be some and the beginning of what is loaded is near.
    pub(super) fn request_older(&mut self) {
        let (scroll, height) = (self.scroll(), self.height());
        let Some(room) = self.room().filter(|room| room.older == Older::Maybe) else { return };
        // At the end of many lines the beginning is not near.
        if scroll == Scroll::End && room.timeline.len() > AHEAD + height {
            return;
        }
        let Some(look) = self.look() else { return };
        if look.first > 0 {
            return;
        }
        let seen = lines::seen(&look, scroll, height);
        if seen.is_top || scroll != Scroll::End && seen.top < AHEAD {
            // It is refused where no more lines are kept here, or while we are offline. Both are seen in `Room::older`.
            let _ = self.session.request_older(self.current, self.now);
        }
    }

    /// Begins to look for words; without any they are asked for.
    pub(crate) fn begin_search(&mut self, words: &str) {
        let Some(room) = self.session.room(self.current) else { return };
        let mut search = Search::new(room.id, &room.timeline);
        search.is_typing = words.is_empty();
        self.search = Some(search);
        self.set_search(words.to_owned());
    }

    /// The words that are looked for were changed.
    pub(crate) fn set_search(&mut self, words: String) {
        let Some(room) = self.session.room(self.current) else { return };
        if let Some(search) = &mut self.search {
            search.set(words, &room.timeline);
        }
        self.state().chosen = None;
        self.turn_search();
    }

    /// Looks at some more lines, and goes to the first that is found.
    pub(crate) fn turn_search(&mut self) {
        let Some(search) = &mut self.search else { return };
        if let Some(room) = self.session.room(search.room).filter(|_| search.is_pending()) {
            search.turn(&room.timeline);
        }
        if search.is_eager
            && let Some(index) = search.newest()
        {
            search.is_eager = false;
            self.choose_index(index);
        }
    }

    /// Goes to the next line with the words.
    pub(crate) fn find_next(&mut self, is_older: bool) {
        let from = self.chosen_index();
        let Some(search) = &self.search else { return };
        let next = match from {
            Some(from) => search.next(from, is_older),
            None => search.newest(),
        };
        if let Some(index) = next {
            self.choose_index(index);
        }
    }

    pub(crate) fn leave_search(&mut self) {
        if self.search.take().is_some() {
            self.state().chosen = None;
        }
    }
}

/// The first line that somebody else said after `mark`.
fn first_unread(
    room: &callbox_session::room::Room,
    mark: u64,
) -> Option<callbox_session::line::LineId> {
    /// So many comings and goings may stand between the mark and it.
    const NEAR: usize = 500;
    let start = room.timeline.first_after(mark);
    let end = room.timeline.len().min(start + NEAR);
    let mut lines = (start..end).filter_map(|index| room.timeline.at(index));
    lines.find(|line| line.what.is_speech() && !line.own).map(|line| line.id)
}
