//! Choosing a line, and what can be done to it.

use callbox_session::line::{Line, LineId};
use callbox_session::room::Delivery;

use super::{App, Chosen};
use crate::effect::Effect;
use crate::keys::Act;
use crate::lines::locate;
use crate::overlay::Overlay;
use crate::texts::fill;

impl App {
    /// The place of the chosen line.
    pub(crate) fn chosen_index(&self) -> Option<usize> {
        match self.views.get(&self.current)?.chosen? {
            (Chosen::Line(id), hint) => locate(&self.room()?.timeline, id, hint),
            (Chosen::Out(_), _) => None,
        }
    }

    pub(crate) fn chosen_line(&self) -> Option<&Line> {
        self.room()?.timeline.at(self.chosen_index()?)
    }

    pub(crate) fn choose_index(&mut self, index: usize) {
        let Some(id) = self.room().and_then(|room| room.timeline.at(index)).map(|line| line.id)
        else {
            return;
        };
        self.state().chosen = Some((Chosen::Line(id), index));
        self.state().is_taking_back = false;
        self.scroll_to_show(index);
    }

    pub(crate) fn choose_out(&mut self, index: usize) {
        let Some(id) = self.room().and_then(|room| room.outbox.get(index)).map(|out| out.id) else {
            return;
        };
        self.state().chosen = Some((Chosen::Out(id), 0));
        self.state().is_taking_back = false;
        self.scroll_to_end();
    }

    pub(crate) fn choose_up(&mut self) {
        let first = self.look().map_or(0, |look| look.first());
        let Some(room) = self.room() else { return };
        let lines = room.timeline.len();
        let last = lines.checked_sub(1).filter(|last| *last >= first);
        let outs = room.outbox.len();
        let chosen = self.views.get(&self.current).and_then(|view| view.chosen);
        match chosen {
            Some((Chosen::Out(id), _)) => match room.outbox.iter().position(|out| out.id == id) {
                Some(at) if at > 0 => self.choose_out(at - 1),
                _ => _ = last.map(|last| self.choose_index(last)),
            },
            Some((Chosen::Line(_), _)) if self.chosen_index().is_some() => {
                let index = self.chosen_index().unwrap_or(0);
                if index > first {
                    self.choose_index(index - 1);
                } else {
                    self.scroll_up(1);
                }
            }
            _ if !self.state().is_at_end() => {
                // The lowest that is seen.
                if let crate::lines::Scroll::At { line, hint, .. } = self.scroll()
                    && let Some(index) =
                        self.room().and_then(|room| locate(&room.timeline, line, hint))
                {
                    self.choose_index(index);
                }
            }
            _ if outs > 0 => self.choose_out(outs - 1),
            _ => _ = last.map(|last| self.choose_index(last)),
        }
    }

    pub(crate) fn choose_down(&mut self) {
        let Some(room) = self.room() else { return };
        let (lines, outs) = (room.timeline.len(), room.outbox.len());
        let Some((chosen, _)) = self.views.get(&self.current).and_then(|view| view.chosen) else {
            return;
        };
        match chosen {
            Chosen::Out(id) => match room.outbox.iter().position(|out| out.id == id) {
                Some(at) if at + 1 < outs => self.choose_out(at + 1),
                _ => self.unchoose(),
            },
            Chosen::Line(_) => match self.chosen_index() {
                Some(index) if index + 1 < lines => self.choose_index(index + 1),
                Some(_) if outs > 0 => self.choose_out(0),
                _ => {
                    self.unchoose();
                    self.scroll_to_end();
                }
            },
        }
    }

    pub(crate) fn unchoose(&mut self) {
        let state = self.state();
        state.chosen = None;
        state.is_taking_back = false;
    }

    /// Does something to the chosen line.
    pub(crate) fn act_on_chosen(&mut self, act: Act) {
        let Some((chosen, _)) = self.views.get(&self.current).and_then(|view| view.chosen) else {
            return;
        };
        if act != Act::TakeBack {
            self.state().is_taking_back = false;
        }
        match act {
            Act::FoundOlder => return self.find_next(true),
            Act::FoundNewer => return self.find_next(false),
            _ => {}
        }
        match chosen {
            Chosen::Out(id) => self.act_on_out(act, id),
            Chosen::Line(_) => {
                let Some(line) = self.chosen_line() else { return self.unchoose() };
                let (id, own) = (line.id, line.own);
                let text =
                    line.what.text().map(|text| callbox_irc::format::plain(text).into_owned());
                let is_redacted = line.extra.as_ref().is_some_and(|extra| extra.redacted.is_some());
                if is_redacted && matches!(act, Act::Edit | Act::TakeBack | Act::React | Act::Reply)
                {
                    return self.tell_error(self.texts.is_redacted);
                }
                match act {
                    Act::Reply => self.begin_reply(id),
                    Act::React => {
                        self.overlay = Some(Overlay::React { line: id, words: String::new() })
                    }
                    Act::Edit if !own => self.tell_error(self.texts.not_own),
                    Act::Edit => self.begin_edit(id),
                    Act::TakeBack if self.state().is_taking_back => {
                        self.unchoose();
                        // The question was answered.
                        self.notice = None;
                        let result = self.session.redact(self.current, id, "", self.now);
                        self.tell_if_refused(result);
                    }
                    Act::TakeBack => {
                        self.state().is_taking_back = true;
                        let key = self.settings.keys.shown(Act::TakeBack);
                        self.tell(fill(self.texts.take_back, &[&key]));
                    }
                    Act::Copy => self.copy(text.unwrap_or_default()),
                    _ => {}
                }
            }
        }
    }

    fn act_on_out(&mut self, act: Act, id: callbox_session::room::OutId) {
        let out = self.room().and_then(|room| room.outbox.iter().find(|out| out.id == id));
        let Some(out) = out else { return self.unchoose() };
        let has_failed = matches!(out.state, Delivery::Failed(_));
        let text = out.text.to_string();
        match act {
            Act::SendAgain | Act::Reply if has_failed => {
                self.unchoose();
                let result = self.session.send_again(self.current, id, self.now);
                self.tell_if_refused(result);
            }
            Act::Discard | Act::TakeBack => {
                self.unchoose();
                let result = self.session.discard(self.current, id);
                self.tell_if_refused(result);
            }
            Act::Copy => self.copy(text),
            _ => {}
        }
    }

    fn copy(&mut self, text: String) {
        self.effects.push_back(Effect::copy(&text));
        self.unchoose();
        self.tell(self.texts.copied);
    }

    pub(crate) fn tell_if_refused<T>(&mut self, result: Result<T, callbox_session::Refusal>) {
        if let Err(refusal) = result {
            self.tell_error(refusal.to_string());
        }
    }

    pub(crate) fn begin_reply(&mut self, id: LineId) {
        self.leave_search();
        self.unchoose();
        let state = self.state();
        if let Some((_, before)) = state.editing.take() {
            state.editor.set(&before);
        }
        state.reply_to = Some(id);
        self.scroll_to_end();
    }

    pub(crate) fn begin_edit(&mut self, id: LineId) {
        let line = self.room().and_then(|room| room.timeline.by_id(id));
        let Some(text) = line.and_then(|line| line.what.text()).map(str::to_owned) else { return };
        self.leave_search();
        self.unchoose();
        let state = self.state();
        let before = state.editing.take().map(|(_, before)| before);
        let before = before.unwrap_or_else(|| state.editor.text().to_owned());
        state.editing = Some((id, before));
        state.reply_to = None;
        state.editor.set(&text);
        self.scroll_to_end();
    }

    /// Ends answering or editing; says whether there was either.
    pub(crate) fn leave_banner(&mut self) -> bool {
        let state = self.state();
        if let Some((_, before)) = state.editing.take() {
            state.editor.set(&before);
            return true;
        }
        state.reply_to.take().is_some()
    }
}
