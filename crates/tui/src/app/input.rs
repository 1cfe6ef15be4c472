//! What comes from the terminal, and who is to have it: what lies over the screen, a search, a chosen line, or the editor.

use callbox_session::contract::Now;
use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui_core::layout::Position;

use super::{App, Chosen};
use crate::keys::{Act, Key, Place};
use crate::lines::{Target, locate};
use crate::overlay::{List, Overlay, REACTIONS, type_into};

/// How many rows a notch of the wheel scrolls.
const NOTCH: usize = 3;

impl App {
    /// Takes in a key, the mouse, a paste, another size, or that the window was entered or left.
    pub fn handle_input(&mut self, event: Event, now: Now) {
        self.now = now;
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.handle_key(key),
            Event::Mouse(mouse) => self.handle_mouse(mouse),
            Event::Paste(text) => self.handle_paste(text),
            Event::Resize(columns, rows) => {
                self.size = (columns, rows);
                // What is seen may begin above the first line now.
                if !self.state().is_at_end() {
                    self.scroll_up(0);
                }
            }
            Event::FocusGained => {
                self.is_focused = true;
                self.has_arrived = true;
            }
            Event::FocusLost => {
                self.is_focused = false;
                self.state().unmark();
            }
            Event::Key(_) => {}
        }
        self.handle_changes(now);
    }

    fn handle_key(&mut self, event: KeyEvent) {
        let key = Key::from(event);
        let act = self.settings.keys.act(Place::Anywhere, key);
        if act != Some(Act::Leave) {
            self.leaving = None;
        }
        if self.overlay.is_some() {
            return self.handle_key_over(key, act);
        }
        if self.search.as_ref().is_some_and(|search| search.is_typing) {
            return self.handle_key_searching(key, act);
        }
        if self.state().chosen.is_some() && self.handle_key_chosen(key, act) {
            return;
        }
        match (act, key.types()) {
            (Some(act), _) => self.act(act),
            (None, Some(c)) => self.type_text(c.encode_utf8(&mut [0; 4])),
            (None, None) => {}
        }
    }

    /// A key while a line is chosen; says whether it was meant for that.
    fn handle_key_chosen(&mut self, key: Key, act: Option<Act>) -> bool {
        match act {
            Some(Act::Up) => self.choose_up(),
            Some(Act::Down) => self.choose_down(),
            _ => match (self.settings.keys.act(Place::Line, key), key.types()) {
                (Some(act), _) => self.act_on_chosen(act),
                // A command that is about this line.
                (None, Some('/')) => {
                    let meant = self.chosen_line().map(|line| line.id);
                    self.leave_search();
                    self.unchoose();
                    self.state().meant = meant;
                    self.type_text("/");
                }
                // Whoever does not look at what they type takes nothing back by it.
                (None, Some(_)) => {}
                (None, None) => return false,
            },
        }
        true
    }

    fn handle_key_searching(&mut self, key: Key, act: Option<Act>) {
        let Some(search) = &self.search else { return };
        let mut words = search.words.clone();
        match (act, key.types()) {
            (Some(Act::Escape | Act::Leave), _) => self.leave_search(),
            (Some(Act::Send), _) if words.is_empty() => self.leave_search(),
            (Some(Act::Send), _) => {
                // From here on the chosen line has the keys; n and N go on.
                if let Some(search) = &mut self.search {
                    search.is_typing = false;
                }
                let is_over = self.search.as_ref().is_some_and(|search| !search.is_pending());
                if is_over && self.state().chosen.is_none() {
                    self.leave_search();
                    self.tell(self.texts.search_none);
                }
            }
            (Some(Act::Up | Act::LineUp | Act::Search), _) => self.find_next(true),
            (Some(Act::Down | Act::LineDown), _) => self.find_next(false),
            (Some(Act::Backspace), _) => {
                pop_cluster(&mut words);
                self.set_search(words);
            }
            (Some(Act::DeleteWord | Act::KillHome), _) => self.set_search(String::new()),
            (
                Some(
                    act @ (Act::PageUp
                    | Act::PageDown
                    | Act::Top
                    | Act::Bottom
                    | Act::Suspend
                    | Act::Redraw),
                ),
                _,
            ) => self.act(act),
            (None, Some(c)) => {
                type_into(&mut words, c.encode_utf8(&mut [0; 4]));
                self.set_search(words);
            }
            _ => {}
        }
    }

    fn handle_key_over(&mut self, key: Key, act: Option<Act>) {
        match act {
            Some(Act::Escape | Act::Leave) => return self.overlay = None,
            Some(act @ (Act::Redraw | Act::Suspend)) => return self.act(act),
            _ => {}
        }
        let page = usize::from(self.size.1).saturating_sub(6).max(1);
        match &mut self.overlay {
            Some(Overlay::Help { scrolled, .. }) => match act {
                Some(Act::Up | Act::LineUp) => *scrolled = scrolled.saturating_sub(1),
                Some(Act::Down | Act::LineDown) => *scrolled += 1,
                Some(Act::PageUp) => *scrolled = scrolled.saturating_sub(page),
                Some(Act::PageDown) => *scrolled += page,
                Some(Act::Home | Act::Top) => *scrolled = 0,
                Some(Act::End | Act::Bottom) => *scrolled = usize::MAX / 2,
                Some(Act::Help | Act::Keys | Act::Send) => self.overlay = None,
                _ if key.types() == Some('q') => self.overlay = None,
                _ => {}
            },
            Some(Overlay::Pick { words, chosen, list }) => match (act, key.types()) {
                (Some(Act::Send), _) => self.pick(),
                (Some(Act::Up | Act::LineUp | Act::RoomPrevious | Act::CompleteBack), _) => {
                    *chosen = chosen.saturating_sub(1)
                }
                (Some(Act::Down | Act::LineDown | Act::RoomNext | Act::Complete), _) => {
                    *chosen += 1
                }
                (Some(Act::PageUp), _) => *chosen = chosen.saturating_sub(page),
                (Some(Act::PageDown), _) => *chosen += page,
                (Some(Act::Backspace), _) => {
                    pop_cluster(words);
                    *chosen = 0;
                }
                (Some(Act::DeleteWord | Act::KillHome), _) => words.clear(),
                (Some(Act::Room(number)), _) => {
                    self.overlay = None;
                    self.go_to_number(usize::from(number));
                }
                (Some(Act::Switch | Act::Rooms), _) if *list == List::Rooms => self.overlay = None,
                (Some(Act::People), _) if *list == List::People => self.overlay = None,
                (None, Some(c)) => {
                    type_into(words, c.encode_utf8(&mut [0; 4]));
                    *chosen = 0;
                }
                _ => {}
            },
            Some(Overlay::Paste { .. }) => self.handle_key_pasting(key, act),
            Some(Overlay::React { line, words }) => {
                let line = *line;
                match (act, key.types()) {
                    (Some(Act::Send), _) if words.trim().is_empty() => self.overlay = None,
                    (Some(Act::Send), _) => {
                        let words = words.trim().to_owned();
                        self.react(line, &words);
                    }
                    (Some(Act::Backspace), _) => pop_cluster(words),
                    (None, Some(c @ '1'..='8')) if words.is_empty() => {
                        let number = usize::from(c as u8 - b'1');
                        self.react(line, REACTIONS[number]);
                    }
                    (None, Some(c)) => type_into(words, c.encode_utf8(&mut [0; 4])),
                    _ => {}
                }
            }
            None => {}
        }
        self.clamp_pick();
    }

    fn react(&mut self, line: callbox_session::line::LineId, reaction: &str) {
        self.overlay = None;
        self.unchoose();
        let result = self.session.react(self.current, line, reaction, self.now);
        self.tell_if_refused(result);
    }

    /// What the list offers: the text of each row.
    pub(crate) fn picks(&self) -> usize {
        match &self.overlay {
            Some(Overlay::Pick { list: List::Rooms, words, .. }) => self.rooms_like(words).len(),
            Some(Overlay::Pick { list: List::People, words, .. }) => {
                self.people_like(words).count()
            }
            _ => 0,
        }
    }

    pub(crate) fn people_like<'a>(
        &'a self,
        words: &str,
    ) -> impl Iterator<Item = &'a callbox_session::people::Member> {
        let mapping = self.session.network().casemapping;
        let words = mapping.fold(words).into_owned();
        let members = self.people.members.iter();
        members.filter(move |member| mapping.fold(&member.nick).contains(&*words))
    }

    fn clamp_pick(&mut self) {
        let count = self.picks();
        if let Some(Overlay::Pick { chosen, .. }) = &mut self.overlay {
            *chosen = (*chosen).min(count.saturating_sub(1));
        }
    }

    fn pick(&mut self) {
        let Some(Overlay::Pick { list, words, chosen }) = self.overlay.take() else { return };
        match list {
            List::Rooms => {
                let room = self.rooms_like(&words).get(chosen).map(|room| room.id);
                match room {
                    Some(id) => self.go(id),
                    None => self.tell(self.texts.no_match),
                }
            }
            List::People => {
                let nick =
                    self.people_like(&words).nth(chosen).map(|member| member.nick.to_string());
                if let Some(nick) = nick {
                    self.address(&nick);
                }
            }
        }
    }

    /// Puts somebody's name into the editor.
    pub(crate) fn address(&mut self, nick: &str) {
        let editor = &mut self.state().editor;
        let text = if editor.is_empty() { format!("{nick}: ") } else { format!("{nick} ") };
        self.type_text(&text);
    }

    fn handle_mouse(&mut self, mouse: MouseEvent) {
        let at = Position { x: mouse.column, y: mouse.row };
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(at, true),
            MouseEventKind::ScrollDown => self.wheel(at, false),
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            _ => {}
        }
    }

    fn wheel(&mut self, at: Position, is_up: bool) {
        match &mut self.overlay {
            Some(Overlay::Help { scrolled, .. }) => {
                *scrolled = if is_up { scrolled.saturating_sub(NOTCH) } else { *scrolled + NOTCH };
            }
            Some(_) => {}
            None if self.hits.is_in_rooms(at) => self.go_by(if is_up { -1 } else { 1 }),
            None if is_up => self.scroll_up(NOTCH),
            None => self.scroll_down(NOTCH),
        }
    }

    fn click(&mut self, at: Position) {
        if self.overlay.is_some() {
            if let Some(row) = self.hits.pick(at) {
                if let Some(Overlay::Pick { chosen, .. }) = &mut self.overlay {
                    *chosen = row;
                }
                self.pick();
            } else if !self.hits.is_in_overlay(at) {
                self.overlay = None;
            }
            return;
        }
        if let Some(id) = self.hits.room(at) {
            self.go(id);
        } else if let Some(nick) = self.hits.person(at) {
            self.address(&nick);
        } else if self.hits.is_below(at) {
            self.unchoose();
            self.scroll_to_end();
        } else if let Some((row, column)) = self.hits.editor(at) {
            let cells = usize::from(self.areas().editor.width);
            self.unchoose();
            self.state().editor.go_to(row, column, cells);
        } else if let Some(target) = self.hits.line(at) {
            self.click_line(target);
        }
    }

    fn click_line(&mut self, target: Target) {
        let chosen = self.state().chosen.map(|(chosen, _)| chosen);
        let Some(room) = self.room() else { return };
        match target {
            Target::Line(id) if chosen == Some(Chosen::Line(id)) => self.unchoose(),
            Target::Line(id) => {
                let hint = self.hits.top;
                if let Some(index) = locate(&room.timeline, id, hint) {
                    self.choose_index(index);
                }
            }
            Target::Out(id) => {
                if let Some(index) = room.outbox.iter().position(|out| out.id == id) {
                    self.choose_out(index);
                }
            }
            Target::Nothing => self.unchoose(),
        }
    }
}

fn pop_cluster(words: &mut String) {
    use unicode_segmentation::UnicodeSegmentation;
    let length = words.graphemes(true).next_back().map_or(0, str::len);
    words.truncate(words.len() - length);
}
