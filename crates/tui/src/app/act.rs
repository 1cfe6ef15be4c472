//! What the keys do that are not meant for something that is open.

use std::time::Duration;

use callbox_session::room::Kind;

use super::App;
use crate::complete::Completion;
use crate::effect::Effect;
use crate::keys::Act;
use crate::overlay::{List, Only, Overlay};
use crate::texts::fill;

/// The key that leaves does so when it is pressed again within this time.
const AGAIN: Duration = Duration::from_secs(3);

impl App {
    pub(super) fn act(&mut self, act: Act) {
        let cells = usize::from(self.areas().editor.width);
        if !matches!(act, Act::Complete | Act::CompleteBack) {
            self.completion = None;
        }
        match act {
            Act::Send => self.send(),
            Act::NewLine => self.type_text("\n"),
            Act::Complete => self.complete(false),
            Act::CompleteBack => self.complete(true),
            Act::RoomNext => self.go_by(1),
            Act::RoomPrevious => self.go_by(-1),
            Act::RoomLast => _ = self.previous.map(|id| self.go(id)),
            Act::RoomUnread => self.go_to_unread(),
            Act::Room(number) => self.go_to_number(usize::from(number)),
            Act::Switch => self.open_list(List::Rooms),
            Act::Rooms => match self.areas().rooms {
                None if self.size.0 < 50 => self.open_list(List::Rooms),
                rooms => self.rooms_shown = Some(rooms.is_none()),
            },
            Act::People => match self.areas().people {
                None if self.size.0 < 70 => self.open_list(List::People),
                people => self.people_shown = Some(people.is_none()),
            },
            Act::Help => self.overlay = Some(Overlay::Help { scrolled: 0, only: Only::All }),
            Act::Keys => self.overlay = Some(Overlay::Help { scrolled: 0, only: Only::Keys }),
            Act::PageUp => self.scroll_up(self.page()),
            Act::PageDown => self.scroll_down(self.page()),
            Act::Top => self.scroll_to_top(),
            Act::Bottom => {
                self.unchoose();
                self.scroll_to_end();
            }
            Act::LineUp => self.choose_up(),
            Act::LineDown => self.choose_down(),
            Act::Search => self.begin_search(""),
            Act::ConnectNow => self.session.connect_now(self.now),
            Act::Redraw => self.effects.push_back(Effect::Redraw),
            Act::Suspend => self.effects.push_back(Effect::Suspend),
            Act::Leave => self.leave(),
            Act::Escape => self.escape(),
            Act::Left => self.state().editor.left(),
            Act::Right => self.state().editor.right(),
            Act::Up => self.up(cells),
            Act::Down => self.down(cells),
            Act::WordLeft => self.state().editor.word_left(),
            Act::WordRight => self.state().editor.word_right(),
            Act::Home => self.state().editor.home(),
            Act::End => self.state().editor.end(),
            Act::Backspace
            | Act::Delete
            | Act::DeleteWord
            | Act::DeleteWordRight
            | Act::KillHome
            | Act::KillEnd
            | Act::Yank
            | Act::Undo
            | Act::Redo => self.edit_text(act),
            // They count only while a line is chosen.
            Act::Reply
            | Act::React
            | Act::Edit
            | Act::TakeBack
            | Act::Copy
            | Act::SendAgain
            | Act::Discard
            | Act::FoundOlder
            | Act::FoundNewer => {}
        }
    }

    /// Types text into the editor.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.completion = None;
        self.history.reset();
        if !self.state().editor.insert(text) {
            self.tell_error(self.texts.pasted_cut);
        }
        self.tell_typing();
    }

    fn edit_text(&mut self, act: Act) {
        let editor = &mut self.state().editor;
        match act {
            Act::Backspace => editor.backspace(),
            Act::Delete => editor.delete(),
            Act::DeleteWord => editor.delete_word(),
            Act::DeleteWordRight => editor.delete_word_right(),
            Act::KillHome => editor.kill_home(),
            Act::KillEnd => editor.kill_end(),
            Act::Yank => editor.yank(),
            Act::Undo => editor.undo(),
            _ => editor.redo(),
        }
        self.history.reset();
        self.tell_typing();
    }

    /// Others see that we type, but not that we type a command.
    fn tell_typing(&mut self) {
        let kind = self.room().map(|room| room.kind);
        if !self.settings.typing || !matches!(kind, Some(Kind::Channel | Kind::Private)) {
            return;
        }
        let editor = &self.state().editor;
        let is_typing = !editor.is_empty()
            && (!editor.text().starts_with('/') || editor.text().starts_with("/me "));
        self.session.typing(self.current, is_typing, self.now);
    }

    fn up(&mut self, cells: usize) {
        if self.state().editor.up(cells) {
            return;
        }
        let typed = self.state().editor.text().to_owned();
        if let Some(line) = self.history.older(&typed).map(str::to_owned) {
            self.state().editor.set(&line);
        }
    }

    fn down(&mut self, cells: usize) {
        if self.state().editor.down(cells) {
            return;
        }
        if let Some(line) = self.history.newer() {
            self.state().editor.set(&line);
        }
    }

    fn open_list(&mut self, list: List) {
        if list == List::People {
            self.refresh_people();
        }
        self.overlay = Some(Overlay::Pick { list, words: String::new(), chosen: 0 });
    }

    pub(crate) fn refresh_people(&mut self) {
        if let Some(room) = self.session.room(self.current) {
            self.people.refresh(&self.session, room, self.now.monotonic);
        }
    }

    fn complete(&mut self, is_back: bool) {
        let Some(room) = self.session.room(self.current) else { return };
        let editor = &mut self.views.entry(self.current).or_default().editor;
        let mut completion = match self.completion.take() {
            Some(mut completion) if completion.text == editor.text() => {
                completion.step(is_back);
                completion
            }
            _ => match Completion::of(&self.session, room, editor.text(), editor.cursor()) {
                Some(completion) => completion,
                None => return,
            },
        };
        editor.replace_from(completion.start, completion.shown());
        completion.text = editor.text().to_owned();
        self.completion = Some(completion);
    }

    /// Closes what is nearest: a chosen line, a search, answering or editing, and at last goes to the newest line.
    fn escape(&mut self) {
        if self.state().chosen.is_some() {
            if self.state().is_taking_back {
                self.notice = None;
            }
            self.unchoose();
            self.leave_search();
        } else if self.search.is_some() {
            self.leave_search();
        } else if !self.leave_banner() {
            self.notice = None;
            self.scroll_to_end();
        }
    }

    fn leave(&mut self) {
        if self.leave_banner() {
            return;
        }
        if !self.state().editor.is_empty() {
            // It can be had back with undo.
            self.state().editor.set("");
            return self.tell_typing();
        }
        let now = self.now.monotonic;
        if self.leaving.is_some_and(|until| now <= until) {
            self.session.quit("", self.now);
            self.effects.push_back(Effect::Quit);
            return;
        }
        self.leaving = Some(now + AGAIN);
        let key = self.settings.keys.shown(Act::Leave);
        self.tell(fill(self.texts.press_again, &[&key]));
    }
}
