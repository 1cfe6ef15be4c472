//! Typing into a browser: keys, and input methods.

use serde_json::{Value, json};

use super::Browser;

/// A key that is no character (W3C WebDriver, section 17.4.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "they are called as on the keyboard")]
pub enum Key {
    Backspace,
    Tab,
    Enter,
    Shift,
    Control,
    Alt,
    Escape,
    Space,
    PageUp,
    PageDown,
    End,
    Home,
    Left,
    Up,
    Right,
    Down,
    Delete,
    /// One with a character on it.
    Of(char),
}

impl Key {
    fn value(self) -> char {
        match self {
            Self::Backspace => '\u{e003}',
            Self::Tab => '\u{e004}',
            Self::Enter => '\u{e007}',
            Self::Shift => '\u{e008}',
            Self::Control => '\u{e009}',
            Self::Alt => '\u{e00a}',
            Self::Escape => '\u{e00c}',
            Self::Space => ' ',
            Self::PageUp => '\u{e00e}',
            Self::PageDown => '\u{e00f}',
            Self::End => '\u{e010}',
            Self::Home => '\u{e011}',
            Self::Left => '\u{e012}',
            Self::Up => '\u{e013}',
            Self::Right => '\u{e014}',
            Self::Down => '\u{e015}',
            Self::Delete => '\u{e017}',
            Self::Of(c) => c,
        }
    }
}

impl Browser {
    /// Types a text, key by key, to what has the focus.
    #[track_caller]
    pub fn keys(&mut self, text: &str) {
        let strokes = text.chars().flat_map(|c| [stroke("keyDown", c), stroke("keyUp", c)]);
        self.act(strokes.collect());
    }

    /// Presses a key.
    #[track_caller]
    pub fn press(&mut self, key: Key) {
        self.press_with(&[], key);
    }

    /// Presses a key while others are held.
    #[track_caller]
    pub fn press_with(&mut self, held: &[Key], key: Key) {
        let down = held.iter().map(|key| stroke("keyDown", key.value()));
        let up = held.iter().rev().map(|key| stroke("keyUp", key.value()));
        let pressed = [stroke("keyDown", key.value()), stroke("keyUp", key.value())];
        self.act(down.chain(pressed).chain(up).collect());
    }

    /// An input method shows `text` as what is being composed.
    #[track_caller]
    pub fn compose(&mut self, text: &str) {
        let length = text.encode_utf16().count();
        let composed = json!({ "text": text, "selectionStart": length, "selectionEnd": length });
        self.devtools("Input.imeSetComposition", &composed);
    }

    /// The Enter that ends a composition, as an input method does it: the page hears of a key that is being processed,
    /// and then of the text `chosen`.
    #[track_caller]
    pub fn end_composition(&mut self, chosen: &str) {
        let enter = |kind: &str| {
            // 229 is the code of a key that an input method handles (UI Events, section 7.3.1).
            json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229 })
        };
        self.devtools("Input.dispatchKeyEvent", &enter("rawKeyDown"));
        self.insert(chosen);
        self.devtools("Input.dispatchKeyEvent", &enter("keyUp"));
    }

    /// Puts a text where the focus is at once, as a paste or an input method does.
    #[track_caller]
    pub fn insert(&mut self, text: &str) {
        self.devtools("Input.insertText", &json!({ "text": text }));
    }

    #[track_caller]
    fn act(&mut self, strokes: Vec<Value>) {
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("actions", &json!({ "actions": [keyboard] }));
    }
}

fn stroke(kind: &str, key: char) -> Value {
    json!({ "type": kind, "value": key.to_string() })
}
