//! What was typed goes to the session, and what the session asks the screen in return.

use callbox_session::commands::{self, Ask, LineWish};
use callbox_session::line::{Line, LineId};
use callbox_session::room::Delivery;
use callbox_session::{Manner, Refusal};

use super::App;
use crate::keys::Act;
use crate::overlay::{Only, Overlay};
use crate::texts::fill;

impl App {
    /// Says, edits or does what stands in the editor. If it is refused it stays there.
    pub(super) fn send(&mut self) {
        let text = self.state().editor.text().to_owned();
        if text.trim().is_empty() {
            return;
        }
        match self.send_text(&text) {
            Ok(ask) => {
                if !holds_password(&text) {
                    self.history.add(&text);
                }
                // An edit put back what was typed before it.
                if self.state().editor.text() == text {
                    self.state().editor.take();
                }
                self.state().unmark();
                self.scroll_to_end();
                if let Some(ask) = ask {
                    self.answer(ask);
                }
                self.state().meant = None;
            }
            Err(refusal) => self.tell_error(refusal.to_string()),
        }
    }

    fn send_text(&mut self, text: &str) -> Result<Option<Ask>, Refusal> {
        let (room, now) = (self.current, self.now);
        if let Some((line, before)) = self.state().editing.clone() {
            self.session.edit(room, line, text, now)?;
            let state = self.state();
            state.editing = None;
            state.editor.take();
            state.editor.set(&before);
            return Ok(None);
        }
        if text.starts_with('/') {
            return self.session.command(room, text, now);
        }
        let manner = Manner { action: false, reply_to: self.state().reply_to };
        self.session.say(room, text, &manner, now)?;
        self.state().reply_to = None;
        Ok(None)
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Show(room) => self.go(room),
            Ask::Help(None) => self.overlay = Some(Overlay::Help { scrolled: 0, only: Only::All }),
            Ask::Help(Some(name)) => {
                self.overlay = Some(Overlay::Help { scrolled: 0, only: Only::Command(name) });
            }
            Ask::Keys => self.overlay = Some(Overlay::Help { scrolled: 0, only: Only::Keys }),
            Ask::Search(words) => self.begin_search(&words),
            Ask::Clear => {
                let last = self.room().map(|room| &room.timeline);
                let cleared = last
                    .and_then(|timeline| timeline.last().map(|line| (line.id, timeline.len() - 1)));
                self.state().cleared = cleared;
                self.unchoose();
                self.scroll_to_end();
            }
            Ask::ToLine(wish, words) => self.wish(wish, words.trim()),
        }
    }

    /// Does to the line that is meant what a command wants: the chosen one, or the last that fits.
    fn wish(&mut self, wish: LineWish, words: &str) {
        if wish == LineWish::SendAgain {
            return self.send_last_again();
        }
        let wants_own = matches!(wish, LineWish::Redact | LineWish::Edit);
        let Some(line) = self.meant(wants_own) else {
            let key = self.settings.keys.shown(Act::LineUp);
            return self.tell_error(fill(self.texts.nothing_to_do, &[&key]));
        };
        let (room, now) = (self.current, self.now);
        match wish {
            LineWish::Reply if words.is_empty() => self.begin_reply(line),
            LineWish::Reply => {
                let manner = Manner { action: false, reply_to: Some(line) };
                let result = self.session.say(room, words, &manner, now);
                self.tell_if_refused(result);
            }
            LineWish::React if words.is_empty() => {
                self.overlay = Some(Overlay::React { line, words: String::new() });
            }
            LineWish::React => {
                let result = self.session.react(room, line, words, now);
                self.tell_if_refused(result);
            }
            LineWish::Redact => {
                let result = self.session.redact(room, line, words, now);
                self.tell_if_refused(result);
            }
            LineWish::Edit if words.is_empty() => self.begin_edit(line),
            LineWish::Edit => {
                let result = self.session.edit(room, line, words, now);
                self.tell_if_refused(result);
            }
            LineWish::SendAgain => {}
        }
    }

    fn meant(&mut self, wants_own: bool) -> Option<LineId> {
        if let Some(meant) = self.state().meant {
            return Some(meant);
        }
        let is_there = |line: &&Line| {
            let is_gone = line.extra.as_ref().is_some_and(|extra| extra.redacted.is_some());
            line.what.is_speech() && line.own == wants_own && !is_gone
        };
        self.room()?.timeline.iter().rev().find(is_there).map(|line| line.id)
    }

    fn send_last_again(&mut self) {
        let failed = self.room().and_then(|room| {
            let mut out = room.outbox.iter().rev();
            out.find(|out| matches!(out.state, Delivery::Failed(_))).map(|out| out.id)
        });
        match failed {
            Some(id) => {
                let result = self.session.send_again(self.current, id, self.now);
                self.tell_if_refused(result);
            }
            None => self.tell(self.texts.no_failed),
        }
    }
}

/// Whether it is a command that takes a password, which is not to be had back with a key.
fn holds_password(text: &str) -> bool {
    let name = text.trim_start().strip_prefix('/').and_then(|rest| rest.split_whitespace().next());
    let command = name.and_then(commands::find);
    command.is_some_and(|row| matches!(row.name, "login" | "register" | "raw"))
}
