//! What is pasted. Many lines are asked about: nobody means to say three hundred lines of a log one by one.

use callbox_session::Manner;
use callbox_session::room::Kind;

use super::App;
use crate::editor::MOST_BYTES;
use crate::keys::{Act, Key};
use crate::overlay::{Overlay, type_into};

/// What a paste would be sent as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pasting {
    /// How many lines and characters it has.
    pub(crate) lines: usize,
    pub(crate) characters: usize,
    /// How many messages it makes as a whole, where the server takes messages of several lines.
    pub(crate) whole: Option<usize>,
    /// How many messages its lines make, one by one.
    pub(crate) each: usize,
}

impl App {
    pub(super) fn handle_paste(&mut self, text: String) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        match &mut self.overlay {
            Some(Overlay::Pick { words, .. } | Overlay::React { words, .. }) => {
                return type_into(words, &text);
            }
            Some(_) => return,
            None => {}
        }
        if let Some(search) = self.search.as_ref().filter(|search| search.is_typing) {
            let mut words = search.words.clone();
            type_into(&mut words, &text);
            return self.set_search(words);
        }
        self.unchoose();
        let end = text.floor_char_boundary(MOST_BYTES);
        let is_cut = end < text.len();
        let text = text[..end].trim_end_matches('\n');
        let is_editing = self.state().editing.is_some();
        let is_spoken = self.room().is_some_and(|room| room.kind != Kind::Server);
        if text.contains('\n') && is_spoken && !is_editing {
            self.overlay = Some(Overlay::Paste { text: text.to_owned(), is_cut });
            return;
        }
        self.type_text(text);
        if is_cut {
            self.tell_error(self.texts.pasted_cut);
        }
    }

    /// What the paste in question would be sent as.
    pub(crate) fn pasting(&self) -> Option<Pasting> {
        let Some(Overlay::Paste { text, .. }) = &self.overlay else { return None };
        let whole = self.with_pasted(text);
        let each = |line: &str| self.session.count_messages(self.current, line);
        let takes_lines = self.session.network().multiline.is_some();
        Some(Pasting {
            lines: text.split('\n').count(),
            characters: text.chars().filter(|c| *c != '\n').count(),
            whole: takes_lines.then(|| self.session.count_messages(self.current, &whole)),
            each: whole.split('\n').filter(|line| !line.trim().is_empty()).map(each).sum(),
        })
    }

    /// The editor's text with the paste where the cursor is.
    fn with_pasted(&self, text: &str) -> String {
        let Some(view) = self.views.get(&self.current) else { return text.to_owned() };
        let (before, after) = view.editor.text().split_at(view.editor.cursor());
        let clean = text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "");
        format!("{before}{clean}{after}")
    }

    pub(super) fn handle_key_pasting(&mut self, key: Key, act: Option<Act>) {
        let Some(pasting) = self.pasting() else { return };
        let choice = match (act, key.types()) {
            (Some(Act::Send), _) if pasting.whole.is_some() => '1',
            (Some(Act::Send), _) => '2',
            (None, Some(c)) => c,
            _ => return,
        };
        if !matches!(choice, '1'..='4') || choice == '1' && pasting.whole.is_none() {
            return;
        }
        let Some(Overlay::Paste { text, is_cut }) = self.overlay.take() else { return };
        match choice {
            '1' => self.say_pasted(&text, false),
            '2' => self.say_pasted(&text, true),
            '3' => self.type_text(&text),
            _ => return,
        }
        if is_cut {
            self.tell_error(self.texts.pasted_cut);
        }
    }

    fn say_pasted(&mut self, text: &str, line_by_line: bool) {
        let whole = self.with_pasted(text);
        let manner = Manner { action: false, reply_to: self.state().reply_to };
        let mut said = Ok(());
        let mut rest = &*whole;
        if line_by_line {
            while said.is_ok() && !rest.is_empty() {
                let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
                if !line.trim().is_empty() {
                    said = self.session.say(self.current, line, &manner, self.now).map(|_| ());
                }
                if said.is_ok() {
                    rest = after;
                }
            }
        } else {
            said = self.session.say(self.current, &whole, &manner, self.now).map(|_| ());
        }
        match said {
            Ok(()) => {
                let state = self.state();
                state.editor.take();
                state.reply_to = None;
                state.unmark();
                self.scroll_to_end();
            }
            Err(refusal) => {
                // What was not taken is not lost, and what was taken is not said again.
                self.state().editor.set(rest);
                self.tell_error(refusal.to_string());
            }
        }
    }
}
