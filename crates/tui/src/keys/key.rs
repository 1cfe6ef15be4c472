//! One key with what is held down beside it: read from text, shown, and taken from the terminal.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key, in the one form in which a terminal's many forms of it are compared.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    code: KeyCode,
    held: KeyModifiers,
}

/// A text that names no key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoKey(String);

impl std::error::Error for NoKey {}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(f, "'{text}' is no key; keys are written ctrl-n, alt-up, shift-tab, f2, pageup")
    }
}

/// The names of keys that are no characters. The first name of a key is the one by which it is shown.
const NAMES: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("Space", KeyCode::Char(' ')),
    ("Return", KeyCode::Enter),
    ("Escape", KeyCode::Esc),
    ("Del", KeyCode::Delete),
];

impl Key {
    fn new(code: KeyCode, held: KeyModifiers) -> Self {
        let mut held = held & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match code {
            KeyCode::BackTab => {
                held |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            // Shift is in the character already.
            KeyCode::Char(c) if held.contains(KeyModifiers::CONTROL) => {
                held -= KeyModifiers::SHIFT;
                match c.to_ascii_lowercase() {
                    // One byte, 0x1f, for all of them.
                    '_' | '/' | '7' | '-' => KeyCode::Char('_'),
                    c => KeyCode::Char(c),
                }
            }
            KeyCode::Char(c) => {
                let is_shifted = held.contains(KeyModifiers::SHIFT) && c.is_lowercase();
                held -= KeyModifiers::SHIFT;
                let mut upper = c.to_uppercase();
                match (upper.next(), upper.next()) {
                    (Some(upper), None) if is_shifted => KeyCode::Char(upper),
                    _ => KeyCode::Char(c),
                }
            }
            code => code,
        };
        Self { code, held }
    }

    /// The character that it types, if it does.
    pub fn types(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.held.is_empty() => Some(c),
            _ => None,
        }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

impl From<Key> for KeyEvent {
    fn from(key: Key) -> Self {
        Self::new(key.code, key.held)
    }
}

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let no_key = || NoKey(text.to_owned());
        let mut held = KeyModifiers::empty();
        let mut rest = text;
        let is =
            |head: &str, names: &[&str]| names.iter().any(|name| head.eq_ignore_ascii_case(name));
        while let Some((head, tail)) =
            rest.split_once('-').filter(|(head, tail)| !head.is_empty() && !tail.is_empty())
        {
            held |= match head {
                _ if is(head, &["ctrl", "control", "c"]) => KeyModifiers::CONTROL,
                _ if is(head, &["alt", "meta", "m"]) => KeyModifiers::ALT,
                _ if is(head, &["shift", "s"]) => KeyModifiers::SHIFT,
                _ => return Err(no_key()),
            };
            rest = tail;
        }
        let named = NAMES.iter().find(|(name, _)| rest.eq_ignore_ascii_case(name));
        let function = || {
            let number = rest.strip_prefix(['f', 'F'])?.parse().ok()?;
            (1..=24).contains(&number).then_some(KeyCode::F(number))
        };
        let character = || {
            let mut chars = rest.chars();
            let c = chars.next().filter(|c| !c.is_control())?;
            chars.next().is_none().then_some(KeyCode::Char(c))
        };
        let code = named.map(|(_, code)| *code).or_else(function).or_else(character);
        Ok(Self::new(code.ok_or_else(no_key)?, held))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [
            (KeyModifiers::CONTROL, "Ctrl-"),
            (KeyModifiers::ALT, "Alt-"),
            (KeyModifiers::SHIFT, "Shift-"),
        ] {
            if self.held.contains(held) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) if self.held.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", c.to_ascii_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            _ => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().expect("a key")
    }

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (text, shown) in [
            ("ctrl-n", "Ctrl-N"),
            ("Alt-Up", "Alt-Up"),
            ("f2", "F2"),
            ("shift-tab", "Shift-Tab"),
            ("alt-1", "Alt-1"),
            ("+", "+"),
            ("-", "-"),
            ("alt--", "Alt--"),
            ("C-M-x", "Ctrl-Alt-X"),
            ("space", "Space"),
            ("N", "N"),
            ("alt-/", "Alt-/"),
            ("return", "Enter"),
            ("ctrl-/", "Ctrl-_"),
        ] {
            assert_eq!(key(text).to_string(), shown, "{text}");
            assert_eq!(key(&key(text).to_string()), key(text), "{text}");
        }
        for text in ["", "hyper-x", "f0", "f25", "ctrl-", "xy", "\x1b", "ctrl-fn"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_terminals_send_for_one_key_is_one_key() {
        let sent = |code, held| Key::from(KeyEvent::new(code, held));
        let (ctrl, alt, shift) = (KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::SHIFT);
        assert_eq!(sent(KeyCode::BackTab, KeyModifiers::empty()), key("shift-tab"));
        assert_eq!(sent(KeyCode::Char('7'), ctrl), key("ctrl-_"));
        assert_eq!(sent(KeyCode::Char('N'), shift), key("N"));
        assert_eq!(sent(KeyCode::Char('n'), shift), key("N"));
        assert_eq!(sent(KeyCode::Char('N'), ctrl | shift), key("ctrl-n"));
        assert_eq!(sent(KeyCode::Char('a'), alt), key("alt-a"));
        assert_eq!(sent(KeyCode::Char('é'), KeyModifiers::empty()).types(), Some('é'));
        assert_eq!(key("alt-a").types(), None);
    }
}
